use commands::ports::Position;

/// The other end of a link, as one of its ends sees it. 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HalfLink {
    /// Where the log tells of it.
    pub(super) position: Position,
    /// The node at the other end.
    pub(super) other: u32,
    /// How much of the parent went into the child.
    pub(super) used_grams: u32,
}

/// Who is linked to whom, in one direction: one array sorted by node, and what came since it was made as a chain for
/// each node. The chains are merged into the array when they have grown.
#[derive(Debug, Default)]
pub(super) struct Adjacency {
    /// Where each node's links begin in `settled`, and one entry more where the last ones end.
    starts: Vec<u32>,
    settled: Vec<HalfLink>,
    /// The newest chained link of each node, its index plus one; 0: none.
    heads: Vec<u32>,
    /// A link and the next older one of its node, index plus one.
    chained: Vec<(u32, HalfLink, u32)>,
}

impl Adjacency {
    pub(super) fn len(&self) -> usize {
        self.settled.len() + self.chained.len()
    }

    /// The links of a node.
    pub(super) fn of(&self, node: u32) -> impl Iterator<Item = HalfLink> + '_ {
        let at = node as usize;
        let settled = match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(&start), Some(&end)) => &self.settled[start as usize..end as usize],
            _ => &[],
        };
        let mut next = self.heads.get(at).copied().unwrap_or(0);
        let chained = std::iter::from_fn(move || {
            let (_, link, older) = self.chained.get((next as usize).checked_sub(1)?)?;
            next = *older;
            Some(*link)
        });
        settled.iter().copied().chain(chained)
    }

    pub(super) fn add(&mut self, node: u32, link: HalfLink) {
        let at = node as usize;
        if self.heads.len() <= at {
            self.heads.resize(at + 1, 0);
        }
        self.chained.push((node, link, self.heads[at]));
        self.heads[at] = self.chained.len() as u32;
    }

    /// Whether the chains have grown enough to be merged: work and memory stay in proportion to what is settled.
    pub(super) fn wants_merging(&self) -> bool {
        self.chained.len() > 65_536.max(self.settled.len() / 4)
    }

    /// The same links in one array.
    pub(super) fn merged(&self, nodes: usize) -> Self {
        let mut counts = vec![0_u32; nodes + 1];
        for (node, pair) in self.starts.windows(2).enumerate() {
            counts[node] = pair[1] - pair[0];
        }
        for (node, _, _) in &self.chained {
            counts[*node as usize] += 1;
        }
        let mut end = 0;
        for count in &mut counts {
            let start = end;
            end += *count;
            *count = start;
        }
        let starts = counts.clone();
        let nothing = HalfLink { position: 0, other: 0, used_grams: 0 };
        let mut settled = vec![nothing; self.len()];
        let mut place = |node: usize, link: HalfLink| {
            settled[counts[node] as usize] = link;
            counts[node] += 1;
        };
        for (node, pair) in self.starts.windows(2).enumerate() {
            for link in &self.settled[pair[0] as usize..pair[1] as usize] {
                place(node, *link);
            }
        }
        for (node, link, _) in &self.chained {
            place(*node as usize, *link);
        }
        Self { starts, settled, heads: Vec::new(), chained: Vec::new() }
    }

    /// Links given by node, any order; for an index that is made at once.
    pub(super) fn settled(nodes: usize, links: &[(u32, HalfLink)]) -> Self {
        let chained = links.iter().map(|(node, link)| (*node, *link, 0)).collect();
        Self { chained, ..Self::default() }.merged(nodes)
    }
}
