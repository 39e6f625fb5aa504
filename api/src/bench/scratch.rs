//! A log of the benchmark's own, beside the given one, so that nobody's data is touched and the disk is the same.

use std::{
    fs,
    path::{Path, PathBuf},
};

use uuid::Uuid;

use super::{Report, load::LoadArgs, machine::peak_resident_mib};
use crate::compose::{StoreUrl, Stores};

/// An empty log that lives as long as its benchmark.
pub struct Scratch {
    /// Its ports.
    pub stores: Stores,
}

/// Makes an empty log beside the store that the arguments name, measures over it, and removes it whatever the outcome.
///
/// # Errors
/// When the log cannot be made or removed, and those of `measure`.
pub async fn within(
    load: &LoadArgs,
    report: &mut Report,
    measure: impl AsyncFnOnce(&Scratch, &mut Report) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    report.fact("store", load.store.to_string());
    report.fact("callers", load.callers);
    report.fact("seconds", load.seconds);
    let place = Place::make(&load.store)?;
    let scratch = Scratch { stores: Stores::open(&place.url).await? };
    let outcome = measure(&scratch, report).await;
    report.figure("peak_resident_mib", peak_resident_mib());
    outcome
}

/// The scratch log's place, taken away when it is dropped.
struct Place {
    url: StoreUrl,
    directory: Option<PathBuf>,
}

impl Place {
    fn make(beside: &StoreUrl) -> anyhow::Result<Self> {
        match beside {
            StoreUrl::Memory => Ok(Self { url: StoreUrl::Memory, directory: None }),
            StoreUrl::Sqlite(file) => {
                let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
                let name = format!("cairn-bench-{}", Uuid::now_v7());
                let directory = parent.unwrap_or(Path::new(".")).join(name);
                fs::create_dir_all(&directory)?;
                let url = StoreUrl::Sqlite(directory.join("bench.db"));
                Ok(Self { url, directory: Some(directory) })
            }
            StoreUrl::Postgres(_) => anyhow::bail!("PostgreSQL is not built in yet"),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(directory) = &self.directory
            && let Err(error) = fs::remove_dir_all(directory)
        {
            tracing::warn!(directory = %directory.display(), %error, "the benchmark's log was not removed");
        }
    }
}
