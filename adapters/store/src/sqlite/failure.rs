use commands::ports::StoreError;
use rusqlite::ErrorCode;

/// Says in the port's words what SQLite answered.
pub(super) fn store_error(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| match error.sqlite_error().map(|failure| (failure.code, failure.extended_code)) {
        Some((ErrorCode::DiskFull, _) | (_, rusqlite::ffi::SQLITE_IOERR_SHMSIZE)) => {
            StoreError::DiskFull { doing }
        }
        Some((ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _)) => {
            StoreError::Corrupt { reason: format!("SQLite answered while {doing}: {error}") }
        }
        // A broken constraint, a value that is too large or of the wrong kind: the same data would be refused again.
        Some((ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch, _)) => {
            StoreError::Rejected { doing, reason: error.to_string() }
        }
        _ => StoreError::Unavailable { doing, reason: error.to_string() },
    }
}
