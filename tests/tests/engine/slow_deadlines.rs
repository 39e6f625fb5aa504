//! However slow a tenant's deadlines are, the others' have their turn, and nobody takes them over for it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{TimeDelta, Utc};
use commands::{
    engine::EngineConfig,
    ports::{EventStore, LogLayer, Past, PastQuery, StoreError},
    process::{CommandRegistry, DEADLINES, DeadlineRunner},
};
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    Plant,
    stores::Shared,
    tally::{Change, ChangeLater},
};

/// Answers nobody who asks for the stream of the first tenant that is called so, until it is told to.
const HOT: &str = "hot";

struct Slow {
    log: Arc<dyn EventStore>,
    answers: watch::Sender<bool>,
}

#[async_trait]
impl LogLayer for Slow {
    fn below(&self) -> Arc<dyn EventStore> {
        Arc::clone(&self.log)
    }

    async fn load_pasts(&self, asked: &[PastQuery], limit: usize) -> Result<Vec<Past>, StoreError> {
        if asked.iter().any(|query| query.stream.tenant.as_u128() == 1 && &*query.stream.id == HOT) {
            let mut answers = self.answers.subscribe();
            let _told = answers.wait_for(|answers| *answers).await;
        }
        self.log.load_pasts(asked, limit).await
    }
}

async fn comes_to(plant: &Plant, id: &str, count: i64) {
    let comes = async {
        while plant.count(id).await < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), comes).await.unwrap();
}

/// More than a page of them, and more than a tenant may have in flight.
const SLOW: i64 = 1_500;

#[tokio::test]
async fn a_tenant_whose_deadlines_are_slow_holds_up_nobody_else() {
    let (store, plant) = Shared::in_memory().process().await;
    let other = plant.as_tenant(2);
    let past = Utc::now() - TimeDelta::hours(1);
    for _ in 0..SLOW {
        let change = Change { id: HOT.to_owned(), by: 1 };
        plant.give(ChangeLater { change, due_at: past }).await.unwrap();
    }
    let change = Change { id: "mine".to_owned(), by: 10 };
    other.give(ChangeLater { change, due_at: past + TimeDelta::minutes(1) }).await.unwrap();
    let slow = Arc::new(Slow { log: Arc::clone(&plant.store), answers: watch::Sender::new(false) });
    let fires = Plant::over(Arc::clone(&slow) as _, Arc::clone(&store) as _, EngineConfig::default());
    let registry = CommandRegistry::default().with::<Change>();
    let runner = Arc::new(DeadlineRunner::new(fires.engine.clone(), Arc::clone(&store) as _, registry));
    let running = tokio::spawn(Arc::clone(&runner).run());
    comes_to(&other, "mine", 11).await;
    assert_eq!(plant.count(HOT).await, SLOW, "the slow ones run still");
    let taken = store.claim_lease(DEADLINES, Uuid::now_v7(), Duration::from_secs(10)).await.unwrap();
    assert_eq!(taken, None);
    slow.answers.send_replace(true);
    // Those that waited with their tenant come a little later.
    comes_to(&plant, HOT, SLOW + 1_024).await;
    running.abort();
    let _aborted = running.await;
    runner.stop().await;
    let open = store.due_deadlines(Utc::now() + TimeDelta::days(1), 2_000).await.unwrap().len();
    assert_eq!(
        i64::try_from(open).unwrap(),
        2 * SLOW - plant.count(HOT).await,
        "none is lost, each is settled"
    );
}
