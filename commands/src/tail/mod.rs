//! One tail of the log for everything in a process that follows it: projector, genealogy, process managers, relay.
//!
//! Each of them is a [`Reader`] with a filter and a [`Place`] of its own, that it keeps where it likes. Who stands near the end
//! is answered from a bounded window of the latest events, which the log is asked for once, whoever asks first; who has
//! fallen behind the window reads the log itself until it has caught up. Nobody waits for a slower one.
//!
//! ```no_run
//! # use commands::{ports::{LogFilter, StoreError}, tail::{Place, Read, Tail}};
//! # async fn follow(tail: Tail, kept: Place) -> Result<(), StoreError> {
//! let mut reader = tail.reader(LogFilter::default());
//! let mut place = kept; // `Place::BEGINNING`, or `tail.place_at(position)` where only a position was kept
//! loop {
//!     match reader.read(place, 256).await? {
//!         Read::Page(page) => {
//!             // Everything of `page.events` is handled; then the reader stands where the page ends.
//!             place = page.end;
//!         }
//!         Read::AtEnd => reader.woken().await,
//!         Read::Replaced => place = Place::BEGINNING, // another log stands there now
//!     }
//! }
//! # }
//! ```
//!
//! **Gaps.** As soon as one reader wants everything, every position is owed, and a hole answers
//! [`StoreError::Gap`] to whoever reads at the end.
//!
//! **Replaced logs.** A log may be restored or replaced under a running process. Whenever the log is asked for what follows the
//! window it is also asked for the event that the window ends with, and a reader's place names the event that stands there: no
//! page ever follows a place of another log.
//!
//! **Erasure.** A log that opens personal data is asked again once somebody was erased: what the window holds of it is let go.
//!
//! **Cost.** While nothing happens the log is asked once a second in all, whatever the number of readers.

mod window;

use std::{
    borrow::Borrow,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Mutex, watch};
use uuid::Uuid;

use self::window::{Found, Window};
use crate::ports::{EventStore, Freshness, LogFilter, Position, RecordedEvent, StoreError};

/// The safety net under the log's wake-up.
pub const POLL: Duration = Duration::from_secs(1);

/// A place in a log: a position, and the event that stands there, for a position alone would fit many logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Everything up to here was read.
    pub position: Position,
    /// The id of the event that stands there. None only at the beginning.
    pub event_id: Option<Uuid>,
}

impl Place {
    /// Where every log begins.
    pub const BEGINNING: Self = Self { position: 0, event_id: None };
}

/// A stretch of the log.
#[derive(Debug, Clone)]
pub struct Page {
    /// What passed the reader's filter, by position.
    pub events: Vec<Arc<RecordedEvent>>,
    /// Everything up to here was looked at: the next page starts after it.
    pub end: Place,
}

/// What a reader finds after its place.
#[derive(Debug, Clone)]
pub enum Read {
    /// What comes next; perhaps nothing that passed the filter, but then a later place.
    Page(Page),
    /// Nothing yet.
    AtEnd,
    /// The log does not hold the event that the place names: it was restored or replaced since, and is to be read from
    /// wherever the reader knows that both agree.
    Replaced,
}

/// The tail of a log. Clones are one tail.
#[derive(Clone)]
pub struct Tail {
    inner: Arc<Inner>,
}

struct Inner {
    log: Arc<dyn EventStore>,
    /// What each reader wants.
    wanted: std::sync::Mutex<Vec<(u64, LogFilter)>>,
    next_reader: AtomicU64,
    /// None: nobody has read yet. Locked while the log is asked for what follows it, so that it is asked once for all.
    window: Mutex<Option<Window>>,
}

impl From<Arc<dyn EventStore>> for Tail {
    fn from(log: Arc<dyn EventStore>) -> Self {
        Self::of(log)
    }
}

impl<S: EventStore> From<Arc<S>> for Tail {
    fn from(log: Arc<S>) -> Self {
        Self::of(log)
    }
}

impl Tail {
    /// The tail of a log. Nothing is read before somebody reads.
    pub fn of(log: Arc<dyn EventStore>) -> Self {
        let (wanted, window) = (std::sync::Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { log, wanted, next_reader: AtomicU64::new(0), window }) }
    }

    /// The log.
    pub fn log(&self) -> &Arc<dyn EventStore> {
        &self.inner.log
    }

    /// Somebody who will read what passes a filter.
    pub fn reader(&self, filter: LogFilter) -> Reader {
        let number = self.inner.next_reader.fetch_add(1, Ordering::Relaxed);
        self.wanted().push((number, filter.clone()));
        Reader { tail: self.clone(), number, filter, wake_up: self.inner.log.wake_up(), freshness: None }
    }

    /// The place at a position that was kept without its event. None: the log ends before it.
    pub async fn place_at(&self, position: Position) -> Result<Option<Place>, StoreError> {
        if position == 0 {
            return Ok(Some(Place::BEGINNING));
        }
        let event_id = event_id_at(&*self.inner.log, position).await?;
        Ok(event_id.map(|event_id| Place { position, event_id: Some(event_id) }))
    }

    fn wanted(&self) -> std::sync::MutexGuard<'_, Vec<(u64, LogFilter)>> {
        self.inner.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What passes the filter of at least one reader.
    fn wanted_by_all(&self) -> LogFilter {
        let wanted = self.wanted();
        let mut filters = wanted.iter().map(|(_, filter)| filter);
        let first = filters.next().cloned().unwrap_or_default();
        filters.fold(first, |all, filter| all.or(filter))
    }
}

