use std::time::Duration;

use commands::ports::{Position, StreamKey};
use projections::{
    ColumnType, Field, Value,
    ports::{AuditEntry, ParkedEvent, ReadStoreError, Skip},
};

use super::{INT, Reader, TEXT, corrupt, text};
use crate::read::session::{Done, Job, LONG_PATIENCE, Queue, Session};

pub(in crate::read) struct ListParked;

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

pub(in crate::read) struct ListSkips;

impl Job for ListSkips {
    type Answer = Vec<Skip>;
    const DOING: &'static str = "listing skipped events";
    const WRITES: bool = false;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<Self::Answer>, ReadStoreError> {
        let sql = "select model, event_id from read_skips order by model, event_id";
        let mut rows = Reader::new(session.query(sql, &[], &[TEXT, TEXT]).await?);
        let mut skips = Vec::new();
        while rows.has_more() {
            skips.push(Skip { model: rows.next()?, event_id: rows.uuid()? });
        }
        Ok(Done::Commit(skips))
    }
}

pub(in crate::read) struct ListAudit(pub(in crate::read) u32);

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

/// Images lie in parts, for no engine likes rows of hundreds of megabytes.
const PART_BYTES: usize = 8 * 1024 * 1024;

pub(in crate::read) struct SaveImage {
    pub(in crate::read) name: String,
    pub(in crate::read) position: Position,
    pub(in crate::read) image: Vec<u8>,
}

impl Job for SaveImage {
    type Answer = ();
    const DOING: &'static str = "keeping an index's image";
    const WRITES: bool = true;
    const QUEUE: Queue = Queue::Building;
    const PATIENCE: Duration = LONG_PATIENCE;

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

pub(in crate::read) struct LoadImage(pub(in crate::read) String);

impl Job for LoadImage {
    type Answer = Option<(Position, Vec<u8>)>;
    const DOING: &'static str = "reading an index's image";
    const WRITES: bool = false;
    const PATIENCE: Duration = LONG_PATIENCE;

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
