//! Any aggregate as it was, and its rows as they were, from its stream alone.

use chrono::{DateTime, Utc};
use commands::ports::{EventStore, Position, RecordedEvent, StoreError, StreamKey, Version};
use domain::Decider;

use crate::{FoldError, Model, Rows, decode};

/// Events read at once.
const PAGE: usize = 1_000;

/// A point in a stream's past. Everything up to it has happened, nothing after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// After so many of the stream's events.
    Version(Version),
    /// When the log had come to this position.
    Position(Position),
    /// At this instant, by the time of recording.
    Time(DateTime<Utc>),
}

impl At {
    fn includes(self, event: &RecordedEvent) -> bool {
        match self {
            Self::Version(version) => event.version <= version,
            Self::Position(position) => event.position <= position,
            Self::Time(instant) => event.recorded_at <= instant,
        }
    }
}

/// Something as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsOf<D> {
    /// What its events came to.
    pub state: D,
    /// How many of its events had happened. 0: it did not exist yet.
    pub version: Version,
    /// The position of the last of them.
    pub position: Position,
    /// When the last of them was recorded.
    pub recorded_at: Option<DateTime<Utc>>,
}

/// Why the past cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The log could not be read.
    #[error("the log could not be read")]
    Events(#[from] StoreError),
    /// An event of the stream cannot be read.
    #[error("an event of the stream cannot be read")]
    Event(#[from] FoldError),
}

/// An aggregate at a version, position or time.
///
/// # Errors
/// When the log cannot be read, or holds an event that this program does not know.
pub async fn as_of<D: Decider>(
    events: &dyn EventStore,
    stream: &StreamKey,
    at: At,
) -> Result<AsOf<D>, HistoryError> {
    let evolve = |state: D, event: &RecordedEvent| Ok(state.evolve(&decode::<D::Event>(event)?));
    told(events, stream, at, D::initial(), evolve).await
}

/// The rows that a read model's fold leaves of one stream alone, up to a version, position or time.
///
/// # Errors
/// When the log cannot be read, or holds an event that the fold cannot take.
pub async fn rows_as_of(
    model: Model,
    events: &dyn EventStore,
    stream: &StreamKey,
    at: At,
) -> Result<AsOf<Rows>, HistoryError> {
    told(events, stream, at, Rows::before_empty_tables(), |mut rows, event| {
        model.keys(event, &mut rows);
        model.apply(event, &mut rows)?;
        Ok(rows)
    })
    .await
}

/// Folds a stream's events up to a moment.
async fn told<S>(
    events: &dyn EventStore,
    stream: &StreamKey,
    at: At,
    nothing: S,
    fold: impl Fn(S, &RecordedEvent) -> Result<S, FoldError>,
) -> Result<AsOf<S>, HistoryError> {
    let mut as_of = AsOf { state: nothing, version: 0, position: 0, recorded_at: None };
    loop {
        let page = events.read_stream(stream, as_of.version, PAGE).await?;
        let is_last = page.len() < PAGE;
        for event in page {
            if !at.includes(&event) {
                return Ok(as_of);
            }
            as_of = AsOf {
                state: fold(as_of.state, &event)?,
                version: event.version,
                position: event.position,
                recorded_at: Some(event.recorded_at),
            };
        }
        if is_last {
            return Ok(as_of);
        }
    }
}

/// A stretch of an aggregate's past, oldest first: at most `limit` events after a version.
///
/// # Errors
/// When the log cannot be read.
pub async fn history(
    events: &dyn EventStore,
    stream: &StreamKey,
    after: Version,
    limit: usize,
) -> Result<Vec<RecordedEvent>, StoreError> {
    events.read_stream(stream, after, limit).await
}
