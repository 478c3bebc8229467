//! One record a session: what it was, how it ended, how long each part took.

use std::time::Duration;

use crate::base::ids::SetIdKind;

/// The account of one session, written when it ends. It holds no identity and no place: what is not in it cannot leak.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRecord {
    /// Number of the connection in this process, to find the session's other log lines by.
    pub connection: u64,
    /// The SLP's session id, by which session traces name it.
    pub session: [u8; 4],
    /// Which flow: `set-initiated-immediate`, or `unknown` when it ended before that could be known.
    pub flow: &'static str,
    /// `tls` or `tcp`.
    pub transport: &'static str,
    /// ULP version of the SET's first message (major, minor, service indicator).
    pub version: Option<(u8, u8, u8)>,
    /// Kind of the identity the SET gave.
    pub identity: Option<SetIdKind>,
    /// Positioning protocol: `rrlp`, `lpp`, or `none` when no positioning took place.
    pub protocol: &'static str,
    /// Positioning method that the SET was told, by its ASN.1 name, or `none`.
    pub method: &'static str,
    /// How the last position was found (`base::PositionMethod`); `None` when none came out.
    pub position: Option<&'static str>,
    /// Navigation models sent, all systems.
    pub satellites: u32,
    /// Where the reference location came from (`base::cell::ReferenceSource`), or `none`.
    pub reference: &'static str,
    /// How it ended: `completed`, `refused`, `ended-by-target`, `left-served`, `left`, `silent`, `shutdown`.
    pub outcome: &'static str,
    /// ULP status code of the SUPL END that was sent or received, by its ASN.1 name.
    pub status: Option<&'static str>,
    /// Horizontal accuracy asked for, metres.
    pub accuracy_asked_m: Option<f64>,
    /// Horizontal uncertainty of the position that came out, metres.
    pub accuracy_got_m: Option<f64>,
    /// Whether the quality asked for was met; `None` when none was asked for or no position came.
    pub quality_met: Option<bool>,
    /// From the connection's acceptance to its end.
    pub duration: Duration,
    /// When it reached its stages, in order, as time since its beginning: `handshake`, `start`, `pos-init`, `assisted`,
    /// `position`.
    pub stages: Vec<(&'static str, Duration)>,
    /// Octets of ULP received and sent.
    pub bytes: (u64, u64),
    /// Messages received and sent.
    pub messages: (u32, u32),
}

impl Default for SessionRecord {
    fn default() -> Self {
        Self {
            connection: 0,
            session: [0; 4],
            flow: "unknown",
            transport: "tcp",
            version: None,
            identity: None,
            protocol: "none",
            method: "none",
            position: None,
            satellites: 0,
            reference: "none",
            outcome: "left",
            status: None,
            accuracy_asked_m: None,
            accuracy_got_m: None,
            quality_met: None,
            duration: Duration::ZERO,
            stages: Vec::new(),
            bytes: (0, 0),
            messages: (0, 0),
        }
    }
}

impl SessionRecord {
    /// Label of the version in metrics: the major number, or `none`.
    pub fn version_label(&self) -> &'static str {
        match self.version {
            Some((1, ..)) => "1",
            Some((2, ..)) => "2",
            Some((3, ..)) => "3",
            Some(_) => "other",
            None => "none",
        }
    }

    /// Writes the one log line of the session.
    pub(super) fn log(&self) {
        let ms = |d: Duration| (d.as_secs_f64() * 1e6).round() / 1e3;
        let stages =
            self.stages.iter().map(|(name, d)| format!("{name}={}ms", ms(*d))).collect::<Vec<_>>().join(" ");
        let session = format!("{:08x}", u32::from_be_bytes(self.session));
        let version = self.version.map(|(a, b, c)| format!("{a}.{b}.{c}"));
        tracing::info!(
            connection = self.connection,
            session,
            flow = self.flow,
            transport = self.transport,
            version = version.as_deref(),
            identity = self.identity.map(SetIdKind::name),
            protocol = self.protocol,
            method = self.method,
            position = self.position,
            satellites = self.satellites,
            reference = self.reference,
            outcome = self.outcome,
            status = self.status,
            accuracy_asked_m = self.accuracy_asked_m,
            accuracy_got_m = self.accuracy_got_m,
            quality_met = self.quality_met,
            duration_ms = ms(self.duration),
            stages,
            received_bytes = self.bytes.0,
            sent_bytes = self.bytes.1,
            received_messages = self.messages.0,
            sent_messages = self.messages.1,
            "session"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_words_of_a_closed_list() {
        let label = |v| SessionRecord { version: v, ..SessionRecord::default() }.version_label();
        assert_eq!([label(None), label(Some((2, 0, 4))), label(Some((9, 0, 0)))], ["none", "2", "other"]);
    }
}
