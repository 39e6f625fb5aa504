use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_trait::async_trait;
use commands::{
    engine::{Engine, EngineConfig},
    lots::{LotFinisher, with_lot_commands},
    ports::{EventStore, Position, StoreError, TenantDirectory},
    process::{CommandRegistry, DeadlineRunner, ProcessRunner},
};
use futures::FutureExt;
use projections::{
    lots::genealogy::{Genealogy, GenealogyOptions},
    ports::ReadStoreError,
    runner::{ReadSide, ReadSideOptions},
};
use tokio::task::JoinHandle;

use super::{StoreUrl, Stores, open_read_store};
use crate::http::{Readiness, ReadinessCheck};

/// Why a process cannot begin to serve.
#[derive(Debug, thiserror::Error)]
pub enum CannotServe {
    /// The log does not answer.
    #[error("the log cannot be read")]
    Events(#[from] StoreError),
    /// The read models cannot be opened.
    #[error("the read models cannot be opened")]
    Rows(#[from] ReadStoreError),
}

/// Everything that runs in a serving process behind its edge: the engine, the read models, process managers, deadlines.
pub struct Serving {
    /// Runs commands.
    pub engine: Engine,
    /// Answers queries.
    pub read_side: Arc<ReadSide>,
    /// Traces lots.
    pub genealogy: Arc<Genealogy>,
    head_at_start: Position,
    background: Vec<JoinHandle<()>>,
}

impl Serving {
    /// Starts it all over a log. Read models that are not there yet are built in the background.
    ///
    /// # Errors
    /// When the log or the read models cannot be opened.
    pub async fn start(
        stores: &Stores,
        url: &StoreUrl,
        tenants: Arc<dyn TenantDirectory>,
    ) -> Result<Self, CannotServe> {
        let rows = open_read_store(url).await?;
        let head_at_start = stores.events.head().await?;
        let engine = stores.engine(tenants, EngineConfig::default());
        let events = Arc::clone(&stores.events);
        let options = GenealogyOptions { head_at_start, ..GenealogyOptions::default() };
        let genealogy = Genealogy::start(Arc::clone(&events), Some(Arc::clone(&rows)), options);
        let read_side =
            ReadSide::start(events, rows, projections::lots::models(), ReadSideOptions::default());
        let finisher = ProcessRunner::new(engine.clone(), Arc::clone(&stores.checkpoints), LotFinisher);
        let registry = with_lot_commands(CommandRegistry::default());
        let deadlines = DeadlineRunner::new(engine.clone(), Arc::clone(&stores.deadlines), registry);
        let (finisher, deadlines) = (Arc::new(finisher), Arc::new(deadlines));
        let background = vec![
            tokio::spawn(kept_running("lot_finisher", move || Arc::clone(&finisher).run())),
            tokio::spawn(kept_running("deadlines", move || Arc::clone(&deadlines).run())),
        ];
        Ok(Self { engine, read_side, genealogy, head_at_start, background })
    }

    /// Says whether it is ready: the log answers and every read model has caught up.
    pub fn readiness(&self) -> Arc<dyn Readiness> {
        Arc::new(CaughtUp {
            events: Arc::clone(self.read_side.events()),
            read_side: Arc::clone(&self.read_side),
            genealogy: Arc::clone(&self.genealogy),
            head_at_start: self.head_at_start,
        })
    }

    /// Lets the commands that were accepted end, and leaves the read models to others at once.
    pub async fn stop(self) {
        for task in &self.background {
            // Both are safe to drop at any moment: what they do has derived ids and is found again.
            task.abort();
        }
        self.engine.shutdown().await;
        self.read_side.stop().await;
        self.genealogy.stop().await;
    }
}

/// How long what died waits before it is started again.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Starts a background task again should it ever end or die: a panic of it must not end it unseen.
async fn kept_running<F: Future<Output = ()>>(task: &'static str, run: impl Fn() -> F) {
    loop {
        let died = AssertUnwindSafe(run()).catch_unwind().await.is_err();
        tracing::error!(task, died, "a background task ended; it is started again");
        metrics::counter!("cairn_background_restarts_total", "task" => task).increment(1);
        tokio::time::sleep(RESTART_PAUSE).await;
    }
}

struct CaughtUp {
    events: Arc<dyn EventStore>,
    read_side: Arc<ReadSide>,
    genealogy: Arc<Genealogy>,
    head_at_start: Position,
}

/// A read model that has caught up once counts as ready while it stays this close behind the log.
const CLOSE_BEHIND: u64 = 1_000;

#[async_trait]
impl Readiness for CaughtUp {
    async fn check(&self) -> Vec<ReadinessCheck> {
        // The positions first: the head that is read after them lies behind none of them, if they are of this log.
        let rows = self.read_side.lags().into_iter().map(|lag| (lag.model, lag.position));
        let positions: Vec<_> = rows.chain([("genealogy", Some(self.genealogy.position()))]).collect();
        let head = self.events.head().await;
        let mut checks = vec![ReadinessCheck {
            name: "event_store".into(),
            ready: head.is_ok(),
            detail: head.as_ref().map_or_else(|_lost| "does not answer".to_owned(), |_| "answers".to_owned()),
        }];
        let (head, due) = (head.ok(), self.head_at_start);
        checks.extend(positions.into_iter().map(|(name, position)| standing(name, position, head, due)));
        checks
    }
}

/// What a read model's position says. It must have reached `due` once, or the head of a log that ends before it. None for
/// a head: the log does not answer, so that nothing can be said of it.
fn standing(
    name: &'static str,
    position: Option<Position>,
    head: Option<Position>,
    due: Position,
) -> ReadinessCheck {
    let (ready, detail) = match (position, head) {
        (None, _) => (false, "is being built".to_owned()),
        (Some(_), None) => (false, "the log does not answer".to_owned()),
        (Some(position), Some(head)) => match head.checked_sub(position) {
            Some(behind) => {
                (position >= due.min(head) && behind <= CLOSE_BEHIND, format!("{behind} events behind"))
            }
            None => (false, "is ahead of the log, which was replaced".to_owned()),
        },
    };
    ReadinessCheck { name: name.into(), ready, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_does_not_answer_is_not_said_to_be_replaced() {
        let said = |position, head| {
            let check = standing("lots", position, head, 100);
            (check.ready, check.detail)
        };
        assert_eq!(said(Some(300), None), (false, "the log does not answer".to_owned()));
        assert_eq!(said(Some(300), Some(300)), (true, "0 events behind".to_owned()));
        assert_eq!(said(Some(300), Some(200)).1, "is ahead of the log, which was replaced");
        assert_eq!(said(Some(50), Some(50)), (true, "0 events behind".to_owned()), "a shorter log");
        assert_eq!(said(None, None).1, "is being built");
    }
}
