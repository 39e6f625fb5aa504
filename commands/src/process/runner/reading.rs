//! What is read from the log, and what it calls for.

use std::{borrow::Cow, sync::Arc};

use domain::{
    Decider,
    reactions::{self, ReactionEvent},
};
use tokio::time::Instant;

use super::ProcessRunner;
use crate::{
    engine::{FoldFault, decode_event},
    ports::{Freshness, LogFilter, Position, RecordedEvent, StoreError, StreamKey},
    process::{
        backlog::{Opened, Source, Wanted},
        work::{PAGE, Work},
    },
    tail::{Place, Read},
};

/// An event that this program is too old for, and why.
type TooOld = (Position, String);

impl ProcessRunner {
    /// Reads a page. `Err`: what this program is too old for; what lies before it is taken in.
    pub(super) async fn read_on(&self, work: &mut Work) -> Result<Result<bool, TooOld>, StoreError> {
        let read = work.reader.read(work.progress.reached, PAGE).await?;
        work.read_at = Instant::now();
        let page = match read {
            Read::Page(page) => page,
            Read::AtEnd => {
                work.may_have_more = false;
                return Ok(Ok(false));
            }
            Read::Replaced => return self.start_over(work).await.map(|()| Ok(true)),
        };
        work.progress.read(&page);
        let (wanted, too_old) = self.wanted_of(page.events, work.reader.freshness());
        for wanted in wanted {
            work.is_wanted = true;
            let turn = work.backlog.push(wanted);
            turn.into_iter().for_each(|now| work.begin_with(&self.desk, now));
        }
        Ok(match too_old {
            None => Ok(true),
            Some((position, reason)) => {
                work.progress.reached = Place { position: position - 1, event_id: None };
                Err((position, reason))
            }
        })
    }

    /// Reads a page of what was passed over for tenants that had too much undone, and have room again.
    pub(super) async fn read_again(
        &self,
        work: &mut Work,
        from: Position,
    ) -> Result<Result<bool, TooOld>, StoreError> {
        // Another log stands there now where it is not found: whoever reads on is told so.
        let Some(before) = self.tail.place_at(from - 1).await? else { return Ok(Ok(false)) };
        let read = work.reader.read(before, PAGE).await?;
        // The bell may have rung since the log was read on, and the reader has just taken it for heard.
        work.may_have_more = true;
        let Read::Page(mut page) = read else { return Ok(Ok(false)) };
        let reached = work.progress.reached.position;
        page.events.truncate(page.events.partition_point(|event| event.position <= reached));
        let (wanted, too_old) = self.wanted_of(page.events, work.reader.freshness());
        if let Some(too_old) = too_old {
            return Ok(Err(too_old));
        }
        for now in work.backlog.push_again(wanted, page.end.position, reached) {
            work.begin_with(&self.desk, now);
        }
        Ok(Ok(true))
    }

    /// What the events call for, up to the first that this program is too old for.
    fn wanted_of(
        &self,
        events: Vec<Arc<RecordedEvent>>,
        freshness: Option<Freshness>,
    ) -> (Vec<Wanted>, Option<TooOld>) {
        let mut all = Vec::new();
        for event in events {
            let position = event.position;
            match self.wanted(event, freshness.as_ref()) {
                Ok(wanted) => all.extend(wanted),
                Err(fault) => return (all, Some((position, fault.to_string()))),
            }
        }
        (all, None)
    }

    /// What is read: the watched categories, and the wishes to try a reaction again.
    pub(super) fn watched(&self) -> LogFilter {
        let watched = self.desk.process.categories().iter().copied();
        let categories = watched.chain([reactions::Reaction::CATEGORY]).map(Cow::Borrowed).collect();
        LogFilter { categories, event_types: Vec::new() }
    }

    /// What the event calls for, if it does for anything. `Err`: this program does not know it.
    fn wanted(
        &self,
        event: Arc<RecordedEvent>,
        freshness: Option<&Freshness>,
    ) -> Result<Option<Wanted>, FoldFault> {
        if event.stream.category == reactions::Reaction::CATEGORY {
            return self.asked_again(&event);
        }
        match self.desk.process.react(&event) {
            Err(fault) if fault.is_newer => Err(fault),
            Ok(reactions) if reactions.is_empty() => Ok(None),
            // One that cannot be read is parked in its turn.
            Ok(_) | Err(_) => {
                let (position, stream) = (event.position, event.stream.clone());
                let source = Source::Event(Opened::of(event, freshness));
                Ok(Some(Wanted { position, stream, source }))
            }
        }
    }

    /// Whether somebody has a reaction of this process manager tried again.
    fn asked_again(&self, event: &RecordedEvent) -> Result<Option<Wanted>, FoldFault> {
        let retried = match decode_event(event) {
            Ok(ReactionEvent::ReactionRetried(retried)) => retried,
            Ok(
                ReactionEvent::ReactionRefused(_)
                | ReactionEvent::ReactionParked(_)
                | ReactionEvent::ReactionSkipped(_),
            ) => return Ok(None),
            Err(fault) if fault.is_newer => return Err(fault),
            Err(fault) => {
                tracing::error!(process = self.name(), position = event.position, %fault, "a note of a reaction is damaged and passed over; if it asked for a try, ask again");
                return Ok(None);
            }
        };
        // A deadline lies with the others of its kind until it is answered.
        let Some(cause) = retried.cause else { return Ok(None) };
        let stream = StreamKey::new(event.stream.tenant, cause.category, cause.stream_id);
        let (version, event_id, step) = (cause.version, cause.event_id, retried.step);
        let source = Source::Retried { version, event_id, step };
        let wanted = Wanted { position: event.position, stream, source };
        Ok((retried.process == self.name()).then_some(wanted))
    }
}
