use std::time::Duration;

use projections::{
    Field, Table, Value,
    ports::{AuditEntry, Build, BuildId, BuildState, ReadStoreError},
};

use super::{INT, Reader, TEXT, corrupt, mark, steps::record, text};
use crate::read::{
    own_tables::{CREATE_MARK, STEPS, VERSION},
    session::{Done, Job, LONG_PATIENCE, Queue, Session},
    sql::Dialect,
};

/// Makes the store's own tables, or brings them forward.
pub(in crate::read) struct Prepare;

impl Job for Prepare {
    type Answer = ();
    const DOING: &'static str = "preparing the read store";
    const WRITES: bool = true;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<()>, ReadStoreError> {
        if S::DIALECT == Dialect::Postgres {
            // Two processes may start at once: the second waits here and finds the work done.
            session.batch("select pg_advisory_xact_lock(7236833472)").await?;
        }
        session.batch(CREATE_MARK).await?;
        let found = session.query("select version from read_schema", &[], &[INT]).await?;
        let found = found.first().cloned().map_or(Ok(0), i64::from_value).map_err(corrupt)?;
        if found > VERSION {
            let found = u32::try_from(found).unwrap_or(u32::MAX);
            return Err(ReadStoreError::TooNew { found, known: VERSION as u32 });
        }
        let bytes = match S::DIALECT {
            Dialect::Sqlite => "blob",
            Dialect::Postgres => "bytea",
        };
        for step in STEPS.iter().skip(found as usize) {
            for statement in *step {
                session.batch(&statement.replace("BYTES", bytes)).await?;
            }
        }
        if found < VERSION {
            session.execute("update read_models set mark = $1 where mark = 0", &[mark()]).await?;
            session.batch("delete from read_schema").await?;
            session
                .execute("insert into read_schema (version) values ($1)", &[Value::Int64(VERSION)])
                .await?;
        }
        Ok(Done::Commit(()))
    }
}

pub(in crate::read) struct ListBuilds;

impl Job for ListBuilds {
    type Answer = Vec<Build>;
    const DOING: &'static str = "listing read models";
    const WRITES: bool = false;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<Self::Answer>, ReadStoreError> {
        let sql = "select model, version, revision, state, position, anchor, tables, since from read_models order by build";
        let mut rows =
            Reader::new(session.query(sql, &[], &[TEXT, INT, INT, TEXT, INT, TEXT, TEXT, INT]).await?);
        let mut builds = Vec::new();
        while rows.has_more() {
            let id = rows.build()?;
            let state = rows.next::<String>()?;
            builds.push(Build {
                id,
                state: BuildState::from_stored(&state)
                    .ok_or_else(|| corrupt(format!("a read model is in state {state}")))?,
                position: rows.next()?,
                anchor: rows.optional_uuid()?,
                tables: rows.next::<String>()?.split_whitespace().map(str::to_owned).collect(),
                since: rows.instant()?,
            });
        }
        Ok(Done::Commit(builds))
    }
}

pub(in crate::read) struct CreateBuild {
    pub(in crate::read) build: BuildId,
    pub(in crate::read) state: BuildState,
    pub(in crate::read) tables: Vec<&'static Table>,
}

impl Job for CreateBuild {
    type Answer = ();
    const DOING: &'static str = "making a read model's tables";
    const WRITES: bool = true;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<()>, ReadStoreError> {
        let names: Vec<_> = self.tables.iter().map(|table| table.name).collect();
        let sql = format!(
            "insert into read_models (build, model, version, revision, state, position, tables, since, mark)
             values ($1, $2, $3, $4, $5, 0, $6, {}, $7)",
            S::DIALECT.now_millis()
        );
        let parameters = [
            text(self.build.to_string()),
            text(&self.build.model),
            self.build.version.to_value(),
            self.build.revision.to_value(),
            text(self.state.as_str()),
            text(names.join(" ")),
            mark(),
        ];
        session.execute(&sql, &parameters).await?;
        for table in self.tables {
            session.batch(&S::DIALECT.create_table(&self.build, table)).await?;
        }
        Ok(Done::Commit(()))
    }
}

/// Makes one index, so that steps of other runners find their turn between two.
pub(in crate::read) struct CreateIndex(pub(in crate::read) String);

impl Job for CreateIndex {
    type Answer = ();
    const DOING: &'static str = "making a read model's indexes";
    const WRITES: bool = true;
    const QUEUE: Queue = Queue::Building;
    const PATIENCE: Duration = LONG_PATIENCE;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<()>, ReadStoreError> {
        session.batch(&self.0).await.map(Done::Commit)
    }
}

/// Retires a build, if it stands where it was seen.
pub(in crate::read) struct DiscardBuild {
    pub(in crate::read) seen: Build,
    pub(in crate::read) audit: AuditEntry,
}

impl Job for DiscardBuild {
    type Answer = bool;
    const DOING: &'static str = "discarding a read model";
    const WRITES: bool = true;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<bool>, ReadStoreError> {
        let sql = format!(
            "update read_models set state = 'RETIRED', since = {} where build = $1 and state <> 'RETIRED'
             and position = $2 and coalesce(anchor, '') = $3",
            S::DIALECT.now_millis()
        );
        let anchor = self.seen.anchor.map_or(String::new(), |anchor| anchor.to_string());
        let parameters = [text(self.seen.id.to_string()), self.seen.position.to_value(), text(anchor)];
        if session.execute(&sql, &parameters).await? != 1 {
            return Ok(Done::RollBack(false));
        }
        record(session, &self.audit).await?;
        Ok(Done::Commit(true))
    }
}

pub(in crate::read) struct DropBuild(pub(in crate::read) BuildId);

impl Job for DropBuild {
    type Answer = ();
    const DOING: &'static str = "dropping an old read model";
    const WRITES: bool = true;
    const QUEUE: Queue = Queue::Building;
    const PATIENCE: Duration = LONG_PATIENCE;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<()>, ReadStoreError> {
        let build = [text(self.0.to_string())];
        let tables =
            session.query("select tables from read_models where build = $1", &build, &[TEXT]).await?;
        for table in tables
            .first()
            .cloned()
            .map(String::from_value)
            .transpose()
            .map_err(corrupt)?
            .iter()
            .flat_map(|tables| tables.split_whitespace())
        {
            session.batch(&format!("drop table if exists \"{}\"", self.0.table_name(table))).await?;
        }
        session.execute("delete from read_parked where build = $1", &build).await?;
        session.execute("delete from read_marks where build = $1", &build).await?;
        session.execute("delete from read_models where build = $1", &build).await?;
        Ok(Done::Commit(()))
    }
}
