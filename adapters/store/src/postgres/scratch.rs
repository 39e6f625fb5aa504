use commands::ports::StoreError;
use tokio_postgres::Client;

use super::{failure::store_error, lane::connect};
use crate::address::Address;

/// A database for a short time, on the server of another: benchmarks and torture must not touch anybody's data.
#[derive(Clone)]
pub struct ScratchDatabase {
    server: Address,
    name: String,
    url: String,
}

impl ScratchDatabase {
    /// Makes an empty database beside the one that the URL names.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a URL that cannot be read, [`StoreError::Unavailable`] when the server cannot be reached or does
    /// not let this user make databases.
    pub async fn create(beside: &str, name: &str) -> Result<Self, StoreError> {
        let unreadable = |reason: String| StoreError::Corrupt { reason };
        let server = Address::parse(beside).map_err(|error| unreadable(error.to_string()))?;
        let url = with_database(beside, name)
            .ok_or_else(|| unreadable("the PostgreSQL URL names no database to lie beside".to_owned()))?;
        let doing = "making a scratch database";
        let client = connect(&server).await?;
        client.batch_execute(&format!("create database \"{name}\"")).await.map_err(store_error(doing))?;
        Ok(Self { server, name: name.to_owned(), url })
    }

    /// What decides how durable and how fast its server is, as `name = value`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the server cannot be reached.
    pub async fn settings(&self) -> Result<Vec<String>, StoreError> {
        let client = connect(&self.server).await?;
        let rows = client
            .query(
                "select name || ' = ' || current_setting(name) from pg_settings where name in ('server_version',
                 'fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'max_wal_size') order by name",
                &[],
            )
            .await
            .map_err(store_error("reading the server's settings"))?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// A connection with the server's own settings, as a stranger's would be.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the server cannot be reached.
    pub async fn stranger(&self) -> Result<Stranger, StoreError> {
        let mut address = self.server.clone();
        address.config.dbname(&self.name);
        let client = connect(&address).await?;
        client.batch_execute("reset all").await.map_err(store_error("becoming a stranger"))?;
        Ok(Stranger { client })
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Removes it, whoever may still be connected.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the server cannot be reached.
    pub async fn remove(self) -> Result<(), StoreError> {
        let client = connect(&self.server).await?;
        let sql = format!("drop database if exists \"{}\" with (force)", self.name);
        client.batch_execute(&sql).await.map_err(store_error("removing a scratch database"))
    }
}

/// Somebody who knows SQL and nothing of Cairn.
pub struct Stranger {
    client: Client,
}

impl Stranger {
    /// Runs statements that answer nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the server does not take them.
    pub async fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.client.batch_execute(sql).await.map_err(store_error("running a stranger's statements"))
    }

    /// Asks for one number.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the server does not take the query.
    pub async fn number(&self, sql: &str) -> Result<i64, StoreError> {
        let row = self.client.query_one(sql, &[]).await.map_err(store_error("answering a stranger"))?;
        row.try_get(0).map_err(store_error("answering a stranger"))
    }
}

/// `scheme://place/DATABASE?options` with another database.
fn with_database(url: &str, name: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (rest, options) = rest.split_once('?').map_or((rest, None), |(rest, options)| (rest, Some(options)));
    let (place, _database) = rest.split_once('/')?;
    let options = options.map(|options| format!("?{options}")).unwrap_or_default();
    Some(format!("{scheme}://{place}/{name}{options}"))
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn a_scratch_database_lies_on_the_same_server() {
        let beside = |url| with_database(url, "scratch");
        assert_eq!(beside("postgres://a:b@db:5432/cairn").as_deref(), Some("postgres://a:b@db:5432/scratch"));
        assert_eq!(
            beside("postgres://a@db/cairn?sslmode=disable").as_deref(),
            Some("postgres://a@db/scratch?sslmode=disable")
        );
        assert_eq!(beside("postgres://a@db"), None);
    }
}
