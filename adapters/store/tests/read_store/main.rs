//! The promises of the read side, written once and run against every read store.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly")]

#[path = "../support/commits.rs"]
mod commits;
mod contract;
#[path = "../support/database.rs"]
mod database;
mod fairness;
mod harness;
mod plans;
mod sqlite_file;
mod sums;
mod tally;
#[path = "../support/troubled_log.rs"]
mod troubled_log;

mod sqlite {
    crate::contract::promises!(crate::harness::Sqlite);
}

mod postgres {
    crate::contract::promises!(crate::harness::Postgres);
}
