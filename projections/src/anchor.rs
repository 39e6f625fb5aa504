//! Which log something was folded from: beside its position it keeps the id of the event that stands there.

use commands::ports::{EventStore, LogFilter, LogPage, Position, RecordedEvent, StoreError};
use uuid::Uuid;

/// The id of the event at a position. None: the log has none there.
pub(crate) async fn event_id_at(
    events: &dyn EventStore,
    position: Position,
) -> Result<Option<Uuid>, StoreError> {
    let Some(before) = position.checked_sub(1) else { return Ok(None) };
    let page = events.read_log(before, &LogFilter::default(), 1).await?;
    Ok(page.events.first().filter(|event| event.position == position).map(|event| event.event_id))
}

/// Whether what stands at this position, on this event, follows from this log. Nothing stands at position 0: every log
/// begins there. A position without an event's id is not believed.
pub(crate) async fn is_of_this_log(
    events: &dyn EventStore,
    position: Position,
    anchor: Option<Uuid>,
) -> Result<bool, StoreError> {
    Ok(position == 0 || (anchor.is_some() && event_id_at(events, position).await? == anchor))
}

/// A stretch of the log that is to be folded.
pub(crate) struct Stretch {
    /// What was read of it, by position; perhaps more, which is passed over.
    pub(crate) events: Vec<RecordedEvent>,
    /// Where it ends.
    pub(crate) through: Position,
    /// The id of the event that stands there, be it among `events` or not.
    pub(crate) anchor: Option<Uuid>,
}

impl Stretch {
    /// A page of the log, as far as `at_most`.
    pub(crate) async fn of(
        events: &dyn EventStore,
        page: LogPage,
        at_most: Position,
    ) -> Result<Self, StoreError> {
        let through = page.read_through.min(at_most);
        let end = page.events.partition_point(|event| event.position < through);
        let anchor = match page.events.get(end).filter(|event| event.position == through) {
            Some(event) => Some(event.event_id),
            None => event_id_at(events, through).await?,
        };
        Ok(Self { events: page.events, through, anchor })
    }
}
