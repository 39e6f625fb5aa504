use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use commands::ports::Clock;

/// A clock that stands where the test puts it.
pub struct SetClock(Mutex<DateTime<Utc>>);

impl SetClock {
    /// 2 March 2026, 8 o'clock in Greenwich.
    pub fn new() -> Self {
        Self(Mutex::new(Utc.with_ymd_and_hms(2026, 3, 2, 8, 0, 0).unwrap()))
    }

    pub fn set(&self, now: DateTime<Utc>) {
        *self.0.lock().unwrap() = now;
    }

    pub fn pass(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}
