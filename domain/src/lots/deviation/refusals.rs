use super::DeviationStatus;
use crate::refusals;

refusals! {
    /// Why a deviation refuses.
    pub enum DeviationRefusal {
        /// It has passed the state that the command starts from.
        State { status: DeviationStatus } = "DEVIATION_STATE", "the deviation is {status}", tells { status };
        /// It must be decided what becomes of the goods before it is signed off.
        Open = "DEVIATION_OPEN", "the deviation has no disposition yet";
        /// Whoever took the reading cannot sign its deviation off.
        SamePerson = "SAME_PERSON", "the reading was recorded by the same person";
    }
}
