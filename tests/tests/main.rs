//! The tests that cross packages, one binary: one module a subject.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod clock;
mod contracts;
mod engine;
mod gauge;
mod lots;
