//! The server's certificates: read from PEM, chosen client by client.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CipherSuite, SignatureAlgorithm, SignatureScheme, SupportedCipherSuite};

use super::{CertificateFiles, Fingerprint, TlsError, x509};
use crate::base::Utc;

/// A certificate of the server, described for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateInfo {
    /// Whom it names.
    pub names: Vec<String>,
    /// The kind of its key: "RSA", "ECDSA" or "Ed25519".
    pub algorithm: &'static str,
    /// The end of its validity, when it could be read.
    pub not_after: Option<Utc>,
    /// SHA-256 over it.
    pub fingerprint: Fingerprint,
    /// Made by this server for itself.
    pub development: bool,
}

/// One certificate with its key.
#[derive(Debug)]
pub(super) struct Entry {
    key: Arc<CertifiedKey>,
    names: Vec<String>,
    not_after: Option<Utc>,
    development: bool,
}

fn certificates_in(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = std::fs::read(path).map_err(|source| TlsError::File { path: path.into(), source })?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match all {
        Ok(list) if !list.is_empty() => Ok(list),
        _ => Err(TlsError::Pem { path: path.into(), wanted: "certificate" }),
    }
}

/// The roots in a PEM file.
pub(super) fn roots_in(path: &Path) -> Result<rustls::RootCertStore, TlsError> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates_in(path)? {
        roots.add(certificate)?;
    }
    Ok(roots)
}

impl Entry {
    /// Reads a chain and its key, and checks that they belong together.
    pub(super) fn load(files: &CertificateFiles, provider: &CryptoProvider) -> Result<Self, TlsError> {
        let chain = certificates_in(&files.chain)?;
        let pem =
            std::fs::read(&files.key).map_err(|source| TlsError::File { path: files.key.clone(), source })?;
        let key = PrivateKeyDer::from_pem_slice(&pem)
            .map_err(|_| TlsError::Pem { path: files.key.clone(), wanted: "private key" })?;
        let facts = chain.first().and_then(|c| x509::facts(c));
        let key = CertifiedKey::from_der(chain, key, provider)
            .map_err(|source| TlsError::Key { path: files.key.clone(), source })?;
        let not_after = facts.as_ref().map(|f| f.not_after);
        // Names for choosing are the alternative names; the common name counts only where there are none, as ever.
        let names =
            facts.map(|f| if f.alternative_names.is_empty() { f.common_names } else { f.alternative_names });
        Ok(Self {
            key: Arc::new(key),
            names: names.unwrap_or_default().iter().map(|n| n.to_ascii_lowercase()).collect(),
            not_after,
            development: false,
        })
    }

    /// The same, made by this server for itself.
    pub(super) fn into_development(self) -> Self {
        Self { development: true, ..self }
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.key.algorithm()
    }

    pub(super) fn info(&self) -> CertificateInfo {
        CertificateInfo {
            names: self.names.clone(),
            algorithm: match self.algorithm() {
                SignatureAlgorithm::RSA => "RSA",
                SignatureAlgorithm::ECDSA => "ECDSA",
                _ => "Ed25519",
            },
            not_after: self.not_after,
            fingerprint: Fingerprint::of(self.key.cert.first().map_or(&[], |c| c.as_ref())),
            development: self.development,
        }
    }

    /// Whether this certificate is for `name` (lower case), by name or by a wildcard for its first label (RFC 6125).
    fn is_for(&self, name: &str) -> bool {
        let parent = name.split_once('.').map(|(_, parent)| parent);
        self.names
            .iter()
            .any(|own| own == name || (own.strip_prefix("*.").is_some() && own.strip_prefix("*.") == parent))
    }

    /// Whether a client with these offers can verify it: its signature schemes and, when it does not speak TLS 1.3, its
    /// cipher suites, which then name the kind of key.
    fn is_usable(
        &self,
        schemes: &[SignatureScheme],
        suites: &[CipherSuite],
        known: &[SupportedCipherSuite],
    ) -> bool {
        let by_suite = known.iter().filter(|k| suites.contains(&k.suite())).any(|k| match k {
            SupportedCipherSuite::Tls13(_) => true,
            SupportedCipherSuite::Tls12(s) => self.key.key.choose_scheme(s.sign).is_some(),
        });
        by_suite && self.key.key.choose_scheme(schemes).is_some()
    }
}

/// Chooses among the server's certificates.
pub(super) struct Certificates {
    entries: Vec<Entry>,
    suites: Vec<SupportedCipherSuite>,
}

impl Certificates {
    pub(super) fn new(entries: Vec<Entry>, provider: &CryptoProvider) -> Self {
        Self { entries, suites: provider.cipher_suites.clone() }
    }

    pub(super) fn infos(&self) -> Vec<CertificateInfo> {
        self.entries.iter().map(Entry::info).collect()
    }

