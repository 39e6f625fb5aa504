//! The operations of the read store, written once for both engines.

use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};
use commands::ports::{Position, StreamKey};
use projections::{
    ColumnType, Field, Table, Value,
    ports::{
        AuditEntry, Build, BuildId, BuildState, Claim, Differences, Fence, ParkedEvent, ReadStoreError, Step,
        StepOutcome,
    },
};
use uuid::Uuid;

use super::{
    own_tables::{CREATE_MARK, STEPS, VERSION},
    session::{Done, Job, Session},
    sql::Dialect,
};

const INT: ColumnType = ColumnType::Int64;
const TEXT: ColumnType = ColumnType::Text;

fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

fn millis(duration: Duration) -> Value {
    Value::Int64(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

fn instant_millis(instant: DateTime<Utc>) -> Value {
    Value::Int64(instant.timestamp_millis())
}

fn corrupt(error: impl std::fmt::Display) -> ReadStoreError {
    ReadStoreError::Corrupt { reason: error.to_string() }
}

/// Reads the values of own rows in order.
struct Reader(std::vec::IntoIter<Value>);

impl Reader {
    fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    fn has_more(&self) -> bool {
        self.0.len() > 0
    }

    fn next<F: Field>(&mut self) -> Result<F, ReadStoreError> {
        F::from_value(self.0.next().unwrap_or(Value::Null)).map_err(corrupt)
    }

    fn instant(&mut self) -> Result<DateTime<Utc>, ReadStoreError> {
        let millis = self.next::<i64>()?;
        Utc.timestamp_millis_opt(millis).single().ok_or_else(|| corrupt("a time beyond the calendar"))
    }

    fn uuid(&mut self) -> Result<Uuid, ReadStoreError> {
        self.next::<String>()?.parse().map_err(corrupt)
    }

    fn build(&mut self) -> Result<BuildId, ReadStoreError> {
        Ok(BuildId { model: self.next()?, version: self.next()?, revision: self.next()? })
    }
}

/// Makes the store's own tables, or brings them forward.
pub(super) struct Prepare;

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
            session.batch("delete from read_schema").await?;
            session
                .execute("insert into read_schema (version) values ($1)", &[Value::Int64(VERSION)])
                .await?;
        }
        Ok(Done::Commit(()))
    }
}

pub(super) struct ClaimLease {
    pub(super) lease: String,
    pub(super) holder: Uuid,
    pub(super) hold_for: Duration,
    pub(super) claim: Claim,
}

impl Job for ClaimLease {
    type Answer = Option<Fence>;
    const DOING: &'static str = "taking a lease";
    const WRITES: bool = true;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<Self::Answer>, ReadStoreError> {
        // An epoch that a crash of the database took back would be given twice.
        session.durable().await?;
        let now = S::DIALECT.now_millis();
        let by_force = Value::Int64(i64::from(self.claim == Claim::ByForce));
        let sql = format!(
            "insert into read_leases (name, holder, epoch, expires_at) values ($1, $2, 1, {now} + $3)
             on conflict (name) do update
             set holder = excluded.holder, epoch = read_leases.epoch + 1, expires_at = excluded.expires_at
             where $4 = 1 or read_leases.holder in ('', excluded.holder) or read_leases.expires_at <= {now}
             returning epoch"
        );
        let parameters = [text(&self.lease), text(self.holder.to_string()), millis(self.hold_for), by_force];
        let epoch = session.query(&sql, &parameters, &[INT]).await?.first().cloned();
        Ok(match epoch {
            Some(epoch) => {
                let epoch = i64::from_value(epoch).map_err(corrupt)?;
                Done::Commit(Some(Fence { lease: self.lease, epoch }))
            }
            None => Done::RollBack(None),
        })
    }
}

