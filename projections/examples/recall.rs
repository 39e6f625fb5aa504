//! How long a recall takes inside: 1 M lots, 2.7 M links, a lot with 9,000 descendants; how long an image
//! takes to be made and read; and how long 100,000 events take to be read from the log.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, not a part of the program")]

use std::time::{Duration, Instant};

use chrono::DateTime;
use commands::ports::{Metadata, RecordedEvent, StreamKey};
use projections::lots::genealogy::{Genealogy, LotRef, synthetic};
use uuid::Uuid;

fn main() {
    let (tenant, blocks) = (Uuid::from_u128(1), 100);
    let begun = Instant::now();
    let index = synthetic::genealogy(tenant, blocks);
    println!("made in {:?}; resident: {}", begun.elapsed(), resident());
    let mut took: Vec<Duration> = (0..1_000)
        .map(|turn| {
            let lot = LotRef::Id(synthetic::first_lot(turn * 37 % blocks));
            let asked = Instant::now();
            let scope = index.recall_scope(tenant, lot, None).unwrap();
            let elapsed = asked.elapsed();
            assert_eq!(scope.descendant_count(), synthetic::DESCENDANTS);
            elapsed
        })
        .collect();
    took.sort_unstable();
    println!("recall: p50 {:?}, p99 {:?}, most {:?}", took[500], took[990], took[999]);
    let asked = Instant::now();
    let lots = index.recall_scope(tenant, LotRef::Id(synthetic::first_lot(5)), None).unwrap().descendants();
    println!("recall with {} lots as text: {:?}", lots.len(), asked.elapsed());
    let begun = Instant::now();
    let (loaded, bytes) = synthetic::through_image(&index).unwrap();
    println!("image of {bytes} bytes, made and read in {:?}", begun.elapsed());
    drop((index, loaded));
    let log: Vec<RecordedEvent> = (1..=100_000).map(event).collect();
    let begun = Instant::now();
    let index = Genealogy::of_events(&log);
    println!("{} events read in {:?}", index.position(), begun.elapsed());
}

/// Lots that are created, registered and released in turn.
fn event(position: u64) -> RecordedEvent {
    let (lot, number) = (Uuid::from_u128(u128::from(position.div_ceil(3))), position.div_ceil(3));
    let code = format!("RAW-{}-DUNA-{:04}", 20_260_301 + number / 9_999, number % 9_999 + 1);
    let (event_type, payload) = match position % 3 {
        1 => (
            "LotCreated",
            format!(
                r#"{{"lot_code":"{code}","lot_type":"RAW","step_index":1,"status_after":"CREATED","weight_grams":300000,"production_day":"2026-03-02","created_at":"2026-03-02T08:00:00Z"}}"#
            ),
        ),
        2 => (
            "LotRegistered",
            format!(
                r#"{{"lot_code":"{code}","lot_type":"RAW","weight_grams":300000,"status_before":"CREATED","status_after":"QUARANTINE","registered_at":"2026-03-02T08:00:00Z"}}"#
            ),
        ),
        _ => (
            "LotReleased",
            r#"{"status_before":"QUARANTINE","status_after":"RELEASED","released_at":"2026-03-02T08:00:00Z"}"#
                .to_owned(),
        ),
    };
    RecordedEvent {
        position,
        stream: StreamKey::new(Uuid::from_u128(1), "lot", lot.to_string()),
        version: 1,
        event_id: lot,
        event_type: event_type.into(),
        schema_version: 1,
        payload: payload.into(),
        metadata: Metadata {
            command_id: lot,
            correlation_id: lot,
            causation_id: None,
            actor: "maria".to_owned(),
            traceparent: None,
        },
        recorded_at: DateTime::UNIX_EPOCH,
    }
}

fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default().to_owned()
}
