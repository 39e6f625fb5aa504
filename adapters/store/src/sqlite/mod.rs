//! The event log in a SQLite file: one writer thread, readers beside it, nothing lost that was acknowledged.
//!
//! Reading order: `file` (what a file of ours is), `append` (one batch, one transaction), `store` (the ports).

mod append;
mod checkpoint;
mod ends;
mod events;
mod failure;
mod file;
mod readers;
mod reads;
mod side_tables;
mod store;
mod subject_keys;
mod writer;

pub use file::SqliteFile;
pub(crate) use readers::Readers;
pub use store::SqliteEventStore;
