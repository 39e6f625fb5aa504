/// Finds a node by the hash of its id or code: open addressing over node numbers, 4 bytes a slot, at most 3/4 full.
///
/// The keys themselves lie with the nodes, so that the caller compares and hashes them.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    /// A node's number plus one; 0 is free. The length is a power of two, or 0.
    slots: Vec<u32>,
    nodes: usize,
}

impl Lookup {
    /// The node with this hash that `is` the one looked for.
    pub(super) fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut slot = hash as usize & mask;
        loop {
            match self.slots[slot] {
                0 => return None,
                node if is(node - 1) => return Some(node - 1),
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    /// Adds a node that is not known yet. `hash_of` names the hash of every known node, for the day the table grows.
    pub(super) fn insert(&mut self, node: u32, hash: u64, hash_of: impl Fn(u32) -> u64) {
        if (self.nodes + 1) * 4 > self.slots.len() * 3 {
            let size = (self.slots.len() * 2).max(16);
            let old = std::mem::replace(&mut self.slots, vec![0; size]);
            for known in old.into_iter().filter(|known| *known != 0) {
                self.place(known, hash_of(known - 1));
            }
        }
        self.place(node + 1, hash);
        self.nodes += 1;
    }

    /// Makes room at once for this many nodes.
    pub(super) fn with_room_for(nodes: usize) -> Self {
        Self { slots: vec![0; (nodes * 4 / 3 + 16).next_power_of_two()], nodes: 0 }
    }

    fn place(&mut self, entry: u32, hash: u64) {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while self.slots[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = entry;
    }
}

/// Spreads a number over all 64 bits.
pub(super) fn spread(number: u64) -> u64 {
    let mixed = (number ^ number >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 29
}

/// The hash of an id.
pub(super) fn spread_id(id: uuid::Uuid) -> u64 {
    let (high, low) = id.as_u64_pair();
    spread(high.rotate_left(23) ^ spread(low))
}

/// The hash of a text.
pub(super) fn spread_text(text: &str) -> u64 {
    text.bytes().fold(text.len() as u64, |hash, byte| spread(hash ^ u64::from(byte)))
}
