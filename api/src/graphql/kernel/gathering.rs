use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_graphql::Result;
use commands::ports::TenantId;
use projections::Value;
use tokio::sync::watch;
use uuid::Uuid;

/// What is wanted of an edge.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// The first rows, or those behind a cursor.
    Page {
        /// At most so many.
        limit: u32,
        /// Behind here.
        after: Option<Vec<Value>>,
    },
    /// How many rows there are.
    Count,
}

/// Follows an edge from all entities of a level at once.
///
/// The fields of a level ask one after the other, within one turn of the request's task. The first that asks gives up its
/// turn once: when it goes on, everybody has asked, and one statement answers them all. They are all answered within one
/// turn too, whatever Tokio would let a task do in it, so that the level below asks at once as well. There is no timer, and no
/// request waits for another. Should the first be dropped on the way, another of those that asked takes its place.
#[derive(Clone, Default)]
pub struct Gathering(Arc<Mutex<Rounds>>);

type Rounds = HashMap<Round, Box<dyn Any + Send>>;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Round {
    edge: TypeId,
    tenant: TenantId,
    wanted: Wanted,
}

struct Open<T> {
    ids: Arc<Mutex<Vec<Uuid>>>,
    answer: watch::Receiver<Option<Result<Found<T>>>>,
}

/// Whether one is the first of a round, and has to bring what everybody waits for.
enum Part<T> {
    First(Lead<T>),
    Joined(watch::Receiver<Option<Result<Found<T>>>>),
}

/// The first of a round. Dropped before its end, it leaves the round to those that wait.
struct Lead<T> {
    rounds: Gathering,
    round: Round,
    ids: Arc<Mutex<Vec<Uuid>>>,
    answer: watch::Sender<Option<Result<Found<T>>>>,
    is_open: bool,
}

/// What a round has brought, by where each edge starts; how many still want it stands beside it.
pub struct Found<T>(Arc<Mutex<HashMap<Uuid, (usize, T)>>>);

impl<T> Clone for Found<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone> Found<T> {
    /// What was found for an entity. Whoever takes it last takes it without a copy.
    fn take(&self, id: &Uuid) -> Option<T> {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (takers, value) = found.get_mut(id)?;
        if *takers > 1 {
            *takers -= 1;
            return Some(value.clone());
        }
        found.remove(id).map(|(_takers, value)| value)
    }
}

impl fmt::Debug for Gathering {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Gathering")
    }
}

impl Gathering {
    /// What an edge brings for an entity. `bring` is called for the first that asks, with all that have asked.
    pub async fn join<E: 'static, T: Clone + Send + 'static, F>(
        &self,
        (tenant, id): (TenantId, Uuid),
        wanted: Wanted,
        bring: impl FnOnce(Vec<Uuid>) -> F + Send + 'static,
    ) -> Result<Option<T>>
    where
        F: Future<Output = Result<HashMap<Uuid, T>>> + Send + 'static,
    {
        let round = Round { edge: TypeId::of::<E>(), tenant, wanted };
        loop {
            let mut answer = match self.take_part::<T>(&round, id) {
                Part::First(lead) => return Ok(lead.bring(bring).await?.take(&id)),

                Part::Joined(answer) => answer,
            };
            // Who was first may have been dropped with its part of the request: then somebody else begins anew.
            let answered = answer.wait_for(Option::is_some);
            if let Ok(found) = tokio::task::unconstrained(answered).await
                && let Some(found) = found.as_ref()
            {
                return Ok(found.as_ref().map_err(Clone::clone)?.take(&id));
            }
        }
    }

    fn take_part<T: Send + 'static>(&self, round: &Round, id: Uuid) -> Part<T> {
        let mut rounds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = rounds.get(round).and_then(|open| open.downcast_ref::<Open<T>>()) {
            open.ids.lock().unwrap_or_else(PoisonError::into_inner).push(id);
            return Part::Joined(open.answer.clone());
        }
        let ids = Arc::new(Mutex::new(vec![id]));
        let (answer, answered) = watch::channel(None);
        rounds.insert(round.clone(), Box::new(Open { ids: Arc::clone(&ids), answer: answered }));
        Part::First(Lead { rounds: self.clone(), round: round.clone(), ids, answer, is_open: true })
    }
}

impl<T> Lead<T> {
    /// Nobody joins any more.
    fn close(&mut self) {
        if std::mem::take(&mut self.is_open) {
            self.rounds.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.round);
        }
    }
}

impl<T: Clone> Lead<T> {
    async fn bring<F>(mut self, bring: impl FnOnce(Vec<Uuid>) -> F) -> Result<Found<T>>
    where
        F: Future<Output = Result<HashMap<Uuid, T>>>,
    {
        tokio::task::yield_now().await;
        self.close();
        let mut takers: HashMap<Uuid, usize> = HashMap::new();
        for id in std::mem::take(&mut *self.ids.lock().unwrap_or_else(PoisonError::into_inner)) {
            *takers.entry(id).or_default() += 1;
        }
        let found = bring(takers.keys().copied().collect()).await.map(|found| {
            let found = found.into_iter().map(|(id, value)| (id, (takers.get(&id).map_or(1, |n| *n), value)));
            Found(Arc::new(Mutex::new(found.collect())))
        });
        self.answer.send_replace(Some(found.clone()));
        found
    }
}

impl<T> Drop for Lead<T> {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt;

    use super::*;

    struct AnEdge;

    #[tokio::test]
    async fn everybody_of_a_level_is_answered_at_once_and_each_gets_its_own() {
        let (gathering, rounds) = (Gathering::default(), Arc::new(AtomicUsize::new(0)));
        let ask = |number: u128| {
            let rounds = Arc::clone(&rounds);
            gathering.join::<AnEdge, _, _>(
                (Uuid::nil(), Uuid::from_u128(number)),
                Wanted::Count,
                move |ids| async move {
                    rounds.fetch_add(1, Ordering::Relaxed);
                    Ok(ids.into_iter().map(|id| (id, vec![id.as_u128() * 10])).collect())
                },
            )
        };
        let answers = futures::future::try_join_all((0..100).map(|number| ask(number % 50))).await.unwrap();
        let expected: Vec<_> = (0..100).map(|number| Some(vec![(number % 50) * 10])).collect();
        assert_eq!((answers, rounds.load(Ordering::Relaxed)), (expected, 1));
        assert_eq!(ask(7).await.unwrap(), Some(vec![70]), "a later level is a round of its own");
        assert_eq!(rounds.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn who_is_first_may_leave_and_the_others_are_answered_all_the_same() {
        let gathering = Gathering::default();
        let ask = |bring: &'static str| {
            gathering.join::<AnEdge, _, _>((Uuid::nil(), Uuid::nil()), Wanted::Count, move |ids| async move {
                Ok(ids.into_iter().map(|id| (id, bring)).collect())
            })
        };
        let (mut first, mut second) = (Box::pin(ask("first")), Box::pin(ask("second")));
        assert!(futures::poll!(&mut first).is_pending() && futures::poll!(&mut second).is_pending());
        drop(first);
        assert_eq!(second.await.unwrap(), Some("second"));
    }

    #[tokio::test]
    async fn a_round_that_nobody_waits_for_any_more_leaves_nothing_behind() {
        let gathering = Gathering::default();
        let never = gathering.join::<AnEdge, Vec<u128>, _>((Uuid::nil(), Uuid::nil()), Wanted::Count, |_| {
            std::future::pending()
        });
        assert!(never.now_or_never().is_none());
        let rounds = Arc::downgrade(&gathering.0);
        drop(gathering);
        assert!(rounds.upgrade().is_none());
    }
}
