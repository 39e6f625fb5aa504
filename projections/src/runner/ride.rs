use std::{sync::Arc, time::Duration};

use commands::{ports::LogFilter, tail::Page};
use tokio::sync::{mpsc, oneshot};

/// Pages that may wait for who takes them.
pub(super) const PAGES_AHEAD: usize = 2;
/// Who has not taken his seat by then follows the log by himself.
const BOARDING: Duration = Duration::from_secs(5);

/// A seat in the pass over the log that builds what is missing, for something else that is made from the whole log: it is read
/// once for all of them. See [`ReadSide::ride`](super::ReadSide::ride).
pub struct Ride {
    ticket: oneshot::Sender<LogFilter>,
    pages: mpsc::Receiver<Arc<Page>>,
}

/// A [`Ride`] as whoever reads the log sees it.
pub(super) struct Seat {
    ticket: oneshot::Receiver<LogFilter>,
    pages: mpsc::Sender<Arc<Page>>,
}

/// A seat, and who will sit in it.
pub(super) fn ride() -> (Seat, Ride) {
    let ((sold, ticket), (sender, pages)) = (oneshot::channel(), mpsc::channel(PAGES_AHEAD));
    (Seat { ticket, pages: sender }, Ride { ticket: sold, pages })
}

impl Ride {
    /// Takes the seat: pages of the log from its beginning, with what passes the filter and more, until the pass has come to
    /// its end or broken off. None at all, when nothing is built or what was begun is resumed: then, and after the last
    /// one, whoever rides goes on by himself.
    pub(crate) fn board(self, filter: LogFilter) -> mpsc::Receiver<Arc<Page>> {
        // Nobody asks for it: the other end of the pages is gone too.
        let _gone = self.ticket.send(filter);
        self.pages
    }
}

impl Seat {
    /// What whoever sits there wants. None: he does not come.
    pub(super) async fn taken(self) -> Option<(LogFilter, mpsc::Sender<Arc<Page>>)> {
        let filter = tokio::time::timeout(BOARDING, self.ticket).await.ok()?.ok()?;
        Some((filter, self.pages))
    }
}
