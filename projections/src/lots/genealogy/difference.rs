use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock},
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
///
/// Lots are kept as numbers and made readable page by page, as in [`RecallScope`].
#[derive(Debug, Clone)]
pub struct RecallDifference {
    /// The earlier position.
    pub from: Position,
    /// The later position.
    pub to: Position,
    came: Vec<Reached>,
    changed: Vec<Reached>,
    /// Who received more, by name, with the deliveries that came only.
    pub consignees: Vec<Consignee>,
    /// Where the grams were. All zero when the lot did not exist yet.
    pub balance_before: MassBalance,
    /// Where they are.
    pub balance_after: MassBalance,
    graph: Arc<RwLock<Graph>>,
}

impl RecallDifference {
    /// How many lots came into scope.
    pub fn came_count(&self) -> usize {
        self.came.len()
    }

    /// The lots that came into scope from `offset` on, at most `limit`, by depth, then code.
    pub fn came(&self, offset: usize, limit: usize) -> Vec<ScopeLot> {
        let graph = self.graph.read().unwrap_or_else(PoisonError::into_inner);
        let wanted = self.came.iter().skip(offset).take(limit);
        wanted.map(|reached| graph.scope_lot(*reached, self.to)).collect()
    }

    /// How many lots were in scope and changed.
    pub fn changed_count(&self) -> usize {
        self.changed.len()
    }

    /// The lots that were in scope and whose status or amounts changed, from `offset` on, at most `limit`, by depth, then
    /// code; the recalled lot may be first.
    pub fn changed(&self, offset: usize, limit: usize) -> Vec<LotChange> {
        let graph = self.graph.read().unwrap_or_else(PoisonError::into_inner);
        let change = |reached: &Reached| LotChange {
            before: graph.facts(reached.node, self.from),
            after: graph.facts(reached.node, self.to),
            depth: reached.depth,
        };
        self.changed.iter().skip(offset).take(limit).map(change).collect()
    }
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
            .collect();
        let came = after.descendants.iter().copied().filter(|reached| !known.contains(&reached.node));
        Ok(RecallDifference {
            from,
            to,
            came: came.collect(),
            changed,
            consignees: came_to(after.consignees, before.as_ref(), from),
            balance_before: before.map(|scope| scope.balance).unwrap_or_default(),
            balance_after: after.balance,
            graph: Arc::clone(graph),
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
