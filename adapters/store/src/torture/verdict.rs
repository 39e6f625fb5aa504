use std::fmt;

use serde::Serialize;

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// How long the writers wrote.
    pub seconds: u64,
    /// Writer processes at a time.
    pub writers: u32,
    /// Times that a writer was killed.
    pub kills: u64,
    /// Times that the database was restarted.
    pub restarts: u64,
    /// Events that the judge read.
    pub events: u64,
    /// Commits that the judge read.
    pub commits: u64,
    /// Commits that a writer was told to stand.
    pub acknowledged: u64,
    /// Repeated commands that were answered.
    pub repeated: u64,
    /// Conflicts on streams that all writers share: the promise working, not a fault.
    pub conflicts: u64,
    /// Acknowledged commits that the log does not hold, or holds elsewhere than was said.
    pub lost: u64,
    /// Commits whose events came twice.
    pub doubled: u64,
    /// Commits of which some events came and others did not.
    pub halved: u64,
    /// Events whose position did not follow the one before, or whose version did not follow its stream's.
    pub out_of_order: u64,
    /// Answers that were wrong: a repetition that did not get the first answer.
    pub wrong_answers: u64,
    /// Times that the reader saw nothing for more than a second while writers wrote, restarts left out.
    pub stalls: u64,
    /// The longest time without a new event, restarts left out, in milliseconds.
    pub longest_wait_ms: u64,
    /// The first faults, in words.
    pub faults: Vec<String>,
}

impl Verdict {
    /// Whether every promise about content and order was kept.
    pub fn is_sound(&self) -> bool {
        self.lost + self.doubled + self.halved + self.out_of_order + self.wrong_answers == 0
            && self.commits > 0
    }

    /// Whether readers never waited for more than a second, too.
    pub fn is_passed(&self) -> bool {
        self.is_sound() && self.stalls == 0
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seconds,
            writers,
            kills,
            restarts,
            events,
            commits,
            acknowledged,
            repeated,
            conflicts,
            ..
        } = self;
        writeln!(
            formatter,
            "{writers} writers for {seconds} s, {kills} killed, {restarts} restarts of the database"
        )?;
        writeln!(
            formatter,
            "{events} events in {commits} commits read; {acknowledged} commits acknowledged,"
        )?;
        writeln!(formatter, "{repeated} commands repeated, {conflicts} conflicts on shared streams")?;
        let Self { lost, doubled, halved, out_of_order, wrong_answers, .. } = self;
        writeln!(formatter, "{lost} lost, {doubled} doubled, {halved} halved, {out_of_order} out of order")?;
        writeln!(formatter, "{wrong_answers} wrong answers")?;
        writeln!(formatter, "{} stalls over 1 s, longest wait {} ms", self.stalls, self.longest_wait_ms)?;
        for fault in &self.faults {
            writeln!(formatter, "  {fault}")?;
        }
        let judgement = match (self.is_passed(), self.is_sound()) {
            (true, _) => "passed: every promise was kept",
            (false, true) => "the log is sound, but readers had to wait",
            (false, false) => "FAILED: the log broke a promise",
        };
        formatter.write_str(judgement)
    }
}