/// Somebody who follows the log. While it lives, what it wants is read at the tail; drop it when it does not follow.
pub struct Reader {
    tail: Tail,
    number: u64,
    filter: LogFilter,
    wake_up: watch::Receiver<Position>,
    freshness: Option<Freshness>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.tail.wanted().retain(|(number, _)| *number != self.number);
    }
}

impl Reader {
    /// What follows a place, at most `limit` events. Safe to drop at any moment.
    ///
    /// # Errors
    /// Of the log.
    pub async fn read(&mut self, after: Place, limit: usize) -> Result<Read, StoreError> {
        // Nobody waits for what the log is asked for by one of them alone.
        match self.find(after, limit).await? {
            Found::Page(page) => Ok(Read::Page(page)),
            Found::End => Ok(Read::AtEnd),
            Found::OtherLog => Ok(Read::Replaced),
            Found::Before { end } => {
                self.freshness = Some(self.log().erasures().from_now());
                self.read_behind(after, limit, end).await
            }
            Found::Unknown => Ok(match holds(&*self.tail.inner.log, after).await? {
                true => Read::AtEnd,
                false => Read::Replaced,
            }),
        }
    }

    /// What the window holds after a place, once the log was asked for what follows it, if that was due. The window is free
    /// again when this answers.
    async fn find(&mut self, after: Place, limit: usize) -> Result<Found, StoreError> {
        let heard = *self.wake_up.borrow_and_update();
        let log = &*self.tail.inner.log;
        let mut window = self.tail.inner.window.lock().await;
        let window = match &mut *window {
            Some(window) => window,
            none => none.insert(Window::at_the_end_of(log, self.tail.wanted_by_all(), heard).await?),
        };
        window.forget_what_may_be_erased();
        if !self.filter.is_within(window.filter()) {
            window.forget_for(self.tail.wanted_by_all());
        }
        if after.position >= window.end().position && window.is_due(heard) {
            // Whoever wanted more may be gone.
            window.narrow_to(self.tail.wanted_by_all());
            window.extend(log, heard).await?;
        }
        self.freshness = window.freshness();
        Ok(window.after(after, &self.filter, limit))
    }

    /// How long the personal data of the page that was read last may be taken from memory. None: there is none in it.
    pub(crate) fn freshness(&self) -> Option<Freshness> {
        self.freshness.clone()
    }

    /// Waits until there may be more to read, at most [`POLL`].
    pub async fn woken(&mut self) {
        let gone =
            tokio::time::timeout(POLL, self.wake_up.changed()).await.is_ok_and(|changed| changed.is_err());
        if gone {
            // The log that rang is not there any more; another may stand in its place.
            tokio::time::sleep(POLL).await;
            self.wake_up = self.tail.inner.log.wake_up();
        }
    }

    /// The log.
    pub fn log(&self) -> &Arc<dyn EventStore> {
        self.tail.log()
    }

    /// A page of the log itself, not beyond what the tail has seen: whoever stands there is answered by the tail.
    async fn read_behind(&self, after: Place, limit: usize, until: Position) -> Result<Read, StoreError> {
        let log = &*self.tail.inner.log;
        let page = log.read_log(after.position, &self.filter, limit).await?;
        let position = page.read_through.min(until);
        let mut events = page.events;
        let end = cut_at(log, &mut events, position).await?;
        // Looked at last: a page that was read before is of the log that this event is found in, or is not believed.
        if !holds(log, after).await? {
            return Ok(Read::Replaced);
        }
        if position <= after.position {
            return Ok(Read::AtEnd);
        }
        let events = events.into_iter().map(Arc::new).collect();
        Ok(Read::Page(Page { events, end }))
    }
}

/// Ends a stretch of the log at a position: what lies beyond is left out of its events. The place there.
pub async fn cut_at<E: Borrow<RecordedEvent>>(
    log: &dyn EventStore,
    events: &mut Vec<E>,
    position: Position,
) -> Result<Place, StoreError> {
    events.truncate(events.partition_point(|event| event.borrow().position <= position));
    let last = events.last().map(E::borrow).filter(|event| event.position == position);
    let event_id = match last.map(|event| event.event_id) {
        Some(event_id) => Some(event_id),
        // It did not pass the filter.
        None => event_id_at(log, position).await?,
    };
    Ok(Place { position, event_id })
}

/// Whether a log holds the event that a place names. A place beyond the beginning that names none is not believed.
pub async fn holds(log: &dyn EventStore, place: Place) -> Result<bool, StoreError> {
    Ok(place.position == 0
        || (place.event_id.is_some() && event_id_at(log, place.position).await? == place.event_id))
}

/// The id of the event at a position. None: the log has none there.
pub async fn event_id_at(log: &dyn EventStore, position: Position) -> Result<Option<Uuid>, StoreError> {
    let Some(before) = position.checked_sub(1) else { return Ok(None) };
    let page = log.read_log(before, &LogFilter::default(), 1).await?;
    Ok(page.events.first().filter(|event| event.position == position).map(|event| event.event_id))
}
