//! How long a recall takes inside: 1 M lots, 2.7 M links, a lot with 9,000 descendants; and how long an image takes.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, not a part of the program")]

use std::time::{Duration, Instant};

use projections::lots::genealogy::{LotRef, synthetic};
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
}

fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default().to_owned()
}
