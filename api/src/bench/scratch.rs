//! A log of the benchmark's own, beside the given one, so that nobody's data is touched and the disk is the same.

use std::{
    fs,
    path::{Path, PathBuf},
};

use uuid::Uuid;

use super::{Report, load::LoadArgs, machine::peak_resident_mib};
use crate::compose::{ScratchDatabase, StoreUrl, Stores};

/// An empty log that lives as long as its benchmark.
pub struct Scratch {
    /// Where it lies.
    pub url: StoreUrl,
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
    let place = Place::make(&load.store).await?;
    report.fact("durability", place.durability().await?);
    let outcome = match Stores::open(&place.url).await {
        Ok(stores) => measure(&Scratch { url: place.url.clone(), stores }, report).await,
        Err(error) => Err(error.into()),
    };
    report.figure("peak_resident_mib", peak_resident_mib());
    place.remove().await?;
    outcome
}

/// The scratch log's place.
struct Place {
    url: StoreUrl,
    kind: Kind,
}

enum Kind {
    Memory,
    Directory(PathBuf),
    Database(Box<ScratchDatabase>),
}

impl Place {
    async fn make(beside: &StoreUrl) -> anyhow::Result<Self> {
        let name = format!("cairn_bench_{}", Uuid::now_v7().simple());
        Ok(match beside {
            StoreUrl::Memory => Self { url: StoreUrl::Memory, kind: Kind::Memory },
            StoreUrl::Sqlite(file) => {
                let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
                let directory = parent.unwrap_or(Path::new(".")).join(name);
                fs::create_dir_all(&directory)?;
                let url = StoreUrl::Sqlite(directory.join("bench.db"));
                Self { url, kind: Kind::Directory(directory) }
            }
            StoreUrl::Postgres(beside) => {
                let database = ScratchDatabase::create(beside, &name).await?;
                let url = StoreUrl::Postgres(database.url().to_owned());
                Self { url, kind: Kind::Database(Box::new(database)) }
            }
        })
    }

    /// What an answered commit has survived by then.
    async fn durability(&self) -> anyhow::Result<String> {
        Ok(match &self.kind {
            Kind::Memory => "none".to_owned(),
            Kind::Directory(_) => "journal_mode = wal, synchronous = full".to_owned(),
            Kind::Database(database) => database.settings().await?.join(", "),
        })
    }

    async fn remove(self) -> anyhow::Result<()> {
        match self.kind {
            Kind::Memory => Ok(()),
            Kind::Directory(directory) => Ok(fs::remove_dir_all(directory)?),
            Kind::Database(database) => Ok(database.remove().await?),
        }
    }
}
