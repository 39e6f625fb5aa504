//! Families of lots: the genealogy for recalls.

use commands::ports::Commit;
use domain::lots::{
    Grams, LotType,
    lot::{LotsLinked, ParentLink},
};

use super::{
    past,
    plant::{LOTS_A_COMMIT, Plant},
};

/// Lots in one family: a root and all that was made of it, ten layers of 900.
pub const FAMILY_LOTS: u64 = 1 + LAYERS * LAYER_LOTS;
/// Links in one family: 2.7 for each lot that was made of others.
pub const FAMILY_LINKS: u64 = LAYER_LOTS + (LAYERS - 1) * LAYER_LOTS / 9 * 26;
const LAYERS: u64 = 10;
const LAYER_LOTS: u64 = 900;

impl Plant {
    /// Families of lots. Every lot but the root comes from the root, over the layers between: the first layer from the root
    /// alone, the others from three lots of the layer before, each ninth from two.
    pub fn families(self, families: u64) -> impl Iterator<Item = anyhow::Result<Commit>> + Send {
        (0..families).flat_map(move |family| {
            let (plant, layers) = (self.clone(), self.clone());
            let root = family * FAMILY_LOTS;
            let made = (0..LAYERS * LAYER_LOTS)
                .step_by(LOTS_A_COMMIT as usize)
                .map(move |from| layers.made(root, from..from + LOTS_A_COMMIT));
            std::iter::once_with(move || plant.received(root)).chain(made)
        })
    }

    fn received(&self, root: u64) -> anyhow::Result<Commit> {
        let at = self.at(root);
        let received = self.created(LotType::Raw, root, Grams(500_000), at);
        Ok(past::commit_at(self.tenant, vec![self.write(root, 0, vec![received.into()])?], at))
    }

    fn made(&self, root: u64, lots: std::ops::Range<u64>) -> anyhow::Result<Commit> {
        let at = self.at(root + lots.start);
        let writes = lots.map(|index| {
            let number = root + 1 + index;
            let created = self.created(LotType::Deb, number, Grams(15_000), at);
            let linked = LotsLinked {
                lot_code: self.code(LotType::Deb, number),
                parents: self.parents(root, index),
                linked_at: at,
            };
            self.write(number, 0, vec![created.into(), linked.into()])
        });
        Ok(past::commit_at(self.tenant, writes.collect::<anyhow::Result<_>>()?, at))
    }

    /// The parents of the lot at `index` below its root: different ones, scattered over the layer before.
    fn parents(&self, root: u64, index: u64) -> Vec<ParentLink> {
        let link = |lot_type, number| ParentLink {
            lot_id: Self::lot_id(number),
            lot_code: self.code(lot_type, number),
            lot_type,
            used_grams: Grams(5_000),
            from_buffer_id: None,
        };
        let (layer, place) = (index / LAYER_LOTS, index % LAYER_LOTS);
        if layer == 0 {
            return vec![link(LotType::Raw, root)];
        }
        let count = if index.is_multiple_of(9) { 2 } else { 3 };
        // 7 and 900 have no common divisor: each lot of a layer is a first parent once.
        let parent =
            |nth: u64| root + 1 + (layer - 1) * LAYER_LOTS + (place * 7 + nth * 311 + layer) % LAYER_LOTS;
        (0..count).map(|nth| link(LotType::Deb, parent(nth))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_family_has_as_many_links_as_it_says_and_no_lot_without_descent() {
        let plant = Plant::try_new(Uuid::nil()).unwrap();
        let mut reached = HashSet::from([Plant::lot_id(0)]);
        let mut links = 0;
        for index in 0..FAMILY_LOTS - 1 {
            let parents = plant.parents(0, index);
            let different: HashSet<_> = parents.iter().map(|parent| parent.lot_id).collect();
            assert_eq!(different.len(), parents.len());
            assert!(parents.iter().all(|parent| reached.contains(&parent.lot_id)));
            links += parents.len() as u64;
            reached.insert(Plant::lot_id(index + 1));
        }
        assert_eq!(links, FAMILY_LINKS);
        assert_eq!(reached.len() as u64, FAMILY_LOTS);
    }
}
