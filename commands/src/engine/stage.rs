use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use domain::{
    Event, Refusal,
    identity::Permission,
    kernel::{NotFound, personal},
};
use uuid::Uuid;

use super::{
    Aggregate, Envelope, RunLater,
    aggregate::{AggregateCodec, AnyState, Codec},
};
use crate::ports::{
    CommitLimits, Deadline, IdSource, NewEvent, StreamKey, TenantId, TenantSettings, Version,
};

/// Why a handler stopped: the domain refuses, or the stage must load more streams first. Handlers pass it on with `?`.
#[derive(Debug)]
pub struct Stop(pub(super) StopReason);

#[derive(Debug)]
pub(super) enum StopReason {
    Load,
    Refused(Arc<dyn Refusal>),
    Fault(String),
}

impl Stop {
    /// The program is at fault.
    pub(crate) fn fault(reason: String) -> Self {
        Self(StopReason::Fault(reason))
    }

    /// What the domain refused; none when something else stopped the handler.
    pub(crate) fn refusal(&self) -> Option<&Arc<dyn Refusal>> {
        match &self.0 {
            StopReason::Refused(refusal) => Some(refusal),
            StopReason::Load | StopReason::Fault(_) => None,
        }
    }
}

impl<R: Refusal> From<R> for Stop {
    fn from(refusal: R) -> Self {
        Self(StopReason::Refused(Arc::new(refusal)))
    }
}

/// The ids that a command makes, the same ones each time it is decided.
#[derive(Debug, Default)]
pub(super) struct IdTape {
    ids: Vec<Uuid>,
    next: usize,
}

impl IdTape {
    pub(super) fn rewind(&mut self) {
        self.next = 0;
    }

    fn next(&mut self, source: &dyn IdSource) -> Uuid {
        if self.next == self.ids.len() {
            self.ids.push(source.next());
        }
        let id = self.ids[self.next];
        self.next += 1;
        id
    }
}

/// A stream as it stands when a command is decided.
#[derive(Clone)]
pub(super) struct HeldState {
    pub(super) state: AnyState,
    pub(super) version: Version,
    /// The event at that version, the last that was folded.
    pub(super) last_event: Option<Uuid>,
}

impl HeldState {
    /// A stream without events.
    fn nothing<A: Aggregate>() -> Self {
        Self { state: Arc::new(A::initial()), version: 0, last_event: None }
    }
}

/// A stream in the commit that a command is about to leave.
pub(super) struct StagedStream {
    pub(super) codec: &'static dyn Codec,
    pub(super) state: AnyState,
    pub(super) base_state: AnyState,
    pub(super) base_version: Version,
    pub(super) base_event: Option<Uuid>,
    pub(super) events: Vec<NewEvent>,
}

/// What a decision needs from the engine, whatever the command.
pub(super) struct Surroundings<'a> {
    pub(super) envelope: &'a Envelope,
    pub(super) now: DateTime<Utc>,
    pub(super) settings: &'a TenantSettings,
    pub(super) ids: &'a dyn IdSource,
    /// In the first attempt, streams that ought to be new are not looked up: the commit checks them anyway.
    pub(super) presume: bool,
}

