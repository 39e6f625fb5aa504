use std::{collections::HashMap, future::Future, sync::Arc};

use async_graphql::{
    Context, Error, Object, OutputType, Result,
    connection::{Connection, EmptyFields},
};
use commands::ports::{EventStore, Position, TenantId};
use futures::{FutureExt, future::BoxFuture};
use projections::{
    Direction as RowDirection, Page, Query, ReadModel, Row, Value,
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
}

impl Reads {
    /// What the schema keeps.
    pub fn new(side: Arc<ReadSide>) -> Self {
        Self { side }
    }

    async fn wait(&self, model: &'static str, position: Position) -> Result<()> {
        self.side.wait_for(model, position).await.map_err(|error| match &error {
            WaitError::Lagging { .. } => refused(error.code(), error.to_string()),
            WaitError::UnknownModel(_) => fault("INTERNAL", "a read model is missing"),
        })
    }
}

/// Says to the client what the read side answered: that it is still building, or a masked fault.
fn unreadable(error: ReadStoreError) -> Error {
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

/// How far the read models have come, from a resolver.
///
/// A module gets at rows by what is shown of them alone ([`Shows`](super::Shows)), which asks for the permission:
///
/// ```compile_fail
/// use api::graphql::kernel::FromReads;
/// use projections::{Query, lots::PartnerRow};
///
/// async fn names(context: &async_graphql::Context<'_>, query: &Query) -> Vec<String> {
///     let page = context.select::<PartnerRow>(query).await.unwrap();
///     page.rows.into_iter().map(|partner| partner.name).collect()
/// }
/// ```
pub trait FromReads {
    /// From here on every row that this request reads holds every event up to `minPosition`.
    fn at_least(&self, min_position: Option<Int64>) -> Result<()>;

    /// Waits until a read model holds every event up to `minPosition`, and reads what hangs on it as [`Self::at_least`].
    fn wait<M: ReadModel>(&self, min_position: Option<Int64>) -> impl Future<Output = Result<()>> + Send;
}

/// Rows and events as they lie, whoever asks: for what has asked for the permission, so for the kernel alone. There is no other
/// way to them from a resolver, since what an answer is made of is noted here.
pub(super) trait FromRows {
    /// The log, for what is told from it alone.
    fn log(&self) -> Result<&dyn EventStore>;

    /// A page of rows of the live build.
    fn select<R: Row>(&self, query: &Query) -> impl Future<Output = Result<Page<R>>> + Send;

    /// The row at the other end of an edge that leads to one at most.
    fn find<E: Edge>(
        &self,
        tenant: TenantId,
        id: Uuid,
    ) -> impl Future<Output = Result<Option<E::Row>>> + Send;
}

fn reads<'a>(context: &'a Context<'_>) -> Result<&'a Reads> {
    context.data_opt::<Reads>().ok_or_else(|| fault("INTERNAL", "there are no read models"))
}

/// The read models, once this one holds what the request has asked for so far.
async fn reads_of<'a>(context: &'a Context<'_>, model: &'static str) -> Result<&'a Reads> {
    let reads = reads(context)?;
    if let Some(floor) = context.request()?.floor.position() {
        reads.wait(model, floor).await?;
    }
    Ok(reads)
}

impl FromRows for Context<'_> {
    fn log(&self) -> Result<&dyn EventStore> {
        self.request()?.used.something_else();
        Ok(&**reads(self)?.side.events())
    }

    async fn select<R: Row>(&self, query: &Query) -> Result<Page<R>> {
        let page = reads_of(self, query.model).await?.side.select::<R>(query).await.map_err(unreadable)?;
        self.request()?.used.rows(query, page.mark);
        Ok(page)
    }

    async fn find<E: Edge>(&self, tenant: TenantId, id: Uuid) -> Result<Option<E::Row>> {
        Ok(rows_behind::<E>(self, (tenant, id), 1, None).await?.into_iter().next())
    }
}

impl FromReads for Context<'_> {
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
    let (reads, request) = (reads_of(context, E::Model::NAME).await?, context.request()?);
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
async fn rows_behind<E: Edge>(
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
        let mut found: HashMap<Uuid, Vec<E::Row>> = HashMap::new();
        for row in page.rows {
            let Some(id) = E::start(&row) else { continue };
            found.entry(id).or_default().push(row);
        }
        Ok(found)
    };
    Ok(gather::<E, _, _>(context, from, wanted, page).await?.unwrap_or_default())
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
pub struct Total(Counted);

enum Counted {
    /// As many as pass a query's filter.
    Filtered(Query),
    /// As many as stand at the other end of an edge.
    OfEdge(CountEdge, TenantId, Uuid),
    /// So many.
    Whole(usize),
}

impl Total {
    /// Of a list that is there whole.
    pub fn known(total: usize) -> Self {
        Self(Counted::Whole(total))
    }
}

/// Counts the rows at the other end of an edge.
type CountEdge = for<'a> fn(&'a Context<'_>, TenantId, Uuid) -> BoxFuture<'a, Result<u64>>;

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
    /// How many entries there are in all; those that are rows of a read model are counted up to 10,000.
    async fn total_count(&self, context: &Context<'_>) -> Result<i32> {
        let count = match &self.0 {
            Counted::Filtered(query) => {
                let side = &reads_of(context, query.model).await?.side;
                let (count, changes) = side.count(query, COUNT_CAP).await.map_err(unreadable)?;
                context.request()?.used.rows(query, changes);
                count
            }
            Counted::OfEdge(count, tenant, id) => count(context, *tenant, *id).await?,
            Counted::Whole(total) => *total as u64,
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
pub(super) async fn page<R: Row, N: OutputType>(
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
    let total = Total(Counted::Filtered(query));
    Ok(request.connection(page.rows, page.has_more, |row| select.cursor(row), node, total))
}

/// A page of the rows at the other end of an edge, as a Relay connection.
pub(super) async fn edge_page<E: Edge, N: OutputType>(
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
    let mut rows = rows_behind::<E>(context, (tenant, id), fetch, request.from.clone()).await?;
    let more = rows.len() > request.limit;
    rows.truncate(request.limit);
    let order = order::<E>(tenant);
    Ok(request.connection(
        rows,
        more,
        |row| order.cursor(row),
        node,
        Total(Counted::OfEdge(count_edge::<E>, tenant, id)),
    ))
}
