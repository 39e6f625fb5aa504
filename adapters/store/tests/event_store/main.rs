//! The promises of the event log, written once and run against every adapter.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod contract;
#[path = "../support/database.rs"]
mod database;
mod fixtures;
mod harness;
mod migrations;
mod model;
mod postgres_database;
mod sqlite_file;
mod tls;

mod memory {
    crate::contract::promises!(crate::harness::Memory);
}

mod sqlite {
    crate::contract::promises!(crate::harness::Sqlite);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn random_batches_leave_what_the_reference_leaves() {
        crate::model::random_batches_leave_what_the_reference_leaves::<crate::harness::Sqlite>(150).await;
    }
}

mod postgres {
    crate::contract::promises!(crate::harness::Postgres);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn random_batches_leave_what_the_reference_leaves() {
        crate::model::random_batches_leave_what_the_reference_leaves::<crate::harness::Postgres>(15).await;
    }
}
