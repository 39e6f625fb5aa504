//! What can be wrong with a configuration.

use std::fmt;

use super::Origin;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigProblem {
    /// The file is no TOML, or could not be read.
    #[error("{file}: {reason}")]
    Unreadable {
        /// The file's name.
        file: String,
        /// What the reader said, with line and column.
        reason: String,
    },
    /// No such key; a silent misspelling would leave the default in force.
    #[error("{key} (from {origin}) is no key{}", did_you_mean(.nearest.as_deref()))]
    UnknownKey {
        /// As it was written.
        key: String,
        /// Where it was written.
        origin: Origin,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// A value that is not allowed.
    #[error("{key} is {given} (from {origin}); allowed is {allowed}")]
    BadValue {
        /// The key's full name.
        key: String,
        /// What was given, or stars for a secret.
        given: String,
        /// Where it was written.
        origin: Origin,
        /// What is allowed instead.
        allowed: &'static str,
    },
    /// Two tenants would share what one alone may have.
    #[error("tenants.{second} has the same {what} as tenants.{first}")]
    Shared {
        /// The one that comes first by name.
        first: String,
        /// The other.
        second: String,
        /// What they share.
        what: &'static str,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |key| format!("; did you mean {key}?"))
}

/// Everything that is wrong, so that it can be mended in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadConfig(pub Vec<ConfigProblem>);

impl fmt::Display for BadConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for BadConfig {}
