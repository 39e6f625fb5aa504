use std::collections::{BTreeMap, BTreeSet};

use projections::{
    Field, Value,
    ports::{AuditEntry, ParkedEvent, ReadStoreError, Step, StepOutcome},
};

use uuid::Uuid;

use super::{TEXT, instant_millis, leases::renew, mark, text};
use crate::read::{
    pages::{Parameter, Statement},
    session::{Done, Job, Session},
    sql::Dialect,
};

pub(in crate::read) struct StoreStep(pub(in crate::read) Step);

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
        mark_changes(session, &step).await?;
        for (build, position) in &step.unpark {
            let sql = "delete from read_parked where build = $1 and position = $2";
            session.execute(sql, &[text(build.to_string()), position.to_value()]).await?;
        }
        for skip in &step.skip {
            let sql = "insert into read_skips (model, event_id) values ($1, $2) on conflict do nothing";
            session.execute(sql, &[text(&skip.model), text(skip.event_id.to_string())]).await?;
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
    moves.sort_by_key(|checkpoint| (checkpoint.from, checkpoint.to, checkpoint.anchor));
    for together in moves
        .chunk_by(|left, right| (left.from, left.to, left.anchor) == (right.from, right.to, right.anchor))
    {
        let places: Vec<_> = (0..together.len()).map(|number| format!("${}", number + 6)).collect();
        // Where a program that knows no marks has moved it, nobody knows whose rows were changed: all get another mark.
        let sql = format!(
            "update read_models set position = $1, marked_through = $2, anchor = $3,
                 mark = case when marked_through = position then mark else $4 end
             where position = $5 and state <> 'RETIRED' and build in ({})",
            places.join(", ")
        );
        let anchor = together[0].anchor.map_or(Value::Null, |anchor| text(anchor.to_string()));
        let (from, to) = (together[0].from.to_value(), together[0].to.to_value());
        let mut parameters = vec![to.clone(), to, anchor, mark(), from];
        parameters.extend(together.iter().map(|checkpoint| text(checkpoint.build.to_string())));
        if session.execute(&sql, &parameters).await? != together.len() as u64 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Gives the rows of each build and tenant that the step changes another mark, in one statement: a step of a thousand tenants
/// would wait a thousand times otherwise. Always in the same order, so that no two steps wait for each other.
async fn mark_changes<S: Session>(session: &mut S, step: &Step) -> Result<(), ReadStoreError> {
    let mut changed: BTreeMap<String, BTreeSet<Uuid>> = BTreeMap::new();
    for change in &step.changes {
        let tenants = changed.entry(change.build.to_string()).or_default();
        let written = change.written.iter().step_by(change.table.columns.len());
        // Rows lie together by tenant mostly, and the first column of each is the tenant.
        for value in written.chain(change.deleted.iter().step_by(change.table.key_columns)) {
            if let Value::Uuid(tenant) = value {
                tenants.insert(*tenant);
            }
        }
    }
    let changed =
        changed.iter().flat_map(|(build, tenants)| tenants.iter().map(move |tenant| (build, tenant)));
    let (builds, tenants): (Vec<_>, Vec<_>) =
        changed.map(|(build, tenant)| (text(build), text(tenant.to_string()))).unzip();
    if builds.is_empty() {
        return Ok(());
    }
    match S::DIALECT {
        Dialect::Postgres => {
            let sql = "insert into read_marks (build, tenant, mark)
                       select build, tenant, $3 from unnest($1::text[], $2::text[]) as changed (build, tenant)
                       on conflict (build, tenant) do update set mark = excluded.mark";
            let parameters =
                vec![Parameter::Many(TEXT, builds), Parameter::Many(TEXT, tenants), Parameter::One(mark())];
            session.ask(&Statement { sql: sql.to_owned(), parameters }, &[]).await?;
        }
        // In this process a statement waits for nobody.
        Dialect::Sqlite => {
            let sql = "insert into read_marks (build, tenant, mark) values ($1, $2, $3)
                       on conflict (build, tenant) do update set mark = excluded.mark";
            let mark = mark();
            for (build, tenant) in builds.into_iter().zip(tenants) {
                session.execute(sql, &[build, tenant, mark.clone()]).await?;
            }
        }
    }
    Ok(())
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

pub(super) async fn record<S: Session>(session: &mut S, entry: &AuditEntry) -> Result<(), ReadStoreError> {
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
