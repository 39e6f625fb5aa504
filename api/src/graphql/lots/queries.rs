use std::collections::BTreeSet;

use async_graphql::{
    Context, Enum, ID, InputObject, Object, Result,
    connection::{Connection, EmptyFields},
};
use domain::lots::Gate;
use projections::{
    Direction, Field, Filter, Query, Value,
    lots::{
        DeviationRow, Deviations, InspectionRow, Inspections, LotBoard, LotBoardRow, PartnerRow, Partners,
        TemperatureReadingRow, TemperatureReadings,
    },
};

use super::{
    deviation::Deviation,
    edges::LotById,
    enums::{DeviationStatus, LotStatus, LotType, PartnerRole, QcDecision, ReadingType, Sku},
    lot::Lot,
    partner::Partner,
    records::{Inspection, Reading},
};
use crate::graphql::kernel::{
    FromReads, FromRequest, GlobalId, GlobalIdError, Int64, LocalDate, MAX_PAGE, PageArguments, Total, page,
    refused, requires, unreadable,
};
use domain::identity::Permission;
use uuid::Uuid;

/// One lot.
#[derive(Debug, Clone, Copy, Default)]
pub struct LotQueries;

/// The plant's lists.
#[derive(Debug, Clone, Copy, Default)]
pub struct LotLists;

/// Which lots the board shows. Everything given must hold.
#[derive(Debug, Clone, Default, InputObject)]
pub struct LotBoardFilter {
    /// One of these types.
    #[graphql(name = "type")]
    lot_type: Option<Vec<LotType>>,
    /// One of these.
    status: Option<Vec<LotStatus>>,
    /// Made by this step, 0 to 10.
    step: Option<i32>,
    /// Of this SKU.
    sku: Option<Sku>,
    /// Made on this local day.
    day: Option<LocalDate>,
    /// Of this run.
    run: Option<ID>,
    /// From this supplier.
    supplier: Option<ID>,
    /// The code contains this.
    code: Option<String>,
}

/// Which deviations.
#[derive(Debug, Clone, Default, InputObject)]
pub struct DeviationFilter {
    /// One of these.
    status: Option<Vec<DeviationStatus>>,
    /// Of this lot.
    lot: Option<ID>,
}

/// Which inspections.
#[derive(Debug, Clone, Default, InputObject)]
pub struct InspectionFilter {
    /// Of this lot.
    lot: Option<ID>,
    /// At this gate, by its key.
    gate: Option<String>,
    /// One of these.
    decision: Option<Vec<QcDecision>>,
}

/// Which readings.
#[derive(Debug, Clone, Default, InputObject)]
pub struct TemperatureFilter {
    /// Of this lot.
    lot: Option<ID>,
    /// Of this type.
    #[graphql(name = "type")]
    reading_type: Option<ReadingType>,
    /// Outside their limit, or inside.
    is_violation: Option<bool>,
}

/// In which order a list comes: by when its entries came to be, the partners by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ListOrder {
    /// Oldest first, or by name from A.
    Ascending,
    /// Newest first, or by name from Z.
    Descending,
}

fn ordered(query: Query, order: Option<ListOrder>) -> Query {
    let direction = match order {
        None => query.direction,
        Some(ListOrder::Ascending) => Direction::Ascending,
        Some(ListOrder::Descending) => Direction::Descending,
    };
    Query { direction, ..query }
}

