use std::{io, sync::Arc};

use clap::Args;
use commands::{engine::EngineConfig, process::ProcessOptions};
use document::{Limits, TrustedDocuments};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use super::{Context, Failure, Interrupt, Outcome, Place, Printer, Settled, demo, kek, token};
use crate::{
    auth::{Authenticator, FileKeySource, KeySet, UrlKeySource},
    compose::{CannotServe, Serving},
    config::{ConfiguredTenants, Identity, Settings, masked},
    graphql,
    http::{self, Edge, GraphqlLimits, GraphqlService, RateLimits, ServeLimits},
};

/// Serve GraphQL over a log, until Ctrl-C
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cairn serve                      embedded: everything lies in ./data
  cairn serve --demo               loads the demo plant first
  cairn serve --data /var/lib/cairn --listen 0.0.0.0:8080
  cairn serve --store postgres://cairn@db/cairn
                                   several of these may serve one database
  cairn serve --store 'postgres://cairn@db/cairn?sslmode=verify-full'
                                   sealed; the certificate bears its name

sslmode of a PostgreSQL URL is disable; prefer (the default: sealed if the server can, by whoever it is);
require or verify-ca (sealed, the certificate signed by an authority of sslrootcert); verify-full (and it
bears the host's name). Without sslrootcert the operating system's authorities count, and all three
check the name. A file as sslrootcert alone means verify-ca, sslrootcert=system verify-full and nothing less.

It answers on /graphql, /health/live, /health/ready (200 once the read models have caught up) and /metrics.
Logs are JSON on standard error. Ctrl-C, or SIGTERM, answers what was accepted and then stops.")]
pub struct Serve {
    #[command(flatten)]
    place: Place,
    /// Address and port to answer on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Load the demo plant first; a second time changes nothing
    #[arg(long)]
    demo: bool,
}

impl Serve {
    pub async fn run(self) -> Outcome {
        let settled = self.place.settle_with(self.listen.map(|listen| ("listen", listen)))?;
        let settings = &settled.config.settings;
        kek::demand(&settled)?;
        let mut interrupt = Interrupt::listen();
        let listener = bind(settings).await?;
        let stores = settled.open().await?;
        let printer = Printer;
        if self.demo {
            let plant = demo::load(&stores, &settled).await?;
            demo::print(&printer, &plant, &settled)?;
            printer.line(format_args!("cairn token --tenant demo --role ADMIN{}", settled.flags()))?;
            printer.line("")?;
        }
        install_logs(settings)?;
        let tenants = Arc::new(ConfiguredTenants::new(&settled.tenants()));
        let bounds = EngineConfig {
            keep_answers_for: settings.keep_answers_for,
            cached_bytes: settings.cache_bytes,
            ..EngineConfig::default()
        };
        let processes =
            ProcessOptions { retry_for: settings.retry_reactions_for, ..ProcessOptions::default() };
        let serving = Serving::start_with(&stores, &settled.url, tenants, bounds, processes).await;
        let serving = serving.map_err(|error| match error {
            CannotServe::Rows(error) => settled.no_read_models(&error),
            CannotServe::Events(_) => {
                Failure::new(format!("{} cannot be served", settled.url)).because(&error)
            }
        })?;
        let edge = edge(&serving, &settled, self.demo)?;
        let address = listener.local_addr().or_fail(|| "the address cannot be told")?;
        printer.line(format_args!("Cairn answers on http://{address}/graphql; Ctrl-C stops it."))?;
        let served =
            http::serve(http::router(edge), listener, ServeLimits::default(), interrupt.asked()).await;
        serving.stop().await;
        served.or_fail(|| format!("http://{address} cannot be served any longer"))
    }
}

async fn bind(settings: &Settings) -> Outcome<TcpListener> {
    let address = settings.listen;
    TcpListener::bind(address).await.map_err(|fault| {
        let failure = Failure::new(format!("the address {address} cannot be used")).because(&fault);
        if fault.kind() == io::ErrorKind::AddrInUse {
            failure.advise("stop what answers there, or take another with --listen ADDR")
        } else {
            failure
        }
    })
}

fn install_logs(settings: &Settings) -> Outcome {
    let filter = EnvFilter::try_new(&settings.log.level).or_fail(|| "log.level cannot be understood")?;
    // A second log in one process would be a fault of the program; the first one goes on.
    http::install_logs(filter, settings.log.format);
    Ok(())
}

fn edge(serving: &Serving, settled: &Settled, demo: bool) -> Outcome<Edge> {
    let settings = &settled.config.settings;
    let schema = graphql::schema(
        serving.engine.clone(),
        Arc::clone(&serving.read_side),
        Arc::clone(&serving.genealogy),
    );
    let mut graphql =
        GraphqlService::new(schema, limits(settings)).or_fail(|| "the GraphQL schema cannot be served")?;
    if let Some(manifest) = &settings.graphql.trusted_documents {
        let trusted = TrustedDocuments::read(manifest);
        graphql = graphql.trusting_only(trusted.or_fail(|| "graphql.trusted_documents cannot be used")?);
    }
    let rows = Arc::clone(serving.read_side.store());
    graphql = graphql.keeping_answers(rows, settings.graphql.kept_answer_bytes);
    if !settings.graphql.introspection {
        graphql = graphql.without_introspection();
    }
    Ok(Edge {
        graphql,
        authenticator: authenticator(settled)?,
        tenants: settled.tenants_of_paths(demo).into_iter().map(|tenant| (tenant.slug, tenant.id)).collect(),
        readiness: serving.readiness(),
        metrics: Some(http::install_metrics().or_fail(|| "no metrics can be kept")?),
        metrics_open: settings.metrics_open,
        rates: RateLimits {
            user: settings.limits.user_per_minute,
            address: settings.limits.address_per_minute,
        },
    })
}

fn limits(settings: &Settings) -> GraphqlLimits {
    let set = &settings.limits;
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let document = Limits {
        depth: count(set.depth),
        aliases: count(set.aliases),
        root_fields: count(set.root_fields),
        directives: count(set.directives),
        tokens: set.tokens,
        cost: count(set.cost),
    };
    GraphqlLimits { document, body_bytes: set.body_bytes, batch: set.batch, timeout: set.timeout }
}

/// Local tokens are believed always, a provider's where its keys are configured.
fn authenticator(settled: &Settled) -> Outcome<Authenticator> {
    let tenants = settled.config.settings.tenants.iter();
    let open = tenants.filter(|tenant| tenant.viewer_sees_audit).map(|tenant| tenant.id);
    let local =
        Authenticator::new().with_local(&token::local_secret(settled)?).showing_viewers_the_audit_of(open);
    let Identity { issuer, audience, jwks, .. } = &settled.config.settings.identity;
    let Some(jwks) = jwks else { return Ok(local) };
    let keys = if jwks.contains("://") {
        let source = UrlKeySource::try_new(jwks)
            .or_fail(|| format!("identity.jwks is {}, where no keys can be fetched", masked(jwks)))?;
        KeySet::new(source)
    } else {
        KeySet::new(FileKeySource::new(jwks))
    };
    Ok(local.with_provider(keys, issuer, audience.clone()))
}
