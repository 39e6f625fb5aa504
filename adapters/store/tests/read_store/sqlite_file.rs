//! Whose file it is.

use adapters_store::read::sqlite_read_store;
use projections::ports::ReadStoreError;

#[tokio::test]
async fn another_programs_file_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("read.db");
    rusqlite::Connection::open(&file).unwrap().execute_batch("create table theirs (x)").unwrap();
    let before = std::fs::read(&file).unwrap();
    let refused = sqlite_read_store(&file).await.err().unwrap();
    assert!(matches!(refused, ReadStoreError::Corrupt { .. }), "{refused}");
    assert!(refused.to_string().contains("another program's"), "{refused}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[tokio::test]
async fn a_file_that_is_empty_or_its_own_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("read.db");
    std::fs::write(&file, b"").unwrap();
    for _ in 0..2 {
        sqlite_read_store(&file).await.unwrap();
    }
}
