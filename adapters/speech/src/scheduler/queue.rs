//! Which of the windows that wait are decoded together next.

use std::collections::VecDeque;

use super::request::{Kind, Request};
use crate::decode::{self, Search};

/// Batches that begin with what is urgent before one begins with what has waited longest. Somebody who waits for a few
/// seconds of audio hardly notices every fourth batch; ten hours of ranges do not keep all others waiting.
const URGENT_IN_A_ROW: u32 = 3;

/// Whose turn it is.
#[derive(Default)]
pub(super) struct Turns {
    /// Urgent batches since the last other one, while others waited.
    urgent: u32,
}

impl Turns {
    /// The next batch: of the kind that has waited longest, urgent ones before others as long as those have waited for a
    /// few batches only, and the jobs in turn.
    pub(super) fn take(&mut self, waiting: &mut VecDeque<Request>, max_rows: usize) -> Vec<Request> {
        let others_wait = waiting.iter().any(|request| !request.urgent);
        let urgent_first = self.urgent < URGENT_IN_A_ROW || !others_wait;
        let batch = take_batch(waiting, max_rows, urgent_first);
        let is_urgent = batch.first().is_some_and(|request| request.urgent);
        self.urgent = if is_urgent && others_wait { self.urgent + 1 } else { 0 };
        batch
    }
}

fn take_batch(waiting: &mut VecDeque<Request>, max_rows: usize, urgent_first: bool) -> Vec<Request> {
    let first = waiting.iter().position(|request| request.urgent == urgent_first).unwrap_or(0);
    let Some(kind) = waiting.get(first).map(Request::kind) else { return Vec::new() };
    let room = match kind {
        Kind::Decode { search: Search::Beam, .. } => (max_rows / decode::BEAM).max(1),
        Kind::Languages | Kind::Decode { search: Search::Sample, .. } | Kind::Attention => max_rows,
    };
    let mut taken: Vec<Request> = Vec::with_capacity(room);
    while taken.len() < room {
        let turns = |job: u64| taken.iter().filter(|request| request.job == job).count();
        let next = waiting
            .iter()
            .enumerate()
            .filter(|(_, request)| request.kind() == kind)
            .min_by_key(|(place, request)| (request.urgent != urgent_first, turns(request.job), *place))
            .map(|(place, _)| place);
        match next.and_then(|place| waiting.remove(place)) {
            Some(request) => taken.push(request),
            None => break,
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;
    use crate::scheduler::request::{Features, Reply, Work};

    fn request(job: u64, prompt: usize, urgent: bool) -> Request {
        Request {
            job,
            urgent,
            features: Features::Spectrogram(Arc::default()),
            work: Work::Decode { prompt: vec![0; prompt], temperature: 0.0, seed: 0, search: Search::Sample },
            since: Instant::now(),
            cancel: Default::default(),
            reply: Reply::new(|_| ()),
        }
    }

    fn jobs(batch: &[Request]) -> Vec<u64> {
        batch.iter().map(|request| request.job).collect()
    }

    #[test]
    fn jobs_take_turns_and_only_prompts_of_one_length_share_a_batch() {
        let mut waiting: VecDeque<Request> = [(1, 3), (1, 3), (1, 3), (2, 3), (3, 4), (2, 3)]
            .map(|(job, prompt)| request(job, prompt, false))
            .into();
        let mut turns = Turns::default();
        assert_eq!(jobs(&turns.take(&mut waiting, 4)), [1, 2, 1, 2]);
        assert_eq!(jobs(&turns.take(&mut waiting, 4)), [1]);
        assert_eq!(jobs(&turns.take(&mut waiting, 4)), [3]);
        assert!(turns.take(&mut waiting, 4).is_empty());
    }

    #[test]
    fn what_is_urgent_goes_first() {
        let mut waiting: VecDeque<Request> =
            [request(1, 3, false), request(2, 4, true), request(1, 3, false)].into();
        assert_eq!(jobs(&Turns::default().take(&mut waiting, 4)), [2]);
    }

    #[test]
    fn what_is_urgent_does_not_keep_others_waiting_for_ever() {
        let mut waiting: VecDeque<Request> = (0..10).map(|_| request(1, 3, true)).collect();
        waiting.push_back(request(2, 3, false));
        let mut turns = Turns::default();
        let order: Vec<u64> = (0..11).flat_map(|_| jobs(&turns.take(&mut waiting, 1))).collect();
        assert_eq!(order, [1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1]);
    }
}
