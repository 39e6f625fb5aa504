use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use chrono::{DateTime, SubsecRound, Utc};
use domain::kernel::personal;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    CommandError, CommitError, Done, Engine, Envelope, Ticket, Wanted,
    aggregate::{AnyState, Codec},
    erased::{Answer, AnyCommand, AnyReply},
    slots::{Entry, HeldSlot},
    stage::{HeldState, IdTape, Stage, StagedStream, StopReason, Surroundings},
    weight::Weight,
};
use crate::ports::{
    AppendOutcome, AppendRefusal, Commit, CommitLimits, Deadline, Erasures, Freshness, Metadata, Receipt,
    StoreError, StreamKey, StreamWrite, Version,
};

/// How an attempt ended.
pub(super) enum Outcome {
    Done(Done<AnyReply>),
    /// Another writer was faster on this stream.
    Lost(StreamKey),
}

/// What a handler came to.
enum Decision {
    Commit(Answer),
    /// A refusal, or a subject that is not at the version the client has seen. Nothing is stored.
    Answer(CommandError),
}

/// A decision with everything that it rests on.
struct Decided {
    decision: Decision,
    staged: BTreeMap<StreamKey, StagedStream>,
    deadlines: Vec<Deadline>,
    now: DateTime<Utc>,
}

/// A state that a commit will leave, if it is stored.
struct Ahead {
    key: StreamKey,
    base_version: Version,
    version: Version,
    last_event: Option<Uuid>,
    codec: &'static dyn Codec,
    state: AnyState,
    event_bytes: usize,
    /// When the commit brings personal data.
    freshness: Option<Freshness>,
}

impl Ahead {
    /// What a staged stream's events come to; none without events.
    fn of(key: &StreamKey, stream: &StagedStream, erasures: &Erasures) -> Option<Self> {
        let last = stream.events.last()?;
        let is_personal = stream.events.iter().any(|event| personal::is_open(&event.payload));
        Some(Self {
            key: key.clone(),
            base_version: stream.base_version,
            version: stream.base_version + stream.events.len() as Version,
            last_event: Some(last.event_id),
            codec: stream.codec,
            state: Arc::clone(&stream.state),
            event_bytes: stream.events.iter().map(|event| event.payload.len()).sum(),
            freshness: is_personal.then(|| erasures.from_now_on(key)),
        })
    }
}

/// A commit on its way, and what has to be undone should it be refused.
struct Sent {
    ticket: Ticket,
    decision: Decision,
    generations: Vec<(StreamKey, u64)>,
    snapshots: Vec<(StreamKey, &'static dyn Codec, AnyState, Version)>,
    asks_deadline: bool,
}

/// What a repetition of a derived id is compared by: nothing.
const DERIVED: [u8; 32] = [0; 32];

/// What makes two commands "the same" under one id.
pub(super) fn digest(envelope: &Envelope, command: &dyn AnyCommand) -> Result<[u8; 32], CommandError> {
    match envelope.input_digest {
        Some(given) => Ok(given),
        None if envelope.is_derived => Ok(DERIVED),
        None => content_digest(command),
    }
}

/// SHA-256 over the command's name and content, as this program writes it.
pub(super) fn content_digest(command: &dyn AnyCommand) -> Result<[u8; 32], CommandError> {
    let content = command
        .content()
        .map_err(|error| CommandError::Fault { command: command.name(), reason: error.to_string() })?;
    let mut hash = Sha256::new();
    hash.update(command.name());
    hash.update([0]);
    hash.update(content);
    Ok(hash.finalize().into())
}

impl Engine {
    pub(super) async fn attempt(
        &self,
        envelope: &Envelope,
        command: &dyn AnyCommand,
        digest: [u8; 32],
        tape: &mut IdTape,
        wanted: &mut Wanted,
        attempt: u32,
    ) -> Result<Outcome, CommandError> {
        let (mut held, decided) = loop {
            let mut held = self.hold_and_load(command.name(), wanted).await?;
            let states =
                held.iter_mut().filter_map(|(key, slot)| Some((key.clone(), slot.entry()?.held()))).collect();
            match self.decide(envelope, command, tape, states, attempt == 0)? {
                Ok(decided) => break (held, decided),
                Err(missing) => wanted.extend(missing),
            }
        };
        let decided = decided.against_expectation(envelope, command);
        if decided.rests_on_nothing() && !envelope.key_given {
            return decided.into_answer();
        }
        let sent = self.send(envelope, digest, decided, &mut held)?;
        drop(held);
        self.settle(sent, command).await
    }

    /// Locks the streams in name order and fills those that are not cached.
    async fn hold_and_load(
        &self,
        command: &'static str,
        wanted: &Wanted,
    ) -> Result<BTreeMap<StreamKey, HeldSlot>, CommandError> {
        let mut held = self.inner.slots.hold(wanted.keys()).await;
        let absent: Vec<_> =
            held.iter_mut().filter_map(|(key, slot)| slot.entry().is_none().then(|| key.clone())).collect();
        let loads = absent.iter().filter_map(|key| Some(self.load(key, *wanted.get(key)?)));
        let entries =
            futures::future::try_join_all(loads).await.map_err(|error| error.for_command(command))?;
        if !absent.is_empty() {
            self.count_states();
        }
        for (key, entry) in absent.iter().zip(entries) {
            if let Some(slot) = held.get_mut(key) {
                self.inner.slots.put(key, slot, entry);
            }
        }
        Ok(held)
    }

