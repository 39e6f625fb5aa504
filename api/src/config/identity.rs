use std::{fmt, path::PathBuf};

use super::masked;

/// Which tokens are believed, and what seals personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The issuer that the provider's tokens must name.
    pub issuer: String,
    /// The audience that the provider's tokens must name; none lets any pass.
    pub audience: Option<String>,
    /// A file or an `https://` URL with the provider's public keys, for RS256.
    pub jwks: Option<String>,
    /// The secret of locally minted tokens, for HS256; none means the one in the data folder.
    pub secret: Option<String>,
    /// The key-encryption key.
    pub kek: Option<String>,
    /// The file that holds the key-encryption key.
    pub kek_file: Option<PathBuf>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stars = |secret: &Option<String>| secret.as_ref().map(|_| "***");
        formatter
            .debug_struct("Identity")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("jwks", &self.jwks.as_deref().map(masked))
            .field("secret", &stars(&self.secret))
            .field("kek", &stars(&self.kek))
            .field("kek_file", &self.kek_file)
            .finish()
    }
}
