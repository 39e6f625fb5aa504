use std::sync::Arc;

use domain::{
    Refusal,
    identity::{Permission, PermissionSet},
};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{Stage, Stop};
use crate::ports::{Position, RecordedEvent, StoreError, StreamKey, StreamVersion, TenantId, Version};

/// What somebody wants: decided over one or more streams, answered with what it left behind.
///
/// `handle` is synchronous. It asks the [`Stage`] for states and lets aggregates decide; which streams that takes, it
/// finds out as it goes. It may run several times for one command and must not do anything but use its stage.
pub trait Command: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Imperative verb and noun: `WeighLot`.
    const NAME: &'static str;
    /// What the caller must be allowed to do.
    const PERMISSION: Permission;
    /// Whether a client must give an idempotency key ("key required" in the rules' tables).
    const KEY_REQUIRED: bool = false;
    /// The answer. A repetition gets the first one again, so it is stored: keep it to ids, codes and numbers.
    type Reply: Serialize + DeserializeOwned + Send + 'static;

    /// Category and id of the stream that a client's `expectedVersion` speaks of.
    fn subject(&self) -> Option<(&'static str, String)> {
        None
    }

    /// Category and id of the stream that a command without a subject has made, so that the client is told the version
    /// to expect next time.
    fn made(_reply: &Self::Reply) -> Option<(&'static str, String)> {
        None
    }

    /// Counts for the metrics what has come to stand. Called once, after the commit; never for a repetition, nor when
    /// nothing happened.
    fn count(&self, _reply: &Self::Reply) {}

    /// Decides the command on the stage.
    fn handle(&self, stage: &mut Stage<'_>) -> Result<Self::Reply, Stop>;
}

/// Who acts when nobody has said who he is.
const ANONYMOUS: &str = "anonymous";

/// On whose behalf a command runs.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The tenant whose streams may be touched.
    pub tenant: TenantId,
    /// A user's or machine client's id, or `system`.
    pub actor: Arc<str>,
    /// What the caller may do.
    pub permissions: PermissionSet,
}

impl Caller {
    /// Cairn itself, acting for a tenant: process managers and deadlines.
    pub fn system(tenant: TenantId) -> Self {
        Self { tenant, actor: Arc::from("system"), permissions: PermissionSet::all() }
    }

    /// Somebody who has not said who he is, at a tenant. He may do what needs no permission.
    pub fn anonymous(tenant: TenantId) -> Self {
        Self { tenant, actor: Arc::from(ANONYMOUS), permissions: PermissionSet::NONE }
    }

    /// Whether nobody has said who this is.
    pub fn is_anonymous(&self) -> bool {
        &*self.actor == ANONYMOUS
    }

    /// Whether this is a name that only Cairn itself gives: no token and no command line may carry it.
    pub fn is_reserved(actor: &str) -> bool {
        actor.eq_ignore_ascii_case("system") || actor.eq_ignore_ascii_case(ANONYMOUS)
    }
}

/// A command that may be stored, to be run when it is due. Which ones are is said where the program is put together; one that
/// was forgotten there would fail when its time has come.
///
/// What is stored is read by this program, by those that come after it, and while a release is rolled out by the one before it.
/// That one tells by the version that it is too old, and leaves the command to a newer one; of a version that it should know, what
/// it cannot read is damaged, and is parked after some tries.
pub trait RunLater: Command {
    /// The version of its stored form. Raised with whatever the program before could not read, a required field or one more
    /// variant, or would leave out; what was stored in an earlier version is read for ever.
    const VERSION: u32 = 1;

    /// Under what name it is stored: its own, in its first version alone, as all were before there were versions.
    fn stored_as() -> String {
        match Self::VERSION {
            1 => Self::NAME.to_owned(),
            later => format!("{}.{later}", Self::NAME),
        }
    }
}

/// What travels with a command.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// On whose behalf.
    pub caller: Caller,
    /// The command's id: the same id again gets the first answer.
    pub command_id: Uuid,
    /// Whether the id comes from a key that the client gave, so that an answer without events is remembered too.
    pub key_given: bool,
    /// Whether the id is free again after the idempotency time (`EngineConfig::keep_answers_for`): a client's key is. One that is
    /// derived from an event or a deadline, which may come again at any time, never is.
    pub expires: bool,
    /// Whether the id follows from an event or a deadline: once it was used, the command is done, whatever its content was
    /// then. Its answer is kept for ever (identity.md, section 4).
    pub is_derived: bool,
    /// What a repetition of a client's key is compared by: SHA-256 of the input as the client gave it. None: of the command
    /// as the program writes it, which changes with the program.
    pub input_digest: Option<[u8; 32]>,
    /// Ties together everything that one request set off.
    pub correlation_id: Uuid,
    /// The event or command that this one follows from.
    pub causation_id: Option<Uuid>,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// The version of the command's subject that the client has seen.
    pub expected_version: Option<Version>,
}

