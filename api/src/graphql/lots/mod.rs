//! The plant in GraphQL: lots and what happens to them.
//!
//! Thin on purpose: a mutation is one command, a query reads rows. Reading order: [`enums`], [`inputs`], `mutations`,
//! then the objects (`lot` first) with the ways between them in [`edges`], then `queries` and `tracing`.

mod deviation;
pub mod edges;
pub mod enums;
pub mod inputs;
mod lot;
mod mutations;
mod partner;
mod past;
mod payloads;
mod queries;
mod records;
mod tracing;

pub use deviation::Deviation;
pub use lot::{Lot, LotLink};
pub use mutations::LotMutations;
pub use partner::Partner;
pub use queries::{LotLists, LotQueries};
pub use records::{Inspection, Reading, Shipment};
pub use tracing::TracingQueries;
