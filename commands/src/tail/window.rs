use std::{collections::VecDeque, sync::Arc};

use domain::kernel::personal;
use tokio::time::Instant;

use super::{POLL, Page, Place, cut_at, event_id_at, holds};
use crate::ports::{EventStore, Freshness, LogFilter, Position, RecordedEvent, StoreError};

/// What is kept for whoever comes a little later.
const MOST_EVENTS: usize = 16_384;
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// An event's envelope, about.
const ENVELOPE_BYTES: usize = 512;
/// Events asked for at once.
const PAGE: usize = 4_096;

/// The latest events of the log that pass a filter.
pub(super) struct Window {
    filter: LogFilter,
    start: Place,
    end: Place,
    events: VecDeque<Arc<RecordedEvent>>,
    bytes: usize,
    /// How long it may be read from, once it has held personal data.
    freshness: Option<Freshness>,
    asked_at: Instant,
    /// What had been heard of the head when the log was last asked.
    heard: Position,
    /// Whether the log had more than it was asked for.
    has_more: bool,
}

/// What a window knows of a place.
pub(super) enum Found {
    Page(Page),
    /// The place is the window's end.
    End,
    /// The place is older than the window, which ends here.
    Before {
        end: Position,
    },
    /// Another event stands there.
    OtherLog,
    /// The log must be asked whether that event stands there.
    Unknown,
}

impl Window {
    /// An empty one.
    pub(super) async fn at_the_end_of(
        log: &dyn EventStore,
        filter: LogFilter,
        heard: Position,
    ) -> Result<Self, StoreError> {
        let end = end_of(log).await?;
        Ok(Self {
            filter,
            start: end,
            end,
            events: VecDeque::new(),
            bytes: 0,
            freshness: None,
            asked_at: Instant::now(),
            heard,
            has_more: false,
        })
    }

    pub(super) fn filter(&self) -> &LogFilter {
        &self.filter
    }

    pub(super) fn freshness(&self) -> Option<Freshness> {
        self.freshness.clone()
    }

    pub(super) fn end(&self) -> Place {
        self.end
    }

    /// What comes from now on need pass no more than this filter, if that is less.
    pub(super) fn narrow_to(&mut self, filter: LogFilter) {
        if filter.is_within(&self.filter) {
            self.filter = filter;
        }
    }

    /// From its end on it holds what passes another filter.
    pub(super) fn forget_for(&mut self, filter: LogFilter) {
        self.filter = filter;
        self.forget();
    }

