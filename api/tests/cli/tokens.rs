use std::time::Duration;

use api::auth::{Authenticator, LocalSecret};
use chrono::{DateTime, Utc};
use domain::identity::Permission;

use crate::shell::Shell;

#[tokio::test]
async fn a_minted_token_opens_its_tenant_to_its_roles() {
    let shell = Shell::new();
    let minted = shell.json("token --tenant demo --role operator --actor kovacs.anna --ttl 90m");
    let secret = LocalSecret::load_or_create(&shell.path().join("data")).unwrap();
    let authenticator = Authenticator::new().with_local(&secret);
    let header = format!("Bearer {}", minted["token"].as_str().unwrap());
    let caller = authenticator.authenticate(Some(header.as_bytes())).await.unwrap();
    assert_eq!(caller.tenant.to_string(), minted["tenant"].as_str().unwrap());
    assert_eq!(&*caller.actor, "kovacs.anna");
    assert!(caller.permissions.contains(Permission::LotCreate));
    assert!(!caller.permissions.contains(Permission::RunControl));
    let expires: DateTime<Utc> = minted["expires_at"].as_str().unwrap().parse().unwrap();
    let left = (expires - Utc::now()).to_std().unwrap();
    assert!(left > Duration::from_secs(80 * 60) && left <= Duration::from_secs(90 * 60));
}

#[test]
fn a_token_alone_is_one_line_for_a_shell() {
    let token = Shell::new().cairn("token --tenant demo --role VIEWER").succeeds();
    assert_eq!((token.lines().count(), token.trim().split('.').count()), (1, 3));
}

#[test]
fn what_a_token_cannot_be_is_told() {
    let shell = Shell::new();
    let error = shell.cairn("token --tenant demo --role boss").misuses();
    assert!(error.contains("there is no role boss; known are ADMIN"), "{error}");
    let error = shell.cairn("token --tenant nobody --role ADMIN").misuses();
    assert!(error.contains("there is no tenant nobody") && error.contains("demo"), "{error}");
    let error = shell.cairn("token --tenant demo --role ADMIN --ttl 8").misuses();
    assert!(error.contains("8h"), "{error}");
    let error = shell.cairn("token --tenant demo --role ADMIN --actor system").misuses();
    assert!(error.contains("only Cairn itself"), "{error}");
    assert!(shell.cairn("token --role ADMIN").misuses().contains("--tenant <ID>"));
}

#[tokio::test]
async fn a_token_carries_roles_of_several_sets() {
    let shell = Shell::new();
    let minted = shell.json("token --tenant demo --role viewer --role field:technician --role shop:ADMIN");
    assert_eq!(minted["roles"], serde_json::json!(["VIEWER", "field:TECHNICIAN", "shop:ADMIN"]));
    let secret = LocalSecret::load_or_create(&shell.path().join("data")).unwrap();
    let header = format!("Bearer {}", minted["token"].as_str().unwrap());
    let caller =
        Authenticator::new().with_local(&secret).authenticate(Some(header.as_bytes())).await.unwrap();
    for permission in [Permission::PlantRead, Permission::JobsComplete, Permission::StockWrite] {
        assert!(caller.permissions.contains(permission), "{}", permission.as_str());
    }
    assert!(!caller.permissions.contains(Permission::LotCreate));
}
