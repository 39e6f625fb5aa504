use std::{sync::Arc, time::Duration};

use async_graphql::{Context, ID, Object, Result};
use domain::{Refusal, identity::Permission, kernel::RefusalKind, lots::GenealogyDirection};
use projections::lots::genealogy::{self, GenealogyRefusal, LotRef};

use super::{
    objects::{Genealogy, Traceability},
    recall::{RecallDifference, RecallScope},
};
use crate::graphql::kernel::{
    AsOf, E, FromReads, FromRequest, GlobalId, GlobalIdError, Int64, Named as _, position, position_of,
    refused, requires,
};
use crate::graphql::lots::Lot;

/// How long a query waits for a position (identity.md, section 0).
const WAIT_AT_MOST: Duration = Duration::from_secs(5);

/// Where lots came from and where they went.
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingQueries;

fn index<'a>(context: &'a Context<'_>) -> Result<&'a Arc<genealogy::Genealogy>> {
    context.source("there is no genealogy")
}

/// The index, once it holds what the answer must: the log as the process found it, `minPosition`, the moment asked for.
pub(super) async fn index_at<'a>(
    context: &'a Context<'_>,
    min_position: Option<Int64>,
    as_of: Option<u64>,
) -> Result<&'a Arc<genealogy::Genealogy>> {
    let index = index(context)?;
    let wanted = position(min_position)?.max(as_of);
    let waited = index.wait_to_answer(wanted, WAIT_AT_MOST).await;
    waited.map_err(|lagging| refused(lagging.code(), lagging.to_string()))?;
    // The rows that hang on the answer are asked for it by `minPosition` too; an index that is ahead of them promises nothing.
    context.at_least(min_position)?;
    Ok(index)
}

/// A refusal of the index as the query's error. `None`: there is no such lot, which a nullable answer says by itself.
fn answered<T>(answer: std::result::Result<T, GenealogyRefusal>) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(refusal) if refusal.kind() == RefusalKind::NotFound => Ok(None),
        Err(refusal) => Err(refused(refusal.code(), refusal.to_string())),
    }
}

/// Which lot a query names: by global id, or by its code.
enum Named {
    Id(uuid::Uuid),
    Code(String),
    /// Another tenant's id: as if there were nothing.
    Nothing,
}

impl Named {
    fn read(context: &Context<'_>, lot: &ID) -> Result<Self> {
        let tenant = context.request()?.caller.tenant;
        // A code has hyphens after its first letters, and a global id decodes: no text is both.
        match GlobalId::decode(lot) {
            Err(GlobalIdError::Malformed) => Ok(Self::Code(lot.to_ascii_uppercase())),
            Err(GlobalIdError::Foreign) => Ok(Self::Nothing),
            Ok(_) => {
                let id = GlobalId::decode_as(lot, Lot::TYPE, tenant).ok();
                Ok(id.and_then(|id| id.parse().ok()).map_or(Self::Nothing, Self::Id))
            }
        }
    }

    fn lot(&self) -> Option<LotRef<'_>> {
        match self {
            Self::Id(id) => Some(LotRef::Id(*id)),
            Self::Code(code) => Some(LotRef::Code(code)),
            Self::Nothing => None,
        }
    }
}

#[Object]
impl TracingQueries {
    /// One step back and one step forward from a lot (EU 178/2002, article 18); an unknown code answers NOT_FOUND.
    #[graphql(guard = "requires(Permission::PlantRead)")]
    async fn traceability(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The lot's code.")] lot_code: String,
        #[graphql(desc = "At this moment of the past.")] as_of: Option<AsOf>,
        #[graphql(desc = "Waits until the answer holds everything up to this position.")]
        min_position: Option<Int64>,
    ) -> Result<Traceability> {
        let tenant = context.request()?.caller.tenant;
        let as_of = position_of(context, as_of).await?;
        let index = index_at(context, min_position, as_of).await?;
        let code = lot_code.to_ascii_uppercase();
        let answer = index.traceability(tenant, LotRef::Code(&code), as_of);
        answered(answer)?
            .map(|answer| Traceability { tenant, answer })
            .ok_or_else(|| refused("NOT_FOUND", format!("there is no lot {lot_code}")))
    }

