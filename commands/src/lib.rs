//! The write side of Cairn: ports, the engine, process managers, deadlines.
//!
//! It knows nothing of SQL, HTTP, Kafka or GraphQL. Reading order: [`ports`] (what is needed from the world), then
//! [`engine`] (how a command becomes a commit), [`tail`] (how the log is followed), [`sealing`] (how what
//! tells about a person is kept), then one context's handlers, [`lots`]
//! first.

pub mod bookings;
pub mod engine;
pub mod lots;
pub mod ports;
pub mod process;
pub mod sealing;
pub mod tail;
