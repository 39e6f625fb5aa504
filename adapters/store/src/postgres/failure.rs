use std::error::Error;

use chrono::{DateTime, Utc};
use commands::ports::StoreError;
use tokio_postgres::error::SqlState;

/// Raised by `append_batch`. Its detail holds both clocks, in milliseconds.
const CLOCK_AHEAD: &str = "CA001";

fn two_instants(detail: &str) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let (ours, theirs) = detail.split_once(' ')?;
    let instant = |text: &str| DateTime::from_timestamp_millis(text.parse().ok()?);
    Some((instant(ours)?, instant(theirs)?))
}

/// Says in the port's words what PostgreSQL, or the way to it, answered.
pub(super) fn store_error(doing: &'static str) -> impl Fn(tokio_postgres::Error) -> StoreError {
    move |error| {
        let Some(answer) = error.as_db_error() else {
            let reason =
                error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
            return StoreError::Unavailable { doing, reason };
        };
        let code = answer.code();
        if *code == SqlState::DISK_FULL {
            return StoreError::DiskFull { doing };
        }
        let reason = format!("PostgreSQL answered {} while {doing}: {}", code.code(), answer.message());
        let is_foreign = [
            SqlState::UNDEFINED_TABLE,
            SqlState::UNDEFINED_COLUMN,
            SqlState::UNDEFINED_FUNCTION,
            SqlState::DUPLICATE_TABLE,
            SqlState::DUPLICATE_FUNCTION,
        ];
        if is_foreign.contains(code) || [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED].contains(code) {
            return StoreError::Corrupt { reason };
        }
        if code.code() == CLOCK_AHEAD
            && let Some((ours, theirs)) = answer.detail().and_then(two_instants)
        {
            return StoreError::ClockAhead { ours, theirs };
        }
        // Data exceptions, broken constraints and what exceeds a limit of the program (an index row that is too long, say): the
        // same data would be refused again.
        if ["22", "23", "54"].contains(&&code.code()[..2]) {
            return StoreError::Rejected { doing, reason };
        }
        StoreError::Unavailable { doing, reason: format!("{} ({})", answer.message(), code.code()) }
    }
}
