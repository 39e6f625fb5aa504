//! The read side of Cairn: rows and folds, the runner that keeps them, and the index in memory that traces lots.
//!
//! It knows no dialect of SQL and no GraphQL. Reading order: [`row!`] (what is kept), [`ReadModel`] (what each event
//! does to it), [`ports`] (where it is kept), [`runner`] (how it is kept current, rebuilt and repaired), then one
//! context, [`lots`] first.
//!
//! A new read model is one file: its rows, its fold, its tests; one that shows what its aggregate is, no more, takes
//! [`state_rows!`]. Its name stands in the list of `api/src/contexts.rs`.

pub mod bookings;
mod fold;
pub mod history;
pub mod lots;
pub mod ports;
mod query;
mod row;
mod rows;
pub mod runner;
mod state_row;
mod value;

pub use fold::{FoldError, Model, ReadModel, decode, fold, rows_of, stream_uuid};
pub use query::{Counted, Direction, Filter, Mark, Marked, Page, Query, Selection};
pub use row::{Column, Row, Table};
pub use rows::{Keys, Rows};
pub use value::{ColumnType, Field, Json, Value, ValueMismatch};
