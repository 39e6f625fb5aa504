//! The log is restored from a backup, or is another one, beside read models that were kept: they follow it.

use std::{path::Path, sync::Arc, time::Duration};

use api::{
    compose::{ScratchDatabase, Serving, StoreUrl, Stores},
    demo,
    http::ReadinessCheck,
};
use chrono::Utc;
use commands::ports::{
    AppendOutcome, Commit, EventStore, LogFilter, NewEvent, RecordedEvent, StreamWrite, UniformSettings,
};
use projections::ports::BuildState;
use uuid::Uuid;

use crate::{server::Server, shell::Shell};

fn every_model() -> usize {
    api::contexts::models().len()
}

/// A commit that stores an event again, be it changed.
fn again(event: RecordedEvent) -> Commit {
    let new = NewEvent {
        event_id: event.event_id,
        event_type: String::leak(event.event_type.to_string()),
        schema_version: event.schema_version,
        payload: event.payload,
    };
    let write = StreamWrite {
        stream: event.stream.clone(),
        expected_version: event.version - 1,
        expected_event: None,
        events: vec![new],
    };
    Commit {
        tenant: event.stream.tenant,
        command_id: Uuid::now_v7(),
        digest: [0; 32],
        metadata: event.metadata,
        streams: vec![write],
        reply: None,
        deadlines: Vec::new(),
        decided_at: event.recorded_at,
        remember: false,
        keep_answer_for: None,
    }
}

async fn open(path: &Path) -> Arc<dyn EventStore> {
    Stores::open(&StoreUrl::Sqlite(path.to_owned())).await.unwrap().events
}

async fn all(log: &dyn EventStore) -> Vec<RecordedEvent> {
    log.read_log(0, &LogFilter::default(), usize::MAX >> 1).await.unwrap().events
}

async fn write_log(path: &Path, events: impl Iterator<Item = RecordedEvent>) {
    let commits: Vec<Commit> = events.map(again).collect();
    for outcome in open(path).await.append(&commits).await.unwrap() {
        assert!(matches!(outcome, AppendOutcome::Appended(_)), "{outcome:?}");
    }
}

/// Puts another file in the log's place; the read models' file stays.
fn put_in_place(data: &Path, other: &Path) {
    for end in ["", "-wal", "-shm"] {
        let _there_may_be_none = std::fs::remove_file(data.join(format!("cairn.db{end}")));
    }
    std::fs::rename(other, data.join("cairn.db")).unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

/// Serves until ready, and answers how many warnings told that the read models are of another log.
fn serve_until_ready(shell: &Shell) -> usize {
    let server = Server::start(shell, "");
    server.becomes_ready();
    assert_eq!(server.stop("-INT"), Some(0));
    let log = std::fs::read_to_string(shell.path().join("serve.log")).unwrap();
    log.lines().filter(|line| line.contains("read models do not follow from this log")).count()
}

/// The rows that were served are those that follow from the log that is there.
fn rows_are_right(shell: &Shell, head: usize) {
    let rebuilt = shell.json("rebuild");
    let models = rebuilt.as_array().unwrap();
    assert_eq!(models.len(), every_model());
    // The finisher sees the other log too: it may have finished lots anew whose end was cut off, behind what was put there, also
    // while the server stopped.
    let end =
        runtime().block_on(async { all(&*open(&shell.path().join("data/cairn.db")).await).await.len() });
    let told = |model: &serde_json::Value| {
        model["position"].as_u64().is_some_and(|at| (head..=end).contains(&(at as usize)))
    };
    assert!(models.iter().all(|model| model["equal"] == true && told(model)), "{head} to {end}: {rebuilt}");
}

fn a_kept_read_store_follows(other: impl FnOnce(Vec<RecordedEvent>) -> Vec<RecordedEvent>) {
    let runtime = runtime();
    let shell = Shell::with_demo();
    assert_eq!(serve_until_ready(&shell), 0);
    let data = shell.path().join("data");
    let other_log = shell.path().join("other.db");
    let head = runtime.block_on(async {
        let events = other(all(&*open(&data.join("cairn.db")).await).await);
        let head = events.len();
        write_log(&other_log, events.into_iter()).await;
        head
    });
    // Its files are whole once nobody has them open.
    drop(runtime);
    put_in_place(&data, &other_log);
    // The projector tells all that it finds at once; a first build that begins meanwhile may have found one before it.
    let told = serve_until_ready(&shell);
    assert!((1..=2).contains(&told), "{told} warnings, and not one for each read model");
    rows_are_right(&shell, head);
    assert_eq!(serve_until_ready(&shell), 0, "afterwards all is well");
}

#[test]
fn read_models_follow_a_log_that_was_restored_from_an_older_backup() {
    a_kept_read_store_follows(|mut events| {
        events.truncate(events.len() * 2 / 3);
        events
    });
}

#[test]
fn read_models_follow_another_log_of_the_same_length() {
    a_kept_read_store_follows(|mut events| {
        for event in &mut events {
            event.stream.tenant = Uuid::from_u128(7);
            event.event_id = Uuid::now_v7();
        }
        events
    });
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let patient = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), patient).await.expect(what);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_notices_that_its_database_s_log_was_restored_under_it() {
    let server = std::env::var("CAIRN_TEST_POSTGRES")
        .expect("CAIRN_TEST_POSTGRES names a server to make databases on");
    let name = format!("cairn_restored_{}", Uuid::now_v7().simple());
    let database = ScratchDatabase::create(&server, &name).await.unwrap();
    let url = database.url().to_owned();
    let tried = tokio::task::spawn_blocking(move || {
        tokio::runtime::Runtime::new().unwrap().block_on(restore_under_a_server(&url));
    })
    .await;
    database.remove().await.unwrap();
    tried.unwrap();
}

