use std::{
    collections::HashMap,
    future::Future,
    hash::{Hash, Hasher},
    marker::PhantomData,
    sync::Arc,
    time::Duration,
};

use async_graphql::{
    Context, Error, Object, OutputType, Result,
    connection::{Connection, EmptyFields},
    dataloader::{DataLoader, Loader},
};
use commands::ports::{Position, TenantId};
use projections::{
    Direction as RowDirection, Filter, Query, ReadModel, Row, Value,
    ports::ReadStoreError,
    runner::{ReadSide, WaitError},
};
use uuid::Uuid;

use super::{
    Direction, FromRequest, Int64, MAX_PAGE, PageArguments, PageRequest, Row as PageRow, fault, refused,
};

/// `totalCount` counts no further.
const COUNT_CAP: u32 = 10_000;
/// Rows that one round of following an edge brings, over all the entities that it starts from; others follow in the next.
const ROUND_ROWS: u32 = 20_000;

/// Entities that an edge is followed from in one round; within the parameters that both engines take.
const ENTITIES: usize = 5_000;
/// How long a round waits for the other entities of its page.
const GATHER: Duration = Duration::from_millis(2);

/// A way from one entity to others, along a column: from a lot to its inspections.
pub trait Edge: Send + Sync + 'static {
    /// The read model whose rows are followed.
    type Model: ReadModel;
    /// The rows at the other end.
    type Row: Row;
    /// The column that names where the edge starts.
    const COLUMN: &'static str;
    /// The order of the rows, by columns; the key follows.
    const ORDER: &'static [&'static str] = &[];

    /// Where the row's edge starts.
    fn start(row: &Self::Row) -> Option<Uuid>;
}

/// Declares edges: `InspectionsOf: Inspections, InspectionRow, lot_id => Some(row.lot_id), by position;`.
#[macro_export]
macro_rules! edges {
    ($( $(#[$meta:meta])* $name:ident: $model:ty, $row:ty, $column:ident, |$value:ident| $start:expr $(, by $order:ident)?; )*) => { $(
        $(#[$meta])*
        pub struct $name;

        impl $crate::graphql::kernel::Edge for $name {
            type Model = $model;
            type Row = $row;
            const COLUMN: &'static str = stringify!($column);
            $( const ORDER: &'static [&'static str] = &[stringify!($order)]; )?

            fn start($value: &$row) -> Option<uuid::Uuid> {
                $start
            }
        }
    )* };
}

/// The read models behind the schema. Edges are followed for all entities of a page at once.
pub struct Reads {
    side: Arc<ReadSide>,
    round_rows: u32,
}

impl Reads {
    /// The loader that the schema keeps. It caches nothing: a key names its tenant, and rows change.
    pub fn loader(side: Arc<ReadSide>) -> DataLoader<Self> {
        Self::loader_of_rounds(side, ROUND_ROWS)
    }

    /// The same with rounds of this many rows; the answers do not depend on it.
    pub fn loader_of_rounds(side: Arc<ReadSide>, round_rows: u32) -> DataLoader<Self> {
        DataLoader::new(Self { side, round_rows }, tokio::spawn).max_batch_size(ENTITIES).delay(GATHER)
    }

    /// The read models themselves.
    pub fn side(&self) -> &Arc<ReadSide> {
        &self.side
    }

    async fn wait(&self, model: &'static str, position: Position) -> Result<()> {
        self.side.wait_for(model, position).await.map_err(|error| match &error {
            WaitError::Lagging { .. } => refused(error.code(), error.to_string()),
            WaitError::UnknownModel(_) => fault("INTERNAL", "a read model is missing"),
        })
    }
}

/// Says to the client what the read side answered: that it is still building, or a masked fault.
pub fn unreadable(error: ReadStoreError) -> Error {
    match error {
        ReadStoreError::NotBuilt { .. } => refused("READ_MODEL_LAGGING", error.to_string()),
        ReadStoreError::ForeignCursor => refused("VALIDATION_FAILED", "the cursor is unknown"),
        ReadStoreError::Unanswerable { .. } => refused("VALIDATION_FAILED", error.to_string()),
        ReadStoreError::Unavailable { .. } => {
            tracing::error!(%error, "a read model cannot be read");
            fault("UNAVAILABLE", "the read models do not answer")
        }
        other => Error::from(other),
    }
}

/// Where an edge is followed from.
pub struct From<E> {
    tenant: TenantId,
    id: Uuid,
    edge: PhantomData<fn() -> E>,
}

impl<E> Clone for From<E> {
    fn clone(&self) -> Self {
        Self { tenant: self.tenant, id: self.id, edge: PhantomData }
    }
}

impl<E> PartialEq for From<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.tenant, self.id) == (other.tenant, other.id)
    }
}

