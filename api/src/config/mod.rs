//! Configuration: what is set, where it came from, and what is allowed.
//!
//! One TOML file, overridden by `CAIRN_*` variables, overridden by flags. [`Config::resolve`] is a pure function of the
//! three, so that every rule here is tested without a machine; [`Config::load`] only fetches them.
//!
//! ```
//! use api::config::{Config, Sources};
//!
//! let file = "listen = '0.0.0.0:8080'\n[tenants.duna]\ntime_zone = 'Europe/Budapest'\nsite = 'DUNA'\n";
//! let config = Config::resolve(&Sources::default().file("cairn.toml", file)).unwrap();
//! assert_eq!(config.settings.listen.port(), 8080);
//! assert_eq!(config.settings.tenants[0].settings.site.as_ref(), "DUNA");
//! ```
//!
//! Reading order: [`Settings`] (what there is), `keys.rs` (the same as a table, with what is allowed), `layers.rs` (how a
//! value is found), `in_force.rs` (how it is shown), `masked.rs` (without passwords).

mod environment;
mod error;
mod identity;
mod in_force;
mod keys;
mod layers;
mod masked;
mod settings;
mod tenants;
#[cfg(test)]
mod tests;

pub use environment::Environment;
pub use error::{BadConfig, ConfigProblem};
pub use identity::Identity;
pub use in_force::{InForce, Value};
pub use layers::{Origin, Sources};
pub use masked::masked;
pub use settings::{Config, Graphql, Limits, Log, LogFormat, Settings};
pub use tenants::{ConfiguredTenants, Tenant, tenant_id};
