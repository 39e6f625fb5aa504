//! What the API shows, and who may see it.
//!
//! A row becomes an object by way of a [`Granted`] only, and that is made only where the caller has been asked for the
//! permission of what is shown. So every way to an entity (root field, list, edge, `node`, payload, past) asks, and
//! a module that would forget to does not compile.

use std::{marker::PhantomData, ops::Deref};

use async_graphql::{
    ContainerType, Context, OutputType, Result,
    connection::{Connection, EmptyFields},
};
use commands::ports::TenantId;
use domain::identity::Permission;
use projections::{Query, ReadModel, Row};
use uuid::Uuid;

use super::{
    CommitInfo, Edge, Entry, FromReads, FromRequest, GlobalId, MAX_PAGE, PageArguments, Total, permit,
    reads::{FromRows, edge_page, page},
};

/// A list of entries as a Relay connection.
pub type List<N> = Connection<String, Entry<N>, Total, EmptyFields>;

/// What is shown of a row.
pub trait Shown: Sized + Send + Sync + 'static {
    /// The read model that keeps the rows.
    type Model: ReadModel;
    /// The rows.
    type Row: Row;
    /// What a caller needs to see it.
    const PERMISSION: Permission;
}

/// Something that ids name.
pub trait Named: 'static {
    /// The name of its type in the schema, and in its ids.
    const TYPE: &'static str;
}

/// An object with a global id: its row is keyed by tenant and id. Declared by [`entity!`](crate::entity).
pub trait Entity: Shown<Row: Row<Key = (TenantId, Uuid)>> + Named + OutputType + From<Granted<Self>> {}

/// A caller's right to see what `S` shows. There is no other way to one than asking.
#[derive(Debug)]
pub struct Allowed<S> {
    tenant: TenantId,
    of: PhantomData<fn() -> S>,
}

impl<S: Shown> Allowed<S> {
    /// Asks for the permission; without it: FORBIDDEN.
    pub fn ask(context: &Context<'_>) -> Result<Self> {
        permit(context, S::PERMISSION)?;
        Ok(Self { tenant: context.request()?.caller.tenant, of: PhantomData })
    }

    /// Whose rows the caller may see.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// A row that the caller may see.
    pub fn grant(&self, row: S::Row) -> Granted<S> {
        Granted(row)
    }

    /// All of the tenant's rows, to be narrowed.
    pub fn rows(&self) -> Query {
        Query::of::<S::Model, S::Row>(self.tenant)
    }
}

/// A row that the caller may see as `S`.
#[derive(Debug)]
pub struct Granted<S: Shown>(S::Row);

impl<S: Shown> Deref for Granted<S> {
    type Target = S::Row;

    fn deref(&self) -> &S::Row {
        &self.0
    }
}

impl<E: Entity> Granted<E> {
    /// The entity's global id.
    pub fn id(&self) -> async_graphql::ID {
        let (tenant, id) = self.0.key();
        GlobalId::of::<E>(tenant, id)
    }
}

/// From an id to its entity.
pub struct ById<E>(PhantomData<fn() -> E>);

impl<E: Entity> Edge for ById<E> {
    type Model = E::Model;
    type Row = E::Row;
    const COLUMN: &'static str = <E::Row as Row>::TABLE.columns[1].name;

    fn start(row: &E::Row) -> Option<Uuid> {
        Some(row.key().1)
    }
}

/// Access to what the API shows, from a resolver.
///
/// Each way is one pointer to whoever calls it: the executor makes a future of every field that is as large as the largest of its
/// object, so that a text would cost what the edge beside it costs.
pub trait Shows {
    /// The entity with this id, if there is an id and the entity.
    fn entity<E: Entity>(
        &self,
        id: impl Into<Option<Uuid>> + Send,
    ) -> impl Future<Output = Result<Option<E>>> + Send;

    /// The entity as it is after a commit.
    fn entity_after<E: Entity>(
        &self,
        id: Uuid,
        commit: CommitInfo,
    ) -> impl Future<Output = Result<Option<E>>> + Send;

    /// The first of the tenant's rows that pass a filter.
    fn first<S: Shown + From<Granted<S>>>(
        &self,
        narrow: impl FnOnce(Query) -> Query + Send,
    ) -> impl Future<Output = Result<Option<S>>> + Send;

    /// What hangs on an entity, one at most.
    fn one<W: Edge<Model = S::Model, Row = S::Row>, S: Shown + From<Granted<S>>>(
        &self,
        id: Uuid,
    ) -> impl Future<Output = Result<Option<S>>> + Send;

    /// What hangs on an entity, page by page.
    fn many<W: Edge<Model = S::Model, Row = S::Row>, S: Shown + ContainerType>(
        &self,
        id: Uuid,
        range: (Option<i32>, Option<String>),
        shown: impl Fn(Granted<S>) -> S + Send + Sync,
    ) -> impl Future<Output = Result<List<S>>> + Send;

    /// A page of the rows that a list has been narrowed to.
    fn list<S: Shown + ContainerType + From<Granted<S>>>(
        &self,
        allowed: Allowed<S>,
        arguments: PageArguments,
        query: Query,
    ) -> impl Future<Output = Result<List<S>>> + Send;
}

impl Shows for Context<'_> {
    async fn entity<E: Entity>(&self, id: impl Into<Option<Uuid>> + Send) -> Result<Option<E>> {
        match id.into() {
            Some(id) => self.one::<ById<E>, E>(id).await,
            None => Ok(None),
        }
    }

    async fn entity_after<E: Entity>(&self, id: Uuid, commit: CommitInfo) -> Result<Option<E>> {
        Box::pin(self.wait::<E::Model>(Some(commit.position))).await?;
        self.entity(id).await
    }

    async fn first<S: Shown + From<Granted<S>>>(
        &self,
        narrow: impl FnOnce(Query) -> Query + Send,
    ) -> Result<Option<S>> {
        let allowed = Allowed::<S>::ask(self)?;
        let query = narrow(allowed.rows()).limit(1);
        let found = Box::pin(self.select::<S::Row>(&query)).await?;
        Ok(found.rows.into_iter().next().map(|row| allowed.grant(row).into()))
    }

    async fn one<W: Edge<Model = S::Model, Row = S::Row>, S: Shown + From<Granted<S>>>(
        &self,
        id: Uuid,
    ) -> Result<Option<S>> {
        let allowed = Allowed::<S>::ask(self)?;
        let row = Box::pin(self.find::<W>(allowed.tenant, id)).await?;
        Ok(row.map(|row| allowed.grant(row).into()))
    }

    async fn many<W: Edge<Model = S::Model, Row = S::Row>, S: Shown + ContainerType>(
        &self,
        id: Uuid,
        range: (Option<i32>, Option<String>),
        shown: impl Fn(Granted<S>) -> S + Send + Sync,
    ) -> Result<List<S>> {
        let allowed = Allowed::<S>::ask(self)?;
        let shown = |row| Entry(shown(allowed.grant(row)));
        Box::pin(edge_page::<W, _>(self, allowed.tenant, id, range, shown)).await
    }

    async fn list<S: Shown + ContainerType + From<Granted<S>>>(
        &self,
        allowed: Allowed<S>,
        arguments: PageArguments,
        query: Query,
    ) -> Result<List<S>> {
        Box::pin(page(self, arguments, MAX_PAGE, query, |row| Entry(allowed.grant(row).into()))).await
    }
}
