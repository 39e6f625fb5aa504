//! Questions to read models' tables: pages, pages for each of several values, counts.
//!
//! A question's text depends on its form alone, never on its values or their number, so that an engine prepares it once.
//! Limits stand in the text: a plan that is kept must know that a page is short.

use commands::ports::TenantId;
use projections::{
    Column, ColumnType, Direction, Query, Value,
    ports::{BuildId, ReadStoreError},
};
use sea_query::{Expr, ExprTrait, Order, Values};

use super::{
    filters::{NOTHING, Parameters, behind},
    sql::{Dialect, known},
};

/// The mark of a tenant's rows: the build's with that of the last step that changed them, and one of its own for each position that a
/// program has moved the build to which knows no marks. Taken away, for the sum of two marks leaves no room above.
const STANDING_MARK: &str = "model.mark + coalesce(marks.mark, 0) - (model.position - model.marked_through)";

/// What a placeholder stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Parameter {
    One(Value),
    /// PostgreSQL: an array.
    Many(ColumnType, Vec<Value>),
}

/// A statement and what its placeholders stand for, in order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) parameters: Vec<Parameter>,
}

/// A page for each of several values of a column, in one snapshot.
pub(super) enum PageOfEach {
    /// One statement for all of them.
    Joined(Statement),
    /// The position and the mark; then one statement, run for each of the values as its parameter number
    /// `place`. The database is in this process: that is the cheapest question.
    OneByOne { head: Statement, page: Statement, place: usize, values: Vec<Value> },
}

impl Dialect {
    /// A page of a table, provided that the build is there, and live if it has to be: the position and the mark of the
    /// tenant's rows beside each row, or beside a row of nothing. No row: another build has taken over. One statement,
    /// so one snapshot.
    pub(super) fn select_page(
        self,
        query: &Query,
        build: &BuildId,
        live: bool,
    ) -> Result<Statement, ReadStoreError> {
        let mut parameters = Parameters::default();
        let (page, numbers) = self.page(query, build, None, &mut parameters)?;
        Ok(self.beside_its_position(query, build, live, &page, parameters.in_order(numbers)))
    }

    /// A page for each of these values of a column.
    pub(super) fn select_each(
        self,
        query: &Query,
        build: &BuildId,
        column: &'static str,
        values: Vec<Value>,
    ) -> Result<PageOfEach, ReadStoreError> {
        let start = known(query.table, column)?;
        let mut parameters = Parameters::default();
        let (page, numbers) = self.page(query, build, Some(start), &mut parameters)?;
        if self == Self::Sqlite {
            return Ok(self.one_by_one(query, build, page, parameters.in_order(numbers), values));
        }
        let (each, parameters) = each_of(start, "page.*", &page, numbers, parameters, values)?;
        Ok(PageOfEach::Joined(self.beside_its_position(query, build, true, &each, parameters)))
    }

    /// The rows alone; of those whose column `start` has the value that the statement is run or joined for.
    fn page(
        self,
        query: &Query,
        build: &BuildId,
        start: Option<&Column>,
        parameters: &mut Parameters,
    ) -> Result<(String, Values), ReadStoreError> {
        let mut page = sea_query::Query::select();
        page.columns(query.table.columns.iter().map(|column| column.name));
        page.from(build.table_name(query.table.name));
        page.cond_where(self.condition(query.table, &query.filter, parameters)?);
        if let Some(start) = start {
            page.cond_where(self.starts(start, parameters));
        }
        let ordering = query.ordering();
        for column in &ordering {
            known(query.table, column)?;
        }
        if let Some(cursor) = &query.after {
            page.cond_where(behind(query, &ordering, cursor, parameters)?);
        }
        let order = match query.direction {
            Direction::Ascending => Order::Asc,
            Direction::Descending => Order::Desc,
        };
        for column in &ordering {
            page.order_by(*column, order.clone());
        }
        parameters.within_limits()?;
        let (sql, numbers) = self.render(&page);
        Ok((format!("{sql} limit {}", query.limit), numbers))
    }

    fn beside_its_position(
        self,
        query: &Query,
        build: &BuildId,
        live: bool,
        page: &str,
        mut parameters: Vec<Parameter>,
    ) -> Statement {
        let columns: String =
            query.table.columns.iter().map(|column| format!(", page.\"{}\"", column.name)).collect();
        let direction = match query.direction {
            Direction::Ascending => "asc",
            Direction::Descending => "desc",
        };
        let order: Vec<_> =
            query.ordering().iter().map(|column| format!("page.\"{column}\" {direction}")).collect();
        let joined = format!(" left join ({page}) as page on 1 = 1");
        let from = self.standing(query, build, live, &columns, &joined, &mut parameters);
        Statement { sql: format!("{from} order by {}", order.join(", ")), parameters }
    }

    /// The position and the mark of the tenant's rows, beside what is joined.
    fn standing(
        self,
        query: &Query,
        build: &BuildId,
        live: bool,
        columns: &str,
        joined: &str,
        parameters: &mut Vec<Parameter>,
    ) -> String {
        let mut text = |value: String| {
            parameters.push(Parameter::One(Value::Text(value)));
            self.placeholder(parameters.len())
        };
        let marked = text(build.to_string());
        let tenant = text(query.tenant.to_string());
        let build = text(build.to_string());
        let state = if live { " and model.state = 'LIVE'" } else { "" };
        format!(
            "select model.position, {STANDING_MARK}{columns} from read_models as model{joined}
             left join read_marks as marks on marks.build = {marked} and marks.tenant = {tenant}
             where model.build = {build}{state}"
        )
    }

