use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use commands::{
    ports::{Clock, EventStore, Position, SystemClock, TenantId},
    tail::Tail,
};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use uuid::Uuid;

use super::{
    RunError,
    foreign::discard_foreign,
    pass::Context,
    projector::Projector,
    rebuild::Rebuild,
    ride::{Ride, Seat, ride},
    standing::{Lag, Standing, is_missing},
};
use crate::{
    Mark, Model, Page, Query, ReadModel, Row, Value,
    ports::{Build, BuildId, BuildState, ReadStore, ReadStoreError},
};

const BUILD_AGAIN: Duration = Duration::from_millis(500);

/// How the read side runs.
#[derive(Clone)]
pub struct ReadSideOptions {
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// How long a query waits for a position before it answers `READ_MODEL_LAGGING`.
    pub wait_at_most: Duration,
}

impl Default for ReadSideOptions {
    /// The machine's clock; 5 s.
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), wait_at_most: Duration::from_secs(5) }
    }
}

/// Why a query did not wait any longer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// The read model has not reached the position in time. Edges answer `READ_MODEL_LAGGING`.
    #[error("read model {model} stands at {reached}, {wanted} was asked for")]
    Lagging {
        /// Which.
        model: &'static str,
        /// Where it stands.
        reached: Position,
        /// What was asked for.
        wanted: Position,
    },
    /// No read model of this name is registered.
    #[error("there is no read model {0}")]
    UnknownModel(String),
}

impl WaitError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Lagging { .. } => "READ_MODEL_LAGGING",
            Self::UnknownModel(_) => "NOT_FOUND",
        }
    }
}

