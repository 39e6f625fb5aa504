use commands::ports::{Position, RecordedEvent, StoreError};

/// An unfiltered reader is owed every position: a hole is said loudly, never skipped.
pub(crate) fn check_for_gaps(after: Position, events: &[RecordedEvent]) -> Result<(), StoreError> {
    match events.iter().zip(after + 1..).find(|(event, expected)| event.position != *expected) {
        Some((event, expected)) => Err(StoreError::Gap { expected, found: event.position }),
        None => Ok(()),
    }
}
