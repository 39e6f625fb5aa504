//! The event log's tables, step by step. A step is final once released: a change is a new step.

/// One step forward. There is none back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Counts from 1, without gaps.
    pub version: u32,
    /// What it is about, as in its file's name.
    pub name: &'static str,
    /// The statements, applied in one transaction with the version's mark.
    pub sql: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal $file:literal),+ $(,)?) => {
        &[$(Migration { version: $version, name: $name, sql: include_str!(concat!("../sql/", $file)) }),+]
    };
}

/// For SQLite files. The version lies in `user_version`.
pub const SQLITE: &[Migration] = migrations![
    1 "event_log" "sqlite/0001_event_log.sql",
    2 "answers_expire" "sqlite/0002_answers_expire.sql",
    3 "process_leases" "sqlite/0003_process_leases.sql",
    4 "subject_keys" "sqlite/0004_subject_keys.sql",
];

/// For PostgreSQL databases. The versions lie in the table [`POSTGRES_VERSIONS`].
pub const POSTGRES: &[Migration] = migrations![
    1 "event_log" "postgres/0001_event_log.sql",
    2 "answers_expire" "postgres/0002_answers_expire.sql",
    3 "process_leases" "postgres/0003_process_leases.sql",
    4 "subject_keys" "postgres/0004_subject_keys.sql",
];

/// An index over a table that may be large. It is not part of a step: steps are short, and everybody waits for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: &'static str,
    /// The table, the columns, and which rows it holds.
    pub on: &'static str,
}

/// What a PostgreSQL database has beside its steps. Each is built while the log is written to, and anew where that broke off.
pub const POSTGRES_INDEXES: &[Index] = &[
    Index { name: "commits_by_expiry", on: "commits (expires_at) where expires_at is not null" },
    Index {
        name: "reactions_parked",
        on: "events (position) where category = 'reaction' and event_type = 'ReactionParked'",
    },
];

/// The table that says which steps a PostgreSQL database has taken.
pub const POSTGRES_VERSIONS: &str = "cairn_schema_versions";

/// Marks a SQLite file as Cairn's (`application_id`): the letters `CRN1`.
pub const SQLITE_APPLICATION_ID: i32 = 0x4352_4E31;

/// The newest version that this program knows.
pub fn newest(migrations: &[Migration]) -> u32 {
    migrations.last().map_or(0, |migration| migration.version)
}

#[cfg(test)]
mod tests {
    use super::{POSTGRES, SQLITE};

    #[test]
    fn versions_count_from_one_without_gaps() {
        for migrations in [SQLITE, POSTGRES] {
            assert!(migrations.iter().map(|migration| migration.version).eq(1..=migrations.len() as u32));
        }
    }
}
