//! Where the log lies that a subcommand works on, and whose data in it.

use std::path::PathBuf;

use chrono_tz::Tz;
use clap::Args;
use commands::{
    ports::{TenantId, TenantSettings},
    sealing::KeyEncryptionKey,
};
use projections::ports::ReadStoreError;
use uuid::Uuid;

use super::{Failure, Outcome, kek};
use crate::{
    compose::{StoreUrl, Stores, read_models_beside},
    config::{Config, Environment, Tenant},
    demo,
};

/// Where settings come from, and the log that a subcommand works on.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Where the log lies")]
pub struct Place {
    /// Directory of the embedded profile: the log, its read models, the signing secret [default: ./data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The log elsewhere: sqlite:PATH or postgres://USER@HOST:PORT/DATABASE [default: sqlite:DIR/cairn.db]
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Configuration file [default: DIR/cairn.toml, where there is one]
    #[arg(long, value_name = "FILE", env = "CAIRN_CONFIG", hide_env = true)]
    config: Option<PathBuf>,
}

/// A place, with everything that is set there.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The settings in force.
    pub config: Config,
    /// Where the log lies.
    pub url: StoreUrl,
    flags: String,
}

impl Place {
    /// Finds out what is in force.
    pub fn settle(&self) -> Outcome<Settled> {
        self.settle_with(None)
    }

    /// As [`Place::settle`], with a further flag of the subcommand: its key and what was given.
    pub fn settle_with(&self, flag: Option<(&'static str, String)>) -> Outcome<Settled> {
        let data = self.data.as_ref().map(|data| ("data", data.display().to_string()));
        let store = self.store.clone().map(|store| ("store", store));
        let flags = [data, store, flag].into_iter().flatten();
        let config = Config::load(self.config.as_deref(), std::env::vars_os(), flags).map_err(|bad| {
            let problems =
                bad.0.iter().fold(Failure::usage("the configuration is wrong"), |failure, problem| {
                    failure.because(problem)
                });
            problems.advise("cairn config --help   tells where a setting comes from")
        })?;
        let url = match &config.settings.store {
            Some(store) => store.parse().map_err(Failure::usage)?,
            None => StoreUrl::Sqlite(config.settings.data.join("cairn.db")),
        };
        Ok(Settled { config, url, flags: self.as_flags() })
    }

    fn as_flags(&self) -> String {
        let store = self.store.as_ref().and_then(|store| store.parse::<StoreUrl>().ok());
        let store = store.map(|url| format!(" --store {url}"));
        let data = self.data.as_ref().map(|data| format!(" --data {}", data.display()));
        let config = self.config.as_ref().map(|file| format!(" --config {}", file.display()));
        [store, data, config].into_iter().flatten().collect()
    }
}

impl Settled {
    /// The flags that name this place, to be printed behind a command: empty for the default. Without a password.
    pub fn flags(&self) -> &str {
        &self.flags
    }

    /// Opens a log that is there already: a question to an empty directory is a mistake, not a new log.
    pub async fn open_existing(&self) -> Outcome<Stores> {
        if let StoreUrl::Sqlite(file) = &self.url
            && !file.exists()
        {
            return Err(Failure::new(format!("there is no log at {}", file.display()))
                .advise(format!("cairn demo{}   makes one with a demo plant", self.flags))
                .advise("name the right directory with --data DIR, or a database with --store URL"));
        }
        self.open_with(kek::found(self)?).await
    }

    /// Opens the log, making it when it is missing.
    pub async fn open(&self) -> Outcome<Stores> {
        self.open_with(kek::found_or_made(self)?).await
    }

    async fn open_with(&self, kek: Option<KeyEncryptionKey>) -> Outcome<Stores> {
        let url = &self.url;
        if let StoreUrl::Sqlite(file) = url
            && let Some(directory) = file.parent()
        {
            std::fs::create_dir_all(directory).map_err(|fault| {
                Failure::new(format!("the directory {} cannot be made", directory.display())).because(&fault)
            })?;
        }
        let stores = Stores::open(url)
            .await
            .map_err(|error| Failure::new(format!("the log {url} cannot be opened")).because(&error))?;
        let Some(kek) = kek else { return Ok(stores) };
        let stores = stores.sealing_with(kek);
        kek::check(&stores).await?;
        Ok(stores)
    }

