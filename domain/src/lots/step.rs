use std::str::FromStr;

use super::{LotType, ReadingType, TenthsC};
use crate::{
    enumeration,
    kernel::{Enumeration as _, InvalidInput},
};

enumeration! {
    /// A quality gate, named by its key: `6.5`.
    pub enum Gate {
        /// Receipt.
        Receipt = "1" as "RECEIPT",
        /// Deboning.
        Deboning = "3" as "DEBONING",
        /// Bulk ready.
        BulkReady = "4" as "BULK_READY",
        /// Mix.
        Mix = "5" as "MIX",
        /// Skewer weigh.
        SkewerWeigh = "6" as "SKEWER_WEIGH",
        /// SKU split.
        SkuSplit = "6.5" as "SKU_SPLIT",
        /// Freeze.
        Freeze = "7" as "FREEZE",
        /// Packaging, and palletizing after it.
        Packaging = "8" as "PACKAGING",
        /// Shipment.
        Shipment = "10" as "SHIPMENT",
    }
}

enumeration! {
    /// What kind of HACCP control a gate is.
    pub enum GateClass {
        /// A critical control point: its critical limit is measured.
        Ccp = "CCP",
        /// An operational prerequisite programme.
        Oprp = "oPRP",
    }
}

/// The greatest temperature that a critical control point allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CriticalLimit {
    /// Where it is measured.
    pub reading_type: ReadingType,
    /// The greatest value allowed.
    pub max_tenths_c: TenthsC,
}

/// One of the eleven steps of production (lots.md, section 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// 0 to 10.
    pub index: u8,
    /// The English name.
    pub name: &'static str,
    /// The gate where the step's lots are decided on.
    pub gate: Option<Gate>,
    /// The gate's class.
    pub gate_class: GateClass,
    /// The limit of a critical control point.
    pub critical_limit: Option<CriticalLimit>,
    /// How much lighter than its inputs a lot may be, per mille. None: no limit, the step makes nothing from inputs.
    pub loss_per_mille: Option<i64>,
    /// How much heavier, per mille: ingredients that are not kept as lots.
    pub gain_per_mille: i64,
}

const fn step(index: u8, name: &'static str, gate: Gate) -> Step {
    Step {
        index,
        name,
        gate: Some(gate),
        gate_class: GateClass::Oprp,
        critical_limit: None,
        loss_per_mille: Some(50),
        gain_per_mille: 0,
    }
}

const fn critical(step: Step, reading_type: ReadingType, max_tenths_c: i32) -> Step {
    let critical_limit = Some(CriticalLimit { reading_type, max_tenths_c: TenthsC(max_tenths_c) });
    Step { gate_class: GateClass::Ccp, critical_limit, ..step }
}

/// The eleven steps, by index.
pub const STEPS: [Step; 11] = [
    Step { gate: None, loss_per_mille: None, ..step(0, "Start", Gate::Receipt) },
    critical(Step { loss_per_mille: None, ..step(1, "Receipt", Gate::Receipt) }, ReadingType::Surface, 40),
    Step { loss_per_mille: Some(300), ..step(2, "Deboning", Gate::Deboning) },
    step(3, "Bulk Buffer", Gate::BulkReady),
    Step { gain_per_mille: 300, ..step(4, "Mixing", Gate::Mix) },
    step(5, "Skewering", Gate::SkewerWeigh),
    Step { loss_per_mille: None, ..step(6, "SKU Split", Gate::SkuSplit) },
    critical(step(7, "Freezing", Gate::Freeze), ReadingType::Core, -180),
    step(8, "Packaging", Gate::Packaging),
    Step { loss_per_mille: Some(0), ..step(9, "Palletizing", Gate::Packaging) },
    critical(
        Step { loss_per_mille: Some(0), ..step(10, "Shipment", Gate::Shipment) },
        ReadingType::Ambient,
        -180,
    ),
];

impl LotType {
    /// The step that makes lots of this type.
    pub const fn step(self) -> &'static Step {
        &STEPS[self.step_index() as usize]
    }

    /// The step at whose gate a lot of this type may be inspected: its own step, and for rods the SKU split, whose
    /// gate only informs.
    ///
    /// # Errors
    /// When no lot of this type is inspected there.
    pub fn step_of_gate(self, gate: Gate) -> Result<&'static Step, InvalidInput> {
        let own = self.step();
        if own.gate == Some(gate) {
            Ok(own)
        } else if gate == Gate::SkuSplit && self.is_rod() {
            Ok(&STEPS[6])
        } else {
            Err(InvalidInput::new("gate", format!("must be a gate at which a {self} lot is inspected")))
        }
    }
}

impl FromStr for Gate {
    type Err = InvalidInput;

    fn from_str(key: &str) -> Result<Self, InvalidInput> {
        Self::from_text(key)
            .ok_or_else(|| InvalidInput::new("gate", "must be a gate's key: 1, 3, 4, 5, 6, 6.5, 7, 8 or 10"))
    }
}
