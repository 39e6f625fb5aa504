use std::error::Error;

use commands::ports::StoreError;
use tokio_postgres::error::SqlState;

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
        // Data exceptions and broken constraints: the same data would be refused again.
        if code.code().starts_with("22") || code.code().starts_with("23") {
            return StoreError::Rejected { doing, reason };
        }
        StoreError::Unavailable { doing, reason: format!("{} ({})", answer.message(), code.code()) }
    }
}