/// Where a command is decided: it holds the states of the streams asked for and gathers what the aggregates decide.
///
/// Every stream asked for becomes part of the commit: with its events, or *condition only* when it was just read. So
/// whatever the decision rested on is checked again, atomically, when it is stored.
pub struct Stage<'a> {
    surroundings: Surroundings<'a>,
    tape: &'a mut IdTape,
    held: BTreeMap<StreamKey, HeldState>,
    fresh: HashSet<Uuid>,
    pub(super) missing: BTreeMap<StreamKey, &'static dyn Codec>,
    pub(super) staged: BTreeMap<StreamKey, StagedStream>,
    pub(super) deadlines: Vec<Deadline>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        surroundings: Surroundings<'a>,
        tape: &'a mut IdTape,
        held: BTreeMap<StreamKey, HeldState>,
    ) -> Self {
        tape.rewind();
        Self {
            surroundings,
            tape,
            held,
            fresh: HashSet::new(),
            missing: BTreeMap::new(),
            staged: BTreeMap::new(),
            deadlines: Vec::new(),
        }
    }

    /// The instant of the decision. The same for all events of a commit.
    pub fn now(&self) -> DateTime<Utc> {
        self.surroundings.now
    }

    /// The id of the command that is decided.
    pub(crate) fn command_id(&self) -> Uuid {
        self.surroundings.envelope.command_id
    }

    /// Whose command it is.
    pub fn tenant(&self) -> TenantId {
        self.surroundings.envelope.caller.tenant
    }

    /// Who gave it: a user's or machine client's id, or `system`.
    pub fn actor(&self) -> Arc<str> {
        Arc::clone(&self.surroundings.envelope.caller.actor)
    }

    /// Whether the caller holds a permission beyond the command's own.
    pub fn permits(&self, permission: Permission) -> bool {
        self.surroundings.envelope.caller.permissions.contains(permission)
    }

    /// The tenant's settings.
    pub fn settings(&self) -> &'a TenantSettings {
        self.surroundings.settings
    }

    /// A fresh UUIDv7. The n-th call gives the same id however often the command is decided.
    pub fn next_id(&mut self) -> Uuid {
        let id = self.tape.next(self.surroundings.ids);
        self.fresh.insert(id);
        id
    }

    /// The state of a stream, as the command has left it so far.
    pub fn state<A: Aggregate>(&mut self, id: &str) -> Result<Arc<A>, Stop> {
        let key = self.hold::<A>(id)?;
        self.staged_state(&key)
    }

    /// The state of an aggregate that an input field names: it must exist, else the answer is `NOT_FOUND` at the field.
    pub fn existing<A: Aggregate>(&mut self, field: &'static str, id: Uuid) -> Result<Arc<A>, Stop> {
        let key = self.hold::<A>(&id.to_string())?;
        let is_there = |stream: &StagedStream| stream.base_version > 0 || !stream.events.is_empty();
        if self.staged.get(&key).is_some_and(is_there) {
            self.staged_state(&key)
        } else {
            Err(NotFound { field }.into())
        }
    }

    /// Asks for many streams at once: one round of loading instead of one for each.
    pub fn load_all<'i, A: Aggregate>(&mut self, ids: impl IntoIterator<Item = &'i str>) -> Result<(), Stop> {
        let mut complete = true;
        for id in ids {
            complete &= self.hold::<A>(id).is_ok();
        }
        if complete { Ok(()) } else { Err(Stop(StopReason::Load)) }
    }

    /// Like [`Self::load_all`], for the streams that a command is about to open (a code's claim): they are taken as
    /// new without a look, which the commit makes up for, unless it has been refused once.
    pub fn presume_new<A: Aggregate>(&mut self, id: &str) {
        if !self.surroundings.presume {
            return;
        }
        let key = StreamKey::new(self.tenant(), A::CATEGORY, id);
        self.held.entry(key).or_insert_with(|| HeldState::nothing::<A>());
    }

    /// Lets an aggregate of the caller's tenant decide, and answers its state after that.
    pub fn decide<A: Aggregate>(&mut self, id: &str, command: A::Command) -> Result<Arc<A>, Stop> {
        let key = self.hold::<A>(id)?;
        let state = self.staged_state::<A>(&key)?;
        let events = state.decide(command)?;
        if events.is_empty() {
            return Ok(state);
        }
        let mut state = Arc::unwrap_or_clone(state);
        let mut stored = Vec::with_capacity(events.len());
        for event in events {
            stored.push(NewEvent {
                event_id: self.surroundings.ids.next(),
                event_type: event.event_type(),
                schema_version: event.schema_version(),
                payload: payload_text(&event)?,
            });
            state = state.evolve(&event);
        }
        let state = Arc::new(state);
        if let Some(stream) = self.staged.get_mut(&key) {
            stream.events.append(&mut stored);
            stream.state = Arc::clone(&state) as AnyState;
        }
        Ok(state)
    }

    /// Takes back what was decided so far. What was read for it stays a condition of the commit.
    pub(crate) fn retract(&mut self) {
        self.deadlines.clear();
        for stream in self.staged.values_mut() {
            stream.events.clear();
            stream.state = Arc::clone(&stream.base_state);
        }
    }

    /// Stores a command with the commit; it runs on Cairn's own behalf when it is due, late perhaps, never lost.
    pub fn schedule<C: RunLater>(&mut self, due_at: DateTime<Utc>, command: &C) -> Result<(), Stop> {
        let payload = serde_json::to_string(command)
            .map_err(|error| Stop(StopReason::Fault(format!("{} cannot be written: {error}", C::NAME))))?;
        let deadline_id = self.tape.next(self.surroundings.ids);
        self.deadlines.push(Deadline { deadline_id, due_at, command: C::stored_as(), payload });
        Ok(())
    }

    /// Makes the stream part of the commit, or notes that it must be loaded first.
    fn hold<A: Aggregate>(&mut self, id: &str) -> Result<StreamKey, Stop> {
        let key = StreamKey::new(self.tenant(), A::CATEGORY, id);
        if self.staged.contains_key(&key) {
            return Ok(key);
        }
        let held = match self.held.get(&key) {
            Some(held) => held.clone(),
            None if self.is_fresh(id) => HeldState::nothing::<A>(),
            None => {
                self.missing.insert(key, AggregateCodec::<A>::REFERENCE);
                return Err(Stop(StopReason::Load));
            }
        };
        let stream = StagedStream {
            codec: AggregateCodec::<A>::REFERENCE,
            base_state: Arc::clone(&held.state),
            state: held.state,
            base_version: held.version,
            base_event: held.last_event,
            events: Vec::new(),
        };
        self.staged.insert(key.clone(), stream);
        Ok(key)
    }

    /// Nobody can have written to a stream whose id this command has just made.
    fn is_fresh(&self, id: &str) -> bool {
        !self.fresh.is_empty() && Uuid::try_parse(id).is_ok_and(|id| self.fresh.contains(&id))
    }

    fn staged_state<A: Aggregate>(&self, key: &StreamKey) -> Result<Arc<A>, Stop> {
        let state = self.staged.get(key).map(|stream| Arc::clone(&stream.state));
        state
            .and_then(|state| state.downcast::<A>().ok())
            .ok_or_else(|| Stop(StopReason::Fault(format!("two aggregates share the category of {key}"))))
    }

    /// How many streams the command takes part in (see [`Commit::stream_count`](crate::ports::Commit::stream_count)).
    pub(super) fn stream_count(&self) -> usize {
        let named = self.staged.keys().chain(self.missing.keys());
        named.filter(|stream| !stream.is_reaction(self.command_id())).count()
    }

    pub(super) const STREAM_LIMIT: usize = CommitLimits::STANDARD.streams;
}

fn payload_text(event: &impl Event) -> Result<Arc<str>, Stop> {
    let mut text = Vec::with_capacity(256);
    // The log that the commit goes to seals what tells about a person; one that does not seal refuses it.
    personal::in_the_open(|| event.serialize_payload(&mut serde_json::Serializer::new(&mut text)))
        .map_err(|error| error.to_string())
        .and_then(|()| String::from_utf8(text).map_err(|error| error.to_string()))
        .map(Arc::from)
        .map_err(|reason| {
            Stop(StopReason::Fault(format!("{} cannot be written: {reason}", event.event_type())))
        })
}
