use domain::kernel::personal;
use uuid::Uuid;

use super::{Snapshot, StreamKey, Version};

/// Asks for what a stream's state is folded from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastQuery {
    /// Which stream.
    pub stream: StreamKey,
    /// The version after which its events are wanted.
    pub after_version: Version,
    /// The shape of the snapshot that would do instead of earlier events; none is wanted without.
    pub shape: Option<String>,
}

impl PastQuery {
    /// The answer before its first event: on top of the snapshot that was found, which goes before `after_version`.
    pub fn begin(&self, snapshot: Option<Snapshot>) -> Past {
        let after = snapshot.as_ref().map_or(self.after_version, |found| found.version.saturating_sub(1));
        Past { snapshot, ..Past::after(after) }
    }
}

/// What a state is folded from: a stretch of a stream, perhaps on top of a snapshot. The events' texts lie in one piece, and without
/// their envelopes, which would cost more to carry and to read than they hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Past {
    /// The state to begin with. The first event is then the one at the snapshot's own version; without any event the
    /// log does not reach as far as the snapshot.
    pub snapshot: Option<Snapshot>,
    after: Version,
    text: String,
    events: Vec<Mark>,
    last_event: Option<Uuid>,
    ends_early: bool,
}

/// Where an event's parts end in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    type_end: usize,
    payload_end: usize,
    schema_version: u16,
}

/// A stored event as a state is folded from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastEvent<'a> {
    /// Its place in the stream, from 1.
    pub version: Version,
    /// Noun and past participle.
    pub event_type: &'a str,
    /// The version of the payload's schema.
    pub schema_version: u16,
    /// The payload, as JSON text.
    pub payload: &'a str,
}

impl Past {
    /// A store ends a page with the event that brings its text to so many bytes, since many streams are loaded at once. 1 MiB.
    pub const BYTES: usize = 1024 * 1024;

    /// Nothing yet; the event that is pushed first has the version after this one.
    pub fn after(version: Version) -> Self {
        Self { after: version, ..Self::default() }
    }

    /// Room for so many events, and bytes of text.
    #[must_use]
    pub fn with_room(mut self, events: usize, bytes: usize) -> Self {
        self.events.reserve_exact(events);
        self.text.reserve_exact(bytes);
        self
    }

    /// Adds the stream's next event.
    pub fn push(&mut self, event_type: &str, schema_version: u16, payload: &str, event_id: Uuid) {
        self.text.push_str(event_type);
        let type_end = self.text.len();
        self.text.push_str(payload);
        self.events.push(Mark { type_end, payload_end: self.text.len(), schema_version });
        self.last_event = Some(event_id);
    }

    /// The events, in order.
    pub fn events(&self) -> impl Iterator<Item = PastEvent<'_>> {
        let mut start = 0;
        self.events.iter().zip(self.after + 1..).map(move |(mark, version)| {
            let (event_type, payload) =
                (&self.text[start..mark.type_end], &self.text[mark.type_end..mark.payload_end]);
            start = mark.payload_end;
            PastEvent { version, event_type, schema_version: mark.schema_version, payload }
        })
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there is no event.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The version of the last event; the one that was asked from, if there is none.
    pub fn version(&self) -> Version {
        self.after + self.events.len() as Version
    }

    /// The id of the last event.
    pub fn last_event(&self) -> Option<Uuid> {
        self.last_event
    }

    /// Whether anything in it tells about a person, and is open.
    pub fn holds_personal_data(&self) -> bool {
        let snapshot = self.snapshot.as_ref().is_some_and(|snapshot| personal::is_open(&snapshot.state));
        snapshot || personal::is_open(&self.text)
    }

    /// Says that the stream may go on, though the page holds fewer events than were asked for.
    pub fn end_early(&mut self) {
        self.ends_early = true;
    }

    /// Whether the stream may go on after this page, for which `limit` events were asked for.
    pub fn may_go_on(&self, limit: usize) -> bool {
        self.ends_early || self.len() >= limit
    }

    /// How many bytes of text the events hold.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }
}
