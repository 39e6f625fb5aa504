//! The plant in GraphQL: lots and what happens to them, one module an aggregate.
//!
//! Thin on purpose: a mutation is one command, a query reads rows. Reading order: [`partner`] (the smallest), [`lot`] (the
//! heart), then [`inspection`], [`deviation`] and [`temperature`] in any order, then `tracing`, which asks the index in memory.

pub mod deviation;
pub mod inspection;
pub mod lot;
pub mod partner;
pub mod temperature;
mod tracing;

pub use deviation::{Deviation, DeviationLists, DeviationMutations};
pub use inspection::{Inspection, InspectionLists, InspectionMutations};
pub use lot::{Lot, LotLists, LotMutations, LotQueries};
pub use partner::{Partner, PartnerLists, PartnerMutations};
pub use temperature::{TemperatureLists, TemperatureMutations, TemperatureReading};
pub use tracing::TracingQueries;

use super::kernel::Named;

/// Declares what ids may name before it can be read.
macro_rules! named {
    ($( $(#[$meta:meta])* $name:ident; )*) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl Named for $name {
            const TYPE: &'static str = stringify!($name);
        }
    )* };
}

named! {
    /// A run of the plant.
    Run;
    /// A place where goods wait.
    Buffer;
    /// One freezing of many rods.
    FreezerCycle;
}
