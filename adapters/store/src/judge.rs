//! Judges a batch, commit by commit, as the ports say: the one place where SQLite and PostgreSQL decide alike.

use std::collections::HashMap;

use commands::ports::{
    AppendOutcome, AppendRefusal, Commit, CommitLimits, Position, Receipt, StreamKey, StreamVersion,
    StreamWrite, TenantId, Version,
};
use commands::sealing::check_sealed;
use uuid::Uuid;

/// What the database holds, as far as a batch asks for it.
pub(crate) trait Facts {
    /// Why the database could not be asked.
    type Error;

    /// Where the stream stands before the batch. A store that wants to check it later may assume what `write` expects.
    fn stands(&mut self, write: &StreamWrite) -> Result<Stands, Self::Error>;

    /// The first answer to the command, if there is one.
    fn answer(
        &mut self,
        tenant: TenantId,
        command_id: Uuid,
    ) -> Result<Option<([u8; 32], Receipt)>, Self::Error>;

    /// Whether [`Self::stands`] was an assumption for this stream.
    fn is_assumed(&self, _stream: &StreamKey) -> bool {
        false
    }
}

/// Where a stream stands: its version, and the event there as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stands {
    pub version: Version,
    pub event: Option<Uuid>,
}

impl Stands {
    /// Before the first event.
    pub(crate) const NOWHERE: Self = Self { version: 0, event: None };

    /// Where a commit expects the stream to stand.
    pub(crate) fn expected_by(write: &StreamWrite) -> Self {
        Self { version: write.expected_version, event: write.expected_event }
    }

    /// Where the stream stands once the commit is stored.
    fn after(self, write: &StreamWrite) -> Self {
        match write.events.last() {
            Some(event) => {
                let version = write.expected_version + write.events.len() as Version;
                Self { version, event: Some(event.event_id) }
            }
            None => self,
        }
    }

    /// Whether a commit was decided on just this.
    pub(crate) fn fits(self, write: &StreamWrite) -> bool {
        let same_event = match (self.event, write.expected_event) {
            (Some(stands), Some(expected)) => stands == expected,
            (None, _) | (_, None) => true,
        };
        self.version == write.expected_version && same_event
    }
}

/// What is to be stored of a batch, and what its commits are answered.
pub(crate) struct Judgement<'batch> {
    /// The commits that stand, in order.
    pub accepted: Vec<&'batch Commit>,
    /// Some refusal rests on an assumed version: ask the database and judge again.
    pub in_doubt: bool,
    verdicts: Vec<Verdict>,
}

enum Verdict {
    /// Index into `accepted`.
    Accepted(usize),
    /// The same command stands earlier in this batch: index into `accepted`.
    RepeatedHere(usize),
    Repeated(Receipt),
    Refused(AppendRefusal),
}

/// Judges the commits in order, each on what the ones before it leave.
pub(crate) fn judge<'batch, F: Facts>(
    batch: &'batch [Commit],
    facts: &mut F,
) -> Result<Judgement<'batch>, F::Error> {
    let mut streams: HashMap<&StreamKey, Stands> = HashMap::with_capacity(batch.len());
    let mut answers: HashMap<(TenantId, Uuid), usize> = HashMap::with_capacity(batch.len());
    let mut judgement = Judgement {
        accepted: Vec::with_capacity(batch.len()),
        in_doubt: false,
        verdicts: Vec::with_capacity(batch.len()),
    };
    for commit in batch {
        let verdict = match commit.check(CommitLimits::STANDARD).and_then(|()| check_sealed(commit)) {
            Err(refusal) => Verdict::Refused(refusal),
            Ok(()) => match answered(commit, &answers, &judgement.accepted, facts)? {
                Some(verdict) => verdict,
                None => match conflict(commit, &mut streams, facts)? {
                    Some((refusal, assumed)) => {
                        judgement.in_doubt |= assumed;
                        Verdict::Refused(refusal)
                    }
                    None => Verdict::Accepted(judgement.accepted.len()),
                },
            },
        };
        if let Verdict::Accepted(place) = verdict {
            for write in &commit.streams {
                let stands = streams.entry(&write.stream).or_insert(Stands::expected_by(write));
                *stands = stands.after(write);
            }
            if is_remembered(commit) {
                answers.insert((commit.tenant, commit.command_id), place);
            }
            judgement.accepted.push(commit);
        }
        judgement.verdicts.push(verdict);
    }
    Ok(judgement)
}

