//! Finds the stream that somebody means.

use commands::{
    engine::fold,
    lots::lot_code_claim,
    ports::{EventStore, StreamKey, TenantId},
};
use domain::{Decider, claims::KeyClaim, lots::Lot};
use uuid::Uuid;

use super::{Context, Failure, Outcome, Settled};

/// More events than a key claim ever has.
const CLAIM_EVENTS: usize = 1_000;

/// The stream of an aggregate that exists: its id, or a lot's code. Without a tenant, every tenant that the configuration
/// knows is asked.
pub async fn find(
    events: &dyn EventStore,
    settled: &Settled,
    tenant: Option<&str>,
    category: &str,
    id: &str,
) -> Outcome<StreamKey> {
    let tenants = match tenant {
        Some(tenant) => vec![settled.tenant(tenant)?],
        None => settled.tenants().iter().map(|tenant| tenant.id).collect(),
    };
    let mut found = Vec::new();
    for asked in tenants {
        found.extend(find_in(events, settled, asked, category, id).await?);
    }
    match (found.pop(), found.pop()) {
        (Some(stream), None) => Ok(stream),
        (Some(_), Some(_)) => Err(Failure::usage(format!("several tenants have a {category} {id}"))
            .advise("say whose you mean with --tenant")),
        (None, _) => Err(unknown(settled, tenant, category, id)),
    }
}

fn unknown(settled: &Settled, tenant: Option<&str>, category: &str, id: &str) -> Failure {
    let failure = Failure::new(format!("there is no {category} {id} in {}", settled.url));
    match tenant {
        Some(_) => failure,
        None => {
            let known: Vec<String> = settled.tenants().into_iter().map(|tenant| tenant.slug).collect();
            failure.advise(format!("--tenant ID, if it is not one of: {}", known.join(", ")))
        }
    }
}

async fn find_in(
    events: &dyn EventStore,
    settled: &Settled,
    tenant: TenantId,
    category: &str,
    id: &str,
) -> Outcome<Option<StreamKey>> {
    let unreadable = || format!("the log {} does not answer", settled.url);
    let id = if category == Lot::CATEGORY && Uuid::try_parse(id).is_err() {
        let claim = StreamKey::new(tenant, KeyClaim::CATEGORY, lot_code_claim(id));
        let claimed = events.read_stream(&claim, 0, CLAIM_EVENTS).await.or_fail(unreadable)?;
        match fold::<KeyClaim>(&claimed).or_fail(unreadable)? {
            KeyClaim::Held { owner } => owner.trim_start_matches("lot-").to_owned(),
            KeyClaim::Free => return Ok(None),
        }
    } else {
        id.to_owned()
    };
    let stream = StreamKey::new(tenant, category.to_owned(), id);
    let exists = !events.read_stream(&stream, 0, 1).await.or_fail(unreadable)?.is_empty();
    Ok(exists.then_some(stream))
}
