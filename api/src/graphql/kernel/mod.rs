//! What every context's GraphQL module shares, so that each stays thin.
//!
//! A mutation takes `input`, `idempotencyKey` and `expectedVersion` and is one call of [`run`]: it turns the request
//! into a command's envelope, and the engine's answer into `commit` and `errors`. A query's list takes a
//! [`PageRequest`]; ids that leave are [`GlobalId`]s; 64-bit numbers are [`Int64`]; a field that not everybody may
//! read carries `guard = "requires(Permission::…)"`; an aggregate's object flattens its [`Past`]. Errors that a client can act on are [`MutationError`]s, or
//! [`refused`] in a query; everything else is a fault and reaches the client masked.

mod commit_info;
mod errors;
mod global_id;
mod idempotency;
mod int64;
mod local_date;
mod mutation;
mod page;
mod past;
mod reads;
mod request;

/// Which values fit the schema's own scalars: what does not is refused before anything runs.
pub const SCALARS: &[document::Scalar] = &[("Int64", |value| Int64::read(value).is_some())];

pub use commit_info::CommitInfo;
pub use errors::{
    ConcurrentModification, ErrorDetail, IdempotencyRefused, MutationError, NotFound, PermissionMissing,
    RuleRefused, UserError, ValidationFailed, VersionConflict, classify, fault, refused,
};
pub use global_id::{GlobalId, GlobalIdError};
pub use idempotency::{IdempotencyKey, MalformedKey};
pub use int64::Int64;
pub use local_date::LocalDate;
pub use mutation::{Mutation, Outcome, run};
pub use page::{DEFAULT_PAGE, Direction, MAX_PAGE, PageArguments, PageError, PageRequest, Row};
pub use past::{AsOf, EntityAsOf, HistoryEvent, HistoryPage, Moment, Past, PastState, position_of};
pub use reads::{Edge, From, FromReads, Reads, Total, edge_page, page, position, unreadable};
pub use request::{Floor, FromRequest, RequestContext, requires};
