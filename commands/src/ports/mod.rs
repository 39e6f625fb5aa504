//! What the write side needs from the world, as traits. Every adapter of a port passes the port's one suite.

mod checkpoints;
mod clock;
mod deadlines;
mod erasures;
mod event_store;
mod ids;
mod layer;
mod leases;
mod past;
mod snapshots;
mod store_error;
mod subject_keys;
mod tenants;
pub mod transcription;

pub use checkpoints::{Advance, CheckpointStore};
pub use clock::{Clock, SystemClock};
pub use deadlines::{Deadline, DeadlineStore, DueDeadline, Settlement};
pub use erasures::{Erasures, Freshness, PERSONAL_DATA_IN_MEMORY};
pub use event_store::{
    AppendOutcome, AppendRefusal, Commit, CommitLimits, EventStore, LogFilter, LogPage, Metadata, NewEvent,
    Position, Receipt, RecordedEvent, StreamKey, StreamVersion, StreamWrite, TenantId, Version,
};
pub use ids::{IdSource, RandomIds};
pub use layer::{CheckpointLayer, LogLayer};
pub use leases::{Fence, LeaseStore};
pub use past::{Past, PastEvent, PastQuery};
pub use snapshots::{Snapshot, SnapshotStore};
pub use store_error::{CLOCK_AHEAD_AT_MOST, StoreError};
pub use subject_keys::{SubjectKey, SubjectKeys};
pub use tenants::{TenantDirectory, TenantSettings, UniformSettings};