async fn renew<S: Session>(
    session: &mut S,
    fence: &Fence,
    hold_for: Duration,
) -> Result<bool, ReadStoreError> {
    let sql = format!(
        "update read_leases set expires_at = {} + $1 where name = $2 and epoch = $3 and holder <> ''",
        S::DIALECT.now_millis()
    );
    let parameters = [millis(hold_for), text(&fence.lease), Value::Int64(fence.epoch)];
    Ok(session.execute(&sql, &parameters).await? == 1)
}

pub(super) struct RenewLease(pub(super) Fence, pub(super) Duration);

impl Job for RenewLease {
    type Answer = bool;
    const DOING: &'static str = "keeping a lease";
    const WRITES: bool = true;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<bool>, ReadStoreError> {
        renew(session, &self.0, self.1).await.map(Done::Commit)
    }
}

pub(super) struct ReleaseLease(pub(super) Fence);

impl Job for ReleaseLease {
    type Answer = ();
    const DOING: &'static str = "giving a lease back";
    const WRITES: bool = true;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<()>, ReadStoreError> {
        let sql = "update read_leases set holder = '', expires_at = 0 where name = $1 and epoch = $2";
        session.execute(sql, &[text(self.0.lease), Value::Int64(self.0.epoch)]).await?;
        Ok(Done::Commit(()))
    }
}

pub(super) struct ListBuilds;

impl Job for ListBuilds {
    type Answer = Vec<Build>;
    const DOING: &'static str = "listing read models";
    const WRITES: bool = false;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<Self::Answer>, ReadStoreError> {
        let sql =
            "select model, version, revision, state, position, tables, since from read_models order by build";
        let mut rows = Reader::new(session.query(sql, &[], &[TEXT, INT, INT, TEXT, INT, TEXT, INT]).await?);
        let mut builds = Vec::new();
        while rows.has_more() {
            let id = rows.build()?;
            let state = rows.next::<String>()?;
            builds.push(Build {
                id,
                state: BuildState::from_stored(&state)
                    .ok_or_else(|| corrupt(format!("a read model is in state {state}")))?,
                position: rows.next()?,
                tables: rows.next::<String>()?.split_whitespace().map(str::to_owned).collect(),
                since: rows.instant()?,
            });
        }
        Ok(Done::Commit(builds))
    }
}

pub(super) struct CreateBuild {
    pub(super) build: BuildId,
    pub(super) state: BuildState,
    pub(super) tables: Vec<&'static Table>,
}

impl Job for CreateBuild {
    type Answer = ();
    const DOING: &'static str = "making a read model's tables";
    const WRITES: bool = true;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<()>, ReadStoreError> {
        let names: Vec<_> = self.tables.iter().map(|table| table.name).collect();
        let sql = format!(
            "insert into read_models (build, model, version, revision, state, position, tables, since)
             values ($1, $2, $3, $4, $5, 0, $6, {})",
            S::DIALECT.now_millis()
        );
        let parameters = [
            text(self.build.to_string()),
            text(&self.build.model),
            self.build.version.to_value(),
            self.build.revision.to_value(),
            text(self.state.as_str()),
            text(names.join(" ")),
        ];
        session.execute(&sql, &parameters).await?;
        for table in self.tables {
            session.batch(&S::DIALECT.create_table(&self.build, table)).await?;
        }
        Ok(Done::Commit(()))
    }
}

/// Makes one index, so that steps of other runners find their turn between two.
pub(super) struct CreateIndex(pub(super) String);

impl Job for CreateIndex {
    type Answer = ();
    const DOING: &'static str = "making a read model's indexes";
    const WRITES: bool = true;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<()>, ReadStoreError> {
        session.batch(&self.0).await.map(Done::Commit)
    }
}

pub(super) struct DropBuild(pub(super) BuildId);

impl Job for DropBuild {
    type Answer = ();
    const DOING: &'static str = "dropping an old read model";
    const WRITES: bool = true;

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
        session.execute("delete from read_models where build = $1", &build).await?;
        Ok(Done::Commit(()))
    }
}

pub(super) struct LoadRows {
    pub(super) build: BuildId,
    pub(super) table: &'static Table,
    pub(super) keys: Vec<Value>,
}

