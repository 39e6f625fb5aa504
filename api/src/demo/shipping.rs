//! The morning after: FRZ → FG → PAL → SHIP.

use domain::lots::{LotType, ReadingType};

use super::{DemoError, Plant, floor::Made, incidents, people::JUDIT};

/// So many 15 kg rods stand on a pallet; 30 kg rods all go on one.
const RODS_ON_A_PALLET: usize = 20;

/// What of yesterday's pallets goes where: pallet, kilograms (none: all that is left).
struct Load {
    consignee: &'static str,
    carrier: &'static str,
    pallets: &'static [(usize, Option<i64>)],
}

/// Three pallets a day: 0 and 1 carry 15 kg rods, 2 carries 30 kg rods.
const LOADS: [&[Load]; 3] = [
    &[
        Load { consignee: "pannondoner", carrier: "hidegut", pallets: &[(0, None), (2, Some(180))] },
        Load { consignee: "donaukanal", carrier: "jegmadar", pallets: &[(1, None)] },
        Load { consignee: "harbour", carrier: "northlane", pallets: &[(2, None)] },
    ],
    &[
        Load { consignee: "alfold", carrier: "hidegut", pallets: &[(0, Some(120))] },
        Load { consignee: "oresund", carrier: "jegmadar", pallets: &[(1, None), (2, None)] },
        Load { consignee: "pannondoner", carrier: "hidegut", pallets: &[(0, None)] },
    ],
    // The last day's other two pallets still stand in the cold store.
    &[Load { consignee: "harbour", carrier: "northlane", pallets: &[(0, Some(150))] }],
];

impl Plant<'_> {
    /// Packs yesterday's frozen rods, builds pallets and loads lorries; 07:00 to 14:30.
    pub(super) async fn pack_and_ship(&mut self, made_on: u32, frozen: Vec<Made>) -> Result<(), DemoError> {
        let goods = self.pack(made_on, frozen).await?;
        let pallets = self.palletize(made_on, goods).await?;
        self.ship(made_on, pallets).await
    }

    async fn pack(&mut self, made_on: u32, frozen: Vec<Made>) -> Result<Vec<Made>, DemoError> {
        self.phase(made_on + 1, "packing");
        let mut goods = Vec::new();
        for rod in &frozen {
            let label = rod.label.replace("FRZ", "FG");
            let lot_type = if rod.lot_type == LotType::Frz15 { LotType::Fg15 } else { LotType::Fg30 };
            goods.push(self.floor.make(JUDIT, &label, lot_type, &[(rod, rod.grams)], rod.grams).await?);
            self.floor.wait_seconds(35);
        }
        self.floor.pass_gate(&goods, None).await?;
        let (good, mislabelled) = incidents::set_aside(goods, &[incidents::MISLABELLED]);
        for lot in mislabelled {
            self.hold_mislabelled(&lot).await?;
        }
        Ok(good)
    }

    async fn palletize(&mut self, made_on: u32, goods: Vec<Made>) -> Result<Vec<Made>, DemoError> {
        self.phase(made_on + 1, "palletizing");
        let (small, large): (Vec<Made>, Vec<Made>) =
            goods.into_iter().partition(|lot| lot.lot_type == LotType::Fg15);
        let mut pallets = Vec::new();
        for (index, rods) in small.chunks(RODS_ON_A_PALLET).chain([large.as_slice()]).enumerate() {
            let label = format!("day-{made_on}/PAL/{}", index + 1);
            let inputs: Vec<_> = rods.iter().map(|rod| (rod, rod.grams)).collect();
            let weight = rods.iter().map(|rod| rod.grams).sum();
            pallets.push(self.floor.make(JUDIT, &label, LotType::Pal, &inputs, weight).await?);
            self.floor.wait_minutes(8);
        }
        self.floor.pass_gate(&pallets, None).await?;
        Ok(pallets)
    }

    async fn ship(&mut self, made_on: u32, pallets: Vec<Made>) -> Result<(), DemoError> {
        self.phase(made_on + 1, "shipping");
        let mut left: Vec<i64> = pallets.iter().map(|pallet| pallet.grams).collect();
        for (index, load) in LOADS[made_on as usize - 1].iter().enumerate() {
            let mut inputs = Vec::new();
            for (pallet, kilograms) in load.pallets {
                let grams = kilograms.map_or(left[*pallet], |kilograms| kilograms * 1_000);
                left[*pallet] -= grams;
                inputs.push((&pallets[*pallet], grams));
            }
            let weight = inputs.iter().map(|(_, grams)| grams).sum();
            let label = format!("day-{made_on}/SHIP/{}", index + 1);
            let shipment = self.floor.make(JUDIT, &label, LotType::Ship, &inputs, weight).await?;
            self.floor
                .pass_gate(std::slice::from_ref(&shipment), Some((ReadingType::Ambient, -215..-186)))
                .await?;
            let document = format!("CMR-{made_on}{:03}", index + 1);
            self.floor.ship(JUDIT, &shipment, load.consignee, load.carrier, &document).await?;
            self.floor.wait_minutes(25);
        }
        Ok(())
    }
}
