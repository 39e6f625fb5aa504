//! Every key that may be set: its name in the file, what it is for, what is allowed, and its default.
//!
//! A key's variable follows from its name: `limits.body_bytes` is `CAIRN_LIMITS_BODY_BYTES`.

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    /// The name in the file, sections joined by dots. In a tenant's section, the part after the tenant's slug.
    pub name: &'static str,
    /// What it is for.
    pub what: &'static str,
    /// What is allowed, to be read after "allowed is".
    pub allowed: &'static str,
    /// In force where nothing is set; none where the key then has no value.
    pub default: Option<&'static str>,
    /// Never shown, not even in an error.
    pub secret: bool,
}

const fn key(
    name: &'static str,
    default: Option<&'static str>,
    what: &'static str,
    allowed: &'static str,
) -> Key {
    Key { name, what, allowed, default, secret: false }
}

const fn secret(name: &'static str, what: &'static str, allowed: &'static str) -> Key {
    Key { name, what, allowed, default: None, secret: true }
}

/// The keys outside the tenants' sections.
pub(super) const KEYS: &[Key] = &[
    key("data", Some("./data"), "folder of the log, the read models and the local secret", "a folder's path"),
    key(
        "listen",
        Some("127.0.0.1:8080"),
        "where HTTP is served",
        "an address with a port, such as 127.0.0.1:8080",
    ),
    // A URL may carry a password: it is shown without it, see `in_force.rs`.
    key(
        "store",
        None,
        "where the log lies; without it, SQLite in the data folder",
        "sqlite:PATH, postgres://USER@HOST:PORT/DATABASE or memory:",
    ),
    key(
        "environment",
        None,
        "whether keys may be made up, as in development; without it, development with the log in a file, production with it in a database",
        "development or production",
    ),
    key(
        "log.level",
        Some("info"),
        "what is logged",
        "error, warn, info, debug, trace, or a filter such as info,commands=debug",
    ),
    key("log.format", Some("json"), "how a line of the log looks", "json or text"),
    key(
        "identity.issuer",
        Some("cairn"),
        "the issuer that the identity provider's tokens must name",
        "a text that is not empty",
    ),
    key(
        "identity.audience",
        None,
        "the audience that the identity provider's tokens must name; without it, any will do",
        "a text that is not empty",
    ),
    key(
        "identity.jwks",
        None,
        "public keys of the identity provider, for tokens signed with RS256",
        "a file's path or an https:// URL",
    ),
    secret(
        "identity.secret",
        "secret of locally minted tokens (HS256); without it, one is made in the data folder",
        "at least 32 characters",
    ),
    secret(
        "identity.kek",
        "key-encryption key, without which no personal data can be read; development derives one from identity.secret",
        "at least 32 characters",
    ),
    key(
        "identity.kek_file",
        None,
        "file that holds the key-encryption key instead, readable by its owner alone",
        "a file's path",
    ),
    key("graphql.introspection", Some("true"), "whether the schema may be asked for", "true or false"),
    key(
        "graphql.trusted_documents",
        None,
        "JSON file of the only documents that run, by the SHA-256 of each; without it, all run",
        "a file's path",
    ),
    key(
        "graphql.kept_answer_bytes",
        Some("33554432"),
        "memory for answers that are given again while the rows stand that they were made of; 0 keeps none",
        "a number from 0 to 4294967296",
    ),
    key("metrics.open", Some("false"), "whether /metrics answers without a token", "true or false"),
    key("limits.depth", Some("12"), "levels of a query", "a number from 1 to 100"),
    key("limits.aliases", Some("30"), "aliases in a query", "a number from 0 to 1000"),
    key("limits.root_fields", Some("20"), "fields at a query's root", "a number from 1 to 1000"),
    key("limits.directives", Some("10"), "directives in a query", "a number from 0 to 1000"),
    key("limits.tokens", Some("2000"), "lexical tokens of a query", "a number from 100 to 100000"),
    key("limits.cost", Some("50000"), "static cost of a query", "a number from 1 to 10000000"),
    key("limits.body_bytes", Some("262144"), "bytes of a request's body", "a number from 1024 to 16777216"),
    key(
        "limits.user_per_minute",
        None,
        "requests a minute of one user of a tenant; without it, any number",
        "a number from 1 to 1000000",
    ),
    key(
        "limits.address_per_minute",
        None,
        "requests a minute from one address, a proxy's among them; without it, any number",
        "a number from 1 to 1000000",
    ),
    key("limits.batch", Some("5"), "operations in one request", "a number from 1 to 100"),
    key("limits.timeout_seconds", Some("30"), "seconds a request may take", "a number from 1 to 600"),
    key(
        "idempotency.keep_hours",
        Some("24"),
        "hours after which a client's idempotency key is free again",
        "a number from 24 to 8760",
    ),
    key(
        "engine.cache_mib",
        Some("256"),
        "MiB that the states of streams may take in memory, roughly",
        "a number from 1 to 65536",
    ),
    key(
        "processes.retry_seconds",
        Some("900"),
        "seconds for which a reaction, or a deadline, that fails is tried again before it is parked",
        "a number from 0 to 86400",
    ),
];

