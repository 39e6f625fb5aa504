use commands::{
    engine::CommandError,
    lots::{
        CreateLot, Input, InspectionReply, LotReply, ProduceLot, RecordInspection, RecordTemperature,
        RegisterLot, SavePartner, TemperatureReply,
    },
};
use domain::lots::{Decision, LotType, PartnerRole, ReadingType, Subject};
use uuid::Uuid;

use super::Plant;

impl Plant {
    pub(crate) async fn partner(&self, roles: &[PartnerRole], address: Option<&str>) -> Uuid {
        let save = SavePartner {
            partner_id: None,
            name: "Tisza Farm".to_owned(),
            address: address.map(str::to_owned),
            roles: roles.iter().copied().collect(),
        };
        self.give(save).await.unwrap().partner_id
    }

    pub(crate) async fn supplier(&self) -> Uuid {
        self.partner(&[PartnerRole::Supplier], None).await
    }

    pub(crate) async fn raw(&self, weight_grams: i64) -> LotReply {
        let supplier_id = Some(self.supplier().await);
        self.give(CreateLot { supplier_id, weight_grams, run_id: None, code: None }).await.unwrap()
    }

    pub(crate) async fn register(&self, lot_id: Uuid) {
        self.give(RegisterLot { lot_id }).await.unwrap();
    }

    pub(crate) async fn read(
        &self,
        lot_id: Uuid,
        reading_type: ReadingType,
        tenths_c: i32,
    ) -> TemperatureReply {
        let record = RecordTemperature { subject: Subject::Lot(lot_id), reading_type, tenths_c };
        self.give(record).await.unwrap()
    }

    /// Registers the lot, measures it where its gate asks for that, and lets it pass.
    pub(crate) async fn release(&self, lot: &LotReply) -> Uuid {
        self.register(lot.lot_id).await;
        if let Some(limit) = lot.lot_type.step().critical_limit {
            self.read(lot.lot_id, limit.reading_type, limit.max_tenths_c.0).await;
        }
        self.decide(lot, Decision::Pass).await.unwrap();
        lot.lot_id
    }

    pub(crate) async fn decide(
        &self,
        lot: &LotReply,
        decision: Decision,
    ) -> Result<InspectionReply, CommandError> {
        self.give(inspection(lot, decision, "looked at it closely")).await
    }

    pub(crate) async fn released_raw(&self, weight_grams: i64) -> Uuid {
        let lot = self.raw(weight_grams).await;
        self.release(&lot).await
    }

    pub(crate) async fn produce(
        &self,
        lot_type: LotType,
        inputs: &[(Uuid, i64)],
        weight_grams: i64,
    ) -> Result<LotReply, CommandError> {
        self.give(production(lot_type, inputs, weight_grams)).await
    }

    /// Makes a lot that loses nothing, and lets it pass its gate.
    pub(crate) async fn released(&self, lot_type: LotType, inputs: &[(Uuid, i64)]) -> Uuid {
        let weight_grams = inputs.iter().map(|(_, used_grams)| used_grams).sum();
        let lot = self.produce(lot_type, inputs, weight_grams).await.unwrap();
        self.release(&lot).await
    }
}

pub(crate) fn inspection(lot: &LotReply, decision: Decision, notes: &str) -> RecordInspection {
    RecordInspection {
        lot_id: lot.lot_id,
        gate: lot.lot_type.step().gate.unwrap(),
        inspection_type: "visual".to_owned(),
        decision,
        notes: notes.to_owned(),
        checklist: Vec::new(),
        signature: None,
    }
}

pub(crate) fn production(lot_type: LotType, inputs: &[(Uuid, i64)], weight_grams: i64) -> ProduceLot {
    let input = |&(lot_id, used_grams)| Input { lot_id, used_grams, from_buffer_id: None };
    ProduceLot {
        lot_type,
        inputs: inputs.iter().map(input).collect(),
        weight_grams,
        override_reason: None,
        run_id: None,
        freezer_cycle_id: None,
        code: None,
    }
}
