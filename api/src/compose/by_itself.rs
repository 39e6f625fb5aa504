use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use commands::{
    engine::{Engine, forget_old_answers},
    ports::CheckpointStore,
    process::{
        DEADLINES, DeadlineRunner, ParkedReaction, ProcessManager, ProcessOptions, ProcessRunner,
        ProcessStanding, UnreadableReaction,
    },
    tail::Tail,
};
use futures::FutureExt;
use tokio::task::JoinHandle;

use super::Stores;
use crate::{
    contexts::{self, EachProcess},
    http::ReadinessCheck,
};

/// What happens by itself in a serving process: process managers and deadlines, and that old answers are forgotten.
pub(super) struct ByItself {
    processes: Vec<Arc<ProcessRunner>>,
    deadlines: Arc<DeadlineRunner>,
    tasks: Vec<JoinHandle<()>>,
}

impl ByItself {
    /// Starts it all.
    pub(super) fn start(stores: &Stores, engine: &Engine, tail: &Tail, options: ProcessOptions) -> Self {
        let mut runners = Runners { stores, engine, tail, options, runners: Vec::new() };
        contexts::each_process(&mut runners);
        let processes = runners.runners;
        let registry = contexts::commands_run_later();
        let store = Arc::clone(&stores.deadlines);
        let deadlines = Arc::new(DeadlineRunner::with_options(engine.clone(), store, registry, options));
        let mut tasks: Vec<_> = processes
            .iter()
            .map(|process| {
                let process = Arc::clone(process);
                tokio::spawn(kept_running(process.name(), move || Arc::clone(&process).run()))
            })
            .collect();
        let firing = Arc::clone(&deadlines);
        tasks.push(tokio::spawn(kept_running(DEADLINES, move || Arc::clone(&firing).run())));
        let answers = Arc::clone(&stores.events);
        let forgetting = kept_running("old_answers", move || forget_old_answers(Arc::clone(&answers)));
        tasks.push(tokio::spawn(forgetting));
        Self { processes, deadlines, tasks }
    }

    /// Leaves it to other processes at once. What is under way has derived ids, and is found again.
    pub(super) async fn stop(&self) {
        for task in &self.tasks {
            task.abort();
        }
        for process in &self.processes {
            process.stop().await;
        }
        self.deadlines.stop().await;
    }

    /// What each process manager is at.
    pub(super) fn standing(&self) -> Vec<ReadinessCheck> {
        self.processes.iter().map(|process| standing(process.name(), process.standing())).collect()
    }
}

/// Makes the runner of each process manager.
struct Runners<'a> {
    stores: &'a Stores,
    engine: &'a Engine,
    tail: &'a Tail,
    options: ProcessOptions,
    runners: Vec<Arc<ProcessRunner>>,
}

impl EachProcess for Runners<'_> {
    fn process<P: ProcessManager + Default>(&mut self) {
        let (tail, engine, options) = (self.tail.clone(), self.engine.clone(), self.options);
        let checkpoints = Arc::clone(&self.stores.checkpoints);
        let runner = ProcessRunner::following(tail, engine, checkpoints, P::default(), options);
        self.runners.push(Arc::new(runner));
    }
}

/// Never a reason to send nothing to this process: while a new release is rolled out, the old one goes on serving beside it.
fn standing(name: &'static str, standing: ProcessStanding) -> ReadinessCheck {
    let detail = match standing {
        ProcessStanding::Runs => "runs here".to_owned(),
        ProcessStanding::StandsBy => "stands by".to_owned(),
        ProcessStanding::Outdated { position, .. } => {
            format!("needs a newer program for the event at position {position}")
        }
    };
    ReadinessCheck { name: name.into(), ready: true, detail }
}

/// Stands for the process manager of what is parked and cannot be read.
const UNREADABLE: &str = "unreadable";

/// Counts what is parked, by process manager, of the deadlines, and what cannot be read.
pub(super) async fn measure_parked(checkpoints: &dyn CheckpointStore, names: &[ReadinessCheck]) {
    let Ok(all) = ParkedReaction::all(checkpoints).await else { return };
    for process in names.iter().map(|check| &*check.name).chain([DEADLINES, UNREADABLE]) {
        let process = process.to_owned();
        let count = all.iter().filter(|one| whose(one) == process).count();
        metrics::gauge!("cairn_reactions_parked", "process" => process).set(count as f64);
    }
}

fn whose(reaction: &Result<ParkedReaction, UnreadableReaction>) -> &str {
    reaction.as_ref().map_or(UNREADABLE, |reaction| &reaction.parked.process)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_manager_that_needs_a_newer_program_says_so_and_the_server_stays_ready() {
        let reason = "event type LotThawed is unknown".to_owned();
        let check =
            standing("lot_finisher", ProcessStanding::Outdated { position: 7, event_id: None, reason });
        assert!(check.ready);
        assert_eq!(check.detail, "needs a newer program for the event at position 7");
    }
}
