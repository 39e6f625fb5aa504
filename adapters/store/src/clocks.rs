use chrono::{DateTime, Utc};
use commands::ports::{CLOCK_AHEAD_AT_MOST, StoreError};

/// Compares this machine's clock with the database's and the log's. One that is ahead of the database's is refused.
///
/// A log whose newest event lies in the future (its machine's clock was wrong once) is followed: refusing it would keep everybody
/// out, and nothing is lost but that events bear that instant until it has passed.
pub(crate) fn check_clock(
    ours: DateTime<Utc>,
    theirs: DateTime<Utc>,
    newest: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    if ours > theirs + CLOCK_AHEAD_AT_MOST {
        return Err(StoreError::ClockAhead { ours, theirs });
    }
    if let Some(newest) = newest.filter(|newest| *newest > theirs + CLOCK_AHEAD_AT_MOST) {
        tracing::warn!(%newest, clock = %theirs, "the log's newest event lies in the future; until then, events bear its instant");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_clock_more_than_a_minute_ahead_is_refused_and_one_behind_is_not() {
        let theirs = Utc::now();
        let check = |seconds| check_clock(theirs + TimeDelta::seconds(seconds), theirs, None);
        assert!(check(60).is_ok() && check(-86_400).is_ok());
        assert!(matches!(check(61), Err(StoreError::ClockAhead { .. })));
    }

    #[test]
    fn a_log_that_ends_in_the_future_is_followed() {
        let now = Utc::now();
        assert!(check_clock(now, now, Some(now + TimeDelta::days(365))).is_ok());
    }
}
