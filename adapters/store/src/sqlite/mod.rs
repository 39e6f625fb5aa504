//! The event log in a SQLite file: one writer thread, readers beside it, nothing lost that was acknowledged.
//!
//! Reading order: `file` (what a file of ours is), `append` (one batch, one transaction), `store` (the ports).

mod append;
mod checkpoint;
mod ends;
mod events;
mod failure;
mod file;
mod reads;
mod side_tables;
mod store;
mod subject_keys;
mod threads;

pub use file::SqliteFile;
pub use store::SqliteEventStore;
