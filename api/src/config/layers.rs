//! Where a value is found: the file, a variable or a flag; the later wins.

use std::collections::BTreeMap;
use std::fmt;

use super::error::ConfigProblem;
use super::keys::{KEYS, TENANT_KEYS, find, nearest, tenant_key};

/// Where a value in force came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nothing was set.
    Default,
    /// The configuration file of that name.
    File(String),
    /// The variable of that name.
    Variable(String),
    /// The flag of that name, such as `--listen`.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File(name) | Self::Variable(name) | Self::Flag(name) => formatter.write_str(name),
        }
    }
}

/// Everything that configuration is made of.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    file: Option<(String, String)>,
    variables: BTreeMap<String, String>,
    flags: BTreeMap<String, String>,
}

impl Sources {
    /// Adds the file: its name for messages, and its text.
    #[must_use]
    pub fn file(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.file = Some((name.into(), text.into()));
        self
    }

    /// Adds one variable; only those that begin with `CAIRN_` are looked at.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Adds one flag by its key's name: `listen` for `--listen`.
    #[must_use]
    pub fn flag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.flags.insert(key.into(), value.into());
        self
    }
}

/// One value as it was written.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub text: String,
    pub origin: Origin,
}

/// Lays the sources over one another. Unknown keys and unreadable files are problems, all of them reported.
pub(super) fn overlay(sources: &Sources, problems: &mut Vec<ConfigProblem>) -> BTreeMap<String, Found> {
    let mut found = BTreeMap::new();
    if let Some((name, text)) = &sources.file {
        match text.parse::<toml::Table>() {
            Ok(table) => flatten("", &table, name, &mut found, problems),
            Err(error) => {
                problems.push(ConfigProblem::Unreadable { file: name.clone(), reason: error.to_string() });
            }
        }
    }
    for (variable, value) in &sources.variables {
        if let Some(key) = key_of_variable(variable, problems) {
            let origin = Origin::Variable(variable.clone());
            found.insert(key, Found { text: value.clone(), origin });
        }
    }
    for (key, value) in &sources.flags {
        let origin = Origin::Flag(format!("--{key}"));
        found.insert(key.clone(), Found { text: value.clone(), origin });
    }
    found
}

/// Turns the file's nested tables into dotted keys. Every value becomes its text: parsing is the reader's.
fn flatten(
    prefix: &str,
    table: &toml::Table,
    file: &str,
    found: &mut BTreeMap<String, Found>,
    problems: &mut Vec<ConfigProblem>,
) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let origin = Origin::File(file.to_owned());
        match value {
            toml::Value::Table(inner) => {
                // A tenant may have an empty section: it exists with every default.
                if prefix == "tenants" {
                    found.insert(key.clone(), Found { text: String::new(), origin });
                }
                flatten(&key, inner, file, found, problems);
            }
            _ if find(&key).is_none() => {
                problems.push(ConfigProblem::UnknownKey { nearest: nearest(&key), key, origin });
            }
            toml::Value::String(text) => {
                found.insert(key, Found { text: text.clone(), origin });
            }
            toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_)
            | toml::Value::Array(_) => {
                found.insert(key, Found { text: value.to_string(), origin });
            }
        }
    }
}

/// `CAIRN_LIMITS_BODY_BYTES` is `limits.body_bytes`; `CAIRN_TENANTS_DUNA_SITE` is `tenants.duna.site`.
fn key_of_variable(variable: &str, problems: &mut Vec<ConfigProblem>) -> Option<String> {
    let rest = variable.strip_prefix("CAIRN_")?;
    // Not settings: the tests' own, the file's name, and what one subcommand is asked for.
    const OTHERS: [&str; 6] = ["CONFIG", "REGENERATE", "TENANT", "MODEL", "MODELS", "VAD_MODEL"];
    if rest.starts_with("TEST_") || OTHERS.contains(&rest) {
        return None;
    }
    if let Some(key) = KEYS.iter().find(|key| as_variable(key.name) == rest) {
        return Some(key.name.to_owned());
    }
    let tenant = rest.strip_prefix("TENANTS_").and_then(|rest| {
        TENANT_KEYS.iter().find_map(|key| {
            let slug = rest.strip_suffix(&format!("_{}", as_variable(key.name)))?;
            Some(format!("tenants.{}.{}", slug.to_lowercase().replace('_', "-"), key.name))
        })
    });
    if tenant.is_none() {
        let nearest = nearest_variable(rest);
        problems.push(ConfigProblem::UnknownKey {
            key: variable.to_owned(),
            origin: Origin::Variable("the environment".to_owned()),
            nearest,
        });
    }
    tenant
}

fn nearest_variable(rest: &str) -> Option<String> {
    // A section's name and its key are both joined by underscores; try every place where the dot may have been.
    let lower = rest.to_lowercase();
    let dotted = lower.match_indices('_').map(|(at, _)| format!("{}.{}", &lower[..at], &lower[at + 1..]));
    std::iter::once(lower.clone())
        .chain(dotted)
        .filter_map(|key| nearest(&key))
        .find(|key| tenant_key(key).is_none())
        .map(|key| format!("CAIRN_{}", as_variable(&key)))
}

/// The part of a variable's name after `CAIRN_`.
pub(super) fn as_variable(key: &str) -> String {
    key.replace(['.', '-'], "_").to_uppercase()
}
