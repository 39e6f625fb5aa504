//! The event log and the read models, on SQLite, PostgreSQL and in memory.
//!
//! It knows the ports and the databases, never GraphQL or a rule of the domain. Reading order: [`memory`] is the
//! event log at its simplest and says what the others must do alike, [`sqlite`] and [`postgres`] keep it, [`torture`] tries
//! to make them break their word; [`read`] keeps the read models. Every connection to PostgreSQL is opened by `address`, which
//! says when TLS is spoken and what is asked of the server's certificate.

mod address;
mod clocks;
mod gaps;
mod judge;
pub mod memory;
pub mod postgres;
pub mod read;
mod repeated;
pub mod sqlite;
pub mod torture;
mod wake;
