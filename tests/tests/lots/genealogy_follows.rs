//! The genealogy follows a log that goes on, and starts again from its image.

use std::{sync::Arc, time::Duration};

use adapters_store::read::sqlite_read_store;
use commands::ports::{EventStore, Position};
use domain::lots::{LotStatus, LotType};
use projections::{
    lots::genealogy::{Genealogy, GenealogyOptions, LotRef},
    ports::ReadStore,
};

use super::plant::Plant;

const SOON: Duration = Duration::from_secs(20);

fn start(plant: &Plant, images: Option<&Arc<dyn ReadStore>>) -> Arc<Genealogy> {
    Genealogy::start(Arc::clone(&plant.store), images.cloned(), GenealogyOptions::default())
}

async fn head(plant: &Plant) -> Position {
    plant.store.head().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_genealogy_follows_the_log_while_questions_are_asked() {
    let plant = Plant::new();
    let raw = plant.released_raw(100_000).await;
    let genealogy = start(&plant, None);
    genealogy.wait_for(head(&plant).await, SOON).await.unwrap();
    let (asked, tenant) = (Arc::clone(&genealogy), plant.caller.tenant);
    let asking = tokio::task::spawn_blocking(move || {
        let mut known = 0;
        while known < 40 {
            let scope = asked.recall_scope(tenant, LotRef::Id(raw), None).unwrap();
            assert!(scope.descendant_count() >= known, "nothing leaves a recall");
            assert_eq!(scope.balance.in_grams(), scope.balance.out_grams());
            let then = asked.recall_scope(tenant, LotRef::Id(raw), Some(scope.position)).unwrap();
            assert_eq!(then.descendants(), scope.descendants(), "an answer holds while the log goes on");
            known = scope.descendant_count();
        }
    });
    for _ in 0..40 {
        plant.produce(LotType::Deb, &[(raw, 2_000)], 1_900).await.unwrap();
    }
    let head = head(&plant).await;
    genealogy.wait_for(head, SOON).await.unwrap();
    asking.await.unwrap();
    let scope = genealogy.recall_scope(tenant, LotRef::Id(raw), None).unwrap();
    assert_eq!((scope.descendant_count(), scope.balance.process_loss_grams), (40, 4_000));
    assert!(genealogy.wait_for(head + 1, Duration::from_millis(1)).await.is_err());
    genealogy.stop().await;
}

#[tokio::test]
async fn the_next_start_goes_on_from_the_image_and_a_foreign_or_damaged_one_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let images = sqlite_read_store(&folder.path().join("read.db")).await.unwrap();
    let plant = Plant::new();
    let raw = plant.released_raw(100_000).await;
    let first = start(&plant, Some(&images));
    first.wait_for(head(&plant).await, SOON).await.unwrap();
    first.stop().await;
    let (position, image) = images.load_image("genealogy").await.unwrap().unwrap();
    assert_eq!(position, head(&plant).await);

    let made = plant.produce(LotType::Deb, &[(raw, 2_000)], 1_900).await.unwrap().lot_id;
    let head = head(&plant).await;
    let mut damaged = image.clone();
    damaged[20] ^= 1;
    let foreign = Plant::new();
    foreign.released_raw(77_000).await;
    for kept in [image.clone(), damaged, b"nonsense".to_vec(), Vec::new()] {
        images.save_image("genealogy", position, kept).await.unwrap();
        let next = start(&plant, Some(&images));
        next.wait_for(head, SOON).await.unwrap();
        let lot = next.lot(plant.caller.tenant, LotRef::Id(raw), None).unwrap();
        assert_eq!((lot.status, lot.remaining_grams), (LotStatus::Released, 98_000));
        let scope = next.recall_scope(plant.caller.tenant, LotRef::Id(raw), None).unwrap();
        assert_eq!(scope.descendants()[0].lot.lot_id, made);
        next.stop().await;
    }

    images.save_image("genealogy", position, image).await.unwrap();
    let other = start(&foreign, Some(&images));
    other.wait_for(foreign.store.head().await.unwrap(), SOON).await.unwrap();
    assert!(other.lot(plant.caller.tenant, LotRef::Id(raw), None).is_err());
    let code = LotRef::Code("RAW-20260302-DUNA-0001");
    assert_eq!(other.lot(plant.caller.tenant, code, None).unwrap().weight_grams, 77_000);
    other.stop().await;
}
