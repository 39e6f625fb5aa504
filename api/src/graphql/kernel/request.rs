use std::{
    borrow::Cow,
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_graphql::{Context, Guard};
use commands::{
    engine::{Caller, Envelope},
    ports::{Position, TenantId},
};
use domain::identity::Permission;
use projections::{Mark, Query};
use uuid::Uuid;

use super::{IdempotencyKey, fault, gathering::Gathering, refused};

/// Who is asking, and within which conversation. The HTTP layer puts one into every GraphQL request.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// Tenant, actor and permissions, from the token.
    pub caller: Caller,
    /// Where the request comes from, where that is known.
    pub address: Option<IpAddr>,
    /// Ties together everything that the request sets off; answered as `X-Request-Id`.
    pub correlation_id: Uuid,
    /// W3C trace context, when the request carried one.
    pub traceparent: Option<String>,
    /// The header `Idempotency-Key`, for mutations that carry no key of their own.
    pub idempotency_key: Option<IdempotencyKey>,
    /// What every row that the request reads must hold.
    pub floor: Floor,
    /// What the entities of a level want, until they are answered together.
    pub gathering: Gathering,
    /// What the answer is made of.
    pub used: Used,
}

/// What an answer is made of: the rows of which read models, and whether of anything else. An answer that was made of rows
/// alone is the same for as long as they do not change.
#[derive(Debug, Clone, Default)]
pub struct Used(Arc<Mutex<Sources>>);

#[derive(Debug, Default)]
struct Sources {
    /// By read model and tenant: the mark of the tenant's rows when they were read.
    rows: BTreeMap<(&'static str, TenantId), Mark>,
    something_else: bool,
}

impl Used {
    /// Rows of a read model were read.
    pub fn rows(&self, query: &Query, mark: Mark) {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = sources.rows.insert((query.model, query.tenant), mark);
        // They changed while the request ran: no moment has both.
        sources.something_else |= before.is_some_and(|before| before != mark);
    }

    /// The log, an index in memory, the clock, an engine: whatever changes without rows.
    pub fn something_else(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).something_else = true;
    }

    /// The read models whose rows of this tenant the answer was made of, and their marks. None: it was made of something
    /// else too.
    pub fn rows_alone(&self, tenant: TenantId) -> Option<Vec<(&'static str, Mark)>> {
        let sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_tenant = sources.rows.keys().all(|(_model, whose)| *whose == tenant);
        let rows = sources.rows.iter().map(|((model, _tenant), mark)| (*model, *mark));
        (of_tenant && !sources.something_else).then(|| rows.collect())
    }
}

/// The greatest `minPosition` of a request. What hangs on an entity is read from other read models than the entity
/// itself: they too must have come so far.
#[derive(Debug, Clone, Default)]
pub struct Floor(Arc<AtomicU64>);

impl Floor {
    /// Raises it; it never sinks.
    pub fn raise(&self, position: Position) {
        self.0.fetch_max(position, Ordering::Relaxed);
    }

    /// Where it stands; none when the request asked for nothing.
    pub fn position(&self) -> Option<Position> {
        Some(self.0.load(Ordering::Relaxed)).filter(|position| *position > 0)
    }
}

impl RequestContext {
    /// The same for one operation of a batch: what it asks of an edge and what its answer is made of are its own.
    #[must_use]
    pub fn for_one_operation(self) -> Self {
        Self { gathering: Gathering::default(), used: Used::default(), ..self }
    }

    /// What travels with a command of this request. Without a key the command's id is `fresh_id`.
    pub fn envelope(
        &self,
        operation: &str,
        key: Option<&IdempotencyKey>,
        expected_version: Option<u64>,
        fresh_id: Uuid,
    ) -> Envelope {
        let key = key.or(self.idempotency_key.as_ref());
        let command_id =
            key.map_or(fresh_id, |key| key.command_id(self.caller.tenant, &self.subject(), operation));
        Envelope {
            key_given: key.is_some(),
            // A key is free again after its time; a fresh id is asked for by nobody else.
            expires: true,
            correlation_id: self.correlation_id,
            traceparent: self.traceparent.clone(),
            expected_version,
            ..Envelope::new(self.caller.clone(), command_id)
        }
    }
}

impl RequestContext {
    /// Whose idempotency keys these are: the actor's, or those of the address that somebody unknown asks from, so that no
    /// stranger's key reveals another's answer.
    fn subject(&self) -> Cow<'_, str> {
        match self.address {
            Some(address) if self.caller.is_anonymous() => format!("{}@{address}", self.caller.actor).into(),
            Some(_) | None => Cow::Borrowed(&self.caller.actor),
        }
    }
}

/// Access to the request from a resolver.
pub trait FromRequest {
    /// What the schema keeps beside the read models: an engine, an index in memory. Its answers change without rows.
    fn source<T: Send + Sync + 'static>(&self, missing: &'static str) -> async_graphql::Result<&T>;

    /// Who is asking.
    fn request(&self) -> async_graphql::Result<&RequestContext>;
}

impl FromRequest for Context<'_> {
    fn source<T: Send + Sync + 'static>(&self, missing: &'static str) -> async_graphql::Result<&T> {
        self.request()?.used.something_else();
        self.data_opt::<T>().ok_or_else(|| fault("INTERNAL", missing))
    }

    fn request(&self) -> async_graphql::Result<&RequestContext> {
        self.data_opt::<RequestContext>().ok_or_else(|| fault("INTERNAL", "the request carries no caller"))
    }
}

/// Asks for a permission; without it: FORBIDDEN, and UNAUTHENTICATED for somebody who has not said who he is.
pub fn permit(context: &Context<'_>, permission: Permission) -> async_graphql::Result<()> {
    let caller = &context.request()?.caller;
    if caller.permissions.contains(permission) {
        return Ok(());
    }
    if caller.is_anonymous() {
        return Err(refused("UNAUTHENTICATED", "this needs a bearer token".to_owned()));
    }
    let mut error = refused("FORBIDDEN", format!("this needs the permission {}", permission.as_str()));
    let required = async_graphql::Value::List(vec![permission.as_str().into()]);
    error.extensions.get_or_insert_default().set("required", required);
    Err(error)
}

/// A guard for fields that show no entity and need a permission: `#[graphql(guard = "requires(Permission::AuditRead)")]`.
pub fn requires(permission: Permission) -> impl Guard {
    move |context: &Context<'_>| permit(context, permission)
}

#[cfg(test)]
mod tests {
    use commands::engine::Caller;

    use super::*;

    /// identity.md, section 4: a key must never reveal another user's reply.
    #[test]
    fn strangers_keys_are_told_apart_by_where_they_ask_from() {
        let (tenant, key) = (Uuid::from_u128(1), IdempotencyKey::try_new("k-1").ok());
        let id = |caller: Caller, address: &str| {
            let context = RequestContext {
                caller,
                address: address.parse().ok(),
                correlation_id: Uuid::nil(),
                traceparent: None,
                idempotency_key: key.clone(),
                floor: Floor::default(),
                gathering: Gathering::default(),
                used: Used::default(),
            };
            context.envelope("book", None, None, Uuid::nil()).command_id
        };
        let stranger = || Caller::anonymous(tenant);
        assert_eq!(id(stranger(), "10.0.0.1"), id(stranger(), "10.0.0.1"));
        assert_ne!(id(stranger(), "10.0.0.1"), id(stranger(), "10.0.0.2"));
        let ann = || Caller { actor: Arc::from("ann"), ..stranger() };
        assert_eq!(id(ann(), "10.0.0.1"), id(ann(), "10.0.0.2"), "a user's keys are his wherever he is");
    }
}
