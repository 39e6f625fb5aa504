//! What somebody has to decide of what happens by itself.

use std::sync::Arc;

use api::compose::{StoreUrl, Stores};
use commands::{
    engine::{Caller, EngineConfig, Envelope},
    ports::{Commit, LogFilter, NewEvent, StreamKey, StreamWrite, UniformSettings},
    process::{DEADLINES, ParkReaction},
};
use domain::reactions::ReactionParked;
use uuid::Uuid;

use crate::shell::{Shell, fits};

/// Two deadlines of one tenant, whose commands have failed too long.
async fn park(stores: &Stores, tenant: Uuid) -> [Uuid; 2] {
    let engine = stores.engine(Arc::new(UniformSettings::default()), EngineConfig::default());
    let ids = [Uuid::now_v7(), Uuid::now_v7()];
    for command_id in ids {
        let parked = ReactionParked {
            process: DEADLINES.to_owned(),
            step: "RemindDeviation".to_owned(),
            command: "RemindDeviation".to_owned(),
            cause: None,
            code: "INTERNAL".to_owned(),
            message: "RemindDeviation failed inside the program".to_owned(),
            tries: 3,
        };
        let envelope = Envelope::new(Caller::system(tenant), Uuid::now_v7());
        engine.execute(envelope, ParkReaction { command_id, parked }).await.unwrap();
    }
    engine.shutdown().await;
    ids
}

/// What no program can read, where a deadline of a tenant was parked.
async fn damage(stores: &Stores, tenant: Uuid) -> Uuid {
    let id = Uuid::now_v7();
    let last = stores.events.head().await.unwrap() - 1;
    let last = stores.events.read_log(last, &LogFilter::default(), 1).await.unwrap().events.remove(0);
    let (event_type, payload) = ("ReactionParked", "{}".into());
    let event = NewEvent { event_id: Uuid::now_v7(), event_type, schema_version: 1, payload };
    let write = StreamWrite {
        stream: StreamKey::new(tenant, "reaction", id.to_string()),
        expected_version: 0,
        expected_event: None,
        events: vec![event],
    };
    let commit = Commit {
        tenant,
        command_id: id,
        digest: [0; 32],
        metadata: last.metadata,
        streams: vec![write],
        reply: None,
        deadlines: Vec::new(),
        decided_at: last.recorded_at,
        remember: false,
        keep_answer_for: None,
    };
    stores.events.append(&[commit]).await.unwrap();
    id
}

#[test]
fn what_is_parked_and_cannot_be_read_is_listed_beside_the_rest_and_left_as_it_is() {
    let shell = Shell::with_demo();
    let tenant = Uuid::now_v7();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let damaged = runtime.block_on(async {
        let url = StoreUrl::Sqlite(shell.path().join("data/cairn.db"));
        let stores = Stores::open(&url).await.unwrap();
        park(&stores, tenant).await;
        damage(&stores, tenant).await
    });
    drop(runtime);
    let stream = format!("{tenant}/reaction-{damaged}");
    let listed = shell.json("parked list");
    assert_eq!(listed.as_array().unwrap().len(), 3, "{listed}");
    assert_eq!(
        (&listed[1]["process_manager"], &listed[2]["stream"]),
        (&DEADLINES.into(), &stream.as_str().into())
    );
    assert!(listed[2]["error"].as_str().unwrap().contains("missing field `process`"), "{listed}");
    assert!(shell.cairn("parked list").succeeds().contains(&format!("unreadable  {stream}")));
    let refused = shell.cairn(&format!("parked retry deadlines {stream}")).fails();
    assert!(refused.contains("stays as it is") && refused.contains("missing field `process`"), "{refused}");
}

#[test]
fn a_parked_deadline_is_listed_and_retried_or_skipped_with_a_reason() {
    let shell = Shell::with_demo();
    let tenant = Uuid::now_v7();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let [one, other] = runtime.block_on(async {
        let url = StoreUrl::Sqlite(shell.path().join("data/cairn.db"));
        park(&Stores::open(&url).await.unwrap(), tenant).await
    });
    drop(runtime);
    let listed = shell.json("parked list");
    let line = &listed[0];
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    assert_eq!((&line["process_manager"], &line["command"]), (&DEADLINES.into(), &"RemindDeviation".into()));
    assert_eq!((&line["attempts"], &line["code"]), (&3.into(), &"INTERNAL".into()));
    fits(&shell.cairn("parked list").succeeds());

    let stream = |id| format!("{tenant}/reaction-{id}");
    let retried = shell.cairn(&format!("parked retry deadlines {}", stream(one))).succeeds();
    assert!(retried.contains("within a minute by the server that fires deadlines"), "{retried}");
    assert!(shell.cairn(&format!("parked skip deadlines {}", stream(other))).misuses().contains("--reason"));
    let skipped = shell.cairn(&format!("parked skip deadlines {} --reason ticket-4712", stream(other)));
    assert!(skipped.succeeds().contains("it is given up"));
    assert_eq!(shell.json("parked list"), serde_json::json!([]));
    let again = shell.cairn(&format!("parked retry deadlines {}", stream(one))).fails();
    assert!(again.contains("deadlines has nothing parked in"), "{again}");
}
