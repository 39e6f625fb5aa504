//! The settings, typed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use commands::ports::TenantSettings;
use domain::lots::lot::Dispatcher;
use uuid::Uuid;

use super::environment::Environment;
use super::error::{BadConfig, ConfigProblem};
use super::identity::Identity;
use super::in_force::{InForce, shown};
use super::keys::{self, find, tenant_key};
use super::layers::{Found, Origin, Sources, overlay};
use super::tenants::{Tenant, tenant_id};

/// What is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Folder of the log, the read models and the local secret.
    pub data: PathBuf,
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// Where the log lies; none means SQLite in the data folder.
    pub store: Option<String>,
    /// What the installation is for; none means development with a log in a file or in memory, production with a database.
    pub environment: Option<Environment>,
    /// The log of the program itself.
    pub log: Log,
    /// Which tokens are believed.
    pub identity: Identity,
    /// Which documents run.
    pub graphql: Graphql,
    /// Whether `/metrics` is answered without a token.
    pub metrics_open: bool,
    /// What a request may ask for.
    pub limits: Limits,
    /// How long the answers to clients' idempotency keys are kept.
    pub keep_answers_for: Duration,
    /// Bytes that the states of streams may take in memory.
    pub cache_bytes: usize,
    /// How long a reaction, or a deadline, that fails is tried again before it is parked.
    pub retry_reactions_for: Duration,
    /// The tenants, by slug.
    pub tenants: Vec<Tenant>,
}

/// The log of the program itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// A level, or a filter such as `info,commands=debug`.
    pub level: String,
    /// How a line looks.
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for programs.
    Json,
    /// For people.
    Text,
}

/// Which GraphQL documents run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graphql {
    /// Whether the schema may be asked for.
    pub introspection: bool,
    /// A manifest of the only documents that run; none lets all of them run.
    pub trusted_documents: Option<PathBuf>,
    /// Memory for answers that are given again while they hold.
    pub kept_answer_bytes: usize,
}

/// What a request may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Levels of a query.
    pub depth: usize,
    /// Aliases in a query.
    pub aliases: usize,
    /// Fields at a query's root.
    pub root_fields: usize,
    /// Directives in a query.
    pub directives: usize,
    /// Lexical tokens of a query.
    pub tokens: usize,
    /// Static cost of a query.
    pub cost: usize,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Requests a minute of one user of a tenant; none is any number.
    pub user_per_minute: Option<NonZeroU32>,
    /// Requests a minute from one address; none is any number.
    pub address_per_minute: Option<NonZeroU32>,
    /// Operations in one request.
    pub batch: usize,
    /// How long a request may take.
    pub timeout: Duration,
}

/// The settings in force, and where each came from.
#[derive(Debug, Clone)]
pub struct Config {
    /// The values.
    pub settings: Settings,
    /// The same as text, with origins, secrets masked.
    pub in_force: InForce,
}

impl Config {
    /// Finds out what is in force. Pure; every problem is reported, not just the first.
    pub fn resolve(sources: &Sources) -> Result<Self, BadConfig> {
        let mut problems = Vec::new();
        let found = overlay(sources, &mut problems);
        let mut reader = Reader { found: &found, problems, in_force: InForce::default() };
        let settings = reader.settings();
        match settings {
            Some(settings) if reader.problems.is_empty() => Ok(Self { settings, in_force: reader.in_force }),
            Some(_) | None => Err(BadConfig(reader.problems)),
        }
    }

    /// A file to start from: every key with its default, what it is for and what is allowed, all commented out.
    pub fn example() -> String {
        keys::example()
    }

