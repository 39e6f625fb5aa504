use std::fmt;

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};
use sha2::{Digest, Sha256};

/// Something could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CipherFailure {
    /// It was changed, moved from where it was sealed, or sealed with another key.
    #[error("it does not open: it was changed or moved, or sealed with another key")]
    NotAuthentic,
    /// It is not of the form that is written here.
    #[error("it is not in the form of what was sealed")]
    Malformed,
    /// The subject's key is neither there nor destroyed: the keys have not been restored with the log.
    #[error("there is no key of its subject")]
    NoKey,
    /// The subject's key is there, and this key-encryption key does not open it.
    #[error("the key of its subject was wrapped by another key-encryption key, or changed")]
    KeyNotAuthentic,
    /// The operating system gives no randomness, or the text is too long.
    #[error("it cannot be sealed on this machine now")]
    CannotSeal,
}

/// AES-256-GCM under one key.
pub(super) struct Cipher(LessSafeKey);

impl fmt::Debug for Cipher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Cipher(…)")
    }
}

/// The bytes of a key.
pub(super) type KeyBytes = [u8; 32];

impl Cipher {
    pub(super) fn new(key: &KeyBytes) -> Result<Self, CipherFailure> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_unspecified| CipherFailure::CannotSeal)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// A random nonce of 96 bits, then the ciphertext with its tag. Bound to `place`: it opens there and nowhere else.
    pub(super) fn seal(&self, text: &[u8], place: &str) -> Result<Vec<u8>, CipherFailure> {
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut sealed = text.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut sealed)
            .map_err(|_unspecified| CipherFailure::CannotSeal)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    pub(super) fn open(&self, sealed: &[u8], place: &str) -> Result<Vec<u8>, CipherFailure> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(CipherFailure::Malformed)?;
        let mut text = text.to_vec();
        let opened = self.0.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(place), &mut text);
        opened.map(|opened| opened.to_vec()).map_err(|_unspecified| CipherFailure::NotAuthentic)
    }
}

pub(super) fn random<const BYTES: usize>() -> Result<[u8; BYTES], CipherFailure> {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_unspecified| CipherFailure::CannotSeal)?;
    Ok(bytes)
}

/// The key-encryption key: it wraps the keys of data subjects and is kept apart from them, outside the database.
#[derive(Debug)]
pub struct KeyEncryptionKey(Cipher);

impl KeyEncryptionKey {
    /// Made from a secret of any length and full strength: 32 random bytes or more.
    ///
    /// # Errors
    /// Never in practice.
    pub fn from_secret(secret: &[u8]) -> Result<Self, CipherFailure> {
        // A secret that signs tokens too must not be the key itself.
        let key: KeyBytes =
            Sha256::new().chain_update("cairn key-encryption key v1|").chain_update(secret).finalize().into();
        Ok(Self(Cipher::new(&key)?))
    }

    pub(super) fn wrap(&self, key: &KeyBytes, place: &str) -> Result<Vec<u8>, CipherFailure> {
        self.0.seal(key, place)
    }

    pub(super) fn unwrap_key(&self, wrapped: &[u8], place: &str) -> Result<KeyBytes, CipherFailure> {
        self.0.open(wrapped, place)?.try_into().map_err(|_length| CipherFailure::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_in_its_place_and_nowhere_else() {
        let cipher = Cipher::new(&[7; 32]).unwrap();
        let sealed = cipher.seal(b"Ann", "here").unwrap();
        assert_eq!(cipher.open(&sealed, "here").unwrap(), b"Ann");
        assert_eq!(cipher.open(&sealed, "there"), Err(CipherFailure::NotAuthentic));
        assert_eq!(Cipher::new(&[8; 32]).unwrap().open(&sealed, "here"), Err(CipherFailure::NotAuthentic));
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert_eq!(cipher.open(&changed, "here"), Err(CipherFailure::NotAuthentic), "byte {index}");
        }
        assert_eq!(cipher.open(b"short", "here"), Err(CipherFailure::Malformed));
        assert_ne!(cipher.seal(b"Ann", "here").unwrap(), sealed, "no two are alike");
    }
}
