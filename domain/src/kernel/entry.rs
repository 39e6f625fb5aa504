use serde::{Deserialize, Serialize};

/// One entry of a catalogue, such as a service, a product or a vehicle: on what terms it stands there, and whether it is in
/// use. It is never deleted, because what was done under it goes on naming it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<T> {
    /// What it is.
    pub terms: T,
    /// Whether it is in use.
    pub is_active: bool,
}

impl<T> Entry<T> {
    /// A new one, in use.
    pub const fn new(terms: T) -> Self {
        Self { terms, is_active: true }
    }

    /// The same on other terms, in use or not as before.
    #[must_use]
    pub fn on(self, terms: T) -> Self {
        Self { terms, ..self }
    }

    /// The same in use, or out of it.
    #[must_use]
    pub fn in_use(self, is_active: bool) -> Self {
        Self { is_active, ..self }
    }
}
