use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use rusqlite::Connection;
use tokio::sync::Semaphore;

/// Connections for reading. SQLite blocks, so a read runs on one of Tokio's blocking threads, and goes on there when its caller goes
/// away: it keeps its turn for as long as it runs, and is broken off for nobody to wait for.
pub(crate) struct Readers<E> {
    open: Box<dyn Fn() -> Result<Connection, E> + Send + Sync>,
    /// As many as there are turns at most.
    idle: Mutex<Vec<Connection>>,
    turns: Arc<Semaphore>,
}

/// Steps of SQLite's machine between two looks at whether anybody waits: less than a millisecond.
const STEPS: i32 = 20_000;

/// Somebody who waits for a read; gone once it is dropped.
struct Caller(Arc<AtomicBool>);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<E: Send + 'static> Readers<E> {
    /// How many read at once.
    pub(crate) const SIZE: usize = 4;

    pub(crate) fn new(open: impl Fn() -> Result<Connection, E> + Send + Sync + 'static) -> Self {
        Self { open: Box::new(open), idle: Mutex::default(), turns: Arc::new(Semaphore::new(Self::SIZE)) }
    }

    /// Runs a read once it is its turn. The error of one that died is made of its reason.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        died: impl Fn(String) -> E,
        read: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|closed| died(closed.to_string()))?;
        let gone = Arc::new(AtomicBool::new(false));
        let _caller = Caller(Arc::clone(&gone));
        let readers = Arc::clone(self);
        let task = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            readers.work(gone, read)
        });
        task.await.map_err(|death| died(death.to_string()))?
    }

    fn work<T>(
        &self,
        gone: Arc<AtomicBool>,
        read: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let idle = self.idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => (self.open)()?,
        };
        // Without it a read would run to its end, which costs time and breaks nothing.
        let _watched = connection.progress_handler(STEPS, Some(move || gone.load(Ordering::Relaxed)));
        let answer = read(&mut connection);
        let _unwatched = connection.progress_handler(0, None::<fn() -> bool>);
        // One that was broken off within a transaction is of no more use.
        if connection.is_autocommit() {
            self.idle().push(connection);
        }
        answer
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicUsize, time::Duration};

    use tokio::time::{Instant, sleep, timeout};

    use super::*;

    /// As it was, whoever went away left his read to run and his turn to the next: of forty callers, forty read at once, each on a
    /// connection of its own that was kept for ever.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn however_many_callers_lose_patience_no_more_read_than_are_allowed() {
        let count_to_ever =
            "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) from n";
        let readers = Arc::new(Readers::new(Connection::open_in_memory));
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..40 {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            let read = move |connection: &mut Connection| {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let answer = connection.query_row(count_to_ever, [], |row| row.get::<_, i64>(0));
                running.fetch_sub(1, Ordering::SeqCst);
                answer
            };
            let given_up = readers.run(|_| rusqlite::Error::InvalidQuery, read);
            assert!(timeout(Duration::from_millis(20), given_up).await.is_err());
        }
        let quiet_by = Instant::now() + Duration::from_secs(10);
        while running.load(Ordering::SeqCst) > 0 {
            assert!(Instant::now() < quiet_by, "somebody reads on for nobody");
            sleep(Duration::from_millis(10)).await;
        }
        let most = most.load(Ordering::SeqCst);
        assert!((1..=Readers::<rusqlite::Error>::SIZE).contains(&most), "{most} read at once");
        assert!(readers.idle().len() <= Readers::<rusqlite::Error>::SIZE);
        let one =
            |connection: &mut Connection| connection.query_row("select 1", [], |row| row.get::<_, i64>(0));
        assert_eq!(
            readers.run(|_| rusqlite::Error::InvalidQuery, one).await,
            Ok(1),
            "a connection is fit for use again"
        );
    }
}
