use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_graphql::{Context, Guard};
use commands::{
    engine::{Caller, Envelope},
    ports::Position,
};
use domain::identity::Permission;
use uuid::Uuid;

use super::{IdempotencyKey, fault, refused};

/// Who is asking, and within which conversation. The HTTP layer puts one into every GraphQL request.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// Tenant, actor and permissions, from the token.
    pub caller: Caller,
    /// Ties together everything that the request sets off; answered as `X-Request-Id`.
    pub correlation_id: Uuid,
    /// W3C trace context, when the request carried one.
    pub traceparent: Option<String>,
    /// The header `Idempotency-Key`, for mutations that carry no key of their own.
    pub idempotency_key: Option<IdempotencyKey>,
    /// What every row that the request reads must hold.
    pub floor: Floor,
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
            key.map_or(fresh_id, |key| key.command_id(self.caller.tenant, &self.caller.actor, operation));
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

/// Access to the request from a resolver.
pub trait FromRequest {
    /// Who is asking.
    fn request(&self) -> async_graphql::Result<&RequestContext>;
}

impl FromRequest for Context<'_> {
    fn request(&self) -> async_graphql::Result<&RequestContext> {
        self.data_opt::<RequestContext>().ok_or_else(|| fault("INTERNAL", "the request carries no caller"))
    }
}

/// Asks for a permission; without it: FORBIDDEN.
pub fn permit(context: &Context<'_>, permission: Permission) -> async_graphql::Result<()> {
    if context.request()?.caller.permissions.contains(permission) {
        return Ok(());
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
