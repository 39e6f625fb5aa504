use std::{io, sync::Arc, time::Duration};

use axum::{Router, extract::Request};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{rates::Peer, stalls::GivesUp};

/// What a connection may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeLimits {
    /// Connections at once; more wait to be accepted.
    pub connections: usize,
    /// Bytes of a request's line and headers.
    pub header_bytes: usize,
    /// Time for a request's headers to arrive, also between two requests.
    pub header_time: Duration,
    /// How long a connection may neither give nor take a byte while one is due.
    pub stall: Duration,
    /// How long running requests may take after the stop signal.
    pub grace: Duration,
}

impl Default for ServeLimits {
    /// 4,096 connections, 64 KiB of headers in 10 s, 30 s without a byte, 10 s of grace.
    fn default() -> Self {
        Self {
            connections: 4_096,
            header_bytes: 64 * 1024,
            header_time: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            grace: Duration::from_secs(10),
        }
    }
}

/// Serves until `stop` resolves; then accepts nothing more, lets running requests end within the grace, and returns.
pub async fn serve(
    router: Router,
    listener: TcpListener,
    limits: ServeLimits,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let graceful = GracefulShutdown::new();
    let admission = Arc::new(Semaphore::new(limits.connections));
    tokio::pin!(stop);
    loop {
        let permit = tokio::select! {
            () = &mut stop => break,
            permit = Arc::clone(&admission).acquire_owned() => permit.map_err(io::Error::other)?,
        };
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                spawn(stream, Peer(address.ip()), router.clone(), limits, &graceful, permit);
            }
            Err(error) => {
                // Out of descriptors, or a client gone before it was accepted: neither is a reason to stop.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    tracing::info!(connections = graceful.count(), "stopping: running requests may end");
    if tokio::time::timeout(limits.grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut off");
    }
    Ok(())
}

fn spawn(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    limits: ServeLimits,
    graceful: &GracefulShutdown,
    permit: OwnedSemaphorePermit,
) {
    // Answers are written whole; waiting to fill a packet only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection refuses TCP_NODELAY");
    }
    let service = TowerToHyperService::new(tower::util::MapRequest::new(
        router,
        move |request: axum::http::Request<hyper::body::Incoming>| -> Request {
            let mut request = request.map(axum::body::Body::new);
            request.extensions_mut().insert(peer);
            request
        },
    ));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(limits.header_bytes)
        .serve_connection(TokioIo::new(GivesUp::new(stream, limits.stall)), service);
    let watched = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = watched.await {
            tracing::debug!(%error, "a connection ended badly");
        }
        drop(permit);
    });
}
