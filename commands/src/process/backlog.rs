use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use uuid::Uuid;

use crate::ports::{Position, RecordedEvent, StreamKey};

/// Events that wait behind others of their stream and are held whole; of those beyond, the position is kept and they are read
/// again when their turn comes.
const HELD_WHOLE: usize = 4_096;
/// Events that are not done, waiting or being worked on. Beyond it no more of the log is read: a tenant whose reactions fail may
/// have as many waiting before the others notice.
const MOST_UNDONE: usize = 100_000;

/// An event that calls for something.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Where the log asks for it: the event's own place, or that of the wish to try it again.
    pub(super) position: Position,
    /// The stream within which order is kept.
    pub(super) stream: StreamKey,
    pub(super) source: Source,
}

/// Where the event is.
#[derive(Debug)]
pub(super) enum Source {
    /// At hand.
    Event(Arc<RecordedEvent>),
    /// In the log, at [`Wanted::position`].
    Log,
    /// In its stream, at this version: somebody has one step of it tried again.
    Retried { version: u64, event_id: Uuid, step: String },
}

/// What was read and is not done: of each stream one event is being worked on, in order, the others wait behind it.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Streams of which one is being worked on, with those that wait behind it.
    streams: HashMap<StreamKey, VecDeque<Wanted>>,
    undone: BTreeSet<Position>,
    held_whole: usize,
}

impl Backlog {
    /// Takes one in, in the order of the log. Answers it if its turn is now.
    pub(super) fn push(&mut self, mut wanted: Wanted) -> Option<Wanted> {
        self.undone.insert(wanted.position);
        let Some(behind) = self.streams.get_mut(&wanted.stream) else {
            self.streams.insert(wanted.stream.clone(), VecDeque::new());
            return Some(wanted);
        };
        if matches!(wanted.source, Source::Event(_)) {
            if self.held_whole < HELD_WHOLE {
                self.held_whole += 1;
            } else {
                wanted.source = Source::Log;
            }
        }
        behind.push_back(wanted);
        None
    }

    /// One is done. Answers the next of its stream, whose turn it is.
    pub(super) fn done(&mut self, stream: &StreamKey, position: Position) -> Option<Wanted> {
        self.undone.remove(&position);
        let next = self.streams.get_mut(stream).and_then(VecDeque::pop_front);
        match &next {
            Some(wanted) => self.held_whole -= usize::from(matches!(wanted.source, Source::Event(_))),
            None => drop(self.streams.remove(stream)),
        }
        next
    }

    /// The position up to which all is done, of a log that was read to `reached`.
    pub(super) fn done_through(&self, reached: Position) -> Position {
        self.undone.first().map_or(reached, |lowest| lowest - 1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.undone.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.undone.len()
    }

    pub(super) fn has_room(&self) -> bool {
        self.undone.len() < MOST_UNDONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(stream: &str, position: Position) -> Wanted {
        let stream = StreamKey::new(Uuid::nil(), "lot", stream);
        Wanted { position, stream, source: Source::Log }
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
}
