use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use commands::ports::Position;
use projections::{
    ColumnType, Field, Query, Selection, Table, Value,
    ports::{
        AuditEntry, Build, BuildId, BuildState, Claim, Differences, Fence, ParkedEvent, ReadStore,
        ReadStoreError, Skip, Step, StepOutcome,
    },
};
use uuid::Uuid;

use super::{
    jobs::{
        ClaimLease, Compare, CreateBuild, CreateIndex, DiscardBuild, DropBuild, ListAudit, ListBuilds,
        ListParked, ListSkips, LoadImage, LoadRows, LookAtLease, Prepare, Read, ReleaseLease, RenewLease,
        SaveImage, StoreStep, TakeOver,
    },
    session::Engine,
    sql::{Dialect, Statement},
};

/// How long leases are kept by a take-over, which is the last thing done under them.
const AFTER_TAKE_OVER: Duration = Duration::from_secs(10);

/// The read store over one engine.
pub(super) struct Store<E> {
    engine: E,
    dialect: Dialect,
    /// The live build of each read model as it was seen last. Every page checks it in its own statement.
    live: Mutex<HashMap<&'static str, BuildId>>,
}

impl<E: Engine> Store<E> {
    pub(super) async fn open(engine: E, dialect: Dialect) -> Result<Self, ReadStoreError> {
        engine.run(Prepare).await?;
        Ok(Self { engine, dialect, live: Mutex::default() })
    }

    fn known_live(&self, model: &str) -> Option<BuildId> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).get(model).cloned()
    }

    async fn find_live(&self, query: &Query) -> Result<BuildId, ReadStoreError> {
        let builds = self.engine.run(ListBuilds).await?;
        let live = builds.into_iter().find(|build| {
            build.state == BuildState::Live
                && (&*build.id.model, build.id.version) == (query.model, query.version)
        });
        let not_built = ReadStoreError::NotBuilt { model: query.model, version: query.version };
        let id = live.ok_or(not_built)?.id;
        self.live.lock().unwrap_or_else(PoisonError::into_inner).insert(query.model, id.clone());
        Ok(id)
    }

    async fn read_page(
        &self,
        query: &Query,
        build: &BuildId,
        live: bool,
    ) -> Result<Option<Selection>, ReadStoreError> {
        let Statement { sql, parameters } = self.dialect.select_page(query, build, live)?;
        let types = [ColumnType::Int64]
            .into_iter()
            .chain(query.table.columns.iter().map(|column| column.column_type));
        let values = self.engine.run(Read { sql, parameters, types: types.collect() }).await?;
        let width = query.table.columns.len() + 1;
        let Some(position) = values.first().cloned() else { return Ok(None) };
        let position = u64::from_value(position)
            .map_err(|error| ReadStoreError::Corrupt { reason: error.to_string() })?;
        // Beside the position of an empty page stands a row of nothing; no row's tenant is missing.
        let is_empty = values.get(1) == Some(&Value::Null);
        let values = values.into_iter().enumerate().filter(|(index, _)| !is_empty && index % width != 0);
        Ok(Some(Selection { values: values.map(|(_, value)| value).collect(), position }))
    }
}

#[async_trait]
impl<E: Engine> ReadStore for Store<E> {
    async fn claim(
        &self,
        lease: &str,
        holder: Uuid,
        hold_for: Duration,
        claim: Claim,
    ) -> Result<Option<Fence>, ReadStoreError> {
        self.engine.run(ClaimLease { lease: lease.to_owned(), holder, hold_for, claim }).await
    }

    async fn is_free(&self, lease: &str, holder: Uuid) -> Result<bool, ReadStoreError> {
        self.engine.run(LookAtLease { lease: lease.to_owned(), holder }).await
    }

    async fn renew(&self, fence: &Fence, hold_for: Duration) -> Result<bool, ReadStoreError> {
        self.engine.run(RenewLease(fence.clone(), hold_for)).await
    }

    async fn release(&self, fence: &Fence) -> Result<(), ReadStoreError> {
        self.engine.run(ReleaseLease(fence.clone())).await
    }

    async fn builds(&self) -> Result<Vec<Build>, ReadStoreError> {
        self.engine.run(ListBuilds).await
    }

