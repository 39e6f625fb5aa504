//! The keys of data subjects, and that nothing of theirs is stored in the open.

use std::sync::Arc;

use commands::ports::{AppendRefusal, EventStore, SubjectKey, SubjectKeys};
use uuid::Uuid;

use crate::{
    fixtures::{append_one, commit, lot, refused, tenant, write},
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