    fn placeholder(self, number: usize) -> String {
        match self {
            Self::Sqlite => "?".to_owned(),
            Self::Postgres => format!("${number}"),
        }
    }

    /// The read model, the tenant and the mark, of each of these tenants' rows in every live build.
    pub(super) fn marks_of(self, tenants: &[TenantId]) -> Statement {
        let texts = tenants.iter().map(TenantId::to_string);
        let (asked, tenants) = match self {
            Self::Postgres => {
                let tenants = Parameter::Many(ColumnType::Text, texts.map(Value::Text).collect());
                ("unnest($1::text[]) as asked (tenant)", tenants)
            }
            Self::Sqlite => {
                let list = serde_json::Value::from_iter(texts).to_string();
                ("(select value as tenant from json_each(?)) as asked", Parameter::One(Value::Text(list)))
            }
        };
        let sql = format!(
            "select model.model, asked.tenant, {STANDING_MARK}
             from read_models as model cross join {asked}
             left join read_marks as marks on marks.build = model.build and marks.tenant = asked.tenant
             where model.state = 'LIVE'"
        );
        Statement { sql, parameters: vec![tenants] }
    }

    /// How many rows pass the filter, at most `cap`, beside the position and the mark.
    pub(super) fn count_rows(
        self,
        query: &Query,
        build: &BuildId,
        cap: u32,
    ) -> Result<Statement, ReadStoreError> {
        let mut parameters = Parameters::default();
        let (rows, numbers) = self.first_rows(query, build, None, cap, &mut parameters)?;
        let joined =
            format!(" cross join (select count(*) as number from ({rows}) as first_rows) as counted");
        let mut parameters = parameters.in_order(numbers);
        let sql = self.standing(query, build, true, ", counted.number", &joined, &mut parameters);
        Ok(Statement { sql, parameters })
    }

    /// The same for each of these values of a column: the value, and how many rows; none at all where the value is
    /// nothing.
    pub(super) fn count_each(
        self,
        query: &Query,
        build: &BuildId,
        column: &'static str,
        values: Vec<Value>,
        cap: u32,
    ) -> Result<PageOfEach, ReadStoreError> {
        let start = known(query.table, column)?;
        let mut parameters = Parameters::default();
        let (rows, numbers) = self.first_rows(query, build, Some(start), cap, &mut parameters)?;
        if self == Self::Sqlite {
            let sql = format!("select max(\"{column}\"), count(*) from ({rows})");
            return Ok(self.one_by_one(query, build, sql, parameters.in_order(numbers), values));
        }
        let counted = format!("select count(*) as number from ({rows}) as first_rows");
        let (each, parameters) =
            each_of(start, "start.id, page.number", &counted, numbers, parameters, values)?;
        let mut parameters = parameters;
        let joined = format!(" left join ({each}) as page on 1 = 1");
        let sql = self.standing(query, build, true, ", page.id, page.number", &joined, &mut parameters);
        Ok(PageOfEach::Joined(Statement { sql, parameters }))
    }

    fn first_rows(
        self,
        query: &Query,
        build: &BuildId,
        start: Option<&Column>,
        cap: u32,
        parameters: &mut Parameters,
    ) -> Result<(String, Values), ReadStoreError> {
        let mut rows = sea_query::Query::select();
        rows.column(start.map_or(query.table.columns[0].name, |start| start.name));
        rows.from(build.table_name(query.table.name));
        rows.cond_where(self.condition(query.table, &query.filter, parameters)?);
        if let Some(start) = start {
            rows.cond_where(self.starts(start, parameters));
        }
        parameters.within_limits()?;
        let (sql, numbers) = self.render(&rows);
        Ok((format!("{sql} limit {cap}"), numbers))
    }

    /// Whether the row's column has the value that the statement is run or joined for.
    fn starts(self, start: &Column, parameters: &mut Parameters) -> Expr {
        let id = match self {
            Self::Postgres => Expr::cust("start.id"),
            Self::Sqlite => parameters.push(NOTHING),
        };
        Expr::col(start.name).eq(id)
    }

    fn one_by_one(
        self,
        query: &Query,
        build: &BuildId,
        sql: String,
        parameters: Vec<Parameter>,
        values: Vec<Value>,
    ) -> PageOfEach {
        // Nothing else in a question is bound to nothing.
        let place = parameters.iter().position(|parameter| *parameter == NOTHING).unwrap_or_default();
        let mut standing = Vec::new();
        let head = self.standing(query, build, true, "", "", &mut standing);
        let head = Statement { sql: head, parameters: standing };
        PageOfEach::OneByOne { head, page: Statement { sql, parameters }, place, values }
    }
}

/// PostgreSQL's way through several values in one statement: each is looked up by itself, over the index.
fn each_of(
    start: &Column,
    columns: &str,
    of_one: &str,
    numbers: Values,
    parameters: Parameters,
    values: Vec<Value>,
) -> Result<(String, Vec<Parameter>), ReadStoreError> {
    let array = format!("${}::{}", numbers.0.len() + 1, Dialect::array_type(start.column_type));
    let mut parameters = parameters.in_order(numbers);
    let values = Parameters(vec![Parameter::Many(start.column_type, values)]);
    values.within_limits()?;
    parameters.extend(values.0);
    let each =
        format!("select {columns} from unnest({array}) as start (id) cross join lateral ({of_one}) as page");
    Ok((each, parameters))
}
