mod events;
#[cfg(test)]
mod properties;
mod refusals;
#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use events::{
    DeviationClosed, DeviationDispositioned, DeviationEvent, DeviationOpened, DeviationReminded,
    DeviationStatus, Disposition,
};
pub use refusals::DeviationRefusal;

use crate::{
    Decider,
    kernel::{InvalidInput, NotFound, TextRule},
};

/// What is known of a deviation that was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviationState {
    /// How it was opened.
    pub opened: DeviationOpened,
    /// Where it stands.
    pub status: DeviationStatus,
    /// What becomes of the goods, once decided.
    pub disposition: Option<Disposition>,
    /// Why it came to this, once known.
    pub root_cause: Option<String>,
    /// Who signed it off.
    pub closed_by: Option<String>,
    /// How many reminders were sent.
    pub reminders: u32,
    /// When the last one was sent.
    pub reminded_at: Option<DateTime<Utc>>,
}

/// One breach: what it was, what became of the goods, why, and who signed it off.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Deviation {
    state: Option<Box<DeviationState>>,
}

/// What may be asked of a deviation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviationCommand {
    /// Opens it, in the commit that holds the goods.
    Open(DeviationOpened),
    /// Decides what becomes of the goods.
    Disposition {
        /// The decision.
        disposition: Disposition,
        /// 10 to 2,000 characters, when it is known already.
        root_cause: Option<String>,
        /// Who decides.
        by: String,
        /// When.
        now: DateTime<Utc>,
    },
    /// Signs it off.
    Close {
        /// 10 to 2,000 characters; may be left out when the disposition named it.
        root_cause: Option<String>,
        /// Who signs.
        by: String,
        /// When.
        now: DateTime<Utc>,
    },
    /// Reminds, a whole day after its opening or the last reminder. Early or repeated: no event.
    Remind {
        /// When.
        now: DateTime<Utc>,
    },
}

const ROOT_CAUSE: TextRule = TextRule::lines("rootCause", 10, 2_000);

/// How long a deviation may stay OPEN before each reminder.
pub const REMINDER_HOURS: i64 = 24;

fn accept_root_cause(given: Option<&str>) -> Result<Option<String>, InvalidInput> {
    given.map(|text| ROOT_CAUSE.accept(text)).transpose().map_err(InvalidInput::from)
}

impl DeviationState {
    fn disposition(
        &self,
        disposition: Disposition,
        root_cause: Option<&str>,
        by: String,
        now: DateTime<Utc>,
    ) -> Result<Vec<DeviationEvent>, DeviationRefusal> {
        let root_cause = accept_root_cause(root_cause)?;
        match self.status {
            DeviationStatus::Open => Ok(vec![
                DeviationDispositioned {
                    disposition,
                    root_cause,
                    status_before: self.status,
                    status_after: DeviationStatus::Dispositioned,
                    dispositioned_by: by,
                    dispositioned_at: now,
                }
                .into(),
            ]),
            DeviationStatus::Dispositioned | DeviationStatus::Closed => {
                let is_same = self.disposition == Some(disposition)
                    && (root_cause.is_none() || root_cause == self.root_cause);
                if is_same { Ok(Vec::new()) } else { Err(DeviationRefusal::State { status: self.status }) }
            }
        }
    }

    fn close(
        &self,
        root_cause: Option<&str>,
        by: String,
        now: DateTime<Utc>,
    ) -> Result<Vec<DeviationEvent>, DeviationRefusal> {
        let root_cause = accept_root_cause(root_cause)?.or_else(|| self.root_cause.clone());
        match self.status {
            DeviationStatus::Open => Err(DeviationRefusal::Open),
            DeviationStatus::Closed => {
                let is_same = self.closed_by.as_ref() == Some(&by) && root_cause == self.root_cause;
                if is_same { Ok(Vec::new()) } else { Err(DeviationRefusal::State { status: self.status }) }
            }
            DeviationStatus::Dispositioned => {
                if self.opened.reading.as_ref().is_some_and(|reading| reading.recorded_by == by) {
                    return Err(DeviationRefusal::SamePerson);
                }
                let root_cause = root_cause
                    .ok_or_else(|| InvalidInput::new("rootCause", "must be given to close a deviation"))?;
                let closed = DeviationClosed {
                    root_cause,
                    status_before: self.status,
                    status_after: DeviationStatus::Closed,
                    closed_by: by,
                    closed_at: now,
                };
                Ok(vec![closed.into()])
            }
        }
    }

