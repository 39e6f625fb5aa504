//! What people ask about lots, and the rows that answer it (rules: lots.md, section 5).
//!
//! Reading order: [`LotBoard`] (the heart), then the others in any order, then [`genealogy`], the index in memory.

mod deviations;
pub mod genealogy;
mod inspections;
mod lot_board;
mod lot_links;
mod partners;
mod shipments;
mod temperature_readings;

pub use deviations::{DeviationRow, Deviations};
pub use inspections::{InspectionRow, Inspections};
pub use lot_board::{LotBoard, LotBoardRow};
pub use lot_links::{LotLinkRow, LotLinks};
pub use partners::{PartnerRow, Partners};
pub use shipments::{ShipmentRow, Shipments};
pub use temperature_readings::{TemperatureReadingRow, TemperatureReadings};
