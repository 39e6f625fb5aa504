//! What the read side needs from the world.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
pub use commands::ports::Fence;
use commands::ports::{Position, StreamKey, TenantId, Version};
use uuid::Uuid;

use crate::{Counted, Mark, Marked, Model, Query, Selection, Table, Value};

/// Names one set of tables of a read model.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BuildId {
    /// The read model.
    pub model: String,
    /// The version of its rows and fold.
    pub version: u32,
    /// Counts the builds of this version, from 1.
    pub revision: u32,
}

impl BuildId {
    /// What a table is called in this build: `lot_board_v1`, and `lot_board_v1_r2` when it was built again.
    pub fn table_name(&self, table: &str) -> String {
        match self.revision {
            1 => format!("{table}_v{}", self.version),
            revision => format!("{table}_v{}_r{revision}", self.version),
        }
    }
}

impl std::fmt::Display for BuildId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.table_name(&self.model))
    }
}

/// What a build is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildState {
    /// Readers read it.
    Live,
    /// It catches up, to take over.
    Building,
    /// Another has taken over; it is dropped when no reader can be on it any more.
    Retired,
    /// It stands at a position of the past, for one question.
    Scratch,
}

impl BuildState {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "LIVE",
            Self::Building => "BUILDING",
            Self::Retired => "RETIRED",
            Self::Scratch => "SCRATCH",
        }
    }

    /// Reads the stored form.
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Live, Self::Building, Self::Retired, Self::Scratch]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// One set of tables, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Which.
    pub id: BuildId,
    /// What it is there for.
    pub state: BuildState,
    /// Its checkpoint: every event up to here is in the rows, or parked.
    pub position: Position,
    /// The id of the event that stands at `position` in the log that it was folded from. None at position 0, and in
    /// builds of programs that did not keep it.
    pub anchor: Option<Uuid>,
    /// Its tables' names, without suffix.
    pub tables: Vec<String>,
    /// When it came into its state.
    pub since: DateTime<Utc>,
}

impl Build {
    /// The place in the log that it stands at.
    pub fn place(&self) -> commands::tail::Place {
        commands::tail::Place { position: self.position, event_id: self.anchor }
    }

    /// Whether readers of this read model, in the version that this program knows, read it.
    pub fn is_live(&self, model: &Model) -> bool {
        self.state == BuildState::Live
            && (self.id.model.as_str(), self.id.version) == (model.name, model.version)
    }
}

/// How a lease is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Only if it is free or has expired.
    WhenFree,
    /// Now: whoever holds it is fenced.
    ByForce,
}

/// A build's checkpoint moves. It must stand at `from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Which build.
    pub build: BuildId,
    /// Where it must stand.
    pub from: Position,
    /// Where it goes.
    pub to: Position,
    /// The id of the event that stands there.
    pub anchor: Option<Uuid>,
}

/// What changes in one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whose table.
    pub build: BuildId,
    /// Which table.
    pub table: &'static Table,
    /// The values of rows to write, one row after the other.
    pub written: Vec<Value>,
    /// The values of keys to delete, one key after the other.
    pub deleted: Vec<Value>,
}

impl Change {
    /// How many rows are written.
    pub fn written_rows(&self) -> u64 {
        (self.written.len() / self.table.columns.len()) as u64
    }
}

/// An event that a read model could not fold, or that waits behind such an event of its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedEvent {
    /// The build that it is missing from.
    pub build: BuildId,
    /// The event's place in the log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamKey,
    /// Its place in the stream.
    pub version: Version,
    /// Its id.
    pub event_id: Uuid,
    /// Its type.
    pub event_type: String,
    /// Why it cannot be folded. None: it waits behind an earlier event of its stream.
    pub error: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// Since when.
    pub parked_at: DateTime<Utc>,
}

/// An event that is left out of a read model for good, in every build of every version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// The read model.
    pub model: String,
    /// The event.
    pub event_id: Uuid,
}

