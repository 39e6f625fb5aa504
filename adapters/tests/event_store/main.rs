//! The promises of the event log, written once and run against every adapter.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod contract;
#[path = "../support/database.rs"]
mod database;
mod fixtures;
mod harness;

mod memory {
    crate::contract::promises!(crate::harness::Memory);
}

mod sqlite {
    crate::contract::promises!(crate::harness::Sqlite);
}

mod postgres {
    crate::contract::promises!(crate::harness::Postgres);
}
