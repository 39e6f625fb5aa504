//! The short form of the torture, through the command line: `cairn torture` judges, this test reads its verdict.
//! It has a binary of its own, because it restarts the database under whoever uses it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may fail loudly"
)]

use std::process::Command;

use serde_json::Value;

/// Readers of a quiet machine never wait longer than a second; one that is busy with other things is allowed this much, so
/// that only a log that stands still fails.
const LONGEST_WAIT_MS: u64 = 10_000;

/// Content and order must be kept, and nobody may wait for ever.
#[track_caller]
fn endures(store: &str, arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_cairn"))
        .args(["torture", "--store", store, "--seconds", "12", "--writers", "5", "--json"])
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let verdict: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no verdict: {said}"));
    println!("{verdict:#}");
    for fault in ["lost", "doubled", "halved", "out_of_order", "wrong_answers"] {
        assert_eq!(verdict[fault], 0, "{fault}: {verdict:#}");
    }
    for done in ["acknowledged", "kills", "repeated", "conflicts"] {
        assert_ne!(verdict[done], 0, "nothing was {done}: {verdict:#}");
    }
    let longest_wait_ms = verdict["longest_wait_ms"].as_u64().unwrap();
    assert!(longest_wait_ms < LONGEST_WAIT_MS, "readers waited: {verdict:#}");
    verdict
}

#[test]
fn a_sqlite_log_endures() {
    let folder = tempfile::tempdir().unwrap();
    endures(&format!("sqlite:{}", folder.path().join("cairn.db").display()), &[]);
}

#[test]
fn a_postgres_log_endures_and_its_restart_too() {
    let database = Database::create();
    let restart = std::env::var("CAIRN_TEST_POSTGRES_RESTART")
        .expect("CAIRN_TEST_POSTGRES_RESTART names a command that restarts the server; ops/test makes one");
    let verdict = endures(&database.url, &["--restart", &restart]);
    assert_eq!(verdict["restarts"], 1);
}

/// A database of the test's own, dropped with it.
struct Database {
    url: String,
    name: String,
}

impl Database {
    fn create() -> Self {
        let name = format!("cairn_torture_{}", uuid::Uuid::now_v7().simple());
        on_server(&format!("create database {name}"));
        let server = server();
        let (address, options) = server.split_once('?').unwrap_or((&server, ""));
        let (address, _database) = address.rsplit_once('/').unwrap();
        Self { url: format!("{address}/{name}?{options}"), name }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        on_server(&format!("drop database if exists {} with (force)", self.name));
    }
}

fn server() -> String {
    std::env::var("CAIRN_TEST_POSTGRES")
        .expect("CAIRN_TEST_POSTGRES names the PostgreSQL server for the tests; ops/test starts one")
}

fn on_server(statement: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&server(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(statement).await.unwrap();
    });
}
