use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use commands::{
    ports::{EventStore, Position, RecordedEvent, StoreError, TenantId},
    tail::{Place, Tail},
};
use domain::lots::GenealogyDirection;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

use super::{
    answers::{GenealogyRefusal, LotFacts, LotRef, Traceability},
    apply::{self, ApplyError, LotFact},
    difference::RecallDifference,
    family::LotGenealogy,
    follower::Follower,
    graph::Graph,
    recall::RecallScope,
};
use crate::{
    ports::ReadStore,
    runner::{Ride, WaitError},
};

/// The name under which positions are waited for.
pub(super) const NAME: &str = "genealogy";

/// How the index is kept.
#[derive(Debug, Clone)]
pub struct GenealogyOptions {
    /// After how many events an image is saved; one is saved at the end in any case.
    pub image_every_events: u64,
    /// The head of the log when the process started. [`Genealogy::wait_to_answer`] lets nobody ask before the index has
    /// come so far: until then a recall would miss goods without any sign of it.
    pub head_at_start: Position,
}

impl Default for GenealogyOptions {
    /// An image each 100,000 events; questions may be asked at once.
    fn default() -> Self {
        Self { image_every_events: 100_000, head_at_start: 0 }
    }
}

/// One tenant's graph under its lock.
pub(super) type SharedGraph = Arc<RwLock<Graph>>;

/// Every tenant's graph.
#[derive(Debug, Default)]
pub(super) struct Tenants(RwLock<HashMap<TenantId, SharedGraph>>);

impl Tenants {
    pub(super) fn get(&self, tenant: TenantId) -> Option<SharedGraph> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned()
    }

    pub(super) fn put(&self, tenant: TenantId, graph: Graph) -> SharedGraph {
        let graph = Arc::new(RwLock::new(graph));
        let mut tenants = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tenants.entry(tenant).or_insert(graph))
    }

    pub(super) fn all(&self) -> Vec<(TenantId, SharedGraph)> {
        let tenants = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tenants.iter().map(|(tenant, graph)| (*tenant, Arc::clone(graph))).collect()
    }
}

