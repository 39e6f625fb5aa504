//! Tries to make a log break its promises: writer processes that are killed, a transaction that idles, a database that
//! is restarted, and a naive reader as the judge.
//!
//! Reading order: `foreman` (who does what when), `writer` (what a process writes), `tail` (the reader: plain SQL, no
//! code of the adapters), `ledger` (what was seen against what was acknowledged), [`Verdict`].

mod foreman;
mod idler;
mod ledger;
mod tail;
mod verdict;
mod writer;

pub use foreman::{Torture, run};
pub use verdict::Verdict;
pub use writer::write;

/// What stopped the torture itself; it says nothing about the log.
#[derive(Debug, thiserror::Error)]
pub enum TortureError {
    /// The address names no log that processes can share.
    #[error("{0} cannot be tortured: give sqlite:PATH or postgres://…")]
    Address(String),
    /// The log could not be opened to begin with.
    #[error("the log could not be opened")]
    Store(#[from] commands::ports::StoreError),
    /// The writers could not be started, or the restart's command not run.
    #[error("a process could not be started")]
    Process(#[from] std::io::Error),
    /// The judge could not read.
    #[error("the judge cannot read the log: {0}")]
    Judge(String),
}
