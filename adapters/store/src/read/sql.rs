//! The one place where SQL for read models' tables is made, for both engines.

use projections::{
    Column, ColumnType, Direction, Filter, Query, Table, Value,
    ports::{BuildId, ReadStoreError},
};
use sea_query::{
    ColumnDef, Cond, Expr, ExprTrait, Func, Index, IntoColumnRef, JoinType, LikeExpr, OnConflict, Order,
    PostgresQueryBuilder, SelectStatement, SqliteQueryBuilder, UnionType, Values,
};

/// Which engine a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// A statement and what its placeholders stand for, in order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) parameters: Vec<Value>,
}

/// SQLite takes 32,766 parameters, PostgreSQL 65,535; a page adds a few of its own.
const MOST_PARAMETERS: usize = 32_000;

/// PostgreSQL has no text with the character zero: no row holds it.
fn storable(text: &str) -> Result<(), ReadStoreError> {
    match text.contains('\0') {
        true => Err(ReadStoreError::Unanswerable { reason: "a text holds the character zero".to_owned() }),
        false => Ok(()),
    }
}

/// Collects parameters while a statement is made. The builder is given their numbers in place of their values, for
/// every value is bound in the engine's own type later.
#[derive(Default)]
struct Parameters(Vec<Value>);

impl Parameters {
    fn add(&mut self, value: Value) -> Expr {
        self.0.push(value);
        Expr::val(self.0.len() as i64 - 1)
    }

    /// Refuses what an engine would answer with a fault, as if it were broken.
    fn within_limits(&self) -> Result<(), ReadStoreError> {
        if self.0.len() > MOST_PARAMETERS {
            let reason = format!("a filter names {} values, {MOST_PARAMETERS} are possible", self.0.len());
            return Err(ReadStoreError::Unanswerable { reason });
        }
        self.0.iter().try_for_each(|value| match value {
            Value::Text(text) => storable(text),
            _ => Ok(()),
        })
    }

    fn finish(self, (sql, numbers): (String, Values)) -> Statement {
        let value = |number: sea_query::Value| match number {
            sea_query::Value::BigInt(Some(number)) => self.0.get(number as usize).cloned(),
            sea_query::Value::BigUnsigned(Some(limit)) => Some(Value::Int64(limit as i64)),
            sea_query::Value::String(Some(text)) => Some(Value::Text(text)),
            _ => None,
        };
        let parameters = numbers.0.into_iter().map(|number| value(number).unwrap_or(Value::Null)).collect();
        Statement { sql, parameters }
    }
}