impl<E> Eq for From<E> {}

impl<E> Hash for From<E> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.tenant, self.id).hash(state);
    }
}

impl<E: Edge> Loader<From<E>> for Reads {
    type Value = Vec<E::Row>;
    type Error = Error;

    async fn load(&self, keys: &[From<E>]) -> Result<HashMap<From<E>, Vec<E::Row>>> {
        let mut of_tenant: HashMap<TenantId, Vec<Value>> = HashMap::new();
        for key in keys {
            of_tenant.entry(key.tenant).or_default().push(Value::Uuid(key.id));
        }
        let mut found: HashMap<From<E>, Vec<E::Row>> = HashMap::new();
        for (tenant, ids) in of_tenant {
            let mut query = Query::of::<E::Model, E::Row>(tenant)
                .filter(Filter::In(E::COLUMN, ids))
                .order_by(E::ORDER, RowDirection::Ascending)
                .limit(self.round_rows);
            loop {
                metrics::counter!("cairn_graphql_edge_reads_total", "model" => E::Model::NAME).increment(1);
                let round = self.side.select::<E::Row>(&query).await.map_err(unreadable)?;
                let last = round.rows.last().filter(|_| round.has_more).map(|row| query.cursor(row));
                for row in round.rows {
                    let Some(id) = E::start(&row) else { continue };
                    found.entry(From { tenant, id, edge: PhantomData }).or_default().push(row);
                }
                // Rows that are left out would be goods that nobody looks for: the rounds go on to the end.
                let Some(last) = last else { break };
                query = query.after(Some(last));
            }
        }
        Ok(found)
    }
}

/// Access to the read models from a resolver.
pub trait FromReads {
    /// The read models.
    fn reads(&self) -> Result<&DataLoader<Reads>>;

    /// Every row at the other end of an edge.
    fn follow<E: Edge>(&self, tenant: TenantId, id: Uuid)
    -> impl Future<Output = Result<Vec<E::Row>>> + Send;

    /// The row at the other end of an edge that leads to one at most.
    fn find<E: Edge>(
        &self,
        tenant: TenantId,
        id: Uuid,
    ) -> impl Future<Output = Result<Option<E::Row>>> + Send;

    /// From here on every row that this request reads holds every event up to `minPosition`.
    fn at_least(&self, min_position: Option<Int64>) -> Result<()>;

    /// Waits until a read model holds every event up to `minPosition`, and reads what hangs on it as [`Self::at_least`].
    fn wait<M: ReadModel>(&self, min_position: Option<Int64>) -> impl Future<Output = Result<()>> + Send;
}

impl FromReads for Context<'_> {
    fn reads(&self) -> Result<&DataLoader<Reads>> {
        self.data_opt::<DataLoader<Reads>>().ok_or_else(|| fault("INTERNAL", "there are no read models"))
    }

    async fn follow<E: Edge>(&self, tenant: TenantId, id: Uuid) -> Result<Vec<E::Row>> {
        let reads = self.reads()?;
        if let Some(floor) = self.request()?.floor.position() {
            reads.loader().wait(E::Model::NAME, floor).await?;
        }
        let rows = reads.load_one(From::<E> { tenant, id, edge: PhantomData }).await?;
        Ok(rows.unwrap_or_default())
    }

    async fn find<E: Edge>(&self, tenant: TenantId, id: Uuid) -> Result<Option<E::Row>> {
        Ok(self.follow::<E>(tenant, id).await?.into_iter().next())
    }

    fn at_least(&self, min_position: Option<Int64>) -> Result<()> {
        if let Some(position) = position(min_position)? {
            self.request()?.floor.raise(position);
        }
        Ok(())
    }

    async fn wait<M: ReadModel>(&self, min_position: Option<Int64>) -> Result<()> {
        if let Some(position) = position(min_position)? {
            self.reads()?.loader().wait(M::NAME, position).await?;
            self.request()?.floor.raise(position);
        }
        Ok(())
    }
}

