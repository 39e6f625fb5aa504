//! How a command becomes a commit.
//!
//! For each command: lock its streams in name order; take their states from the cache, else from snapshot and log, which is
//! asked once for all commands that wait for it;
//! decide; apply the new events to the cached states at once and hand the commit to the committer; release the locks;
//! wait for the answer. Later commands on a hot stream so decide on the state that the earlier ones will leave, and ride
//! in the same batch. If a commit is refused, its streams leave the cache and the command is decided again, a
//! bounded number of times.
//!
//! A cached state may be old, since another process may have written meanwhile. A commit is safe from that by its
//! expected versions; a *refusal*, and an answer that leaves no events, is made safe the same way: it is answered only after a
//! commit of conditions alone has confirmed the versions that it was decided on.
//!
//! Ends that are defined and tested: a caller that goes away does not stop its command; a command that panics is
//! answered with a fault, leaves nothing and harms no other; a committer that dies answers its commits as
//! unavailable, and repeating them under their ids is safe.
//!
//! Reading order: [`Command`] and [`Stage`] (what a handler sees), then this file, `attempt.rs`, `slots.rs`, `loader.rs`, `snapshots.rs`,
//! `committer.rs`.

mod aggregate;
mod attempt;
mod command;
mod committer;
mod erased;
mod forgetting;
mod load;
mod loader;
mod own_stream;
mod slots;
mod snapshots;
mod stage;
mod weight;

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{Notify, OnceCell, Semaphore};
use tracing::Instrument;
use uuid::Uuid;

pub use aggregate::{Aggregate, FoldFault, decode_event, fold};
pub use command::{Caller, Command, CommandError, Done, Envelope, RunLater};
pub use committer::{CommitError, Committer, CommitterConfig, Overloaded, Ticket};
pub use forgetting::forget_old_answers;
pub use own_stream::{Names, Reply, give, stream};
pub use stage::{Stage, Stop};

use self::{
    attempt::Outcome,
    erased::{AnyCommand, AnyReply, Given},
    loader::Loader,
    slots::Slots,
    snapshots::Snapshots,
    stage::IdTape,
};
use crate::ports::{
    Clock, Erasures, EventStore, IdSource, SnapshotStore, StreamKey, TenantDirectory, TenantId,
};

/// How many times a command is decided again after losing a race (identity.md, section 0).
const RETRIES: u32 = 5;

/// What the engine runs on.
#[derive(Clone)]
pub struct Ports {
    /// The log.
    pub store: Arc<dyn EventStore>,
    /// Where long streams leave snapshots.
    pub snapshots: Arc<dyn SnapshotStore>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: Arc<dyn IdSource>,
    /// The tenants' settings.
    pub tenants: Arc<dyn TenantDirectory>,
}

/// The engine's bounds.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Commands being worked on at once; the next one is answered `OVERLOADED`.
    pub commands_in_flight: usize,
    /// States kept in memory.
    pub cached_states: usize,
    /// Bytes that they may take, estimated from their length as JSON: one state may weigh a thousand others.
    pub cached_bytes: usize,
    /// A stream leaves a snapshot each time it has grown by so many events: few, for a state that is not in memory is folded from
    /// what came after, and an event that is read costs a microsecond here and one in the database.
    pub snapshot_every: u64,
    /// How long the answers to clients' keys are kept (identity.md, section 4).
    pub keep_answers_for: Duration,
    /// The committer's bounds.
    pub committer: CommitterConfig,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            commands_in_flight: 4_096,
            cached_states: 65_536,
            cached_bytes: 256 * 1_024 * 1_024,
            snapshot_every: 32,
            keep_answers_for: Duration::from_secs(24 * 60 * 60),
            committer: CommitterConfig::default(),
        }
    }
}

/// Runs commands. Cheap to clone; all clones are one engine.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    ports: Ports,
    config: EngineConfig,
    committer: Committer,
    loader: Loader,
    snapshots: Snapshots,
    slots: Slots,
    erasures: Erasures,
    admission: Arc<Semaphore>,
    in_flight: Mutex<HashSet<(TenantId, Uuid)>>,
    deadline_stored: Notify,
    ended: OnceCell<()>,
}

