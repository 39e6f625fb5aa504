use std::time::Duration;

use commands::ports::Position;

use crate::ports::{BuildId, Differences};

/// What a rebuild is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It folds the log into tables of its own, while the live ones go on.
    Folding,
    /// It makes the indexes.
    Indexing,
    /// It folds the last events while the live tables stand still, compares, and takes over.
    TakingOver,
}

/// How far a rebuild has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Up to where the log is folded.
    pub position: Position,
    /// Up to where it is to be folded, as far as is known now.
    pub target: Position,
}

/// How a table of the new build compares with the live one, both at the same position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableComparison {
    /// The table.
    pub table: &'static str,
    /// How they differ: left the build that was live, right the new one.
    pub differences: Differences,
}

/// What a rebuild did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// The build that is live now.
    pub build: BuildId,
    /// The build that was live, if there was one.
    pub replaced: Option<BuildId>,
    /// The position at which it took over.
    pub position: Position,
    /// How many events it folded.
    pub events: u64,
    /// How many rows it wrote; a row counts each time.
    pub rows_written: u64,
    /// How long folding took, without indexes and comparison.
    pub folding: Duration,
    /// How many events it could not fold, and those behind them in their streams: they are parked in it.
    pub parked_events: usize,
    /// The comparison with the build that was live, for each table that has the same columns in both.
    pub comparisons: Vec<TableComparison>,
}

impl Rebuilt {
    /// Whether every table that could be compared was equal.
    pub fn is_equal(&self) -> bool {
        self.comparisons.iter().all(|comparison| comparison.differences.is_empty())
    }
}
