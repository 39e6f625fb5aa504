//! One batch, one transaction.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use commands::ports::{
    AppendOutcome, Commit, Position, Receipt, StoreError, StreamKey, StreamVersion, StreamWrite, TenantId,
};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::{
    ends::{Ends, Tip},
    events::{as_sql, from_sql},
    failure::store_error,
};
use crate::judge::{Facts, Stands, is_remembered, judge};

const APPENDING: &str = "appending to the log";

/// Judges and stores a batch. Answers the outcomes and the head that the log then has.
pub(super) fn append(
    connection: &mut Connection,
    place: &Mutex<Option<Ends>>,
    batch: &[Commit],
) -> Result<(Vec<AppendOutcome>, Position), StoreError> {
    let place = || place.lock().unwrap_or_else(PoisonError::into_inner);
    // Taken out, so that a batch that fails, or panics, leaves nothing half true behind.
    let ends = place().take().unwrap_or_default();
    let (outcomes, head, ends) = write(connection, ends, batch).map_err(store_error(APPENDING))?;
    *place() = Some(ends);
    Ok((outcomes, head))
}

fn write(
    connection: &mut Connection,
    ends: Ends,
    batch: &[Commit],
) -> rusqlite::Result<(Vec<AppendOutcome>, Position, Ends)> {
    // Immediate: what is read here cannot change before it is built upon, whoever else has the file open.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let tip = tip_of_log(&transaction)?;
    let mut log = Log { connection: &transaction, ends: ends.at(tip) };
    let judgement = judge(batch, &mut log)?;
    let ends = log.ends;
    let grown_to = insert(&transaction, &judgement.accepted, &tip)?;
    transaction.commit()?;
    let ends = ends.follow(&judgement.accepted, grown_to);
    Ok((judgement.outcomes(tip.position), grown_to.position, ends))
}

fn tip_of_log(transaction: &Transaction<'_>) -> rusqlite::Result<Tip> {
    let mut last = transaction.prepare_cached(
        "select position, event_id, recorded_at from events order by position desc limit 1",
    )?;
    let tip = |row: &rusqlite::Row<'_>| {
        Ok(Tip { position: from_sql(row.get(0)?), event_id: row.get(1)?, recorded_at: row.get(2)? })
    };
    Ok(last.query_row([], tip).optional()?.unwrap_or(Tip::NOWHERE))
}

/// Stores the commits after the tip. Answers the tip that the log then has.
fn insert(transaction: &Transaction<'_>, accepted: &[&Commit], tip: &Tip) -> rusqlite::Result<Tip> {
    let mut events = transaction.prepare_cached(
        "insert into events (position, tenant, category, stream_id, version, event_id, event_type, schema_version,
         payload, metadata, recorded_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let mut commits = transaction.prepare_cached(
        // In place of an answer whose time was over: a younger one would have been found.
        "insert or replace into commits (tenant, command_id, digest, position, event_count, reply, expires_at)
         values (?, ?, ?, ?, ?, ?, ?)",
    )?;
    let now = Utc::now();
    let Tip { mut position, mut event_id, mut recorded_at } = *tip;
    for commit in accepted {
        // The log's clock moves with events alone: what left none is not seen by the next.
        if commit.event_count() > 0 {
            recorded_at = recorded_at.max(commit.decided_at.timestamp_millis());
        }
        let metadata = serde_json::to_string(&commit.metadata)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        for write in &commit.streams {
            let versions = write.expected_version + 1..;
            for (event, version) in write.events.iter().zip(versions) {
                position += 1;
                event_id = event.event_id;
                let stream = &write.stream;
                events.execute(params![
                    as_sql(position),
                    stream.tenant,
                    &*stream.category,
                    &*stream.id,
                    as_sql(version),
                    event.event_id,
                    event.event_type,
                    event.schema_version,
                    &*event.payload,
                    metadata,
                    recorded_at,
                ])?;
            }
        }
        if is_remembered(commit) {
            let count = as_sql(commit.event_count() as u64);
            let reply = commit.reply.as_deref();
            let (position, digest) = (as_sql(position), &commit.digest[..]);
            let expires_at = commit.keep_answer_for.map(|time| expiry(now, time));
            commits.execute(params![
                commit.tenant,
                commit.command_id,
                digest,
                position,
                count,
                reply,
                expires_at
            ])?;
        }
        insert_deadlines(transaction, commit, position)?;
    }
    Ok(Tip { position, event_id, recorded_at })
}

fn insert_deadlines(
    transaction: &Transaction<'_>,
    commit: &Commit,
    asked_at: Position,
) -> rusqlite::Result<()> {
    for deadline in &commit.deadlines {
        let mut insert = transaction.prepare_cached(
            "insert into deadlines (tenant, deadline_id, due_at, command, payload, asked_at) values (?, ?, ?, ?, ?, ?)
             on conflict do nothing",
        )?;
        let due_at = deadline.due_at.timestamp_millis();
        let asked_at = as_sql(asked_at);
        insert.execute(params![
            commit.tenant,
            deadline.deadline_id,
            due_at,
            deadline.command,
            deadline.payload,
            asked_at
        ])?;
    }
    Ok(())
}

/// The log as the transaction sees it, and what is remembered of it.
struct Log<'transaction> {
    connection: &'transaction Connection,
    ends: Ends,
}

