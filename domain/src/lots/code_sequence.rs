use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LotType, Site};
use crate::{Decider, events, kernel::LocalDay, refusals};

/// A number was taken in the commit that used it, so that the series has no gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeNumberTaken {
    /// 1 to 9999.
    pub number: u16,
}

/// A number was given away by hand, in the commit that used it: the series will pass over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeNumberReserved {
    /// 1 to 9999.
    pub number: u16,
}

events! {
    /// What happens to a number series.
    pub enum CodeSequenceEvent {
        CodeNumberTaken = 1;
        CodeNumberReserved = 1;
    }
}

/// The numbers of one prefix, local day and site, from 0001 without a gap.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CodeSequence {
    last_number: u16,
    /// Given by hand, above the last number.
    reserved: BTreeSet<u16>,
}

/// What may be asked of a number series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeSequenceCommand {
    /// Takes the next number that was not given by hand.
    Take,
    /// Keeps a number for the code that was given by hand; one below the next: no event.
    Reserve {
        /// 1 to 9999.
        number: u16,
    },
}

refusals! {
    /// All 9,999 numbers of the day are taken.
    pub struct SequenceExhausted = "SEQUENCE_EXHAUSTED",
        "all 9999 codes of this type, day and site are taken",
        tells { last_number: i64::from(CodeSequence::LAST) };
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
    type Command = CodeSequenceCommand;
    type Event = CodeSequenceEvent;
    type Error = SequenceExhausted;

    fn decide(&self, command: CodeSequenceCommand) -> Result<Vec<CodeSequenceEvent>, SequenceExhausted> {
        match command {
            CodeSequenceCommand::Take => {
                let mut free = (1..=Self::LAST).skip(self.last_number.into());
                let number = free.find(|number| !self.reserved.contains(number)).ok_or(SequenceExhausted)?;
                Ok(vec![CodeNumberTaken { number }.into()])
            }
            CodeSequenceCommand::Reserve { number } => {
                let is_known = number <= self.last_number || self.reserved.contains(&number);
                Ok(if is_known { Vec::new() } else { vec![CodeNumberReserved { number }.into()] })
            }
        }
    }

    fn evolve(mut self, event: &CodeSequenceEvent) -> Self {
        match event {
            CodeSequenceEvent::CodeNumberTaken(event) => {
                self.last_number = self.last_number.max(event.number);
                self.reserved = self.reserved.split_off(&self.last_number.saturating_add(1));
            }
            CodeSequenceEvent::CodeNumberReserved(event) => {
                self.reserved.insert(event.number);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Refusal as _, kernel::Detail};

    #[test]
    fn numbers_run_from_1_without_a_gap_and_end_at_9999() {
        let mut sequence = CodeSequence::initial();
        for number in 1..=CodeSequence::LAST {
            let events = sequence.decide(CodeSequenceCommand::Take).unwrap();
            assert_eq!(events, vec![CodeNumberTaken { number }.into()]);
            sequence = sequence.evolve(&events[0]);
        }
        let exhausted = sequence.decide(CodeSequenceCommand::Take).unwrap_err();
        assert_eq!(exhausted.code(), "SEQUENCE_EXHAUSTED");
        assert_eq!(exhausted.to_string(), "all 9999 codes of this type, day and site are taken");
        assert_eq!(exhausted.details(), [("last_number", Detail::Integer(9_999))]);
    }

    #[test]
    fn the_series_passes_over_what_was_given_by_hand_however_much_it_is() {
        let mut sequence = CodeSequence::initial();
        let mut decide = |command| {
            let events = sequence.decide(command)?;
            sequence = events.iter().fold(sequence.clone(), CodeSequence::evolve);
            Ok::<_, SequenceExhausted>(events)
        };
        for number in (1..=9_000).chain([9_002, CodeSequence::LAST]) {
            let reserve = CodeSequenceCommand::Reserve { number };
            assert_eq!(decide(reserve), Ok(vec![CodeNumberReserved { number }.into()]));
            assert_eq!(decide(reserve), Ok(Vec::new()), "reserving twice changes nothing");
        }
        for number in (9_001..CodeSequence::LAST).filter(|number| *number != 9_002) {
            assert_eq!(decide(CodeSequenceCommand::Take), Ok(vec![CodeNumberTaken { number }.into()]));
        }
        assert_eq!(decide(CodeSequenceCommand::Take), Err(SequenceExhausted));
        assert_eq!(decide(CodeSequenceCommand::Reserve { number: 1 }), Ok(Vec::new()));
    }
}
