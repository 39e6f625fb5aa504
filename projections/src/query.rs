use commands::ports::{Position, TenantId};

use crate::{Row, Table, Value};

/// Which rows a reader wants. Columns are named as the row type names them; an unknown name is refused by the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of them must hold. Empty: every row.
    All(Vec<Filter>),
    /// One of them must hold. Empty: no row.
    Any(Vec<Filter>),
    /// The column has this value; [`Value::Null`] asks for its absence.
    Is(&'static str, Value),
    /// The column does not have this value.
    IsNot(&'static str, Value),
    /// The column has one of these values. Empty: no row.
    In(&'static str, Vec<Value>),
    /// The column's value is at least this.
    AtLeast(&'static str, Value),
    /// The column's value is at most this.
    AtMost(&'static str, Value),
    /// The column's text contains this, ASCII letters of either case alike.
    Contains(&'static str, String),
}

/// In which order rows come. The primary key follows the named columns, so that the order is total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Least first.
    Ascending,
    /// Greatest first.
    Descending,
}

/// A page of one table's rows, by keyset: it costs the same at any depth, and rows that come or go meanwhile move
/// no page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The read model whose rows these are.
    pub model: &'static str,
    /// Its version, as the row type knows it.
    pub version: u32,
    /// Whose rows.
    pub tenant: TenantId,
    /// The table.
    pub table: &'static Table,
    /// Which rows.
    pub filter: Filter,
    /// The columns that rows are ordered by, none of them nullable.
    pub order_by: Vec<&'static str>,
    /// The direction of all of them and of the key.
    pub direction: Direction,
    /// Starts behind the row with these values of the order's columns and the key, as [`Query::cursor`] names them.
    pub after: Option<Vec<Value>>,
    /// At most so many rows.
    pub limit: u32,
}

impl Query {
    /// The rows of a tenant, by key. `M` must be the model that declares `R`'s table.
    pub fn of<M: crate::ReadModel, R: Row>(tenant: TenantId) -> Self {
        Self {
            model: M::NAME,
            version: M::VERSION,
            tenant,
            table: R::TABLE,
            filter: Filter::All(vec![Filter::Is(R::TABLE.columns[0].name, Value::Uuid(tenant))]),
            order_by: Vec::new(),
            direction: Direction::Ascending,
            after: None,
            limit: 50,
        }
    }

    /// Keeps the rows that also pass this.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        match &mut self.filter {
            Filter::All(filters) => filters.push(filter),
            _ => self.filter = Filter::All(vec![self.filter, filter]),
        }
        self
    }

    /// Orders by columns; the key follows.
    #[must_use]
    pub fn order_by(mut self, columns: &[&'static str], direction: Direction) -> Self {
        self.order_by = columns.to_vec();
        self.direction = direction;
        self
    }

    /// Starts behind a cursor.
    #[must_use]
    pub fn after(mut self, cursor: Option<Vec<Value>>) -> Self {
        self.after = cursor;
        self
    }

    /// At most so many rows.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = limit;
        self
    }

    /// Every column that orders the rows: the named ones, then those of the key.
    pub fn ordering(&self) -> Vec<&'static str> {
        let mut columns = self.order_by.clone();
        columns.extend(
            self.table.key().iter().map(|column| column.name).filter(|name| !self.order_by.contains(name)),
        );
        columns
    }

    /// The cursor of a row: where the next page starts.
    pub fn cursor<R: Row>(&self, row: &R) -> Vec<Value> {
        let place = |name: &str| self.table.columns.iter().position(|column| column.name == name);
        self.ordering().into_iter().filter_map(|name| place(name).map(|index| row.value(index))).collect()
    }
}

/// What a store answers to a [`Query`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The rows' values, one row after the other.
    pub values: Vec<Value>,
    /// The position that the rows stand at.
    pub position: Position,
    /// The mark of the tenant's rows, of the same instant.
    pub mark: Mark,
}

/// What the rows of a tenant in a read model are told apart by from what they were and will be. While the mark stands, every
/// question about these rows has the answer that it had. Whatever changes them gives them a mark that never was, and so does
/// another build that takes over: a database that was put back, and went another way from there, has none of the
/// marks that it had the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark(pub u64);

/// The mark of a tenant's rows in the live build of a read model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The read model.
    pub model: String,
    /// Whose rows.
    pub tenant: TenantId,
    /// Their mark.
    pub mark: Mark,
}

/// How many rows there are for each of several values of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The values, and how many rows have each.
    pub of_each: Vec<(Value, u64)>,
    /// The mark of the tenant's rows, of the same instant.
    pub mark: Mark,
}

/// A page of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<R> {
    /// The rows.
    pub rows: Vec<R>,
    /// Whether there are more behind the last.
    pub has_more: bool,
    /// The position that the rows stand at.
    pub position: Position,
    /// The mark of the tenant's rows, of the same instant.
    pub mark: Mark,
}
