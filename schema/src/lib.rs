//! Every contract that outlives a process, as files that this package carries.
//!
//! It knows nothing of how they are applied. Reading order: `schema/sql/README.md` (what a stranger may rely on), then
//! [`migrations`].

pub mod migrations;
