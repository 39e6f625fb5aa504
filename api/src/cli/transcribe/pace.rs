//! How far a recording is: how much of what was asked for is done, how fast, and how long the rest will take.

use std::time::Duration;

use super::formats::clock;
use crate::compose::speech::{Samples, Span};

/// Before this, a speed would be made of too little.
const TOO_SOON: Duration = Duration::from_millis(500);

/// Follows one recording. Its clock is the caller's: each time is how long the recording has been worked on.
#[derive(Debug, Clone)]
pub struct Pace {
    /// What was asked for; everything where that is empty.
    ranges: Vec<Span>,
    duration: Option<Samples>,
    reached: Samples,
    /// Stretches of an earlier run that are still to come. They take no time, and tell nothing of the speed.
    earlier: u64,
    /// What was done, in samples, when this run's own work began, and when that was.
    begun: (u64, Duration),
}

impl Pace {
    pub fn new(ranges: Vec<Span>) -> Self {
        Self { ranges, duration: None, reached: Samples(0), earlier: 0, begun: (0, Duration::ZERO) }
    }

    /// The recording is open.
    pub fn opened(&mut self, duration: Option<Samples>, now: Duration) {
        self.duration = duration;
        self.begun.1 = now;
    }

    /// So many stretches were done by an earlier run; they come first.
    pub fn resumed(&mut self, stretches: u64) {
        self.earlier = stretches;
    }

    /// Everything before `until` is done.
    pub fn done(&mut self, until: Samples, now: Duration) {
        self.reached = self.reached.max(until);
        if self.earlier > 0 {
            self.earlier -= 1;
            self.begun = (self.covered(self.reached), now);
        }
    }

    /// The point before which everything is done.
    pub fn reached(&self) -> Samples {
        self.reached
    }

    /// How much is done of what was asked for.
    pub fn position(&self) -> Samples {
        Samples(self.covered(self.reached))
    }

    /// How much was asked for, where that is known.
    pub fn length(&self) -> Option<Samples> {
        let end = match self.duration {
            Some(duration) => duration,
            None => self.ranges.last()?.end,
        };
        Some(Samples(self.covered(end)))
    }

    /// For people: `12:30 of 1:08:00, 24 × real time, 02:19 left`.
    pub fn told(&self, now: Duration) -> String {
        let mut told = clock(self.position());
        if let Some(length) = self.length() {
            told += &format!(" of {}", clock(length));
        }
        let Some(speed) = self.speed(now) else { return told };
        told += &format!(", {speed:.0} × real time");
        if let Some(length) = self.length() {
            let rest = Samples(length.0.saturating_sub(self.position().0));
            told += &format!(", {} left", clock(Samples::from_seconds(rest.seconds() / speed)));
        }
        told
    }

    /// Seconds of audio a second, of this run's own work.
    fn speed(&self, now: Duration) -> Option<f64> {
        let (done, since) = self.begun;
        let done = Samples(self.covered(self.reached).saturating_sub(done)).seconds();
        let elapsed = now.saturating_sub(since);
        (elapsed > TOO_SOON && done > 0.0).then(|| done / elapsed.as_secs_f64())
    }

    /// Samples before `end` that were asked for.
    fn covered(&self, end: Samples) -> u64 {
        if self.ranges.is_empty() {
            return end.0;
        }
        self.ranges.iter().map(|range| range.end.0.min(end.0).saturating_sub(range.start.0)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Samples {
        Samples::from_seconds(seconds)
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn nothing_is_said_of_the_speed_before_something_is_done() {
        let mut pace = Pace::new(Vec::new());
        pace.opened(Some(seconds(600.0)), at(1));
        assert_eq!(pace.told(at(1)), "00:00 of 10:00");
        assert_eq!(pace.told(at(9)), "00:00 of 10:00");
        pace.done(seconds(60.0), at(11));
        assert_eq!(pace.told(at(11)), "01:00 of 10:00, 6 × real time, 01:30 left");
    }

    #[test]
    fn what_an_earlier_run_did_makes_this_one_no_faster() {
        let mut pace = Pace::new(Vec::new());
        pace.resumed(2);
        pace.opened(Some(seconds(600.0)), at(0));
        pace.done(seconds(150.0), at(1));
        pace.done(seconds(300.0), at(2));
        assert_eq!(pace.told(at(2)), "05:00 of 10:00");
        pace.done(seconds(330.0), at(12));
        assert_eq!(pace.told(at(12)), "05:30 of 10:00, 3 × real time, 01:30 left");
    }

    #[test]
    fn of_ranges_only_what_lies_in_them_counts() {
        let range = |from: f64, to: f64| Span { start: seconds(from), end: seconds(to) };
        let mut pace = Pace::new(vec![range(100.0, 200.0), range(580.0, 700.0)]);
        pace.opened(Some(seconds(600.0)), at(0));
        assert_eq!((pace.position(), pace.length()), (Samples(0), Some(seconds(120.0))));
        pace.done(seconds(90.0), at(1));
        assert_eq!(pace.position(), Samples(0));
        pace.done(seconds(130.0), at(10));
        assert_eq!(pace.told(at(10)), "00:30 of 02:00, 3 × real time, 00:30 left");
        pace.done(seconds(600.0), at(20));
        assert_eq!(pace.position(), seconds(120.0));
        assert_eq!(pace.reached(), seconds(600.0));
    }

    #[test]
    fn a_stream_has_no_end_that_is_known() {
        let mut pace = Pace::new(Vec::new());
        pace.opened(None, at(0));
        pace.done(seconds(60.0), at(10));
        assert_eq!(pace.told(at(10)), "01:00, 6 × real time");
    }
}
