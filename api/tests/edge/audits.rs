//! The public audit suite of GraphQL over HTTP, run by Node against a listening server.
//!
//! Node and npm must be there: a test that passes because it could not run would promise something that nobody has seen.
//! `CAIRN_TEST_GRAPHQL_HTTP` may name a folder in which `npm ci` has been run on `tests/graphql-http`; without it the
//! packages are installed below the build folder, once.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command, sync::OnceCell};

use api::http::{GraphqlLimits, GraphqlService, ServeLimits};

use crate::server::{TestServer, token};

const SCRIPTS: [&str; 6] =
    ["package.json", "package-lock.json", ".npmrc", "audit.mjs", "introspect.mjs", "validate.mjs"];

/// The folder with the scripts and what they need.
async fn installed() -> &'static Path {
    static INSTALLED: OnceCell<PathBuf> = OnceCell::const_new();
    INSTALLED.get_or_init(install).await
}

async fn install() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/graphql-http");
    let given = std::env::var_os("CAIRN_TEST_GRAPHQL_HTTP").map(PathBuf::from);
    let folder = given.clone().unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("graphql-http"));
    std::fs::create_dir_all(&folder).unwrap();
    let lock = std::fs::read(source.join("package-lock.json")).unwrap();
    let current = std::fs::read(folder.join("node_modules/.installed")).ok();
    for script in SCRIPTS {
        std::fs::copy(source.join(script), folder.join(script)).unwrap();
    }
    let is_there = folder.join("node_modules/graphql-http").is_dir();
    if current.as_ref() != Some(&lock) && !(given.is_some() && is_there) {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts"]).current_dir(&folder);
        succeed(npm.output().await, "npm ci (Node.js with npm is needed for the audits)");
        std::fs::write(folder.join("node_modules/.installed"), lock).unwrap();
    }
    folder
}

#[track_caller]
fn succeed(output: std::io::Result<Output>, what: &str) -> Output {
    let output = output.unwrap_or_else(|error| panic!("{what}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what} failed: {said}");
    output
}

/// What graphql-js says against each document; nothing for a valid one.
pub async fn graphql_js(sdl: &str, documents: &[String]) -> Vec<Vec<String>> {
    let mut node = Command::new("node");
    node.arg("validate.mjs").current_dir(installed().await).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child =
        node.stderr(Stdio::piped()).spawn().unwrap_or_else(|error| panic!("Node.js is needed: {error}"));
    let question = serde_json::json!({ "sdl": sdl, "documents": documents }).to_string();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(question.as_bytes()).await.unwrap();
    drop(stdin);
    let output = succeed(child.wait_with_output().await, "graphql-js");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_audit_of_graphql_over_http_passes() {
    let server = TestServer::start().await;
    let mut node = Command::new("node");
    node.args(["audit.mjs", &format!("http://{}/graphql", server.address)]);
    node.env("CAIRN_TOKEN", token(&[domain::identity::Role::Viewer])).current_dir(installed().await);
    let output = succeed(node.output().await, "the audits (Node.js is needed)");
    let lines = String::from_utf8(output.stdout).unwrap();
    let audits: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(audits.len() >= 60, "only {} audits ran", audits.len());
    let failed: Vec<_> = audits.iter().filter(|audit| audit["status"] != "ok").collect();
    assert!(failed.is_empty(), "{} of {} audits do not pass: {failed:#?}", failed.len(), audits.len());
}

/// Cairn's own schema, under the limits that are in force unless somebody sets others.
#[tokio::test(flavor = "multi_thread")]
async fn tools_can_introspect_the_whole_schema_within_the_limits() {
    let service = GraphqlService::new(api::graphql::unconnected_schema(), GraphqlLimits::default()).unwrap();
    let server = TestServer::start_with(service, ServeLimits::default()).await;
    let mut node = Command::new("node");
    node.args(["introspect.mjs", &format!("http://{}/graphql", server.address)]);
    node.env("CAIRN_TOKEN", token(&[domain::identity::Role::Viewer])).current_dir(installed().await);
    let output = succeed(node.output().await, "introspection (Node.js is needed)");
    let types: usize = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    assert!(types > 50, "{types} types");
}