impl Dialect {
    /// Milliseconds since 1970 by the database's clock, which all processes share.
    pub(super) const fn now_millis(self) -> &'static str {
        match self {
            Self::Sqlite => "cast(unixepoch('subsec') * 1000 as integer)",
            Self::Postgres => "(extract(epoch from clock_timestamp()) * 1000)::bigint",
        }
    }

    const fn column_type(self, column_type: ColumnType) -> &'static str {
        match (self, column_type) {
            (Self::Sqlite, ColumnType::Int64 | ColumnType::Instant | ColumnType::Bool) => "integer",
            (Self::Sqlite, ColumnType::Text | ColumnType::Json) => "text",
            (Self::Sqlite, ColumnType::Uuid | ColumnType::Bytes) => "blob",
            (Self::Postgres, ColumnType::Int64) => "bigint",
            // Compared by bytes, as SQLite does: pages and cursors are the same on both engines.
            (Self::Postgres, ColumnType::Text | ColumnType::Json) => "text collate \"C\"",
            (Self::Postgres, ColumnType::Uuid) => "uuid",
            (Self::Postgres, ColumnType::Bytes) => "bytea",
            (Self::Postgres, ColumnType::Instant) => "timestamptz",
            (Self::Postgres, ColumnType::Bool) => "boolean",
        }
    }

    const fn array_type(column_type: ColumnType) -> &'static str {
        match column_type {
            ColumnType::Int64 => "bigint[]",
            ColumnType::Text | ColumnType::Json => "text[]",
            ColumnType::Uuid => "uuid[]",
            ColumnType::Bytes => "bytea[]",
            ColumnType::Instant => "timestamptz[]",
            ColumnType::Bool => "boolean[]",
        }
    }

    pub(super) fn create_table(self, build: &BuildId, table: &Table) -> String {
        let mut create = sea_query::Table::create();
        create.table(build.table_name(table.name));
        for column in table.columns {
            let mut definition = ColumnDef::new(column.name);
            definition.custom(self.column_type(column.column_type));
            if !column.nullable {
                definition.not_null();
            }
            create.col(definition);
        }
        let mut key = Index::create();
        for column in table.key() {
            key.col(column.name);
        }
        create.primary_key(&mut key);
        match self {
            Self::Sqlite => {
                // The rows lie in the key's own tree: one write a row instead of two.
                create.extra("without rowid");
                create.to_string(SqliteQueryBuilder)
            }
            Self::Postgres => create.to_string(PostgresQueryBuilder),
        }
    }

    /// What a table gets once it is filled: its indexes, and on PostgreSQL the statistics without which the first
    /// plans would be wrong.
    pub(super) fn finish_table(self, build: &BuildId, table: &Table) -> Vec<String> {
        let name = build.table_name(table.name);
        let create = |(number, columns): (usize, &&[&'static str])| {
            let mut index = Index::create();
            index.if_not_exists().name(format!("{name}_i{}", number + 1)).table(name.clone());
            for column in *columns {
                index.col(*column);
            }
            match self {
                Self::Sqlite => index.to_string(SqliteQueryBuilder),
                Self::Postgres => index.to_string(PostgresQueryBuilder),
            }
        };
        let statistics = (self == Self::Postgres).then(|| format!("analyze \"{name}\""));
        table.indexes.iter().enumerate().map(create).chain(statistics).collect()
    }

    /// Writes rows, new or in place of those with their keys. SQLite: one row a call; PostgreSQL: an array a column.
    pub(super) fn write_rows(self, build: &BuildId, table: &Table) -> String {
        let names = || table.columns.iter().map(|column| column.name);
        let rest: Vec<_> = table.columns[table.key_columns..].iter().map(|column| column.name).collect();
        let mut conflict = OnConflict::columns(table.key().iter().map(|column| column.name));
        if rest.is_empty() {
            conflict.do_nothing()
        } else {
            conflict.update_columns(rest)
        };
        let mut insert = sea_query::Query::insert();
        insert.into_table(build.table_name(table.name)).columns(names()).on_conflict(conflict);
        match self {
            Self::Sqlite => {
                insert.values_panic(names().map(|_| Expr::val(0)));
                insert.build(SqliteQueryBuilder).0
            }
            Self::Postgres => {
                let selected = insert.select_from(from_arrays(table.columns));
                debug_assert!(selected.is_ok(), "as many columns as arrays");
                insert.to_string(PostgresQueryBuilder)
            }
        }
    }

    /// Deletes the rows with these keys. SQLite: one key a call; PostgreSQL: an array a column.
    pub(super) fn delete_rows(self, build: &BuildId, table: &Table) -> String {
        let mut delete = sea_query::Query::delete();
        delete.from_table(build.table_name(table.name)).cond_where(self.has_key(table));
        match self {
            Self::Sqlite => delete.build(SqliteQueryBuilder).0,
            Self::Postgres => delete.to_string(PostgresQueryBuilder),
        }
    }

    /// Reads the rows with these keys. SQLite: one key a call; PostgreSQL: an array a column.
    pub(super) fn load_rows(self, build: &BuildId, table: &Table) -> String {
        let mut select = sea_query::Query::select();
        select.columns(table.columns.iter().map(|column| column.name));
        select.from(build.table_name(table.name)).cond_where(self.has_key(table));
        match self {
            Self::Sqlite => select.build(SqliteQueryBuilder).0,
            Self::Postgres => select.to_string(PostgresQueryBuilder),
        }
    }

    fn has_key(self, table: &Table) -> Cond {
        match self {
            Self::Sqlite => table
                .key()
                .iter()
                .fold(Cond::all(), |all, column| all.add(Expr::col(column.name).eq(Expr::val(0)))),
            Self::Postgres => {
                let key = Expr::tuple(table.key().iter().map(|column| Expr::col(column.name)));
                Cond::all().add(key.in_subquery(from_arrays(table.key())))
            }
        }
    }

    /// Counts the rows of the left table that the right one does not have.
    pub(super) fn count_only_in(self, left: &str, right: &str, table: &Table) -> String {
        let mut count = sea_query::Query::select();
        count.expr(Func::count(Expr::cust("*"))).from_subquery(only_in(left, right, table), "rows");
        self.render(&count).0
    }

    /// Some of the rows of the left table that the right one does not have.
    pub(super) fn some_only_in(self, left: &str, right: &str, table: &Table, limit: u64) -> Statement {
        Parameters::default().finish(self.render(only_in(left, right, table).limit(limit)))
    }

    /// A page of a table, provided that the build is what `state` asks for: the rows behind its position, or one row
    /// with the position alone. No row: another build has taken over. One statement, so one snapshot.
    pub(super) fn select_page(
        self,
        query: &Query,
        build: &BuildId,
        live: bool,
    ) -> Result<Statement, ReadStoreError> {
        let mut parameters = Parameters::default();
        let mut page = sea_query::Query::select();
        page.columns(query.table.columns.iter().map(|column| column.name));
        page.from(build.table_name(query.table.name));
        page.cond_where(self.condition(query.table, &query.filter, &mut parameters)?);
        let ordering = query.ordering();
        for column in &ordering {
            known(query.table, column)?;
        }
        if let Some(cursor) = &query.after {
            page.cond_where(behind(query, &ordering, cursor, &mut parameters)?);
        }
        let order = match query.direction {
            Direction::Ascending => Order::Asc,
            Direction::Descending => Order::Desc,
        };
        for column in &ordering {
            page.order_by(*column, order.clone());
        }
        page.limit(query.limit.into());

        let mut outer = sea_query::Query::select();
        outer.column(("model", "position"));
        outer.columns(query.table.columns.iter().map(|column| ("page", column.name).into_column_ref()));
        outer.from_as("read_models", "model");
        outer.join_subquery(JoinType::LeftJoin, page, "page", Expr::cust("1 = 1"));
        outer.cond_where(Expr::col(("model", "build")).eq(parameters.add(Value::Text(build.to_string()))));
        if live {
            outer
                .cond_where(Expr::col(("model", "state")).eq(parameters.add(Value::Text("LIVE".to_owned()))));
        }
        for column in &ordering {
            outer.order_by(("page", *column), order.clone());
        }
        parameters.within_limits()?;
        Ok(parameters.finish(self.render(&outer)))
    }

    pub(super) fn count_rows(
        self,
        query: &Query,
        build: &BuildId,
        cap: u32,
    ) -> Result<Statement, ReadStoreError> {
        let mut parameters = Parameters::default();
        let mut rows = sea_query::Query::select();
        rows.expr(Expr::cust("1")).from(build.table_name(query.table.name));
        rows.cond_where(self.condition(query.table, &query.filter, &mut parameters)?).limit(cap.into());
        let mut count = sea_query::Query::select();
        count.expr(Func::count(Expr::cust("*"))).from_subquery(rows, "rows");
        parameters.within_limits()?;
        Ok(parameters.finish(self.render(&count)))
    }

    fn render(self, select: &SelectStatement) -> (String, Values) {
        match self {
            Self::Sqlite => select.build(SqliteQueryBuilder),
            Self::Postgres => select.build(PostgresQueryBuilder),
        }
    }

    fn condition(
        self,
        table: &'static Table,
        filter: &Filter,
        parameters: &mut Parameters,
    ) -> Result<Cond, ReadStoreError> {
        let column = |name: &'static str| known(table, name).map(|column| Expr::col(column.name));
        let condition = match filter {
            Filter::All(filters) => {
                let mut all = Cond::all();
                for filter in filters {
                    all = all.add(self.condition(table, filter, parameters)?);
                }
                return Ok(all);
            }
            Filter::Any(filters) if filters.is_empty() => Expr::cust("1 = 0"),
            Filter::Any(filters) => {
                let mut any = Cond::any();
                for filter in filters {
                    any = any.add(self.condition(table, filter, parameters)?);
                }
                return Ok(any);
            }
            Filter::Is(name, Value::Null) => column(name)?.is_null(),
            Filter::Is(name, value) => column(name)?.eq(parameters.add(value.clone())),
            Filter::IsNot(name, Value::Null) => column(name)?.is_not_null(),
            Filter::IsNot(name, value) => {
                let differs = column(name)?.ne(parameters.add(value.clone()));
                if known(table, name)?.nullable { differs.or(column(name)?.is_null()) } else { differs }
            }
            Filter::In(_, values) if values.is_empty() => Expr::cust("1 = 0"),
            Filter::In(name, values) => {
                let values: Vec<_> = values.iter().map(|value| parameters.add(value.clone())).collect();
                column(name)?.is_in(values)
            }
            Filter::AtLeast(name, value) => column(name)?.gte(parameters.add(value.clone())),
            Filter::AtMost(name, value) => column(name)?.lte(parameters.add(value.clone())),
            Filter::Contains(name, text) => {
                storable(text)?;
                let pattern = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
                let lower = Expr::expr(Func::lower(column(name)?));
                lower.like(LikeExpr::new(format!("%{}%", pattern.to_ascii_lowercase())).escape('\\'))
            }
        };
        Ok(Cond::all().add(condition))
    }
}

