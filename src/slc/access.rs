//! Who may claim to be whom.

use std::fmt;
use std::net::IpAddr;

use crate::base::SetId;

/// What the transport knows of the far end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerIdentity {
    /// Source address of the connection.
    pub ip: IpAddr,
    /// The certificate with which it authenticated itself, if it did.
    pub certificate: Option<ClientCertificate>,
}

/// A client certificate that the transport has verified. Its names may be identities, so `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// SHA-256 of the certificate's DER.
    pub fingerprint: [u8; 32],
    /// Subject common name and alternative names, as text.
    pub names: Vec<String>,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate(…)")
    }
}

/// The answer of an [`AccessCheck`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The claim is believed.
    Allowed,
    /// It is not: the session ends with `authNetFailure`.
    Denied,
}

/// Decides whether a peer may act under a SET identity. It is asked once per session, and must answer from memory.
pub trait AccessCheck: Send + Sync {
    /// Whether `peer` may claim to be `claimed`.
    fn may_claim(&self, claimed: &SetId, peer: &PeerIdentity) -> Verdict;
}

/// Believes every claim. This is the default: the position that comes out of a session is only as trustworthy as the
/// identity, but assistance data harm nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrustEveryone;

impl AccessCheck for TrustEveryone {
    fn may_claim(&self, _: &SetId, _: &PeerIdentity) -> Verdict {
        Verdict::Allowed
    }
}