    async fn create_build(
        &self,
        build: &BuildId,
        state: BuildState,
        tables: &[&'static Table],
    ) -> Result<(), ReadStoreError> {
        self.engine.run(CreateBuild { build: build.clone(), state, tables: tables.to_vec() }).await
    }

    async fn index_build(&self, build: &BuildId, tables: &[&'static Table]) -> Result<(), ReadStoreError> {
        for sql in tables.iter().flat_map(|table| self.dialect.finish_table(build, table)) {
            self.engine.run(CreateIndex(sql)).await?;
        }
        Ok(())
    }

    async fn discard_build(&self, seen: &Build, audit: &AuditEntry) -> Result<bool, ReadStoreError> {
        self.engine.run(DiscardBuild { seen: seen.clone(), audit: audit.clone() }).await
    }

    async fn drop_build(&self, build: &BuildId) -> Result<(), ReadStoreError> {
        self.engine.run(DropBuild(build.clone())).await
    }

    async fn load_rows(
        &self,
        build: &BuildId,
        table: &'static Table,
        keys: Vec<Value>,
    ) -> Result<Vec<Value>, ReadStoreError> {
        self.engine.run(LoadRows { build: build.clone(), table, keys }).await
    }

    async fn store_step(&self, step: Step) -> Result<StepOutcome, ReadStoreError> {
        self.engine.run(StoreStep(step)).await
    }

    async fn compare(
        &self,
        left: &BuildId,
        right: &BuildId,
        table: &'static Table,
    ) -> Result<Option<Differences>, ReadStoreError> {
        self.engine.run(Compare { left: left.clone(), right: right.clone(), table }).await
    }

    async fn take_over(
        &self,
        fences: &[Fence],
        new: &BuildId,
        position: Position,
        audit: &AuditEntry,
    ) -> Result<StepOutcome, ReadStoreError> {
        let (fences, new, audit) = (fences.to_vec(), new.clone(), audit.clone());
        self.engine.run(TakeOver { fences, new, position, audit, hold_for: AFTER_TAKE_OVER }).await
    }

    async fn parked(&self) -> Result<Vec<ParkedEvent>, ReadStoreError> {
        self.engine.run(ListParked).await
    }

    async fn skips(&self) -> Result<Vec<Skip>, ReadStoreError> {
        self.engine.run(ListSkips).await
    }

    async fn audit(&self, limit: u32) -> Result<Vec<AuditEntry>, ReadStoreError> {
        self.engine.run(ListAudit(limit)).await
    }

    async fn select(&self, query: &Query, build: Option<&BuildId>) -> Result<Selection, ReadStoreError> {
        let gone = || ReadStoreError::NotBuilt { model: query.model, version: query.version };
        if let Some(build) = build {
            return self.read_page(query, build, false).await?.ok_or_else(gone);
        }
        if let Some(known) = self.known_live(query.model).filter(|build| build.version == query.version) {
            // An error may only mean that the build was retired and dropped since.
            if let Ok(Some(page)) = self.read_page(query, &known, true).await {
                return Ok(page);
            }
        }
        let live = self.find_live(query).await?;
        self.read_page(query, &live, true).await?.ok_or_else(gone)
    }

    async fn count(&self, query: &Query, cap: u32) -> Result<u64, ReadStoreError> {
        let live = self.find_live(query).await?;
        let Statement { sql, parameters } = self.dialect.count_rows(query, &live, cap)?;
        let values = self.engine.run(Read { sql, parameters, types: vec![ColumnType::Int64] }).await?;
        let count = values.into_iter().next().map_or(Ok(0), u64::from_value);
        count.map_err(|error| ReadStoreError::Corrupt { reason: error.to_string() })
    }

    async fn save_image(&self, name: &str, position: Position, image: Vec<u8>) -> Result<(), ReadStoreError> {
        self.engine.run(SaveImage { name: name.to_owned(), position, image }).await
    }

    async fn load_image(&self, name: &str) -> Result<Option<(Position, Vec<u8>)>, ReadStoreError> {
        self.engine.run(LoadImage(name.to_owned())).await
    }
}