/// `select unnest($1::uuid[]), …`: rows that travel as one array a column.
fn from_arrays(columns: &[Column]) -> SelectStatement {
    let mut select = sea_query::Query::select();
    for (number, column) in columns.iter().enumerate() {
        let array = format!("${}::{}", number + 1, Dialect::array_type(column.column_type));
        select.expr(Func::cust("unnest").arg(Expr::cust(array)));
    }
    select
}

fn only_in(left: &str, right: &str, table: &Table) -> SelectStatement {
    let all = |name: &str| {
        let mut select = sea_query::Query::select();
        select.columns(table.columns.iter().map(|column| column.name)).from(name.to_owned());
        select
    };
    let mut only = all(left);
    only.union(UnionType::Except, all(right));
    only
}

fn known(table: &'static Table, name: &str) -> Result<&'static Column, ReadStoreError> {
    let unknown = || ReadStoreError::UnknownColumn { table: table.name, column: name.to_owned() };
    table.column(name).ok_or_else(unknown)
}

/// Behind the cursor's row: its values compared as one tuple, so that an index serves the whole order.
fn behind(
    query: &Query,
    ordering: &[&'static str],
    cursor: &[Value],
    parameters: &mut Parameters,
) -> Result<Cond, ReadStoreError> {
    if cursor.len() != ordering.len() || cursor.contains(&Value::Null) {
        return Err(ReadStoreError::ForeignCursor);
    }
    for (name, value) in ordering.iter().zip(cursor) {
        if !known(query.table, name)?.column_type.holds(value) {
            return Err(ReadStoreError::ForeignCursor);
        }
    }
    let columns = Expr::tuple(ordering.iter().map(|name| Expr::col(*name)));
    let values: Vec<_> = cursor.iter().map(|value| parameters.add(value.clone())).collect();
    let values = Expr::tuple(values);
    Ok(Cond::all().add(match query.direction {
        Direction::Ascending => columns.gt(values),
        Direction::Descending => columns.lt(values),
    }))
}
