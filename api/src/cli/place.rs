//! Where the log lies that a subcommand works on.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Failure, Outcome};
use crate::compose::{StoreUrl, Stores};

const DEFAULT_DATA: &str = "data";

/// The log that a subcommand works on.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Where the log lies")]
pub struct Place {
    /// Directory of the embedded profile: the log, its read models, the signing secret
    #[arg(long, value_name = "DIR", env = "CAIRN_DATA", default_value = DEFAULT_DATA, hide_env_values = true)]
    data: PathBuf,
    /// The log elsewhere: sqlite:PATH or postgres://USER@HOST:PORT/DATABASE [default: sqlite:DIR/cairn.db]
    #[arg(long, value_name = "URL", env = "CAIRN_STORE", hide_env_values = true)]
    store: Option<StoreUrl>,
}

impl Place {
    /// The directory of the embedded profile.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Where the log lies.
    pub fn url(&self) -> StoreUrl {
        self.store.clone().unwrap_or_else(|| StoreUrl::Sqlite(self.data.join("cairn.db")))
    }

    /// The flags that name this place, to be printed behind a command: empty for the default.
    pub fn as_flags(&self) -> String {
        match &self.store {
            Some(url) => format!(" --store {url}"),
            None if self.data == Path::new(DEFAULT_DATA) => String::new(),
            None => format!(" --data {}", self.data.display()),
        }
    }

    /// Opens a log that is there already: a question to an empty directory is a mistake, not a new log.
    pub async fn open_existing(&self) -> Outcome<Stores> {
        if let StoreUrl::Sqlite(file) = self.url()
            && !file.exists()
        {
            return Err(Failure::new(format!("there is no log at {}", file.display()))
                .advise(format!("cairn demo --data {}   makes one with a demo plant", self.data.display()))
                .advise("name the right directory with --data DIR, or a database with --store URL"));
        }
        self.open().await
    }

    /// Opens the log, making it when it is missing.
    pub async fn open(&self) -> Outcome<Stores> {
        let url = self.url();
        if let StoreUrl::Sqlite(file) = &url
            && let Some(directory) = file.parent()
        {
            std::fs::create_dir_all(directory).map_err(|fault| {
                Failure::new(format!("the directory {} cannot be made", directory.display())).because(&fault)
            })?;
        }
        Stores::open(&url)
            .await
            .map_err(|error| Failure::new(format!("the log {url} cannot be opened")).because(&error))
    }
}