async fn restore_under_a_server(address: &str) {
    let url: StoreUrl = address.parse().unwrap();
    let stores = Stores::open(&url).await.unwrap();
    demo::load(&stores, Utc::now(), &|_, _| {}).await.unwrap();
    let serving = Serving::start(&stores, &url, Arc::new(UniformSettings::default())).await.unwrap();
    let readiness = serving.readiness();
    let is_ready = async || readiness.check().await.iter().all(|check: &ReadinessCheck| check.ready);
    until("ready at first", is_ready).await;

    let (client, connection) = tokio_postgres::connect(address, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let full = stores.events.head().await.unwrap();
    let cut = full * 2 / 3;
    let another = "update events set event_id = gen_random_uuid()";
    let restores = [format!("delete from events where position > {cut}"), another.to_owned()];
    for (round, restore) in (1..).zip(restores) {
        client.batch_execute(&restore).await.unwrap();
        let rows = serving.read_side.store();
        let is_built_anew = async || {
            let record = rows.audit(1_000).await.unwrap();
            let discarded = record.iter().filter(|entry| entry.action == "discard").count();
            let builds = rows.builds().await.unwrap();
            let live = builds.iter().filter(|build| build.state == BuildState::Live).count();
            (discarded, live) == (round * every_model(), every_model()) && is_ready().await
        };
        until("built anew and ready", is_built_anew).await;
        // The finisher sees the cut too, and finishes anew the lots whose end was cut off: the log goes on from there.
        let everything_follows = async || {
            let head = stores.events.head().await.unwrap();
            let rows_follow = serving.read_side.lags().iter().all(|lag| lag.position == Some(head));
            head >= cut && head < full && rows_follow && serving.genealogy.position() == head
        };
        until("all at the log's new end", everything_follows).await;
        serving.genealogy.wait_to_answer(None, Duration::from_secs(5)).await.unwrap();
        for model in serving.read_side.models() {
            let rebuilt = serving.read_side.rebuild(model.name).unwrap().run(&mut |_| {}).await.unwrap();
            assert!(rebuilt.replaced.is_some() && rebuilt.is_equal(), "{:?}", rebuilt.comparisons);
        }
    }
    serving.stop().await;
}
