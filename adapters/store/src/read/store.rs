use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use commands::ports::{Position, TenantId};
use projections::{
    ColumnType, Counted, Field, Mark, Marked, Query, Selection, Table, Value,
    ports::{
        AuditEntry, Build, BuildId, BuildState, Claim, Differences, Fence, ParkedEvent, ReadStore,
        ReadStoreError, Skip, Step, StepOutcome,
    },
};
use uuid::Uuid;

use super::{
    jobs::{
        ClaimLease, Compare, CreateBuild, CreateIndex, DiscardBuild, DropBuild, ListAudit, ListBuilds,
        ListParked, ListSkips, LoadImage, LoadRows, LookAtLease, Prepare, Read, ReadEach, ReadMarks,
        ReleaseLease, RenewLease, SaveImage, StoreStep, TakeOver,
    },
    session::{Engine, Standing},
    sql::Dialect,
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
        let statement = self.dialect.select_page(query, build, live)?;
        selection(self.engine.run(Read { statement, types: types(query) }).await?)
    }

    async fn read_count(
        &self,
        query: &Query,
        build: &BuildId,
        cap: u32,
    ) -> Result<Option<(u64, Mark)>, ReadStoreError> {
        let statement = self.dialect.count_rows(query, build, cap)?;
        let counted = self.engine.run(Read { statement, types: vec![ColumnType::Int64] }).await?;
        let Some(Selection { values, mark, .. }) = selection(counted)? else { return Ok(None) };
        Ok(match values.as_slice() {
            [Value::Int64(count)] => Some((count.unsigned_abs(), mark)),
            _ => None,
        })
    }

    async fn read_counts(
        &self,
        query: &Query,
        build: &BuildId,
        column: &'static str,
        values: Vec<Value>,
        cap: u32,
    ) -> Result<Option<Counted>, ReadStoreError> {
        let column_type = query.table.column(column).map_or(ColumnType::Text, |column| column.column_type);
        let pages = self.dialect.count_each(query, build, column, values, cap)?;
        let types = vec![column_type, ColumnType::Int64];
        let counted = selection(self.engine.run(ReadEach { pages, types }).await?)?;
        let Some(Selection { values, mark, .. }) = counted else { return Ok(None) };
        let (mut of_each, mut values) = (Vec::new(), values.into_iter());
        while let (Some(value), Some(count)) = (values.next(), values.next()) {
            if let (false, Value::Int64(count)) = (value == Value::Null, count) {
                of_each.push((value, count.unsigned_abs()));
            }
        }
        Ok(Some(Counted { of_each, mark }))
    }

    async fn read_each(
        &self,
        query: &Query,
        build: &BuildId,
        column: &'static str,
        values: Vec<Value>,
    ) -> Result<Option<Selection>, ReadStoreError> {
        let pages = self.dialect.select_each(query, build, column, values)?;
        selection(self.engine.run(ReadEach { pages, types: types(query) }).await?)
    }
}

fn types(query: &Query) -> Vec<ColumnType> {
    query.table.columns.iter().map(|column| column.column_type).collect()
}

fn selection(standing: Option<Standing>) -> Result<Option<Selection>, ReadStoreError> {
    let Some(Standing { position, mark, rows }) = standing else { return Ok(None) };
    let number = |value: Value| {
        u64::from_value(value).map_err(|error| ReadStoreError::Corrupt { reason: error.to_string() })
    };
    Ok(Some(Selection { values: rows, position: number(position)?, mark: Mark(number(mark)?) }))
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

    async fn select_each(
        &self,
        query: &Query,
        column: &'static str,
        values: Vec<Value>,
    ) -> Result<Selection, ReadStoreError> {
        if let Some(known) = self.known_live(query.model).filter(|build| build.version == query.version)
            && let Ok(Some(pages)) = self.read_each(query, &known, column, values.clone()).await
        {
            return Ok(pages);
        }
        let live = self.find_live(query).await?;
        let gone = ReadStoreError::NotBuilt { model: query.model, version: query.version };
        self.read_each(query, &live, column, values).await?.ok_or(gone)
    }

    async fn count_each(
        &self,
        query: &Query,
        column: &'static str,
        values: Vec<Value>,
        cap: u32,
    ) -> Result<Counted, ReadStoreError> {
        if let Some(known) = self.known_live(query.model).filter(|build| build.version == query.version)
            && let Ok(Some(counted)) = self.read_counts(query, &known, column, values.clone(), cap).await
        {
            return Ok(counted);
        }
        let live = self.find_live(query).await?;
        let gone = ReadStoreError::NotBuilt { model: query.model, version: query.version };
        self.read_counts(query, &live, column, values, cap).await?.ok_or(gone)
    }

    async fn marks(&self, tenants: &[TenantId]) -> Result<Vec<Marked>, ReadStoreError> {
        let marks = ReadMarks(self.dialect.marks_of(tenants));
        let mut values = self.engine.run(marks).await?.into_iter();
        let mut found = Vec::with_capacity(values.len() / 3);
        while let (Some(Value::Text(model)), Some(Value::Text(tenant)), Some(mark)) =
            (values.next(), values.next(), values.next())
        {
            let corrupt = |reason: String| ReadStoreError::Corrupt { reason };
            found.push(Marked {
                model,
                tenant: tenant.parse().map_err(|error: uuid::Error| corrupt(error.to_string()))?,
                mark: Mark(u64::from_value(mark).map_err(|error| corrupt(error.to_string()))?),
            });
        }
        Ok(found)
    }

    async fn count(&self, query: &Query, cap: u32) -> Result<(u64, Mark), ReadStoreError> {
        if let Some(known) = self.known_live(query.model).filter(|build| build.version == query.version)
            && let Ok(Some(counted)) = self.read_count(query, &known, cap).await
        {
            return Ok(counted);
        }
        let live = self.find_live(query).await?;
        let gone = ReadStoreError::NotBuilt { model: query.model, version: query.version };
        self.read_count(query, &live, cap).await?.ok_or(gone)
    }

    async fn save_image(&self, name: &str, position: Position, image: Vec<u8>) -> Result<(), ReadStoreError> {
        self.engine.run(SaveImage { name: name.to_owned(), position, image }).await
    }

    async fn load_image(&self, name: &str) -> Result<Option<(Position, Vec<u8>)>, ReadStoreError> {
        self.engine.run(LoadImage(name.to_owned())).await
    }
}
