use std::time::Duration;

use commands::ports::Position;
use projections::{
    Field, Table,
    ports::{AuditEntry, BuildId, Differences, Fence, ReadStoreError, StepOutcome},
};

use super::{INT, TEXT, corrupt, leases::renew, steps::record, text};
use crate::read::{
    session::{Done, Job, LONG_PATIENCE, Session},
    sql::Dialect,
};

pub(in crate::read) struct Compare {
    pub(in crate::read) left: BuildId,
    pub(in crate::read) right: BuildId,
    pub(in crate::read) table: &'static Table,
}

impl Job for Compare {
    type Answer = Option<Differences>;
    const DOING: &'static str = "comparing two builds of a read model";
    const WRITES: bool = false;
    const PATIENCE: Duration = LONG_PATIENCE;

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
                let values = session.query(&some, &[], &types).await?;
                let rows = values.chunks(types.len()).map(|row| format!("only in {from}: {row:?}"));
                differences.samples.extend(rows);
            }
        }
        Ok(Done::Commit(Some(differences)))
    }
}

pub(in crate::read) struct TakeOver {
    pub(in crate::read) fences: Vec<Fence>,
    pub(in crate::read) new: BuildId,
    pub(in crate::read) position: Position,
    pub(in crate::read) audit: AuditEntry,
    pub(in crate::read) hold_for: Duration,
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
        let newer = "select version from read_models where model = $1 and state = 'LIVE' and version > $2";
        let parameters = [text(&self.new.model), self.new.version.to_value()];
        if !session.query(newer, &parameters, &[INT]).await?.is_empty() {
            return Ok(Done::RollBack(StepOutcome::Moved));
        }
        let now = S::DIALECT.now_millis();
        let retire = format!(
            "update read_models set state = 'RETIRED', since = {now} where model = $1 and state = 'LIVE'"
        );
        session.execute(&retire, &[text(&self.new.model)]).await?;
        // A build that was retired meanwhile is of another log perhaps: it is not raised.
        let raise = format!(
            "update read_models set state = 'LIVE', since = {now}
             where build = $1 and position = $2 and state = 'BUILDING'"
        );
        let raised = session.execute(&raise, &[text(self.new.to_string()), self.position.to_value()]).await?;
        if raised != 1 {
            return Ok(Done::RollBack(StepOutcome::Moved));
        }
        record(session, &self.audit).await?;
        Ok(Done::Commit(StepOutcome::Stored))
    }
}
