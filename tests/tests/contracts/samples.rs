//! What was stored once is read for ever: a sample of every version of every event type stays in `schema/events/` for
//! good, as real commands wrote it.

use std::{collections::BTreeMap, fs, path::PathBuf};

use api::contexts::{Stored, categories};
use chrono::TimeDelta;
use commands::{
    lots::{
        CloseDeviation, ConfirmReject, CreateLot, DispositionDeviation, HoldLot, ProduceLot,
        RecordInspection, RemindDeviation, ShipLot, WeighLot, WriteOffRemainder,
    },
    process::{ParkReaction, RecordRefusedReaction, RetryReaction, SkipReaction},
};
use domain::{
    Decider, Event,
    claims::{KeyClaim, KeyClaimCommand},
    identity::Role,
    lots::{ChecklistAnswer, Decision, Disposition, LotType, PartnerRole, ReadingType},
    reactions::{ReactionCause, ReactionParked, ReactionRefused},
};
use serde_json::Value;
use uuid::Uuid;

use super::schema_folder;
use crate::lots::plant::{Plant, inspection, production};

/// A stored payload, with the columns that say what it is.
struct Sample {
    event_type: String,
    schema_version: u16,
    payload: Value,
}

impl Sample {
    fn stored(&self) -> Stored<'_> {
        let Self { event_type, schema_version, payload } = self;
        Stored { event_type, schema_version: *schema_version, payload }
    }
}

fn folder(category: &str) -> PathBuf {
    schema_folder().join("events").join(category).join("samples")
}

/// The samples of a category; the event that a stream begins with comes first.
fn samples(category: &str) -> Vec<Sample> {
    let mut samples: Vec<_> = fs::read_dir(folder(category))
        .into_iter()
        .flatten()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let (event_type, version) = name.rsplit_once(".v").unwrap();
            let payload = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            Sample { event_type: event_type.to_owned(), schema_version: version.parse().unwrap(), payload }
        })
        .collect();
    let begins = |sample: &Sample| ["Created", "Opened"].iter().any(|end| sample.event_type.ends_with(end));
    samples.sort_by_key(|sample| (!begins(sample), sample.event_type.clone(), sample.schema_version));
    samples
}

#[test]
fn every_version_that_was_ever_stored_is_read_and_folded() {
    for category in categories() {
        let samples = samples(category.name);
        let stored: Vec<_> = samples.iter().map(Sample::stored).collect();
        let read = (category.read_again)(&stored).unwrap_or_else(|fault| panic!("{fault}"));
        for (at, (Stored { event_type, schema_version, payload }, now)) in stored.iter().zip(read).enumerate()
        {
            if now.schema_version == *schema_version {
                assert_eq!(
                    now.payload, **payload,
                    "{event_type}.v{schema_version} loses a part of what was stored"
                );
            }
            assert!(at > 0 || now.left_a_trace, "{event_type} leaves no trace");
        }
    }
}

#[tokio::test]
async fn every_event_type_has_a_sample_of_its_current_version() {
    let writes = std::env::var_os("CAIRN_REGENERATE").is_some();
    let stored = if writes { richest_payloads().await } else { BTreeMap::new() };
    for category in categories() {
        for event in (category.events)() {
            let file =
                folder(category.name).join(format!("{}.v{}.json", event.event_type, event.schema_version));
            if writes && !file.exists() {
                let payload: Value =
                    serde_json::from_str(stored.get(event.event_type).unwrap_or_else(|| {
                        panic!("neither richest_payloads nor api/tests/edge/aggregates.rs leaves a {}: add a command", event.event_type)
                    }))
                    .unwrap();
                fs::create_dir_all(folder(category.name)).unwrap();
                fs::write(&file, serde_json::to_string_pretty(&payload).unwrap() + "\n").unwrap();
            }
            assert!(
                file.exists(),
                "{} has no sample; with CAIRN_REGENERATE=1 cargo test -p api --test edge pasts adds it, else -p tests contracts",
                file.display()
            );
        }
    }
}

/// By event type, the longest payload that a day of everything left on the log.
async fn richest_payloads() -> BTreeMap<String, String> {
    let plant = Plant::new();
    make_goods(&plant).await;
    reject_goods(&plant).await;
    let released = KeyClaim::Held { owner: "lot-1".to_owned() }
        .decide(KeyClaimCommand::Release { owner: "lot-1".to_owned() })
        .unwrap();
    let released = released[0].serialize_payload(serde_json::value::Serializer).unwrap().to_string();
    let mut richest = BTreeMap::from([("KeyReleased".to_owned(), released)]);
    for event in plant.log().await {
        let known = richest.entry(event.event_type.to_string()).or_default();
        if event.payload.len() > known.len() {
            *known = event.payload.to_string();
        }
    }
    richest
}

