use insta::assert_snapshot;

use super::*;

fn resolve(sources: Sources) -> Config {
    Config::resolve(&sources).unwrap()
}

fn problems(sources: Sources) -> String {
    Config::resolve(&sources).unwrap_err().to_string()
}

#[test]
fn nothing_set_gives_the_defaults() {
    let config = resolve(Sources::default());
    assert_eq!(config.settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.settings.store, None);
    assert_eq!(config.settings.limits.body_bytes, 256 * 1024);
    assert!(config.settings.tenants.is_empty());
}

#[test]
fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
    let file =
        Sources::default().file("cairn.toml", "listen = '1.1.1.1:1'\ndata = 'file'\n[log]\nlevel = 'warn'");
    let both = file.variable("CAIRN_LISTEN", "2.2.2.2:2").variable("CAIRN_DATA", "variable");
    let config = resolve(both.flag("listen", "3.3.3.3:3"));
    assert_eq!(config.settings.listen.to_string(), "3.3.3.3:3");
    assert_eq!(config.settings.data.to_str(), Some("variable"));
    assert_eq!(config.settings.log.level, "warn");
    let origins: Vec<_> =
        config.in_force.values().iter().take(5).map(|value| value.origin.as_str()).collect();
    assert_eq!(origins, ["CAIRN_DATA", "--listen", "default", "default", "cairn.toml"]);
}

#[test]
fn a_tenant_has_a_section_or_variables_and_an_id_that_follows_from_its_slug() {
    let config = resolve(
        Sources::default()
            .file(
                "cairn.toml",
                "[tenants.duna]\ntime_zone = 'Europe/Budapest'\nsite = 'DUNA'\n[tenants.empty]",
            )
            .variable("CAIRN_TENANTS_NORTH_SEA_SITE", "NORD")
            .variable("CAIRN_TENANTS_NORTH_SEA_TIME_ZONE", "Europe/Oslo"),
    );
    let [duna, empty, north_sea] = config.settings.tenants.as_slice() else { panic!("three tenants") };
    assert_eq!((duna.slug.as_str(), duna.settings.time_zone.name()), ("duna", "Europe/Budapest"));
    assert_eq!((duna.id, empty.settings.site.as_ref()), (tenant_id("duna"), "MAIN"));
    assert_eq!((north_sea.slug.as_str(), north_sea.settings.site.as_ref()), ("north-sea", "NORD"));
}

#[test]
fn the_rules_get_a_tenants_settings_and_a_stranger_the_defaults() {
    use commands::ports::TenantDirectory;
    let config = resolve(Sources::default().file("cairn.toml", "[tenants.duna]\nsite = 'DUNA'"));
    let directory = ConfiguredTenants::new(&config.settings.tenants);
    assert_eq!(directory.settings(tenant_id("duna")).site.as_ref(), "DUNA");
    assert_eq!(directory.settings(tenant_id("else")).site.as_ref(), "MAIN");
}

