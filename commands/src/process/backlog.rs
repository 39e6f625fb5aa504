use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque, hash_map::Entry},
    sync::Arc,
};

use domain::kernel::personal;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::ports::{Freshness, Position, RecordedEvent, StreamKey, TenantId};

/// KiB of events that are held whole, waiting or being worked on; of those beyond, the position is kept and they are read again
/// when their turn comes.
const HELD_WHOLE_KIB: usize = 32 * 1024;
/// An event's envelope, about.
const ENVELOPE_BYTES: usize = 512;
/// Events of one tenant that are not done, waiting or being worked on. Those beyond are passed over, so that the others' are
/// read on, and read again once half of them are done.
const OF_ONE_TENANT: usize = 4_096;
/// Events of all tenants that are not done. Beyond it each tenant may have only [`OF_ONE_TENANT_AT_LEAST`]: whoever else fails,
/// it is served.
const OF_ALL: usize = 100_000;
const OF_ONE_TENANT_AT_LEAST: usize = 64;

/// An event that calls for something.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Where the log asks for it: the event's own place, or that of the wish to try it again.
    pub(super) position: Position,
    /// The stream within which order is kept.
    pub(super) stream: StreamKey,
    pub(super) source: Source,
}

impl Wanted {
    /// The only step that is asked for.
    pub(super) fn only(&self) -> Option<&str> {
        match &self.source {
            Source::Retried { step, .. } => Some(step),
            Source::Event(_) | Source::Log => None,
        }
    }

    /// Has the event at hand when it is asked for next. Of one that is tried again its own place is not told.
    pub(super) fn hold(&mut self, opened: Opened) {
        if self.only().is_none() {
            self.source = Source::Event(opened);
        }
    }

    /// The event, if it is at hand; from then on it is in the log.
    pub(super) fn take(&mut self) -> Option<Opened> {
        match std::mem::replace(&mut self.source, Source::Log) {
            Source::Event(opened) => Some(opened),
            source => {
                self.source = source;
                None
            }
        }
    }

    /// Waits until the event must not be at hand any longer.
    pub(super) async fn stale(&self) {
        match &self.source {
            Source::Event(Opened { freshness: Some(freshness), .. }) => {
                tokio::time::sleep(freshness.left()).await;
            }
            Source::Event(_) | Source::Log | Source::Retried { .. } => std::future::pending().await,
        }
    }
}

/// Where the event is.
#[derive(Debug)]
pub(super) enum Source {
    /// At hand.
    Event(Opened),
    /// In the log, at [`Wanted::position`].
    Log,
    /// In its stream, at this version: somebody has one step of it tried again.
    Retried { version: u64, event_id: Uuid, step: String },
}

/// An event whose personal data is open, if it has any.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) event: Arc<RecordedEvent>,
    /// How long that may be taken from memory. None: it tells about nobody.
    freshness: Option<Freshness>,
    room: Option<OwnedSemaphorePermit>,
}

impl Opened {
    /// An event from where things stay fresh so long.
    pub(super) fn of(event: Arc<RecordedEvent>, freshness: Option<&Freshness>) -> Self {
        let freshness = freshness.filter(|_| personal::is_open(&event.payload)).cloned();
        Self { event, freshness, room: None }
    }

    /// Whether nobody in it can have been erased since it was read.
    pub(super) fn lasts(&self) -> bool {
        self.freshness.as_ref().is_none_or(Freshness::lasts)
    }

    fn kib(&self) -> u32 {
        u32::try_from((ENVELOPE_BYTES + self.event.payload.len()) / 1024)
            .unwrap_or(u32::MAX)
            .saturating_add(1)
    }
}

/// KiB that may be taken still by what is held whole.
#[derive(Debug)]
struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(HELD_WHOLE_KIB)))
    }
}

/// What was read and is not done: of each stream one event is being worked on, in order, the others wait behind it.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Streams of which one is being worked on, with those that wait behind it.
    streams: HashMap<StreamKey, VecDeque<Wanted>>,
    undone: BTreeSet<Position>,
    undone_of: HashMap<TenantId, usize>,
    /// Tenants that had too much undone, and the place from which on theirs was passed over.
    passed_over: BTreeMap<TenantId, Position>,
    /// What is held whole has its part of it until it is let go.
    room: Room,
}

