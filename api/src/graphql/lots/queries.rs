use async_graphql::{
    Context, ID, InputObject, Object, Result,
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
    inputs::entity_id,
    lot::Lot,
    partner::Partner,
    records::{Inspection, Reading},
};
use crate::graphql::kernel::{
    FromReads, FromRequest, GlobalIdError, Int64, LocalDate, MAX_PAGE, PageArguments, Total, page, refused,
    requires,
};
use domain::identity::Permission;
use uuid::Uuid;

/// The plant's questions.
#[derive(Debug, Clone, Copy, Default)]
pub struct LotQueries;

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

/// Keeps rows whose column is one of these values, if any were given.
fn one_of<T, F: Field>(query: Query, column: &'static str, values: Option<Vec<T>>) -> Query
where
    T: Into<F>,
{
    match values {
        Some(values) => {
            let values = values.into_iter().map(|value| value.into().to_value()).collect();
            query.filter(Filter::In(column, values))
        }
        None => query,
    }
}

/// Keeps rows whose column has this value, if one was given.
fn is<F: Field>(query: Query, column: &'static str, value: Option<F>) -> Query {
    match value {
        Some(value) => query.filter(Filter::Is(column, value.to_value())),
        None => query,
    }
}

/// The id that a query's argument names: malformed and foreign ones are answered as the kernel does for mutations.
pub(super) fn named(context: &Context<'_>, type_name: &str, id: &ID) -> Result<Uuid> {
    let tenant = context.request()?.caller.tenant;
    entity_id(tenant, type_name, "id", id).map_err(|_unusable| {
        match crate::graphql::kernel::GlobalId::decode_as(id, type_name, tenant) {
            Err(GlobalIdError::Foreign) => refused("NOT_FOUND", GlobalIdError::Foreign.to_string()),
            Ok(_) | Err(GlobalIdError::Malformed) => {
                refused("VALIDATION_FAILED", GlobalIdError::Malformed.to_string())
            }
        }
    })
}

fn scope(context: &Context<'_>, list: &str, filter: &impl std::fmt::Debug) -> Result<String> {
    Ok(format!("{}/{list}/{filter:?}", context.request()?.caller.tenant))
}

type List<N> = Connection<String, N, Total, EmptyFields>;

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

    /// The lots, newest first.
    #[graphql(guard = "requires(Permission::PlantRead)")]
    #[expect(clippy::too_many_arguments, reason = "a Relay list's own arguments")]
    async fn lot_board(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which lots.")] filter: Option<LotBoardFilter>,
        #[graphql(desc = "Entries from the front, at most 200.")] first: Option<i32>,
        #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Entries from the back, at most 200.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Waits until the answer holds everything up to this position.")]
        min_position: Option<Int64>,
    ) -> Result<List<Lot>> {
        context.wait::<LotBoard>(min_position).await?;
        let filter = filter.unwrap_or_default();
        let scope = scope(context, "lotBoard", &filter)?;
        let tenant = context.request()?.caller.tenant;
        let mut query =
            Query::of::<LotBoard, LotBoardRow>(tenant).order_by(&["created_position"], Direction::Descending);
        query = one_of::<_, domain::lots::LotType>(query, "lot_type", filter.lot_type);
        query = one_of::<_, domain::lots::LotStatus>(query, "status", filter.status);
        query = is(query, "step_index", filter.step);
        query = is(query, "sku", filter.sku.map(domain::lots::Sku::from));
        query = is(query, "production_day", filter.day.map(|day| day.0));
        if let Some(supplier) = filter.supplier {
            query = is(query, "supplier_id", Some(named(context, "Partner", &supplier)?));
        }
        if let Some(code) = filter.code {
            query = query.filter(Filter::Contains("lot_code", code));
        }
        page(context, PageArguments { first, after, last, before }, scope, MAX_PAGE, query, Lot).await
    }

    /// The partners, by name.
    #[graphql(guard = "requires(Permission::PlantRead)")]
    #[expect(clippy::too_many_arguments, reason = "a Relay list's own arguments")]
    async fn partners(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "With this role.")] role: Option<PartnerRole>,
        #[graphql(desc = "Entries from the front, at most 200.")] first: Option<i32>,
        #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Entries from the back, at most 200.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Waits until the answer holds everything up to this position.")]
        min_position: Option<Int64>,
    ) -> Result<List<Partner>> {
        context.wait::<Partners>(min_position).await?;
        let scope = scope(context, "partners", &role)?;
        let tenant = context.request()?.caller.tenant;
        let mut query = Query::of::<Partners, PartnerRow>(tenant).order_by(&["name"], Direction::Ascending);
        if let Some(role) = role {
            let column = match role {
                PartnerRole::Supplier => "is_supplier",
                PartnerRole::Customer => "is_customer",
                PartnerRole::Carrier => "is_carrier",
            };
            query = query.filter(Filter::Is(column, Value::Bool(true)));
        }
        page(context, PageArguments { first, after, last, before }, scope, MAX_PAGE, query, Partner).await
    }

    /// The deviations, newest first.
    #[graphql(guard = "requires(Permission::PlantRead)")]
    #[expect(clippy::too_many_arguments, reason = "a Relay list's own arguments")]
    async fn deviations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which deviations.")] filter: Option<DeviationFilter>,
        #[graphql(desc = "Entries from the front, at most 200.")] first: Option<i32>,
        #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Entries from the back, at most 200.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Waits until the answer holds everything up to this position.")]
        min_position: Option<Int64>,
    ) -> Result<List<Deviation>> {
        context.wait::<Deviations>(min_position).await?;
        let filter = filter.unwrap_or_default();
        let scope = scope(context, "deviations", &filter)?;
        let tenant = context.request()?.caller.tenant;
        let mut query = Query::of::<Deviations, DeviationRow>(tenant)
            .order_by(&["opened_position"], Direction::Descending);
        query = one_of::<_, domain::lots::DeviationStatus>(query, "status", filter.status);
        if let Some(lot) = filter.lot {
            query = is(query, "lot_id", Some(named(context, "Lot", &lot)?));
        }
        page(context, PageArguments { first, after, last, before }, scope, MAX_PAGE, query, Deviation).await
    }

    /// The decisions at gates, newest first.
    #[graphql(guard = "requires(Permission::PlantRead)")]
    #[expect(clippy::too_many_arguments, reason = "a Relay list's own arguments")]
    async fn inspections(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which decisions.")] filter: Option<InspectionFilter>,
        #[graphql(desc = "Entries from the front, at most 200.")] first: Option<i32>,
        #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Entries from the back, at most 200.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Waits until the answer holds everything up to this position.")]
        min_position: Option<Int64>,
    ) -> Result<List<Inspection>> {
        context.wait::<Inspections>(min_position).await?;
        let filter = filter.unwrap_or_default();
        let scope = scope(context, "inspections", &filter)?;
        let tenant = context.request()?.caller.tenant;
        let mut query =
            Query::of::<Inspections, InspectionRow>(tenant).order_by(&["position"], Direction::Descending);
        query = one_of::<_, domain::lots::Decision>(query, "decision", filter.decision);
        if let Some(lot) = filter.lot {
            query = is(query, "lot_id", Some(named(context, "Lot", &lot)?));
        }
        if let Some(key) = filter.gate {
            let gate: Gate = key.parse().map_err(|unknown: domain::kernel::InvalidInput| {
                refused("VALIDATION_FAILED", unknown.to_string())
            })?;
            query = is(query, "gate", Some(gate));
        }
        page(context, PageArguments { first, after, last, before }, scope, MAX_PAGE, query, Inspection).await
    }

    /// The readings, newest first.
    #[graphql(guard = "requires(Permission::PlantRead)")]
    #[expect(clippy::too_many_arguments, reason = "a Relay list's own arguments")]
    async fn temperature_log(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which readings.")] filter: Option<TemperatureFilter>,
        #[graphql(desc = "Entries from the front, at most 200.")] first: Option<i32>,
        #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Entries from the back, at most 200.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Waits until the answer holds everything up to this position.")]
        min_position: Option<Int64>,
    ) -> Result<List<Reading>> {
        context.wait::<TemperatureReadings>(min_position).await?;
        let filter = filter.unwrap_or_default();
        let scope = scope(context, "temperatureLog", &filter)?;
        let tenant = context.request()?.caller.tenant;
        let mut query = Query::of::<TemperatureReadings, TemperatureReadingRow>(tenant)
            .order_by(&["position"], Direction::Descending);
        query = is(query, "reading_type", filter.reading_type.map(domain::lots::ReadingType::from));
        query = is(query, "is_violation", filter.is_violation);
        if let Some(lot) = filter.lot {
            query = is(query, "lot_id", Some(named(context, "Lot", &lot)?));
        }
        page(context, PageArguments { first, after, last, before }, scope, MAX_PAGE, query, Reading).await
    }
}

/// The lot with this code, whatever its case.
pub(super) async fn lot_by_code(context: &Context<'_>, code: String) -> Result<Option<Lot>> {
    let tenant = context.request()?.caller.tenant;
    let query = Query::of::<LotBoard, LotBoardRow>(tenant)
        .filter(Filter::Is("lot_code", Value::Text(code.trim().to_ascii_uppercase())))
        .limit(1);
    let side = context.reads()?.loader().side();
    let mut found = side.select::<LotBoardRow>(&query).await?.rows;
    Ok(found.pop().map(Lot))
}