impl Job for LoadRows {
    type Answer = Vec<Value>;
    const DOING: &'static str = "reading a read model's rows";
    const WRITES: bool = false;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<Self::Answer>, ReadStoreError> {
        session.load_rows(&self.build, self.table, &self.keys).await.map(Done::Commit)
    }
}

pub(super) struct StoreStep(pub(super) Step);

impl Job for StoreStep {
    type Answer = StepOutcome;
    const DOING: &'static str = "storing a read model's rows";
    const WRITES: bool = true;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<StepOutcome>, ReadStoreError> {
        let step = self.0;
        // The lease comes first: its row is locked to the end, so that nobody can take it half-way.
        for fence in &step.fences {
            if !renew(session, fence, step.renew_for).await? {
                return Ok(Done::RollBack(StepOutcome::Fenced));
            }
        }
        if !move_checkpoints(session, &step).await? {
            return Ok(Done::RollBack(StepOutcome::Moved));
        }
        for change in &step.changes {
            if !change.deleted.is_empty() {
                session.delete_rows(&change.build, change.table, &change.deleted).await?;
            }
            if !change.written.is_empty() {
                session.write_rows(&change.build, change.table, &change.written).await?;
            }
        }
        for (build, position) in &step.unpark {
            let sql = "delete from read_parked where build = $1 and position = $2";
            session.execute(sql, &[text(build.to_string()), position.to_value()]).await?;
        }
        for event in &step.park {
            park(session, event).await?;
        }
        for entry in &step.audit {
            record(session, entry).await?;
        }
        Ok(Done::Commit(StepOutcome::Stored))
    }
}

