use commands::ports::Position;
use tokio::sync::watch;

/// Tells waiting readers of a head that lies further than the one they know.
pub(crate) fn raise(head: &watch::Sender<Position>, found: Position) {
    head.send_if_modified(|known| {
        let risen = found > *known;
        *known = found.max(*known);
        risen
    });
}
