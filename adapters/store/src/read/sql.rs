//! The one place where SQL for read models' tables is made, for both engines; questions to them stand in `pages`.

use projections::{
    Column, ColumnType, Table,
    ports::{BuildId, ReadStoreError},
};
use sea_query::{
    ColumnDef, Cond, Expr, ExprTrait, Func, Index, OnConflict, PostgresQueryBuilder, SelectStatement,
    SqliteQueryBuilder, UnionType, Values,
};

/// Which engine a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
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

    pub(super) const fn array_type(column_type: ColumnType) -> &'static str {
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
            if self == Self::Postgres {
                // The key ends every order: with it in the index, whose entries SQLite ends with it by itself, a page is read as it
                // lies there and never sorted.
                let key = table.key().iter().map(|column| column.name);
                for column in key.filter(|name| !columns.contains(name)) {
                    index.col(column);
                }
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
    pub(super) fn some_only_in(self, left: &str, right: &str, table: &Table, limit: u64) -> String {
        format!("{} limit {limit}", self.render(&only_in(left, right, table)).0)
    }

    pub(super) fn render(self, select: &SelectStatement) -> (String, Values) {
        match self {
            Self::Sqlite => select.build(SqliteQueryBuilder),
            Self::Postgres => select.build(PostgresQueryBuilder),
        }
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

pub(super) fn known(table: &'static Table, name: &str) -> Result<&'static Column, ReadStoreError> {
    let unknown = || ReadStoreError::UnknownColumn { table: table.name, column: name.to_owned() };
    table.column(name).ok_or_else(unknown)
}
