use commands::{
    ports::{EventStore, LogFilter, Position},
    tail::{Page, Place, event_id_at},
};
use std::sync::Arc;

use super::RunError;

/// The page of the log after a position, as far as `target`, which the log is known to hold.
pub(super) async fn page_after(
    log: &dyn EventStore,
    after: Position,
    filter: &LogFilter,
    limit: usize,
    target: Position,
) -> Result<Page, RunError> {
    let page = log.read_log(after, filter, limit).await?;
    if page.read_through <= after {
        return Err(RunError::LogCut { end: log.head().await?, wanted: target });
    }
    let position = page.read_through.min(target);
    let mut events = page.events;
    events.truncate(events.partition_point(|event| event.position <= position));
    let event_id = match events.last().filter(|event| event.position == position) {
        Some(event) => Some(event.event_id),
        None => event_id_at(log, position).await?,
    };
    Ok(Page { events: events.into_iter().map(Arc::new).collect(), end: Place { position, event_id } })
}
