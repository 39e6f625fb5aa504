use std::{
    fmt, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};
use commands::{
    ports::TenantId,
    sealing::{CipherFailure, KeyEncryptionKey},
};
use domain::identity::Role;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Claims;

/// The issuer of the tokens that Cairn signs itself.
pub const LOCAL_ISSUER: &str = "cairn";

const FILE_NAME: &str = "token-secret";
const LEAST_BYTES: usize = 32;

/// The secret that local tokens are signed with. Whoever reads it can be anybody; it is made on the first start and
/// lies in the data directory, readable by its owner alone.
#[derive(Clone)]
pub struct LocalSecret {
    bytes: Vec<u8>,
    kid: String,
}

/// The secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read or made.
    #[error("the secret {path} cannot be {doing}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// Fewer than 32 bytes.
    #[error("the secret has {bytes} bytes; at least 32 are needed")]
    TooShort {
        /// How many there are.
        bytes: usize,
    },
    /// Others than its owner may read the file.
    #[error("the secret {path} can be read by others (mode {mode:03o}); run: chmod 600 {path}")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {reason}")]
    NoRandomness {
        /// Its answer.
        reason: String,
    },
}

impl LocalSecret {
    /// Takes a secret of at least 32 bytes.
    pub fn try_new(bytes: impl Into<Vec<u8>>) -> Result<Self, SecretError> {
        let bytes = long_enough(bytes.into())?;
        let digest = Sha256::new().chain_update(b"cairn-kid:").chain_update(&bytes).finalize();
        let kid = digest.iter().take(6).fold("local-".to_owned(), |kid, byte| format!("{kid}{byte:02x}"));
        Ok(Self { bytes, kid })
    }

    /// Reads the secret of a data directory, or makes it. Two processes that start at once end up with the same one.
    pub fn load_or_create(data: &Path) -> Result<Self, SecretError> {
        let path = data.join(FILE_NAME);
        let failed = |doing| {
            let path = path.clone();
            move |source| SecretError::Io { path, doing, source }
        };
        if !path.exists() {
            create(data, &path).map_err(|error| match error {
                Creation::Io(source) => failed("made")(source),
                Creation::NoRandomness(reason) => SecretError::NoRandomness { reason },
            })?;
        }
        Self::try_new(secret_in(&path)?)
    }

    /// Whether a data directory holds one.
    pub fn lies_in(data: &Path) -> bool {
        data.join(FILE_NAME).exists()
    }

    /// The key-encryption key that follows from it: for development, where nobody configures one.
    pub fn key_encryption_key(&self) -> Result<KeyEncryptionKey, CipherFailure> {
        KeyEncryptionKey::from_secret(&self.bytes)
    }

    /// Names the secret in tokens, without giving it away.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub(super) fn decoding_key(&self) -> DecodingKey {
        DecodingKey::from_secret(&self.bytes)
    }
}

/// The secret that a file holds: at least 32 bytes, without the white space around them, and nobody else may read it.
pub fn secret_in(path: &Path) -> Result<Vec<u8>, SecretError> {
    let unread = |source| SecretError::Io { path: path.to_owned(), doing: "read", source };
    if let Some(mode) = refuse_exposed(path).map_err(unread)? {
        return Err(SecretError::Exposed { path: path.to_owned(), mode });
    }
    long_enough(fs::read(path).map_err(unread)?.trim_ascii().to_vec())
}

fn long_enough(bytes: Vec<u8>) -> Result<Vec<u8>, SecretError> {
    if bytes.len() < LEAST_BYTES { Err(SecretError::TooShort { bytes: bytes.len() }) } else { Ok(bytes) }
}

impl fmt::Debug for LocalSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LocalSecret").field("kid", &self.kid).finish_non_exhaustive()
    }
}

enum Creation {
    Io(io::Error),
    NoRandomness(String),
}

impl From<io::Error> for Creation {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes a fresh secret beside the file and links it into place, so that nobody ever reads half of one.
fn create(data: &Path, path: &Path) -> Result<(), Creation> {
    let mut random = [0_u8; 48];
    getrandom::fill(&mut random).map_err(|error| Creation::NoRandomness(error.to_string()))?;
    let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::create_dir_all(data)?;
    let draft = data.join(format!(".{FILE_NAME}-{}", Uuid::now_v7()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    let written = writeln!(file, "{text}").and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => Ok(linked?),
    }
}

/// The file's mode, when others than its owner may read it.
#[cfg(unix)]
fn refuse_exposed(path: &Path) -> io::Result<Option<u32>> {
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(path)?) & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

#[cfg(not(unix))]
fn refuse_exposed(_path: &Path) -> io::Result<Option<u32>> {
    Ok(None)
}

/// What a local token grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Who, as events will say: 1 to 255 visible ASCII characters, not `system`.
    pub subject: String,
    /// For which tenant.
    pub tenant: TenantId,
    /// As what.
    pub roles: Vec<Role>,
    /// How long, from `issued_at` on.
    pub lifetime: Duration,
    /// When.
    pub issued_at: DateTime<Utc>,
}

/// Signs a local token.
pub fn mint(secret: &LocalSecret, grant: &Grant) -> Result<String, jsonwebtoken::errors::Error> {
    let issued_at = u64::try_from(grant.issued_at.timestamp()).unwrap_or_default();
    let claims = Claims {
        sub: grant.subject.clone(),
        tenant: grant.tenant,
        roles: grant.roles.iter().map(|role| role.as_str().to_owned()).collect(),
        iss: LOCAL_ISSUER.to_owned(),
        iat: issued_at,
        exp: issued_at.saturating_add(grant.lifetime.as_secs()),
    };
    let header = Header { kid: Some(secret.kid.clone()), ..Header::new(Algorithm::HS256) };
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&secret.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_read_by_its_owner_alone() {
        let data = tempfile::tempdir().unwrap();
        let first = LocalSecret::load_or_create(data.path()).unwrap();
        let again = LocalSecret::load_or_create(data.path()).unwrap();
        assert_eq!((first.bytes.len(), &first.bytes), (96, &again.bytes));
        assert_eq!(refuse_exposed(&data.path().join(FILE_NAME)).unwrap(), None);
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn an_exposed_secret_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let data = tempfile::tempdir().unwrap();
        LocalSecret::load_or_create(data.path()).unwrap();
        let path = data.path().join(FILE_NAME);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            LocalSecret::load_or_create(data.path()),
            Err(SecretError::Exposed { mode: 0o644, .. })
        ));
    }

    #[test]
    fn a_short_secret_is_refused_and_none_is_ever_printed() {
        assert!(matches!(
            LocalSecret::try_new(*b"31 bytes are not enough for us."),
            Err(SecretError::TooShort { bytes: 31 })
        ));
        let secret = LocalSecret::try_new(*b"a secret of more than thirty-two bytes").unwrap();
        assert!(!format!("{secret:?}").contains("thirty"));
    }
}
