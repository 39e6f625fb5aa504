use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use async_graphql::Result;
use commands::ports::TenantId;
use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
    task::{ArcWake, AtomicWaker, waker},
};
use projections::Value;
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
    /// All rows.
    Whole,
    /// How many rows there are.
    Count,
}

/// Follows an edge from all entities of a level at once.
///
/// The fields of a level ask one after the other, within one turn of the request's task. The first that asks gives up its
/// turn once: when it goes on, everybody has asked, and one statement answers them all. There is no timer, and no
/// request waits for another.
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
    answer: Shared<BoxFuture<'static, Result<Found<T>>>>,
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
        let answer = {
            let mut rounds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match rounds.get(&round).and_then(|open| open.downcast_ref::<Open<T>>()) {
                Some(open) => {
                    open.ids.lock().unwrap_or_else(PoisonError::into_inner).push(id);
                    open.answer.clone()
                }
                None => {
                    let ids = Arc::new(Mutex::new(vec![id]));
                    let answer = self.begin(round.clone(), Arc::clone(&ids), bring);
                    rounds.insert(round, Box::new(Open { ids, answer: answer.clone() }));
                    answer
                }
            }
        };
        Ok(answer.await?.take(&id))
    }

    fn begin<T: Clone + Send + 'static, F>(
        &self,
        round: Round,
        ids: Arc<Mutex<Vec<Uuid>>>,
        bring: impl FnOnce(Vec<Uuid>) -> F + Send + 'static,
    ) -> Shared<BoxFuture<'static, Result<Found<T>>>>
    where
        F: Future<Output = Result<HashMap<Uuid, T>>> + Send + 'static,
    {
        // The rounds hold this future until it goes on: it must not hold them.
        let rounds = Arc::downgrade(&self.0);
        let run = async move {
            TurnIsOver::default().await;
            if let Some(rounds) = rounds.upgrade() {
                rounds.lock().unwrap_or_else(PoisonError::into_inner).remove(&round);
            }
            let mut takers: HashMap<Uuid, usize> = HashMap::new();
            for id in std::mem::take(&mut *ids.lock().unwrap_or_else(PoisonError::into_inner)) {
                *takers.entry(id).or_default() += 1;
            }
            let found = bring(takers.keys().copied().collect()).await?;
            let found = found.into_iter().map(|(id, value)| (id, (takers.get(&id).map_or(1, |n| *n), value)));
            Ok(Found(Arc::new(Mutex::new(found.collect()))))
        };
        run.boxed().shared()
    }
}

/// Ready when the task's turn is over, however often it is polled within the turn: whoever joins a round polls the future
/// that all of them share, and a plain `yield_now` would take the second poll for the next turn.
#[derive(Default)]
struct TurnIsOver {
    turn: Arc<Turn>,
    has_begun: bool,
}

#[derive(Default)]
struct Turn {
    is_over: AtomicBool,
    waiting: AtomicWaker,
}

impl ArcWake for Turn {
    fn wake_by_ref(turn: &Arc<Self>) {
        turn.is_over.store(true, Ordering::Release);
        turn.waiting.wake();
    }
}

impl Future for TurnIsOver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.turn.waiting.register(context.waker());
        if self.turn.is_over.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        if !self.has_begun {
            self.has_begun = true;
            // The runtime wakes who yields once the turn has ended; here that is the turn itself.
            let turn = waker(Arc::clone(&self.turn));
            let yielded = pin!(tokio::task::yield_now());
            let _pending = yielded.poll(&mut Context::from_waker(&turn));
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    struct AnEdge;

    #[tokio::test]
    async fn everybody_of_a_level_is_answered_at_once_and_each_gets_its_own() {
        let (gathering, rounds) = (Gathering::default(), Arc::new(AtomicUsize::new(0)));
        let ask = |number: u128| {
            let rounds = Arc::clone(&rounds);
            gathering.join::<AnEdge, _, _>(
                (Uuid::nil(), Uuid::from_u128(number)),
                Wanted::Whole,
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
    async fn a_round_that_nobody_waits_for_any_more_leaves_nothing_behind() {
        let gathering = Gathering::default();
        let never = gathering.join::<AnEdge, Vec<u128>, _>((Uuid::nil(), Uuid::nil()), Wanted::Whole, |_| {
            std::future::pending()
        });
        assert!(never.now_or_never().is_none());
        let rounds = Arc::downgrade(&gathering.0);
        drop(gathering);
        assert!(rounds.upgrade().is_none());
    }
}