impl Engine {
    /// Starts the engine and its committer. Must be called within a tokio runtime.
    pub fn start(ports: Ports, config: EngineConfig) -> Self {
        let committer = Committer::start(Arc::clone(&ports.store), config.committer);
        let inner = Inner {
            loader: Loader::start(Arc::clone(&ports.store), load::PAGE),
            snapshots: Snapshots::start(Arc::clone(&ports.snapshots)),
            slots: Slots::new(config.cached_states, config.cached_bytes),
            erasures: ports.store.erasures(),
            admission: Arc::new(Semaphore::new(config.commands_in_flight)),
            in_flight: Mutex::default(),
            deadline_stored: Notify::new(),
            ended: OnceCell::new(),
            committer,
            ports,
            config,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The ports that the engine runs on.
    pub fn ports(&self) -> &Ports {
        &self.inner.ports
    }

    /// Runs a command to its end. The command goes on when the caller goes away.
    pub async fn execute<C: Command>(
        &self,
        envelope: Envelope,
        command: C,
    ) -> Result<Done<C::Reply>, CommandError> {
        erased::typed::<C>(self.execute_any(envelope, Arc::new(Given(command))).await?)
    }

    async fn execute_any(
        &self,
        envelope: Envelope,
        command: Arc<dyn AnyCommand>,
    ) -> Result<Done<AnyReply>, CommandError> {
        let started = Instant::now();
        let name = command.name();
        let engine = self.clone();
        let working = async move { engine.admit_and_run(envelope, &*command).await };
        let running = tokio::spawn(working.in_current_span());
        let outcome = running.await.unwrap_or_else(|died| {
            Err(CommandError::Fault { command: name, reason: format!("its task died: {died}") })
        });
        let code = outcome.as_ref().map_or_else(CommandError::code, |_| "OK");
        metrics::counter!("cairn_commands_total", "command" => name, "code" => code).increment(1);
        metrics::histogram!("cairn_command_duration_seconds", "command" => name).record(started.elapsed());
        if let Err(
            error @ (CommandError::Fault { .. }
            | CommandError::Outdated { .. }
            | CommandError::Unavailable(_)),
        ) = &outcome
        {
            tracing::error!(command = name, error = error as &dyn std::error::Error, "a command failed");
        }
        outcome
    }

    /// Waits until what was accepted is answered, and accepts nothing more. Asked for again, it waits for the same end.
    pub async fn shutdown(&self) {
        let everyone = u32::try_from(self.inner.config.commands_in_flight).unwrap_or(u32::MAX);
        let end = async {
            // Closed once everyone has left: whatever comes later finds the engine overloaded. Who asks again, after somebody who
            // was dropped on the way, finds it closed and goes on.
            if let Ok(_everyone) = self.inner.admission.acquire_many(everyone).await {
                self.inner.admission.close();
            }
            self.inner.committer.shutdown().await;
        };
        self.inner.ended.get_or_init(|| end).await;
    }

    /// Wakes when a commit has stored a deadline.
    pub(crate) async fn deadline_stored(&self) {
        self.inner.deadline_stored.notified().await;
    }

    async fn admit_and_run(
        &self,
        envelope: Envelope,
        command: &dyn AnyCommand,
    ) -> Result<Done<AnyReply>, CommandError> {
        let (name, required) = (command.name(), command.permission());
        if !envelope.caller.permissions.contains(required) {
            return Err(CommandError::Forbidden { command: name, required });
        }
        if command.key_required() && !envelope.key_given {
            return Err(CommandError::KeyRequired { command: name });
        }
        let _admitted = self.inner.admission.try_acquire().map_err(|_full| CommandError::Overloaded)?;
        let _only = InFlight::enter(&self.inner, &envelope).ok_or(CommandError::InFlight)?;
        self.run(&envelope, command).await
    }

    async fn run(
        &self,
        envelope: &Envelope,
        command: &dyn AnyCommand,
    ) -> Result<Done<AnyReply>, CommandError> {
        let digest = attempt::digest(envelope, command)?;
        let mut tape = IdTape::default();
        let mut wanted = BTreeMap::new();
        for attempt in 0..=RETRIES {
            let tried = self.attempt(envelope, command, digest, &mut tape, &mut wanted, attempt).await;
            match tried {
                Err(CommandError::KeyReused) => return self.answered_before(envelope, command).await,
                Err(error) => return Err(error),
                Ok(Outcome::Done(done)) => {
                    if !done.repeated && !done.versions.is_empty() {
                        command.count(&done.reply);
                    }
                    return Ok(done);
                }
                Ok(Outcome::Lost(stream)) => {
                    tracing::debug!(command = command.name(), %stream, attempt, "lost a race; deciding again");
                    metrics::counter!("cairn_command_retries_total", "command" => command.name())
                        .increment(1);
                    tokio::time::sleep(backoff(envelope.command_id, attempt)).await;
                }
            }
        }
        Err(CommandError::VersionConflict { attempts: RETRIES + 1 })
    }

    /// The id was used with another digest. A derived one is done by that; a client's key may have been stored by a release
    /// that took its digest over the command, and then it is no other content.
    async fn answered_before(
        &self,
        envelope: &Envelope,
        command: &dyn AnyCommand,
    ) -> Result<Done<AnyReply>, CommandError> {
        let store = &self.inner.ports.store;
        let found = store.find_answer(envelope.caller.tenant, envelope.command_id).await;
        match found.map_err(CommandError::Unavailable)? {
            Some((digest, receipt)) if envelope.is_derived || digest == attempt::content_digest(command)? => {
                attempt::first_answer(command, receipt)
            }
            Some(_) | None => Err(CommandError::KeyReused),
        }
    }
}

/// A short pause that grows, from half a millisecond to one and a half after the first loss, and that differs between commands,
/// so that two losers do not meet again.
fn backoff(command_id: Uuid, attempt: u32) -> Duration {
    let spread_micros = (command_id.as_u128() % 1_000) as u64;
    Duration::from_micros(u64::from(attempt + 1) * (500 + spread_micros))
}

/// Keeps a second command with the same id out while the first is being worked on.
struct InFlight<'a> {
    inner: &'a Inner,
    id: (TenantId, Uuid),
}

impl<'a> InFlight<'a> {
    fn enter(inner: &'a Inner, envelope: &Envelope) -> Option<Self> {
        let id = (envelope.caller.tenant, envelope.command_id);
        let entered = inner.in_flight.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        entered.then_some(Self { inner, id })
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.inner.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// The streams that a command has been found to need, and how to read them.
type Wanted = BTreeMap<StreamKey, &'static dyn aggregate::Codec>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn already_the_first_loser_waits_and_later_ones_longer() {
        for command_id in [Uuid::nil(), Uuid::from_u128(999), Uuid::max()] {
            let pauses: Vec<_> = (0..=RETRIES).map(|attempt| backoff(command_id, attempt)).collect();
            assert!(pauses[0] >= Duration::from_micros(500));
            assert!(pauses.is_sorted_by(|earlier, later| earlier < later));
        }
    }
}
