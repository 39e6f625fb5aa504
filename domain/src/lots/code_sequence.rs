use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LotType, Site};
use crate::{
    Decider, Refusal, events,
    kernel::{Detail, LocalDay},
};

/// A number was taken in the commit that used it, so that the series has no gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeNumberTaken {
    /// 1 to 9999.
    pub number: u16,
}

events! {
    /// What happens to a number series.
    pub enum CodeSequenceEvent {
        CodeNumberTaken = 1;
    }
}

/// The numbers of one prefix, local day and site, from 0001 without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CodeSequence {
    last_number: u16,
}

/// Takes the next number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakeNumber;

/// All 9,999 numbers of the day are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("all 9999 codes of this type, day and site are taken")]
pub struct SequenceExhausted;

impl Refusal for SequenceExhausted {
    fn code(&self) -> &'static str {
        "SEQUENCE_EXHAUSTED"
    }

    fn details(&self) -> Vec<(&'static str, Detail)> {
        vec![("last_number", Detail::Integer(i64::from(CodeSequence::LAST)))]
    }
}

impl CodeSequence {
    /// The last number that four digits hold.
    pub const LAST: u16 = 9_999;

    /// The series' stream id: `RAW-20260302-DUNA`.
    pub fn stream_id(lot_type: LotType, day: LocalDay, site: &Site) -> String {
        format!("{}-{}-{}", lot_type.code_prefix(), day.compact(), site.as_str())
    }

    /// The number taken last; 0 before the first.
    pub fn last_number(&self) -> u16 {
        self.last_number
    }
}

impl Decider for CodeSequence {
    const CATEGORY: &'static str = "code_sequence";
    type Command = TakeNumber;
    type Event = CodeSequenceEvent;
    type Error = SequenceExhausted;

    fn initial() -> Self {
        Self::default()
    }

    fn decide(&self, _: TakeNumber) -> Result<Vec<CodeSequenceEvent>, SequenceExhausted> {
        if self.last_number >= Self::LAST {
            return Err(SequenceExhausted);
        }
        Ok(vec![CodeNumberTaken { number: self.last_number + 1 }.into()])
    }

    fn evolve(self, event: &CodeSequenceEvent) -> Self {
        match event {
            CodeSequenceEvent::CodeNumberTaken(event) => {
                Self { last_number: self.last_number.max(event.number) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_run_from_1_without_a_gap_and_end_at_9999() {
        let mut sequence = CodeSequence::initial();
        for number in 1..=CodeSequence::LAST {
            let events = sequence.decide(TakeNumber).unwrap();
            assert_eq!(events, vec![CodeNumberTaken { number }.into()]);
            sequence = sequence.evolve(&events[0]);
        }
        assert_eq!(sequence.decide(TakeNumber).unwrap_err().code(), "SEQUENCE_EXHAUSTED");
    }
}