    /// Reads the file and the environment, then resolves. The file is the named one, which must exist, or else
    /// `cairn.toml` in the data folder, which may be missing.
    pub fn load(
        file: Option<&Path>,
        variables: impl Iterator<Item = (OsString, OsString)>,
        flags: impl Iterator<Item = (&'static str, String)>,
    ) -> Result<Self, BadConfig> {
        // What is no Unicode becomes a value that no key allows, rather than an end of the program.
        let sources = variables
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .filter(|(name, _value)| name.starts_with("CAIRN_"))
            .fold(Sources::default(), |sources, (name, value)| sources.variable(name, value));
        let sources = flags.fold(sources, |sources, (key, value)| sources.flag(key, value));
        let (path, required) = match file {
            Some(path) => (path.to_owned(), true),
            None => (Self::resolve(&sources)?.settings.data.join("cairn.toml"), false),
        };
        let name = path.display().to_string();
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::resolve(&sources.file(name, text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => {
                Self::resolve(&sources)
            }
            Err(error) => {
                Err(BadConfig(vec![ConfigProblem::Unreadable { file: name, reason: error.to_string() }]))
            }
        }
    }
}

/// Takes typed values out of what was found, noting each and collecting what is wrong.
struct Reader<'a> {
    found: &'a BTreeMap<String, Found>,
    problems: Vec<ConfigProblem>,
    in_force: InForce,
}

impl Reader<'_> {
    fn settings(&mut self) -> Option<Settings> {
        // Every key is read before anything is given up, so that all problems are known.
        let data = self.read("data", |text| not_empty(text).map(PathBuf::from));
        let listen = self.read("listen", |text| text.parse().ok());
        let store = self.read("store", |text| is_store(text).then(|| text.to_owned()));
        let environment = self.read("environment", Environment::parse);
        let log = self.log();
        let identity = self.identity();
        let graphql = self.graphql();
        let metrics_open = self.read("metrics.open", |text| text.parse().ok());
        let limits = self.limits();
        let keep_hours = self.number("idempotency.keep_hours", 24, 8_760);
        let cache_mib = self.number("engine.cache_mib", 1, 65_536);
        let retry_seconds = self.number("processes.retry_seconds", 0, 86_400);
        let tenants = self.tenants();
        Some(Settings {
            data: data?,
            listen: listen?,
            store,
            environment,
            log: log?,
            identity: identity?,
            graphql: graphql?,
            metrics_open: metrics_open?,
            limits: limits?,
            keep_answers_for: Duration::from_secs(u64::try_from(keep_hours?).ok()? * 60 * 60),
            cache_bytes: cache_mib? * 1_024 * 1_024,
            retry_reactions_for: Duration::from_secs(u64::try_from(retry_seconds?).ok()?),
            tenants: tenants?,
        })
    }

    fn log(&mut self) -> Option<Log> {
        let level = self.read("log.level", |text| is_filter(text).then(|| text.to_owned()));
        let format = self.read("log.format", |text| match text {
            "json" => Some(LogFormat::Json),
            "text" => Some(LogFormat::Text),
            _ => None,
        });
        Some(Log { level: level?, format: format? })
    }

    fn identity(&mut self) -> Option<Identity> {
        let issuer = self.read("identity.issuer", not_empty);
        let audience = self.read("identity.audience", not_empty);
        let jwks = self.read("identity.jwks", |text| {
            not_empty(text).filter(|text| !text.contains("://") || text.starts_with("https://"))
        });
        let strong = |text: &str| (text.chars().count() >= 32).then(|| text.to_owned());
        let secret = self.read("identity.secret", strong);
        let kek = self.read("identity.kek", strong);
        let kek_file = self.read("identity.kek_file", |text| not_empty(text).map(PathBuf::from));
        Some(Identity { issuer: issuer?, audience, jwks, secret, kek, kek_file })
    }

    fn graphql(&mut self) -> Option<Graphql> {
        let introspection = self.read("graphql.introspection", |text| text.parse().ok());
        let trusted_documents =
            self.read("graphql.trusted_documents", |text| not_empty(text).map(PathBuf::from));
        let kept_answer_bytes = self.number("graphql.kept_answer_bytes", 0, 4_294_967_296);
        Some(Graphql {
            introspection: introspection?,
            trusted_documents,
            kept_answer_bytes: kept_answer_bytes?,
        })
    }

    fn limits(&mut self) -> Option<Limits> {
        let depth = self.number("limits.depth", 1, 100);
        let aliases = self.number("limits.aliases", 0, 1_000);
        let root_fields = self.number("limits.root_fields", 1, 1_000);
        let directives = self.number("limits.directives", 0, 1_000);
        let tokens = self.number("limits.tokens", 100, 100_000);
        let cost = self.number("limits.cost", 1, 10_000_000);
        let body_bytes = self.number("limits.body_bytes", 1_024, 16 * 1_024 * 1_024);
        let user_per_minute = self.per_minute("limits.user_per_minute");
        let address_per_minute = self.per_minute("limits.address_per_minute");
        let batch = self.number("limits.batch", 1, 100);
        let timeout = self.number("limits.timeout_seconds", 1, 600);
        Some(Limits {
            depth: depth?,
            aliases: aliases?,
            root_fields: root_fields?,
            directives: directives?,
            tokens: tokens?,
            cost: cost?,
            body_bytes: body_bytes?,
            user_per_minute,
            address_per_minute,
            batch: batch?,
            timeout: Duration::from_secs(u64::try_from(timeout?).ok()?),
        })
    }

