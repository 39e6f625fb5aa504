//! A log of the benchmark's own, beside the given one, so that nobody's data is touched and the disk is the same.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use commands::sealing::KeyEncryptionKey;
use uuid::Uuid;

use super::{Report, load::LoadArgs, machine::peak_resident_mib};
use crate::{
    cli::Interrupt,
    compose::{ScratchDatabase, StoreUrl, Stores},
};

/// An empty log that lives as long as its benchmark.
pub struct Scratch {
    /// Where it lies.
    pub url: StoreUrl,
    /// Its ports.
    pub stores: Stores,
    /// Its database, where it lies in one.
    pub database: Option<ScratchDatabase>,
    /// A directory of the benchmark's own; a log in a file lies there.
    pub directory: PathBuf,
}

/// Makes an empty log beside the store that the arguments name, measures over it, and removes it whatever the outcome,
/// Ctrl-C among them.
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
    // From before there is anything to remove.
    let interrupt = Interrupt::listen();
    let name = format!("cairn_bench_{}", Uuid::now_v7().simple());
    let directory = beside(&load.store).join(&name);
    fs::create_dir_all(&directory)?;
    let outcome = with_directory(load, report, &name, &directory, interrupt, measure).await;
    fs::remove_dir_all(&directory)?;
    outcome
}

/// On the same disk as a log in a file.
fn beside(store: &StoreUrl) -> PathBuf {
    match store {
        StoreUrl::Memory | StoreUrl::Postgres(_) => env::temp_dir(),
        StoreUrl::Sqlite(file) => file.parent().map(Path::to_owned).unwrap_or_default(),
    }
}

async fn with_directory(
    load: &LoadArgs,
    report: &mut Report,
    name: &str,
    directory: &Path,
    mut interrupt: Interrupt,
    measure: impl AsyncFnOnce(&Scratch, &mut Report) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (url, durability, database) = match &load.store {
        StoreUrl::Memory => (StoreUrl::Memory, "none".to_owned(), None),
        StoreUrl::Sqlite(_) => {
            let durability = "journal_mode = wal, synchronous = full".to_owned();
            (StoreUrl::Sqlite(directory.join("bench.db")), durability, None)
        }
        StoreUrl::Postgres(beside) => {
            let database = ScratchDatabase::create(beside, name).await?;
            let durability = database.settings().await?.join(", ");
            (StoreUrl::Postgres(database.url().to_owned()), durability, Some(database))
        }
    };
    report.fact("durability", durability);
    let again = database.clone();
    let outcome = match Stores::open(&url).await {
        Ok(stores) => {
            // As a server's: every event is looked at for personal data.
            let stores = stores.sealing_with(KeyEncryptionKey::from_secret(name.as_bytes())?);
            let scratch = Scratch { url, stores, database, directory: directory.to_owned() };
            tokio::select! {
                biased;
                measured = measure(&scratch, report) => measured,
                () = interrupt.asked() => {
                    Err(anyhow::anyhow!("the benchmark was interrupted; its log of its own was removed"))
                }
            }
        }
        Err(error) => Err(error.into()),
    };
    report.figure("peak_resident_mib", peak_resident_mib());
    if let Some(database) = again {
        database.remove().await?;
    }
    outcome
}
