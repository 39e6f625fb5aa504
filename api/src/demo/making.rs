//! One production day, from the lorry to the freezer: RAW → DEB → BULK → MIX → SKW → FRZ.

use domain::lots::{LotType, ReadingType, Sku};

use super::{
    DemoError, Plant,
    floor::{Made, spread},
    incidents,
    people::{ANNA, JUDIT, TIBOR},
};

/// The day's plan: 40 × 15 kg and 15 × 30 kg, 1,050 kg net.
const RODS_OF_15: usize = 40;
const RODS_OF_30: usize = 15;
/// So many 30 kg rods still come from the first mix.
const RODS_OF_30_FROM_FIRST_MIX: usize = 4;
/// What the first mix takes from the second bulk lot.
const BULK_SHARED_GRAMS: i64 = 178_000;

impl Plant<'_> {
    /// Until 17:30. Answers the frozen rods that may be packed the next morning.
    pub(super) async fn make(&mut self, day: u32, raw: Vec<Made>) -> Result<Vec<Made>, DemoError> {
        let deboned = self.debone(day, raw).await?;
        let bulk = self.bulk(day, deboned).await?;
        let mixes = self.mix(day, bulk).await?;
        let rods = self.skewer(day, mixes).await?;
        self.freeze(day, rods).await
    }

    /// Four deliveries of about 330 kg; on the first day a fifth that came too warm.
    pub(super) async fn receive(&mut self, day: u32) -> Result<Vec<Made>, DemoError> {
        self.phase(day, "receiving");
        self.reach(day, 6, 15);
        let suppliers = ["kisduna", "matraalja", "bluehill", "kisduna", "matraalja"];
        let mut accepted = Vec::new();
        let deliveries = if day == 1 { 5 } else { 4 };
        for (index, supplier) in suppliers.into_iter().cycle().skip(day as usize).take(deliveries).enumerate()
        {
            let label = format!("day-{day}/RAW/{}", index + 1);
            let weight = 326_000 + spread(&label, 9_000);
            let lot = self.floor.receive(ANNA, &label, supplier, weight).await?;
            self.floor.wait_minutes(6);
            if label == incidents::WARM_DELIVERY {
                self.refuse_warm_delivery(&lot).await?;
            } else {
                accepted.push(lot);
            }
        }
        self.floor.pass_gate(&accepted, Some((ReadingType::Surface, 8..36))).await?;
        Ok(accepted)
    }

    async fn debone(&mut self, day: u32, raw: Vec<Made>) -> Result<Vec<Made>, DemoError> {
        self.phase(day, "deboning");
        self.reach(day, 7, 45);
        let mut deboned = Vec::new();
        for (index, lot) in raw.iter().enumerate() {
            let label = format!("day-{day}/DEB/{}", index + 1);
            // Bones and skin are a good quarter.
            let weight = lot.grams * (731 + spread(&label, 9)) / 1_000;
            deboned.push(self.floor.make(ANNA, &label, LotType::Deb, &[(lot, lot.grams)], weight).await?);
            self.floor.wait_minutes(7);
        }
        let (suspect, clean): (Vec<Made>, Vec<Made>) =
            deboned.iter().cloned().partition(|lot| lot.label == incidents::BONE_SPLINTERS);
        self.floor.pass_gate(&clean, None).await?;
        for lot in suspect {
            self.hold_for_bone_splinters(&lot).await?;
        }
        Ok(deboned)
    }

    /// Two DEB lots go into each BULK lot.
    async fn bulk(&mut self, day: u32, deboned: Vec<Made>) -> Result<Vec<Made>, DemoError> {
        self.phase(day, "filling the bulk buffer");
        self.reach(day, 9, 10);
        let mut bulk = Vec::new();
        for (index, pair) in deboned.chunks(2).enumerate() {
            let label = format!("day-{day}/BULK/{}", index + 1);
            let inputs: Vec<_> = pair.iter().map(|lot| (lot, lot.grams)).collect();
            let weight = used(&inputs) * (990 + spread(&label, 8)) / 1_000;
            bulk.push(self.floor.make(ANNA, &label, LotType::Bulk, &inputs, weight).await?);
            self.floor.wait_minutes(5);
        }
        self.floor.pass_gate(&bulk, None).await?;
        Ok(bulk)
    }

    /// The first mix also takes from the second bulk lot, so that a recall of the last deliveries reaches both mixes and one of
    /// the first deliveries only one.
    async fn mix(&mut self, day: u32, bulk: Vec<Made>) -> Result<Vec<Made>, DemoError> {
        self.phase(day, "mixing");
        self.reach(day, 9, 40);
        let [first, second] = bulk.as_slice() else { return Ok(Vec::new()) };
        let recipes = [
            vec![(first, first.grams), (second, BULK_SHARED_GRAMS)],
            vec![(second, second.grams - BULK_SHARED_GRAMS)],
        ];
        let mut mixes = Vec::new();
        for (index, inputs) in recipes.iter().enumerate() {
            let label = format!("day-{day}/MIX/{}", index + 1);
            // Water, salt and spices are not kept as lots.
            let weight = used(inputs) * (1_126 + spread(&label, 6)) / 1_000;
            mixes.push(self.floor.make(TIBOR, &label, LotType::Mix, inputs, weight).await?);
            self.floor.wait_minutes(9);
        }
        self.floor.pass_gate(&mixes, None).await?;
        Ok(mixes)
    }

    /// One rod is one lot. What stays in the mixer is written off, except on the last day.
    async fn skewer(&mut self, day: u32, mixes: Vec<Made>) -> Result<Vec<Made>, DemoError> {
        self.phase(day, "skewering");
        self.reach(day, 10, 5);
        let [first, second] = mixes.as_slice() else { return Ok(Vec::new()) };
        let plan = [
            (Sku::Kg15, first, RODS_OF_15),
            (Sku::Kg30, first, RODS_OF_30_FROM_FIRST_MIX),
            (Sku::Kg30, second, RODS_OF_30 - RODS_OF_30_FROM_FIRST_MIX),
        ];
        let mut rods: Vec<Made> = Vec::new();
        let mut left = [first.grams, second.grams];
        for (sku, mix, count) in plan {
            for _ in 0..count {
                let number = rods.iter().filter(|rod| rod.lot_type == rod_of(sku)).count() + 1;
                let label = format!("day-{day}/{}/{number}", rod_of(sku));
                let weight = sku.nominal_grams() - 150 + spread(&label, 300);
                // The machine trims about one per cent.
                let taken = weight + sku.nominal_grams() / 100 + spread(&format!("{label}/trim"), 40);
                rods.push(self.floor.make(TIBOR, &label, rod_of(sku), &[(mix, taken)], weight).await?);
                left[usize::from(mix.id == second.id)] -= taken;
                self.floor.wait_seconds(150);
            }
        }
        let (good, torn) = incidents::set_aside(rods, &[incidents::TORN_ROD]);
        self.floor.pass_gate(&good, None).await?;
        for rod in torn {
            self.fail_torn_rod(&rod).await?;
        }
        if day < incidents::LAST_DAY {
            for (mix, _) in mixes.iter().zip(left).filter(|(_, left)| *left > 0) {
                self.write_off_mixer(mix).await?;
            }
        }
        Ok(good)
    }

    async fn freeze(&mut self, day: u32, rods: Vec<Made>) -> Result<Vec<Made>, DemoError> {
        self.phase(day, "freezing");
        self.reach(day, 15, 30);
        let mut frozen = Vec::new();
        for rod in &rods {
            let label = rod.label.replace("SKW", "FRZ");
            let weight = rod.grams * (990 + spread(&label, 6)) / 1_000;
            let lot_type = if rod.lot_type == LotType::Skw15 { LotType::Frz15 } else { LotType::Frz30 };
            frozen.push(self.floor.make(JUDIT, &label, lot_type, &[(rod, rod.grams)], weight).await?);
            self.floor.wait_seconds(40);
        }
        let (mut packable, warm) =
            incidents::set_aside(frozen, &[incidents::WARM_ROD_REFROZEN, incidents::WARM_ROD_LEFT_OPEN]);
        self.floor.pass_gate(&packable, Some((ReadingType::Core, -230..-184))).await?;
        for rod in warm {
            packable.extend(self.hold_warm_rod(rod).await?);
        }
        Ok(packable)
    }
}

fn used(inputs: &[(&Made, i64)]) -> i64 {
    inputs.iter().map(|(_, grams)| grams).sum()
}

fn rod_of(sku: Sku) -> LotType {
    match sku {
        Sku::Kg15 => LotType::Skw15,
        Sku::Kg30 => LotType::Skw30,
    }
}