/// Somebody decided what becomes of a parked stream, or a build took over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// What was done: `retry`, `skip`, `take_over`, `discard`.
    pub action: String,
    /// In which build.
    pub build: BuildId,
    /// At which position.
    pub position: Position,
    /// Why.
    pub reason: String,
}

/// What one turn of a runner leaves behind. All of it is stored, or none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step {
    /// The leases that must still be held; they are renewed for [`Step::renew_for`].
    pub fences: Vec<Fence>,
    /// For how long, from now.
    pub renew_for: Duration,
    /// The checkpoints.
    pub moves: Vec<Move>,
    /// The rows.
    pub changes: Vec<Change>,
    /// Events to park; one that is parked already gets the new error and count.
    pub park: Vec<ParkedEvent>,
    /// Events to take out of the parked ones.
    pub unpark: Vec<(BuildId, Position)>,
    /// Events to leave out for good.
    pub skip: Vec<Skip>,
    /// Entries for the record.
    pub audit: Vec<AuditEntry>,
}

/// What became of a [`Step`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepOutcome {
    /// It is stored.
    Stored,
    /// A lease is held by somebody else: nothing is stored.
    Fenced,
    /// A checkpoint stands elsewhere: nothing is stored.
    Moved,
}

/// How two builds of the same table differ.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Differences {
    /// Rows that only the left build has, or has otherwise.
    pub left_only: u64,
    /// Rows that only the right build has, or has otherwise.
    pub right_only: u64,
    /// The values of some of them, as text.
    pub samples: Vec<String>,
}

impl Differences {
    /// Whether the tables hold the same rows.
    pub fn is_empty(&self) -> bool {
        self.left_only == 0 && self.right_only == 0
    }
}

/// A technical failure of the read side's store. Repeating what failed is safe.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadStoreError {
    /// The database cannot be reached, or answered with an error that may pass.
    #[error("the read store cannot be reached while {doing}: {reason}")]
    Unavailable {
        /// What was tried.
        doing: &'static str,
        /// The database's words.
        reason: String,
    },
    /// The database is not what it should be. It can be thrown away: read models are rebuilt from the log.
    #[error("the read store is damaged or foreign: {reason}")]
    Corrupt {
        /// What is wrong.
        reason: String,
    },
    /// The database was written by a newer program.
    #[error("the read store has schema version {found}, this program knows {known}: use a newer program")]
    TooNew {
        /// The version found.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// The read model is not there yet in the version that the reader knows: it is being built.
    #[error("read model {model} v{version} is still being built")]
    NotBuilt {
        /// Which.
        model: &'static str,
        /// In which version.
        version: u32,
    },
    /// A query names a column that the table does not have. A fault of the caller.
    #[error("{table} has no column {column}")]
    UnknownColumn {
        /// The table.
        table: &'static str,
        /// The column.
        column: String,
    },
    /// A cursor does not fit the query.
    #[error("the cursor does not fit the query")]
    ForeignCursor,
    /// No row can be compared with what the query names. A fault of whoever asks.
    #[error("{reason}")]
    Unanswerable {
        /// What is wrong with it.
        reason: String,
    },
}

