//! The genealogy of lots in memory: what was made of what, how each lot stood at any position, and what a recall concerns.
//!
//! Reading order: `answers` (what is asked and answered), [`Genealogy`] (the index of a process, and how it follows
//! the log), `graph` (what is kept of a tenant), `apply` (what each event does to it), `walk`, then the questions:
//! `family`, `recall`, `balance`, `difference`.
//!
//! **A position is a snapshot.** Nodes are numbered by arrival, links and changes carry the position at which they came,
//! and nothing is ever altered or removed; so every answer holds at one position, also of the past, and keeps holding
//! while the log goes on. Readers share a lock for one question, a few milliseconds at most; the one writer takes it for a page
//! of events that was read and decoded before, well under a millisecond, and makes bigger arrays beside the old ones.
//! A copy on each write would cost more than it saves: a million lots would be copied for one.
//!
//! **Size.** A lot takes 96 bytes, 10 to 22 more to be found by id and by code, 8 for its links' places, and 24 for
//! each change after its creation (three to five in a usual life); a link takes 32 bytes, 16 at each end. A million
//! lots with 2.7 million links and four changes each are about 300 MB.

mod adjacency;
mod answers;
mod apply;
mod balance;
mod bytes;
mod code_key;
mod difference;
mod family;
mod follower;
mod graph;
mod image;
mod lookup;
mod recall;
mod service;
#[cfg(test)]
mod synthetic;
#[cfg(test)]
mod tests;
mod walk;

pub use answers::{
    Consignee, Delivery, GenealogyLot, GenealogyRefusal, LinkedLot, LotFacts, LotLink, LotRef, ScopeLot,
    Supplier, Traceability,
};
pub use balance::MassBalance;
pub use difference::{LotChange, RecallDifference};
pub use family::LotGenealogy;
pub use recall::RecallScope;
pub use service::{Genealogy, GenealogyOptions};