/// The read models of a process: keeps them current while it lives, answers queries, and waits for positions.
pub struct ReadSide {
    tail: Tail,
    store: Arc<dyn ReadStore>,
    models: Vec<Model>,
    options: ReadSideOptions,
    standing: Arc<Standing>,
    /// Of those who ride with the first pass.
    seats: Mutex<Vec<Seat>>,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl ReadSide {
    /// Starts to keep the read models current. Those that have no live build of their version are built first, from the
    /// log, in the background; until then they answer [`ReadStoreError::NotBuilt`].
    pub fn start(
        tail: impl Into<Tail>,
        store: Arc<dyn ReadStore>,
        models: Vec<Model>,
        options: ReadSideOptions,
    ) -> Arc<Self> {
        let side = Self::stand_by(tail, store, models, options);
        side.keep_current();
        side
    }

    /// Starts to keep the read models of a side that stands by current, as [`Self::start`] does.
    pub fn keep_current(self: &Arc<Self>) {
        let projector = Projector {
            tail: self.tail.clone(),
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.options.clock),
            models: self.models.clone(),
            holder: Uuid::now_v7(),
            standing: Arc::clone(&self.standing),
            stop: self.stop.subscribe(),
            has_compared: false,
            fenced_at: None,
        };
        let (standing, stop) = (Arc::clone(&self.standing), self.stop.subscribe());
        let builder = build_missing(Arc::downgrade(self), standing, stop);
        let tasks = [tokio::spawn(supervise(projector)), tokio::spawn(builder)];
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).extend(tasks);
    }

    /// A seat in the pass over the log that builds what is missing, once this side is told to
    /// [keep its read models current](Self::keep_current).
    pub fn ride(&self) -> Ride {
        let (seat, ride) = ride();
        self.seats.lock().unwrap_or_else(PoisonError::into_inner).push(seat);
        ride
    }

    /// The read models without keeping them current: for a program that only reads, rebuilds or repairs.
    pub fn stand_by(
        tail: impl Into<Tail>,
        store: Arc<dyn ReadStore>,
        models: Vec<Model>,
        options: ReadSideOptions,
    ) -> Arc<Self> {
        Arc::new(Self {
            standing: Arc::new(Standing::new(&models)),
            tail: tail.into(),
            store,
            models,
            options,
            seats: Mutex::default(),
            stop: watch::Sender::new(false),
            tasks: Mutex::default(),
        })
    }

    /// Stops keeping the read models current and lets another process take over at once.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            let _ = task.await;
        }
    }

    /// Breaks off at once, wherever the runner stands, and gives no lease back: what a killed process does. Nothing
    /// is lost or doubled by it.
    pub fn abandon(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            task.abort();
        }
    }

    /// Builds the read models that have no live build of their version or a newer one, or one of another log only.
    /// [`RunError::Interrupted`]: it was stopped meanwhile, and holds no lease any more.
    pub async fn build_missing(&self) -> Result<(), RunError> {
        let is_live = |model: &Model, build: &Build| {
            build.state == BuildState::Live
                && build.id.model == model.name
                && build.id.version >= model.version
        };
        self.build_where(|model, builds| !builds.iter().any(|build| is_live(model, build))).await
    }

    async fn build_where(&self, wanted: impl Fn(&Model, &[Build]) -> bool) -> Result<(), RunError> {
        // Whoever rides goes on by himself when nothing is built, or it fails.
        let seats = std::mem::take(&mut *self.seats.lock().unwrap_or_else(PoisonError::into_inner));
        let found = async {
            discard_foreign(&**self.events(), &*self.store, self.clock(), &self.models).await?;
            Ok(self.store.builds().await?)
        };
        let builds = self.unless_stopped(found).await?;
        let missing: Vec<_> = self.models.iter().filter(|model| wanted(model, &builds)).copied().collect();
        if !missing.is_empty() {
            let rebuild = self.rebuild_all(missing).with_seats(seats);
            rebuild.run_all_until(self.stopped(), &mut |_| {}).await?;
        }
        Ok(())
    }

    async fn stopped(&self) {
        // The sender lives as long as this.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    async fn unless_stopped<T>(
        &self,
        what: impl Future<Output = Result<T, RunError>>,
    ) -> Result<T, RunError> {
        tokio::select! {
            done = what => done,
            () = self.stopped() => Err(RunError::Interrupted),
        }
    }

    /// A rebuild of a read model, to be run.
    pub fn rebuild(&self, model: &str) -> Result<Rebuild, RunError> {
        Ok(self.rebuild_all(vec![self.model(model)?]))
    }

    fn rebuild_all(&self, models: Vec<Model>) -> Rebuild {
        let context = Context {
            events: Arc::clone(self.events()),
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.options.clock),
        };
        Rebuild::new(context, Arc::clone(&self.standing), models)
    }

    pub(super) fn model(&self, name: &str) -> Result<Model, RunError> {
        let model = self.models.iter().find(|model| model.name == name);
        model.copied().ok_or_else(|| RunError::UnknownModel(name.to_owned()))
    }

    /// The registered read models.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The log.
    pub fn events(&self) -> &Arc<dyn EventStore> {
        self.tail.log()
    }

    /// The log's tail, for whatever else follows it.
    pub fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Where the rows lie.
    pub fn store(&self) -> &Arc<dyn ReadStore> {
        &self.store
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.options.clock
    }

    /// Waits until a read model holds every event up to a position, at most [`ReadSideOptions::wait_at_most`].
    pub async fn wait_for(&self, model: &'static str, wanted: Position) -> Result<(), WaitError> {
        let unknown = || WaitError::UnknownModel(model.to_owned());
        let mut position = self.standing.position_of(model).ok_or_else(unknown)?;
        let _waiting = self.standing.wait_here();
        let reached = position.wait_for(|reached| *reached >= Some(wanted));
        let in_time = tokio::time::timeout(self.options.wait_at_most, reached)
            .await
            .is_ok_and(|reached| reached.is_ok());
        match in_time {
            true => Ok(()),
            false => {
                let reached = position.borrow().unwrap_or(0);
                Err(WaitError::Lagging { model, reached, wanted })
            }
        }
    }

    /// How far each read model has come, as far as this process knows.
    pub fn lags(&self) -> Vec<Lag> {
        self.standing.lags()
    }

    /// Whether this process is the one that keeps the read models current.
    pub fn is_projecting(&self) -> bool {
        self.standing.is_projecting()
    }

    /// What the runner last failed with, while it has not recovered.
    pub fn last_error(&self) -> Option<String> {
        self.standing.last_error()
    }

    /// Waits until every read model stands at the head that the log has now.
    pub async fn caught_up(&self) -> Result<(), RunError> {
        let head = self.events().head().await?;
        let _waiting = self.standing.wait_here();
        for model in &self.models {
            if let Some(mut position) = self.standing.position_of(model.name) {
                let _ = position.wait_for(|reached| *reached >= Some(head)).await;
            }
        }
        Ok(())
    }

    /// A page of rows of the live build.
    pub async fn select<R: Row>(&self, query: &Query) -> Result<Page<R>, ReadStoreError> {
        select_rows(&*self.store, query, None).await
    }

    /// A page of rows of the live build for each of these values of a column; the query's limit is that of each.
    pub async fn select_each<R: Row>(
        &self,
        query: &Query,
        column: &'static str,
        values: Vec<Value>,
    ) -> Result<Page<R>, ReadStoreError> {
        let selection = self.store.select_each(query, column, values).await?;
        let (position, mark) = (selection.position, selection.mark);
        Ok(Page { rows: read_rows(selection.values)?, has_more: false, position, mark })
    }

    /// The row with this key.
    pub async fn find<M: ReadModel, R: Row>(
        &self,
        tenant: TenantId,
        key: &R::Key,
    ) -> Result<Option<R>, ReadStoreError> {
        let mut values = Vec::new();
        R::write_key(key, &mut values);
        let query =
            R::TABLE.key().iter().zip(values).fold(Query::of::<M, R>(tenant), |query, (column, value)| {
                query.filter(crate::Filter::Is(column.name, value))
            });
        Ok(self.select(&query.limit(1)).await?.rows.pop())
    }

    /// How many rows pass a query's filter, at most `cap`, and the mark of the tenant's rows.
    pub async fn count(&self, query: &Query, cap: u32) -> Result<(u64, Mark), ReadStoreError> {
        self.store.count(query, cap).await
    }
}