    /// What the installation is for. Where it is not said, a database is not for development: several machines share it.
    pub fn environment(&self) -> Environment {
        self.config.settings.environment.unwrap_or(match self.url {
            StoreUrl::Memory | StoreUrl::Sqlite(_) => Environment::Development,
            StoreUrl::Postgres(_) => Environment::Production,
        })
    }

    /// What to say when the read models cannot be opened: which file it is, and that it may go.
    pub fn no_read_models(&self, error: &ReadStoreError) -> Failure {
        let StoreUrl::Sqlite(log) = &self.url else {
            return Failure::new(format!("the read models of {} cannot be opened", self.url)).because(error);
        };
        let file = read_models_beside(log);
        let failure = Failure::new(format!("the read models in {} cannot be opened", file.display()));
        let failure = failure.because(error);
        match error {
            ReadStoreError::Corrupt { .. } => failure.advise(format!(
                "move {0}, {0}-wal and {0}-shm away while nothing runs; the read models are then built anew from the log",
                file.display()
            )),
            _ => failure,
        }
    }

    /// The tenants of the configuration, and the demo plant's unless that is configured too.
    pub fn tenants(&self) -> Vec<Tenant> {
        let mut tenants = self.config.settings.tenants.clone();
        if tenants.iter().all(|tenant| tenant.id != demo::TENANT && tenant.slug != demo::SLUG) {
            tenants.push(Tenant {
                slug: demo::SLUG.to_owned(),
                id: demo::TENANT,
                name: "Demo plant".to_owned(),
                settings: demo::settings(),
                viewer_sees_audit: false,
            });
        }
        tenants
    }

    /// The tenants that a path may name; if there is but one, it need not. Where tenants are configured, the demo plant is
    /// among them only when it is asked for: strangers find no other, and a plant's own is the only one.
    pub fn tenants_of_paths(&self, demo: bool) -> Vec<Tenant> {
        let configured = &self.config.settings.tenants;
        if demo || configured.is_empty() { self.tenants() } else { configured.clone() }
    }

    /// Whose data is meant: a configured tenant's name in the configuration, `demo`, or any tenant's id.
    pub fn tenant(&self, given: &str) -> Outcome<TenantId> {
        let tenants = self.tenants();
        let known = tenants.iter().find(|tenant| tenant.slug == given).map(|tenant| tenant.id);
        known.or_else(|| Uuid::try_parse(given).ok()).ok_or_else(|| {
            let slugs: Vec<&str> = tenants.iter().map(|tenant| tenant.slug.as_str()).collect();
            Failure::usage(format!("there is no tenant {given}"))
                .advise(format!("a tenant's id (a UUID), or one of: {}", slugs.join(", ")))
        })
    }

    /// A tenant's settings, those of [`TenantSettings::default`] when it has none.
    pub fn time_zone(&self, tenant: TenantId) -> Tz {
        let settings = self.tenants().into_iter().find(|known| known.id == tenant);
        settings.map_or_else(TenantSettings::default, |known| known.settings).time_zone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    #[test]
    fn the_demo_plant_does_not_make_a_plant_one_of_two() {
        let named = |file: &str, demo: bool| {
            let config = Config::resolve(&Sources::default().file("cairn.toml", file)).unwrap();
            let settled = Settled { config, url: StoreUrl::Memory, flags: String::new() };
            settled.tenants_of_paths(demo).into_iter().map(|tenant| tenant.slug).collect::<Vec<_>>()
        };
        assert_eq!(named("", false), ["demo"]);
        assert_eq!(named("[tenants.duna]", false), ["duna"]);
        assert_eq!(named("[tenants.duna]", true), ["duna", "demo"]);
    }
}