/// Keeps rows whose column is one of these values, if any were given.
fn one_of<How, T, F: Field<How>>(query: Query, column: &'static str, values: Option<Vec<T>>) -> Query
where
    T: Into<F>,
{
    match values {
        Some(values) => {
            // Each value once: an enum has few, however many the client sends.
            let values: BTreeSet<Value> = values.into_iter().map(|value| value.into().to_value()).collect();
            query.filter(Filter::In(column, values.into_iter().collect()))
        }
        None => query,
    }
}

/// Keeps rows whose column has this value, if one was given.
fn is<How, F: Field<How>>(query: Query, column: &'static str, value: Option<F>) -> Query {
    match value {
        Some(value) => query.filter(Filter::Is(column, value.to_value())),
        None => query,
    }
}

/// The id that a query's argument names.
pub(super) fn named(context: &Context<'_>, type_name: &str, id: &ID) -> Result<Uuid> {
    let stream_id = GlobalId::decode_as(id, type_name, context.request()?.caller.tenant)?;
    Ok(Uuid::try_parse(&stream_id).map_err(|_not_a_uuid| GlobalIdError::Malformed)?)
}

#[Object]
impl LotQueries {
    /// A lot, by id or by code.
    #[graphql(guard = "requires(Permission::PlantRead)")]
    async fn lot(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: Option<ID>,
        #[graphql(desc = "Its code.")] code: Option<String>,
        #[graphql(desc = "Waits until the answer holds everything up to this position.")]
        min_position: Option<Int64>,
    ) -> Result<Option<Lot>> {
        context.wait::<LotBoard>(min_position).await?;
        let tenant = context.request()?.caller.tenant;
        match (id, code) {
            (Some(id), None) => {
                let lot_id = named(context, "Lot", &id)?;
                Ok(context.find::<LotById>(tenant, lot_id).await?.map(Lot))
            }
            (None, Some(code)) => lot_by_code(context, code).await,
            (Some(_), Some(_)) | (None, None) => {
                Err(refused("VALIDATION_FAILED", "a lot is asked for by id or by code, by one of them"))
            }
        }
    }
}

type List<N> = Connection<String, N, Total, EmptyFields>;

/// Lists of rows as Relay connections: what each may be narrowed by, the rows that this leaves, and what they are shown as.
macro_rules! lists {
    ($(
        $(#[$meta:meta])*
        $field:ident($argument:ident: $narrowing:ty, $described:tt) -> $node:ident = $rows:ident of $model:ty;
    )*) => {
        #[Object]
        impl LotLists {
            $(
                $(#[$meta])*
                #[graphql(guard = "requires(Permission::PlantRead)")]
                #[expect(clippy::too_many_arguments, reason = "a Relay list's own arguments")]
                async fn $field(
                    &self,
                    context: &Context<'_>,
                    #[graphql(desc = $described)] $argument: Option<$narrowing>,
                    #[graphql(desc = "Another order than the list's own.")] order: Option<ListOrder>,
                    #[graphql(desc = "Entries from the front, at most 200.")] first: Option<i32>,
                    #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
                    #[graphql(desc = "Entries from the back, at most 200.")] last: Option<i32>,
                    #[graphql(desc = "End before this cursor.")] before: Option<String>,
                    #[graphql(desc = "Waits until the answer holds everything up to this position.")]
                    min_position: Option<Int64>,
                ) -> Result<List<$node>> {
                    context.wait::<$model>(min_position).await?;
                    let query = ordered($rows(context, $argument)?, order);
                    page(context, PageArguments { first, after, last, before }, MAX_PAGE, query, $node).await
                }
            )*
        }
    };
}

lists! {
    /// The lots, newest first.
    lot_board(filter: LotBoardFilter, "Which lots.") -> Lot = lots of LotBoard;
    /// The partners, by name.
    partners(role: PartnerRole, "With this role.") -> Partner = partners of Partners;
    /// The deviations, newest first.
    deviations(filter: DeviationFilter, "Which deviations.") -> Deviation = deviations of Deviations;
    /// The decisions at gates, newest first.
    inspections(filter: InspectionFilter, "Which decisions.") -> Inspection = inspections of Inspections;
    /// The readings, newest first.
    temperature_log(filter: TemperatureFilter, "Which readings.") -> Reading = readings of TemperatureReadings;
}

fn lots(context: &Context<'_>, filter: Option<LotBoardFilter>) -> Result<Query> {
    let filter = filter.unwrap_or_default();
    let tenant = context.request()?.caller.tenant;
    let mut query =
        Query::of::<LotBoard, LotBoardRow>(tenant).order_by(&["created_position"], Direction::Descending);
    query = one_of::<_, _, domain::lots::LotType>(query, "lot_type", filter.lot_type);
    query = one_of::<_, _, domain::lots::LotStatus>(query, "status", filter.status);
    query = is(query, "step_index", filter.step);
    query = is(query, "sku", filter.sku.map(domain::lots::Sku::from));
    query = is(query, "production_day", filter.day.map(|day| day.0));
    if let Some(run) = filter.run {
        query = is(query, "run_id", Some(named(context, "Run", &run)?));
    }
    if let Some(supplier) = filter.supplier {
        query = is(query, "supplier_id", Some(named(context, "Partner", &supplier)?));
    }
    if let Some(code) = filter.code {
        query = query.filter(Filter::Contains("lot_code", code));
    }
    Ok(query)
}

fn partners(context: &Context<'_>, role: Option<PartnerRole>) -> Result<Query> {
    let tenant = context.request()?.caller.tenant;
    let query = Query::of::<Partners, PartnerRow>(tenant).order_by(&["name"], Direction::Ascending);
    Ok(match role {
        None => query,
        Some(PartnerRole::Supplier) => is(query, "is_supplier", Some(true)),
        Some(PartnerRole::Customer) => is(query, "is_customer", Some(true)),
        Some(PartnerRole::Carrier) => is(query, "is_carrier", Some(true)),
    })
}

fn deviations(context: &Context<'_>, filter: Option<DeviationFilter>) -> Result<Query> {
    let filter = filter.unwrap_or_default();
    let tenant = context.request()?.caller.tenant;
    let query =
        Query::of::<Deviations, DeviationRow>(tenant).order_by(&["opened_position"], Direction::Descending);
    let query = one_of::<_, _, domain::lots::DeviationStatus>(query, "status", filter.status);
    of_lot(context, query, filter.lot)
}

fn inspections(context: &Context<'_>, filter: Option<InspectionFilter>) -> Result<Query> {
    let filter = filter.unwrap_or_default();
    let tenant = context.request()?.caller.tenant;
    let mut query =
        Query::of::<Inspections, InspectionRow>(tenant).order_by(&["position"], Direction::Descending);
    query = one_of::<_, _, domain::lots::Decision>(query, "decision", filter.decision);
    if let Some(key) = filter.gate {
        let gate: Gate = key.parse().map_err(|unknown: domain::kernel::InvalidInput| {
            refused("VALIDATION_FAILED", unknown.to_string())
        })?;
        query = is(query, "gate", Some(gate));
    }
    of_lot(context, query, filter.lot)
}

fn readings(context: &Context<'_>, filter: Option<TemperatureFilter>) -> Result<Query> {
    let filter = filter.unwrap_or_default();
    let tenant = context.request()?.caller.tenant;
    let mut query = Query::of::<TemperatureReadings, TemperatureReadingRow>(tenant)
        .order_by(&["position"], Direction::Descending);
    query = is(query, "reading_type", filter.reading_type.map(domain::lots::ReadingType::from));
    query = is(query, "is_violation", filter.is_violation);
    of_lot(context, query, filter.lot)
}

/// Keeps what belongs to a lot, if one was named.
fn of_lot(context: &Context<'_>, query: Query, lot: Option<ID>) -> Result<Query> {
    let lot_id = lot.map(|lot| named(context, "Lot", &lot)).transpose()?;
    Ok(is(query, "lot_id", lot_id))
}

/// The lot with this code, whatever its case.
pub(super) async fn lot_by_code(context: &Context<'_>, code: String) -> Result<Option<Lot>> {
    let tenant = context.request()?.caller.tenant;
    let query = Query::of::<LotBoard, LotBoardRow>(tenant)
        .filter(Filter::Is("lot_code", Value::Text(code.trim().to_ascii_uppercase())))
        .limit(1);
    let side = context.reads()?.loader().side();
    let mut found = side.select::<LotBoardRow>(&query).await.map_err(unreadable)?.rows;
    Ok(found.pop().map(Lot))
}