/// Builds that move from and to the same positions move in one statement.
async fn move_checkpoints<S: Session>(session: &mut S, step: &Step) -> Result<bool, ReadStoreError> {
    let mut moves: Vec<_> = step.moves.iter().collect();
    moves.sort_by_key(|checkpoint| (checkpoint.from, checkpoint.to));
    for together in moves.chunk_by(|left, right| (left.from, left.to) == (right.from, right.to)) {
        let places: Vec<_> = (0..together.len()).map(|number| format!("${}", number + 3)).collect();
        let sql = format!(
            "update read_models set position = $1 where position = $2 and state <> 'RETIRED' and build in ({})",
            places.join(", ")
        );
        let mut parameters = vec![together[0].to.to_value(), together[0].from.to_value()];
        parameters.extend(together.iter().map(|checkpoint| text(checkpoint.build.to_string())));
        if session.execute(&sql, &parameters).await? != together.len() as u64 {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn park<S: Session>(session: &mut S, event: &ParkedEvent) -> Result<(), ReadStoreError> {
    let sql = "insert into read_parked (build, position, tenant, category, stream_id, version, event_id, event_type,
                                        error, attempts, parked_at)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
               on conflict (build, position) do update set error = excluded.error, attempts = excluded.attempts";
    let parameters = [
        text(event.build.to_string()),
        event.position.to_value(),
        text(event.stream.tenant.to_string()),
        text(&*event.stream.category),
        text(&*event.stream.id),
        event.version.to_value(),
        text(event.event_id.to_string()),
        text(&event.event_type),
        event.error.clone().map_or(Value::Null, Value::Text),
        event.attempts.to_value(),
        instant_millis(event.parked_at),
    ];
    session.execute(sql, &parameters).await.map(|_| ())
}

async fn record<S: Session>(session: &mut S, entry: &AuditEntry) -> Result<(), ReadStoreError> {
    let sql =
        "insert into read_audit (id, at, actor, action, build, model, version, revision, position, reason)
               select coalesce(max(id), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9 from read_audit";
    let parameters = [
        instant_millis(entry.at),
        text(&entry.actor),
        text(&entry.action),
        text(entry.build.to_string()),
        text(&entry.build.model),
        entry.build.version.to_value(),
        entry.build.revision.to_value(),
        entry.position.to_value(),
        text(&entry.reason),
    ];
    session.execute(sql, &parameters).await.map(|_| ())
}

pub(super) struct Compare {
    pub(super) left: BuildId,
    pub(super) right: BuildId,
    pub(super) table: &'static Table,
}

impl Job for Compare {
    type Answer = Option<Differences>;
    const DOING: &'static str = "comparing two builds of a read model";
    const WRITES: bool = false;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<Self::Answer>, ReadStoreError> {
        let (left, right) = (self.left.table_name(self.table.name), self.right.table_name(self.table.name));
        let mut expected: Vec<_> = self.table.columns.iter().map(|column| column.name.to_owned()).collect();
        expected.sort();
        for name in [&left, &right] {
            let sql = match S::DIALECT {
                Dialect::Sqlite => "select name from pragma_table_info($1) order by 1",
                Dialect::Postgres => {
                    "select column_name::text collate \"C\" from information_schema.columns
                     where table_schema = current_schema() and table_name = $1 order by 1"
                }
            };
            let columns = session.query(sql, &[text(name)], &[TEXT]).await?;
            if columns != expected.iter().map(text).collect::<Vec<_>>() {
                return Ok(Done::Commit(None));
            }
        }
        let mut differences = Differences::default();
        for (from, other) in [(&left, &right), (&right, &left)] {
            let count =
                session.query(&S::DIALECT.count_only_in(from, other, self.table), &[], &[INT]).await?;
            let count = count.into_iter().next().map_or(Ok(0), u64::from_value).map_err(corrupt)?;
            let total = if std::ptr::eq(from, &left) {
                &mut differences.left_only
            } else {
                &mut differences.right_only
            };
            *total = count;
            if count > 0 {
                let types: Vec<_> = self.table.columns.iter().map(|column| column.column_type).collect();
                let some = S::DIALECT.some_only_in(from, other, self.table, 5);
                let values = session.query(&some.sql, &some.parameters, &types).await?;
                let rows = values.chunks(types.len()).map(|row| format!("only in {from}: {row:?}"));
                differences.samples.extend(rows);
            }
        }
        Ok(Done::Commit(Some(differences)))
    }
}

pub(super) struct TakeOver {
    pub(super) fences: Vec<Fence>,
    pub(super) new: BuildId,
    pub(super) position: Position,
    pub(super) audit: AuditEntry,
    pub(super) hold_for: Duration,
}

impl Job for TakeOver {
    type Answer = StepOutcome;
    const DOING: &'static str = "letting a read model take over";
    const WRITES: bool = true;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<StepOutcome>, ReadStoreError> {
        session.durable().await?;
        for fence in &self.fences {
            if !renew(session, fence, self.hold_for).await? {
                return Ok(Done::RollBack(StepOutcome::Fenced));
            }
        }
        let now = S::DIALECT.now_millis();
        let retire = format!(
            "update read_models set state = 'RETIRED', since = {now} where model = $1 and state = 'LIVE'"
        );
        session.execute(&retire, &[text(&self.new.model)]).await?;
        let raise = format!(
            "update read_models set state = 'LIVE', since = {now} where build = $1 and position = $2"
        );
        let raised = session.execute(&raise, &[text(self.new.to_string()), self.position.to_value()]).await?;
        if raised != 1 {
            return Ok(Done::RollBack(StepOutcome::Moved));
        }
        record(session, &self.audit).await?;
        Ok(Done::Commit(StepOutcome::Stored))
    }
}

pub(super) struct ListParked;

impl Job for ListParked {
    type Answer = Vec<ParkedEvent>;
    const DOING: &'static str = "listing parked events";
    const WRITES: bool = false;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<Self::Answer>, ReadStoreError> {
        let sql =
            "select m.model, m.version, m.revision, p.position, p.tenant, p.category, p.stream_id, p.version,
                          p.event_id, p.event_type, p.error, p.attempts, p.parked_at
                   from read_parked p join read_models m on m.build = p.build order by p.build, p.position";
        let types = [TEXT, INT, INT, INT, TEXT, TEXT, TEXT, INT, TEXT, TEXT, TEXT, INT, INT];
        let mut rows = Reader::new(session.query(sql, &[], &types).await?);
        let mut events = Vec::new();
        while rows.has_more() {
            events.push(ParkedEvent {
                build: rows.build()?,
                position: rows.next()?,
                stream: StreamKey::new(rows.uuid()?, rows.next::<String>()?, rows.next::<String>()?),
                version: rows.next()?,
                event_id: rows.uuid()?,
                event_type: rows.next()?,
                error: rows.next()?,
                attempts: rows.next()?,
                parked_at: rows.instant()?,
            });
        }
        Ok(Done::Commit(events))
    }
}

pub(super) struct ListAudit(pub(super) u32);

impl Job for ListAudit {
    type Answer = Vec<AuditEntry>;
    const DOING: &'static str = "reading the read store's record";
    const WRITES: bool = false;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<Self::Answer>, ReadStoreError> {
        let sql = "select at, actor, action, model, version, revision, position, reason
                   from read_audit order by id desc limit $1";
        let types = [INT, TEXT, TEXT, TEXT, INT, INT, INT, TEXT];
        let mut rows = Reader::new(session.query(sql, &[self.0.to_value()], &types).await?);
        let mut entries = Vec::new();
        while rows.has_more() {
            entries.push(AuditEntry {
                at: rows.instant()?,
                actor: rows.next()?,
                action: rows.next()?,
                build: rows.build()?,
                position: rows.next()?,
                reason: rows.next()?,
            });
        }
        Ok(Done::Commit(entries))
    }
}

/// Runs a statement that was made elsewhere.
pub(super) struct Read {
    pub(super) sql: String,
    pub(super) parameters: Vec<Value>,
    pub(super) types: Vec<ColumnType>,
}

impl Job for Read {
    type Answer = Vec<Value>;
    const DOING: &'static str = "reading a read model";
    const WRITES: bool = false;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<Self::Answer>, ReadStoreError> {
        session.query(&self.sql, &self.parameters, &self.types).await.map(Done::Commit)
    }
}

/// Images lie in parts, for no engine likes rows of hundreds of megabytes.
const PART_BYTES: usize = 8 * 1024 * 1024;

pub(super) struct SaveImage {
    pub(super) name: String,
    pub(super) position: Position,
    pub(super) image: Vec<u8>,
}

impl Job for SaveImage {
    type Answer = ();
    const DOING: &'static str = "keeping an index's image";
    const WRITES: bool = true;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<()>, ReadStoreError> {
        session.execute("delete from read_images where name = $1", &[text(&self.name)]).await?;
        for (part, bytes) in self.image.chunks(PART_BYTES).enumerate() {
            let sql = "insert into read_images (name, part, position, bytes) values ($1, $2, $3, $4)";
            let parameters = [
                text(&self.name),
                Value::Int64(part as i64),
                self.position.to_value(),
                Value::Bytes(bytes.to_vec()),
            ];
            session.execute(sql, &parameters).await?;
        }
        Ok(Done::Commit(()))
    }
}

pub(super) struct LoadImage(pub(super) String);

impl Job for LoadImage {
    type Answer = Option<(Position, Vec<u8>)>;
    const DOING: &'static str = "reading an index's image";
    const WRITES: bool = false;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<Self::Answer>, ReadStoreError> {
        let sql = "select position, bytes from read_images where name = $1 order by part";
        let values = session.query(sql, &[text(self.0)], &[INT, ColumnType::Bytes]).await?;
        let mut found: Option<(Position, Vec<u8>)> = None;
        let mut values = values.into_iter();
        while let (Some(position), Some(Value::Bytes(bytes))) = (values.next(), values.next()) {
            let position = u64::from_value(position).map_err(corrupt)?;
            match &mut found {
                Some((_, image)) => image.extend(bytes),
                None => found = Some((position, bytes)),
            }
        }
        Ok(Done::Commit(found))
    }
}
