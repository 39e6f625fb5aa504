use std::collections::BTreeMap;

use chrono::TimeZone;
use commands::{
    engine::decode_event,
    ports::{LogFilter, RecordedEvent},
};
use domain::lots::{LotEvent, LotStatus, LotType};

use super::*;
use crate::compose::StoreUrl;

fn saturday() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 7, 9, 0, 0).unwrap()
}

#[test]
fn the_demo_plants_id_follows_from_its_name() {
    assert_eq!(TENANT, crate::config::tenant_id(SLUG));
}

async fn loaded(stores: &Stores, now: DateTime<Utc>) -> DemoPlant {
    load(stores, now, &|_phase, _answered| {}).await.unwrap()
}

async fn whole_log(stores: &Stores) -> Vec<RecordedEvent> {
    stores.events.read_log(0, &LogFilter::default(), 100_000).await.unwrap().events
}

#[tokio::test]
async fn the_demo_plant_makes_ships_holds_and_rejects() {
    let stores = Stores::open(&StoreUrl::Memory).await.unwrap();
    let plant = loaded(&stores, saturday()).await;
    assert_eq!((plant.lots, plant.commands, plant.commands_known), (548, COMMANDS, 0));
    assert_eq!(plant.first_day.to_string(), "2026-03-03");
    assert_eq!(plant.worth_trying[0].code.as_str(), "RAW-20260303-DUNA-0001");
    assert_eq!(plant.worth_trying.len(), WORTH_TRYING.len());

    let mut lots = BTreeMap::new();
    let (mut consignees, mut written_off) = (std::collections::BTreeSet::new(), 0);
    for event in whole_log(&stores).await.iter().filter(|event| event.stream.category == "lot") {
        let status = match decode_event::<LotEvent>(event).unwrap() {
            LotEvent::LotCreated(created) => {
                lots.insert(event.stream.id.clone(), (created.lot_type, created.status_after));
                continue;
            }
            LotEvent::LotShipped(shipped) => {
                consignees.insert(shipped.consignee.name);
                continue;
            }
            LotEvent::LotWrittenOff(_) => {
                written_off += 1;
                continue;
            }
            LotEvent::LotRegistered(registered) => registered.status_after,
            LotEvent::LotReleased(released) => released.status_after,
            LotEvent::LotHeld(held) => held.status_after,
            LotEvent::LotRejected(rejected) => rejected.status_after,
            LotEvent::LotConsumed(consumed) => consumed.status_after,
            LotEvent::LotFinished(finished) => finished.status_after,
            _ => continue,
        };
        lots.get_mut(&event.stream.id).unwrap().1 = status;
    }
    let count = |lot_type, status| lots.values().filter(|lot| **lot == (lot_type, status)).count();
    let standing = |status| lots.values().filter(|lot| lot.1 == status).count();
    assert_eq!(count(LotType::Skw15, LotStatus::Rejected), 1);
    assert_eq!(count(LotType::Raw, LotStatus::Rejected), 1);
    assert_eq!(standing(LotStatus::Hold), 2);
    assert_eq!(count(LotType::Ship, LotStatus::Finished), 7);
    assert_eq!(count(LotType::Raw, LotStatus::Finished), 8, "two days are closed back to their deliveries");
    assert_eq!((consignees.len(), written_off), (5, 4));
}

#[tokio::test]
async fn loading_the_demo_plant_again_on_another_day_changes_nothing() {
    let stores = Stores::open(&StoreUrl::Memory).await.unwrap();
    let first = loaded(&stores, saturday()).await;
    let head = stores.events.head().await.unwrap();
    let again = loaded(&stores, saturday() + Days::new(3)).await;
    assert_eq!(stores.events.head().await.unwrap(), head);
    assert_eq!(again, DemoPlant { commands_known: COMMANDS, ..first });
}

#[tokio::test]
async fn an_interrupted_load_goes_on_with_its_own_days() {
    let stores = Stores::open(&StoreUrl::Memory).await.unwrap();
    let enough = tokio::sync::Notify::new();
    let watcher = |_phase: Option<&str>, answered| {
        if answered == 700 {
            enough.notify_one();
        }
    };
    tokio::select! {
        _ = load(&stores, saturday(), &watcher) => panic!("it was to be interrupted"),
        () = enough.notified() => {}
    }
    let plant = loaded(&stores, saturday() + Days::new(2)).await;
    assert_eq!((plant.lots, plant.first_day.to_string().as_str()), (548, "2026-03-03"));
    assert!(plant.commands_known >= 700 && plant.commands_known < COMMANDS);
}
