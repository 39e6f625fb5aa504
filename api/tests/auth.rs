//! Tokens, good and bad, against the authenticator.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

#[path = "auth/key_sets.rs"]
mod key_sets;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use api::auth::{
    Authenticator, Grant, KeySet, KeySource, KeySourceError, LOCAL_ISSUER, LocalSecret, Unauthenticated,
    UrlKeySource, mint,
};
use chrono::Utc;
use domain::identity::{Permission, Role};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use uuid::Uuid;

const TENANT: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
const RSA_PEM: &[u8] = include_bytes!("keys/test-only-rsa.pem");
const ISSUER: &str = "https://id.example";

fn secret() -> LocalSecret {
    LocalSecret::try_new(*b"0123456789abcdef0123456789abcdef").unwrap()
}

fn grant(roles: &[Role]) -> Grant {
    Grant {
        subject: "kovacs.anna".to_owned(),
        tenant: TENANT,
        roles: roles.to_vec(),
        lifetime: Duration::from_secs(60),
        issued_at: Utc::now(),
    }
}

async fn answer(
    authenticator: &Authenticator,
    token: &str,
) -> Result<commands::engine::Caller, Unauthenticated> {
    authenticator.authenticate(Some(format!("Bearer {token}").as_bytes())).await
}

/// The provider's key set with one key, a count of how often it was fetched, and a switch that makes it fail.
#[derive(Clone)]
struct Provider {
    key_set: String,
    fetched: Arc<AtomicUsize>,
    out: Arc<std::sync::atomic::AtomicBool>,
}

impl Provider {
    fn new(kid: &str) -> Self {
        let mut key = Jwk::from_encoding_key(&rsa(), Algorithm::RS256).unwrap();
        key.common.key_id = Some(kid.to_owned());
        let symmetric =
            json!({ "kty": "oct", "kid": "shared", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA" });
        let unknown_kind = json!({ "kty": "XYZ", "kid": "odd" });
        let key_set = json!({ "keys": [unknown_kind, symmetric, key] }).to_string();
        Self { key_set, fetched: Arc::default(), out: Arc::default() }
    }

    fn authenticator(&self) -> Authenticator {
        let keys = KeySet::new(self.clone());
        Authenticator::new().with_local(&secret()).with_provider(keys, ISSUER, Some("cairn-api".to_owned()))
    }
}

impl KeySource for Provider {
    fn fetch(&self) -> Result<String, KeySourceError> {
        self.fetched.fetch_add(1, Ordering::SeqCst);
        if self.out.load(Ordering::SeqCst) {
            return Err(KeySourceError::Url { url: ISSUER.to_owned(), reason: "it is out".to_owned() });
        }
        Ok(self.key_set.clone())
    }
}

fn rsa() -> EncodingKey {
    EncodingKey::from_rsa_pem(RSA_PEM).unwrap()
}

fn claims() -> Value {
    let now = Utc::now().timestamp();
    json!({
        "sub": "user_2abc", "tenant": TENANT, "roles": ["OPERATOR", "NO_SUCH_ROLE"], "iss": ISSUER,
        "aud": "cairn-api", "iat": now, "exp": now + 60,
    })
}

fn signed(algorithm: Algorithm, kid: &str, claims: &Value, key: &EncodingKey) -> String {
    let header = Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) };
    encode(&header, claims, key).unwrap()
}

fn base64(text: impl AsRef<[u8]>) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(text)
}

#[tokio::test]
async fn a_local_token_carries_tenant_actor_and_permissions() {
    let token = mint(&secret(), &grant(&[Role::Auditor])).unwrap();
    let caller = answer(&Authenticator::new().with_local(&secret()), &token).await.unwrap();
    assert_eq!((caller.tenant, &*caller.actor), (TENANT, "kovacs.anna"));
    assert!(caller.permissions.contains(Permission::QcDecide));
    assert!(!caller.permissions.contains(Permission::LotCreate));
}

#[tokio::test]
async fn without_a_bearer_token_nobody_is_asking() {
    let authenticator = Authenticator::new().with_local(&secret());
    assert_eq!(authenticator.authenticate(None).await.unwrap_err(), Unauthenticated::NoToken);
    for header in
        ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b", "Bearer a b.c.d", "Bearer é.é.é", "\u{0}"]
    {
        assert!(authenticator.authenticate(Some(header.as_bytes())).await.is_err(), "{header:?}");
    }
    assert!(authenticator.authenticate(Some(&[0xff, 0xfe])).await.is_err());
}

#[tokio::test]
async fn an_expired_token_is_refused_and_five_seconds_of_skew_are_forgiven() {
    let authenticator = Authenticator::new().with_local(&secret());
    let ended = |seconds_ago: i64| Grant {
        issued_at: Utc::now() - chrono::TimeDelta::seconds(60 + seconds_ago),
        ..grant(&[Role::Viewer])
    };
    let refused = answer(&authenticator, &mint(&secret(), &ended(30)).unwrap()).await;
    assert_eq!(refused.unwrap_err(), Unauthenticated::Expired);
    assert!(answer(&authenticator, &mint(&secret(), &ended(2)).unwrap()).await.is_ok());
}

#[tokio::test]
async fn a_token_signed_with_another_secret_is_refused() {
    let other = LocalSecret::try_new(*b"another secret, also of some length").unwrap();
    let authenticator = Authenticator::new().with_local(&secret());
    let token = mint(&other, &grant(&[Role::Admin])).unwrap();
    assert_eq!(answer(&authenticator, &token).await.unwrap_err(), Unauthenticated::UnknownKey);
    // The right key's name over the wrong signature.
    let claims = json!({ "sub": Uuid::from_u128(1), "tenant": TENANT, "roles": ["ADMIN"], "iss": LOCAL_ISSUER,
        "exp": Utc::now().timestamp() + 60 });
    let key = EncodingKey::from_secret(b"another secret, also of some length");
    let token = signed(Algorithm::HS256, secret().kid(), &claims, &key);
    assert_eq!(answer(&authenticator, &token).await.unwrap_err(), Unauthenticated::Invalid);
}

