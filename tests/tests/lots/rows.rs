//! The rows that a day in the plant leaves, and the past of what made them.

use api::contexts;
use chrono::TimeDelta;
use commands::{
    lots::{HoldLot, ShipLot, WriteOffRemainder},
    ports::{EventStore, StreamKey},
};
use domain::{
    Decider,
    lots::{Grams, Lot, LotStatus, LotType, PartnerRole, ReadingType},
};
use projections::{
    Row,
    history::{At, as_of, history},
    lots::{
        DeviationRow, Deviations, InspectionRow, Inspections, LotBoard, LotBoardRow, LotLinkRow, LotLinks,
        PartnerRow, Partners, ShipmentRow, Shipments, TemperatureReadingRow, TemperatureReadings,
    },
    rows_of,
};

use super::plant::Plant;

/// Everything that can happen to a lot happens to one of these.
async fn day(plant: &Plant) {
    let raw = plant.released_raw(300_000).await;
    let deboned = plant.released(LotType::Deb, &[(raw, 250_000)]).await;
    let reason = "spilt on the floor".to_owned();
    plant.give(WriteOffRemainder { lot_id: raw, reason }).await.unwrap();
    let bulk = plant.released(LotType::Bulk, &[(deboned, 250_000)]).await;
    let mix = plant.released(LotType::Mix, &[(bulk, 250_000)]).await;
    let rod = plant.released(LotType::Skw15, &[(mix, 15_000)]).await;
    let held = plant.released(LotType::Skw30, &[(mix, 30_000)]).await;
    plant.give(HoldLot { lot_id: held, reason: "smells of smoke".to_owned() }).await.unwrap();
    let frozen = plant.released(LotType::Frz15, &[(rod, 15_000)]).await;
    let goods = plant.released(LotType::Fg15, &[(frozen, 15_000)]).await;
    let pallet = plant.released(LotType::Pal, &[(goods, 15_000)]).await;
    let lot_id = plant.released(LotType::Ship, &[(pallet, 15_000)]).await;
    let consignee_id = plant.partner(&[PartnerRole::Customer], Some("Bécs, Ring 1")).await;
    let ship = ShipLot { lot_id, consignee_id, carrier_id: None, document: "CMR 4711".to_owned() };
    plant.give(ship).await.unwrap();
    let warm = plant.raw(100_000).await;
    plant.register(warm.lot_id).await;
    plant.read(warm.lot_id, ReadingType::Surface, 41).await;
}

#[tokio::test]
async fn the_board_shows_each_lot_as_its_aggregate_stands() {
    let plant = Plant::new();
    day(&plant).await;
    let rows = rows_of::<LotBoard, LotBoardRow>(&plant.log().await).unwrap();
    assert_eq!(rows.len(), 11);
    for row in &rows {
        let lot = plant.lot(row.lot_id).await;
        let shown = (
            &row.lot_code,
            row.lot_type,
            row.status,
            row.weight_grams,
            row.used_grams,
            row.written_off_grams,
            row.shipped_grams,
            row.remaining_grams,
        );
        let stands = (
            &lot.lot_code,
            lot.lot_type,
            lot.status,
            lot.weight_grams,
            lot.used_grams,
            lot.written_off_grams,
            lot.shipped_grams,
            lot.remaining_grams(),
        );
        assert_eq!(shown, stands);
        assert_eq!(row.hold_reason.is_some(), lot.status == LotStatus::Hold);
    }
    assert_eq!(rows.iter().filter(|row| row.status == LotStatus::Hold).count(), 2);
}