impl Backlog {
    /// Takes one in, in the order of the log, or passes it over. Answers it if its turn is now.
    pub(super) fn push(&mut self, mut wanted: Wanted) -> Option<Wanted> {
        let tenant = wanted.stream.tenant;
        if self.passed_over.contains_key(&tenant) {
            return None;
        }
        if self.undone_of(tenant) >= self.most_of_one_tenant() {
            self.passed_over.insert(tenant, wanted.position);
            return None;
        }
        self.undone.insert(wanted.position);
        *self.undone_of.entry(tenant).or_default() += 1;
        if let Source::Event(opened) = &mut wanted.source {
            opened.room = Arc::clone(&self.room.0).try_acquire_many_owned(opened.kib()).ok();
            if opened.room.is_none() {
                wanted.source = Source::Log;
            }
        }
        let Some(behind) = self.streams.get_mut(&wanted.stream) else {
            self.streams.insert(wanted.stream.clone(), VecDeque::new());
            return Some(wanted);
        };
        // Nobody knows for how long it waits.
        if matches!(&wanted.source, Source::Event(opened) if opened.freshness.is_some()) {
            wanted.source = Source::Log;
        }
        behind.push_back(wanted);
        None
    }

    /// From where on the log is to be read again: of those that were passed over, some tenant has room again.
    pub(super) fn to_be_read_again(&self) -> Option<Position> {
        self.with_room().map(|(_, from)| from).min()
    }

    /// Takes in what was passed over, from a page that begins where [`Self::to_be_read_again`] says and was read through
    /// there, of a log that was read to `reached`. Answers those whose turn is now.
    pub(super) fn push_again(
        &mut self,
        page: Vec<Wanted>,
        read_through: Position,
        reached: Position,
    ) -> Vec<Wanted> {
        let with_room: HashMap<_, _> = self.with_room().filter(|(_, from)| *from <= read_through).collect();
        self.passed_over.retain(|tenant, _| !with_room.contains_key(tenant));
        let is_due = |wanted: &Wanted| {
            with_room.get(&wanted.stream.tenant).is_some_and(|from| wanted.position >= *from)
        };
        let turns = page.into_iter().filter(is_due).filter_map(|wanted| self.push(wanted)).collect();
        if read_through < reached {
            for tenant in with_room.into_keys() {
                self.passed_over.entry(tenant).or_insert(read_through + 1);
            }
        }
        turns
    }

    fn with_room(&self) -> impl Iterator<Item = (TenantId, Position)> {
        let most = self.most_of_one_tenant() / 2;
        let passed_over = self.passed_over.iter().map(|(tenant, from)| (*tenant, *from));
        passed_over.filter(move |(tenant, _)| self.undone_of(*tenant) <= most)
    }

    fn most_of_one_tenant(&self) -> usize {
        if self.undone.len() < OF_ALL { OF_ONE_TENANT } else { OF_ONE_TENANT_AT_LEAST }
    }

    fn undone_of(&self, tenant: TenantId) -> usize {
        self.undone_of.get(&tenant).copied().unwrap_or_default()
    }

    /// One is done. Answers the next of its stream, whose turn it is.
    pub(super) fn done(&mut self, stream: &StreamKey, position: Position) -> Option<Wanted> {
        if self.undone.remove(&position)
            && let Entry::Occupied(mut undone) = self.undone_of.entry(stream.tenant)
        {
            *undone.get_mut() -= 1;
            if *undone.get() == 0 {
                undone.remove();
            }
        }
        let next = self.streams.get_mut(stream).and_then(VecDeque::pop_front);
        if next.is_none() {
            self.streams.remove(stream);
        }
        next
    }

