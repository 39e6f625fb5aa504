//! The whole way of a command through `CqrsFramework::execute`: load, decide, append.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use cqrs_es::AggregateError;
use postgres_es::{PostgresCqrs, postgres_cqrs, postgres_snapshot_cqrs};
use sqlx::PgPool;

use crate::Load;
use crate::aggregate::{Lot, UseLot, note};
use crate::report::{Latencies, Report};

const EVENTS_A_STREAM: i32 = 50;
const EVENTS_A_SNAPSHOT: usize = 10;

pub async fn measure(
    pool: &PgPool,
    load: Load,
    streams: u32,
    snapshots: bool,
) -> Result<Report, Box<dyn Error>> {
    seed(pool, streams).await?;
    let framework = Arc::new(if snapshots {
        postgres_snapshot_cqrs::<Lot>(pool.clone(), vec![], EVENTS_A_SNAPSHOT, ())
    } else {
        postgres_cqrs::<Lot>(pool.clone(), vec![], ())
    });
    let begun = Instant::now();
    let callers: Vec<_> = (0..load.callers)
        .map(|caller| tokio::spawn(one_caller(framework.clone(), caller as u64, begun, load, streams)))
        .collect();
    let mut latencies = Latencies::default();
    for caller in callers {
        latencies.join(caller.await??);
    }
    let name = if snapshots { "cqrs-es 0.5, snapshots" } else { "cqrs-es 0.5" };
    Ok(Report::new("command", name, load, begun.elapsed(), latencies))
}

async fn seed(pool: &PgPool, streams: u32) -> Result<(), sqlx::Error> {
    let last = i32::try_from(streams).unwrap_or(i32::MAX) - 1;
    sqlx::query(
        "insert into events select 'lot', 'stream-' || s, e, 'LotUsed', '1',
             json_build_object('LotUsed', json_build_object('grams', 1000, 'note', $3::text)), '{}'
         from generate_series(0, $1) s, generate_series(1, $2) e",
    )
    .bind(last)
    .bind(EVENTS_A_STREAM)
    .bind(note())
    .execute(pool)
    .await?;
    sqlx::query(
        "insert into snapshots select 'lot', 'stream-' || s, $2, $2 / $3,
             json_build_object('used_grams', $2 * 1000, 'uses', $2)
         from generate_series(0, $1) s",
    )
    .bind(last)
    .bind(EVENTS_A_STREAM)
    .bind(EVENTS_A_SNAPSHOT as i32)
    .execute(pool)
    .await?;
    sqlx::query("vacuum analyze").execute(pool).await?;
    Ok(())
}

async fn one_caller(
    framework: Arc<PostgresCqrs<Lot>>,
    caller: u64,
    begun: Instant,
    load: Load,
    streams: u32,
) -> Result<Latencies, AggregateError<std::convert::Infallible>> {
    let mut latencies = Latencies::default();
    let mut state = caller.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    while begun.elapsed() < load.lasting {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let stream = format!("stream-{}", (state >> 33) % u64::from(streams));
        let asked = Instant::now();
        loop {
            match framework.execute(&stream, UseLot { grams: 1 }).await {
                Ok(()) => break,
                Err(AggregateError::AggregateConflict) => latencies.conflicts += 1,
                Err(other) => return Err(other),
            }
        }
        latencies.add(asked.elapsed());
    }
    Ok(latencies)
}
