//! The binary itself, as somebody at a shell meets it: a fresh data directory, real files, real exit codes.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

#[path = "cli/server.rs"]
mod server;
#[path = "cli/shell.rs"]
mod shell;

#[path = "cli/acceptance.rs"]
mod acceptance;
#[path = "cli/bench.rs"]
mod bench;
#[path = "cli/demo.rs"]
mod demo;
#[path = "cli/engine_failures.rs"]
mod engine_failures;
#[path = "cli/idle.rs"]
mod idle;
#[path = "cli/keys.rs"]
mod keys;
#[path = "cli/messages.rs"]
mod messages;
#[path = "cli/model.rs"]
mod model;
#[path = "cli/parked.rs"]
mod parked;
#[path = "cli/postgres.rs"]
mod postgres;
#[path = "cli/read_models.rs"]
mod read_models;
#[path = "cli/replaced_log.rs"]
mod replaced_log;
#[path = "cli/serve.rs"]
mod serve;
#[path = "cli/speech.rs"]
mod speech;
#[path = "../../adapters/speech/tests/speech/spoilt.rs"]
mod spoilt;
#[path = "cli/tokens.rs"]
mod tokens;
#[path = "cli/trace.rs"]
mod trace;
#[path = "cli/transcribe.rs"]
mod transcribe;
#[path = "cli/transcribe_documents.rs"]
mod transcribe_documents;
#[path = "cli/transcribe_files.rs"]
mod transcribe_files;
