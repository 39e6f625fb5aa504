//! How long a recall takes: in memory, through GraphQL, and as a recursive query on the same PostgreSQL.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::Utc;
use clap::Args;
use domain::identity::Role;
use projections::{
    ReadModel,
    lots::{
        LotLinks,
        genealogy::{Genealogy, GenealogyOptions, LotRef},
    },
};
use serde_json::json;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{
    Report,
    families::{FAMILY_LINKS, FAMILY_LOTS},
    load::{LoadArgs, Measured, drive},
    machine, past,
    plant::Plant,
    scratch::{self, Scratch},
    server::{Client, Server},
};
use crate::{
    auth::{self, Grant, LocalSecret},
    compose,
    graphql::kernel::GlobalId,
};

/// Front ends that ask for recalls at once.
const GRAPHQL_CALLERS: u32 = 4;

/// What `cairn bench recall` is asked.
#[derive(Debug, Args)]
pub struct RecallArgs {
    #[command(flatten)]
    pub load: LoadArgs,
    /// Lots in the plant, in families of 9,001 lots and 24,300 links
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub lots: u64,
}

/// Measures it.
pub async fn run(args: &RecallArgs) -> anyhow::Result<Report> {
    let mut report = Report::begin("recall");
    scratch::within(&args.load, &mut report, async |scratch, report| measure(args, scratch, report).await)
        .await?;
    Ok(report)
}

async fn measure(args: &RecallArgs, scratch: &Scratch, report: &mut Report) -> anyhow::Result<()> {
    let families = args.lots.div_ceil(FAMILY_LOTS);
    report.fact("lots", families * FAMILY_LOTS);
    report.fact("links", families * FAMILY_LINKS);
    report.fact("descendants", FAMILY_LOTS - 1);
    let tenant = Uuid::now_v7();
    let filling = Instant::now();
    past::fill(&*scratch.stores.events, Plant::try_new(tenant)?.families(families)).await?;
    report.fact("filled_in_s", filling.elapsed().as_secs());

    let before = machine::resident_mib();
    let building = Instant::now();
    let genealogy = Genealogy::start(Arc::clone(&scratch.stores.events), None, GenealogyOptions::default());
    genealogy.caught_up(&*scratch.stores.events).await?;
    report.figure("index_built_s", building.elapsed().as_secs_f64());
    report.figure("index_mib", machine::resident_mib() - before);
    let inside = repeat(&args.load, families, async |root| {
        let scope = genealogy.recall_scope(tenant, LotRef::Id(root), None)?;
        let found = scope.descendant_count() as u64;
        anyhow::ensure!(found == FAMILY_LOTS - 1, "{found} descendants were found");
        // The first page is part of the answer: its lots are made readable.
        anyhow::ensure!(scope.page(0, 50).len() == 50, "a page is not full");
        Ok(())
    })
    .await?;
    genealogy.stop().await;
    inside.report(report, "", "recalls");
    drop(genealogy);
    through_graphql(args, scratch, report, tenant, families).await?;

    if let Some(database) = &scratch.database {
        let read_side = compose::stand_by(&scratch.stores, &scratch.url).await?;
        let building = Instant::now();
        let rebuilt = read_side.rebuild(LotLinks::NAME)?.run(&mut |_| {}).await?;
        report.fact("links_built_in_s", building.elapsed().as_secs());
        let links = rebuilt.build.table_name("lot_links");
        let peer = database.stranger().await?;
        peer.run(&format!("analyze {links}")).await?;
        let in_sql = repeat(&args.load, families, async |root| {
            let found = peer.number(&recursive_query(&links, tenant, root)).await?;
            anyhow::ensure!(found == FAMILY_LOTS as i64 - 1, "{found} descendants were found");
            Ok(())
        })
        .await?;
        in_sql.report(report, "recursive_cte_", "recalls");
        report.figure("times_faster_than_cte", in_sql.percentile_ms(500) / inside.percentile_ms(500));
    }
    Ok(())
}

