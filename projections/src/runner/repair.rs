use std::sync::Arc;

use commands::{
    ports::{RecordedEvent, StreamKey},
    tail::Page,
};
use uuid::Uuid;

use super::{
    LEASE_TTL, PROJECTOR_LEASE, ReadSide, RunError,
    folding::{Folded, Folding},
};
use crate::ports::{AuditEntry, Build, BuildState, Claim, Fence, ParkedEvent, Skip, Step, StepOutcome};

/// What becomes of a parked stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// Its parked events are folded again, in order; the fold or the row it missed has been mended.
    Retry,
    /// The first parked event is left out for good, of this build and of every later one; then the others are folded.
    Skip,
}

/// A stream that is parked in a read model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The event that cannot be folded.
    pub event: ParkedEvent,
    /// How many later events of the stream wait behind it.
    pub waiting: usize,
}

/// What a repair did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// How many events were folded.
    pub folded: usize,
    /// How many are parked still, behind another event that cannot be folded.
    pub still_parked: usize,
}

impl ReadSide {
    /// The streams that are parked, by read model and position.
    pub async fn parked(&self) -> Result<Vec<Parked>, RunError> {
        let events = self.store().parked().await?;
        let waiting = |parked: &ParkedEvent| {
            let behind = |other: &&ParkedEvent| {
                other.build == parked.build && other.stream == parked.stream && other.error.is_none()
            };
            events.iter().filter(behind).count()
        };
        let poison = events.iter().filter(|event| event.error.is_some());
        Ok(poison.map(|event| Parked { event: event.clone(), waiting: waiting(event) }).collect())
    }

    /// Repairs a parked stream of a live read model. The record keeps who did it and why.
    pub async fn repair(
        &self,
        model: &str,
        stream: &StreamKey,
        repair: Repair,
        actor: &str,
        reason: &str,
    ) -> Result<Repaired, RunError> {
        self.model(model)?;
        let fence = self.store().claim(PROJECTOR_LEASE, Uuid::now_v7(), LEASE_TTL, Claim::ByForce).await?;
        let fence = fence.ok_or(RunError::Fenced)?;
        let repaired = self.repair_fenced(model, stream, repair, (actor, reason), &fence).await;
        let released = self.store().release(&fence).await;
        let repaired = repaired?;
        released?;
        Ok(repaired)
    }

    async fn repair_fenced(
        &self,
        model: &str,
        stream: &StreamKey,
        repair: Repair,
        (actor, reason): (&str, &str),
        fence: &Fence,
    ) -> Result<Repaired, RunError> {
        let model = self.model(model)?;
        let nothing = || RunError::NothingParked { model: model.name, stream: stream.to_string() };
        let builds = self.store().builds().await?;
        let build = builds
            .iter()
            .find(|build| {
                build.state == BuildState::Live
                    && (build.id.model.as_str(), build.id.version) == (model.name, model.version)
            })
            .ok_or_else(nothing)?;
        let mut parked: Vec<_> = self.store().parked().await?;
        parked.retain(|event| event.build == build.id && event.stream == *stream);
        let first = parked.first().cloned().ok_or_else(nothing)?;

        let skipped = match repair {
            Repair::Retry => None,
            Repair::Skip => Some(first.position),
        };
        let events = self.read_parked(stream, &parked, skipped).await?;
        let mut folding = Folding::new(model, &Build { position: 0, ..build.clone() }, &[], &[]);
        folding.rows = crate::Rows::new();
        let now = self.clock().now();
        let page = Arc::new(Page { events, end: build.place() });
        while folding.fold(&**self.store(), &page, now).await? == Folded::Spoilt {
            folding.forget();
        }
        let mut step = Step { fences: vec![fence.clone()], renew_for: LEASE_TTL, ..Step::default() };
        folding.take_step(&mut step);
        step.moves.clear();
        let attempts_before = |event: &ParkedEvent| {
            parked.iter().find(|known| known.position == event.position).map_or(0, |known| known.attempts)
        };
        for event in &mut step.park {
            event.attempts += attempts_before(event);
        }
        let is_parked_still =
            |event: &&ParkedEvent| step.park.iter().any(|still| still.position == event.position);
        step.unpark = parked
            .iter()
            .filter(|event| !is_parked_still(event))
            .map(|event| (build.id.clone(), event.position))
            .collect();
        if repair == Repair::Skip {
            step.skip.push(Skip { model: model.name.to_owned(), event_id: first.event_id });
        }
        step.audit.push(AuditEntry {
            at: now,
            actor: actor.to_owned(),
            action: match repair {
                Repair::Retry => "retry".to_owned(),
                Repair::Skip => "skip".to_owned(),
            },
            build: build.id.clone(),
            position: first.position,
            reason: reason.to_owned(),
        });
        let still_parked = step.park.len();
        match self.store().store_step(step).await? {
            StepOutcome::Stored => Ok(Repaired { folded: page.events.len() - still_parked, still_parked }),
            StepOutcome::Fenced | StepOutcome::Moved => Err(RunError::Fenced),
        }
    }

    async fn read_parked(
        &self,
        stream: &StreamKey,
        parked: &[ParkedEvent],
        skipped: Option<u64>,
    ) -> Result<Vec<Arc<RecordedEvent>>, RunError> {
        const PAGE: usize = 500;
        let mut after = parked.first().map_or(0, |event| event.version - 1);
        let last = parked.last().map_or(0, |event| event.version);
        let mut events = Vec::with_capacity(parked.len());
        while after < last {
            let page = self.events().read_stream(stream, after, PAGE).await?;
            let Some(end) = page.last().map(|event| event.version) else { break };
            after = end;
            let wanted = |event: &RecordedEvent| {
                Some(event.position) != skipped && parked.iter().any(|known| known.position == event.position)
            };
            events.extend(page.into_iter().filter(wanted).map(Arc::new));
        }
        Ok(events)
    }
}
