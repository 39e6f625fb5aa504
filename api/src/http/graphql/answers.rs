//! Answers that still hold.
//!
//! An answer that was made of rows alone is the same for as long as these rows do not change. Each row that a request reads
//! comes with the mark of its tenant's rows in its read model, read in the same snapshot ([`Used`]); the store gives them
//! another in the transaction that changes rows, whichever process that is, and so does another build that takes over. A mark
//! never comes twice, not even in a database that was put back and went another way from there. So an answer is given again
//! only where every mark still stands, in one statement that begins after the question has come: nobody reads from here what
//! a read of the rows would no longer show, be it from the process that keeps the rows current or from another one. Under load
//! one statement speaks for all who wait.
//!
//! What is asked is the document, the operation's name, the variables, and who asks: tenant, permissions, and the
//! actor, for a resolver may look at any of them. Mutations, answers with errors, and what is told from the log, the clock or an
//! index in memory are never kept.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_graphql::Variables;
use commands::{engine::Caller, ports::TenantId};
use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use lru::LruCache;
use projections::{
    Mark, Marked,
    ports::{ReadStore, ReadStoreError},
};
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::graphql::kernel::Used;

/// A question that may have been asked before.
#[derive(Debug, Clone)]
pub(super) struct Question {
    document: Arc<str>,
    operation_name: Option<String>,
    /// As JSON, by name.
    variables: String,
    caller: Caller,
}

impl Question {
    pub(super) fn new(
        document: &str,
        operation_name: Option<&str>,
        variables: &Variables,
        caller: &Caller,
    ) -> Option<Self> {
        Some(Self {
            document: document.into(),
            operation_name: operation_name.map(str::to_owned),
            variables: serde_json::to_string(variables).ok()?,
            caller: caller.clone(),
        })
    }

    fn bytes(&self) -> usize {
        self.document.len() + self.variables.len() + self.operation_name.as_ref().map_or(0, String::len)
    }
}

impl PartialEq for Question {
    fn eq(&self, other: &Self) -> bool {
        let (own, others) = (&self.caller, &other.caller);
        own.tenant == others.tenant
            && own.actor == others.actor
            && own.permissions == others.permissions
            && self.variables == other.variables
            && self.operation_name == other.operation_name
            && self.document == other.document
    }
}

impl Eq for Question {}

impl Hash for Question {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.caller.tenant, &self.caller.actor).hash(state);
        (&self.variables, &self.operation_name, &self.document).hash(state);
    }
}

/// An answer as it was given.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) data: Arc<RawValue>,
    pub(super) cost: u64,
    pub(super) root_field: String,
    /// The read models that it was made of, and the marks of their rows.
    made_of: Vec<(&'static str, Mark)>,
}

/// Answers that were given last.
pub(super) struct Answers {
    most_bytes: usize,
    kept: Mutex<KeptAnswers>,
    marks: Marks,
}

struct KeptAnswers {
    answers: LruCache<Question, Arc<Kept>>,
    bytes: usize,
}

/// What an entry takes beside its texts.
const ENTRY_BYTES: usize = 512;
/// So long may it take to learn whether an answer holds; then it is made anew, which may be the faster way.
const LOOK_FOR: Duration = Duration::from_millis(250);
/// The largest answer that is kept is this part of them all.
const LARGEST_PART: usize = 8;

fn bytes(question: &Question, kept: &Kept) -> usize {
    ENTRY_BYTES + question.bytes() + kept.data.get().len()
}

impl Answers {
    pub(super) fn new(store: Arc<dyn ReadStore>, most_bytes: usize) -> Self {
        Self::over(
            Arc::new(move |tenants| {
                let store = Arc::clone(&store);
                async move { store.marks(&tenants).await }.boxed()
            }),
            most_bytes,
        )
    }