    /// When the next reminder is due, as long as the deviation stays OPEN. Those that an outage left out are not sent later.
    pub fn next_reminder_at(&self) -> DateTime<Utc> {
        self.reminded_at.unwrap_or(self.opened.opened_at) + TimeDelta::hours(REMINDER_HOURS)
    }

    fn remind(&self, now: DateTime<Utc>) -> Vec<DeviationEvent> {
        match self.status {
            DeviationStatus::Open if now >= self.next_reminder_at() => {
                vec![
                    DeviationReminded { reminder: self.reminders.saturating_add(1), reminded_at: now }.into(),
                ]
            }
            DeviationStatus::Open | DeviationStatus::Dispositioned | DeviationStatus::Closed => Vec::new(),
        }
    }

    fn apply(&mut self, event: &DeviationEvent) {
        match event {
            DeviationEvent::DeviationOpened(_) => {} // Opened once: its id is new.
            DeviationEvent::DeviationDispositioned(event) => {
                self.status = event.status_after;
                self.disposition = Some(event.disposition);
                self.root_cause.clone_from(&event.root_cause);
            }
            DeviationEvent::DeviationClosed(event) => {
                self.status = event.status_after;
                self.root_cause = Some(event.root_cause.clone());
                self.closed_by = Some(event.closed_by.clone());
            }
            DeviationEvent::DeviationReminded(event) => {
                self.reminders = self.reminders.max(event.reminder);
                self.reminded_at = self.reminded_at.max(Some(event.reminded_at));
            }
        }
    }
}

impl Deviation {
    /// The deviation, if it was ever opened.
    pub fn existing(&self) -> Option<&DeviationState> {
        self.state.as_deref()
    }

    /// The deviation, or that no such deviation exists.
    pub fn found(&self) -> Result<&DeviationState, NotFound> {
        self.existing().ok_or(NotFound { field: "deviationId" })
    }
}

impl Decider for Deviation {
    const CATEGORY: &'static str = "deviation";
    type Command = DeviationCommand;
    type Event = DeviationEvent;
    type Error = DeviationRefusal;

    fn decide(&self, command: DeviationCommand) -> Result<Vec<DeviationEvent>, DeviationRefusal> {
        match (self.existing(), command) {
            (None, DeviationCommand::Open(opened)) => Ok(vec![opened.into()]),
            (Some(state), DeviationCommand::Open(opened)) if state.opened == opened => Ok(Vec::new()),
            (Some(state), DeviationCommand::Open(_)) => Err(DeviationRefusal::State { status: state.status }),
            (Some(state), DeviationCommand::Disposition { disposition, root_cause, by, now }) => {
                state.disposition(disposition, root_cause.as_deref(), by, now)
            }
            (Some(state), DeviationCommand::Close { root_cause, by, now }) => {
                state.close(root_cause.as_deref(), by, now)
            }
            (Some(state), DeviationCommand::Remind { now }) => Ok(state.remind(now)),
            (
                None,
                DeviationCommand::Disposition { .. }
                | DeviationCommand::Close { .. }
                | DeviationCommand::Remind { .. },
            ) => Err(NotFound { field: "deviationId" }.into()),
        }
    }

    fn evolve(mut self, event: &DeviationEvent) -> Self {
        match (&mut self.state, event) {
            (Some(state), event) => state.apply(event),
            (None, DeviationEvent::DeviationOpened(event)) => {
                self.state = Some(Box::new(DeviationState {
                    opened: event.clone(),
                    status: event.status_after,
                    disposition: None,
                    root_cause: None,
                    closed_by: None,
                    reminders: 0,
                    reminded_at: None,
                }));
            }
            (None, _) => {} // Only a damaged log begins with anything else.
        }
        self
    }
}
