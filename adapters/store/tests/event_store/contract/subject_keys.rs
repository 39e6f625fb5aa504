//! The keys of data subjects, and that nothing of theirs is stored in the open.

use std::sync::Arc;

use commands::{
    ports::{AppendRefusal, EventStore, PastQuery, Snapshot, SnapshotStore, SubjectKey, SubjectKeys},
    sealing::{KeyEncryptionKey, Sealing},
};
use uuid::Uuid;

use crate::{
    fixtures::{append_one, appended, commit, lot, refused, tenant, whole_stream, write},
    harness::Harness,
};

fn key(subject: &str, byte: u8) -> SubjectKey {
    SubjectKey { subject: subject.into(), version: 1, wrapped: Some(vec![byte; 60]) }
}

fn names(subjects: &[&str]) -> Vec<Arc<str>> {
    subjects.iter().map(|subject| Arc::from(*subject)).collect()
}

pub async fn the_first_key_of_a_subject_stays(harness: &impl Harness) {
    let (store, tenant) = (harness.open().await, tenant());
    assert_eq!(store.keep_subject_key(tenant, key("ann", 1)).await.unwrap(), key("ann", 1));
    let other = harness.open().await;
    assert_eq!(other.keep_subject_key(tenant, key("ann", 2)).await.unwrap(), key("ann", 1));
    other.keep_subject_key(tenant, key("bob", 3)).await.unwrap();
    let mut found = store.subject_keys(tenant, &names(&["bob", "nobody", "ann"])).await.unwrap();
    found.sort_by(|left, right| left.subject.cmp(&right.subject));
    assert_eq!(found, [key("ann", 1), key("bob", 3)]);
    let elsewhere = Uuid::from_u128(0x0999);
    assert_eq!(store.subject_keys(elsewhere, &names(&["ann"])).await.unwrap(), []);
}

pub async fn a_destroyed_key_never_comes_back(harness: &impl Harness) {
    let (store, tenant) = (harness.open().await, tenant());
    store.keep_subject_key(tenant, key("ann", 1)).await.unwrap();
    for subject in ["ann", "never seen", "ann"] {
        store.destroy_subject_key(tenant, subject).await.unwrap();
        let stands = harness.open().await.keep_subject_key(tenant, key(subject, 2)).await.unwrap();
        assert_eq!(stands, SubjectKey { wrapped: None, ..key(subject, 0) });
        assert_eq!(store.subject_keys(tenant, &names(&[subject])).await.unwrap(), [stands]);
    }
}

pub async fn what_is_open_is_never_stored(harness: &impl Harness) {
    let (store, tenant) = (harness.open().await, tenant());
    let mut open = commit(tenant, vec![write(&lot(tenant, "a"), 0, 1)]);
    open.streams[0].events[0].payload = r#"{"name":{"$open":{"subject":"ann","value":"Ann"}}}"#.into();
    let refusal = refused(&append_one(&store, &open).await);
    assert_eq!(refusal, AppendRefusal::Unsealed { stream: lot(tenant, "a") });
    assert_eq!(store.head().await.unwrap(), 0);
}

/// More snapshots than one statement looks through.
pub async fn snapshots_about_somebody_erased_are_dropped_and_no_others(harness: &impl Harness) {
    let (store, tenant) = (harness.open().await, tenant());
    let snapshot = |number: usize| {
        let subject = if number.is_multiple_of(3) { "u-1" } else { "u-2" };
        let state = format!(r#"{{"name":{{"$seal":{{"subject":"{subject}"}}}}}}"#);
        (lot(tenant, &format!("{number:04}")), Snapshot { version: 1, shape: "lot.1".to_owned(), state })
    };
    let mut kept: Vec<_> = (0..400).map(snapshot).collect();
    // Another tenant's subject of the same name is somebody else.
    let (mut stream, state) = snapshot(0);
    stream.tenant = Uuid::from_u128(0x0999);
    kept.push((stream, state));
    for some in kept.chunks(64) {
        store.save_snapshots(some).await.unwrap();
    }
    // Nothing is dropped for the destruction of the key itself.
    store.destroy_subject_key(tenant, "u-1").await.unwrap();
    let asked: Vec<_> = kept
        .iter()
        .map(|(stream, _)| PastQuery {
            stream: stream.clone(),
            after_version: 0,
            shape: Some("lot.1".to_owned()),
        })
        .collect();
    let count = async || {
        let pasts = store.load_pasts(&asked, 1).await.unwrap();
        pasts.iter().map(|past| past.snapshot.is_some()).collect::<Vec<_>>()
    };
    assert!(count().await.iter().all(|stands| *stands));
    store.drop_snapshots_about(tenant, "u-1").await.unwrap();
    let expected: Vec<_> =
        (0..=400).map(|number: usize| number == 400 || !number.is_multiple_of(3)).collect();
    assert_eq!(count().await, expected);
}

pub async fn what_is_personal_lies_sealed_and_goes_with_its_key(harness: &impl Harness) {
    let (store, tenant) = (harness.open().await, tenant());
    let kek = KeyEncryptionKey::from_secret(b"a secret of at least thirty-two bytes").unwrap();
    let (snapshots, keys) = (Arc::clone(&store), Arc::clone(&store));
    let sealing = Arc::new(Sealing::new(Arc::clone(&store) as _, snapshots, keys, kek));
    let stream = |subject: &str| lot(tenant, subject);
    for subject in ["u-1", "u-11"] {
        let open = format!(r#"{{"name":{{"$open":{{"subject":"{subject}","value":"Annabel"}}}}}}"#);
        let mut one = commit(tenant, vec![write(&stream(subject), 0, 1)]);
        one.streams[0].events[0].payload = open.as_str().into();
        appended(&append_one(&sealing, &one).await);
        let snapshot = Snapshot { version: 1, shape: "lot.1".to_owned(), state: open };
        sealing.save_snapshot(&stream(subject), &snapshot).await.unwrap();
    }
    let everything = harness.everything().await;
    assert!(everything.contains("$seal") && everything.contains("u-11"), "{everything}");
    assert!(!everything.contains("Annabel") && !everything.contains("$open"), "{everything}");

    let told = async |subject| whole_stream(&sealing, &stream(subject)).await.remove(0).payload;
    let kept = async |subject| {
        let shape = Some("lot.1".to_owned());
        let asked = PastQuery { stream: stream(subject), after_version: 0, shape };
        let mut pasts = harness.open().await.load_pasts(&[asked], 10).await.unwrap();
        pasts.remove(0).snapshot
    };
    assert!(told("u-1").await.contains("Annabel") && kept("u-1").await.is_some());
    sealing.erase(tenant, "u-1").await.unwrap();
    assert_eq!(&*told("u-1").await, r#"{"name":{"$open":{"subject":"u-1"}}}"#);
    assert_eq!(kept("u-1").await, None);
    assert!(told("u-11").await.contains("Annabel") && kept("u-11").await.is_some(), "who stays, stays whole");
}
