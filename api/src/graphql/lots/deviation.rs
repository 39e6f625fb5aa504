//! What went wrong, and what becomes of it.

use chrono::{DateTime, Utc};
use commands::lots::{CloseDeviation, DeviationReply, DispositionDeviation};
use domain::lots::{DeviationStatus, Disposition, HoldCause};
use projections::lots::{DeviationRow, Deviations};

use super::{Lot, temperature::MeasuredReading};
use crate::graphql::kernel::{E, Id};

crate::entity! {
    /// A breach: what it was, what became of the goods, why, and who signed it off.
    Deviation = DeviationFields of DeviationRow in Deviations, needs PlantRead, past, version;
    fields |deviation| {
        /// What put the goods on hold.
        cause: E<HoldCause> = E(deviation.cause);
        /// Why, in words.
        reason: &str = &deviation.reason;
        /// The reading and the limit that it violated.
        reading: Option<MeasuredReading> = deviation.reading.as_ref().map(|reading| MeasuredReading::from(&**reading));
        /// Where it stands.
        status: E<DeviationStatus> = E(deviation.status);
        /// What becomes of the goods.
        disposition: Option<E<Disposition>> = deviation.disposition.map(E);
        /// Why it came to this.
        root_cause: Option<&str> = deviation.root_cause.as_deref();
        /// Whose reading, decision or hold it was.
        opened_by: &str = &deviation.opened_by;
        /// When it was opened.
        opened_at: DateTime<Utc> = deviation.opened_at;
        /// Who decided what becomes of the goods.
        dispositioned_by: Option<&str> = deviation.dispositioned_by.as_deref();
        /// When that was decided.
        dispositioned_at: Option<DateTime<Utc>> = deviation.dispositioned_at;
        /// Who signed it off.
        closed_by: Option<&str> = deviation.closed_by.as_deref();
        /// When it was signed off.
        closed_at: Option<DateTime<Utc>> = deviation.closed_at;
        /// How many reminders were sent, one for each day that nobody decided.
        reminders: u32 = deviation.reminders;
    }
    names {
        /// The lot that was held.
        lot: Lot = lot_id;
    }
    lists DeviationLists {
        /// The deviations, newest first.
        deviations(filter: DeviationFilter, "Which deviations.") by opened_position, Descending;
    }
}

crate::inputs! {
    /// Decides what becomes of held goods.
    DispositionDeviationInput => DispositionDeviation {
        /// The deviation.
        deviation_id as "deviation": Id<Deviation>,
        /// The decision.
        disposition: E<Disposition>,
        /// 10 to 2,000 characters, when it is known already.
        root_cause: Option<String>,
    }

    /// Signs a deviation off.
    CloseDeviationInput => CloseDeviation {
        /// The deviation.
        deviation_id as "deviation": Id<Deviation>,
        /// 10 to 2,000 characters; may be left out when the disposition named it.
        root_cause: Option<String>,
    }
}

crate::mutations! {
    DeviationMutations answer DeviationPayload of DeviationReply with a deviation: Deviation {
        /// Decides what becomes of held goods. Needs `run:control`.
        disposition_deviation("dispositionDeviation", DispositionDeviationInput);
        /// Signs a deviation off; not by whoever recorded the reading. Needs `run:control`.
        close_deviation("closeDeviation", CloseDeviationInput);
    }
}

crate::filters! {
    /// Which deviations.
    DeviationFilter {
        /// One of these.
        status: Vec<E<DeviationStatus>> => status,
        /// Of this lot.
        lot: Id<Lot> => lot_id,
    }
}
