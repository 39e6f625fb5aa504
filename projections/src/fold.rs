use std::panic::{AssertUnwindSafe, catch_unwind};

use commands::ports::{LogFilter, RecordedEvent};
use domain::Event;
use uuid::Uuid;

use crate::{Keys, Row, Rows, Table};

/// Why an event cannot be folded. Its stream is parked: later events of the stream wait behind it, the rest go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// The payload is not what its type and schema version promise, or this program does not know them.
    #[error("{event_type} in schema version {schema_version} cannot be read: {reason}")]
    Undecodable {
        /// The event's type.
        event_type: String,
        /// The payload's schema version.
        schema_version: u16,
        /// What is wrong with it.
        reason: String,
    },
    /// The event changes a row that no earlier event has made.
    #[error("{table} has no row {key}")]
    RowMissing {
        /// The table.
        table: &'static str,
        /// The key.
        key: String,
    },
    /// The fold looks at a row that its `keys` did not name. A fault of the read model.
    #[error("the row {key} of {table} was not asked for beforehand")]
    NotLoaded {
        /// The table.
        table: &'static str,
        /// The key.
        key: String,
    },
    /// The event contradicts what is known.
    #[error("{0}")]
    Contradiction(String),
    /// What the event would leave in a row cannot be written there. A fault of the read model.
    #[error("a row cannot be written: {reason}")]
    Unwritable {
        /// What is wrong with it.
        reason: String,
    },
    /// The fold panicked. A fault of the read model.
    #[error("the fold panicked")]
    Panicked,
}

/// A question that is asked often, answered by rows: which events it needs, and what each does to the rows.
///
/// A fold is pure and tested without a database (see [`fold`]). A new or changed fold is a new [`Self::VERSION`]:
/// its rows are built beside the old ones and take over when they have caught up.
pub trait ReadModel: 'static {
    /// The question it answers: `lot_board`. Final: checkpoints are kept under it.
    const NAME: &'static str;
    /// Counts the changes of rows and fold, from 1.
    const VERSION: u32;
    /// The categories of the streams that it reads.
    const CATEGORIES: &'static [&'static str];

    /// The tables of its rows.
    fn tables() -> Vec<&'static Table>;

    /// Names the rows that [`Self::apply`] will look at; those that it only writes need not be named. They are read in
    /// one query a table for a whole batch of events.
    fn keys(event: &RecordedEvent, keys: &mut Keys<'_>);

    /// What the event does to the rows.
    fn apply(event: &RecordedEvent, rows: &mut Rows) -> Result<(), FoldError>;
}

/// Reads the payload of an event as an aggregate's event.
pub fn decode<E: Event>(event: &RecordedEvent) -> Result<E, FoldError> {
    let mut payload = serde_json::Deserializer::from_str(&event.payload);
    E::deserialize_payload(&event.event_type, event.schema_version, &mut payload).map_err(|error| {
        FoldError::Undecodable {
            event_type: event.event_type.to_string(),
            schema_version: event.schema_version,
            reason: error.to_string(),
        }
    })
}

/// The aggregate's id, where a category's stream ids are UUIDs.
pub fn stream_uuid(event: &RecordedEvent) -> Result<Uuid, FoldError> {
    let id = &event.stream.id;
    id.parse().map_err(|_| FoldError::Contradiction(format!("stream id {id} is not a UUID")))
}

/// A read model as the runner handles it, whatever its type.
#[derive(Clone, Copy)]
pub struct Model {
    /// [`ReadModel::NAME`].
    pub name: &'static str,
    /// [`ReadModel::VERSION`].
    pub version: u32,
    /// [`ReadModel::CATEGORIES`].
    pub categories: &'static [&'static str],
    /// [`ReadModel::tables`].
    pub tables: fn() -> Vec<&'static Table>,
    keys: fn(&RecordedEvent, &mut Keys<'_>),
    apply: fn(&RecordedEvent, &mut Rows) -> Result<(), FoldError>,
}

impl Model {
    /// Registers a read model.
    pub fn of<M: ReadModel>() -> Self {
        Self {
            name: M::NAME,
            version: M::VERSION,
            categories: M::CATEGORIES,
            tables: M::tables,
            keys: M::keys,
            apply: M::apply,
        }
    }

    /// Whether events of this category concern it.
    pub fn reads(&self, category: &str) -> bool {
        self.categories.contains(&category)
    }

    /// The part of the log that it reads.
    pub fn filter(&self) -> LogFilter {
        LogFilter {
            categories: self.categories.iter().map(|&name| name.into()).collect(),
            ..LogFilter::default()
        }
    }

    pub(crate) fn keys(&self, event: &RecordedEvent, rows: &mut Rows) {
        (self.keys)(event, &mut Keys(rows));
    }

    pub(crate) fn apply(&self, event: &RecordedEvent, rows: &mut Rows) -> Result<(), FoldError> {
        // A fold that panics is a poison event like any other; rows that it left half changed are thrown away.
        catch_unwind(AssertUnwindSafe(|| (self.apply)(event, rows))).unwrap_or(Err(FoldError::Panicked))
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} v{}", self.name, self.version)
    }
}

/// Folds events into rows in memory, as the runner does, without a database: for tests of read models.
pub fn fold<M: ReadModel>(events: &[RecordedEvent]) -> Result<Rows, FoldError> {
    let mut rows = Rows::before_empty_tables();
    let model = Model::of::<M>();
    for event in events.iter().filter(|event| model.reads(&event.stream.category)) {
        model.keys(event, &mut rows);
        model.apply(event, &mut rows)?;
    }
    Ok(rows)
}

/// The rows of one type that a list of events leaves, sorted by what they show. For tests of read models.
pub fn rows_of<M: ReadModel, R: Row>(events: &[RecordedEvent]) -> Result<Vec<R>, FoldError> {
    let mut rows = fold::<M>(events)?;
    let mut all: Vec<R> = rows.all::<R>().into_iter().cloned().collect();
    all.sort_by_cached_key(|row| {
        let mut values = Vec::new();
        row.write(&mut values);
        values
    });
    Ok(all)
}