    fn choose(
        &self,
        name: Option<&str>,
        schemes: &[SignatureScheme],
        suites: &[CipherSuite],
    ) -> Option<&Entry> {
        let name = name.map(str::to_ascii_lowercase);
        let matching = |e: &&Entry| name.as_deref().is_some_and(|n| e.is_for(n));
        // A name that no certificate bears is answered like no name at all: handsets in the field ask for what their
        // configuration says, and verify or do not verify what they get.
        let default_names = self.entries.first().map(|e| e.names.as_slice()).unwrap_or_default();
        let any_match = self.entries.iter().any(|e| matching(&e));
        let candidate = |e: &&Entry| if any_match { matching(e) } else { e.names == default_names };
        let usable = |e: &&Entry| e.is_usable(schemes, suites, &self.suites);
        let candidates = || self.entries.iter().filter(candidate).filter(usable);
        // ECDSA costs this server a tenth of what RSA does.
        candidates()
            .find(|e| e.algorithm() != SignatureAlgorithm::RSA)
            .or_else(|| candidates().next())
            .or_else(|| self.entries.iter().find(usable))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|e| &e.names)).finish()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name(), hello.signature_schemes(), hello.cipher_suites())
            .map(|e| Arc::clone(&e.key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::crypto::ring::default_provider;

    const ECDSA: SignatureScheme = SignatureScheme::ECDSA_NISTP256_SHA256;
    const RSA: SignatureScheme = SignatureScheme::RSA_PSS_SHA256;
    const TLS13: CipherSuite = CipherSuite::TLS13_AES_128_GCM_SHA256;
    const ECDHE_RSA: CipherSuite = CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
    const ECDHE_ECDSA: CipherSuite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;

    fn entry(names: &[&str], rsa: bool) -> Entry {
        let dir = tempfile::tempdir().unwrap();
        let key = if rsa {
            rcgen::KeyPair::from_pem(include_str!("../../../tests/fixtures/rsa-key.pem")).unwrap()
        } else {
            rcgen::KeyPair::generate().unwrap()
        };
        let names: Vec<_> = names.iter().map(|n| (*n).to_owned()).collect();
        let cert = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let files = CertificateFiles { chain: dir.path().join("c"), key: dir.path().join("k") };
        std::fs::write(&files.chain, cert.pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        Entry::load(&files, &default_provider()).unwrap()
    }

    fn chosen(
        c: &Certificates,
        name: Option<&str>,
        schemes: &[SignatureScheme],
        suites: &[CipherSuite],
    ) -> String {
        c.choose(name, schemes, suites)
            .map_or("-".into(), |e| format!("{}/{}", e.names[0], e.info().algorithm))
    }

    #[test]
    fn the_clients_abilities_choose_the_kind_and_its_name_the_certificate() {
        let all = vec![
            entry(&["slp.example"], true),
            entry(&["slp.example"], false),
            entry(&["*.other.example"], false),
        ];
        let c = Certificates::new(all, &default_provider());
        let both = [ECDSA, RSA];
        assert_eq!(chosen(&c, None, &both, &[TLS13]), "slp.example/ECDSA");
        assert_eq!(chosen(&c, None, &[RSA], &[TLS13]), "slp.example/RSA");
        assert_eq!(chosen(&c, Some("SLP.example"), &[ECDSA], &[TLS13]), "slp.example/ECDSA");
        // TLS 1.2 ties the kind of key to the cipher suite.
        assert_eq!(chosen(&c, None, &both, &[ECDHE_RSA]), "slp.example/RSA");
        assert_eq!(chosen(&c, None, &both, &[ECDHE_RSA, ECDHE_ECDSA]), "slp.example/ECDSA");
        assert_eq!(chosen(&c, Some("h-slp.other.example"), &both, &[TLS13]), "*.other.example/ECDSA");
        // A certificate that the client cannot use is no choice; another one is better than none.
        assert_eq!(chosen(&c, Some("h-slp.other.example"), &[RSA], &[TLS13]), "slp.example/RSA");
        // Unknown names get the default.
        assert_eq!(chosen(&c, Some("a.b.other.example"), &both, &[TLS13]), "slp.example/ECDSA");
        assert_eq!(chosen(&c, None, &[SignatureScheme::ED25519], &[TLS13]), "-");
    }

    #[test]
    fn what_is_not_usable_is_said_with_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let (chain, key) = (dir.path().join("chain.pem"), dir.path().join("key.pem"));
        let files = CertificateFiles { chain: chain.clone(), key: key.clone() };
        let error = || Entry::load(&files, &default_provider()).unwrap_err().to_string();
        assert!(error().contains("chain.pem"));
        std::fs::write(&chain, "nothing").unwrap();
        assert!(error().contains("no certificate in PEM form"));
        let made = rcgen::generate_simple_self_signed(vec!["a.example".into()]).unwrap();
        std::fs::write(&chain, made.cert.pem()).unwrap();
        std::fs::write(&key, "nothing").unwrap();
        assert!(error().contains("no private key in PEM form"));
        std::fs::write(&key, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
        assert!(error().contains("key.pem"), "a key of another certificate is refused");
    }
}
