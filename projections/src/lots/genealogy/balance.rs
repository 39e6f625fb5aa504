use domain::lots::{LotStatus, LotType};

use super::graph::{Amounts, LotNode};

/// Where the grams of a recalled lot and of everything made of it are. At every position of the log, exactly:
///
/// `received + joined + gain = process_loss + in_process + written_off + rejected + in_stock + shipped`
///
/// Each lot's weight is what was used of it, written off, shipped, and what remains; each lot that was made weighs its
/// inputs less loss, plus gain. What goes from one lot of the recall into another stands on both sides and falls out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MassBalance {
    /// The weight of RAW lots.
    pub received_grams: i64,
    /// What came in from lots outside the recall: other parents of its lots, and what the recalled lot itself was made from.
    pub joined_grams: i64,
    /// By how much lots are heavier than their inputs: ingredients that are not kept as lots.
    pub gain_grams: i64,
    /// By how much lots are lighter than their inputs: bones, drip, cuttings.
    pub process_loss_grams: i64,
    /// The inputs of lots that were not weighed yet.
    pub in_process_grams: i64,
    /// What was written off.
    pub written_off_grams: i64,
    /// What remains of rejected lots.
    pub rejected_grams: i64,
    /// What remains of all others.
    pub in_stock_grams: i64,
    /// What left the plant.
    pub shipped_grams: i64,
    /// The weight of every lot that was made from others, each stage counted. Stands outside the balance.
    pub made_grams: i64,
}

impl MassBalance {
    /// What came in: received, joined and gained.
    pub fn in_grams(&self) -> i64 {
        self.received_grams + self.joined_grams + self.gain_grams
    }

    /// Where it is now. Equal to [`Self::in_grams`], to the gram.
    pub fn out_grams(&self) -> i64 {
        self.process_loss_grams
            + self.in_process_grams
            + self.written_off_grams
            + self.rejected_grams
            + self.in_stock_grams
            + self.shipped_grams
    }

    /// Counts a lot. Only whole families balance: whoever counts a lot counts all of its descendants.
    pub(super) fn count(&mut self, node: &LotNode, amounts: &Amounts) {
        if node.lot_type == LotType::Raw && amounts.inputs == 0 {
            self.received_grams += amounts.weight;
        } else {
            self.joined_grams += amounts.inputs;
            self.made_grams += amounts.weight;
            match amounts.inputs - amounts.weight {
                _ if amounts.weight == 0 => self.in_process_grams += amounts.inputs,
                loss if loss >= 0 => self.process_loss_grams += loss,
                gain => self.gain_grams -= gain,
            }
        }
        self.written_off_grams += amounts.written_off;
        self.shipped_grams += amounts.shipped;
        if amounts.status == LotStatus::Rejected {
            self.rejected_grams += amounts.remaining();
        } else {
            self.in_stock_grams += amounts.remaining();
        }
        // What this lot gave to others: every one of them is counted too, with this among its inputs.
        self.joined_grams -= amounts.used;
    }
}