#[tokio::test]
async fn links_shipments_decisions_readings_and_deviations_have_their_rows() {
    let plant = Plant::new();
    day(&plant).await;
    let log = plant.log().await;
    let links = rows_of::<LotLinks, LotLinkRow>(&log).unwrap();
    assert_eq!(links.len(), 9);
    for link in &links {
        let child = plant.lot(link.child_id).await;
        let parent = child.parents.iter().find(|parent| parent.lot_id == link.parent_id).unwrap();
        assert_eq!((link.used_grams, &link.parent_code), (parent.used_grams, &parent.lot_code));
    }
    let shipments = rows_of::<Shipments, ShipmentRow>(&log).unwrap();
    assert_eq!(shipments.len(), 1);
    assert_eq!(
        (shipments[0].shipped_grams, &*shipments[0].consignee_address),
        (Grams(15_000), "Bécs, Ring 1")
    );
    assert_eq!(rows_of::<Inspections, InspectionRow>(&log).unwrap().len(), 10);
    let readings = rows_of::<TemperatureReadings, TemperatureReadingRow>(&log).unwrap();
    assert_eq!(readings.iter().filter(|reading| reading.is_violation).count(), 1);
    let deviations = rows_of::<Deviations, DeviationRow>(&log).unwrap();
    assert_eq!(deviations.len(), 2);
    assert_eq!(
        rows_of::<Partners, PartnerRow>(&log).unwrap().iter().filter(|row| row.is_customer).count(),
        1
    );
}

#[tokio::test]
async fn a_row_survives_its_way_through_a_table() {
    let plant = Plant::new();
    day(&plant).await;
    let log = plant.log().await;
    fn there_and_back<R: Row>(rows: Vec<R>) {
        assert!(!rows.is_empty());
        for row in rows {
            let mut values = Vec::new();
            row.write(&mut values);
            for (value, column) in values.iter().zip(R::TABLE.columns) {
                assert!(
                    column.column_type.holds(value) || column.nullable,
                    "{}.{}",
                    R::TABLE.name,
                    column.name
                );
            }
            assert_eq!(R::read(&mut values.into_iter()).unwrap(), row);
        }
    }
    there_and_back(rows_of::<LotBoard, LotBoardRow>(&log).unwrap());
    there_and_back(rows_of::<LotLinks, LotLinkRow>(&log).unwrap());
    there_and_back(rows_of::<Shipments, ShipmentRow>(&log).unwrap());
    there_and_back(rows_of::<Inspections, InspectionRow>(&log).unwrap());
    there_and_back(rows_of::<TemperatureReadings, TemperatureReadingRow>(&log).unwrap());
    there_and_back(rows_of::<Deviations, DeviationRow>(&log).unwrap());
    there_and_back(rows_of::<Partners, PartnerRow>(&log).unwrap());
}

#[test]
fn every_table_begins_its_key_with_the_tenant_and_has_a_name_of_its_own() {
    let mut names: Vec<_> = Vec::new();
    for table in contexts::models().iter().flat_map(|model| (model.tables)()) {
        assert_eq!(table.columns[0].name, "tenant");
        for column in table.indexes.iter().copied().flatten() {
            assert!(table.column(column).is_some(), "{}: index over {column}", table.name);
        }
        names.push(table.name);
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[tokio::test]
async fn an_aggregate_is_told_as_of_a_version_a_position_and_a_time() {
    let plant = Plant::new();
    let lot = plant.raw(200_000).await;
    let created = plant.store.head().await.unwrap();
    plant.pass_time(TimeDelta::hours(1));
    plant.release(&lot).await;
    let released = plant.store.head().await.unwrap();
    let stream = StreamKey::new(plant.caller.tenant, Lot::CATEGORY, lot.lot_id.to_string());
    let events = &*plant.store;
    let status = async |at: At| {
        let as_of = as_of::<Lot>(events, &stream, at).await.unwrap();
        as_of.state.existing().map(|lot| lot.status)
    };
    assert_eq!(status(At::Version(0)).await, None);
    assert_eq!(status(At::Version(1)).await, Some(LotStatus::Created));
    assert_eq!(status(At::Version(u64::MAX)).await, Some(LotStatus::Released));
    assert_eq!(status(At::Position(created)).await, Some(LotStatus::Created));
    assert_eq!(status(At::Position(0)).await, None);
    assert_eq!(status(At::Position(released)).await, Some(LotStatus::Released));
    let past = history(events, &stream, 0, 100).await.unwrap();
    assert_eq!(status(At::Time(past[0].recorded_at)).await, Some(LotStatus::Created));
    assert_eq!(status(At::Time(past[0].recorded_at - TimeDelta::milliseconds(1))).await, None);
    assert_eq!(status(At::Time(past[0].recorded_at + TimeDelta::hours(2))).await, Some(LotStatus::Released));
    assert_eq!(history(events, &stream, 1, 1).await.unwrap(), past[1..2]);
}