/// The argument `minPosition` as the read models take it.
pub fn position(min_position: Option<Int64>) -> Result<Option<Position>> {
    let Some(given) = min_position else { return Ok(None) };
    let negative = || refused("VALIDATION_FAILED", "minPosition must be 0 or more");
    given.to_u64().map(Some).ok_or_else(negative)
}

/// The rest of a connection: how many rows there are in all.
pub enum Total {
    /// As many as pass a query's filter.
    Counted(Query),
    /// So many.
    Known(usize),
}

/// The rest of a connection.
#[Object]
impl Total {
    /// How many entries there are in all; those that have to pass a filter are counted up to 10,000.
    async fn total_count(&self, context: &Context<'_>) -> Result<i32> {
        let query = match self {
            Self::Counted(query) => query,
            Self::Known(total) => return Ok(i32::try_from(*total).unwrap_or(i32::MAX)),
        };
        let count = context.reads()?.loader().side.count(query, COUNT_CAP).await.map_err(unreadable)?;
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

/// A page of a query's rows as a Relay connection. The cursors of other tables, filters and orders are unknown.
pub async fn page<R: Row, N: OutputType>(
    context: &Context<'_>,
    arguments: PageArguments,
    max: usize,
    query: Query,
    node: impl Fn(R) -> N,
) -> Result<Connection<String, N, Total, EmptyFields>> {
    let Query { filter, order_by, direction, .. } = &query;
    let scope = format!("{}/{filter:?}/{order_by:?}/{direction:?}", query.table.name);
    let request = PageRequest::<Vec<Value>>::try_new(arguments, scope, max)?;
    let direction = match (request.direction, query.direction) {
        (Direction::Forward, same) => same,
        (Direction::Backward, RowDirection::Ascending) => RowDirection::Descending,
        (Direction::Backward, RowDirection::Descending) => RowDirection::Ascending,
    };
    let limit = u32::try_from(request.fetch()).unwrap_or(u32::MAX);
    let select = Query { direction, ..query.clone() }.after(request.from.clone()).limit(limit);
    let rows = context.reads()?.loader().side.select::<R>(&select).await.map_err(unreadable)?.rows;
    let rows = rows.into_iter().map(|row| PageRow { key: select.cursor(&row), node: node(row) }).collect();
    Ok(request.assemble_with(rows, Total::Counted(query)))
}

/// A page of the rows at the other end of an edge, as a Relay connection.
pub async fn edge_page<E: Edge, N: OutputType>(
    context: &Context<'_>,
    tenant: TenantId,
    id: Uuid,
    (first, after): (Option<i32>, Option<String>),
    node: impl Fn(E::Row) -> N,
) -> Result<Connection<String, N, Total, EmptyFields>> {
    let scope = format!("{tenant}/{}/{}/{id}", E::Model::NAME, E::COLUMN);
    let arguments = PageArguments { first, after, ..PageArguments::default() };
    let request = PageRequest::<Vec<Value>>::try_new(arguments, scope, MAX_PAGE)?;
    let rows = context.follow::<E>(tenant, id).await?;
    let order = Query::of::<E::Model, E::Row>(tenant).order_by(E::ORDER, RowDirection::Ascending);
    let total = Total::Known(rows.len());
    let rows = request.rows_of(rows.into_iter().map(|row| (order.cursor(&row), row)));
    let rows = rows.into_iter().map(|row| PageRow { key: row.key, node: node(row.node) }).collect();
    Ok(request.assemble_with(rows, total))
}
