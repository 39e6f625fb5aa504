//! Appending alone: no load, no decision, straight into the repository of postgres-es.

use std::error::Error;
use std::time::Instant;

use cqrs_es::persist::{PersistedEventRepository, SerializedEvent};
use postgres_es::PostgresEventRepository;
use sqlx::PgPool;

use crate::Load;
use crate::aggregate::{Lot, LotEvent, note};
use crate::report::{Latencies, Report};

pub async fn measure(pool: &PgPool, load: Load) -> Result<Report, Box<dyn Error>> {
    let begun = Instant::now();
    let callers: Vec<_> =
        (0..load.callers).map(|caller| tokio::spawn(one_caller(pool.clone(), caller, begun, load))).collect();
    let mut latencies = Latencies::default();
    for caller in callers {
        latencies.join(caller.await??);
    }
    Ok(Report::new("append", "postgres-es 0.5", load, begun.elapsed(), latencies))
}

async fn one_caller(
    pool: PgPool,
    caller: usize,
    begun: Instant,
    load: Load,
) -> Result<Latencies, cqrs_es::persist::PersistenceError> {
    let repository = PostgresEventRepository::new(pool);
    let aggregate = format!("caller-{caller}-{}", uuid::Uuid::new_v4());
    let mut latencies = Latencies::default();
    let mut sequence = 0;
    while begun.elapsed() < load.lasting {
        sequence += 1;
        let payload =
            serde_json::to_value(LotEvent::LotUsed { grams: 1000, note: note() }).unwrap_or_default();
        let event = SerializedEvent::new(
            aggregate.clone(),
            sequence,
            "lot".into(),
            "LotUsed".into(),
            "1".into(),
            payload,
            serde_json::json!({}),
        );
        let asked = Instant::now();
        repository.persist::<Lot>(&[event], None).await?;
        latencies.add(asked.elapsed());
    }
    Ok(latencies)
}
