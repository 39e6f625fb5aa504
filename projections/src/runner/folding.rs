use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use commands::ports::{Position, RecordedEvent, StreamKey};
use uuid::Uuid;

use super::RunError;
use crate::{
    FoldError, Model, Rows,
    anchor::Stretch,
    ports::{Build, BuildId, Change, Move, ParkedEvent, ReadStore, Skip, Step},
};

/// One build, the rows of it that are held in memory, and what it has parked.
pub(super) struct Folding {
    pub(super) model: Model,
    pub(super) build: BuildId,
    /// Up to here the events are in `rows`, or parked.
    pub(super) position: Position,
    /// The event that stands there.
    anchor: Option<Uuid>,
    /// The checkpoint that the last taken step will leave.
    stepped: Position,
    pub(super) rows: Rows,
    parked_streams: HashSet<StreamKey>,
    parked_events: usize,
    to_park: Vec<ParkedEvent>,
    /// Events that somebody decided to leave out for good.
    skipped: HashSet<Uuid>,
    /// Events that failed after they had begun to change rows: the batch was thrown away and is folded without them. They
    /// are kept until the step is taken, for a later event of the batch may fail too.
    failed: HashMap<Position, FoldError>,
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
            position: build.position,
            anchor: build.anchor,
            stepped: build.position,
            rows: if build.position == 0 { Rows::before_empty_tables() } else { Rows::new() },
            parked_streams: parked.iter().map(|event| event.stream.clone()).collect(),
            parked_events: parked.len(),
            to_park: Vec::new(),
            skipped: skips.iter().filter(|skip| skip.model == model.name).map(|skip| skip.event_id).collect(),
            failed: HashMap::new(),
        }
    }

    /// Folds what a stretch holds after [`Self::position`].
    pub(super) async fn fold(
        &mut self,
        store: &dyn ReadStore,
        stretch: &Stretch,
        now: DateTime<Utc>,
    ) -> Result<Folded, RunError> {
        let (from, through) = (self.position, stretch.through);
        let concerns = |event: &&RecordedEvent| {
            event.position > from
                && event.position <= through
                && self.model.reads(&event.stream.category)
                && !self.skipped.contains(&event.event_id)
        };
        let events: Vec<&RecordedEvent> = stretch.events.iter().filter(concerns).collect();
        self.load(store, &events).await?;
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
                    return Ok(Folded::Spoilt);
                }
                self.park(event, Some(error), now);
            }
        }
        if through > self.position {
            (self.position, self.anchor) = (through, stretch.anchor);
        }
        Ok(Folded::Whole)
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
        self.rows = Rows::new();
        for event in self.to_park.drain(..).filter(|event| event.error.is_some()) {
            self.parked_streams.remove(&event.stream);
        }
        self.position = self.stepped;
    }

    /// Moves what changed since the last step into a new one.
    pub(super) fn take_step(&mut self, step: &mut Step) {
        for (table, written, deleted) in self.rows.take_changes() {
            step.changes.push(Change { build: self.build.clone(), table, written, deleted });
        }
        self.failed.clear();
        self.parked_events += self.to_park.len();
        step.park.append(&mut self.to_park);
        if self.position != self.stepped {
            step.moves.push(Move {
                build: self.build.clone(),
                from: self.stepped,
                to: self.position,
                anchor: self.anchor,
            });
            self.stepped = self.position;
        }
    }

    /// How many events are parked.
    pub(super) fn parked_events(&self) -> usize {
        self.parked_events
    }
}
