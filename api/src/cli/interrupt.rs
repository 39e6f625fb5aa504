//! Ctrl-C: the first asks the work to stop where it can go on later, the second ends the process.

use tokio::sync::watch;

use super::printer::note;

/// Tells that somebody wants the work to stop. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Interrupt {
    asked: watch::Receiver<bool>,
}

/// What a shell reports for a process that Ctrl-C ended.
const ENDED_BY_INTERRUPT: i32 = 130;

impl Interrupt {
    /// Listens from now on for Ctrl-C and, on Unix, for the terminate signal that service managers send.
    pub fn listen() -> Self {
        let (ask, asked) = watch::channel(false);
        tokio::spawn(async move {
            signal().await;
            note("stopping; press Ctrl-C again to stop at once");
            ask.send_replace(true);
            signal().await;
            std::process::exit(ENDED_BY_INTERRUPT);
        });
        Self { asked }
    }

    /// Whether the work should stop.
    pub fn is_asked(&self) -> bool {
        *self.asked.borrow()
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
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_unsupported) => interrupt_only().await,
    }
}

#[cfg(not(unix))]
async fn signal() {
    interrupt_only().await;
}

async fn interrupt_only() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without signals nothing can ask; the work goes on to its end.
        std::future::pending::<()>().await;
    }
}
