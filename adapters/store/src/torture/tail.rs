//! The judge's eyes: what a stranger would write to follow the log, knowing the table and nothing else.

use std::path::PathBuf;

use rusqlite::Connection;
use serde::Deserialize;
use tokio_postgres::Client;
use uuid::Uuid;

use super::TortureError;
use crate::address::Address;

/// One event, as far as the judge cares.
pub(super) struct Sighting {
    pub(super) position: i64,
    pub(super) stream: String,
    pub(super) version: i64,
    pub(super) command_id: Uuid,
    /// How many events its commit has.
    pub(super) of: u32,
}

#[derive(Deserialize)]
struct Payload {
    of: u32,
}

#[derive(Deserialize)]
struct Metadata {
    command_id: Uuid,
}

/// A reader of either database.
pub(super) enum Tail {
    Sqlite { path: PathBuf, connection: Option<Connection> },
    Postgres { address: Box<Address>, client: Option<Client> },
}

/// Position, stream, version, metadata, payload.
type Row = (i64, String, i64, String, String);

const SQLITE_PAGE: &str = "select position, stream_id, version, metadata, payload from events
    where position > ? order by position limit 2000";
const POSTGRES_PAGE: &str = "select position, stream_id, version, metadata, payload from events
    where position > $1 order by position limit 2000";

impl Tail {
    pub(super) fn of(url: &str) -> Result<Self, TortureError> {
        match url.strip_prefix("sqlite:") {
            Some(path) => Ok(Self::Sqlite { path: path.into(), connection: None }),
            None if url.starts_with("postgres") => {
                let address = Address::parse(url).map_err(|error| TortureError::Judge(error.to_string()))?;
                Ok(Self::Postgres { address: Box::new(address), client: None })
            }
            None => Err(TortureError::Address(url.to_owned())),
        }
    }

    /// The events after a position. An error may pass: the next call connects again.
    pub(super) async fn after(&mut self, position: i64) -> Result<Vec<Sighting>, String> {
        let rows = match self {
            Self::Sqlite { path, connection } => sqlite_rows(path, connection, position).await?,
            Self::Postgres { address, client } => {
                let rows = postgres_rows(address, client, position).await;
                if rows.is_err() {
                    *client = None;
                }
                rows.map_err(|error| error.to_string())?
            }
        };
        rows.into_iter().map(sighting).collect()
    }
}

fn sighting((position, stream, version, metadata, payload): Row) -> Result<Sighting, String> {
    let unreadable = |error: serde_json::Error| format!("position {position} is unreadable: {error}");
    let Metadata { command_id } = serde_json::from_str(&metadata).map_err(unreadable)?;
    let Payload { of } = serde_json::from_str(&payload).map_err(unreadable)?;
    Ok(Sighting { position, stream, version, command_id, of })
}

async fn sqlite_rows(
    path: &std::path::Path,
    place: &mut Option<Connection>,
    position: i64,
) -> Result<Vec<Row>, String> {
    let (path, taken) = (path.to_owned(), place.take());
    let read = move || -> rusqlite::Result<(Connection, Vec<Row>)> {
        let connection = match taken {
            Some(connection) => connection,
            None => Connection::open(path)?,
        };
        let rows = {
            let mut select = connection.prepare_cached(SQLITE_PAGE)?;
            let rows = select.query_map([position], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        Ok((connection, rows))
    };
    let done = tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())?;
    let (connection, rows) = done.map_err(|error| error.to_string())?;
    *place = Some(connection);
    Ok(rows)
}

async fn postgres_rows(
    address: &Address,
    place: &mut Option<Client>,
    position: i64,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let client = match place {
        Some(client) => client,
        None => {
            let (client, connection) = address.connect().await?;
            tokio::spawn(connection);
            place.insert(client)
        }
    };
    let rows = client.query(POSTGRES_PAGE, &[&position]).await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?, row.try_get(4)?)))
        .collect()
}
