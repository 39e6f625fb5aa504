use async_graphql::{Context, ID, Interface, Object, Result};
use domain::identity::Permission;
use uuid::Uuid;

use super::{
    kernel::{FromReads, FromRequest, GlobalId, GlobalIdError, Int64, refused, requires},
    lots::{
        Deviation, Inspection, Lot, Partner, Reading,
        edges::{DeviationById, InspectionById, LotById, PartnerById, ReadingById},
    },
};

/// How many ids `nodes` takes at once.
const MAX_NODES: usize = 100;

/// An entity with a global id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Global id: opaque, unique over all types."))]
pub enum Node {
    /// One batch of goods.
    Lot(Lot),
    /// A supplier, customer or carrier.
    Partner(Partner),
    /// A decision at a gate.
    Inspection(Inspection),
    /// A breach.
    Deviation(Deviation),
    /// A reading of a thermometer.
    Reading(Reading),
}

/// Entities by their global id.
#[derive(Debug, Clone, Copy, Default)]
pub struct NodeQueries;

#[Object]
impl NodeQueries {
    /// The entity with this id; none when there is none, or when it is another tenant's.
    #[graphql(guard = "requires(Permission::PlantRead)")]
    async fn node(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "A global id.")] id: ID,
        #[graphql(desc = "Waits until the answer holds everything up to this position.")]
        min_position: Option<Int64>,
    ) -> Result<Option<Node>> {
        context.at_least(min_position)?;
        find(context, &id).await
    }

    /// The entities with these ids, at most 100, in their order.
    #[graphql(guard = "requires(Permission::PlantRead)")]
    async fn nodes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Global ids.")] ids: Vec<ID>,
        #[graphql(desc = "Waits until the answer holds everything up to this position.")]
        min_position: Option<Int64>,
    ) -> Result<Vec<Option<Node>>> {
        context.at_least(min_position)?;
        if ids.len() > MAX_NODES {
            return Err(refused("VALIDATION_FAILED", format!("at most {MAX_NODES} ids are taken at once")));
        }
        futures::future::try_join_all(ids.iter().map(|id| find(context, id))).await
    }
}

async fn find(context: &Context<'_>, id: &ID) -> Result<Option<Node>> {
    let tenant = context.request()?.caller.tenant;
    let GlobalId { type_name, tenant: owner, stream_id } = GlobalId::decode(id)?;
    if owner != tenant {
        return Ok(None);
    }
    let id = Uuid::try_parse(&stream_id).map_err(|_not_a_uuid| GlobalIdError::Malformed)?;
    Ok(match type_name.as_str() {
        "Lot" => context.find::<LotById>(tenant, id).await?.map(|row| Lot(row).into()),
        "Partner" => context.find::<PartnerById>(tenant, id).await?.map(|row| Partner(row).into()),
        "Inspection" => context.find::<InspectionById>(tenant, id).await?.map(|row| Inspection(row).into()),
        "Deviation" => context.find::<DeviationById>(tenant, id).await?.map(|row| Deviation(row).into()),
        "TemperatureReading" => context.find::<ReadingById>(tenant, id).await?.map(|row| Reading(row).into()),
        _ => None,
    })
}
