//! What a SQLite file may be, and what happens when it is something else or its disk is full.

use std::{path::PathBuf, sync::Arc};

use adapters_store::sqlite::SqliteEventStore;
use commands::{
    engine::{CommitError, Committer, CommitterConfig},
    ports::{EventStore, StoreError},
};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::fixtures::{append_one, appended, commit, event, lot, positions, tenant, whole_log, write};

struct Place {
    _folder: TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cairn.db");
    Place { _folder: folder, path }
}

impl Place {
    async fn open(&self) -> Result<Arc<SqliteEventStore>, StoreError> {
        SqliteEventStore::open(&self.path).await.map(Arc::new)
    }

    async fn refusal(&self) -> StoreError {
        match self.open().await {
            Ok(_) => panic!("it was opened"),
            Err(error) => error,
        }
    }

    /// Opens a log there, writes a few events and closes it.
    async fn with_events(&self) {
        let store = self.open().await.unwrap();
        let tenant = tenant();
        append_one(&store, &commit(tenant, vec![write(&lot(tenant, "a"), 0, 200)])).await;
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).unwrap()
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let place = place();
    std::fs::write(&place.path, "position,tenant,category\n1,acme,lot\n".repeat(500)).unwrap();
    let before = place.bytes();
    let refusal = place.refusal().await;
    assert!(
        matches!(&refusal, StoreError::Corrupt { reason } if reason.contains("not a SQLite database")),
        "{refusal}"
    );
    assert_eq!(place.bytes(), before);
}

#[tokio::test]
async fn another_programs_database_is_refused_and_left_alone() {
    let place = place();
    let foreign = Connection::open(&place.path).unwrap();
    foreign.execute_batch("create table events (id integer primary key, name text)").unwrap();
    drop(foreign);
    let before = place.bytes();
    let refusal = place.refusal().await;
    assert!(
        matches!(&refusal, StoreError::Corrupt { reason } if reason.contains("another program's")),
        "{refusal}"
    );
    assert_eq!(place.bytes(), before);
}

#[tokio::test]
async fn a_newer_programs_log_is_refused_and_left_alone() {
    let place = place();
    place.with_events().await;
    Connection::open(&place.path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = place.bytes();
    let refusal = place.refusal().await;
    assert!(matches!(refusal, StoreError::TooNew { found: 99, .. }), "{refusal}");
    assert_eq!(place.bytes(), before);
}

#[tokio::test]
async fn a_truncated_log_is_said_to_be_damaged() {
    let place = place();
    place.with_events().await;
    let whole = place.bytes();
    std::fs::write(&place.path, &whole[..whole.len() / 3]).unwrap();
    let damage = match place.open().await {
        Err(error) => error,
        Ok(store) => store.read_log(0, &Default::default(), 1_000).await.unwrap_err(),
    };
    assert!(matches!(damage, StoreError::Corrupt { .. }), "{damage}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_unavailable_store() {
    let mut place = place();
    place.path = place.path.join("missing").join("cairn.db");
    let refusal = place.refusal().await;
    assert!(
        matches!(&refusal, StoreError::Unavailable { reason, .. } if reason.contains("missing")),
        "{refusal}"
    );
}

#[tokio::test]
async fn an_address_of_another_kind_is_refused() {
    for address in ["cairn.db", "sqlite:", "postgres://localhost/cairn"] {
        assert!(SqliteEventStore::connect(address).await.is_err(), "{address}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_create_the_same_log_at_once() {
    // Those who come at once race for the switch to the write-ahead log: once rarely shows it.
    for _ in 0..8 {
        let place = place();
        let opened = futures::future::join_all((0..8).map(|_| SqliteEventStore::open(&place.path))).await;
        let tenant = tenant();
        for (store, version) in opened.into_iter().zip(0..) {
            let store = Arc::new(store.unwrap());
            appended(&append_one(&store, &commit(tenant, vec![write(&lot(tenant, "a"), version, 1)])).await);
        }
    }
}

#[tokio::test]
async fn a_full_disk_stores_nothing_by_halves_and_the_log_goes_on_when_there_is_space() {
    let place = place();
    let store = place.open().await.unwrap();
    let tenant = tenant();
    let small = |id: &str| commit(tenant, vec![write(&lot(tenant, id), 0, 1)]);
    append_one(&store, &small("before")).await;
    // SQLite's own bound on the file stands for the disk's: it answers the same error at the same places.
    store.limit_size(Some(1_000_000)).await.unwrap();
    let heavy = |id: &str| {
        let mut heavy = commit(tenant, vec![write(&lot(tenant, id), 0, 0)]);
        heavy.streams[0].events = (0..40).map(|_| event("LotWeighed", &"x".repeat(50_000))).collect();
        heavy
    };
    let batch = [small("beside"), heavy("heavy")];
    for _ in 0..3 {
        let full = store.append(&batch).await.unwrap_err();
        assert!(matches!(full, StoreError::DiskFull { .. }), "{full}");
        assert_eq!(positions(&whole_log(&store).await), [1], "nothing of the batch is there");
    }
    store.limit_size(None).await.unwrap();
    let outcomes = store.append(&batch).await.unwrap();
    assert_eq!(appended(&outcomes[0]).position, 2);
    assert_eq!(appended(&outcomes[1]).position, 42);
    drop(store);
    assert_eq!(whole_log(&place.open().await.unwrap()).await.len(), 42);
}

#[tokio::test]
async fn data_that_the_file_refuses_takes_no_other_commit_with_it() {
    let place = place();
    let (store, tenant) = (place.open().await.unwrap(), tenant());
    let stranger = Connection::open(&place.path).unwrap();
    stranger
        .execute_batch(
            "create trigger odd before insert on events when new.stream_id = 'odd'
             begin select raise(abort, 'it is odd'); end",
        )
        .unwrap();
    let [one, odd, two] = ["a", "odd", "b"].map(|id| commit(tenant, vec![write(&lot(tenant, id), 0, 1)]));
    let rejected = store.append(&[one.clone(), odd.clone()]).await;
    assert!(matches!(rejected, Err(StoreError::Rejected { .. })), "{rejected:?}");
    let committer = Committer::start(store.clone(), CommitterConfig::default());
    let tickets = [one, odd, two].map(|one| committer.submit(one).unwrap());
    let started = std::time::Instant::now();
    let [one, odd, two] = futures::future::join_all(tickets).await.try_into().unwrap();
    assert!(matches!(odd, Err(CommitError::Store(StoreError::Rejected { .. }))), "{odd:?}");
    appended(&one.unwrap());
    appended(&two.unwrap());
    assert!(started.elapsed() < CommitterConfig::default().retry_for, "nothing is tried again");
    assert_eq!(positions(&whole_log(&store).await), [1, 2]);
}

#[tokio::test]
async fn answers_of_an_older_schema_are_kept_for_ever() {
    let place = place();
    let old = Connection::open(&place.path).unwrap();
    old.execute_batch(schema::migrations::SQLITE[0].sql).unwrap();
    old.pragma_update(None, "application_id", schema::migrations::SQLITE_APPLICATION_ID).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    let first = commit(tenant(), Vec::new());
    let (tenant, id) = (first.tenant, first.command_id);
    old.execute(
        "insert into commits values (?, ?, ?, 0, 0, 'null')",
        rusqlite::params![tenant, id, &first.digest[..]],
    )
    .unwrap();
    drop(old);
    let store = place.open().await.unwrap();
    assert_eq!(store.prune_answers(10).await.unwrap(), 0);
    assert!(store.find_answer(tenant, id).await.unwrap().is_some());
}
