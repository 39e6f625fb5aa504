//! Readers are woken. They would also find the events by asking: these tests only wait for the hint, without a clock.

use commands::ports::EventStore;

use crate::{
    fixtures::{append_one, commit, lot, tenant, write},
    harness::Harness,
};

async fn wakes(writer: &std::sync::Arc<impl EventStore>, reader: &std::sync::Arc<impl EventStore>) {
    let tenant = tenant();
    let mut wake_up = reader.wake_up();
    wake_up.borrow_and_update();
    for version in 0..3 {
        let head = version + 1;
        append_one(writer, &commit(tenant, vec![write(&lot(tenant, "a"), version, 1)])).await;
        wake_up.wait_for(|known| *known >= head).await.unwrap();
        assert!(reader.head().await.unwrap() >= head);
    }
}

pub async fn an_append_wakes_a_reader_of_the_same_store(harness: &impl Harness) {
    let store = harness.open().await;
    wakes(&store, &store).await;
}

pub async fn an_append_wakes_a_reader_of_another_store(harness: &impl Harness) {
    wakes(&harness.open().await, &harness.open().await).await;
}