    /// Runs the handler once, on the states at hand. `Err(missing)`: it needs more streams.
    fn decide(
        &self,
        envelope: &Envelope,
        command: &dyn AnyCommand,
        tape: &mut IdTape,
        held: BTreeMap<StreamKey, HeldState>,
        presume: bool,
    ) -> Result<Result<Decided, Wanted>, CommandError> {
        let ports = &self.inner.ports;
        let now = ports.clock.now().trunc_subsecs(3);
        let settings = ports.tenants.settings(envelope.caller.tenant);
        let surroundings = Surroundings { envelope, now, settings: &settings, ids: &*ports.ids, presume };
        let mut stage = Stage::new(surroundings, tape, held);
        // A handler that panics leaves nothing behind: its stage is dropped, and no state was touched.
        let verdict = catch_unwind(AssertUnwindSafe(|| command.handle(&mut stage)))
            .map_err(|panic| CommandError::Fault { command: command.name(), reason: panic_text(&*panic) })?;
        if stage.stream_count() > Stage::STREAM_LIMIT {
            let (count, limit) = (stage.stream_count(), Stage::STREAM_LIMIT);
            return Err(CommandError::TooLarge { what: "streams", count, limit });
        }
        let decision = match verdict.map_err(|stop| stop.0) {
            Ok(answer) => Decision::Commit(answer),
            Err(StopReason::Refused(refusal)) => Decision::Answer(CommandError::Refused(refusal)),
            Err(StopReason::Load) => return Ok(Err(std::mem::take(&mut stage.missing))),
            Err(StopReason::Fault(reason)) => {
                return Err(CommandError::Fault { command: command.name(), reason });
            }
        };
        let (staged, deadlines) = (std::mem::take(&mut stage.staged), std::mem::take(&mut stage.deadlines));
        Ok(Ok(Decided { decision, staged, deadlines, now }))
    }

    /// Lets the cached states run ahead and hands the commit over, all under the streams' locks, so that the
    /// committer gets the commits of a stream in the order in which they were decided.
    fn send(
        &self,
        envelope: &Envelope,
        digest: [u8; 32],
        decided: Decided,
        held: &mut BTreeMap<StreamKey, HeldSlot>,
    ) -> Result<Sent, CommandError> {
        let Decided { decision, staged, deadlines, now } = decided;
        let (refused, reply) = match &decision {
            Decision::Commit(answer) => (false, Some(Arc::clone(&answer.text))),
            Decision::Answer(_) => (true, None),
        };
        let mut states = Vec::with_capacity(staged.len());
        let mut streams = Vec::with_capacity(staged.len());
        for (key, mut stream) in staged {
            if refused {
                stream.events.clear();
            }
            states.extend(Ahead::of(&key, &stream, &self.inner.erasures));
            streams.push(StreamWrite {
                stream: key,
                expected_version: stream.base_version,
                expected_event: stream.base_event,
                events: stream.events,
            });
        }
        let commit = Commit {
            tenant: envelope.caller.tenant,
            command_id: envelope.command_id,
            digest,
            metadata: Metadata {
                command_id: envelope.command_id,
                correlation_id: envelope.correlation_id,
                causation_id: envelope.causation_id,
                actor: envelope.caller.actor.to_string(),
                traceparent: envelope.traceparent.clone(),
            },
            streams,
            reply,
            deadlines: if refused { Vec::new() } else { deadlines },
            decided_at: now,
            remember: envelope.key_given && !refused,
            keep_answer_for: envelope.expires.then_some(self.inner.config.keep_answers_for),
        };
        commit.check(CommitLimits::STANDARD).map_err(refused_commit)?;
        let mut sent = Sent {
            asks_deadline: !commit.deadlines.is_empty(),
            ticket: self.inner.committer.submit(commit).map_err(|_full| CommandError::Overloaded)?,
            decision,
            generations: held
                .iter_mut()
                .filter_map(|(key, slot)| Some((key.clone(), slot.entry()?.generation)))
                .collect(),
            snapshots: Vec::new(),
        };
        for ahead in states {
            self.run_ahead(&mut sent, held.get_mut(&ahead.key), ahead);
        }
        Ok(sent)
    }