impl Envelope {
    /// A command without a client's key: its id is its own, and so is its correlation.
    pub fn new(caller: Caller, command_id: Uuid) -> Self {
        Self {
            caller,
            command_id,
            key_given: false,
            expires: false,
            is_derived: false,
            input_digest: None,
            correlation_id: command_id,
            causation_id: None,
            traceparent: None,
            expected_version: None,
        }
    }

    /// A command that follows from an event or a deadline, on Cairn's own behalf.
    pub fn derived(tenant: TenantId, command_id: Uuid) -> Self {
        Self { key_given: true, is_derived: true, ..Self::new(Caller::system(tenant), command_id) }
    }

    /// The same, as part of what the event's request set off.
    #[must_use]
    pub fn following(self, event: &RecordedEvent) -> Self {
        Self {
            correlation_id: event.metadata.correlation_id,
            causation_id: Some(event.event_id),
            traceparent: event.metadata.traceparent.clone(),
            ..self
        }
    }
}

/// The answer to a command that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done<R> {
    /// The command's own answer.
    pub reply: R,
    /// The position of its last event; the head at that moment when it left none.
    pub position: Position,
    /// The streams that it wrote to, with their versions after it.
    pub versions: Vec<StreamVersion>,
    /// Whether this is the first answer given again.
    pub repeated: bool,
}

impl<R> Done<R> {
    /// The version after the command of the first stream of this category and id that it wrote to.
    pub fn version_of(&self, category: &str, id: &str) -> Option<Version> {
        let written = |entry: &&StreamVersion| entry.stream.category == category && *entry.stream.id == *id;
        self.versions.iter().find(written).map(|entry| entry.version)
    }
}

/// Why a command did not succeed. Nothing of it was stored, except perhaps after [`CommandError::Unavailable`], when repeating it
/// under its id gives the answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommandError {
    /// The domain refuses.
    #[error("{0}")]
    Refused(Arc<dyn Refusal>),
    /// The caller lacks the permission.
    #[error("{command} needs the permission {}", required.as_str())]
    Forbidden {
        /// The command's name.
        command: &'static str,
        /// What is missing.
        required: Permission,
    },
    /// The command needs an idempotency key.
    #[error("{command} needs an idempotency key")]
    KeyRequired {
        /// The command's name.
        command: &'static str,
    },
    /// The key was used before, with other content.
    #[error("the idempotency key was used before with other content")]
    KeyReused,
    /// A command with the same id is being worked on.
    #[error("a command with the same idempotency key is still being worked on")]
    InFlight,
    /// The subject is not at the version that the client has seen.
    #[error("{stream} is at version {current}, not {expected}")]
    ConcurrentModification {
        /// The subject.
        stream: StreamKey,
        /// What the client has seen.
        expected: Version,
        /// What it is.
        current: Version,
    },
    /// Others were faster, again and again.
    #[error("the command lost the race for its streams {attempts} times; try it again")]
    VersionConflict {
        /// How often it was decided.
        attempts: u32,
    },
    /// The command touches more than one commit may hold.
    #[error("the command needs {count} {what} in one commit; at most {limit} are allowed")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        count: usize,
        /// How much there may be.
        limit: usize,
    },
    /// Too many commands are waiting. Nothing was tried.
    #[error("too many commands are waiting; try again in a moment")]
    Overloaded,
    /// The store failed. The command may or may not stand: repeat it under its id.
    #[error("the event log does not answer")]
    Unavailable(#[source] StoreError),
    /// A stream that the command needs holds an event of a newer program. This one cannot decide it; a newer one can.
    #[error("{command} needs a newer program: {reason}")]
    Outdated {
        /// The command's name.
        command: &'static str,
        /// For the log, never for the caller.
        reason: String,
    },
    /// The program is at fault: a panic, or a stored event that it cannot read.
    #[error("{command} failed inside the program: {reason}")]
    Fault {
        /// The command's name.
        command: &'static str,
        /// For the log, never for the caller.
        reason: String,
    },
}

impl CommandError {
    /// The stable code (identity.md, section 0).
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Forbidden { .. } => "FORBIDDEN",
            Self::KeyRequired { .. } => "IDEMPOTENCY_KEY_REQUIRED",
            Self::KeyReused => "IDEMPOTENCY_KEY_REUSED",
            Self::InFlight => "REQUEST_IN_FLIGHT",
            Self::ConcurrentModification { .. } => "CONCURRENT_MODIFICATION",
            Self::VersionConflict { .. } => "VERSION_CONFLICT",
            Self::TooLarge { .. } => "COMMIT_TOO_LARGE",
            Self::Overloaded => "OVERLOADED",
            Self::Unavailable(StoreError::ClockAhead { .. }) => "CLOCK_AHEAD",
            Self::Unavailable(_) => "UNAVAILABLE",
            Self::Outdated { .. } | Self::Fault { .. } => "INTERNAL",
        }
    }

    /// Whether the same command may succeed later without anybody changing anything.
    pub fn is_technical(&self) -> bool {
        matches!(
            self,
            Self::InFlight
                | Self::VersionConflict { .. }
                | Self::Overloaded
                | Self::Unavailable(_)
                | Self::Outdated { .. }
                | Self::Fault { .. }
        )
    }
}
