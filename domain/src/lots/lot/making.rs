//! How a lot comes into being, is weighed, and goes into others.

use chrono::{DateTime, Utc};

use super::{
    AddLotInput, BalanceOverride, CreateLot, LotConsumed, LotCreated, LotEvent, LotInput, LotRefusal,
    LotSkuMixed, LotState, LotStatus, LotUsed, LotWeighed, LotsLinked, ParentLink, ProduceLot, UseLot,
};
use crate::lots::{Grams, LotType, PartnerRole, process_rules};

pub(super) fn create(known: Option<&LotState>, command: CreateLot) -> Result<Vec<LotEvent>, LotRefusal> {
    if known.is_some() {
        return Err(LotRefusal::AlreadyExists);
    }
    let weight_grams = Grams::weight("weightGrams", command.weight_grams)?;
    let (supplier_id, supplier) = command
        .supplier
        .filter(|(_, partner)| partner.roles.contains(&PartnerRole::Supplier))
        .ok_or(LotRefusal::SupplierRequired)?;
    let created = LotCreated {
        lot_code: command.lot_code,
        lot_type: LotType::Raw,
        step_index: LotType::Raw.step_index(),
        status_after: LotStatus::Created,
        run_id: command.run_id,
        supplier_id: Some(supplier_id),
        supplier_name: Some(supplier.name),
        sku: None,
        weight_grams,
        freezer_cycle_id: None,
        production_day: command.production_day,
        created_at: command.now,
    };
    Ok(vec![created.into()])
}

pub(super) fn produce(known: Option<&LotState>, command: ProduceLot) -> Result<Vec<LotEvent>, LotRefusal> {
    if known.is_some() {
        return Err(LotRefusal::AlreadyExists);
    }
    let lot_type = command.lot_type;
    process_rules::check_made_type(lot_type)?;
    process_rules::check_links(command.lot_id, &[], &command.inputs)?;
    for input in &command.inputs {
        process_rules::check_ladder(input.lot_type, lot_type)?;
    }
    let sku = process_rules::sku_of(lot_type, None, &command.inputs)?;
    let weight_grams = Grams::weight("weightGrams", command.weight_grams)?;
    let inputs_grams = command.inputs.iter().map(|input| input.used_grams).sum();
    let overridden = process_rules::check_balance(
        lot_type,
        weight_grams,
        inputs_grams,
        command.balance_override.as_ref(),
    )?;
    let created = LotCreated {
        lot_code: command.lot_code.clone(),
        lot_type,
        step_index: lot_type.step_index(),
        status_after: LotStatus::Created,
        run_id: command.run_id,
        supplier_id: None,
        supplier_name: None,
        sku,
        weight_grams,
        freezer_cycle_id: command.freezer_cycle_id,
        production_day: command.production_day,
        created_at: command.now,
    };
    let linked = LotsLinked {
        lot_code: command.lot_code,
        parents: command.inputs.into_iter().map(parent_link).collect(),
        linked_at: command.now,
    };
    let mut events = vec![created.into(), linked.into()];
    events.extend(overridden.map(LotEvent::from));
    Ok(events)
}

fn parent_link(input: LotInput) -> ParentLink {
    ParentLink {
        lot_id: input.lot_id,
        lot_code: input.lot_code,
        lot_type: input.lot_type,
        used_grams: input.used_grams,
        from_buffer_id: input.from_buffer_id,
    }
}

pub(super) fn add_input(lot: &LotState, command: AddLotInput) -> Result<Vec<LotEvent>, LotRefusal> {
    match lot.status {
        LotStatus::Created | LotStatus::Quarantine => {}
        LotStatus::Released
        | LotStatus::Hold
        | LotStatus::Rejected
        | LotStatus::Consumed
        | LotStatus::Finished => return Err(LotRefusal::Frozen { status: lot.status }),
    }
    process_rules::check_links(command.lot_id, &lot.parent_ids(), &command.inputs)?;
    for input in &command.inputs {
        process_rules::check_ladder(input.lot_type, lot.lot_type)?;
    }
    let sku = process_rules::sku_of(lot.lot_type, Some(lot.sku), &command.inputs)?;
    let weight_grams = match command.weight_grams {
        Some(grams) => Grams::amount("weightGrams", grams)?,
        None => lot.weight_grams,
    };
    let added: Grams = command.inputs.iter().map(|input| input.used_grams).sum();
    let overridden = process_rules::check_balance(
        lot.lot_type,
        weight_grams,
        lot.inputs_grams().plus(added),
        command.balance_override.as_ref(),
    )?;
    let linked = LotsLinked {
        lot_code: lot.lot_code.clone(),
        parents: command.inputs.into_iter().map(parent_link).collect(),
        linked_at: command.now,
    };
    let mut events = vec![linked.into()];
    if let Some(sku_before) = lot.sku.filter(|_| sku.is_none()) {
        events.push(LotSkuMixed { sku_before, mixed_at: command.now }.into());
    }
    events.extend(weighed(lot, weight_grams, command.now));
    events.extend(overridden.map(LotEvent::from));
    Ok(events)
}

fn weighed(lot: &LotState, weight_grams: Grams, now: DateTime<Utc>) -> Option<LotEvent> {
    (weight_grams != lot.weight_grams).then(|| {
        LotWeighed { old_weight_grams: lot.weight_grams, new_weight_grams: weight_grams, weighed_at: now }
            .into()
    })
}

pub(super) fn take(lot: &LotState, command: UseLot) -> Result<Vec<LotEvent>, LotRefusal> {
    process_rules::check_use(lot, &command)?;
    let remaining_grams = lot.remaining_grams().less(command.used_grams);
    let used = LotUsed {
        child_id: command.child_id,
        child_code: command.child_code,
        child_type: command.child_type,
        used_grams: command.used_grams,
        remaining_grams,
        from_buffer_id: command.from_buffer_id,
        used_at: command.now,
    };
    let mut events = vec![used.into()];
    if remaining_grams == Grams::ZERO {
        events.push(consumed(lot, command.now));
    }
    Ok(events)
}

pub(super) fn consumed(lot: &LotState, now: DateTime<Utc>) -> LotEvent {
    LotConsumed { status_before: lot.status, status_after: LotStatus::Consumed, consumed_at: now }.into()
}

pub(super) fn weigh(
    lot: &LotState,
    weight_grams: i64,
    balance_override: Option<&BalanceOverride>,
    now: DateTime<Utc>,
) -> Result<Vec<LotEvent>, LotRefusal> {
    let weight_grams = Grams::amount("weightGrams", weight_grams)?;
    match lot.status {
        LotStatus::Created | LotStatus::Quarantine if lot.children.is_empty() => {}
        LotStatus::Created
        | LotStatus::Quarantine
        | LotStatus::Released
        | LotStatus::Hold
        | LotStatus::Rejected
        | LotStatus::Consumed
        | LotStatus::Finished => return Err(LotRefusal::Frozen { status: lot.status }),
    }
    let overridden =
        process_rules::check_balance(lot.lot_type, weight_grams, lot.inputs_grams(), balance_override)?;
    let Some(weighed) = weighed(lot, weight_grams, now) else { return Ok(Vec::new()) };
    let mut events = vec![weighed];
    events.extend(overridden.map(LotEvent::from));
    Ok(events)
}