    /// Puts the state that the commit will leave into the cache.
    fn run_ahead(&self, sent: &mut Sent, slot: Option<&mut HeldSlot>, ahead: Ahead) {
        let Ahead { key, base_version, version, last_event, codec, state, event_bytes, freshness } = ahead;
        let every = self.inner.config.snapshot_every.max(1);
        if base_version / every != version / every {
            sent.snapshots.push((key.clone(), codec, Arc::clone(&state), version));
        }
        let Some(slot) = slot else {
            let generation = self.inner.slots.next_generation();
            let weight = Weight::of(codec, &state);
            let entry = Entry { state, version, last_event, generation, weight, freshness };
            if self.inner.slots.offer(&key, entry) {
                sent.generations.push((key, generation));
            }
            self.count_states();
            return;
        };
        if let Some(Entry { generation, weight, freshness: before, .. }) = slot.entry() {
            let (generation, weight) = (*generation, weight.after(event_bytes, codec, &state));
            let freshness = before.clone().or(freshness);
            self.inner.slots.put(
                &key,
                slot,
                Entry { state, version, last_event, generation, weight, freshness },
            );
        }
    }

    /// Shows how large the cache is.
    fn count_states(&self) {
        let (states, bytes) = self.inner.slots.size();
        metrics::gauge!("cairn_cached_states").set(states as f64);
        metrics::gauge!("cairn_cached_state_bytes").set(bytes as f64);
    }

    /// Waits for the store's answer.
    async fn settle(&self, sent: Sent, command: &dyn AnyCommand) -> Result<Outcome, CommandError> {
        let Sent { ticket, decision, generations, snapshots, asks_deadline } = sent;
        let outcome = ticket.await;
        if !matches!(outcome, Ok(AppendOutcome::Appended(_))) {
            for (key, generation) in &generations {
                self.inner.slots.condemn(key, *generation);
            }
        }
        match outcome {
            Ok(AppendOutcome::Appended(receipt)) => {
                for (key, codec, state, version) in snapshots {
                    self.inner.snapshots.leave(key, codec, state, version);
                }
                if asks_deadline {
                    self.inner.deadline_stored.notify_one();
                }
                match decision {
                    Decision::Commit(answer) => Ok(Outcome::Done(done(answer.reply, receipt, false))),
                    Decision::Answer(error) => Err(error),
                }
            }
            Ok(AppendOutcome::Repeated(receipt)) => first_answer(command, receipt).map(Outcome::Done),
            Ok(AppendOutcome::Refused(AppendRefusal::VersionConflict { stream, .. })) => {
                Ok(Outcome::Lost(stream))
            }
            Ok(AppendOutcome::Refused(refusal)) => Err(refused_commit(refusal)),
            Err(CommitError::Store(error @ StoreError::Rejected { .. })) => {
                Err(CommandError::Fault { command: command.name(), reason: error.to_string() })
            }
            Err(CommitError::Store(error)) => Err(CommandError::Unavailable(error)),
            Err(stopped @ CommitError::Stopped) => Err(CommandError::Unavailable(StoreError::Unavailable {
                doing: "committing",
                reason: stopped.to_string(),
            })),
        }
    }
}

impl Decided {
    /// Whether it was decided on the command alone, without any stream.
    fn rests_on_nothing(&self) -> bool {
        self.staged.is_empty()
    }

    /// Turns the decision into a clash if its subject is not at the version that the client has seen.
    fn against_expectation(mut self, envelope: &Envelope, command: &dyn AnyCommand) -> Self {
        let (Some(expected), Some((category, id))) = (envelope.expected_version, command.subject()) else {
            return self;
        };
        let stream = StreamKey::new(envelope.caller.tenant, category, id);
        if let Some(current) = self.staged.get(&stream).map(|subject| subject.base_version)
            && current != expected
        {
            let clash = CommandError::ConcurrentModification { stream, expected, current };
            self.decision = Decision::Answer(clash);
        }
        self
    }

    fn into_answer(self) -> Result<Outcome, CommandError> {
        match self.decision {
            Decision::Commit(Answer { reply, .. }) => {
                Ok(Outcome::Done(Done { reply, position: 0, versions: Vec::new(), repeated: false }))
            }
            Decision::Answer(error) => Err(error),
        }
    }
}

fn done(reply: AnyReply, receipt: Receipt, repeated: bool) -> Done<AnyReply> {
    Done { reply, position: receipt.position, versions: receipt.versions, repeated }
}

/// The answer that the command got when it came first.
pub(super) fn first_answer(
    command: &dyn AnyCommand,
    receipt: Receipt,
) -> Result<Done<AnyReply>, CommandError> {
    let text = receipt.reply.as_deref().unwrap_or("null");
    let reply = command.first_answer(text).map_err(|error| CommandError::Fault {
        command: command.name(),
        reason: format!("its first answer cannot be read: {error}"),
    })?;
    Ok(done(reply, receipt, true))
}

fn refused_commit(refusal: AppendRefusal) -> CommandError {
    match refusal {
        AppendRefusal::CommandReused { .. } => CommandError::KeyReused,
        AppendRefusal::TooLarge { what, count, limit } => CommandError::TooLarge { what, count, limit },
        AppendRefusal::VersionConflict { .. } => CommandError::VersionConflict { attempts: 1 },
        AppendRefusal::StreamsNotSorted | AppendRefusal::Unsealed { .. } => {
            CommandError::Fault { command: "a commit", reason: refusal.to_string() }
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}