    /// The position up to which all is done, of a log that was read to `reached`.
    pub(super) fn done_through(&self, reached: Position) -> Position {
        self.undone
            .first()
            .into_iter()
            .chain(self.passed_over.values())
            .min()
            .map_or(reached, |lowest| lowest - 1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.undone.is_empty() && self.passed_over.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.undone.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(stream: &str, position: Position) -> Wanted {
        of_tenant(0, stream, position)
    }

    fn of_tenant(tenant: u128, stream: &str, position: Position) -> Wanted {
        let stream = StreamKey::new(Uuid::from_u128(tenant), "lot", stream);
        Wanted { position, stream, source: Source::Log }
    }

    /// A backlog that was given an event of each position, each of a stream of its own, and how far it was read.
    fn failing(tenants: u128, events: Position) -> (Backlog, Position) {
        let mut backlog = Backlog::default();
        for position in 1..=events {
            let tenant = u128::from(position) % tenants + 1;
            let _turn = backlog.push(of_tenant(tenant, &position.to_string(), position));
        }
        (backlog, events)
    }

    fn position(wanted: Option<Wanted>) -> Option<Position> {
        wanted.map(|wanted| wanted.position)
    }

    #[test]
    fn a_streams_events_have_their_turns_in_order_and_other_streams_do_not_wait() {
        let mut backlog = Backlog::default();
        let (a, b) = (wanted("a", 0).stream, wanted("b", 0).stream);
        assert_eq!(position(backlog.push(wanted("a", 1))), Some(1));
        assert_eq!(position(backlog.push(wanted("a", 2))), None);
        assert_eq!(position(backlog.push(wanted("b", 3))), Some(3));
        assert_eq!(position(backlog.push(wanted("a", 5))), None);
        assert_eq!(position(backlog.done(&b, 3)), None);
        assert_eq!(position(backlog.done(&a, 1)), Some(2));
        assert_eq!(position(backlog.done(&a, 2)), Some(5));
        assert_eq!(position(backlog.done(&a, 5)), None);
        assert!(backlog.is_empty());
        assert_eq!(position(backlog.push(wanted("a", 6))), Some(6), "nobody is before it any more");
    }

    #[test]
    fn the_place_goes_no_further_than_the_lowest_that_is_not_done() {
        let mut backlog = Backlog::default();
        for (stream, position) in [("a", 4), ("b", 6), ("a", 9)] {
            let _turn = backlog.push(wanted(stream, position));
        }
        assert_eq!(backlog.done_through(12), 3);
        let _next = backlog.done(&wanted("b", 6).stream, 6);
        assert_eq!(backlog.done_through(12), 3);
        let _next = backlog.done(&wanted("a", 4).stream, 4);
        assert_eq!(backlog.done_through(12), 8);
        let _next = backlog.done(&wanted("a", 9).stream, 9);
        assert_eq!(backlog.done_through(12), 12);
    }

    #[test]
    fn however_much_of_other_tenants_waits_a_tenants_events_have_their_turn() {
        for tenants in [1, 50, 2_000] {
            let (mut backlog, reached) = failing(tenants, 120_000);
            let healthy = of_tenant(0, "a", reached + 1);
            assert_eq!(position(backlog.push(healthy)), Some(reached + 1), "{tenants} tenants fail");
            assert!(backlog.len() <= OF_ALL + OF_ONE_TENANT_AT_LEAST * tenants as usize, "{}", backlog.len());
        }
    }

    #[test]
    fn what_was_passed_over_is_read_again_in_its_order_when_half_is_done() {
        let (mut backlog, reached) = failing(1, 10_000);
        let first = OF_ONE_TENANT as Position;
        let done = |backlog: &mut Backlog, position: Position| {
            let _none_waits = backlog.done(&of_tenant(1, &position.to_string(), position).stream, position);
        };
        for position in 1..first / 2 {
            done(&mut backlog, position);
        }
        assert_eq!(backlog.to_be_read_again(), None);
        assert_eq!(backlog.done_through(reached), first / 2 - 1);
        done(&mut backlog, first / 2);
        // It is full again within the page; what is passed over once more is where the next one begins.
        let page = |from: Position| {
            let to = (from + 2_999).min(reached);
            ((from..=to).map(|position| of_tenant(1, &position.to_string(), position)).collect(), to)
        };
        let mut begun = Vec::new();
        while let Some(from) = backlog.to_be_read_again() {
            let (wanted, read_through) = page(from);
            let turns = backlog.push_again(wanted, read_through, reached);
            begun.extend(turns.into_iter().map(|wanted| wanted.position));
        }
        assert!(begun.into_iter().eq(first + 1..=first * 3 / 2));
        let mut next_done = first / 2;
        while !backlog.is_empty() {
            next_done += 1;
            done(&mut backlog, next_done);
            assert_eq!(backlog.done_through(reached), next_done, "none is left out");
            while let Some(from) = backlog.to_be_read_again() {
                let (wanted, read_through) = page(from);
                let _turns = backlog.push_again(wanted, read_through, reached);
            }
        }
        assert_eq!(next_done, reached);
    }
}
