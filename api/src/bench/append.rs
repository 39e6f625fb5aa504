//! How many commits a second are on the disk when they are answered.

use std::sync::Arc;

use clap::Args;
use commands::{
    engine::{CommitError, Committer, CommitterConfig},
    ports::{AppendOutcome, Commit, NewEvent, StreamKey, StreamWrite, TenantId},
};
use uuid::Uuid;

use super::{
    Report,
    load::{LoadArgs, drive},
    past,
    scratch::{self, Scratch},
    server::Server,
};

/// What `cairn bench append` is asked.
#[derive(Debug, Args)]
pub struct AppendArgs {
    #[command(flatten)]
    pub load: LoadArgs,
    /// One durable write for each commit, instead of one for all that wait: what group commit is worth
    #[arg(long)]
    pub single: bool,
    /// A new stream for each commit, instead of one stream for each caller
    #[arg(long)]
    pub new_streams: bool,
    /// The size of an event's payload
    #[arg(long, value_name = "N", default_value_t = 250, value_parser = clap::value_parser!(u32).range(16..=65_536))]
    pub event_bytes: u32,
    /// Servers of the same database beside it, that nobody asks: the first follows the log, every further one stands by.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub beside: u32,
}

/// A commit was not stored.
#[derive(Debug, thiserror::Error)]
enum NotStored {
    #[error("the queue is full")]
    Overloaded,
    #[error("the commit has no outcome")]
    Failed(#[from] CommitError),
    #[error("the commit was not appended: {0}")]
    NotAppended(String),
}

/// Measures it.
pub async fn run(args: &AppendArgs) -> anyhow::Result<Report> {
    let mut report = Report::begin("append");
    scratch::within(&args.load, &mut report, async |scratch, report| measure(args, scratch, report).await)
        .await?;
    Ok(report)
}

async fn measure(args: &AppendArgs, scratch: &Scratch, report: &mut Report) -> anyhow::Result<()> {
    report.fact("event_bytes", args.event_bytes);
    report.fact("writes", if args.single { "one commit each" } else { "all that wait" });
    report.fact("streams", if args.new_streams { "one a commit" } else { "one a caller" });
    let batch_commits = if args.single { 1 } else { CommitterConfig::default().batch_commits };
    let config = CommitterConfig { batch_commits, ..CommitterConfig::default() };
    report.fact("beside", args.beside);
    let mut beside = Vec::new();
    for _ in 0..args.beside {
        let server = Server::start(&scratch.url, &scratch.directory).await?;
        server.ready().await?;
        beside.push(server);
    }
    let committer = Committer::start(Arc::clone(&scratch.stores.events), config);
    let writer = Arc::new(Writer::new(committer.clone(), args));
    let measured = drive(&args.load, move |caller, turn| {
        let writer = Arc::clone(&writer);
        async move { writer.commit(caller, turn).await }
    })
    .await?;
    committer.shutdown().await;
    for server in beside {
        server.stop().await?;
    }
    measured.report(report, "", "commits");
    // What was answered is in the log: a figure for commits that are not there would be worth nothing.
    let stored = scratch.stores.events.head().await?;
    let counted = measured.micros.len() as u64;
    anyhow::ensure!(stored >= counted, "{counted} commits were answered, {stored} are in the log");
    report.figure("log_events", stored as f64);
    Ok(())
}

/// Makes commits and waits until they are stored.
struct Writer {
    committer: Committer,
    tenant: TenantId,
    payload: Arc<str>,
    /// The streams of the callers, or none when each commit opens its own.
    streams: Option<Vec<Arc<str>>>,
}

impl Writer {
    fn new(committer: Committer, args: &AppendArgs) -> Self {
        let streams = (0..args.load.callers).map(|_| Arc::from(Uuid::now_v7().to_string())).collect();
        let filling = "x".repeat(args.event_bytes as usize - r#"{"text":""}"#.len());
        Self {
            committer,
            tenant: Uuid::now_v7(),
            payload: Arc::from(format!(r#"{{"text":"{filling}"}}"#)),
            streams: (!args.new_streams).then_some(streams),
        }
    }

    async fn commit(&self, caller: u32, turn: u64) -> Result<(), NotStored> {
        let (stream, version) = match &self.streams {
            Some(streams) => (Arc::clone(&streams[caller as usize]), turn),
            None => (Arc::from(Uuid::now_v7().to_string()), 0),
        };
        let ticket =
            self.committer.submit(self.commit_of(stream, version)).map_err(|_| NotStored::Overloaded)?;
        match ticket.await? {
            AppendOutcome::Appended(_) => Ok(()),
            other => Err(NotStored::NotAppended(format!("{other:?}"))),
        }
    }

    fn commit_of(&self, stream: Arc<str>, expected_version: u64) -> Commit {
        let event = NewEvent {
            event_id: Uuid::now_v7(),
            event_type: "BenchmarkNoted",
            schema_version: 1,
            payload: Arc::clone(&self.payload),
        };
        let stream = StreamKey::new(self.tenant, "benchmark", stream);
        past::commit(
            self.tenant,
            vec![StreamWrite { stream, expected_version, expected_event: None, events: vec![event] }],
        )
    }
}
