//! How a lot ends: written off, shipped, finished.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    LotEvent, LotFinished, LotRefusal, LotShipped, LotState, LotStatus, LotWrittenOff, ShipLot,
    ShippingParty, making::consumed,
};
use crate::{
    kernel::{InvalidInput, TextRule},
    lots::{LotCode, LotType, PartnerRole, PartnerSaved, process_rules},
};

const DOCUMENT: TextRule = TextRule::line("document", 1, 100);

pub(super) fn write_off(
    lot: &LotState,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Vec<LotEvent>, LotRefusal> {
    let reason = process_rules::accept_reason("reason", reason)?;
    match lot.status {
        LotStatus::Released => {}
        LotStatus::Consumed | LotStatus::Finished if lot.write_off_reason.as_ref() == Some(&reason) => {
            return Ok(Vec::new());
        }
        LotStatus::Created
        | LotStatus::Quarantine
        | LotStatus::Hold
        | LotStatus::Rejected
        | LotStatus::Consumed
        | LotStatus::Finished => return Err(LotRefusal::State { status: lot.status }),
    }
    if lot.children.is_empty() {
        return Err(LotRefusal::NoChild);
    }
    let written_off = LotWrittenOff { written_off_grams: lot.remaining_grams(), reason, written_off_at: now };
    Ok(vec![written_off.into(), consumed(lot, now)])
}

pub(super) fn finish(
    lot: &LotState,
    children: Vec<(LotCode, LotStatus)>,
    now: DateTime<Utc>,
) -> Result<Vec<LotEvent>, LotRefusal> {
    match lot.status {
        LotStatus::Consumed => {}
        LotStatus::Finished => return Ok(Vec::new()),
        LotStatus::Created
        | LotStatus::Quarantine
        | LotStatus::Released
        | LotStatus::Hold
        | LotStatus::Rejected => return Err(LotRefusal::State { status: lot.status }),
    }
    let open: Vec<LotCode> = children
        .into_iter()
        .filter_map(|(lot_code, status)| (!status.is_closed()).then_some(lot_code))
        .collect();
    if !open.is_empty() {
        return Err(LotRefusal::ChildrenOpen { lots: open });
    }
    Ok(vec![finished(lot, now)])
}

fn finished(lot: &LotState, now: DateTime<Utc>) -> LotEvent {
    LotFinished {
        status_before: LotStatus::Consumed,
        status_after: LotStatus::Finished,
        parent_ids: lot.parent_ids(),
        finished_at: now,
    }
    .into()
}

/// A partner's name and address as the dispatch record needs them.
fn shipping_party(
    field: &'static str,
    role: PartnerRole,
    (partner_id, partner): (Uuid, PartnerSaved),
) -> Result<ShippingParty, LotRefusal> {
    if !partner.roles.contains(&role) {
        let missing = match role {
            PartnerRole::Supplier => "role SUPPLIER",
            PartnerRole::Customer => "role CUSTOMER",
            PartnerRole::Carrier => "role CARRIER",
        };
        return Err(LotRefusal::PartnerIncomplete { field, missing });
    }
    let address = partner.address.ok_or(LotRefusal::PartnerIncomplete { field, missing: "address" })?;
    Ok(ShippingParty { partner_id, name: partner.name, address })
}

pub(super) fn ship(lot: &LotState, command: ShipLot) -> Result<Vec<LotEvent>, LotRefusal> {
    let document = DOCUMENT.accept(&command.document).map_err(InvalidInput::from)?;
    if lot.lot_type != LotType::Ship {
        return Err(InvalidInput::new("lotId", format!("must be a SHIP lot, it is {}", lot.lot_type)).into());
    }
    let is_same_shipment = lot.shipment.as_ref().is_some_and(|known| {
        let asked_carrier = command.carrier.as_ref().map(|(carrier_id, _)| *carrier_id);
        (known.consignee_id, known.carrier_id, &known.document)
            == (command.consignee.0, asked_carrier, &document)
    });
    match lot.status {
        LotStatus::Released => {}
        LotStatus::Finished if is_same_shipment => return Ok(Vec::new()),
        LotStatus::Created | LotStatus::Quarantine => {
            return Err(LotRefusal::QcPending { lots: vec![lot.lot_code.clone()] });
        }
        LotStatus::Hold | LotStatus::Rejected | LotStatus::Consumed | LotStatus::Finished => {
            return Err(LotRefusal::State { status: lot.status });
        }
    }
    if !lot.has_passed_own_gate() {
        return Err(LotRefusal::QcPending { lots: vec![lot.lot_code.clone()] });
    }
    let carrier = command
        .carrier
        .map(|carrier| shipping_party("carrierId", PartnerRole::Carrier, carrier))
        .transpose()?;
    let shipped = LotShipped {
        lot_code: lot.lot_code.clone(),
        shipped_grams: lot.remaining_grams(),
        dispatcher: command.dispatcher,
        consignee: shipping_party("consigneeId", PartnerRole::Customer, command.consignee)?,
        carrier,
        document,
        dispatch_day: command.dispatch_day,
        shipped_at: command.now,
    };
    Ok(vec![shipped.into(), consumed(lot, command.now), finished(lot, command.now)])
}
