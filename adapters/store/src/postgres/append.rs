//! How a batch gets into the log: judged on assumptions, stored by one statement if they hold, else judged again on
//! what the database says. A second look refuses at least one commit more, so that the looks come to an end.

use std::{collections::HashMap, convert::Infallible};

use commands::ports::{
    AppendOutcome, Commit, Position, Receipt, StoreError, StreamKey, StreamVersion, StreamWrite, TenantId,
};
use uuid::Uuid;

use super::{
    batch::{APPEND_BATCH, Arrays, metadata_of},
    events::{as_sql, from_sql},
    lane::Lane,
};
use crate::judge::{Facts, Stands, judge};

const APPENDING: &str = "appending to the log";
/// Each look refuses a commit more; other processes would have to be faster this many times in a row.
const MOST_LOOKS: usize = 64;

/// What the writer's lane knows how to do, by index.
pub(super) const QUERIES: &[&str] = &[APPEND_BATCH, VERSIONS, ANSWERS, ANSWERED_STREAMS];
const STORE: usize = 0;
const ASK_VERSIONS: usize = 1;
const ASK_ANSWERS: usize = 2;
const ASK_STREAMS: usize = 3;

const VERSIONS: &str = "select coalesce(stored.version, 0), stored.event_id
    from unnest($1::uuid[], $2::text[], $3::text[]) with ordinality as asked (tenant, category, stream_id, ordinal)
    left join lateral (
        select version, event_id from events
        where events.tenant = asked.tenant and events.category = asked.category and events.stream_id = asked.stream_id
        order by version desc limit 1) stored on true
    order by ordinal";

const ANSWERS: &str = "select stored.tenant, stored.command_id, digest, position, event_count, reply
    from unnest($1::uuid[], $2::uuid[]) as asked (tenant, command_id)
    join commits stored on stored.tenant = asked.tenant and stored.command_id = asked.command_id
    where stored.expires_at is null or stored.expires_at > clock_timestamp()";

const ANSWERED_STREAMS: &str = "select tenant, category, stream_id, max(version) from events
    where position > $1 and position <= $2 group by tenant, category, stream_id order by min(position)";

/// A first answer: the command's digest and what was answered.
type Answer = ([u8; 32], Receipt);

/// Stores a batch. Answers the outcomes, and the head if the log has grown.
pub(super) async fn append(
    lane: &Lane,
    batch: &[Commit],
) -> Result<(Vec<AppendOutcome>, Option<Position>), StoreError> {
    let mut view = View::default();
    for _ in 0..MOST_LOOKS {
        let Ok(judgement) = judge(batch, &mut view);
        if judgement.in_doubt {
            view.look(lane, batch).await?;
            continue;
        }
        if judgement.accepted.is_empty() {
            return Ok((judgement.outcomes(0), None));
        }
        if let Some(head) = store(lane, &judgement.accepted).await? {
            let grown = judgement.event_count();
            let outcomes = judgement.outcomes(head);
            return Ok((outcomes, (grown > 0).then_some(head + grown)));
        }
        view.look(lane, batch).await?;
    }
    let reason = "other processes were faster every time".to_owned();
    Err(StoreError::Unavailable { doing: APPENDING, reason })
}

/// One statement, one transaction. Answers the head before the batch, or nothing when an assumption was wrong.
async fn store(lane: &Lane, accepted: &[&Commit]) -> Result<Option<Position>, StoreError> {
    let metadata = metadata_of(accepted)
        .map_err(|error| StoreError::Unavailable { doing: APPENDING, reason: error.to_string() })?;
    let arrays = Arrays::of(accepted, &metadata);
    let rows = lane.query(APPENDING, STORE, &arrays.parameters()).await?;
    Ok(rows.first().and_then(|row| row.get::<_, Option<i64>>(0)).map(from_sql))
}

/// The database as last seen; what was never looked at is assumed to be as the commits expect.
#[derive(Default)]
struct View {
    streams: HashMap<StreamKey, Stands>,
    answers: HashMap<(TenantId, Uuid), Answer>,
}

impl Facts for View {
    type Error = Infallible;

    fn stands(&mut self, write: &StreamWrite) -> Result<Stands, Infallible> {
        Ok(self.streams.get(&write.stream).copied().unwrap_or(Stands::expected_by(write)))
    }

    fn answer(&mut self, tenant: TenantId, command_id: Uuid) -> Result<Option<Answer>, Infallible> {
        Ok(self.answers.get(&(tenant, command_id)).cloned())
    }

    fn is_assumed(&self, stream: &StreamKey) -> bool {
        !self.streams.contains_key(stream)
    }
}

impl View {
    /// Looks at everything that the batch names: the versions first. Were it the other way round, a batch of ours whose
    /// answer was lost could land in between, and its commits would seem to be in conflict with themselves.
    async fn look(&mut self, lane: &Lane, batch: &[Commit]) -> Result<(), StoreError> {
        let streams = || batch.iter().flat_map(|commit| commit.streams.iter().map(|write| &write.stream));
        let tenants: Vec<Uuid> = streams().map(|stream| stream.tenant).collect();
        let categories: Vec<&str> = streams().map(|stream| &*stream.category).collect();
        let ids: Vec<&str> = streams().map(|stream| &*stream.id).collect();
        let rows = lane.query(APPENDING, ASK_VERSIONS, &[&tenants, &categories, &ids]).await?;
        for (stream, row) in streams().zip(&rows) {
            let stands = Stands { version: from_sql(row.get(0)), event: row.get(1) };
            self.streams.insert(stream.clone(), stands);
        }
        let commands: Vec<_> = batch.iter().map(|commit| (commit.tenant, commit.command_id)).collect();
        self.answers = answers(lane, &commands).await?;
        Ok(())
    }
}

/// The first answers to those of the commands that were answered.
pub(super) async fn answers(
    lane: &Lane,
    commands: &[(TenantId, Uuid)],
) -> Result<HashMap<(TenantId, Uuid), Answer>, StoreError> {
    let doing = "looking for an answer";
    let (tenants, ids): (Vec<Uuid>, Vec<Uuid>) = commands.iter().copied().unzip();
    let rows = lane.query(doing, ASK_ANSWERS, &[&tenants, &ids]).await?;
    let mut answers = HashMap::with_capacity(rows.len());
    for row in rows {
        let (position, event_count) = (from_sql(row.get(3)), u64::from(row.get::<_, i32>(4).unsigned_abs()));
        let digest = row.get::<_, &[u8]>(2).try_into().map_err(|_| StoreError::Corrupt {
            reason: format!("table commits, position {position}: a digest has 32 bytes"),
        })?;
        let written = match event_count {
            0 => Vec::new(),
            _ => {
                lane.query(doing, ASK_STREAMS, &[&as_sql(position - event_count), &as_sql(position)]).await?
            }
        };
        let versions = written
            .iter()
            .map(|row| StreamVersion {
                stream: StreamKey::new(row.get(0), row.get::<_, String>(1), row.get::<_, &str>(2)),
                version: from_sql(row.get(3)),
            })
            .collect();
        let reply = row.get::<_, Option<&str>>(5).map(Into::into);
        let receipt = Receipt { position, event_count, versions, reply };
        answers.insert((row.get(0), row.get(1)), (digest, receipt));
    }
    Ok(answers)
}
