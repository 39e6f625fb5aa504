use async_graphql::{Context, ID, Object, Result};
use projections::lots::{PartnerRow, Partners};
use uuid::Uuid;

use super::{edges::PartnerById, enums::PartnerRole, past::PartnerAsOf};
use crate::graphql::kernel::{CommitInfo, FromReads, FromRequest, GlobalId, Int64, Past};

/// A supplier, customer or carrier.
pub struct Partner(pub(in crate::graphql) PartnerRow);

impl Partner {
    pub(super) async fn after(context: &Context<'_>, id: Uuid, commit: CommitInfo) -> Result<Option<Self>> {
        context.wait::<Partners>(Some(commit.position)).await?;
        let tenant = context.request()?.caller.tenant;
        Ok(context.find::<PartnerById>(tenant, id).await?.map(Self))
    }
}

/// A supplier, customer or carrier.
#[Object]
impl Partner {
    /// Global id.
    pub(in crate::graphql) async fn id(&self) -> ID {
        GlobalId::encode("Partner", self.0.tenant, &self.0.partner_id.to_string()).into()
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Its postal address; without one it cannot take part in a shipment.
    async fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// What it is to the plant.
    async fn roles(&self) -> Vec<PartnerRole> {
        self.0.roles.0.iter().map(|role| (*role).into()).collect()
    }

    #[graphql(flatten)]
    async fn past(&self) -> Past<PartnerAsOf> {
        Past::of(self.0.tenant, self.0.partner_id)
    }

    /// The version of the partner that these fields show.
    async fn version(&self) -> Int64 {
        self.0.version.into()
    }
}