    /// Lets go of what somebody may have erased since it was read: whoever wants it reads the log.
    pub(super) fn forget_what_may_be_erased(&mut self) {
        if self.freshness.as_ref().is_some_and(|freshness| !freshness.lasts()) {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.events.clear();
        (self.start, self.bytes, self.freshness) = (self.end, 0, None);
    }

    /// Whether the log may have more than when it was asked last.
    pub(super) fn is_due(&self, heard: Position) -> bool {
        self.has_more || heard != self.heard || self.asked_at.elapsed() >= POLL
    }

    /// Asks the log for what follows.
    pub(super) async fn extend(&mut self, log: &dyn EventStore, heard: Position) -> Result<(), StoreError> {
        let (asked_at, freshness) = (Instant::now(), log.erasures().from_now());
        let next = match self.filter.is_everything() {
            true => self.next_of_all(log).await?,
            false => self.next_that_pass(log).await?,
        };
        match next {
            Some((events, end, has_more)) => {
                if self.freshness.is_none() && events.iter().any(|event| personal::is_open(&event.payload)) {
                    self.freshness = Some(freshness);
                }
                // A page may end for its bytes; what was cut off is not waited for again and again.
                let (was, is) = (self.end.position, end.position);
                self.has_more = has_more || (is > was && is < heard);
                self.push(events, end);
            }
            None => {
                tracing::warn!(
                    position = self.end.position,
                    "the log was restored or replaced under its readers"
                );
                *self = Self::at_the_end_of(log, self.filter.clone(), heard).await?;
            }
        }
        (self.asked_at, self.heard) = (asked_at, heard);
        Ok(())
    }

    /// One statement: the event that the window ends with is read again with those that follow it. None: it is not there.
    async fn next_of_all(
        &self,
        log: &dyn EventStore,
    ) -> Result<Option<(Vec<RecordedEvent>, Place, bool)>, StoreError> {
        let again = usize::from(self.end.position > 0);
        let from = self.end.position - again as Position;
        let mut events = log.read_log(from, &LogFilter::default(), PAGE + again).await?.events;
        if again == 1 && events.first().map(place_of) != Some(self.end) {
            return Ok(None);
        }
        let has_more = events.len() == PAGE + again;
        let end = events.last().map_or(self.end, place_of);
        events.drain(..again);
        Ok(Some((events, end, has_more)))
    }

    async fn next_that_pass(
        &self,
        log: &dyn EventStore,
    ) -> Result<Option<(Vec<RecordedEvent>, Place, bool)>, StoreError> {
        let again = usize::from(self.end.position > 0);
        let peek =
            log.read_log(self.end.position - again as Position, &LogFilter::default(), 1 + again).await?;
        if again == 1 && peek.events.first().map(place_of) != Some(self.end) {
            return Ok(None);
        }
        if peek.events.len() == again {
            return Ok(Some((Vec::new(), self.end, false)));
        }
        let mut page = log.read_log(self.end.position, &self.filter, PAGE).await?;
        let has_more = page.events.len() == PAGE;
        let end = cut_at(log, &mut page.events, page.read_through).await?;
        // Looked at last: the page is of the log that this event is found in.
        Ok(holds(log, self.end).await?.then_some((page.events, end, has_more)))
    }

    fn push(&mut self, events: Vec<RecordedEvent>, end: Place) {
        self.bytes += events.iter().map(bytes_of).sum::<usize>();
        self.events.extend(events.into_iter().map(Arc::new));
        self.end = end;
        while self.events.len() > MOST_EVENTS || self.bytes > MOST_BYTES {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes -= bytes_of(&oldest);
            self.start = place_of(&oldest);
        }
    }

    /// What it holds after a place.
    pub(super) fn after(&self, after: Place, filter: &LogFilter, limit: usize) -> Found {
        if after == self.end {
            return Found::End;
        }
        if after.position < self.start.position {
            return Found::Before { end: self.end.position };
        }
        if after.position > self.end.position {
            return Found::Unknown;
        }
        let next = self.events.partition_point(|event| event.position <= after.position);
        let known = match next.checked_sub(1).and_then(|index| self.events.get(index)) {
            _ if after.position == self.end.position => Some(self.end),
            _ if after.position == self.start.position => Some(self.start),
            Some(event) if event.position == after.position => Some(place_of(event)),
            // What stands there did not pass the window's filter.
            _ => None,
        };
        match known {
            Some(known) if known != after => return Found::OtherLog,
            Some(_) => {}
            None => return Found::Before { end: self.end.position },
        }
        let passing = self.events.range(next..).filter(|event| filter.passes(event));
        let events: Vec<_> = passing.take(limit).cloned().collect();
        let end = match events.last() {
            Some(last) if events.len() == limit => place_of(last),
            _ => self.end,
        };
        Found::Page(Page { events, end })
    }
}

async fn end_of(log: &dyn EventStore) -> Result<Place, StoreError> {
    let position = log.head().await?;
    Ok(match event_id_at(log, position).await? {
        Some(event_id) => Place { position, event_id: Some(event_id) },
        // Empty, or cut between the two questions.
        None => Place::BEGINNING,
    })
}

fn place_of(event: &RecordedEvent) -> Place {
    Place { position: event.position, event_id: Some(event.event_id) }
}

fn bytes_of(event: &RecordedEvent) -> usize {
    ENVELOPE_BYTES + event.payload.len()
}
