use std::{sync::Arc, time::Duration};

use crate::ports::EventStore;

/// Answers forgotten in one step: a few milliseconds of the store's, between which appends have their turn.
const STEP: usize = 500;
const BETWEEN_STEPS: Duration = Duration::from_millis(25);
/// How often it is looked whether there is something to forget. Nobody waits for it: a look-up judges an answer by its age.
const EVERY: Duration = Duration::from_secs(600);

/// Forgets answers whose time is over, in small steps, until it is dropped; safe to drop at any moment, and harmless when several
/// processes do it at once.
pub async fn forget_old_answers(store: Arc<dyn EventStore>) {
    loop {
        match store.prune_answers(STEP).await {
            Ok(forgotten) => {
                metrics::counter!("cairn_answers_forgotten_total").increment(forgotten as u64);
                let pause = if forgotten < STEP { EVERY } else { BETWEEN_STEPS };
                tokio::time::sleep(pause).await;
            }
            Err(error) => {
                tracing::warn!(%error, "old answers stay for a while");
                tokio::time::sleep(EVERY).await;
            }
        }
    }
}
