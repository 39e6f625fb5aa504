//! What happens by itself: process managers (event in, commands out) and deadlines (commands due at a time).
//!
//! Both give commands whose ids are derived, so that a redelivery does nothing. What a process manager has to remember
//! it keeps as events of an aggregate of its own; its place in the log is a checkpoint that may be lost without harm.

mod deadlines;
mod reaction;
mod registry;
mod runner;

pub use deadlines::DeadlineRunner;
pub use reaction::{ProcessManager, Reaction, RecordRefusedReaction};
pub use registry::CommandRegistry;
pub use runner::ProcessRunner;