/// The index of lots and their links, kept current with the log while it lives, and the questions that it answers.
///
/// Every question takes a tenant and an optional position of the past. None: as of the last event that the index has
/// seen; a position that it has not reached yet counts as that too, so callers [`Self::wait_for`] theirs first. All
/// questions are synchronous and answer from memory: a recall of 9,000 lots takes about a millisecond.
pub struct Genealogy {
    pub(super) tenants: Tenants,
    pub(super) position: watch::Sender<Position>,
    /// Rings when somebody begins to wait for a position.
    asked: Notify,
    /// Nobody may ask before the index has come so far.
    due: AtomicU64,
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Genealogy {
    /// An index that nothing keeps current; for one that is filled by other means.
    pub(super) fn standing(tenants: Tenants, position: Position) -> Self {
        Self {
            tenants,
            position: watch::Sender::new(position),
            asked: Notify::new(),
            due: AtomicU64::new(0),
            stop: watch::Sender::new(false),
            task: Mutex::default(),
        }
    }

    /// Starts to build the index, from the image kept last if there is one that fits, then from the log, and keeps it
    /// current. Answers at once; [`Self::wait_for`] the head of the log, or [`Self::caught_up`], before asking.
    pub fn start(
        tail: impl Into<Tail>,
        images: Option<Arc<dyn ReadStore>>,
        options: GenealogyOptions,
    ) -> Arc<Self> {
        Self::start_riding(tail, images, options, None)
    }

    /// [`Self::start`] with a seat in a pass over the log, which is taken when no image is there to start from.
    pub fn start_riding(
        tail: impl Into<Tail>,
        images: Option<Arc<dyn ReadStore>>,
        options: GenealogyOptions,
        ride: Option<Ride>,
    ) -> Arc<Self> {
        let standing = Self::standing(Tenants::default(), 0);
        let genealogy = Arc::new(Self { due: AtomicU64::new(options.head_at_start), ..standing });
        let follower = Follower {
            genealogy: Arc::clone(&genealogy),
            tail: tail.into(),
            images,
            options,
            ride: Arc::new(Mutex::new(ride)),
            stop: genealogy.stop.subscribe(),
            place: Place::BEGINNING,
            events_since_image: 0,
        };
        let task = tokio::spawn(follower.keep_running());
        *genealogy.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        genealogy
    }

    /// The index of a list of events, by position, that nothing keeps current.
    pub fn of_events(events: &[RecordedEvent]) -> Self {
        let genealogy = Self::standing(Tenants::default(), 0);
        genealogy.add(events.iter(), events.last().map_or(0, |event| event.position));
        genealogy
    }

    /// Saves an image and stops following the log. Questions are still answered, as of the last position.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            let _ = task.await;
        }
    }

    /// Everything up to here is in the index.
    pub fn position(&self) -> Position {
        *self.position.borrow()
    }

    /// Whether somebody waits for a position.
    pub(super) fn is_waited_for(&self) -> bool {
        self.position.receiver_count() > 0
    }

    /// Waits until somebody begins to wait for a position.
    pub(super) async fn waited_for(&self) {
        self.asked.notified().await;
    }

    /// Waits until everything up to a position is in the index, for at most `timeout`.
    pub async fn wait_for(&self, wanted: Position, timeout: Duration) -> Result<(), WaitError> {
        let mut position = self.position.subscribe();
        self.asked.notify_one();
        let reached = position.wait_for(|reached| *reached >= wanted);
        match tokio::time::timeout(timeout, reached).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(WaitError::Lagging { model: NAME, reached: self.position(), wanted }),
        }
    }

    /// Waits until the index may be asked: until it holds everything that lay in the log when the process started, or
    /// found it replaced, and everything up to `wanted`; for at most `timeout`.
    pub async fn wait_to_answer(&self, wanted: Option<Position>, timeout: Duration) -> Result<(), WaitError> {
        self.wait_for(wanted.unwrap_or(0).max(self.due.load(Ordering::Acquire)), timeout).await
    }

    /// Waits until the index has reached the head that the log has now.
    pub async fn caught_up(&self, events: &dyn EventStore) -> Result<(), StoreError> {
        let head = events.head().await?;
        let mut position = self.position.subscribe();
        self.asked.notify_one();
        let _ = position.wait_for(|reached| *reached >= head).await;
        Ok(())
    }

    /// One lot.
    pub fn lot(
        &self,
        tenant: TenantId,
        lot: LotRef<'_>,
        as_of: Option<Position>,
    ) -> Result<LotFacts, GenealogyRefusal> {
        self.ask("lot", tenant, |graph, _| {
            let at = graph.at(as_of);
            Ok(graph.facts(graph.find(lot, at)?, at))
        })
    }

    /// One step back and one step forward.
    pub fn traceability(
        &self,
        tenant: TenantId,
        lot: LotRef<'_>,
        as_of: Option<Position>,
    ) -> Result<Traceability, GenealogyRefusal> {
        self.ask("traceability", tenant, |graph, _| graph.traceability(lot, graph.at(as_of)))
    }

    /// The lots around a lot. `depth`: one way 1 to 10, 1 when none is given; both ways 1 to 5, 3 when none is given.
    pub fn genealogy(
        &self,
        tenant: TenantId,
        lot: LotRef<'_>,
        direction: GenealogyDirection,
        depth: Option<i64>,
        as_of: Option<Position>,
    ) -> Result<LotGenealogy, GenealogyRefusal> {
        self.ask("genealogy", tenant, |graph, shared| {
            graph.genealogy(shared, lot, direction, depth, graph.at(as_of))
        })
    }

    /// Every descendant of a lot, who received a part of it, and where its grams are.
    pub fn recall_scope(
        &self,
        tenant: TenantId,
        lot: LotRef<'_>,
        as_of: Option<Position>,
    ) -> Result<RecallScope, GenealogyRefusal> {
        self.ask("recall_scope", tenant, |graph, shared| graph.recall(shared, lot, graph.at(as_of)))
    }

    /// What became of a recall from one position to a later one. The lot must exist at the later one.
    pub fn recall_difference(
        &self,
        tenant: TenantId,
        lot: LotRef<'_>,
        from: Position,
        to: Option<Position>,
    ) -> Result<RecallDifference, GenealogyRefusal> {
        self.ask("recall_difference", tenant, |graph, shared| {
            graph.difference(shared, lot, from, graph.at(to))
        })
    }

    fn ask<T>(
        &self,
        query: &'static str,
        tenant: TenantId,
        answer: impl FnOnce(&Graph, &SharedGraph) -> Result<T, GenealogyRefusal>,
    ) -> Result<T, GenealogyRefusal> {
        let asked = Instant::now();
        let shared = self.tenants.get(tenant).ok_or(GenealogyRefusal::NotFound)?;
        let answered = answer(&shared.read().unwrap_or_else(PoisonError::into_inner), &shared);
        metrics::histogram!("cairn_traceability_query_duration_seconds", "query" => query)
            .record(asked.elapsed().as_secs_f64());
        answered
    }

    /// Takes over what an image holds, in place of whatever there was.
    pub(super) fn take_over(&self, tenants: Tenants, position: Position) {
        let loaded = tenants.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        *self.tenants.0.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        self.position.send_replace(position);
    }

    /// Forgets everything: the log is another one now, and ends at `head`.
    pub(super) fn begin_anew(&self, head: Position) {
        // In this order, so that whoever comes waits: an index that is empty would say that there is no such lot.
        self.due.store(head, Ordering::Release);
        self.position.send_replace(0);
        self.take_over(Tenants::default(), 0);
    }

    /// Forgets everything, of which some may be damaged. The log is the same: nobody may ask before the index is where it was,
    /// and where it had to be.
    pub(super) fn build_anew(&self) {
        self.begin_anew(self.position().max(self.due.load(Ordering::Acquire)));
    }

    /// Adds a stretch of the log: events of lots, everything up to `read_through` looked at.
    pub(super) fn add<'a>(&self, events: impl Iterator<Item = &'a RecordedEvent>, read_through: Position) {
        let mut by_tenant: Vec<(TenantId, Vec<LotFact>)> = Vec::new();
        for event in events {
            match apply::read(event) {
                Ok(fact) => match by_tenant.iter_mut().find(|(tenant, _)| *tenant == event.stream.tenant) {
                    Some((_, facts)) => facts.push(fact),
                    None => by_tenant.push((event.stream.tenant, vec![fact])),
                },
                Err(error) => left_out(&error.into(), event.stream.tenant),
            }
        }
        for (tenant, facts) in by_tenant {
            let shared =
                self.tenants.get(tenant).unwrap_or_else(|| self.tenants.put(tenant, Graph::default()));
            let mut graph = shared.write().unwrap_or_else(PoisonError::into_inner);
            for error in facts.into_iter().flat_map(|fact| graph.apply(fact)).collect::<Vec<_>>() {
                left_out(&error, tenant);
            }
            graph.position = read_through;
            drop(graph);
            merge(&shared);
        }
        for (_, shared) in self.tenants.all() {
            shared.write().unwrap_or_else(PoisonError::into_inner).position = read_through;
        }
        self.position.send_replace(read_through);
    }
}

