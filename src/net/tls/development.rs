//! The certificate that the server makes for itself when none is configured.
//!
//! ECDSA P-256, because that is what the crypto library here can generate; an RSA one, for clients that take nothing
//! else, comes from files. The key is made once and kept, so that a client may pin it; the certificate is issued anew
//! under the same key when the server's names change.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};

use super::{CertificateFiles, TlsError, x509};

/// Makes sure that a certificate for `names`, localhost and the loopback addresses lies in `dir`.
pub(super) fn ensure(dir: &Path, names: &[String]) -> Result<CertificateFiles, TlsError> {
    let files =
        CertificateFiles { chain: dir.join("development-cert.pem"), key: dir.join("development-key.pem") };
    let mut wanted: Vec<String> = names.iter().map(|n| n.to_ascii_lowercase()).collect();
    wanted.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    wanted.sort();
    wanted.dedup();

    let key = match std::fs::read_to_string(&files.key) {
        Ok(pem) => KeyPair::from_pem(&pem)
            .map_err(|_| TlsError::Pem { path: files.key.clone(), wanted: "private key" })?,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let key = KeyPair::generate()?;
            write(dir, &files.key, &key.serialize_pem(), 0o600)?;
            key
        }
        Err(source) => return Err(TlsError::File { path: files.key, source }),
    };
    if !is_for(&files.chain, &wanted, &key) {
        write(dir, &files.chain, &issue(&wanted, &key)?, 0o644)?;
    }
    Ok(files)
}

/// Whether the certificate kept is under this key and for these names.
fn is_for(chain: &Path, wanted: &[String], key: &KeyPair) -> bool {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let Ok(certificate) = CertificateDer::from_pem_file(chain) else { return false };
    let Some(facts) = x509::facts(&certificate) else { return false };
    let mut names = facts.alternative_names;
    names.sort();
    // The public key stands in the certificate as it is.
    let public = key.public_key_raw();
    names == wanted && certificate.windows(public.len()).any(|w| w == public)
}

fn issue(names: &[String], key: &KeyPair) -> Result<String, TlsError> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Groma development certificate");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Fixed dates: the certificate has to be valid for a server whose clock replays another year, too.
    params.not_before = rcgen::date_time_ymd(2015, 1, 1);
    params.not_after = rcgen::date_time_ymd(2049, 12, 31);
    Ok(params.self_signed(key)?.pem())
}

/// Writes beside the place and moves there, so that no half file is ever read.
fn write(dir: &Path, path: &PathBuf, text: &str, mode: u32) -> Result<(), TlsError> {
    let at = |source| TlsError::File { path: path.clone(), source };
    std::fs::create_dir_all(dir).map_err(at)?;
    let beside = path.with_extension("new");
    let _ = std::fs::remove_file(&beside);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(&beside).map_err(at)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(at)?;
    std::fs::rename(&beside, path).map_err(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let names = ["SLP.example.net".to_owned()];
        let files = ensure(dir.path(), &names).unwrap();
        let read = || (std::fs::read(&files.chain).unwrap(), std::fs::read(&files.key).unwrap());
        let first = read();
        ensure(dir.path(), &names).unwrap();
        assert_eq!(read(), first);
        // Another name: a new certificate, the same key.
        ensure(dir.path(), &["other.example.net".to_owned()]).unwrap();
        let second = read();
        assert_ne!(second.0, first.0);
        assert_eq!(second.1, first.1);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads_the_key() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let files = ensure(dir.path(), &[]).unwrap();
        assert_eq!(std::fs::metadata(files.key).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn names_the_server_and_the_loopback() {
        let dir = tempfile::tempdir().unwrap();
        let files = ensure(dir.path(), &["slp.example.net".to_owned()]).unwrap();
        let pem = std::fs::read(files.chain).unwrap();
        let der =
            <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(
                &pem,
            );
        let facts = x509::facts(&der.unwrap()).unwrap();
        assert_eq!(facts.alternative_names, ["127.0.0.1", "::1", "localhost", "slp.example.net"]);
    }

    #[test]
    fn a_broken_key_is_not_replaced_behind_the_operators_back() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("development-key.pem"), "broken").unwrap();
        assert!(ensure(dir.path(), &[]).unwrap_err().to_string().contains("development-key.pem"));
    }
}