    fn tenants(&mut self) -> Option<Vec<Tenant>> {
        let mut slugs: Vec<&str> = self
            .found
            .keys()
            .filter_map(|key| match tenant_key(key) {
                Some((slug, _field)) => Some(slug),
                None => key.strip_prefix("tenants."),
            })
            .collect();
        slugs.dedup();
        let tenants: Vec<_> = slugs.iter().map(|slug| self.tenant(slug)).collect();
        let tenants = tenants.into_iter().collect::<Option<Vec<_>>>()?;
        for (at, first) in tenants.iter().enumerate() {
            if let Some(second) = tenants[at + 1..].iter().find(|second| second.id == first.id) {
                let (first, second) = (first.slug.clone(), second.slug.clone());
                self.problems.push(ConfigProblem::Shared { first, second, what: "id" });
            }
        }
        Some(tenants)
    }

    fn tenant(&mut self, slug: &str) -> Option<Tenant> {
        let key = |field: &str| format!("tenants.{slug}.{field}");
        if slug.is_empty()
            || slug.len() > 100
            || !slug.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'))
        {
            self.problems.push(ConfigProblem::BadValue {
                key: "tenants".to_owned(),
                given: format!("the slug {slug:?}"),
                origin: self
                    .found
                    .get(&format!("tenants.{slug}"))
                    .map_or(Origin::Default, |f| f.origin.clone()),
                allowed: "1 to 100 of a to z, 0 to 9 and the hyphen",
            });
            return None;
        }
        let id = self.read(&key("id"), |text| Uuid::parse_str(text).ok());
        let name = self.read(&key("name"), not_empty).unwrap_or_else(|| slug.to_owned());
        let address = self.read(&key("address"), not_empty);
        let dispatcher = address.map(|address| Dispatcher { name: name.clone(), address });
        let time_zone = self.read(&key("time_zone"), |text| text.parse().ok());
        let site = self.read(&key("site"), |text| {
            (text.len() == 4 && text.chars().all(|c| c.is_ascii_uppercase())).then(|| Arc::from(text))
        });
        let viewer_sees_audit = self.read(&key("viewer_sees_audit"), |text| text.parse().ok());
        Some(Tenant {
            slug: slug.to_owned(),
            id: id.unwrap_or_else(|| tenant_id(slug)),
            name,
            settings: TenantSettings { time_zone: time_zone?, site: site?, dispatcher },
            viewer_sees_audit: viewer_sees_audit?,
        })
    }

    fn number(&mut self, key: &str, least: usize, most: usize) -> Option<usize> {
        self.read(key, |text| text.parse().ok().filter(|number| (least..=most).contains(number)))
    }

    fn per_minute(&mut self, key: &str) -> Option<NonZeroU32> {
        self.read(key, |text| text.parse().ok().filter(|number: &NonZeroU32| number.get() <= 1_000_000))
    }

    /// Reads one key; none where it is not set and has no default, or where a problem was noted.
    fn read<T>(&mut self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let key = find(name)?;
        let (text, origin) = match (self.found.get(name), key.default) {
            (Some(found), _) => (found.text.as_str(), found.origin.clone()),
            (None, Some(default)) => (default, Origin::Default),
            (None, None) => {
                self.in_force.add(key, name, None, Origin::Default);
                return None;
            }
        };
        let parsed = parse(text);
        if parsed.is_none() {
            self.problems.push(ConfigProblem::BadValue {
                key: name.to_owned(),
                given: shown(key, text),
                origin: origin.clone(),
                allowed: key.allowed,
            });
        }
        self.in_force.add(key, name, Some(text), origin);
        parsed
    }
}

fn not_empty(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.to_owned())
}

fn is_store(text: &str) -> bool {
    text == "memory:"
        || ["sqlite:", "postgres://", "postgresql://"]
            .iter()
            .any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}

fn is_filter(text: &str) -> bool {
    use tracing_subscriber::EnvFilter;
    !text.trim().is_empty() && text.parse::<EnvFilter>().is_ok() && !looks_like_a_misspelt_level(text)
}

/// A filter of one word is taken for a module's name, so that `inof` would silently switch everything off.
fn looks_like_a_misspelt_level(text: &str) -> bool {
    text.split(',').all(|part| {
        !part.contains('=')
            && !["error", "warn", "info", "debug", "trace", "off"]
                .contains(&part.trim().to_lowercase().as_str())
    })
}
