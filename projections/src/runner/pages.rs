use commands::{
    ports::{EventStore, LogFilter, Position},
    tail::{Page, cut_at},
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
    let mut events = page.events;
    let end = cut_at(log, &mut events, page.read_through.min(target)).await?;
    Ok(Page { events: events.into_iter().map(Arc::new).collect(), end })
}
