//! Which certificates are taken.

use std::{fs, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Certificates that cannot be checked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadCertificates {
    #[error("sslrootcert is {file:?}: {reason}")]
    Roots { file: String, reason: String },
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// What is asked of the server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    Nothing,
    Authority,
    AuthorityAndName,
}

/// Speaks TLS to servers whose certificate passes the check. The authorities are those of a file, or the operating system's.
pub(super) fn connector(check: Check, file: Option<&str>) -> Result<MakeRustlsConnect, BadCertificates> {
    let provider = Arc::new(ring::default_provider());
    let roots = if check == Check::Nothing { RootCertStore::empty() } else { roots(file)? };
    let named = file.map_or_else(|| "the operating system".to_owned(), |file| format!("sslrootcert {file}"));
    let verifier = Verifier { check, roots, named, provider: Arc::clone(&provider) };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn roots(file: Option<&str>) -> Result<RootCertStore, BadCertificates> {
    let mut roots = RootCertStore::empty();
    let Some(file) = file else {
        // One that cannot be read is missed when a certificate needs it, and the refusal says so then.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let unusable = |reason: String| BadCertificates::Roots { file: file.to_owned(), reason };
    let text = fs::read(file).map_err(|error| unusable(error.to_string()))?;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() { Err(unusable("it holds no certificate".to_owned())) } else { Ok(roots) }
}

/// Says to whom the server's certificate is strange, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("no authority of {0} has signed the server's certificate; sslrootcert=FILE names another")]
struct Stranger(String);

/// rustls' own verifier always asks for the name, which `verify-ca` does not.
#[derive(Debug)]
struct Verifier {
    check: Check,
    roots: RootCertStore,
    /// Whose authorities they are.
    named: String,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    /// rustls says no more than `UnknownIssuer`.
    fn explained(&self, error: rustls::Error) -> rustls::Error {
        if error != rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) {
            return error;
        }
        OtherError(Arc::new(Stranger(self.named.clone()))).into()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.check != Check::Nothing {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(
                &certificate,
                &self.roots,
                intermediates,
                now,
                algorithms,
            )
            .map_err(|error| self.explained(error))?;
            if self.check == Check::AuthorityAndName {
                verify_server_name(&certificate, name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
