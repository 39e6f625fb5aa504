use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use commands::{
    ports::{Position, RecordedEvent, StreamKey},
    tail::{Page, Place},
};
use uuid::Uuid;

use super::RunError;
use crate::{
    FoldError, Model, Rows,
    ports::{Build, BuildId, Change, Move, ParkedEvent, ReadStore, Skip, Step},
};

/// So few events are folded where they are: another thread would take longer to begin.
pub(super) const SHORT: usize = 64;

/// One build, the rows of it that are held in memory, and what it has parked.
pub(super) struct Folding {
    pub(super) model: Model,
    pub(super) build: BuildId,
    /// Up to here the events are in `rows`, or parked.
    place: Place,
    /// The checkpoint that the last taken step will leave.
    stepped: Place,
    pub(super) rows: Rows,
    parked_streams: HashSet<StreamKey>,
    parked_events: usize,
    to_park: Vec<ParkedEvent>,
    /// Events that somebody decided to leave out for good.
    skipped: Arc<HashSet<Uuid>>,
    /// Events that failed after they had begun to change rows: the batch was thrown away and is folded without them. They
    /// are kept until the step is taken, for a later event of the batch may fail too.
    failed: HashMap<Position, FoldError>,
    /// What [`Rows::change_count`] said when the last step was taken.
    stepped_changes: u64,
}

/// Whether a batch is folded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Folded {
    /// It is.
    Whole,
    /// An event failed half-way. The rows in memory are no longer true: once every step taken so far is stored,
    /// [`Folding::forget`] them and fold the batch again.
    Spoilt,
}

impl Folding {
    pub(super) fn new(model: Model, build: &Build, parked: &[ParkedEvent], skips: &[Skip]) -> Self {
        let parked: Vec<_> = parked.iter().filter(|event| event.build == build.id).collect();
        Self {
            model,
            build: build.id.clone(),
            place: build.place(),
            stepped: build.place(),
            rows: if build.position == 0 { Rows::before_empty_tables() } else { Rows::new() },
            parked_streams: parked.iter().map(|event| event.stream.clone()).collect(),
            parked_events: parked.len(),
            to_park: Vec::new(),
            skipped: Arc::new(
                skips.iter().filter(|skip| skip.model == model.name).map(|skip| skip.event_id).collect(),
            ),
            failed: HashMap::new(),
            stepped_changes: 0,
        }
    }

    /// Nothing of a build, in the place of one that is folded elsewhere for a moment.
    fn nothing_of(&self) -> Self {
        Self {
            model: self.model,
            build: self.build.clone(),
            place: self.place,
            stepped: self.stepped,
            rows: Rows::new(),
            parked_streams: HashSet::new(),
            parked_events: 0,
            to_park: Vec::new(),
            skipped: Arc::clone(&self.skipped),
            failed: HashMap::new(),
            stepped_changes: 0,
        }
    }

    /// Up to here the events are in [`Self::rows`], or parked.
    pub(super) fn position(&self) -> Position {
        self.place.position
    }

    /// The place in the log that it has come to.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Folds what a page holds after [`Self::position`]. A long one is folded on a thread where nobody waits for his turn:
    /// commands and queries share theirs with nothing that takes longer than they do.
    pub(super) async fn fold(
        &mut self,
        store: &dyn ReadStore,
        page: &Arc<Page>,
        now: DateTime<Utc>,
    ) -> Result<Folded, RunError> {
        let events = self.concerned(page);
        self.load(store, &events).await?;
        if events.len() <= SHORT {
            return Ok(self.apply(&events, page.end, now));
        }
        drop(events);
        let nothing = self.nothing_of();
        let (mut folding, page) = (std::mem::replace(self, nothing), Arc::clone(page));
        let applied = tokio::task::spawn_blocking(move || {
            let folded = folding.apply(&folding.concerned(&page), page.end, now);
            (folding, folded)
        });
        let (folding, folded) = applied.await.map_err(|died| RunError::BrokenOff(died.to_string()))?;
        *self = folding;
        Ok(folded)
    }

    /// The events of a page that it has to fold.
    pub(super) fn concerned<'page>(&self, page: &'page Page) -> Vec<&'page RecordedEvent> {
        let concerns = |event: &&RecordedEvent| {
            event.position > self.place.position
                && event.position <= page.end.position
                && self.model.reads(&event.stream.category)
                && !self.skipped.contains(&event.event_id)
        };
        page.events.iter().map(|event| &**event).filter(concerns).collect()
    }

    fn apply(&mut self, events: &[&RecordedEvent], end: Place, now: DateTime<Utc>) -> Folded {
        for event in events {
            if self.parked_streams.contains(&event.stream) {
                self.park(event, None, now);
                continue;
            }
            let changes = self.rows.change_count();
            let outcome = match self.failed.get(&event.position) {
                Some(error) => Err(error.clone()),
                None => self.model.apply(event, &mut self.rows),
            };
            if let Err(error) = outcome {
                if self.rows.change_count() != changes {
                    self.failed.insert(event.position, error);
                    return Folded::Spoilt;
                }
                self.park(event, Some(error), now);
            }
        }
        if end.position > self.place.position {
            self.place = end;
        }
        Folded::Whole
    }

    async fn load(&mut self, store: &dyn ReadStore, events: &[&RecordedEvent]) -> Result<(), RunError> {
        self.rows.begin_batch();
        for event in events {
            self.model.keys(event, &mut self.rows);
        }
        for (table, keys) in self.rows.take_wanted() {
            let values = store.load_rows(&self.build, table, keys).await?;
            self.rows.load(table, values)?;
        }
        Ok(())
    }

    fn park(&mut self, event: &RecordedEvent, error: Option<FoldError>, now: DateTime<Utc>) {
        if let Some(error) = &error {
            tracing::error!(
                build = %self.build, stream = %event.stream, position = event.position, %error,
                "an event cannot be folded; its stream is parked, see `cairn parked`"
            );
            self.parked_streams.insert(event.stream.clone());
        }
        self.to_park.push(ParkedEvent {
            build: self.build.clone(),
            position: event.position,
            stream: event.stream.clone(),
            version: event.version,
            event_id: event.event_id,
            event_type: event.event_type.to_string(),
            attempts: u32::from(error.is_some()),
            error: error.map(|error| error.to_string()),
            parked_at: now,
        });
    }

    /// Forgets all rows and goes back to the last step.
    pub(super) fn forget(&mut self) {
        (self.rows, self.stepped_changes) = (Rows::new(), 0);
        for event in self.to_park.drain(..).filter(|event| event.error.is_some()) {
            self.parked_streams.remove(&event.stream);
        }
        self.place = self.stepped;
    }

    /// Whether nothing but the place in the log is new since the last step.
    pub(super) fn is_unchanged(&self) -> bool {
        self.to_park.is_empty() && self.rows.change_count() == self.stepped_changes
    }

    /// Moves what changed since the last step into a new one.
    pub(super) fn take_step(&mut self, step: &mut Step) {
        for (table, written, deleted) in self.rows.take_changes() {
            step.changes.push(Change { build: self.build.clone(), table, written, deleted });
        }
        self.stepped_changes = self.rows.change_count();
        self.failed.clear();
        self.parked_events += self.to_park.len();
        step.park.append(&mut self.to_park);
        if self.place.position != self.stepped.position {
            step.moves.push(Move {
                build: self.build.clone(),
                from: self.stepped.position,
                to: self.place.position,
                anchor: self.place.event_id,
            });
            self.stepped = self.place;
        }
    }

    /// How many events are parked.
    pub(super) fn parked_events(&self) -> usize {
        self.parked_events
    }
}