    fn over(ask: AskMarks, most_bytes: usize) -> Self {
        let kept = KeptAnswers { answers: LruCache::unbounded(), bytes: 0 };
        Self { most_bytes, kept: Mutex::new(kept), marks: Marks::new(ask) }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, KeptAnswers> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a question, if it still holds.
    pub(super) async fn find(&self, question: &Question) -> Option<Arc<Kept>> {
        let kept = self.kept().answers.get(question).map(Arc::clone);
        let holds = match &kept {
            None => false,
            Some(kept) => {
                let marks = timeout(LOOK_FOR, self.marks.now(question.caller.tenant)).await;
                marks.ok().flatten().is_some_and(|marks| {
                    kept.made_of.iter().all(|(model, mark)| marks.get(*model) == Some(mark))
                })
            }
        };
        let result = if holds { "hit" } else { "miss" };
        metrics::counter!("cairn_graphql_kept_answers_total", "result" => result).increment(1);
        kept.filter(|_| holds)
    }

    /// Keeps an answer, if it was made of rows alone.
    pub(super) fn keep(
        &self,
        question: Question,
        used: &Used,
        (data, cost, root_field): (&Arc<RawValue>, u64, &str),
    ) {
        let Some(made_of) = used.rows_alone(question.caller.tenant).filter(|rows| !rows.is_empty()) else {
            return;
        };
        let kept = Kept { data: Arc::clone(data), cost, root_field: root_field.to_owned(), made_of };
        let size = bytes(&question, &kept);
        if size > self.most_bytes / LARGEST_PART {
            return;
        }
        let mut all = self.kept();
        all.bytes += size;
        if let Some((question, replaced)) = all.answers.push(question, Arc::new(kept)) {
            all.bytes -= bytes(&question, &replaced);
        }
        while all.bytes > self.most_bytes {
            let Some((question, oldest)) = all.answers.pop_lru() else { break };
            all.bytes -= bytes(&question, &oldest);
        }
        metrics::gauge!("cairn_graphql_kept_answer_bytes").set(all.bytes as f64);
    }
}

type AskMarks =
    Arc<dyn Fn(Vec<TenantId>) -> BoxFuture<'static, Result<Vec<Marked>, ReadStoreError>> + Send + Sync>;
type OfModels = HashMap<String, Mark>;
type Asked = Shared<BoxFuture<'static, Option<Arc<HashMap<TenantId, OfModels>>>>>;

/// The marks of rows, asked for everybody who waits at once.
struct Marks {
    ask: AskMarks,
    /// The question that has not gone out yet: whoever comes now is answered by it.
    next: Arc<Mutex<Option<Next>>>,
    /// One question at a time: those who come while one is out wait for the next.
    turn: Arc<tokio::sync::Mutex<()>>,
}

struct Next {
    tenants: BTreeSet<TenantId>,
    asked: Asked,
}

impl Marks {
    fn new(ask: AskMarks) -> Self {
        Self { ask, next: Arc::default(), turn: Arc::default() }
    }

    /// The mark of the tenant's rows in each read model, as of a moment after this call. None: the store does not tell.
    async fn now(&self, tenant: TenantId) -> Option<OfModels> {
        let asked = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let next = next.get_or_insert_with(|| Next { tenants: BTreeSet::new(), asked: self.ask() });
            next.tenants.insert(tenant);
            next.asked.clone()
        };
        Some(asked.await?.get(&tenant).cloned().unwrap_or_default())
    }

    fn ask(&self) -> Asked {
        let (marks, turn) = (Arc::clone(&self.ask), Arc::clone(&self.turn));
        // It holds itself no longer than until it goes out.
        let next = Arc::downgrade(&self.next);
        let ask = async move {
            let _turn = turn.lock().await;
            let tenants = next.upgrade()?.lock().unwrap_or_else(PoisonError::into_inner).take()?.tenants;
            let marks = match marks(tenants.into_iter().collect()).await {
                Ok(marks) => marks,
                Err(error) => {
                    tracing::warn!(%error, "whether answers still hold cannot be told; they are made anew");
                    return None;
                }
            };
            let mut of_tenants: HashMap<TenantId, OfModels> = HashMap::new();
            for marked in marks {
                of_tenants.entry(marked.tenant).or_default().insert(marked.model, marked.mark);
            }
            Some(Arc::new(of_tenants))
        };
        ask.boxed().shared()
    }
}

#[cfg(test)]
mod tests {
    use futures::future::pending;
    use projections::{
        Query,
        lots::{PartnerRow, Partners},
    };
    use uuid::Uuid;

    use super::*;

    /// As it was, each kept answer waited as long as the store did, before the time of its operation began.
    #[tokio::test]
    async fn a_store_that_does_not_tell_whether_an_answer_holds_has_it_made_anew() {
        let tenant = Uuid::from_u128(1);
        let answers = Answers::over(Arc::new(|_| pending().boxed()), 1 << 20);
        let question =
            Question::new("{ partners }", None, &Variables::default(), &Caller::system(tenant)).unwrap();
        let used = Used::default();
        used.rows(&Query::of::<Partners, PartnerRow>(tenant), Mark(1));
        let data = Arc::from(RawValue::from_string("{}".to_owned()).unwrap());
        answers.keep(question.clone(), &used, (&data, 1, "partners"));
        let several = futures::future::join_all((0..3).map(|_| answers.find(&question)));
        let found = timeout(LOOK_FOR * 8, several).await.expect("somebody waits on");
        assert!(found.iter().all(Option::is_none));
    }
}