/// Merges the chains of new links, if they have grown. The new arrays are made while others read: only the follower
/// writes, so that nothing can come between.
fn merge(shared: &SharedGraph) {
    let graph = shared.read().unwrap_or_else(PoisonError::into_inner);
    if !graph.children.wants_merging() {
        return;
    }
    let nodes = graph.nodes.len();
    let (children, parents) = (graph.children.merged(nodes), graph.parents.merged(nodes));
    drop(graph);
    let mut graph = shared.write().unwrap_or_else(PoisonError::into_inner);
    let old =
        (std::mem::replace(&mut graph.children, children), std::mem::replace(&mut graph.parents, parents));
    drop(graph);
    drop(old); // Giving memory back takes time too, and needs no lock.
}

/// The index goes on without what it cannot hold, and says so where somebody is woken by it.
fn left_out(error: &ApplyError, tenant: TenantId) {
    match error {
        ApplyError::Cycle { .. } => metrics::counter!("cairn_genealogy_cycles_total").increment(1),
        ApplyError::Fold(_) => metrics::counter!("cairn_genealogy_left_out_total").increment(1),
    }
    tracing::error!(
        %tenant,
        error = error as &dyn std::error::Error,
        "the genealogy leaves a part of the log out; compare the lot's stream with `cairn trace`"
    );
}
