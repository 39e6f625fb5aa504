use std::{sync::Arc, time::Duration};

use tokio::{
    task::{JoinError, JoinSet},
    time::Instant,
};

use super::{
    backlog::{Backlog, Wanted},
    desk::{Desk, Handled},
    progress::Progress,
    tenure::Tenure,
};
use crate::{
    ports::{Position, StreamKey},
    tail::Reader,
};

pub(super) const PAGE: usize = 512;
/// Events that are not done while the log is read without a pause; beyond, a page each [`PACE`].
const AHEAD: usize = 2 * PAGE;
pub(super) const PACE: Duration = Duration::from_millis(100);
/// Looks at the log at least this often, woken or not; and waits this long when the store does not answer.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// What there is while the lease is held. Dropping it ends all that is being worked on, which is found again.
pub(super) struct Work {
    pub(super) tenure: Tenure,
    pub(super) reader: Reader,
    pub(super) progress: Progress,
    pub(super) backlog: Backlog,
    pub(super) tasks: JoinSet<Ended>,
    /// Of tasks whose end was noticed.
    pub(super) ended: Vec<Ended>,
    /// Whether something was wanted since the place was kept.
    pub(super) is_wanted: bool,
    /// Whether the log may have grown since it was read.
    pub(super) may_have_more: bool,
    pub(super) read_at: Instant,
    /// A task died, which none ever should: what it was at would never end.
    pub(super) has_died: bool,
}

/// An event that was handled.
pub(super) struct Ended {
    pub(super) stream: StreamKey,
    pub(super) position: Position,
    pub(super) handled: Handled,
}

impl Work {
    pub(super) fn begin(tenure: Tenure, reader: Reader, progress: Progress) -> Self {
        Self {
            tenure,
            reader,
            progress,
            backlog: Backlog::default(),
            tasks: JoinSet::new(),
            ended: Vec::new(),
            is_wanted: false,
            may_have_more: true,
            read_at: Instant::now(),
            has_died: false,
        }
    }

    /// Begins again, elsewhere.
    pub(super) fn start_over(&mut self, progress: Progress) {
        self.tasks = JoinSet::new();
        self.ended.clear();
        self.backlog = Backlog::default();
        (self.progress, self.may_have_more) = (progress, true);
    }

    /// The position up to which all is done.
    pub(super) fn done_through(&self) -> Position {
        self.backlog.done_through(self.progress.reached.position)
    }

    pub(super) fn begin_with(&mut self, desk: &Arc<Desk>, wanted: Wanted) {
        let (desk, stream, position) = (Arc::clone(desk), wanted.stream.clone(), wanted.position);
        self.tasks.spawn(async move { Ended { stream, position, handled: desk.handle(wanted).await } });
    }

    /// Waits until a task ends or the log may have more. May be given up at any moment.
    pub(super) async fn something_comes(&mut self) {
        let Self { tasks, reader, .. } = self;
        let ended = tokio::select! {
            Some(ended) = tasks.join_next() => Some(ended),
            () = reader.woken() => None,
        };
        match ended {
            Some(ended) => self.notice(ended),
            None => self.may_have_more = true,
        }
    }

    /// Waits until a task ends; not at all when there is none.
    pub(super) async fn task_ended(&mut self) {
        if let Some(ended) = self.tasks.join_next().await {
            self.notice(ended);
        }
    }

    pub(super) fn next_ended(&mut self) -> Option<Ended> {
        while let Some(ended) = self.tasks.try_join_next() {
            self.notice(ended);
        }
        self.ended.pop()
    }

    fn notice(&mut self, ended: Result<Ended, JoinError>) {
        match ended {
            Ok(ended) => self.ended.push(ended),
            Err(died) => {
                tracing::error!(%died, "a reaction's task died; the process manager begins again at the place kept");
                self.has_died = true;
            }
        }
    }

    /// Not far ahead of what is being done; where it hangs, further and further, but slowly.
    pub(super) fn may_read(&self) -> bool {
        let since = self.read_at.elapsed();
        let is_paced = self.backlog.len() < AHEAD || since >= PACE;
        (self.may_have_more && is_paced) || since >= PAUSE
    }

    pub(super) fn pause(&self) -> Duration {
        let most = if self.may_have_more { PACE } else { PAUSE };
        self.tenure.next_sign().min(most.saturating_sub(self.read_at.elapsed()))
    }
}
