use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

/// The keys of rows that were written to their table and then forgotten, as a Bloom filter: whatever it does not
/// contain is certainly absent from the table, which spares a rebuild one question for every new row. Its size is
/// fixed; when it fills up, more questions are asked, and the answers stay right.
#[derive(Default)]
pub(super) struct ForgottenKeys {
    bits: Vec<u64>,
}

/// 4 MiB: below one false answer in a hundred up to 3.5 million keys.
const WORDS: usize = 1 << 19;
const PROBES: u64 = 5;

impl ForgottenKeys {
    fn probes(table: usize, key: &impl Hash) -> impl Iterator<Item = (usize, u64)> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one((table, key));
        let step = hash.rotate_left(32) | 1;
        (0..PROBES).map(move |probe| {
            let bit = hash.wrapping_add(probe.wrapping_mul(step)) % (WORDS as u64 * 64);
            ((bit / 64) as usize, 1 << (bit % 64))
        })
    }

    pub(super) fn insert(&mut self, table: usize, key: &impl Hash) {
        if self.bits.is_empty() {
            self.bits = vec![0; WORDS];
        }
        for (word, bit) in Self::probes(table, key) {
            self.bits[word] |= bit;
        }
    }

    pub(super) fn may_contain(&self, table: usize, key: &impl Hash) -> bool {
        !self.bits.is_empty() && Self::probes(table, key).all(|(word, bit)| self.bits[word] & bit != 0)
    }
}
