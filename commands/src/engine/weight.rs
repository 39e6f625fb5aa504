use super::aggregate::{AnyState, Codec};

/// What an entry takes besides its state: key, slot, lock and the places in the maps, roughly.
const OVERHEAD_BYTES: usize = 512;
/// A state in memory to its length as JSON: strings have capacities, numbers and maps more than their digits.
const MEMORY_TO_TEXT: usize = 2;
/// Growth below this is not worth a look.
const LEAST_GROWTH: usize = 1_024;

/// What a cached state takes in memory, roughly. Writing a state out to weigh it costs as much as a snapshot, so it is done anew only
/// once its stream has grown by as many bytes as it weighs: a state cannot have grown much more than its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weight {
    text: usize,
    /// Bytes of the events that have come since.
    grown: usize,
}

impl Weight {
    pub(super) fn of(codec: &dyn Codec, state: &AnyState) -> Self {
        Self { text: codec.text_bytes(state), grown: 0 }
    }

    /// Of just so many bytes.
    #[cfg(test)]
    pub(super) fn known(bytes: usize) -> Self {
        Self { text: (bytes - OVERHEAD_BYTES) / MEMORY_TO_TEXT, grown: 0 }
    }

    /// The weight of the state after so many bytes of events more.
    pub(super) fn after(self, events: usize, codec: &dyn Codec, state: &AnyState) -> Self {
        let grown = self.grown + events;
        if grown < self.text.max(LEAST_GROWTH) {
            return Self { grown, ..self };
        }
        Self::of(codec, state)
    }

    /// Counts growth that has not been looked at, so that the bound holds.
    pub(super) fn bytes(self) -> usize {
        OVERHEAD_BYTES + MEMORY_TO_TEXT * (self.text + self.grown)
    }
}
