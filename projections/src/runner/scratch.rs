use std::sync::Arc;

use commands::ports::Position;

use super::{
    ReadSide, RunError,
    folding::{Folded, Folding},
    pages::page_after,
    read_side::select_rows,
};
use crate::{
    Page, Query, Row,
    ports::{Build, BuildId, BuildState, ReadStore, ReadStoreError, Step, StepOutcome},
};

const PAGE: usize = 4_096;
const ROWS_HELD: usize = 60_000;

/// A read model as it was at a position of the past, in tables of its own. [`Scratch::drop_tables`] it when done;
/// one that is left behind is dropped after an hour.
pub struct Scratch {
    store: Arc<dyn ReadStore>,
    build: BuildId,
    position: Position,
}

impl ReadSide {
    /// Builds a read model as of a position, beside the live one.
    pub async fn as_of(&self, model: &str, position: Position) -> Result<Scratch, RunError> {
        let model = self.model(model)?;
        let builds = self.store().builds().await?;
        let revision = builds
            .iter()
            .filter(|build| build.id.model == model.name && build.id.version == model.version)
            .map(|build| build.id.revision)
            .max()
            .unwrap_or(0)
            + 1;
        let id = BuildId { model: model.name.to_owned(), version: model.version, revision };
        let tables = (model.tables)();
        self.store().create_build(&id, BuildState::Scratch, &tables).await?;
        let build = Build {
            id: id.clone(),
            state: BuildState::Scratch,
            position: 0,
            anchor: None,
            tables: Vec::new(),
            since: self.clock().now(),
        };
        let mut folding = Folding::new(model, &build, &[], &self.store().skips().await?);
        let target = position.min(self.events().head().await?);
        while folding.position() < target {
            let page =
                page_after(&**self.events(), folding.position(), &model.filter(), PAGE, target).await?;
            let (page, now) = (Arc::new(page), self.clock().now());
            while folding.fold(&**self.store(), &page, now).await? == Folded::Spoilt {
                folding.forget();
            }
            let mut step = Step::default();
            folding.take_step(&mut step);
            match self.store().store_step(step).await? {
                StepOutcome::Stored => folding.rows.forget_beyond(ROWS_HELD),
                StepOutcome::Fenced | StepOutcome::Moved => return Err(RunError::Fenced),
            }
        }
        self.store().index_build(&id, &tables).await?;
        Ok(Scratch { store: Arc::clone(self.store()), build: id, position: target })
    }
}

impl Scratch {
    /// The position that it stands at.
    pub fn position(&self) -> Position {
        self.position
    }

    /// A page of its rows.
    pub async fn select<R: Row>(&self, query: &Query) -> Result<Page<R>, ReadStoreError> {
        select_rows(&*self.store, query, Some(&self.build)).await
    }

    /// Drops its tables.
    pub async fn drop_tables(self) -> Result<(), ReadStoreError> {
        self.store.drop_build(&self.build).await
    }
}
