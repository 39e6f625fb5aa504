use std::collections::HashSet;

use commands::{engine::Caller, ports::TenantId};
use domain::identity::{Permission, Role};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

use super::{Claims, KeySet, LOCAL_ISSUER, LocalSecret, NoKey};

/// A token longer than this is not looked at.
const LONGEST_TOKEN: usize = 8 * 1024;
const SKEW_SECONDS: u64 = 5;

/// Turns the header `Authorization` into a caller, or says why not.
#[derive(Debug, Default)]
pub struct Authenticator {
    local: Option<LocalIssuer>,
    provider: Option<Provider>,
    viewers_see_audit: HashSet<TenantId>,
}

struct LocalIssuer {
    kid: String,
    key: DecodingKey,
}

#[derive(Debug)]
struct Provider {
    keys: KeySet,
    issuer: String,
    audience: Option<String>,
}

impl std::fmt::Debug for LocalIssuer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LocalIssuer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// Why a request has no caller. The client hears the sentence, never more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// No `Authorization: Bearer …`.
    #[error("a bearer token is needed")]
    NoToken,
    /// Not a bearer token of reasonable form and length.
    #[error("the bearer token is malformed")]
    Malformed,
    /// The key that the token names is not known.
    #[error("the bearer token's key is unknown")]
    UnknownKey,
    /// The identity provider, whose key the token may name, cannot be asked.
    #[error("the identity provider does not answer")]
    ProviderOut,
    /// The time is over, or has not come.
    #[error("the bearer token has expired or is not valid yet")]
    Expired,
    /// Signature, algorithm, issuer, audience or subject do not hold.
    #[error("the bearer token is not valid")]
    Invalid,
}

impl Authenticator {
    /// Believes nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also believes tokens that were signed with this secret.
    #[must_use]
    pub fn with_local(mut self, secret: &LocalSecret) -> Self {
        self.local = Some(LocalIssuer { kid: secret.kid().to_owned(), key: secret.decoding_key() });
        self
    }

    /// Also believes an identity provider. With an audience, a token must be meant for it.
    #[must_use]
    pub fn with_provider(
        mut self,
        keys: KeySet,
        issuer: impl Into<String>,
        audience: Option<String>,
    ) -> Self {
        self.provider = Some(Provider { keys, issuer: issuer.into(), audience });
        self
    }

    /// Lets viewers of these tenants read the audit (the tenant's setting `viewer_sees_audit`).
    #[must_use]
    pub fn showing_viewers_the_audit_of(mut self, tenants: impl IntoIterator<Item = TenantId>) -> Self {
        self.viewers_see_audit.extend(tenants);
        self
    }

    /// The caller that the claims describe, with what the tenant's settings add to the roles.
    fn caller(&self, claims: &Claims) -> Result<Caller, Unauthenticated> {
        let mut caller = claims.caller().ok_or(Unauthenticated::Invalid)?;
        let is_viewer = claims.roles.iter().any(|role| role.parse() == Ok(Role::Viewer));
        if is_viewer && self.viewers_see_audit.contains(&caller.tenant) {
            caller.permissions = caller.permissions.with(Permission::AuditRead);
        }
        Ok(caller)
    }

    /// The caller behind the value of the header `Authorization`.
    pub async fn authenticate(&self, header: Option<&[u8]>) -> Result<Caller, Unauthenticated> {
        let token = bearer_token(header.ok_or(Unauthenticated::NoToken)?)?;
        let kid = key_id(token)?;
        if let Some(local) = self.local.as_ref().filter(|local| local.kid == kid) {
            let claims = verify(token, &local.key, Algorithm::HS256, LOCAL_ISSUER, None)?;
            return self.caller(&claims);
        }
        let provider = self.provider.as_ref().ok_or(Unauthenticated::UnknownKey)?;
        let key = provider.keys.key(&kid).await.map_err(|none| match none {
            NoKey::Unknown => Unauthenticated::UnknownKey,
            NoKey::ProviderOut => Unauthenticated::ProviderOut,
        })?;
        let audience = provider.audience.as_deref();
        let claims = verify(token, &key, Algorithm::RS256, &provider.issuer, audience)?;
        self.caller(&claims)
    }
}

fn bearer_token(header: &[u8]) -> Result<&str, Unauthenticated> {
    let text = std::str::from_utf8(header).map_err(|_error| Unauthenticated::Malformed)?;
    let (scheme, token) = text.trim().split_once(' ').ok_or(Unauthenticated::Malformed)?;
    let token = token.trim_start();
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Unauthenticated::NoToken);
    }
    let permitted = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if token.len() > LONGEST_TOKEN || !token.bytes().all(permitted) || token.split('.').count() != 3 {
        return Err(Unauthenticated::Malformed);
    }
    Ok(token)
}

/// The name of the token's key: all that is taken from a header before the signature is checked.
fn key_id(token: &str) -> Result<String, Unauthenticated> {
    let header = jsonwebtoken::decode_header(token).map_err(|_error| Unauthenticated::Malformed)?;
    // An extension that must be understood, and is not (RFC 7515, 4.1.11).
    if header.extras.inner().contains_key("crit") {
        return Err(Unauthenticated::Malformed);
    }
    header.kid.filter(|kid| !kid.is_empty() && kid.len() <= 255).ok_or(Unauthenticated::UnknownKey)
}

fn verify(
    token: &str,
    key: &DecodingKey,
    algorithm: Algorithm,
    issuer: &str,
    audience: Option<&str>,
) -> Result<Claims, Unauthenticated> {
    use jsonwebtoken::errors::ErrorKind;
    let mut validation = Validation::new(algorithm);
    validation.leeway = SKEW_SECONDS;
    validation.validate_nbf = true;
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "iss", "sub"]);
    match audience {
        Some(audience) => {
            validation.set_audience(&[audience]);
            validation.required_spec_claims.insert("aud".to_owned());
        }
        None => validation.validate_aud = false,
    }
    jsonwebtoken::decode::<Claims>(token, key, &validation).map(|token| token.claims).map_err(|error| {
        match error.kind() {
            ErrorKind::ExpiredSignature | ErrorKind::ImmatureSignature => Unauthenticated::Expired,
            _ => Unauthenticated::Invalid,
        }
    })
}
