//! A database of its own for one measurement.

use std::error::Error;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Executor, PgPool};

/// The tables that postgres-es asks for, as its own `db/init.sql` has them.
const STOCK_TABLES: &str = "
create table events (
    aggregate_type text not null, aggregate_id text not null, sequence bigint check (sequence >= 0) not null,
    event_type text not null, event_version text not null, payload json not null, metadata json not null,
    primary key (aggregate_type, aggregate_id, sequence));
create table snapshots (
    aggregate_type text not null, aggregate_id text not null,
    last_sequence bigint check (last_sequence >= 0) not null,
    current_snapshot bigint check (current_snapshot >= 0) not null, payload json not null,
    primary key (aggregate_type, aggregate_id, last_sequence));";

/// A fresh database with the stock tables, and a pool into it.
pub struct Database {
    pub pool: PgPool,
    server: PgConnectOptions,
    name: String,
}

impl Database {
    pub async fn create(url: &str, connections: u32) -> Result<Self, Box<dyn Error>> {
        let server: PgConnectOptions = url.parse()?;
        let name = format!("peer_{}", uuid::Uuid::new_v4().simple());
        server.connect().await?.execute(format!("create database {name}").as_str()).await?;
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .min_connections(connections)
            .connect_with(server.clone().database(&name))
            .await?;
        pool.execute(STOCK_TABLES).await?;
        Ok(Self { pool, server, name })
    }

    pub async fn remove(self) -> Result<(), Box<dyn Error>> {
        self.pool.close().await;
        let drop = format!("drop database {} with (force)", self.name);
        self.server.connect().await?.execute(drop.as_str()).await?;
        Ok(())
    }
}
