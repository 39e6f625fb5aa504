use std::marker::PhantomData;

use async_graphql::{Context, ID, Object, OutputType, Result};
use uuid::Uuid;

use super::{FromReads, FromRequest, GlobalId, GlobalIdError, Int64, blame, refused};

/// How many ids `nodes` takes at once.
const MAX_NODES: usize = 100;

/// Everything with a global id. Declared by [`nodes!`](crate::nodes).
pub trait Nodes: OutputType + Send + Sync + Sized + 'static {
    /// The entity of a type with this id. Asks for the permission of the type.
    fn find(
        context: &Context<'_>,
        type_name: &str,
        id: Uuid,
    ) -> impl Future<Output = Result<Option<Self>>> + Send;
}

/// Entities by their global id.
pub struct NodeQueries<N>(PhantomData<fn() -> N>);

impl<N> Default for NodeQueries<N> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

#[Object]
impl<N: Nodes> NodeQueries<N> {
    /// The entity with this id; none when there is none, or when it is another tenant's. Needs what its type needs.
    async fn node(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "A global id.")] id: ID,
        #[graphql(desc = "Waits until the answer holds everything up to this position.")]
        min_position: Option<Int64>,
    ) -> Result<Option<N>> {
        context.at_least(min_position)?;
        find(context, &id).await
    }

    /// The entities with these ids, at most 100, in their order. An entry that the caller may not see is none, with an
    /// error of its own.
    async fn nodes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Global ids.")] ids: Vec<ID>,
        #[graphql(desc = "Waits until the answer holds everything up to this position.")]
        min_position: Option<Int64>,
    ) -> Result<Vec<Option<Result<N>>>> {
        context.at_least(min_position)?;
        if ids.len() > MAX_NODES {
            return Err(refused("VALIDATION_FAILED", format!("at most {MAX_NODES} ids are taken at once")));
        }
        let found = futures::future::join_all(ids.iter().map(|id| find(context, id))).await;
        let blamed =
            |(at, found): (usize, Result<_>)| found.map_err(|error| blame(error, &format!("ids.{at}")));
        Ok(found.into_iter().enumerate().map(blamed).map(Result::transpose).collect())
    }
}

async fn find<N: Nodes>(context: &Context<'_>, id: &ID) -> Result<Option<N>> {
    let GlobalId { type_name, tenant, stream_id } = GlobalId::decode(id)?;
    if tenant != context.request()?.caller.tenant {
        return Ok(None);
    }
    let id = Uuid::try_parse(&stream_id).map_err(|_not_a_uuid| GlobalIdError::Malformed)?;
    N::find(context, &type_name, id).await
}

/// Declares the interface of everything with a global id: `nodes! { pub enum Node { Lot(lots::Lot), } }`.
#[macro_export]
macro_rules! nodes {
    ($(#[$meta:meta])* $visibility:vis enum $name:ident { $( $node:ident($($path:ident)::+), )* }) => {
        $(#[$meta])*
        #[derive(async_graphql::Interface)]
        #[graphql(field(name = "id", ty = "async_graphql::ID", desc = "Global id: opaque, unique over all types."))]
        $visibility enum $name {
            $( #[doc = concat!("See [`", stringify!($($path)::+), "`].")] $node($($path)::+), )*
        }

        impl $crate::graphql::kernel::Nodes for $name {
            async fn find(
                context: &async_graphql::Context<'_>,
                type_name: &str,
                id: uuid::Uuid,
            ) -> async_graphql::Result<Option<Self>> {
                $( if type_name == <$($path)::+ as $crate::graphql::kernel::Named>::TYPE {
                    let found = $crate::graphql::kernel::Shows::entity::<$($path)::+>(context, id).await?;
                    return Ok(found.map(Self::$node));
                } )*
                Ok(None)
            }
        }
    };
}