/// Whether the commit's answer is kept for repetitions.
pub(crate) fn is_remembered(commit: &Commit) -> bool {
    commit.remember || commit.event_count() > 0
}

fn answered<F: Facts>(
    commit: &Commit,
    answers: &HashMap<(TenantId, Uuid), usize>,
    accepted: &[&Commit],
    facts: &mut F,
) -> Result<Option<Verdict>, F::Error> {
    let reused = Verdict::Refused(AppendRefusal::CommandReused { command_id: commit.command_id });
    if let Some(&place) = answers.get(&(commit.tenant, commit.command_id)) {
        let same = accepted[place].digest == commit.digest;
        return Ok(Some(if same { Verdict::RepeatedHere(place) } else { reused }));
    }
    let first = facts.answer(commit.tenant, commit.command_id)?;
    Ok(first
        .map(|(digest, receipt)| if digest == commit.digest { Verdict::Repeated(receipt) } else { reused }))
}

/// The first stream that is not where the commit expects it, and whether that is only assumed.
fn conflict<'batch, F: Facts>(
    commit: &'batch Commit,
    streams: &mut HashMap<&'batch StreamKey, Stands>,
    facts: &mut F,
) -> Result<Option<(AppendRefusal, bool)>, F::Error> {
    for write in &commit.streams {
        let stands = match streams.get(&write.stream) {
            Some(&stands) => stands,
            None => {
                let stands = facts.stands(write)?;
                streams.insert(&write.stream, stands);
                stands
            }
        };
        if !stands.fits(write) {
            let (stream, expected, actual) = (write.stream.clone(), write.expected_version, stands.version);
            let assumed = facts.is_assumed(&stream);
            return Ok(Some((AppendRefusal::VersionConflict { stream, expected, actual }, assumed)));
        }
    }
    Ok(None)
}

impl Judgement<'_> {
    /// How many events the accepted commits add.
    pub(crate) fn event_count(&self) -> u64 {
        self.accepted.iter().map(|commit| commit.event_count() as u64).sum()
    }

    /// The outcomes in the batch's order, the accepted commits stored from `head + 1` on.
    pub(crate) fn outcomes(self, head: Position) -> Vec<AppendOutcome> {
        let mut position = head;
        let receipts: Vec<Receipt> = self
            .accepted
            .iter()
            .map(|commit| {
                position += commit.event_count() as Position;
                receipt(commit, position)
            })
            .collect();
        self.verdicts
            .into_iter()
            .map(|verdict| match verdict {
                Verdict::Accepted(place) => AppendOutcome::Appended(receipts[place].clone()),
                Verdict::RepeatedHere(place) => AppendOutcome::Repeated(receipts[place].clone()),
                Verdict::Repeated(receipt) => AppendOutcome::Repeated(receipt),
                Verdict::Refused(refusal) => AppendOutcome::Refused(refusal),
            })
            .collect()
    }
}

fn receipt(commit: &Commit, position: Position) -> Receipt {
    let written = commit.streams.iter().filter(|write| !write.events.is_empty());
    Receipt {
        position,
        event_count: commit.event_count() as u64,
        versions: written
            .map(|write| StreamVersion {
                stream: write.stream.clone(),
                version: write.expected_version + write.events.len() as Version,
            })
            .collect(),
        reply: commit.reply.clone(),
    }
}
