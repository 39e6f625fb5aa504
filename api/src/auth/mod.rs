//! Who is asking: bearer tokens, and what they prove.
//!
//! Two issuers are known. Cairn itself signs with HS256 and a secret that lies in the data directory ([`LocalSecret`],
//! [`mint`]); an identity provider signs with RS256 and publishes its keys ([`KeySet`], from a file or a URL). A token
//! names its key by `kid`, and the *key* decides the algorithm: the header's `alg` is never believed. Checked are
//! signature, `iss`, `aud` where one is configured, `exp` and `nbf` (5 s of skew), a tenant and a subject.
//!
//! Roles become permissions here and only here; everything behind checks permissions.
//!
//! Reading order: [`Authenticator`], then `claims.rs`, `local.rs`, `key_set.rs`.

mod authenticator;
mod claims;
mod key_set;
mod key_source;
mod local;

pub use authenticator::{Authenticator, Unauthenticated};
pub use claims::Claims;
pub use key_set::{KeySet, NoKey};
pub use key_source::{FileKeySource, KeySource, KeySourceError, UrlKeySource};
pub use local::{Grant, LOCAL_ISSUER, LocalSecret, SecretError, mint, secret_in};