/// The keys of one tenant's section, `tenants.<slug>.<name>`.
pub(super) const TENANT_KEYS: &[Key] = &[
    key("id", None, "the tenant's id; without it, one that follows from the slug", "a UUID"),
    key("name", None, "the tenant's name; without it, the slug", "a text that is not empty"),
    key(
        "address",
        None,
        "the plant's address; with the name, on every dispatch record",
        "a text that is not empty",
    ),
    key(
        "time_zone",
        Some("UTC"),
        "decides where a local day begins",
        "a name of the IANA time zone database, such as Europe/Budapest",
    ),
    key("site", Some("MAIN"), "the plant's site in codes", "four capitals A to Z, such as DUNA"),
    key("viewer_sees_audit", Some("false"), "whether viewers may read the audit trail", "true or false"),
];

/// Finds a key by its full name; a tenant's key by the part after the slug.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    match tenant_key(name) {
        Some((_slug, field)) => TENANT_KEYS.iter().find(|key| key.name == field),
        None => KEYS.iter().find(|key| key.name == name),
    }
}

/// Splits `tenants.<slug>.<field>`.
pub(super) fn tenant_key(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("tenants.")?.split_once('.')
}

/// The known key nearest to an unknown one, if one is near enough to have been meant.
pub(super) fn nearest(unknown: &str) -> Option<String> {
    let (prefix, field, known): (String, &str, &[Key]) = match tenant_key(unknown) {
        Some((slug, field)) => (format!("tenants.{slug}."), field, TENANT_KEYS),
        None => (String::new(), unknown, KEYS),
    };
    let begins = |name: &str| field.len() > 2 && name.starts_with(field);
    let bare = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
    known
        .iter()
        .map(|key| {
            let edits = distance(field, key.name).min(distance(&bare(field), &bare(key.name)) + 1);
            (if begins(key.name) { 1 } else { edits }, key.name)
        })
        .min()
        .filter(|(edits, name)| *edits <= 1 + name.len() / 3)
        .map(|(_edits, name)| format!("{prefix}{name}"))
}

/// Every key with its default and meaning, as a file to start from.
pub(super) fn example() -> String {
    let line = |key: &Key| {
        let name = key.name.rsplit('.').next().unwrap_or(key.name);
        let value = key.default.unwrap_or("");
        format!("# {}: {}\n# {name} = \"{value}\"\n", key.what, key.allowed)
    };
    let mut text = String::new();
    let mut section = "";
    for key in KEYS {
        let own = key.name.rsplit_once('.').map_or("", |(section, _name)| section);
        if own != section {
            section = own;
            text.push_str(&format!("\n[{section}]\n"));
        }
        text.push_str(&line(key));
    }
    text.push_str("\n# [tenants.duna]\n");
    TENANT_KEYS.iter().for_each(|key| text.push_str(&line(key)));
    text
}

/// How many letters must be put in, taken out or changed to make one text the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}
