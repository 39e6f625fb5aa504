//! Ctrl-C: the first asks the work to stop where it can go on later, a later one ends the process.

use std::{io::IsTerminal, sync::OnceLock, time::Duration};

use tokio::{sync::watch, time::Instant};

use super::printer::note;

/// Tells that somebody wants the work to stop. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Interrupt {
    asked: watch::Receiver<bool>,
}

/// What a shell reports for a process that Ctrl-C ended.
const ENDED_BY_INTERRUPT: i32 = 130;

/// One wish to stop may come as several signals: a terminal sends Ctrl-C to a script and to what it started, and the
/// script passes its own on. What comes within this time is the same wish.
const SAME_WISH: Duration = Duration::from_secs(1);

impl Interrupt {
    /// Listens from now on for Ctrl-C and, on Unix, for the terminate signal that service managers send. There is one
    /// listener in a process, however often it is asked for.
    pub fn listen() -> Self {
        static LISTENING: OnceLock<Interrupt> = OnceLock::new();
        LISTENING.get_or_init(Self::start).clone()
    }

    fn start() -> Self {
        let (ask, asked) = watch::channel(false);
        // Caught from here on, not from when the task first runs: a signal in between would end the process.
        let mut signals = Signals::catch();
        tokio::spawn(async move {
            signals.next().await;
            let first = Instant::now();
            // Elsewhere nobody presses anything, and a log's lines must stay what its readers expect.
            if std::io::stderr().is_terminal() {
                note("stopping; press Ctrl-C again, after a second, to stop at once");
            }
            ask.send_replace(true);
            signals.next().await;
            while first.elapsed() < SAME_WISH {
                signals.next().await;
            }
            std::process::exit(ENDED_BY_INTERRUPT);
        });
        Self { asked }
    }

    /// Waits until the work should stop.
    pub async fn asked(&mut self) {
        // The sender lives until the process ends; should it die, nobody can ask any more.
        if self.asked.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
struct Signals(Vec<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Signals {
    /// A signal that cannot be caught ends the process, as it would have without this.
    fn catch() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self([SignalKind::interrupt(), SignalKind::terminate()].into_iter().flat_map(signal).collect())
    }

    async fn next(&mut self) {
        if self.0.is_empty() {
            std::future::pending::<()>().await;
        }
        futures::future::select_all(self.0.iter_mut().map(|signal| Box::pin(signal.recv()))).await;
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn catch() -> Self {
        Self
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