/// Starts the projector again should it die of a fault of an adapter; a fold's own panic does not reach this far.
async fn supervise(projector: Projector) {
    loop {
        let mut running = JoinSet::new();
        running.spawn(projector.clone().run());
        match running.join_next().await {
            Some(Err(error)) if error.is_panic() => {
                tracing::error!(%error, "the projector died and is started again");
            }
            _ => return,
        }
        tokio::time::sleep(BUILD_AGAIN).await;
    }
}

/// Builds what this version of the program needs; afterwards only what nobody has, for another process may have brought a
/// newer version in. A broken database or another process's rebuild only delays it.
async fn build_missing(side: Weak<ReadSide>, standing: Arc<Standing>, mut stop: watch::Receiver<bool>) {
    let mut has_begun = false;
    while let Some(side) = side.upgrade() {
        let built = match has_begun {
            false => side.build_missing().await,
            true => side.build_where(is_missing).await,
        };
        drop(side);
        if matches!(built, Err(RunError::Interrupted)) {
            return;
        }
        if let Err(error) = &built {
            tracing::warn!(error = error as &dyn std::error::Error, "a read model is not built yet");
        }
        has_begun |= built.is_ok();
        let again = async {
            match built {
                Ok(()) => standing.found_missing().await,
                Err(_) => tokio::time::sleep(BUILD_AGAIN).await,
            }
        };
        tokio::select! {
            () = again => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Reads one row more than asked for, to know whether there are more.
pub(super) async fn select_rows<R: Row>(
    store: &dyn ReadStore,
    query: &Query,
    build: Option<&BuildId>,
) -> Result<Page<R>, ReadStoreError> {
    let wanted = query.limit as usize;
    let query = Query { limit: query.limit.saturating_add(1), ..query.clone() };
    let selection = store.select(&query, build).await?;
    let (position, mark) = (selection.position, selection.mark);
    let mut rows = read_rows(selection.values)?;
    let has_more = rows.len() > wanted;
    rows.truncate(wanted);
    Ok(Page { rows, has_more, position, mark })
}

fn read_rows<R: Row>(values: Vec<Value>) -> Result<Vec<R>, ReadStoreError> {
    let mut rows = Vec::with_capacity(values.len() / R::TABLE.columns.len());
    let mut values = values.into_iter();
    while values.len() > 0 {
        rows.push(
            R::read(&mut values).map_err(|error| ReadStoreError::Corrupt { reason: error.to_string() })?,
        );
    }
    Ok(rows)
}
