use std::{
    collections::HashSet,
    sync::{Arc, RwLock},
};

use commands::ports::Position;

use super::{
    answers::{Consignee, GenealogyRefusal, LotFacts, LotRef, ScopeLot},
    balance::MassBalance,
    graph::Graph,
    recall::RecallScope,
    walk::Reached,
};

/// A lot of the recall before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotChange {
    /// As it stood at the earlier position.
    pub before: LotFacts,
    /// As it stood at the later one.
    pub after: LotFacts,
    /// Its distance from the recalled lot at the later position; 0: the recalled lot itself.
    pub depth: u32,
}

/// What became of a recall between two positions. Nothing ever leaves a recall: links are never taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecallDifference {
    /// The earlier position.
    pub from: Position,
    /// The later position.
    pub to: Position,
    /// The lots that came into scope, by depth, then code.
    pub came: Vec<ScopeLot>,
    /// The lots that were in scope and whose status or amounts changed, by depth, then code; the recalled lot may be first.
    pub changed: Vec<LotChange>,
    /// Who received more, by name, with the deliveries that came only.
    pub consignees: Vec<Consignee>,
    /// Where the grams were. All zero when the lot did not exist yet.
    pub balance_before: MassBalance,
    /// Where they are.
    pub balance_after: MassBalance,
}

impl Graph {
    /// What became of the recall of a lot from one position to a later one.
    pub(super) fn difference(
        &self,
        graph: &Arc<RwLock<Self>>,
        lot: LotRef<'_>,
        from: Position,
        to: Position,
    ) -> Result<RecallDifference, GenealogyRefusal> {
        let after = self.recall(graph, lot, to)?;
        let before = match self.recall(graph, lot, from) {
            Ok(before) => Some(before),
            Err(GenealogyRefusal::NotFound) => None,
            Err(refusal @ GenealogyRefusal::Invalid(_)) => return Err(refusal),
        };
        let known: HashSet<u32> =
            before.iter().flat_map(|scope| &scope.descendants).map(|reached| reached.node).collect();
        let root = before.as_ref().map(|_| Reached { node: after.root_node, depth: 0 });
        let changed = root
            .into_iter()
            .chain(after.descendants.iter().copied().filter(|reached| known.contains(&reached.node)))
            .filter(|reached| self.amounts(reached.node, from) != self.amounts(reached.node, to))
            .map(|reached| LotChange {
                before: self.facts(reached.node, from),
                after: self.facts(reached.node, to),
                depth: reached.depth,
            })
            .collect();
        let came = after.descendants.iter().filter(|reached| !known.contains(&reached.node));
        Ok(RecallDifference {
            from,
            to,
            came: came.map(|reached| self.scope_lot(*reached, to)).collect(),
            changed,
            consignees: came_to(after.consignees, before.as_ref(), from),
            balance_before: before.map(|scope| scope.balance).unwrap_or_default(),
            balance_after: after.balance,
        })
    }
}

/// The deliveries that were not in the recall before: shipped since, or shipped of a lot that came into scope since.
fn came_to(mut consignees: Vec<Consignee>, before: Option<&RecallScope>, from: Position) -> Vec<Consignee> {
    let known: HashSet<Position> = before
        .iter()
        .flat_map(|scope| &scope.consignees)
        .flat_map(|consignee| consignee.deliveries.iter().map(|delivery| delivery.position))
        .collect();
    for consignee in &mut consignees {
        consignee
            .deliveries
            .retain(|delivery| delivery.position > from || !known.contains(&delivery.position));
        consignee.shipped_grams = consignee.deliveries.iter().map(|delivery| delivery.shipped_grams).sum();
    }
    consignees.retain(|consignee| !consignee.deliveries.is_empty());
    consignees
}
