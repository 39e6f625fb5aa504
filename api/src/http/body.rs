use std::time::Duration;

use axum::{body::Body, http::StatusCode};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use super::HttpProblem;

/// A body that is refused for its size is still taken in, up to this much, so that the client hears the answer before
/// its connection ends.
const DRAINED_BYTES: usize = 16 * 1024 * 1024;
/// Time for a whole body.
const PATIENCE: Duration = Duration::from_secs(15);

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(body: Body, limit: usize) -> Result<Bytes, HttpProblem> {
    let reading = tokio::time::timeout(PATIENCE, read_all(body, limit)).await;
    reading.unwrap_or_else(|_elapsed| {
        Err(HttpProblem::new(
            StatusCode::REQUEST_TIMEOUT,
            "REQUEST_TIMEOUT",
            "the body took too long to arrive",
        )
        .with_header("connection", "close"))
    })
}

async fn read_all(body: Body, limit: usize) -> Result<Bytes, HttpProblem> {
    let mut chunks = body.into_data_stream();
    let mut read = BytesMut::new();
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_error| {
            HttpProblem::new(StatusCode::BAD_REQUEST, "BODY_INCOMPLETE", "the body broke off")
        })?;
        length += chunk.len();
        if length <= limit {
            read.extend_from_slice(&chunk);
        } else {
            read.clear();
        }
        if length > limit.max(DRAINED_BYTES) {
            break;
        }
    }
    if length > limit {
        let detail = format!("a body may have {limit} bytes");
        return Err(HttpProblem::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", detail)
            .with_header("connection", "close"));
    }
    Ok(read.freeze())
}
