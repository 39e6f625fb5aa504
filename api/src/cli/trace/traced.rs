use std::collections::HashMap;

use commands::ports::{Position, TenantId};
use domain::lots::GenealogyDirection;
use drawing::{Link, Node, Picture};
use projections::lots::genealogy::{
    Consignee, Genealogy, GenealogyLot, GenealogyRefusal, LotLink, LotRef, MassBalance,
};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cli::{Failure, Outcome, Table, grouped, kilograms};

/// Which ways a trace follows.
#[derive(Debug, Clone, Copy)]
pub struct Ways {
    pub forward: bool,
    pub backward: bool,
}

/// More than there are rungs on the ladder: everything.
const ALL: Option<i64> = Some(10);

/// A lot with everything that it was made of, or that was made of it.
pub struct Traced {
    ways: Ways,
    position: Position,
    as_of: Option<Position>,
    /// The lot asked for comes first.
    lots: Vec<GenealogyLot>,
    links: Vec<LotLink>,
    /// Who received what was made of it, when that way was followed.
    recall: Option<(Vec<Consignee>, MassBalance)>,
}

impl Traced {
    pub fn of(
        index: &Genealogy,
        tenant: TenantId,
        lot: Uuid,
        ways: Ways,
        as_of: Option<Position>,
    ) -> Result<Self, GenealogyRefusal> {
        let lot = LotRef::Id(lot);
        let mut traced = Self { ways, position: 0, as_of, lots: Vec::new(), links: Vec::new(), recall: None };
        let directions =
            [(ways.forward, GenealogyDirection::Forward), (ways.backward, GenealogyDirection::Backward)];
        for (_, direction) in directions.into_iter().filter(|(wanted, _)| *wanted) {
            let part = index.genealogy(tenant, lot, direction, ALL, as_of)?;
            // Of two ways the second one begins with the lot that is there already; no other lot lies on both.
            let known = usize::from(!traced.lots.is_empty());
            traced.lots.extend(part.nodes(known, usize::MAX));
            traced.links.extend(part.links(0, usize::MAX));
            traced.position = part.position;
        }
        if ways.forward {
            let scope = index.recall_scope(tenant, lot, as_of)?;
            traced.recall = Some((scope.consignees, scope.balance));
        }
        Ok(traced)
    }

    /// `178 lots, 260 links`.
    pub fn size(&self) -> String {
        let (lots, links) = (self.lots.len() as i64, self.links.len() as i64);
        format!("{} lots, {} links", grouped(lots), grouped(links))
    }

    pub fn picture(&self) -> Picture {
        let index: HashMap<Uuid, usize> =
            self.lots.iter().enumerate().map(|(index, known)| (known.lot.lot_id, index)).collect();
        let shipped = self.notes_of_shipments();
        let nodes = self.lots.iter().map(|GenealogyLot { lot, depth }| Node {
            code: lot.lot_code.clone(),
            lot_type: lot.lot_type,
            status: lot.status,
            step_index: lot.step_index,
            weight_grams: lot.weight_grams,
            is_root: *depth == 0,
            note: match &lot.supplier {
                Some(supplier) => Some(format!("from {}", supplier.name)),
                None => shipped.get(&lot.lot_id).cloned(),
            },
        });
        let link = |link: &LotLink| {
            let (parent, child) = (*index.get(&link.parent_id)?, *index.get(&link.child_id)?);
            Some(Link { parent, child, used_grams: link.used_grams })
        };
        Picture {
            title: self.title(),
            nodes: nodes.collect(),
            links: self.links.iter().filter_map(link).collect(),
        }
    }

    fn title(&self) -> String {
        let code = self.lots.first().map_or("", |known| known.lot.lot_code.as_str());
        let what = match self.ways {
            Ways { forward: true, backward: true } => {
                format!("{code}: what it was made of, and what was made of it")
            }
            Ways { forward: true, backward: false } => format!("What was made of {code}"),
            Ways { forward: false, .. } => format!("What {code} was made of"),
        };
        match self.as_of {
            Some(_) => format!("{what}, as of position {}", self.position),
            None => what,
        }
    }

    fn notes_of_shipments(&self) -> HashMap<Uuid, String> {
        let consignees = self.recall.iter().flat_map(|(consignees, _)| consignees);
        let notes = consignees.flat_map(|consignee| {
            consignee.deliveries.iter().map(|delivery| (delivery.lot_id, format!("to {}", consignee.name)))
        });
        notes.collect()
    }

