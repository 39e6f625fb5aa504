use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use commands::ports::Position;
use domain::{
    kernel::{InvalidInput, LocalDay},
    lots::GenealogyDirection,
};

use super::{
    adjacency::{Adjacency, HalfLink},
    answers::{GenealogyLot, GenealogyRefusal, LinkedLot, LotFacts, LotLink, LotRef, Supplier, Traceability},
    graph::Graph,
    walk::{Marks, Reached},
};

/// The depth that is followed when none is given, and the greatest (lots.md, section 5).
const ONE_WAY: (u32, u32) = (1, 10);
const BOTH_WAYS: (u32, u32) = (3, 5);

/// The lots around one lot, by depth, then code; and how they are linked, by the parent's code, then the child's.
///
/// Lots and links are kept as numbers; a page of them is made readable when it is asked for, as it stood at the same
/// position, so that nobody holds the graph while a whole family is written out.
#[derive(Debug, Clone)]
pub struct LotGenealogy {
    /// The position at which this holds.
    pub position: Position,
    /// The lot asked for comes first.
    reached: Vec<Reached>,
    /// Every link on the ways followed, beside its parent; both ends are among the lots.
    links: Vec<(u32, HalfLink)>,
    graph: Arc<RwLock<Graph>>,
}

impl LotGenealogy {
    /// How many lots there are, the one asked for included.
    pub fn node_count(&self) -> usize {
        self.reached.len()
    }

    /// How many links there are.
    pub fn link_count(&self) -> usize {
        self.links.len()
    }

    /// The lots from `offset` on, at most `limit`.
    pub fn nodes(&self, offset: usize, limit: usize) -> Vec<GenealogyLot> {
        let graph = self.graph.read().unwrap_or_else(PoisonError::into_inner);
        let wanted = self.reached.iter().skip(offset).take(limit);
        wanted
            .map(|reached| GenealogyLot {
                lot: graph.facts(reached.node, self.position),
                depth: reached.depth,
            })
            .collect()
    }

    /// The links from `offset` on, at most `limit`.
    pub fn links(&self, offset: usize, limit: usize) -> Vec<LotLink> {
        let graph = self.graph.read().unwrap_or_else(PoisonError::into_inner);
        let wanted = self.links.iter().skip(offset).take(limit);
        wanted.map(|(parent, link)| graph.lot_link(*parent, *link)).collect()
    }
}

/// The depth asked for, within the limits of the direction.
fn depth_within(direction: GenealogyDirection, depth: Option<i64>) -> Result<u32, GenealogyRefusal> {
    let (usual, most) = match direction {
        GenealogyDirection::Backward | GenealogyDirection::Forward => ONE_WAY,
        GenealogyDirection::Both => BOTH_WAYS,
    };
    let Some(depth) = depth else { return Ok(usual) };
    u32::try_from(depth).ok().filter(|depth| (1..=most).contains(depth)).ok_or_else(|| {
        GenealogyRefusal::Invalid(InvalidInput::new("depth", format!("must be 1 to {most}, it is {depth}")))
    })
}

impl Graph {
    /// The position that a question is answered at.
    pub(super) fn at(&self, as_of: Option<Position>) -> Position {
        as_of.map_or(self.position, |as_of| as_of.min(self.position))
    }

    /// A lot that existed at a position.
    pub(super) fn find(&self, lot: LotRef<'_>, at: Position) -> Result<u32, GenealogyRefusal> {
        let found = match lot {
            LotRef::Id(id) => self.find_id(id),
            LotRef::Code(code) => self.find_code(code.trim()),
        };
        found.filter(|node| self.node(*node).born <= at).ok_or(GenealogyRefusal::NotFound)
    }

