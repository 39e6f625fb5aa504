//! How a PostgreSQL database of an older program is brought forward while that program runs.

use std::time::Duration;

use adapters_store::postgres::PostgresEventStore;
use schema::migrations::POSTGRES;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_postgres::Client;

use crate::database::Database;

/// As the first release left it.
async fn of_the_first_release() -> Database {
    let database = Database::create().await;
    let client = database.client().await;
    client.batch_execute(POSTGRES[0].sql).await.unwrap();
    let mark = "create table cairn_schema_versions
                    (version integer primary key, name text not null, applied_at timestamptz not null default now());
                insert into cairn_schema_versions (version, name) values (1, 'event_log')";
    client.batch_execute(mark).await.unwrap();
    database
}

fn an_event(position: i64) -> String {
    format!(
        "insert into events values ({position}, gen_random_uuid(), 'lot', 'one', 1, gen_random_uuid(), 'Received', 1,
                                    '{{}}', '{{}}', now())"
    )
}

/// The older program appends for so long, and waits for nobody.
async fn appends_go_on(database: &Database) {
    let (old, end) = (database.client().await, Instant::now() + Duration::from_secs(4));
    let mut position = 10;
    while Instant::now() < end {
        let event = an_event(position);
        let append = format!(
            "begin; {event}; insert into commits values
             (gen_random_uuid(), gen_random_uuid(), '', {position}, 1, null); commit"
        );
        timeout(Duration::from_secs(2), old.batch_execute(&append))
            .await
            .expect("the log is locked")
            .unwrap();
        position += 1;
        sleep(Duration::from_millis(5)).await;
    }
}

fn open(database: &Database) -> JoinHandle<()> {
    let url = database.url();
    tokio::spawn(async move { drop(PostgresEventStore::connect(&url).await.unwrap()) })
}

async fn valid_indexes(client: &Client) -> i64 {
    let sql = "select count(*) from pg_index where indisvalid
               and indexrelid in (to_regclass('commits_by_expiry'), to_regclass('reactions_parked'))";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// They come in the background.
async fn indexes_come(client: &Client) {
    let come = async {
        while valid_indexes(client).await < 2 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(30), come).await.expect("the indexes come");
}

/// As it was, an index was built in the transaction of the steps: whoever appended waited while the log was read through, and
/// before that for as long as anybody was writing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_program_goes_on_appending_while_the_log_gets_its_indexes() {
    let database = of_the_first_release().await;
    let slow = database.client().await;
    slow.batch_execute(&format!("begin; {}", an_event(1))).await.unwrap();
    let opened = timeout(Duration::from_secs(20), open(&database)).await;
    opened.expect("the program serves before the indexes are there").unwrap();
    appends_go_on(&database).await;
    assert!(valid_indexes(&slow).await < 2, "the index waited for nobody: nothing was tested");
    slow.batch_execute("commit").await.unwrap();
    indexes_come(&slow).await;
}

/// A backup reads every table for hours in one transaction. Who waits for it makes everybody else wait behind himself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_has_to_wait_makes_nobody_wait_behind_it() {
    let database = of_the_first_release().await;
    let backup = database.client().await;
    backup.batch_execute("begin; select count(*) from commits").await.unwrap();
    let opening = open(&database);
    appends_go_on(&database).await;
    assert!(!opening.is_finished(), "the step waited for nobody: nothing was tested");
    backup.batch_execute("commit").await.unwrap();
    opening.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_whose_building_broke_off_is_built_again() {
    let database = Database::create().await;
    drop(PostgresEventStore::connect(&database.url()).await.unwrap());
    let stranger = database.client().await;
    indexes_come(&stranger).await;
    let break_off =
        "update pg_index set indisvalid = false where indexrelid = to_regclass('reactions_parked');
                     drop index commits_by_expiry";
    stranger.batch_execute(break_off).await.unwrap();
    drop(PostgresEventStore::connect(&database.url()).await.unwrap());
    indexes_come(&stranger).await;
}
