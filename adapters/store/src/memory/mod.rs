//! The event log in memory: the reference that the other adapters are compared with. Simple before fast.

mod side_tables;
mod store;
mod subject_keys;

pub use store::MemoryEventStore;