#[test]
fn a_bad_value_names_its_key_what_was_given_and_what_is_allowed() {
    let file = "listen = 8080\nstore = 'mysql://db'\n[log]\nlevel = 'inof'\n[limits]\ndepth = 0\nbatch = 'x'\n\
        [tenants.duna]\nsite = 'Duna'\ntime_zone = 'Budapest'\nid = '7'\n[tenants.Duna_2]";
    assert_snapshot!(problems(Sources::default().file("cairn.toml", file)), @r#"
    listen is 8080 (from cairn.toml); allowed is an address with a port, such as 127.0.0.1:8080
    store is mysql://db (from cairn.toml); allowed is sqlite:PATH, postgres://USER@HOST:PORT/DATABASE or memory:
    log.level is inof (from cairn.toml); allowed is error, warn, info, debug, trace, or a filter such as info,commands=debug
    limits.depth is 0 (from cairn.toml); allowed is a number from 1 to 100
    limits.batch is x (from cairn.toml); allowed is a number from 1 to 100
    tenants is the slug "Duna_2" (from cairn.toml); allowed is 1 to 100 of a to z, 0 to 9 and the hyphen
    tenants.duna.id is 7 (from cairn.toml); allowed is a UUID
    tenants.duna.time_zone is Budapest (from cairn.toml); allowed is a name of the IANA time zone database, such as Europe/Budapest
    tenants.duna.site is Duna (from cairn.toml); allowed is four capitals A to Z, such as DUNA
    "#);
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    let file = "lisen = 'x'\n[limit]\ndepth = 3\n[limits]\nbody = 3\n[identity]\nwhatever_this_is = 1\n\
        [tenants.duna]\ntimezone = 'UTC'";
    let sources = Sources::default()
        .file("cairn.toml", file)
        .variable("CAIRN_LIMITS_BODYBYTES", "1")
        .variable("CAIRN_STOER", "memory:");
    assert_snapshot!(problems(sources), @"
    identity.whatever_this_is (from cairn.toml) is no key
    limit.depth (from cairn.toml) is no key; did you mean limits.depth?
    limits.body (from cairn.toml) is no key; did you mean limits.body_bytes?
    lisen (from cairn.toml) is no key; did you mean listen?
    tenants.duna.timezone (from cairn.toml) is no key; did you mean tenants.duna.time_zone?
    CAIRN_LIMITS_BODYBYTES (from the environment) is no key; did you mean CAIRN_LIMITS_BODY_BYTES?
    CAIRN_STOER (from the environment) is no key; did you mean CAIRN_STORE?
    ");
}

#[test]
fn variables_of_the_tests_and_of_other_programs_are_left_alone() {
    resolve(
        Sources::default()
            .variable("CAIRN_TEST_POSTGRES", "x")
            .variable("CAIRN_CONFIG", "x")
            .variable("CAIRN_MODEL", "x")
            .variable("CAIRN_MODELS", "x")
            .variable("CAIRN_VAD_MODEL", "x")
            .variable("PATH", "x")
            .variable("CAIRNS", "x"),
    );
}

#[test]
fn a_file_that_is_no_toml_says_where() {
    let said = problems(Sources::default().file("cairn.toml", "listen = 'x'\nstore = "));
    assert!(said.starts_with("cairn.toml: TOML parse error at line 2, column"), "{said}");
}

#[test]
fn two_tenants_may_not_share_an_id() {
    let id = tenant_id("duna");
    let file = format!("[tenants.duna]\n[tenants.tisza]\nid = '{id}'");
    let said = problems(Sources::default().file("cairn.toml", file));
    assert_eq!(said, "tenants.tisza has the same id as tenants.duna");
}

#[test]
fn what_is_in_force_shows_no_secret() {
    let secret = "correct horse battery staple correct";
    let config = resolve(
        Sources::default()
            .file(
                "cairn.toml",
                "store = 'postgres://cairn:p@ss/w@db:5432/cairn?password=hidden&x=1'\n[tenants.duna]",
            )
            .variable("CAIRN_IDENTITY_SECRET", secret)
            .variable("CAIRN_IDENTITY_KEK", secret),
    );
    assert!(!format!("{:?}", config.settings.identity).contains(secret));
    let lines = config.in_force.values().iter().map(|value| {
        let shown = value.value.as_deref().unwrap_or("(not set)");
        format!("{:30} {:50} {}", value.key, shown, value.origin)
    });
    assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @"
    data                           ./data                                             default
    listen                         127.0.0.1:8080                                     default
    store                          postgres://cairn:***@db:5432/cairn?password=***&x=1 cairn.toml
    environment                    (not set)                                          default
    log.level                      info                                               default
    log.format                     json                                               default
    identity.issuer                cairn                                              default
    identity.audience              (not set)                                          default
    identity.jwks                  (not set)                                          default
    identity.secret                ***                                                CAIRN_IDENTITY_SECRET
    identity.kek                   ***                                                CAIRN_IDENTITY_KEK
    identity.kek_file              (not set)                                          default
    graphql.introspection          true                                               default
    graphql.trusted_documents      (not set)                                          default
    graphql.kept_answer_bytes      33554432                                           default
    metrics.open                   false                                              default
    limits.depth                   12                                                 default
    limits.aliases                 30                                                 default
    limits.root_fields             20                                                 default
    limits.directives              10                                                 default
    limits.tokens                  2000                                               default
    limits.cost                    50000                                              default
    limits.body_bytes              262144                                             default
    limits.user_per_minute         (not set)                                          default
    limits.address_per_minute      (not set)                                          default
    limits.batch                   5                                                  default
    limits.timeout_seconds         30                                                 default
    idempotency.keep_hours         24                                                 default
    engine.cache_mib               256                                                default
    processes.retry_seconds        900                                                default
    tenants.duna.id                (not set)                                          default
    tenants.duna.name              (not set)                                          default
    tenants.duna.address           (not set)                                          default
    tenants.duna.time_zone         UTC                                                default
    tenants.duna.site              MAIN                                               default
    tenants.duna.viewer_sees_audit false                                              default
    ");
    let short = problems(Sources::default().variable("CAIRN_IDENTITY_SECRET", "too short"));
    assert_eq!(
        short,
        "identity.secret is *** (from CAIRN_IDENTITY_SECRET); allowed is at least 32 characters"
    );
}

#[test]
fn the_example_file_sets_nothing() {
    let example = Config::example();
    let config = resolve(Sources::default().file("cairn.toml", example));
    assert_eq!(config.settings, resolve(Sources::default()).settings);
}

#[test]
fn the_example_file_is_accepted_and_names_every_default() {
    let example = Config::example();
    let set: String = example
        .lines()
        .map(|line| {
            let set = line.strip_prefix("# ");
            set.filter(|line| line.starts_with('[') || line.contains(" = \"") && !line.ends_with("\"\""))
        })
        .zip(example.lines())
        .map(|(set, line)| format!("{}\n", set.unwrap_or(line)))
        .collect();
    let config = resolve(Sources::default().file("cairn.toml", set));
    assert_eq!(config.settings.limits, resolve(Sources::default()).settings.limits);
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_unicode_is_a_bad_value_and_no_panic() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let variables = [("CAIRN_LISTEN", vec![0xff]), ("OTHER", vec![0xff])]
        .map(|(name, value)| (OsString::from(name), OsString::from_vec(value)));
    let said = Config::load(None, variables.into_iter(), std::iter::empty()).unwrap_err().to_string();
    assert!(said.starts_with("listen is \u{fffd} (from CAIRN_LISTEN); allowed is an address"), "{said}");
}

#[test]
fn a_named_file_must_exist_and_the_one_in_the_data_folder_may_be_missing() {
    let folder = tempfile::tempdir().unwrap();
    let data = || std::iter::once(("data", folder.path().display().to_string()));
    let listen = |config: Config| config.settings.listen.port();
    assert_eq!(listen(Config::load(None, std::iter::empty(), data()).unwrap()), 8080);
    std::fs::write(folder.path().join("cairn.toml"), "listen = '127.0.0.1:1'").unwrap();
    assert_eq!(listen(Config::load(None, std::iter::empty(), data()).unwrap()), 1);
    let missing = folder.path().join("other.toml");
    let said = Config::load(Some(&missing), std::iter::empty(), data()).unwrap_err().to_string();
    assert!(said.starts_with(&missing.display().to_string()), "{said}");
}
