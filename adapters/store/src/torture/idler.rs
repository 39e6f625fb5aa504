//! The stranger that has read something and went to lunch with the transaction open.

use rusqlite::Connection;
use tokio_postgres::Client;

use crate::address::Address;

/// Holds its transaction until it is dropped.
pub(super) enum Idler {
    Sqlite { _connection: Connection },
    Postgres { client: Client },
}

impl Idler {
    /// Opens the transaction; nothing when the database does not answer just now.
    pub(super) async fn sit_down(url: &str) -> Option<Self> {
        match url.strip_prefix("sqlite:") {
            Some(path) => {
                let connection = Connection::open(path).ok()?;
                connection.execute_batch("begin; select count(*) from sqlite_schema").ok()?;
                Some(Self::Sqlite { _connection: connection })
            }
            None => {
                let (client, connection) = Address::parse(url).ok()?.connect().await.ok()?;
                tokio::spawn(connection);
                // With a snapshot and an id of its own it keeps every later dead row alive.
                let sit = "begin isolation level repeatable read; select pg_current_xact_id(); select max(position) from events";
                client.batch_execute(sit).await.ok()?;
                Some(Self::Postgres { client })
            }
        }
    }

    /// Whether a restart has thrown it out.
    pub(super) fn is_gone(&self) -> bool {
        match self {
            Self::Sqlite { .. } => false,
            Self::Postgres { client } => client.is_closed(),
        }
    }
}
