//! What every context's GraphQL modules share, so that each stays thin. It knows no domain.
//!
//! Reading order: [`entity`](mod@entity) (what is shown, who may see it, and the ways from it) with `declaring`, `past` (`history` and `asOf`,
//! told by the read model's own fold), `list`, `node`; then what mutations are made of: [`E`] (an enum of the domain),
//! `terms`, `input`, [`Asked`], `mutation`; then what these stand on: `reads`, `page`, `errors`, `global_id`.
//!
//! A module of an aggregate declares by `entity!` what is shown and by `mutations!` what can be done; where these do not say
//! all of it, there are `terms!`, `inputs!`, `payloads!`, `filters!`, `fields!` and `lists!`.
//! Whatever shows rows asks for the permission of their type by itself; a field that shows none and that not
//! everybody may read carries `guard = "requires(Permission::…)"`. Errors that a client can act on are [`MutationError`]s, or
//! [`refused`] in a query; everything else is a fault and reaches the client masked.

mod asked;
mod commit_info;
mod declaring;
pub mod entity;
mod entry;
mod enumeration;
mod errors;
mod gathering;
mod global_id;
mod idempotency;
mod input;
mod int64;
mod list;
mod local_date;
mod money;
mod mutation;
mod node;
mod page;
mod past;
mod reads;
mod request;
mod terms;

/// Which values fit the schema's own scalars: what does not is refused before anything runs.
pub const SCALARS: &[document::Scalar] = &[("Int64", |value| Int64::read(value).is_some())];

pub use asked::{Asked, Said, Whom};
pub use commit_info::CommitInfo;
pub use entity::{Allowed, ById, Entity, Granted, List, Named, Shown, Shows};
pub use entry::Entry;
pub use enumeration::E;
pub use errors::{
    ConcurrentModification, ErrorDetail, IdempotencyRefused, MutationError, NotFound, PermissionMissing,
    RuleRefused, UserError, ValidationFailed, VersionConflict, blame, classify, fault, refused,
};
pub use gathering::Gathering;
pub use global_id::{GlobalId, GlobalIdError};
pub use idempotency::{IdempotencyKey, MalformedKey};
pub use input::{Becomes, FieldName, Given, Id, Input, Key, Place};
pub use int64::Int64;
pub use list::{ListOrder, Narrowing, Narrows};
pub use local_date::LocalDate;
pub use money::{Amount, GivenAmount};
pub use mutation::{Mutation, Outcome, give};
pub use node::{NodeQueries, Nodes};
pub use page::{DEFAULT_PAGE, Direction, MAX_PAGE, PageArguments, PageError, PageRequest, Row};
pub use past::{AsOf, EntityAsOf, HistoryEvent, HistoryPage, Past, PastRows, Then, Told, position_of};
pub use reads::{Edge, FromReads, Reads, Total, position};
pub use request::{Floor, FromRequest, RequestContext, Used, permit, requires};
pub use terms::{Face, ShownTerms, TermsOf};