    /// The lots around a lot and how they are linked. One way the depth is 1 to 10, 1 when none is given; both ways 1 to 5,
    /// 3 when none is given.
    #[graphql(guard = "requires(Permission::PlantRead)")]
    async fn genealogy(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The lot's global id or code.")] lot: ID,
        #[graphql(desc = "Which way.")] direction: E<GenealogyDirection>,
        #[graphql(desc = "How many steps.")] depth: Option<i32>,
        #[graphql(desc = "At this moment of the past.")] as_of: Option<AsOf>,
        #[graphql(desc = "Waits until the answer holds everything up to this position.")]
        min_position: Option<Int64>,
    ) -> Result<Option<Genealogy>> {
        let (tenant, E(direction)) = (context.request()?.caller.tenant, direction);
        let as_of = position_of(context, as_of).await?;
        let index = index_at(context, min_position, as_of).await?;
        let named = Named::read(context, &lot)?;
        let Some(lot) = named.lot() else { return Ok(None) };
        let answer = index.genealogy(tenant, lot, direction, depth.map(Into::into), as_of);
        let Some(answer) = answered(answer)? else { return Ok(None) };
        let root = answer.nodes(0, 1).pop();
        Ok(root.map(|root| Genealogy { tenant, lot_id: root.lot.lot_id, direction, depth, answer }))
    }

    /// Everything that a recall of a lot concerns: every descendant, who received a part of it, and where its grams are.
    #[graphql(guard = "requires(Permission::PlantRead)")]
    async fn recall_scope(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The lot's global id or code.")] lot: ID,
        #[graphql(desc = "At this moment of the past.")] as_of: Option<AsOf>,
        #[graphql(desc = "Waits until the answer holds everything up to this position.")]
        min_position: Option<Int64>,
    ) -> Result<Option<RecallScope>> {
        let tenant = context.request()?.caller.tenant;
        let as_of = position_of(context, as_of).await?;
        let index = index_at(context, min_position, as_of).await?;
        let named = Named::read(context, &lot)?;
        let Some(lot) = named.lot() else { return Ok(None) };
        Ok(answered(index.recall_scope(tenant, lot, as_of))?.map(|scope| RecallScope { tenant, scope }))
    }

    /// What became of a recall from one moment to a later one.
    #[graphql(guard = "requires(Permission::PlantRead)")]
    async fn recall_difference(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The lot's global id or code.")] lot: ID,
        #[graphql(desc = "The earlier moment.")] from: AsOf,
        #[graphql(desc = "The later moment; left out, now.")] to: Option<AsOf>,
        #[graphql(desc = "Waits until the answer holds everything up to this position.")]
        min_position: Option<Int64>,
    ) -> Result<Option<RecallDifference>> {
        let tenant = context.request()?.caller.tenant;
        let from = position_of(context, Some(from)).await?.unwrap_or_default();
        let to = position_of(context, to).await?;
        if to.is_some_and(|to| to < from) {
            return Err(refused("VALIDATION_FAILED", "the later moment comes before the earlier one"));
        }
        let index = index_at(context, min_position, to.or(Some(from))).await?;
        let named = Named::read(context, &lot)?;
        let Some(lot) = named.lot() else { return Ok(None) };
        let answer = answered(index.recall_difference(tenant, lot, from, to))?;
        let lot_id = answered(index.lot(tenant, lot, to))?.map(|facts| facts.lot_id);
        Ok(answer.zip(lot_id).map(|(difference, lot_id)| RecallDifference { tenant, lot_id, difference }))
    }
}
