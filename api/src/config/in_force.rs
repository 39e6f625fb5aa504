//! What is in force, for people and programs, secrets masked.

use serde::Serialize;

use super::keys::Key;
use super::layers::Origin;
use super::masked;

/// One key's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Value {
    /// The key's full name.
    pub key: String,
    /// The value's text, secrets masked; none where nothing is set.
    pub value: Option<String>,
    /// Where it came from: `default`, a file's name, a variable or a flag.
    pub origin: String,
    /// What the key is for.
    pub what: &'static str,
}

/// All keys with their values, in the order of the documentation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct InForce(Vec<Value>);

impl InForce {
    /// The values.
    pub fn values(&self) -> &[Value] {
        &self.0
    }

    pub(super) fn add(&mut self, key: &Key, name: &str, text: Option<&str>, origin: Origin) {
        self.0.push(Value {
            key: name.to_owned(),
            value: text.map(|text| shown(key, text)),
            origin: origin.to_string(),
            what: key.what,
        });
    }
}

/// A value as it may be shown: secrets as stars, URLs without their password.
pub(super) fn shown(key: &Key, text: &str) -> String {
    if key.secret {
        return "***".to_owned();
    }
    masked(text)
}
