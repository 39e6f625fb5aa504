use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use commands::ports::Clock;

/// The demo plant's wall clock: it stands until somebody moves it.
#[derive(Debug)]
pub(super) struct DemoClock {
    millis: AtomicI64,
}

impl DemoClock {
    /// Stands at an instant.
    pub(super) fn at(instant: DateTime<Utc>) -> Self {
        Self { millis: AtomicI64::new(instant.timestamp_millis()) }
    }

    /// Moves to an hour and minute of a local day; never back.
    pub(super) fn reach(&self, day: NaiveDate, hour: u32, minute: u32, zone: Tz) {
        let time = NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or_default();
        let local = zone.from_local_datetime(&day.and_time(time)).earliest();
        if let Some(local) = local {
            self.millis.fetch_max(local.timestamp_millis(), Ordering::SeqCst);
        }
    }

    /// Lets time pass.
    pub(super) fn pass(&self, time: TimeDelta) {
        self.millis.fetch_add(time.num_milliseconds(), Ordering::SeqCst);
    }
}

impl Clock for DemoClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.millis.load(Ordering::SeqCst)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Budapest;

    use super::*;

    #[test]
    fn the_demo_clock_shows_the_plants_time_and_never_goes_back() {
        let day = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
        let clock = DemoClock::at(DateTime::UNIX_EPOCH);
        clock.reach(day, 6, 15, Budapest);
        assert_eq!(clock.now().to_rfc3339(), "2026-03-02T05:15:00+00:00");
        clock.reach(day, 5, 0, Budapest);
        clock.pass(TimeDelta::minutes(3));
        assert_eq!(clock.now().to_rfc3339(), "2026-03-02T05:18:00+00:00");
    }
}
