use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use crate::ports::Position;

/// What a runner is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessStanding {
    /// Another process runs the process manager, or nobody does yet.
    StandsBy,
    /// This one does.
    Runs,
    /// This program is too old to go on: it needs a newer one.
    Outdated {
        /// The event that it cannot handle.
        position: Position,
        /// The id of that event, if the log could tell it.
        event_id: Option<Uuid>,
        /// Why.
        reason: String,
    },
}

/// The standing of one runner, which the metrics tell too.
pub(super) struct Standing(Mutex<ProcessStanding>);

impl Standing {
    pub(super) fn by() -> Self {
        Self(Mutex::new(ProcessStanding::StandsBy))
    }

    pub(super) fn now(&self) -> ProcessStanding {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn becomes(&self, process: &'static str, standing: ProcessStanding) {
        let is_outdated = matches!(standing, ProcessStanding::Outdated { .. });
        let is_running = standing == ProcessStanding::Runs;
        metrics::gauge!("cairn_process_outdated", "process" => process).set(f64::from(u8::from(is_outdated)));
        metrics::gauge!("cairn_process_running", "process" => process).set(f64::from(u8::from(is_running)));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }
}
