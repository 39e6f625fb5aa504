use std::collections::VecDeque;

use super::{CommitterConfig, Submission};
use crate::ports::Commit;

/// What a commit without payloads weighs in memory and on the wire: keys, ids and metadata, roughly.
const OVERHEAD_BYTES: usize = 256;

/// The weight of a commit in the queue's and the batch's bounds.
pub(super) fn size_of(commit: &Commit) -> usize {
    let payloads: usize =
        commit.streams.iter().flat_map(|write| &write.events).map(|event| event.payload.len()).sum();
    let deadlines: usize = commit.deadlines.iter().map(|deadline| deadline.payload.len()).sum();
    let reply = commit.reply.as_ref().map_or(0, |reply| reply.len());
    OVERHEAD_BYTES * (1 + commit.streams.len()) + payloads + deadlines + reply
}

/// Takes the next batch off the front: as many as the bounds allow, at least one.
pub(super) fn take(waiting: &mut VecDeque<Submission>, config: &CommitterConfig) -> Vec<Submission> {
    let mut bytes = 0;
    let fitting = waiting
        .iter()
        .take(config.batch_commits)
        .take_while(|submission| {
            bytes += submission.weight.bytes;
            bytes <= config.batch_bytes
        })
        .count();
    waiting.drain(..fitting.max(1).min(waiting.len())).collect()
}