/// Where read models keep their rows and checkpoints. It can be thrown away and rebuilt from the log at any time.
///
/// The suite in `adapters/store/tests` runs against every adapter.
#[async_trait]
pub trait ReadStore: Send + Sync + 'static {
    /// Takes a lease for a time. None: somebody else holds it.
    async fn claim(
        &self,
        lease: &str,
        holder: Uuid,
        hold_for: Duration,
        claim: Claim,
    ) -> Result<Option<Fence>, ReadStoreError>;

    /// Whether a holder could take a lease now. It costs a read, where [`Self::claim`] locks the lease's row.
    async fn is_free(&self, lease: &str, holder: Uuid) -> Result<bool, ReadStoreError>;

    /// Keeps a lease for longer. False: it was lost.
    async fn renew(&self, fence: &Fence, hold_for: Duration) -> Result<bool, ReadStoreError>;

    /// Gives a lease back, if it is still held.
    async fn release(&self, fence: &Fence) -> Result<(), ReadStoreError>;

    /// Every build of every read model.
    async fn builds(&self) -> Result<Vec<Build>, ReadStoreError>;

    /// Makes a build's tables, at position 0, without their further indexes.
    async fn create_build(
        &self,
        build: &BuildId,
        state: BuildState,
        tables: &[&'static Table],
    ) -> Result<(), ReadStoreError>;

    /// Makes the further indexes of a build's tables. Those that exist stay.
    async fn index_build(&self, build: &BuildId, tables: &[&'static Table]) -> Result<(), ReadStoreError>;

    /// Retires a build for good, provided that its checkpoint and anchor still stand where `seen` has them: nobody reads
    /// or moves it afterwards. The audit entry is stored with it. False: it has moved, or was retired before.
    async fn discard_build(&self, seen: &Build, audit: &AuditEntry) -> Result<bool, ReadStoreError>;

    /// Drops a build, its tables and what is parked in it.
    async fn drop_build(&self, build: &BuildId) -> Result<(), ReadStoreError>;

    /// The rows with these keys, as far as they exist, their values one row after the other.
    async fn load_rows(
        &self,
        build: &BuildId,
        table: &'static Table,
        keys: Vec<Value>,
    ) -> Result<Vec<Value>, ReadStoreError>;

    /// Stores a step in one transaction.
    async fn store_step(&self, step: Step) -> Result<StepOutcome, ReadStoreError>;

    /// Compares a table's rows in two builds. None: one of them does not have the columns that the table declares.
    async fn compare(
        &self,
        left: &BuildId,
        right: &BuildId,
        table: &'static Table,
    ) -> Result<Option<Differences>, ReadStoreError>;

    /// In one transaction: `new` becomes live at `position`, where it must stand, and whatever build of the read model
    /// was live is retired; one of a newer version stays, and `new` does not take over. Every fence must hold.
    async fn take_over(
        &self,
        fences: &[Fence],
        new: &BuildId,
        position: Position,
        audit: &AuditEntry,
    ) -> Result<StepOutcome, ReadStoreError>;

    /// What is parked, by build and position.
    async fn parked(&self) -> Result<Vec<ParkedEvent>, ReadStoreError>;

    /// What is left out for good.
    async fn skips(&self) -> Result<Vec<Skip>, ReadStoreError>;

    /// The latest entries of the record, newest first.
    async fn audit(&self, limit: u32) -> Result<Vec<AuditEntry>, ReadStoreError>;

    /// A page of the live build's rows, of one instant; of `build`, if one is named.
    async fn select(&self, query: &Query, build: Option<&BuildId>) -> Result<Selection, ReadStoreError>;

    /// A page of the live build's rows for each of these values of a column, all of one instant: those of a value come
    /// in the query's order, its limit is that of each. What is read grows with the pages, not with the rows.
    async fn select_each(
        &self,
        query: &Query,
        column: &'static str,
        values: Vec<Value>,
    ) -> Result<Selection, ReadStoreError>;

    /// How many rows pass the query's filter for each of these values of a column, at most `cap` of each, all of one
    /// instant. A value that is not answered has none.
    async fn count_each(
        &self,
        query: &Query,
        column: &'static str,
        values: Vec<Value>,
        cap: u32,
    ) -> Result<Counted, ReadStoreError>;

    /// The marks of these tenants' rows in each read model that has a live build, all of one instant: also of a tenant
    /// that has no rows.
    async fn marks(&self, tenants: &[TenantId]) -> Result<Vec<Marked>, ReadStoreError>;

    /// How many rows pass the query's filter, at most `cap`, and the mark of the tenant's rows.
    async fn count(&self, query: &Query, cap: u32) -> Result<(u64, Mark), ReadStoreError>;

    /// Keeps an image of an index in memory, so that it need not be built from the log at the next start.
    async fn save_image(&self, name: &str, position: Position, image: Vec<u8>) -> Result<(), ReadStoreError>;

    /// The image kept last under a name.
    async fn load_image(&self, name: &str) -> Result<Option<(Position, Vec<u8>)>, ReadStoreError>;
}
