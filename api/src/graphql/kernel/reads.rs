use std::{collections::HashMap, future::Future, sync::Arc};

use async_graphql::{
    Context, Error, Object, OutputType, Result,
    connection::{Connection, EmptyFields},
};
use commands::ports::{EventStore, Position, TenantId};
use futures::{FutureExt, future::BoxFuture};
use projections::{
    Direction as RowDirection, Filter, Page, Query, ReadModel, Row, Value,
    ports::ReadStoreError,
    runner::{ReadSide, WaitError},
};
use uuid::Uuid;

use super::{
    Direction, FromRequest, Int64, MAX_PAGE, PageArguments, PageRequest, fault, gathering::Wanted, refused,
    request::Used,
};

/// `totalCount` counts no further.
const COUNT_CAP: u32 = 10_000;
/// Rows that one round of following an edge brings, over all the entities that it starts from; others follow in the next.
const ROUND_ROWS: u32 = 20_000;

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

/// The read models behind the schema.
pub struct Reads {
    side: Arc<ReadSide>,
    round_rows: u32,
}

impl Reads {
    /// What the schema keeps.
    pub fn new(side: Arc<ReadSide>) -> Self {
        Self::of_rounds(side, ROUND_ROWS)
    }

    /// The same with rounds of this many rows; the answers do not depend on it.
    pub fn of_rounds(side: Arc<ReadSide>, round_rows: u32) -> Self {
        Self { side, round_rows }
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

/// Access to the read models from a resolver. There is no other: what an answer is made of is noted here.
pub trait FromReads {
    /// The log, for what is told from it alone.
    fn log(&self) -> Result<&dyn EventStore>;

    /// A page of rows of the live build.
    fn select<R: Row>(&self, query: &Query) -> impl Future<Output = Result<Page<R>>> + Send;

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

fn reads<'a>(context: &'a Context<'_>) -> Result<&'a Reads> {
    context.data_opt::<Reads>().ok_or_else(|| fault("INTERNAL", "there are no read models"))
}

impl FromReads for Context<'_> {
    fn log(&self) -> Result<&dyn EventStore> {
        self.request()?.used.something_else();
        Ok(&**reads(self)?.side.events())
    }

    async fn select<R: Row>(&self, query: &Query) -> Result<Page<R>> {
        let page = reads(self)?.side.select::<R>(query).await.map_err(unreadable)?;
        self.request()?.used.rows(query, page.mark);
        Ok(page)
    }

    async fn follow<E: Edge>(&self, tenant: TenantId, id: Uuid) -> Result<Vec<E::Row>> {
        let round_rows = reads(self)?.round_rows;
        let whole = move |side, used, ids| whole::<E>(side, used, tenant, ids, round_rows);
        Ok(gather::<E, _, _>(self, (tenant, id), Wanted::Whole, whole).await?.unwrap_or_default())
    }

    async fn find<E: Edge>(&self, tenant: TenantId, id: Uuid) -> Result<Option<E::Row>> {
        Ok(rows_of::<E>(self, (tenant, id), 1, None).await?.into_iter().next())
    }

    fn at_least(&self, min_position: Option<Int64>) -> Result<()> {
        if let Some(position) = position(min_position)? {
            self.request()?.floor.raise(position);
        }
        Ok(())
    }

    async fn wait<M: ReadModel>(&self, min_position: Option<Int64>) -> Result<()> {
        if let Some(position) = position(min_position)? {
            reads(self)?.wait(M::NAME, position).await?;
            self.request()?.floor.raise(position);
        }
        Ok(())
    }
}

/// Asks an edge's question for all entities of a level at once.
async fn gather<E: Edge, T, F>(
    context: &Context<'_>,
    (tenant, id): (TenantId, Uuid),
    wanted: Wanted,
    bring: impl FnOnce(Arc<ReadSide>, Used, Vec<Uuid>) -> F + Send + 'static,
) -> Result<Option<T>>
where
    T: Clone + Send + 'static,
    F: Future<Output = Result<HashMap<Uuid, T>>> + Send + 'static,
{
    let (reads, request) = (reads(context)?, context.request()?);
    if let Some(floor) = request.floor.position() {
        reads.wait(E::Model::NAME, floor).await?;
    }
    let (side, used) = (Arc::clone(&reads.side), request.used.clone());
    let bring = move |ids| {
        metrics::counter!("cairn_graphql_edge_reads_total", "model" => E::Model::NAME).increment(1);
        bring(side, used, ids)
    };
    request.gathering.join::<E, T, _>((tenant, id), wanted, bring).await
}

fn values(ids: Vec<Uuid>) -> Vec<Value> {
    ids.into_iter().map(Value::Uuid).collect()
}

/// The rows at the other end of an edge, so many of them behind a cursor.
async fn rows_of<E: Edge>(
    context: &Context<'_>,
    from: (TenantId, Uuid),
    limit: u32,
    after: Option<Vec<Value>>,
) -> Result<Vec<E::Row>> {
    let wanted = Wanted::Page { limit, after: after.clone() };
    let page = move |side: Arc<ReadSide>, used: Used, ids| async move {
        let query = order::<E>(from.0).after(after).limit(limit);
        let page = side.select_each::<E::Row>(&query, E::COLUMN, values(ids)).await.map_err(unreadable)?;
        used.rows(&query, page.mark);
        let mut found = HashMap::new();
        sort::<E>(page.rows, &mut found);
        Ok(found)
    };
    Ok(gather::<E, _, _>(context, from, wanted, page).await?.unwrap_or_default())
}

fn sort<E: Edge>(rows: Vec<E::Row>, found: &mut HashMap<Uuid, Vec<E::Row>>) {
    for row in rows {
        let Some(id) = E::start(&row) else { continue };
        found.entry(id).or_default().push(row);
    }
}

async fn whole<E: Edge>(
    side: Arc<ReadSide>,
    used: Used,
    tenant: TenantId,
    ids: Vec<Uuid>,
    round_rows: u32,
) -> Result<HashMap<Uuid, Vec<E::Row>>> {
    let mut found = HashMap::new();
    let mut query = order::<E>(tenant).filter(Filter::In(E::COLUMN, values(ids))).limit(round_rows);
    loop {
        let round = side.select::<E::Row>(&query).await.map_err(unreadable)?;
        used.rows(&query, round.mark);
        let last = round.rows.last().filter(|_| round.has_more).map(|row| query.cursor(row));
        sort::<E>(round.rows, &mut found);
        // Rows that are left out would be goods that nobody looks for: the rounds go on to the end.
        let Some(last) = last else { return Ok(found) };
        query = query.after(Some(last));
    }
}

fn order<E: Edge>(tenant: TenantId) -> Query {
    Query::of::<E::Model, E::Row>(tenant).order_by(E::ORDER, RowDirection::Ascending)
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
    /// As many as stand at the other end of an edge.
    OfEdge(CountEdge, TenantId, Uuid),
    /// So many.
    Known(usize),
}

/// Counts the rows at the other end of an edge.
pub type CountEdge = for<'a> fn(&'a Context<'_>, TenantId, Uuid) -> BoxFuture<'a, Result<u64>>;

fn count_edge<'a, E: Edge>(
    context: &'a Context<'_>,
    tenant: TenantId,
    id: Uuid,
) -> BoxFuture<'a, Result<u64>> {
    let count = move |side: Arc<ReadSide>, used: Used, ids| async move {
        let query = order::<E>(tenant);
        let counted = side.store().count_each(&query, E::COLUMN, values(ids), COUNT_CAP).await;
        let counted = counted.map_err(unreadable)?;
        used.rows(&query, counted.mark);
        let counts = counted.of_each.into_iter().filter_map(|(value, count)| match value {
            Value::Uuid(id) => Some((id, count)),
            _ => None,
        });
        Ok(counts.collect())
    };
    async move { Ok(gather::<E, _, _>(context, (tenant, id), Wanted::Count, count).await?.unwrap_or(0)) }
        .boxed()
}