/// From the receipt to the shipment.
async fn make_goods(plant: &Plant) {
    let by_hand = CreateLot {
        supplier_id: Some(plant.supplier().await),
        weight_grams: 0,
        run_id: None,
        code: Some("RAW-20260302-DUNA-0042".to_owned()),
    };
    let raw = plant.give(by_hand).await.unwrap();
    let weigh = WeighLot { lot_id: raw.lot_id, weight_grams: 300_000, override_reason: None };
    plant.give(weigh).await.unwrap();
    plant.register(raw.lot_id).await;
    plant.read(raw.lot_id, ReadingType::Surface, 40).await;
    let answer = ChecklistAnswer {
        question: "Is the packaging whole?".to_owned(),
        is_met: true,
        remark: Some("one box is dented".to_owned()),
    };
    let careful = RecordInspection {
        checklist: vec![answer],
        signature: Some("M. Kovács".to_owned()),
        ..inspection(&raw, Decision::Pass, "colour and smell are right")
    };
    plant.give(careful).await.unwrap();
    let light = ProduceLot {
        override_reason: Some("bones were heavier than usual".to_owned()),
        ..production(LotType::Deb, &[(raw.lot_id, 200_000)], 100_000)
    };
    let deboned = plant.give(light).await.unwrap();
    let mut lot_id = plant.release(&deboned).await;
    let reason = "spilt on the floor".to_owned();
    plant.give(WriteOffRemainder { lot_id: raw.lot_id, reason }).await.unwrap();
    let rest = [
        LotType::Bulk,
        LotType::Mix,
        LotType::Skw15,
        LotType::Frz15,
        LotType::Fg15,
        LotType::Pal,
        LotType::Ship,
    ];
    for lot_type in rest {
        lot_id = plant.released(lot_type, &[(lot_id, 15_000)]).await;
    }
    let consignee_id = plant.partner(&[PartnerRole::Customer], Some("Bécs, Ring 1")).await;
    let carrier_id = Some(plant.partner(&[PartnerRole::Carrier], Some("Győr, Fő utca 2")).await);
    let document = "CMR 4711".to_owned();
    plant.give(ShipLot { lot_id, consignee_id, carrier_id, document }).await.unwrap();
}

/// What goes wrong, and what becomes of it.
async fn reject_goods(plant: &Plant) {
    let warm = plant.raw(100_000).await.lot_id;
    let deviation_id = plant.read(warm, ReadingType::Surface, 41).await.deviation_id.unwrap();
    plant.read(warm, ReadingType::Surface, 45).await;
    plant.pass_time(TimeDelta::hours(25));
    plant.give(RemindDeviation { deviation_id }).await.unwrap();
    let root_cause = Some("the lorry's cooling had failed".to_owned());
    let dispose = DispositionDeviation {
        deviation_id,
        disposition: Disposition::ReturnToSupplier,
        root_cause: root_cause.clone(),
    };
    plant.give(dispose).await.unwrap();
    plant.give(ConfirmReject { lot_id: warm }).await.unwrap();
    let other = plant.as_role("béla", Role::Manager);
    other.give(CloseDeviation { deviation_id, root_cause }).await.unwrap();
    let held = plant.released_raw(100_000).await;
    plant.give(HoldLot { lot_id: held, reason: "foreign matter found".to_owned() }).await.unwrap();
    let refused = ReactionRefused {
        process: "lot_finisher".to_owned(),
        step: "finish".to_owned(),
        command: "FinishLotIfDue".to_owned(),
        code: "CHILDREN_OPEN".to_owned(),
        message: "a child is open".to_owned(),
    };
    plant.give(RecordRefusedReaction { command_id: Uuid::now_v7(), refused }).await.unwrap();
    park_reactions(plant).await;
}

/// What becomes of reactions that failed too long.
async fn park_reactions(plant: &Plant) {
    let parked = ReactionParked {
        process: "lot_finisher".to_owned(),
        step: "finish".to_owned(),
        command: "FinishLotIfDue".to_owned(),
        cause: Some(ReactionCause {
            category: "lot".to_owned(),
            stream_id: Uuid::now_v7().to_string(),
            version: 7,
            event_id: Uuid::now_v7(),
        }),
        code: "INTERNAL".to_owned(),
        message: "FinishLotIfDue failed inside the program".to_owned(),
        tries: 3,
    };
    let (one, other) = (Uuid::now_v7(), Uuid::now_v7());
    for command_id in [one, other] {
        plant.give(ParkReaction { command_id, parked: parked.clone() }).await.unwrap();
    }
    plant.give(RetryReaction { command_id: one }).await.unwrap();
    let reason = "finished by hand, ticket 4712".to_owned();
    plant.give(SkipReaction { command_id: other, reason }).await.unwrap();
}
