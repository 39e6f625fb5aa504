//! What a PostgreSQL database may be, and what happens when the way to it is lost or a stranger is in it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use adapters_store::postgres::PostgresEventStore;
use chrono::{TimeDelta, Utc};
use commands::ports::{DeadlineStore, EventStore, LeaseStore, LogFilter, StoreError};
use futures::future::join_all;

use crate::{
    database::Database,
    fixtures::{append_one, appended, commit, lot, positions, repeated, tenant, whole_log, write},
};

async fn open(database: &Database) -> Result<Arc<PostgresEventStore>, StoreError> {
    PostgresEventStore::connect(&database.url()).await.map(Arc::new)
}

async fn refusal(database: &Database) -> StoreError {
    match open(database).await {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_with_somebody_elses_events_is_refused_and_left_alone() {
    let database = Database::create().await;
    let stranger = database.client().await;
    stranger.batch_execute("create table events (id int); insert into events values (7)").await.unwrap();
    let refusal = refusal(&database).await;
    assert!(
        matches!(&refusal, StoreError::Corrupt { reason } if reason.contains("not Cairn's")),
        "{refusal}"
    );
    let tables = "select count(*) from pg_tables where schemaname = 'public'";
    assert_eq!(stranger.query_one(tables, &[]).await.unwrap().get::<_, i64>(0), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_in_which_somebody_else_has_one_of_the_tables_is_refused() {
    for table in ["commits", "deadlines"] {
        let database = Database::create().await;
        database.client().await.batch_execute(&format!("create table {table} (id int)")).await.unwrap();
        let refusal = refusal(&database).await;
        assert!(matches!(&refusal, StoreError::Corrupt { reason } if reason.contains(table)), "{refusal}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_hold_every_text_is_refused() {
    let database = Database::create_with("encoding 'LATIN1' locale 'C' template template0").await;
    let refusal = refusal(&database).await;
    assert!(matches!(&refusal, StoreError::Corrupt { reason } if reason.contains("LATIN1")), "{refusal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_that_the_database_refuses_is_no_outage() {
    let database = Database::create().await;
    let (store, stranger, tenant) = (open(&database).await.unwrap(), database.client().await, tenant());
    stranger.batch_execute("alter table events add constraint odd check (stream_id <> 'odd')").await.unwrap();
    let odd = commit(tenant, vec![write(&lot(tenant, "odd"), 0, 1)]);
    let rejected = store.append(&[odd]).await;
    assert!(matches!(rejected, Err(StoreError::Rejected { .. })), "{rejected:?}");
    append_one(&store, &commit(tenant, vec![write(&lot(tenant, "a"), 0, 1)])).await;
}

/// Else one statement would look through the whole log, and never come to its end in time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rare_category_is_read_in_pages_of_positions() {
    let database = Database::create().await;
    let (store, tenant) = (open(&database).await.unwrap(), tenant());
    let filler = format!(
        "insert into events select n, '{tenant}', 'filler', 'one', n, gen_random_uuid(), 'Filled', 1, '{{}}', '{{}}', now()
         from generate_series(1, 250000) n"
    );
    database.client().await.batch_execute(&filler).await.unwrap();
    append_one(&store, &commit(tenant, vec![write(&lot(tenant, "rare"), 0, 1)])).await;
    let filter = LogFilter { categories: vec!["lot".into()], ..LogFilter::default() };
    let (mut after, mut found, mut pages) = (0, Vec::new(), 0);
    while after < 250_001 {
        let page = store.read_log(after, &filter, 10).await.unwrap();
        assert!(page.read_through > after, "each page comes further");
        (after, pages) = (page.read_through, pages + 1);
        found.extend(page.events.iter().map(|event| event.position));
    }
    assert_eq!((found, pages), (vec![250_001], 3));
    assert_eq!(store.read_log(after, &filter, 10).await.unwrap().read_through, after);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_a_newer_program_wrote_is_refused() {
    let database = Database::create().await;
    open(&database).await.unwrap();
    let stranger = database.client().await;
    stranger.batch_execute("insert into cairn_schema_versions values (99, 'the_future')").await.unwrap();
    let refusal = refusal(&database).await;
    assert!(matches!(refusal, StoreError::TooNew { found: 99, .. }), "{refusal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_create_the_same_log_at_once() {
    let database = Database::create().await;
    for opened in join_all((0..8).map(|_| open(&database))).await {
        opened.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_unavailable_store() {
    for address in ["postgres://nobody@127.0.0.1:1/none", "postgres://", "postgres://host:port/x"] {
        let refusal = match PostgresEventStore::connect(address).await {
            Ok(_) => panic!("{address} was opened"),
            Err(error) => error,
        };
        assert!(matches!(refusal, StoreError::Unavailable { .. }), "{address}: {refusal}");
    }
}

/// Ends every connection of the database but the stranger's own.
async fn cut(stranger: &tokio_postgres::Client) {
    let others = "select pg_terminate_backend(pid) from pg_stat_activity
                  where datname = current_database() and pid <> pg_backend_pid()";
    stranger.query(others, &[]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_is_an_error_once_and_comes_back_by_itself() {
    let database = Database::create().await;
    let (store, stranger) = (open(&database).await.unwrap(), database.client().await);
    let tenant = tenant();
    for version in 0..5 {
        let next = commit(tenant, vec![write(&lot(tenant, "a"), version, 1)]);
        cut(&stranger).await;
        // What the committer does: again under the same command ids, until the store answers.
        let outcomes = loop {
            match store.append(std::slice::from_ref(&next)).await {
                Ok(outcomes) => break outcomes,
                Err(StoreError::Unavailable { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        };
        assert_eq!(appended(&outcomes[0]).position, version + 1);
    }
    cut(&stranger).await;
    while store.head().await.is_err() {}
    assert_eq!(positions(&whole_log(&store).await), [1, 2, 3, 4, 5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_is_woken_after_its_connection_was_lost() {
    let database = Database::create().await;
    let (reader, writer) = (open(&database).await.unwrap(), open(&database).await.unwrap());
    let stranger = database.client().await;
    let tenant = tenant();
    let mut wake_up = reader.wake_up();
    append_one(&writer, &commit(tenant, vec![write(&lot(tenant, "a"), 0, 1)])).await;
    wake_up.wait_for(|head| *head == 1).await.unwrap();
    cut(&stranger).await;
    let second = commit(tenant, vec![write(&lot(tenant, "a"), 1, 1)]);
    while writer.append(std::slice::from_ref(&second)).await.is_err() {}
    wake_up.wait_for(|head| *head == 2).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strangers_idle_transaction_stops_nobody() {
    let database = Database::create().await;
    let store = open(&database).await.unwrap();
    let tenant = tenant();
    let first = commit(tenant, vec![write(&lot(tenant, "a"), 0, 1)]);
    append_one(&store, &first).await;
    // It holds a snapshot and an id of its own, and has read everything.
    let stranger = database.client().await;
    let idle =
        "begin isolation level repeatable read; select pg_current_xact_id(); select count(*) from events";
    stranger.batch_execute(idle).await.unwrap();
    for version in 1..50 {
        appended(&append_one(&store, &commit(tenant, vec![write(&lot(tenant, "a"), version, 1)])).await);
    }
    assert_eq!(whole_log(&store).await.len(), 50);
    repeated(&append_one(&store, &first).await);
    let seen = stranger.query_one("select max(position) from events", &[]).await.unwrap();
    assert_eq!(seen.get::<_, i64>(0), 1, "the stranger still sees its own past");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_batch_is_durable_whatever_the_servers_default_says() {
    let database = Database::create().await;
    let stranger = database.client().await;
    let name: String = stranger.query_one("select current_database()", &[]).await.unwrap().get(0);
    stranger.batch_execute(&format!("alter database {name} set synchronous_commit = off")).await.unwrap();
    let store = open(&database).await.unwrap();
    let tenant = tenant();
    stranger
        .batch_execute(
            "create table observed (setting text);
             create function observe() returns trigger language plpgsql as
                 $$ begin insert into observed values (current_setting('synchronous_commit')); return null; end $$;
             create trigger observe after insert on events for each statement execute function observe();",
        )
        .await
        .unwrap();
    append_one(&store, &commit(tenant, vec![write(&lot(tenant, "a"), 0, 1)])).await;
    let setting = stranger.query_one("select setting from observed", &[]).await.unwrap();
    assert_eq!(setting.get::<_, &str>(0), "on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_an_hour_ahead_of_the_databases_is_refused_and_one_behind_is_not() {
    let database = Database::create().await;
    let (store, tenant) = (open(&database).await.unwrap(), tenant());
    let at = |id: &str, decided_at| {
        let mut one = commit(tenant, vec![write(&lot(tenant, id), 0, 1)]);
        one.decided_at = decided_at;
        one
    };
    let now = Utc::now();
    let ahead = now + TimeDelta::hours(1);
    // Also behind another commit of the same batch.
    let refused = store.append(&[at("a", now), at("b", ahead)]).await;
    let Err(StoreError::ClockAhead { ours, theirs }) = refused else { panic!("not refused: {refused:?}") };
    assert_eq!(ours.timestamp_millis(), ahead.timestamp_millis());
    assert!((theirs - now).abs() < TimeDelta::minutes(1), "{theirs}");
    assert_eq!(store.head().await.unwrap(), 0);
    for (id, decided_at) in [("c", now - TimeDelta::days(400)), ("d", now + TimeDelta::seconds(30))] {
        appended(&append_one(&store, &at(id, decided_at)).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_too_long_for_the_index_is_no_outage() {
    let database = Database::create().await;
    let (store, tenant) = (open(&database).await.unwrap(), tenant());
    // Ids hardly compress.
    let name: String = (0..400).map(|_| uuid::Uuid::now_v7().simple().to_string()).collect();
    let rejected = store.append(&[commit(tenant, vec![write(&lot(tenant, &name), 0, 1)])]).await;
    assert!(matches!(rejected, Err(StoreError::Rejected { .. })), "{rejected:?}");
}

/// As it was, leases went behind the reads: of a lease of ten seconds, one slow read took most.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_waits_for_no_read() {
    let database = Database::create().await;
    let (store, stranger) = (open(&database).await.unwrap(), database.client().await);
    let long = Duration::from_secs(60);
    let fence = store.claim_lease("one", uuid::Uuid::now_v7(), long).await.unwrap().unwrap();
    stranger.batch_execute("begin; lock table deadlines in access exclusive mode").await.unwrap();
    let reads = join_all((0..16).map(|_| store.next_due_at()));
    let lease = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let asked = Instant::now();
        assert!(store.renew_lease(&fence, long).await.unwrap());
        let waited = asked.elapsed();
        stranger.batch_execute("rollback").await.unwrap();
        waited
    };
    let (_read, waited) = tokio::join!(reads, lease);
    assert!(waited < Duration::from_secs(2), "it waited for {waited:?}");
}
