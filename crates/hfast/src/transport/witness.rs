//! Sees which certificate each host shows, and what was thought of it. It trusts what the usual
//! verifier trusts and nothing else: whatever that refuses is refused.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::certificate::{Described, describe};
use super::http::{no_pem, unusable};
use super::lookup::bare;
use crate::error::Error;

/// More hosts than one examination meets.
const MAX_HOSTS: usize = 64;

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Nobody who is trusted has issued it.
    UnknownIssuer,
    /// It is for other hosts.
    OtherName,
    /// It held until some time that is past.
    Expired,
    /// It will hold from some time that is still to come.
    NotYetValid,
    /// Anything else, in the words of the library.
    Other(String),
}

/// What a host showed, and what is wrong with it, if anything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Presented {
    /// What its own certificate says; `None` if it cannot be read.
    pub(crate) certificate: Option<Described>,
    /// The issuers on the way up, nearest first, as those certificates say.
    pub(crate) above: Vec<String>,
    /// Why it is refused.
    pub(crate) flaw: Option<Flaw>,
}

/// What was seen, by host. Clones are the same witness.
#[derive(Clone, Default)]
pub(crate) struct Witness(Arc<Mutex<HashMap<String, Presented>>>);

impl Witness {
    /// What the host showed last, if a handshake came so far.
    pub(crate) fn seen(&self, host: &str) -> Option<Presented> {
        self.all().get(bare(host)).cloned()
    }

    /// Settings for TLS that trust the system's certificates and `extra`, which is PEM or empty.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Usage`] for extra certificates that are none, and for a system that has none.
    pub(super) fn tls(&self, extra: &[u8]) -> Result<ClientConfig, Error> {
        let extra: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(extra).collect();
        let extra = extra.map_err(no_pem)?;
        let provider = CryptoProvider::get_default().cloned();
        let provider = provider.unwrap_or_else(|| rustls::crypto::ring::default_provider().into());
        let usual =
            Verifier::new_with_extra_roots(extra, Arc::clone(&provider)).map_err(unusable)?;
        let verifier = Recording {
            usual,
            witness: self.clone(),
        };
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        // What the HTTP client says where it makes these settings itself.
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(tls)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Presented>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The usual verifier, with somebody who looks over its shoulder.
struct Recording {
    usual: Verifier,
    witness: Witness,
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recording")
    }
}

impl ServerCertVerifier for Recording {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.usual.verify_server_cert(own, above, name, ocsp, now);
        let issuers = above.iter().filter_map(|der| Some(describe(der)?.issuer));
        let certificate = describe(own);
        let by_itself = certificate.as_ref().is_some_and(|own| own.self_issued);
        let presented = Presented {
            certificate,
            above: issuers.collect(),
            flaw: verdict.as_ref().err().map(|error| match flaw(error) {
                // An authority's own certificate, which the library has another name for.
                Flaw::Other(_) if by_itself => Flaw::UnknownIssuer,
                flaw => flaw,
            }),
        };
        let mut all = self.witness.all();
        let name = name.to_str();
        if all.len() < MAX_HOSTS || all.contains_key(name.as_ref()) {
            all.insert(name.into_owned(), presented);
        }
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

fn flaw(error: &rustls::Error) -> Flaw {
    let rustls::Error::InvalidCertificate(error) = error else {
        return Flaw::Other(error.to_string());
    };
    match error {
        CertificateError::UnknownIssuer => Flaw::UnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Flaw::OtherName
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Flaw::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Flaw::NotYetValid
        }
        other => Flaw::Other(other.to_string()),
    }
}
