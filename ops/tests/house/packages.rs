//! The packages: what each depends on, in which direction, and under which lints.

use std::collections::BTreeMap;

use super::{files, none};

/// Each may depend only on those before it.
const ORDER: [&str; 10] = [
    "domain",
    "schema",
    "commands",
    "projections",
    "adapters-store",
    "adapters-speech",
    "document",
    "drawing",
    "api",
    "tests",
];
const PACKAGES: [&str; 11] = [
    "domain",
    "schema",
    "commands",
    "projections",
    "adapters-store",
    "adapters-speech",
    "document",
    "drawing",
    "api",
    "tests",
    "ops",
];

/// Where a package lies: by itself, or beside its siblings in the folder of what they are.
fn folder(package: &str) -> String {
    match package {
        "adapters-store" | "adapters-speech" => package.replace('-', "/"),
        "document" | "drawing" => format!("api/{package}"),
        itself => itself.to_owned(),
    }
}

/// Whether a file is the package's own, and not of one that lies in its folder.
fn is_own(package: &str, path: &str) -> bool {
    let within = |package: &str| path.starts_with(&format!("{}/", folder(package)));
    let nested = |other: &&&str| folder(other).starts_with(&format!("{}/", folder(package)));
    within(package) && !PACKAGES.iter().filter(nested).any(|other| within(other))
}
const ALLOWED: &str = "ops/house/dependencies.toml";

/// `dependencies` or `dev-dependencies` of a package.
fn dependencies(package: &str, section: &str) -> Vec<String> {
    let manifest = files::toml(&format!("{}/Cargo.toml", folder(package)));
    manifest
        .get(section)
        .and_then(|table| table.as_table())
        .map_or_else(Vec::new, |table| table.keys().cloned().collect())
}

fn allowed(package: &str, section: &str) -> BTreeMap<String, String> {
    let list = files::toml(ALLOWED);
    let table =
        list.get(package).and_then(|package| package.get(section)).and_then(|section| section.as_table());
    table.map_or_else(BTreeMap::new, |table| {
        table
            .iter()
            .map(|(name, reason)| (name.clone(), reason.as_str().unwrap_or_default().to_owned()))
            .collect()
    })
}

#[test]
fn each_package_depends_on_what_its_allow_list_names_and_no_more() {
    let mut offenders = Vec::new();
    for package in PACKAGES {
        for section in ["dependencies", "dev-dependencies"] {
            let allowed = allowed(package, section);
            let direct = dependencies(package, section);
            for name in direct.iter().filter(|name| !allowed.contains_key(*name)) {
                offenders.push(format!("{package}/Cargo.toml: {name} is not on the list"));
            }
            for name in allowed.keys().filter(|name| !direct.contains(name)) {
                offenders.push(format!("{ALLOWED}: {package} does not depend on {name} any more"));
            }
        }
    }
    none(&offenders, &format!("{ALLOWED} holds the {{package}}.dependencies and their reasons:"));
}

#[test]
fn each_allowed_dependency_says_what_it_is_for() {
    let mut offenders = Vec::new();
    for package in PACKAGES {
        for section in ["dependencies", "dev-dependencies"] {
            for (name, reason) in allowed(package, section) {
                if reason.trim().len() < 8 && !PACKAGES.contains(&name.as_str()) {
                    offenders.push(format!("{package}: {name}"));
                }
            }
        }
    }
    none(&offenders, &format!("{ALLOWED} gives no reason for:"));
}

/// A package that a declaration of the domain needs wherever it is used, unnamed there.
const NEEDED_BY: [(&str, &str); 1] = [("thiserror", "refusals! {")];

#[test]
fn each_dependency_is_used() {
    let sources = files::sources();
    let mut offenders = Vec::new();
    for package in PACKAGES {
        let own: Vec<&str> =
            sources.iter().filter(|(path, _)| is_own(package, path)).map(|(_, text)| text.as_str()).collect();
        for section in ["dependencies", "dev-dependencies"] {
            for name in dependencies(package, section) {
                let path = name.replace('-', "_");
                let mut marks = vec![format!("{path}::"), format!("use {path}")];
                marks.extend(
                    NEEDED_BY.iter().filter(|(needed, _)| *needed == name).map(|(_, by)| (*by).to_owned()),
                );
                let used = |text: &&str| marks.iter().any(|mark| text.contains(mark));
                if !own.iter().any(used) {
                    offenders.push(format!("{package}/Cargo.toml: {name}"));
                }
            }
        }
    }
    none(&offenders, "nothing in the package names:");
}

#[test]
fn packages_depend_in_one_direction() {
    let mut offenders = Vec::new();
    for (at, package) in ORDER.iter().enumerate() {
        for name in dependencies(package, "dependencies") {
            if ORDER.iter().position(|other| *other == name).is_some_and(|other| other >= at) {
                offenders.push(format!("{package}/Cargo.toml: {name}"));
            }
        }
    }
    none(&offenders, &format!("each of {ORDER:?} may know only those before it:"));
}

#[test]
fn in_api_only_compose_and_the_commands_name_adapters() {
    // The binary's commands measure and torture a store; they reach it through compose, and so does everything else.
    let offenders: Vec<String> = files::sources()
        .into_iter()
        .filter(|(path, _)| path.starts_with("api/src/") && !path.starts_with("api/src/compose"))
        .flat_map(|(path, text)| {
            let named = |line: &str| !line.trim_start().starts_with("//") && line.contains("adapters_");
            let lines = text.lines().enumerate().filter(|(_, line)| named(line));
            lines.map(|(at, line)| format!("{path}:{}: {}", at + 1, line.trim())).collect::<Vec<_>>()
        })
        .collect();
    none(&offenders, "adapters are named outside compose:");
}

#[test]
fn each_package_takes_the_workspaces_lints_edition_and_licence_and_is_not_published() {
    let mut offenders = Vec::new();
    for package in PACKAGES {
        let manifest = files::toml(&format!("{}/Cargo.toml", folder(package)));
        let inherits = |table: Option<&toml::Value>| {
            table.and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
        };
        if !inherits(manifest.get("lints")) {
            offenders.push(format!("{package}/Cargo.toml: lints"));
        }
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            if !inherits(manifest.get("package").and_then(|table| table.get(key))) {
                offenders.push(format!("{package}/Cargo.toml: {key}"));
            }
        }
    }
    none(&offenders, "`workspace = true` is missing for:");
    let workspace = files::toml("Cargo.toml");
    assert_eq!(workspace["workspace"]["package"]["publish"].as_bool(), Some(false));
    assert_eq!(workspace["workspace"]["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    assert_eq!(workspace["workspace"]["lints"]["rust"]["missing_docs"].as_str(), Some("deny"));
}

#[test]
fn the_scripts_ask_for_the_rust_that_the_workspace_needs() {
    let workspace = files::toml("Cargo.toml");
    let needed = workspace["workspace"]["package"]["rust-version"].as_str().unwrap().to_owned();
    assert!(files::text("ops/house/machine.sh").contains(&format!("CAIRN_RUST={needed}\n")), "Rust {needed}");
}
