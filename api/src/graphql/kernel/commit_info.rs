use async_graphql::SimpleObject;
use commands::engine::Done;

use super::Int64;

/// Where a mutation's events stand in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, SimpleObject)]
pub struct CommitInfo {
    /// The position of the last event. A query that passes it as `minPosition` sees what the mutation did.
    pub position: Int64,
    /// The version of the entity's stream after the mutation; none when the mutation left the entity as it was.
    pub stream_version: Option<Int64>,
}

impl CommitInfo {
    /// The commit of a command's answer, with the version of the stream that the client is thinking of.
    pub fn of<R>(done: &Done<R>, subject: Option<&(&'static str, String)>) -> Self {
        let version = match subject {
            Some((category, id)) => done.version_of(category, id),
            None => None,
        };
        Self { position: done.position.into(), stream_version: version.map(Int64::from) }
    }
}
