//! What was seen, against what was acknowledged.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{tail::Sighting, verdict::Verdict};

/// The first faults are told in words, so many of them.
const TOLD: usize = 20;

/// The judge's book.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) verdict: Verdict,
    /// The last position seen.
    pub(super) last: i64,
    versions: HashMap<String, i64>,
    /// The commit whose events are coming in.
    open: Option<Open>,
    /// Commits that came whole: last position and events.
    whole: HashMap<Uuid, (i64, u32)>,
    /// Commits that came by halves.
    broken: HashSet<Uuid>,
    acknowledged: HashMap<Uuid, (i64, u32)>,
}

struct Open {
    command_id: Uuid,
    of: u32,
    seen: u32,
    position: i64,
}

impl Ledger {
    pub(super) fn from(last: i64) -> Self {
        Self { last, ..Self::default() }
    }

    /// An event came.
    pub(super) fn see(&mut self, sighting: &Sighting) {
        let Sighting { position, stream, version, command_id, of } = sighting;
        if *position != self.last + 1 {
            self.verdict.out_of_order += 1;
            self.tell(format!("position {position} came after {}", self.last));
        }
        self.last = *position;
        if let Some(before) = self.versions.insert(stream.clone(), *version)
            && *version != before + 1
        {
            self.verdict.out_of_order += 1;
            self.tell(format!("stream {stream}: version {version} came after {before}"));
        }
        self.verdict.events += 1;
        if self.open.as_ref().is_some_and(|open| open.command_id != *command_id) {
            self.close();
        }
        let open = self.open.get_or_insert(Open { command_id: *command_id, of: *of, seen: 0, position: 0 });
        open.seen += 1;
        open.position = *position;
        if open.seen == open.of {
            self.close();
        }
    }

    /// The events of one commit lie beside each other: what comes later under its id is a second time.
    fn close(&mut self) {
        let Some(Open { command_id, of, seen, position }) = self.open.take() else { return };
        if seen != of {
            self.verdict.halved += 1;
            self.broken.insert(command_id);
            self.tell(format!("command {command_id}: {seen} of {of} events, up to position {position}"));
        } else if let Some((first, _)) = self.whole.insert(command_id, (position, of)) {
            self.verdict.doubled += 1;
            self.tell(format!("command {command_id} came at position {first} and again at {position}"));
        }
        self.verdict.commits += 1;
    }

    /// A line from a writer.
    pub(super) fn hear(&mut self, line: &str) {
        let mut words = line.split(' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("ack"), Some(command), Some(position), Some(events)) => {
                // A writer killed while it wrote may leave half a line: what it did not say, it did not say.
                if let (Ok(command), Ok(position), Ok(events)) =
                    (command.parse(), position.parse(), events.parse())
                {
                    self.acknowledged.insert(command, (position, events));
                }
            }
            (Some("repeated"), ..) => self.verdict.repeated += 1,
            (Some("conflict"), ..) => self.verdict.conflicts += 1,
            (Some("wrong"), ..) => {
                self.verdict.wrong_answers += 1;
                self.tell(line.to_owned());
            }
            _ => {}
        }
    }

    /// The end: everything that was acknowledged must have come, where it was said to be.
    pub(super) fn settle(mut self) -> Verdict {
        self.close();
        self.verdict.acknowledged = self.acknowledged.len() as u64;
        for (command, said) in std::mem::take(&mut self.acknowledged) {
            if self.whole.get(&command) != Some(&said) && !self.broken.contains(&command) {
                self.verdict.lost += 1;
                let found = self.whole.get(&command);
                self.tell(format!("command {command} was acknowledged as {said:?}, the log has {found:?}"));
            }
        }
        self.verdict
    }

    fn tell(&mut self, fault: String) {
        if self.verdict.faults.len() < TOLD {
            self.verdict.faults.push(fault);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn see(ledger: &mut Ledger, position: i64, version: i64, command: u128, of: u32) {
        let (stream, command_id) = ("a".to_owned(), Uuid::from_u128(command));
        ledger.see(&Sighting { position, stream, version, command_id, of });
    }

    fn ack(ledger: &mut Ledger, command: u128, position: i64, events: u32) {
        ledger.hear(&format!("ack {} {position} {events}", Uuid::from_u128(command)));
    }

    #[test]
    fn a_whole_log_is_sound() {
        let mut ledger = Ledger::default();
        see(&mut ledger, 1, 1, 1, 2);
        see(&mut ledger, 2, 2, 1, 2);
        see(&mut ledger, 3, 3, 2, 1);
        ack(&mut ledger, 1, 2, 2);
        let verdict = ledger.settle();
        assert!(verdict.is_passed(), "{verdict}");
        assert_eq!((verdict.events, verdict.commits, verdict.acknowledged), (3, 2, 1));
    }

    #[test]
    fn a_lost_commit_is_noticed() {
        let mut ledger = Ledger::default();
        see(&mut ledger, 1, 1, 1, 1);
        ack(&mut ledger, 1, 1, 1);
        ack(&mut ledger, 2, 2, 1);
        assert_eq!(ledger.settle().lost, 1);
    }

    #[test]
    fn a_commit_elsewhere_than_said_is_noticed() {
        let mut ledger = Ledger::default();
        see(&mut ledger, 1, 1, 1, 1);
        ack(&mut ledger, 1, 2, 1);
        assert_eq!(ledger.settle().lost, 1);
    }

    #[test]
    fn a_doubled_commit_is_noticed() {
        let mut ledger = Ledger::default();
        see(&mut ledger, 1, 1, 1, 1);
        see(&mut ledger, 2, 2, 1, 1);
        assert_eq!(ledger.settle().doubled, 1);
    }

    #[test]
    fn half_a_commit_is_noticed() {
        let mut ledger = Ledger::default();
        see(&mut ledger, 1, 1, 1, 2);
        see(&mut ledger, 2, 2, 2, 1);
        assert_eq!(ledger.settle().halved, 1);
    }

    #[test]
    fn a_skipped_position_and_a_skipped_version_are_noticed() {
        let mut ledger = Ledger::default();
        see(&mut ledger, 1, 1, 1, 1);
        see(&mut ledger, 3, 2, 2, 1);
        see(&mut ledger, 4, 4, 3, 1);
        assert_eq!(ledger.settle().out_of_order, 2);
    }
}
