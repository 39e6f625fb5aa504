use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use async_graphql::{
    Positioned,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition},
};
use lru::LruCache;

use super::Problem;

/// How many documents are known; clients have some dozens.
const MOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);
/// Bytes of a document that is worth knowing: an honest client's. Bounds what strangers make the gate remember.
const LONGEST: usize = 8 * 1024;

/// A document that was read, and checked where it is known.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) document: ExecutableDocument,
    /// The form in which its one operation runs, where no variable has a say in it.
    normal: OnceLock<Arc<Positioned<OperationDefinition>>>,
}

impl Checked {
    pub(super) fn of(document: ExecutableDocument) -> Self {
        Self { document, normal: OnceLock::new() }
    }

    /// The form in which the operation runs: kept, unless directives may make another one of it at the next request.
    pub(super) fn normal(
        &self,
        source: &str,
        make: impl FnOnce() -> Result<Arc<Positioned<OperationDefinition>>, Problem>,
    ) -> Result<Arc<Positioned<OperationDefinition>>, Problem> {
        let is_single = match &self.document.operations {
            DocumentOperations::Single(_) => true,
            DocumentOperations::Multiple(several) => several.len() == 1,
        };
        if !is_single || source.contains('@') {
            return make();
        }
        if let Some(normal) = self.normal.get() {
            return Ok(Arc::clone(normal));
        }
        let normal = make()?;
        Ok(Arc::clone(self.normal.get_or_init(|| normal)))
    }
}

/// The documents that were admitted last, by their text.
#[derive(Debug)]
pub(super) struct Known(Mutex<LruCache<Box<str>, Arc<Checked>>>);

impl Default for Known {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MOST)))
    }
}

impl Known {
    pub(super) fn get(&self, source: &str) -> Option<Arc<Checked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(source).map(Arc::clone)
    }

    pub(super) fn add(&self, source: &str, checked: &Arc<Checked>) {
        if source.len() <= LONGEST {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.put(source.into(), Arc::clone(checked));
        }
    }
}
