use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use commands::ports::Position;
use domain::kernel::LocalDay;
use uuid::Uuid;

use super::{
    answers::{Consignee, Delivery, GenealogyRefusal, LotFacts, LotRef, ScopeLot},
    balance::MassBalance,
    graph::{Graph, What},
    walk::Reached,
};

/// Everything that a recall of one lot concerns, at one position (EU 178/2002, article 19).
///
/// The descendants are kept as numbers; [`Self::page`] makes them readable, as many as are asked for, as they stood at
/// the same position, however far the log has come since.
#[derive(Debug, Clone)]
pub struct RecallScope {
    /// The recalled lot.
    pub root: LotFacts,
    /// The position at which all of this holds.
    pub position: Position,
    /// Who received a part of it, by name.
    pub consignees: Vec<Consignee>,
    /// Where its grams are.
    pub balance: MassBalance,
    pub(super) root_node: u32,
    /// By depth, then code; without the root.
    pub(super) descendants: Vec<Reached>,
    graph: Arc<RwLock<Graph>>,
}

impl RecallScope {
    /// How many descendants there are.
    pub fn descendant_count(&self) -> usize {
        self.descendants.len()
    }

    /// The descendants from `offset` on, at most `limit`, by depth, then code.
    pub fn page(&self, offset: usize, limit: usize) -> Vec<ScopeLot> {
        let graph = self.graph.read().unwrap_or_else(PoisonError::into_inner);
        let wanted = self.descendants.iter().skip(offset).take(limit);
        wanted.map(|reached| graph.scope_lot(*reached, self.position)).collect()
    }

    /// Every descendant, by depth, then code.
    pub fn descendants(&self) -> Vec<ScopeLot> {
        self.page(0, usize::MAX)
    }
}

impl Graph {
    pub(super) fn scope_lot(&self, reached: Reached, at: Position) -> ScopeLot {
        ScopeLot { lot: self.facts(reached.node, at), depth: reached.depth, place: None }
    }

    /// The recall of a lot; `graph` is the lock that `self` was read from.
    pub(super) fn recall(
        &self,
        graph: &Arc<RwLock<Self>>,
        lot: LotRef<'_>,
        at: Position,
    ) -> Result<RecallScope, GenealogyRefusal> {
        let root_node = self.find(lot, at)?;
        let mut descendants = self.reach(&self.children, root_node, u32::MAX, at);
        let mut balance = MassBalance::default();
        let mut shipped = Vec::new();
        for reached in &descendants {
            let amounts = self.amounts(reached.node, at);
            balance.count(self.node(reached.node), &amounts);
            if amounts.shipped > 0 {
                shipped.push(reached.node);
            }
        }
        descendants.remove(0);
        self.sort(&mut descendants);
        Ok(RecallScope {
            root: self.facts(root_node, at),
            position: at,
            consignees: self.consignees(&shipped, at),
            balance,
            root_node,
            descendants,
            graph: Arc::clone(graph),
        })
    }

    /// Who received these lots up to a position, by name.
    fn consignees(&self, shipped: &[u32], at: Position) -> Vec<Consignee> {
        let mut by_partner: BTreeMap<Uuid, (Position, Consignee)> = BTreeMap::new();
        for &number in shipped {
            let node = self.node(number);
            for change in self.changes_of(node).filter(|change| change.position <= at) {
                let What::Shipped(shipment) = change.what else { continue };
                let shipment = &self.shipments[shipment as usize];
                let party = &self.parties[shipment.consignee as usize];
                let (latest, consignee) = by_partner.entry(party.id).or_insert_with(|| {
                    let consignee = Consignee {
                        partner_id: party.id,
                        name: party.name.clone(),
                        address: party.address.clone(),
                        shipped_grams: 0,
                        deliveries: Vec::new(),
                    };
                    (change.position, consignee)
                });
                if change.position > *latest {
                    *latest = change.position;
                    (consignee.name, consignee.address) = (party.name.clone(), party.address.clone());
                }
                consignee.shipped_grams += i64::from(shipment.grams);
                consignee.deliveries.push(Delivery {
                    lot_id: node.id,
                    lot_code: self.code_text(node.code),
                    shipped_grams: i64::from(shipment.grams),
                    document: shipment.document.clone(),
                    dispatch_day: LocalDay(shipment.dispatch_day),
                    position: change.position,
                });
            }
        }
        let mut consignees: Vec<Consignee> =
            by_partner.into_values().map(|(_, consignee)| consignee).collect();
        consignees.sort_by(|left, right| (&left.name, left.partner_id).cmp(&(&right.name, right.partner_id)));
        for consignee in &mut consignees {
            consignee.deliveries.sort_by(|left, right| {
                (left.dispatch_day.0, &left.lot_code).cmp(&(right.dispatch_day.0, &right.lot_code))
            });
        }
        consignees
    }
}
