//! The promises of the event log, written once and run against every adapter.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod contract;
mod fixtures;
mod harness;

mod memory {
    crate::contract::promises!(crate::harness::Memory);
}

mod sqlite {
    crate::contract::promises!(crate::harness::Sqlite);
}