    pub(super) fn facts(&self, number: u32, at: Position) -> LotFacts {
        let (node, amounts) = (self.node(number), self.amounts(number, at));
        let supplier = (node.supplier as usize).checked_sub(1).and_then(|number| self.parties.get(number));
        LotFacts {
            lot_id: node.id,
            lot_code: self.code_text(node.code),
            lot_type: node.lot_type,
            step_index: node.step_index,
            sku: node.sku,
            production_day: LocalDay(node.production_day),
            status: amounts.status,
            weight_grams: amounts.weight,
            inputs_grams: amounts.inputs,
            used_grams: amounts.used,
            written_off_grams: amounts.written_off,
            shipped_grams: amounts.shipped,
            remaining_grams: amounts.remaining(),
            supplier: supplier.map(|party| Supplier { partner_id: party.id, name: party.name.clone() }),
            created_position: node.born,
        }
    }

    pub(super) fn traceability(
        &self,
        lot: LotRef<'_>,
        at: Position,
    ) -> Result<Traceability, GenealogyRefusal> {
        let central = self.find(lot, at)?;
        let linked = |links: &Adjacency| {
            let mut lots: Vec<LinkedLot> = links
                .of(central)
                .filter(|link| link.position <= at)
                .map(|link| LinkedLot {
                    lot: self.facts(link.other, at),
                    used_grams: i64::from(link.used_grams),
                })
                .collect();
            lots.sort_by(|left, right| left.lot.lot_code.cmp(&right.lot.lot_code));
            lots
        };
        Ok(Traceability {
            central: self.facts(central, at),
            parents: linked(&self.parents),
            children: linked(&self.children),
            position: at,
        })
    }

    /// The lots around a lot; `graph` is the lock that `self` was read from.
    pub(super) fn genealogy(
        &self,
        graph: &Arc<RwLock<Self>>,
        lot: LotRef<'_>,
        direction: GenealogyDirection,
        depth: Option<i64>,
        at: Position,
    ) -> Result<LotGenealogy, GenealogyRefusal> {
        let depth = depth_within(direction, depth)?;
        let root = self.find(lot, at)?;
        let mut reached = vec![Reached { node: root, depth: 0 }];
        let mut links = Vec::new();
        if direction != GenealogyDirection::Forward {
            let ancestors = self.reach(&self.parents, root, depth, at);
            self.links_among(&ancestors, at, &mut links);
            reached.extend_from_slice(&ancestors[1..]);
        }
        if direction != GenealogyDirection::Backward {
            let descendants = self.reach(&self.children, root, depth, at);
            self.links_among(&descendants, at, &mut links);
            reached.extend_from_slice(&descendants[1..]);
        }
        self.sort(&mut reached);
        self.sort_links(&reached, &mut links);
        Ok(LotGenealogy { position: at, reached, links, graph: Arc::clone(graph) })
    }

    /// The links that stood at a position between lots of a walk.
    fn links_among(&self, reached: &[Reached], at: Position, found: &mut Vec<(u32, HalfLink)>) {
        let mut marks = Marks::for_nodes(self.nodes.len());
        for reached in reached {
            marks.mark(reached.node);
        }
        for reached in reached {
            let links = self.children.of(reached.node);
            let among = links.filter(|link| link.position <= at && marks.has(link.other));
            found.extend(among.map(|link| (reached.node, link)));
        }
    }

    /// Sorts links between lots by the parent's code, then the child's.
    fn sort_links(&self, lots: &[Reached], links: &mut [(u32, HalfLink)]) {
        let mut by_code: Vec<Reached> = lots.iter().map(|lot| Reached { depth: 0, ..*lot }).collect();
        self.sort(&mut by_code);
        let rank: HashMap<u32, usize> =
            by_code.iter().enumerate().map(|(rank, lot)| (lot.node, rank)).collect();
        links.sort_by_key(|(parent, link)| (rank.get(parent).copied(), rank.get(&link.other).copied()));
    }

    fn lot_link(&self, parent: u32, link: HalfLink) -> LotLink {
        let (parent, child) = (self.node(parent), self.node(link.other));
        LotLink {
            parent_id: parent.id,
            parent_code: self.code_text(parent.code),
            child_id: child.id,
            child_code: self.code_text(child.code),
            used_grams: i64::from(link.used_grams),
            position: link.position,
        }
    }
}