/// The rest of a connection.
#[Object]
impl Total {
    /// How many entries there are in all; those that have to pass a filter are counted up to 10,000.
    async fn total_count(&self, context: &Context<'_>) -> Result<i32> {
        let count = match self {
            Self::Counted(query) => {
                let (count, mark) = reads(context)?.side.count(query, COUNT_CAP).await.map_err(unreadable)?;
                context.request()?.used.rows(query, mark);
                count
            }
            Self::OfEdge(count, tenant, id) => count(context, *tenant, *id).await?,
            Self::Known(total) => *total as u64,
        };
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

/// Whether somebody selected a cursor of the connection that the context's field answers.
fn wants_cursors(context: &Context<'_>) -> bool {
    let ahead = context.look_ahead();
    let page_info = ahead.field("pageInfo");
    let ends = page_info.field("startCursor").exists() || page_info.field("endCursor").exists();
    ends || ahead.field("edges").field("cursor").exists()
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
    let scope = || format!("{}/{filter:?}/{order_by:?}/{direction:?}", query.table.name);
    let request = PageRequest::<Vec<Value>>::with_cursors_if(wants_cursors(context), arguments, scope, max)?;
    let direction = match (request.direction, query.direction) {
        (Direction::Forward, same) => same,
        (Direction::Backward, RowDirection::Ascending) => RowDirection::Descending,
        (Direction::Backward, RowDirection::Descending) => RowDirection::Ascending,
    };
    let limit = u32::try_from(request.limit).unwrap_or(u32::MAX);
    let select = Query { direction, ..query.clone() }.after(request.from.clone()).limit(limit);
    let page = context.select::<R>(&select).await?;
    Ok(request.connection(page.rows, page.has_more, |row| select.cursor(row), node, Total::Counted(query)))
}

/// A page of the rows at the other end of an edge, as a Relay connection.
pub async fn edge_page<E: Edge, N: OutputType>(
    context: &Context<'_>,
    tenant: TenantId,
    id: Uuid,
    (first, after): (Option<i32>, Option<String>),
    node: impl Fn(E::Row) -> N,
) -> Result<Connection<String, N, Total, EmptyFields>> {
    let scope = || format!("{tenant}/{}/{}/{id}", E::Model::NAME, E::COLUMN);
    let arguments = PageArguments { first, after, ..PageArguments::default() };
    let request = PageRequest::with_cursors_if(wants_cursors(context), arguments, scope, MAX_PAGE)?;
    // One row more than wanted tells whether others follow.
    let fetch = u32::try_from(request.fetch()).unwrap_or(u32::MAX);
    let mut rows = rows_of::<E>(context, (tenant, id), fetch, request.from.clone()).await?;
    let more = rows.len() > request.limit;
    rows.truncate(request.limit);
    let order = order::<E>(tenant);
    Ok(request.connection(
        rows,
        more,
        |row| order.cursor(row),
        node,
        Total::OfEdge(count_edge::<E>, tenant, id),
    ))
}
