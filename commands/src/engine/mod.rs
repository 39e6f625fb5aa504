//! How a command becomes a commit, and a commit a part of the log.

mod committer;

pub use committer::{CommitError, Committer, CommitterConfig, Overloaded, Ticket};
