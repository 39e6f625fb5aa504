use std::{sync::Arc, time::Duration};

use domain::reactions::ReactionRefused;
use uuid::Uuid;

use super::{ProcessManager, Reaction, RecordRefusedReaction};
use crate::{
    engine::{Caller, CommandError, Engine, Envelope},
    ports::{CheckpointStore, LogFilter, Position, RecordedEvent, StoreError},
};

const PAGE: usize = 256;
/// Looks at the log at least this often, woken or not.
const POLL: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Brings the log's events to a process manager, in order, and runs the commands that it wants.
///
/// A refused command is noted and closed; a technical failure is tried again, 1 s doubling to 5 min, before anything
/// later is looked at.
pub struct ProcessRunner<P> {
    engine: Engine,
    checkpoints: Arc<dyn CheckpointStore>,
    process: P,
}

impl<P: ProcessManager> ProcessRunner<P> {
    /// A runner over the engine's log.
    pub fn new(engine: Engine, checkpoints: Arc<dyn CheckpointStore>, process: P) -> Self {
        Self { engine, checkpoints, process }
    }

    /// Runs until it is dropped; safe to drop at any moment.
    pub async fn run(self) {
        let mut wake_up = self.engine.ports().store.wake_up();
        loop {
            match self.catch_up().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(process = P::NAME, %error, "a process manager waits for the store");
                }
            }
            tokio::select! {
                changed = wake_up.changed() => if changed.is_err() { tokio::time::sleep(POLL).await },
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Handles one page of the log. `true`: there may be more.
    pub async fn catch_up(&self) -> Result<bool, StoreError> {
        let from = self.checkpoints.load_checkpoint(P::NAME).await?;
        let categories = P::CATEGORIES.iter().map(|category| (*category).into()).collect();
        let filter = LogFilter { categories, event_types: Vec::new() };
        let page = self.engine.ports().store.read_log(from, &filter, PAGE).await?;
        for event in &page.events {
            self.handle(event).await;
        }
        self.moved(from, page.read_through).await
    }

    async fn moved(&self, from: Position, to: Position) -> Result<bool, StoreError> {
        if to == from {
            return Ok(false);
        }
        // Should another process have moved it first, its commands had the same ids as these.
        self.checkpoints.advance_checkpoint(P::NAME, from, to).await?;
        Ok(true)
    }

    async fn handle(&self, event: &RecordedEvent) {
        let reactions = match self.process.react(event) {
            Ok(reactions) => reactions,
            Err(fault) => {
                // An event that cannot be read now can be neither acted on nor waited for without stopping all later ones.
                tracing::error!(process = P::NAME, position = event.position, %fault, "a process manager cannot read an event and passes over it");
                metrics::counter!("cairn_process_faults_total", "process" => P::NAME).increment(1);
                return;
            }
        };
        for reaction in reactions {
            self.run_to_an_answer(event, &reaction).await;
        }
    }

    async fn run_to_an_answer(&self, event: &RecordedEvent, reaction: &Reaction) {
        let mut pause = FIRST_PAUSE;
        while let Err(error) = self.try_once(event, reaction).await {
            tracing::warn!(process = P::NAME, command = reaction.command, %error, ?pause, "a process manager tries again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// `Err`: a technical failure; nothing was answered.
    async fn try_once(&self, event: &RecordedEvent, reaction: &Reaction) -> Result<(), CommandError> {
        let command_id = reaction.command_id(P::NAME, event.event_id);
        match (reaction.run)(self.engine.clone(), self.envelope(event, command_id)).await {
            Err(error) if !error.is_technical() => {
                tracing::info!(
                    process = P::NAME,
                    command = reaction.command,
                    code = error.code(),
                    "a reaction was refused and is closed"
                );
                let refused = ReactionRefused {
                    process: P::NAME.to_owned(),
                    step: reaction.step.clone(),
                    command: reaction.command.to_owned(),
                    code: error.code().to_owned(),
                    message: error.to_string(),
                };
                let note = RecordRefusedReaction { command_id, refused };
                let note_id = Uuid::new_v5(&command_id, b"refused");
                self.engine.execute(self.envelope(event, note_id), note).await.map(|_done| ())
            }
            answered => answered,
        }
    }

    fn envelope(&self, event: &RecordedEvent, command_id: Uuid) -> Envelope {
        Envelope {
            key_given: true,
            correlation_id: event.metadata.correlation_id,
            causation_id: Some(event.event_id),
            traceparent: event.metadata.traceparent.clone(),
            ..Envelope::new(Caller::system(event.stream.tenant), command_id)
        }
    }
}
