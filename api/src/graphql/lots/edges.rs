//! The ways between the plant's entities.

use projections::lots::{
    DeviationRow, Deviations, InspectionRow, Inspections, LotBoard, LotBoardRow, LotLinkRow, LotLinks,
    PartnerRow, Partners, ShipmentRow, Shipments, TemperatureReadingRow, TemperatureReadings,
};

crate::edges! {
    /// A lot by its id.
    LotById: LotBoard, LotBoardRow, lot_id, |row| Some(row.lot_id);
    /// What a lot was made from.
    ParentsOf: LotLinks, LotLinkRow, child_id, |row| Some(row.child_id), by parent_code;
    /// What was made of a lot.
    ChildrenOf: LotLinks, LotLinkRow, parent_id, |row| Some(row.parent_id), by child_code;
    /// A lot's dispatch record.
    ShipmentOf: Shipments, ShipmentRow, lot_id, |row| Some(row.lot_id);
    /// The decisions on a lot, oldest first.
    InspectionsOf: Inspections, InspectionRow, lot_id, |row| Some(row.lot_id), by position;
    /// A decision by its id.
    InspectionById: Inspections, InspectionRow, inspection_id, |row| Some(row.inspection_id);
    /// The readings of a lot, oldest first.
    ReadingsOf: TemperatureReadings, TemperatureReadingRow, lot_id, |row| row.lot_id, by position;
    /// A reading by its id.
    ReadingById: TemperatureReadings, TemperatureReadingRow, reading_id, |row| Some(row.reading_id);
    /// The deviations of a lot, oldest first.
    DeviationsOf: Deviations, DeviationRow, lot_id, |row| row.lot_id, by opened_position;
    /// A deviation by its id.
    DeviationById: Deviations, DeviationRow, deviation_id, |row| Some(row.deviation_id);
    /// A partner by its id.
    PartnerById: Partners, PartnerRow, partner_id, |row| Some(row.partner_id);
}