const QUERY: &str = "query($lot: ID!) { recallScope(lot: $lot) { root { code } position \
    balance { receivedG madeG inStockG shippedG processLossG } consignees { name shippedG } \
    lots(first: 50) { totalCount nodes { code type status depth weightG remainingG } } } }";

/// A recall as a front end asks for it, over HTTP from a server of its own.
async fn through_graphql(
    args: &RecallArgs,
    scratch: &Scratch,
    report: &mut Report,
    tenant: Uuid,
    families: u64,
) -> anyhow::Result<()> {
    let server = Server::start(&scratch.url, &scratch.directory).await?;
    let ready = server.ready().await?;
    let secret = LocalSecret::load_or_create(&scratch.directory)?;
    let grant = Grant {
        subject: "benchmark".to_owned(),
        tenant,
        roles: vec![Role::Auditor],
        lifetime: Duration::from_secs(86_400),
        issued_at: Utc::now(),
    };
    let token = auth::mint(&secret, &grant)?;
    let load = LoadArgs { callers: GRAPHQL_CALLERS, ..args.load.clone() };
    let mut clients = Vec::new();
    for _ in 0..load.callers {
        clients.push(Mutex::new(Client::connect(server.address(), Some(&token)).await?));
    }
    let clients = Arc::new(clients);
    let measured = drive(&load, move |caller, turn| {
        let clients = Arc::clone(&clients);
        async move {
            let mut client = clients[caller as usize].lock().await;
            ask(&mut client, tenant, root_of(turn * 13 + u64::from(caller), families)).await
        }
    })
    .await?;
    report.fact("graphql_callers", GRAPHQL_CALLERS);
    report.figure("server_first_ready_s", ready.as_secs_f64());
    report.figure("server_resident_mib", server.resident_mib());
    measured.report(report, "graphql_", "recalls");
    server.stop().await
}

/// An answer that is no recall.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NoRecall(String);

async fn ask(client: &mut Client, tenant: Uuid, root: Uuid) -> Result<(), NoRecall> {
    let lot = GlobalId::encode("Lot", tenant, &root.to_string());
    let body = json!({ "query": QUERY, "variables": { "lot": lot } }).to_string();
    let (status, body) = client.graphql(&body).await.map_err(|error| NoRecall(error.to_string()))?;
    let body = String::from_utf8_lossy(&body);
    let whole = format!("\"totalCount\":{}", FAMILY_LOTS - 1);
    if status == 200 && body.contains(&whole) {
        Ok(())
    } else {
        Err(NoRecall(format!("{status} {}", body.chars().take(300).collect::<String>())))
    }
}

/// Counts the descendants and nothing else: the least that a recall in SQL would have to do.
fn recursive_query(links: &str, tenant: Uuid, root: Uuid) -> String {
    format!(
        "with recursive scope (lot_id) as (
             select child_id from {links} where tenant = '{tenant}' and parent_id = '{root}'
             union
             select link.child_id from scope join {links} link
                 on link.tenant = '{tenant}' and link.parent_id = scope.lot_id)
         select count(*) from scope"
    )
}

/// One question after the other, each about another family.
async fn repeat(
    load: &LoadArgs,
    families: u64,
    mut ask: impl AsyncFnMut(Uuid) -> anyhow::Result<()>,
) -> anyhow::Result<Measured> {
    let began = Instant::now();
    let mut micros = Vec::new();
    for turn in 0_u64.. {
        let root = root_of(turn, families);
        let asked = Instant::now();
        ask(root).await?;
        let running = began.elapsed().as_secs();
        if running >= load.warm_up {
            micros.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
        if running >= load.warm_up + load.seconds {
            break;
        }
    }
    micros.sort_unstable();
    Ok(Measured { lasted: began.elapsed(), micros, failures: 0, first_failure: None })
}

/// The root of another family each turn.
fn root_of(turn: u64, families: u64) -> Uuid {
    Plant::lot_id(turn.wrapping_mul(7_919) % families * FAMILY_LOTS)
}
