//! Wakes readers: other processes through `NOTIFY`, once a batch and after its commit (inside it would cost a factor
//! of seven, measured), with polling as the safety net.

use std::{
    future::poll_fn,
    sync::{Arc, Weak},
    time::Duration,
};

use commands::ports::{Position, StoreError};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until},
};
use tokio_postgres::{AsyncMessage, Client};

use super::{events::from_sql, failure::store_error};
use crate::address::Address;

/// How often a reader that waits hears of the head even when no bell rang. Those who follow the log look for themselves, once
/// a second for a whole process (`commands::tail`); this is for the few others.
const POLL_EVERY: Duration = Duration::from_secs(5);
/// How often it is looked whether anybody waits.
const LOOK_FOR_USE: Duration = Duration::from_millis(250);
/// The pause after a lost connection; it doubles up to [`LONGEST_PAUSE`].
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const RINGING: &str = "waking the readers of the log";

/// Rings for what this process appends (`appended`) and hears what others ring, until the store is gone.
pub(super) async fn run(
    address: Arc<Address>,
    head: Weak<watch::Sender<Position>>,
    mut appended: watch::Receiver<Position>,
) {
    let mut pause = SHORTEST_PAUSE;
    // Nothing is opened before somebody needs it: a process that only reads pages has no use for a bell.
    while wait_for_use(&head, &mut appended).await {
        match ring_and_listen(&address, &head, &mut appended, &mut pause).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "the log's bell is silent for a moment"),
        }
        sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// False when the store is gone.
async fn wait_for_use(
    head: &Weak<watch::Sender<Position>>,
    appended: &mut watch::Receiver<Position>,
) -> bool {
    loop {
        match head.upgrade() {
            None => return false,
            Some(head) if head.receiver_count() > 0 || appended.has_changed().unwrap_or(false) => {
                return true;
            }
            Some(_) => {}
        }
        tokio::select! {
            result = appended.changed() => {
                appended.mark_changed();
                return result.is_ok();
            }
            () = sleep(LOOK_FOR_USE) => {}
        }
    }
}

/// Runs on one connection until it is lost, or until the store is gone.
async fn ring_and_listen(
    address: &Address,
    head: &Weak<watch::Sender<Position>>,
    appended: &mut watch::Receiver<Position>,
    pause: &mut Duration,
) -> Result<(), StoreError> {
    let failed = store_error(RINGING);
    let (client, mut heard) = listen(address).await?;
    *pause = SHORTEST_PAUSE;
    let mut next_poll = Instant::now();
    loop {
        tokio::select! {
            rung = heard.recv() => match rung {
                Some(position) => if !raise(head, position) { return Ok(()) },
                None => {
                    return Err(StoreError::Unavailable { doing: RINGING, reason: "the connection ended".to_owned() });
                }
            },
            result = appended.changed() => {
                if result.is_err() {
                    return Ok(());
                }
                let position = *appended.borrow_and_update();
                // What is appended meanwhile is rung in one go afterwards.
                client.batch_execute(&format!("notify cairn_log, '{position}'")).await.map_err(&failed)?;
            }
            () = sleep_until(next_poll) => {
                next_poll = Instant::now() + POLL_EVERY;
                let Some(waiting) = head.upgrade().map(|head| head.receiver_count() > 0) else { return Ok(()) };
                if waiting {
                    let row = client.query_one("select max(position) from events", &[]).await.map_err(&failed)?;
                    let found = row.get::<_, Option<i64>>(0).map_or(0, from_sql);
                    raise(head, found);
                }
            }
        }
    }
}

/// Opens the connection and a task that drives it; what others ring comes out of the channel.
async fn listen(address: &Address) -> Result<(Client, mpsc::UnboundedReceiver<Position>), StoreError> {
    let failed = store_error(RINGING);
    let (client, mut connection) = address.connect().await.map_err(&failed)?;
    let (ring, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message
                && let Ok(position) = notification.payload().parse()
                && ring.send(position).is_err()
            {
                return;
            }
        }
    });
    let session = "set lock_timeout = '5s'; set statement_timeout = '15s'; listen cairn_log";
    client.batch_execute(session).await.map_err(&failed)?;
    Ok((client, heard))
}

/// False when the store is gone.
fn raise(head: &Weak<watch::Sender<Position>>, found: Position) -> bool {
    let Some(head) = head.upgrade() else { return false };
    crate::wake::raise(&head, found);
    true
}
