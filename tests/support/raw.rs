//! A peer that sends bytes as they are and reads answers with the bare codec, so that what is under test does not check
//! itself.

use std::path::Path;
use std::time::Duration;

use groma::handset::{Connection, Security, TlsVersion};
use groma_asn1::{lpp, rrlp, ulp};

/// Longest wait for an answer; far above what any server needs, so that a slow machine fails no test.
const PATIENCE: Duration = Duration::from_secs(20);

/// TLS without verification, any version.
pub(crate) const TLS: Security = Security::Tls { ca: None, only: None };
/// TLS 1.2 only.
pub(crate) const TLS_1_2: Security = Security::Tls { ca: None, only: Some(TlsVersion::V1_2) };
/// TLS 1.3 only.
pub(crate) const TLS_1_3: Security = Security::Tls { ca: None, only: Some(TlsVersion::V1_3) };

/// A connection that speaks octets.
pub(crate) struct RawPeer(Connection);

impl RawPeer {
    pub(crate) async fn connect(server: &str, security: &Security) -> Self {
        Self(Connection::open(server, security, PATIENCE).await.expect("connection"))
    }

    pub(crate) async fn send(&mut self, octets: &[u8]) {
        self.0.send(octets).await.expect("sent");
    }

    /// The next PDU's octets; `None` when the server has closed.
    pub(crate) async fn octets(&mut self) -> Option<Vec<u8>> {
        tokio::time::timeout(PATIENCE, self.0.receive()).await.expect("an answer in time").unwrap_or(None)
    }

    /// The next PDU.
    pub(crate) async fn receive(&mut self) -> ulp::ULPPDU {
        let octets = self.octets().await.expect("an answer before the end of the connection");
        ulp::decode(&octets).expect("a PDU")
    }

    /// Sends the client's START and takes the RESPONSE; the session id in it is what the other messages need.
    pub(crate) async fn start(&mut self, start: &[u8]) -> Response {
        self.send(start).await;
        let sent = ulp::decode(start).expect("a PDU");
        let pdu = self.receive().await;
        assert_eq!(
            pdu.session_id.set_session_id, sent.session_id.set_session_id,
            "setSessionID is echoed exactly"
        );
        let slp = pdu.session_id.slp_session_id.clone().expect("slpSessionID is always there");
        let ulp::UlpMessage::msSUPLRESPONSE(response) = pdu.message else {
            panic!("SUPL RESPONSE expected, not {:?}", pdu.message)
        };
        assert_eq!(pdu.version.maj, sent.version.maj, "answered in the client's major version");
        Response { slp, pos_method: response.pos_method }
    }

    pub(crate) async fn close(&mut self) {
        self.0.close().await;
    }
}

/// What a client needs of SUPL RESPONSE.
pub(crate) struct Response {
    pub(crate) slp: ulp::SlpSessionID,
    pub(crate) pos_method: ulp::PosMethod,
}

/// A client's captured message with the session id of the server it was captured from replaced by this session's.
pub(crate) fn with_session(captured: &[u8], slp: &ulp::SlpSessionID) -> Vec<u8> {
    let mut pdu = ulp::decode(captured).expect("a captured PDU decodes");
    pdu.session_id.slp_session_id = Some(slp.clone());
    ulp::encode(&pdu).expect("a captured PDU encodes")
}

/// The RRLP payload of a SUPL POS.
pub(crate) fn rrlp_of(pdu: &ulp::ULPPDU) -> rrlp::PDU {
    let ulp::UlpMessage::msSUPLPOS(pos) = &pdu.message else {
        panic!("SUPL POS expected, not {:?}", pdu.message)
    };
    let ulp::PosPayLoad::rrlpPayload(octets) = &pos.pos_pay_load else { panic!("RRLP payload expected") };
    rrlp::decode(octets).expect("RRLP")
}

/// The LPP payloads of a SUPL POS, in order.
pub(crate) fn lpp_of(pdu: &ulp::ULPPDU) -> Vec<lpp::LPPMessage> {
    let ulp::UlpMessage::msSUPLPOS(pos) = &pdu.message else {
        panic!("SUPL POS expected, not {:?}", pdu.message)
    };
    lpp_in(pos)
}

/// The LPP payloads of the contents of a SUPL POS, in order.
pub(crate) fn lpp_in(pos: &ulp::SUPLPOS) -> Vec<lpp::LPPMessage> {
    let ulp::PosPayLoad::ver2_PosPayLoad_extension(extension) = &pos.pos_pay_load else {
        panic!("LPP payload expected")
    };
    let payloads = extension.l_pppayload.as_ref().expect("LPP payload");
    payloads.0.iter().map(|p| lpp::decode(&p.0).expect("LPP")).collect()
}

/// The octets of a captured message of a real client, `NAME.hex`.
pub(crate) fn captured(shared: &Path, name: &str) -> Vec<u8> {
    let path = shared.join("vectors/clients").join(format!("{name}.hex"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    unhex(text.trim())
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|b| !b.is_ascii_whitespace())
        .map(|b| (b as char).to_digit(16).expect("hex") as u8)
        .collect();
    digits.chunks(2).map(|p| p[0] << 4 | p[1]).collect()
}
