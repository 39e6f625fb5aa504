//! The recall that a database can do by itself: every descendant of one lot, by a recursive query.
//!
//! The genealogy is generated, the same here as in `cairn bench recall`. It consists of blocks of 10,000 lots;
//! within a block, numbered from 0:
//! - lots 0 to 999 are raw, layer 0;
//! - layers 1 to 5 follow with 1,800 lots each, and every lot there has three parents, so a block has 27,000 links;
//! - lot `j` (0 to 1,799) of layer 1 is made of the raw lots `0`, `1 + j mod 999` and `1 + (j + 333) mod 999`;
//! - lot `j` of a later layer is made of the lots `j`, `(j + 1) mod 1800` and `(j + 600) mod 1800` of the layer before.
//!
//! Lot 0 of a block so has 9,000 descendants. 100 blocks are 1,000,000 lots and 2,700,000 links; 1,000 grams a link.
//! Lot `i` of block `b` has the id `b * 10_000 + i`.

use std::error::Error;
use std::time::Instant;

use sqlx::{PgPool, Row};

use crate::Load;
use crate::report::{Latencies, Report};

/// Numbers as ids and both indexes: the kindest form of the question for the database.
const TABLES: &str = "
create table lot (id bigint primary key, code text not null, layer int not null, weight_grams bigint not null);
create table link (parent bigint not null, child bigint not null, used_grams bigint not null)";

const LOTS: &str = "
insert into lot
select b * 10000 + i, 'LOT-' || (b * 10000 + i), case when i < 1000 then 0 else 1 + (i - 1000) / 1800 end, 3000
from generate_series(0, $1::bigint - 1) b, generate_series(0, 9999) i";

const LINKS: &str = "
insert into link
select b * 10000 + p.parent, b * 10000 + 1000 + (layer - 1) * 1800 + j, 1000
from generate_series(0, $1::bigint - 1) b, generate_series(1, 5) layer, generate_series(0, 1799) j,
lateral (
    select unnest(case when layer = 1 then array[0, 1 + j % 999, 1 + (j + 333) % 999]
        else array[1000 + (layer - 2) * 1800 + j, 1000 + (layer - 2) * 1800 + (j + 1) % 1800,
                   1000 + (layer - 2) * 1800 + (j + 600) % 1800] end) as parent) p";

const RECALL: &str = "
with recursive reached(id) as (
    select child from link where parent = $1
    union
    select link.child from reached join link on link.parent = reached.id)
select lot.id, lot.code, lot.layer, lot.weight_grams from reached join lot using (id)";

const DESCENDANTS: usize = 9_000;

pub async fn measure(pool: &PgPool, load: Load, blocks: u32) -> Result<Report, Box<dyn Error>> {
    seed(pool, blocks).await?;
    let begun = Instant::now();
    let callers: Vec<_> = (0..load.callers)
        .map(|caller| tokio::spawn(one_caller(pool.clone(), caller, begun, load, blocks)))
        .collect();
    let mut latencies = Latencies::default();
    for caller in callers {
        latencies.join(caller.await??);
    }
    Ok(Report::new("recall", "recursive query", load, begun.elapsed(), latencies))
}

async fn seed(pool: &PgPool, blocks: u32) -> Result<(), sqlx::Error> {
    for table in TABLES.split(';') {
        sqlx::query(table).execute(pool).await?;
    }
    for fill in [LOTS, LINKS] {
        sqlx::query(fill).bind(i64::from(blocks)).execute(pool).await?;
    }
    sqlx::query("create unique index on link (parent, child)").execute(pool).await?;
    sqlx::query("vacuum analyze").execute(pool).await?;
    Ok(())
}

async fn one_caller(
    pool: PgPool,
    caller: usize,
    begun: Instant,
    load: Load,
    blocks: u32,
) -> Result<Latencies, sqlx::Error> {
    let mut latencies = Latencies::default();
    let mut block = caller as i64;
    while begun.elapsed() < load.lasting {
        block = (block + 37) % i64::from(blocks);
        let asked = Instant::now();
        let rows = sqlx::query(RECALL).bind(block * 10_000).fetch_all(&pool).await?;
        latencies.add(asked.elapsed());
        let grams: i64 = rows.iter().map(|row| row.get::<i64, _>("weight_grams")).sum();
        assert_eq!((rows.len(), grams), (DESCENDANTS, DESCENDANTS as i64 * 3000), "the generator changed");
    }
    Ok(latencies)
}