    /// The lots by step; then who received them, and where the grams are.
    pub fn report(&self) -> String {
        let mut report = drawing::table(&self.picture());
        let Some((consignees, balance)) = &self.recall else { return report };
        report.push_str("\nWho received a part of it\n");
        if consignees.is_empty() {
            report.push_str("  nobody: nothing of it has left the plant\n");
        } else {
            push(&mut report, &consignees_table(consignees));
        }
        report.push_str("\nWhere its grams are\n");
        push(&mut report, &balance_table(balance));
        report
    }

    pub fn json(&self) -> Outcome<String> {
        let lots = self.lots.iter().map(|GenealogyLot { lot, depth }| {
            json!({
                "id": lot.lot_id, "code": lot.lot_code, "type": lot.lot_type, "status": lot.status,
                "step_index": lot.step_index, "depth": depth, "production_day": lot.production_day,
                "weight_grams": lot.weight_grams, "remaining_grams": lot.remaining_grams,
                "shipped_grams": lot.shipped_grams,
                "supplier": lot.supplier.as_ref().map(|supplier| &supplier.name),
            })
        });
        let links = self.links.iter().map(|link| {
            json!({"parent": link.parent_code, "child": link.child_code, "used_grams": link.used_grams})
        });
        let answer = Answer {
            position: self.position,
            lots: lots.collect(),
            links: links.collect(),
            consignees: self
                .recall
                .as_ref()
                .map(|(consignees, _)| consignees.iter().map(consignee_json).collect()),
            balance: self.recall.as_ref().map(|(_, balance)| balance_json(balance)),
        };
        let text = serde_json::to_string_pretty(&answer)
            .map_err(|error| Failure::new("the answer cannot be written as JSON").because(&error))?;
        Ok(text + "\n")
    }
}

#[derive(Serialize)]
struct Answer {
    position: Position,
    lots: Vec<Value>,
    links: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consignees: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<Value>,
}

fn consignee_json(consignee: &Consignee) -> Value {
    let deliveries: Vec<Value> = consignee
        .deliveries
        .iter()
        .map(|delivery| {
            json!({
                "lot": delivery.lot_code, "shipped_grams": delivery.shipped_grams,
                "document": delivery.document, "dispatch_day": delivery.dispatch_day,
            })
        })
        .collect();
    json!({
        "name": consignee.name, "address": consignee.address, "shipped_grams": consignee.shipped_grams,
        "deliveries": deliveries,
    })
}

fn consignees_table(consignees: &[Consignee]) -> Table {
    let columns = Table::default().column("  consignee").numbers("kg").column("day").column("document");
    let mut table = columns.column("lot");
    for consignee in consignees {
        for delivery in &consignee.deliveries {
            table.row([
                format!("  {}", consignee.name),
                kilograms(delivery.shipped_grams),
                delivery.dispatch_day.to_string(),
                delivery.document.clone(),
                delivery.lot_code.clone(),
            ]);
        }
    }
    table
}

/// What came in equals what there is, to the gram.
fn balance_rows(balance: &MassBalance) -> [(&'static str, i64); 9] {
    [
        ("received", balance.received_grams),
        ("joined", balance.joined_grams),
        ("gained", balance.gain_grams),
        ("lost", balance.process_loss_grams),
        ("in_process", balance.in_process_grams),
        ("written_off", balance.written_off_grams),
        ("rejected", balance.rejected_grams),
        ("in_stock", balance.in_stock_grams),
        ("shipped", balance.shipped_grams),
    ]
}

fn balance_json(balance: &MassBalance) -> Value {
    let rows = balance_rows(balance).into_iter().chain([("made", balance.made_grams)]);
    Value::Object(rows.map(|(name, grams)| (format!("{name}_grams"), grams.into())).collect())
}

fn balance_table(balance: &MassBalance) -> Table {
    let rows = balance_rows(balance);
    let (came, is) = rows.split_at(3);
    let mut table = Table::default().column("  in").numbers("kg").column("  out").numbers("kg");
    let cell = |rows: &[(&'static str, i64)], at: usize| match rows.get(at) {
        Some((name, grams)) => (format!("  {}", name.replace('_', " ")), kilograms(*grams)),
        None => (String::new(), String::new()),
    };
    for at in 0..is.len() {
        let ((left, left_kg), (right, right_kg)) = (cell(came, at), cell(is, at));
        table.row([left, left_kg, right, right_kg]);
    }
    let total = "  together".to_owned();
    table.row([total.clone(), kilograms(balance.in_grams()), total, kilograms(balance.out_grams())]);
    table
}

fn push(report: &mut String, table: &Table) {
    for line in table.lines() {
        report.push_str(&line);
        report.push('\n');
    }
}
