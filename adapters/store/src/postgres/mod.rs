//! The event log in PostgreSQL: one statement a batch, positions in the order of commit.
//!
//! Reading order: `schema/sql/postgres/0001_event_log.sql` (tables and the function `append_batch`), `append` (how a
//! batch gets there), `lane` (connections that come back by themselves), `bell` (waking readers), `store` (the ports).

mod append;
mod batch;
mod bell;
mod events;
mod failure;
mod lane;
mod migrate;
mod pasts;
mod scratch;
mod side_tables;
mod store;
mod subject_keys;

pub use scratch::{ScratchDatabase, Stranger};
pub use store::PostgresEventStore;
