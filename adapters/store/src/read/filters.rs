//! What a question's rows must pass, and the parameters that are collected on the way.

use projections::{ColumnType, Direction, Filter, Query, Table, Value, ports::ReadStoreError};
use sea_query::{Cond, Expr, ExprTrait, Func, LikeExpr, Values};

use super::{
    pages::Parameter,
    sql::{Dialect, known},
};

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
pub(super) struct Parameters(pub(super) Vec<Parameter>);

impl Parameters {
    pub(super) fn add(&mut self, value: Value) -> Expr {
        self.push(Parameter::One(value))
    }

    pub(super) fn push(&mut self, parameter: Parameter) -> Expr {
        self.0.push(parameter);
        Expr::val(self.0.len() as i64 - 1)
    }

    /// Refuses what an engine would answer with a fault, as if it were broken.
    pub(super) fn within_limits(&self) -> Result<(), ReadStoreError> {
        let values = || {
            self.0.iter().flat_map(|parameter| match parameter {
                Parameter::One(value) => std::slice::from_ref(value),
                Parameter::Many(_, values) => values,
            })
        };
        let count = values().count();
        if count > MOST_PARAMETERS {
            let reason = format!("a filter names {count} values, {MOST_PARAMETERS} are possible");
            return Err(ReadStoreError::Unanswerable { reason });
        }
        values().try_for_each(|value| match value {
            Value::Text(text) => storable(text),
            _ => Ok(()),
        })
    }

    /// The parameters in the order of their placeholders.
    pub(super) fn in_order(mut self, numbers: Values) -> Vec<Parameter> {
        let mut take = |number: sea_query::Value| match number {
            sea_query::Value::BigInt(Some(number)) => {
                self.0.get_mut(number as usize).map(|parameter| std::mem::replace(parameter, NOTHING))
            }
            sea_query::Value::String(Some(text)) => Some(Parameter::One(Value::Text(text))),
            _ => None,
        };
        numbers.0.into_iter().map(|number| take(number).unwrap_or(NOTHING)).collect()
    }
}

pub(super) const NOTHING: Parameter = Parameter::One(Value::Null);

impl Dialect {
    /// Whether an expression is one of these values: PostgreSQL takes an array; SQLite a list, filled up with its last
    /// value to a power of two, so that there are few texts.
    pub(super) fn among(
        self,
        what: Expr,
        column_type: ColumnType,
        mut values: Vec<Value>,
        parameters: &mut Parameters,
    ) -> Expr {
        match self {
            Self::Postgres => {
                let array = parameters.push(Parameter::Many(column_type, values));
                what.eq(Func::cust("any").arg(array))
            }
            Self::Sqlite => {
                let last = values.last().cloned().unwrap_or(Value::Null);
                values.resize(values.len().next_power_of_two().min(MOST_PARAMETERS.max(values.len())), last);
                what.is_in(values.into_iter().map(|value| parameters.add(value)).collect::<Vec<_>>())
            }
        }
    }

    pub(super) fn condition(
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
                let column_type = known(table, name)?.column_type;
                self.among(column(name)?, column_type, values.clone(), parameters)
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

/// Behind the cursor's row: its values compared as one tuple, so that an index serves the whole order.
pub(super) fn behind(
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