#[tokio::test]
async fn a_changed_token_is_refused() {
    let authenticator = Authenticator::new().with_local(&secret());
    let token = mint(&secret(), &grant(&[Role::Viewer])).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let payload = json!({ "sub": Uuid::from_u128(42), "tenant": Uuid::from_u128(9), "roles": ["ADMIN"],
        "iss": LOCAL_ISSUER, "exp": Utc::now().timestamp() + 60 });
    let forged = format!("{}.{}.{}", parts[0], base64(payload.to_string()), parts[2]);
    assert_eq!(answer(&authenticator, &forged).await.unwrap_err(), Unauthenticated::Invalid);
}

#[tokio::test]
async fn the_algorithm_none_is_refused() {
    let provider = Provider::new("rsa-1");
    for kid in ["rsa-1", secret().kid()] {
        for alg in ["none", "None", "nOnE"] {
            let header = json!({ "alg": alg, "kid": kid, "typ": "JWT" }).to_string();
            for signature in ["", "AA"] {
                let token = format!("{}.{}.{signature}", base64(&header), base64(claims().to_string()));
                assert!(answer(&provider.authenticator(), &token).await.is_err(), "{alg}");
            }
        }
    }
}

#[tokio::test]
async fn a_providers_token_is_taken_by_its_key() {
    let provider = Provider::new("rsa-1");
    let caller =
        answer(&provider.authenticator(), &signed(Algorithm::RS256, "rsa-1", &claims(), &rsa())).await;
    let caller = caller.unwrap();
    assert_eq!(&*caller.actor, "user_2abc");
    assert!(caller.permissions.contains(Permission::LotCreate), "an unknown role's name takes nothing away");
}

/// Acceptance case 10 of identity.md, first half.
#[tokio::test]
async fn hs256_with_the_rsa_public_key_as_secret_is_refused() {
    let provider = Provider::new("rsa-1");
    let jwk: Value = serde_json::from_str(&provider.key_set).unwrap();
    let n = jwk["keys"][2]["n"].as_str().unwrap();
    for public in [n.as_bytes(), provider.key_set.as_bytes(), jwk["keys"][2].to_string().as_bytes()] {
        let token = signed(Algorithm::HS256, "rsa-1", &claims(), &EncodingKey::from_secret(public));
        let refused = answer(&provider.authenticator(), &token).await;
        assert_eq!(refused.unwrap_err(), Unauthenticated::Invalid);
    }
    // A symmetric key in the set is no key at all.
    let shared = EncodingKey::from_base64_secret("c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA==").unwrap();
    let token = signed(Algorithm::HS256, "shared", &claims(), &shared);
    assert_eq!(answer(&provider.authenticator(), &token).await.unwrap_err(), Unauthenticated::UnknownKey);
    // Nor does RS256 pass for a local key.
    let token = signed(Algorithm::RS256, secret().kid(), &claims(), &rsa());
    assert_eq!(answer(&provider.authenticator(), &token).await.unwrap_err(), Unauthenticated::Invalid);
}

#[tokio::test]
async fn issuer_audience_times_and_subject_are_checked() {
    let authenticator = Provider::new("rsa-1").authenticator();
    let now = Utc::now().timestamp();
    let wrong = [
        ("iss", json!("https://evil.example")),
        ("iss", Value::Null),
        ("aud", json!("another-api")),
        ("aud", Value::Null),
        ("exp", json!(now - 60)),
        ("exp", Value::Null),
        ("exp", json!("soon")),
        ("nbf", json!(now + 60)),
        ("sub", json!("")),
        ("sub", json!("system")),
        ("sub", json!("Anonymous")),
        ("sub", json!("line\nbreak")),
        ("sub", Value::Null),
        ("tenant", json!("acme")),
        ("tenant", json!(Uuid::nil())),
        ("tenant", Value::Null),
        ("roles", json!("ADMIN")),
    ];
    for (claim, value) in wrong {
        let mut claims = claims();
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(claim)),
            value => claims[claim] = value,
        }
        let token = signed(Algorithm::RS256, "rsa-1", &claims, &rsa());
        assert!(answer(&authenticator, &token).await.is_err(), "{claim}: {}", claims[claim]);
    }
}

#[tokio::test]
async fn a_huge_token_is_refused_unread() {
    let mut claims = claims();
    claims["sub"] = json!("x".repeat(1_000_000));
    let token = signed(Algorithm::RS256, "rsa-1", &claims, &rsa());
    let provider = Provider::new("rsa-1");
    assert_eq!(answer(&provider.authenticator(), &token).await.unwrap_err(), Unauthenticated::Malformed);
    assert_eq!(provider.fetched.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_viewer_reads_the_audit_only_where_the_tenant_says_so() {
    let token = mint(&secret(), &grant(&[Role::Viewer])).unwrap();
    let closed = Authenticator::new().with_local(&secret());
    assert!(!answer(&closed, &token).await.unwrap().permissions.contains(Permission::AuditRead));
    let elsewhere =
        Authenticator::new().with_local(&secret()).showing_viewers_the_audit_of([Uuid::from_u128(5)]);
    assert!(!answer(&elsewhere, &token).await.unwrap().permissions.contains(Permission::AuditRead));
    let open = Authenticator::new().with_local(&secret()).showing_viewers_the_audit_of([TENANT]);
    assert!(answer(&open, &token).await.unwrap().permissions.contains(Permission::AuditRead));
}