impl Facts for Log<'_> {
    type Error = rusqlite::Error;

    fn stands(&mut self, write: &StreamWrite) -> rusqlite::Result<Stands> {
        let stream = &write.stream;
        if let Some(stands) = self.ends.find(stream) {
            return Ok(stands);
        }
        let mut last = self.connection.prepare_cached(
            "select version, event_id from events where tenant = ? and category = ? and stream_id = ?
             order by version desc limit 1",
        )?;
        let key = params![stream.tenant, &*stream.category, &*stream.id];
        let stands =
            |row: &rusqlite::Row<'_>| Ok(Stands { version: from_sql(row.get(0)?), event: Some(row.get(1)?) });
        let stands = last.query_row(key, stands).optional()?.unwrap_or(Stands::NOWHERE);
        self.ends.remember(stream, stands);
        Ok(stands)
    }

    fn answer(
        &mut self,
        tenant: TenantId,
        command_id: Uuid,
    ) -> rusqlite::Result<Option<([u8; 32], Receipt)>> {
        find_answer(self.connection, tenant, command_id)
    }
}

/// When an answer that is kept for so long is to be forgotten.
fn expiry(now: DateTime<Utc>, kept_for: Duration) -> i64 {
    now.timestamp_millis().saturating_add(i64::try_from(kept_for.as_millis()).unwrap_or(i64::MAX))
}

/// Deletes answers whose time is over.
pub(super) fn prune_answers(connection: &Connection, most: usize) -> rusqlite::Result<usize> {
    let mut delete = connection.prepare_cached(
        "delete from commits where (tenant, command_id) in
             (select tenant, command_id from commits where expires_at <= ? order by expires_at limit ?)",
    )?;
    delete.execute(params![Utc::now().timestamp_millis(), as_sql(most as u64)])
}

/// The first answer to a command, its streams' versions read off the events that it wrote.
pub(super) fn find_answer(
    connection: &Connection,
    tenant: TenantId,
    command_id: Uuid,
) -> rusqlite::Result<Option<([u8; 32], Receipt)>> {
    let mut commit = connection.prepare_cached(
        "select digest, position, event_count, reply from commits
         where tenant = ? and command_id = ? and (expires_at is null or expires_at > ?)",
    )?;
    let now = Utc::now().timestamp_millis();
    let found = commit.query_row(params![tenant, command_id, now], |row| {
        let (position, event_count) = (from_sql(row.get(1)?), from_sql(row.get(2)?));
        let receipt = Receipt { position, event_count, versions: Vec::new(), reply: row.get(3)? };
        Ok((row.get::<_, [u8; 32]>(0)?, receipt))
    });
    let Some((digest, mut receipt)) = found.optional()? else { return Ok(None) };
    let mut versions = connection.prepare_cached(
        "select tenant, category, stream_id, max(version) from events where position > ? and position <= ?
         group by tenant, category, stream_id order by min(position)",
    )?;
    let before = receipt.position - receipt.event_count;
    receipt.versions = versions
        .query_map(params![as_sql(before), as_sql(receipt.position)], |row| {
            let stream = StreamKey::new(row.get(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?);
            Ok(StreamVersion { stream, version: from_sql(row.get(3)?) })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some((digest, receipt)))
}
