//! What happens by itself: process managers (event in, commands out) and deadlines (commands due at a time).
//!
//! Both give commands whose ids are derived: a repetition does nothing, whatever came between. What a process manager has to
//! remember it keeps as events of an aggregate of its own; its place in the log is a checkpoint that may be lost without harm.
//!
//! Reading order: `reaction.rs` (what a process manager says), `reacting.rs` (how a reaction becomes one commit), `desk.rs` (how
//! one is brought to its end), `runner.rs` (the log, the lease, the checkpoint), `deadlines.rs`.

mod backlog;
mod deadlines;
mod desk;
mod parked;
mod progress;
mod reacting;
mod reaction;
mod registry;
mod runner;
mod standing;
mod tenure;
mod turns;
mod work;

pub use deadlines::{DEADLINES, DeadlineRunner};
pub use desk::ProcessOptions;
pub use parked::{ParkedReaction, UnreadableReaction};
use reacting::Reacting;
pub use reacting::{ParkReaction, RecordRefusedReaction, RetryReaction, SkipReaction};
use reaction::Reacted;
pub use reaction::{ProcessManager, Reaction};
pub use registry::CommandRegistry;
pub use runner::ProcessRunner;
pub use standing::ProcessStanding;
