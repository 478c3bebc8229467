//! Recorded sessions as a capture file that Wireshark and tshark open.
//!
//! What was recorded are ULP messages after decryption. They are put into TCP segments of made-up connections to port 7275,
//! where those programs look for ULP: handshake, data with consistent sequence numbers and checksums, and an end. The format is
//! classic pcap with raw IP packets (`LINKTYPE_RAW`).

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Direction, TracedSession};
use crate::base::Utc;

/// Port by which dissectors know ULP.
const ULP_PORT: u16 = 7275;
/// `LINKTYPE_RAW`: the packet begins with its IP header.
const LINKTYPE_RAW: u32 = 101;
/// Octets of data in one segment, as on an Ethernet.
const SEGMENT: usize = 1400;
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// Writes sessions as a pcap file.
pub fn export_pcap(sessions: &[TracedSession], out: &mut impl Write) -> io::Result<()> {
    // Magic (microseconds), version 2.4, zone, accuracy, longest packet, link type.
    out.write_all(&0xa1b2_c3d4_u32.to_le_bytes())?;
    out.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
    out.write_all(&65_535_u32.to_le_bytes())?;
    out.write_all(&LINKTYPE_RAW.to_le_bytes())?;
    for session in sessions {
        connection(session, out)?;
    }
    Ok(())
}

/// One end of a made-up connection.
#[derive(Clone, Copy)]
struct End {
    ip: IpAddr,
    port: u16,
    /// Next sequence number.
    seq: u32,
}

fn connection(session: &TracedSession, out: &mut impl Write) -> io::Result<()> {
    let s = &session.subject;
    // Both addresses have to be of one family in one packet.
    let (peer, local) = match (s.peer.ip().to_canonical(), s.local.ip().to_canonical()) {
        (IpAddr::V4(p), IpAddr::V6(_)) => (IpAddr::V4(p), IpAddr::V4(Ipv4Addr::LOCALHOST)),
        (IpAddr::V6(p), IpAddr::V4(_)) => (IpAddr::V6(p), IpAddr::V6(Ipv6Addr::LOCALHOST)),
        same => same,
    };
    // Different sessions must not look like parts of one connection, even where addresses and ports are the same.
    let start = (session.number as u32).wrapping_mul(0x0100_0193);
    let mut target = End { ip: peer, port: s.peer.port(), seq: start };
    let mut server = End { ip: local, port: ULP_PORT, seq: !start };
    let mut sink = Sink { out, time: s.opened };
    sink.segment(&mut target, &server, SYN, &[])?;
    sink.segment(&mut server, &target, SYN | ACK, &[])?;
    sink.segment(&mut target, &server, ACK, &[])?;
    for pdu in &session.pdus {
        sink.time = sink.time.max(pdu.time);
        let (from, to) = match pdu.direction {
            Direction::FromTarget => (&mut target, &mut server),
            Direction::ToTarget => (&mut server, &mut target),
        };
        for piece in pdu.bytes.chunks(SEGMENT) {
            sink.segment(from, to, PSH | ACK, piece)?;
        }
        sink.segment(to, from, ACK, &[])?;
    }
    if session.ended {
        sink.segment(&mut server, &target, FIN | ACK, &[])?;
        sink.segment(&mut target, &server, FIN | ACK, &[])?;
        sink.segment(&mut server, &target, ACK, &[])?;
    }
    Ok(())
}

struct Sink<'a, W> {
    out: &'a mut W,
    time: Utc,
}

impl<W: Write> Sink<'_, W> {
    /// Writes one TCP segment and moves the sender's sequence number on.
    fn segment(&mut self, from: &mut End, to: &End, flags: u8, data: &[u8]) -> io::Result<()> {
        let mut tcp = Vec::with_capacity(20 + data.len());
        tcp.extend(from.port.to_be_bytes());
        tcp.extend(to.port.to_be_bytes());
        tcp.extend(from.seq.to_be_bytes());
        let acknowledged = if flags & ACK == 0 { 0 } else { to.seq };
        tcp.extend(acknowledged.to_be_bytes());
        // Data offset of five words; a window of 64 KiB; checksum and urgent pointer zero.
        tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend(data);
        let packet = match (from.ip, to.ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => ipv4(a, b, tcp),
            (a, b) => ipv6(as_v6(a), as_v6(b), tcp),
        };
        let counted = u32::from(flags & (SYN | FIN) != 0);
        from.seq = from.seq.wrapping_add(counted).wrapping_add(data.len() as u32);

        let micros = self.time.unix_ns().div_euclid(1000);
        self.out.write_all(&(micros.div_euclid(1_000_000) as u32).to_le_bytes())?;
        self.out.write_all(&(micros.rem_euclid(1_000_000) as u32).to_le_bytes())?;
        self.out.write_all(&(packet.len() as u32).to_le_bytes())?;
        self.out.write_all(&(packet.len() as u32).to_le_bytes())?;
        self.out.write_all(&packet)
    }
}

fn as_v6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

/// Puts an IPv4 header before a TCP segment and its checksum into it.
fn ipv4(from: Ipv4Addr, to: Ipv4Addr, mut tcp: Vec<u8>) -> Vec<u8> {
    let length = tcp.len() as u16;
    let pseudo = [&from.octets()[..], &to.octets(), &[0, 6], &length.to_be_bytes()].concat();
    put_checksum(&mut tcp, 16, &pseudo);
    let mut ip = vec![0x45, 0];
    ip.extend((20 + length).to_be_bytes());
    // No identification, don't fragment, 64 hops, TCP.
    ip.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    ip.extend(from.octets());
    ip.extend(to.octets());
    put_checksum(&mut ip, 10, &[]);
    ip.append(&mut tcp);
    ip
}

/// The same with an IPv6 header.
fn ipv6(from: Ipv6Addr, to: Ipv6Addr, mut tcp: Vec<u8>) -> Vec<u8> {
    let length = tcp.len() as u16;
    let pseudo = [&from.octets()[..], &to.octets(), &[0, 0], &length.to_be_bytes(), &[0, 0, 0, 6]].concat();
    put_checksum(&mut tcp, 16, &pseudo);
    let mut ip = vec![0x60, 0, 0, 0];
    ip.extend(length.to_be_bytes());
    ip.extend([6, 64]);
    ip.extend(from.octets());
    ip.extend(to.octets());
    ip.append(&mut tcp);
    ip
}

/// Puts the Internet checksum (RFC 1071) of `pseudo` and `header` at `at`, where zeros stand.
fn put_checksum(header: &mut [u8], at: usize, pseudo: &[u8]) {
    let sum = internet_sum(pseudo) + internet_sum(header);
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    let checksum = !(folded as u16);
    if let Some(place) = header.get_mut(at..at + 2) {
        place.copy_from_slice(&checksum.to_be_bytes());
    }
}

fn internet_sum(bytes: &[u8]) -> u32 {
    bytes.chunks(2).map(|c| u32::from(c[0]) << 8 | u32::from(c.get(1).copied().unwrap_or(0))).sum()
}

#[cfg(test)]
mod tests {
    use super::super::tests::subject;
    use super::super::{Subject, TracedPdu};
    use super::*;

    fn session(number: u64, subject: Subject, sizes: &[usize]) -> TracedSession {
        let pdus = sizes.iter().enumerate().map(|(i, size)| TracedPdu {
            time: Utc::from_unix_s(1_700_000_001 + i as i64),
            direction: if i % 2 == 0 { Direction::FromTarget } else { Direction::ToTarget },
            bytes: vec![0x5a; *size].into(),
        });
        TracedSession { number, subject, pdus: pdus.collect(), dropped: 0, octets: 0, ended: true }
    }

    /// Cuts a capture into packets, checking lengths and IPv4 header checksums.
    fn packets(file: &[u8]) -> Vec<Vec<u8>> {
        assert_eq!(file[..4], 0xa1b2_c3d4_u32.to_le_bytes());
        let mut rest = &file[24..];
        let mut out = Vec::new();
        while !rest.is_empty() {
            let len = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
            out.push(rest[16..16 + len].to_vec());
            rest = &rest[16 + len..];
        }
        for p in out.iter().filter(|p| p[0] == 0x45) {
            let sum = internet_sum(&p[..20]);
            assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff, "header checksum");
            assert_eq!(usize::from(u16::from_be_bytes([p[2], p[3]])), p.len());
        }
        out
    }

    #[test]
    fn a_session_is_a_connection_whose_data_are_its_messages() {
        let mut file = Vec::new();
        export_pcap(&[session(1, subject(), &[45, 3000])], &mut file).unwrap();
        let packets = packets(&file);
        // Three to open; one and three of data with an acknowledgement each; three to close.
        assert_eq!(packets.len(), 3 + 2 + 4 + 3);
        let data: usize = packets.iter().map(|p| p.len() - 40).sum();
        assert_eq!(data, 3045);
        assert!(packets.iter().all(|p| p[20..24] == [156, 187, 28, 107] || p[20..24] == [28, 107, 156, 187]));
    }

    #[test]
    fn addresses_of_both_families_and_of_mixed_ones() {
        let v6 = Subject { peer: "[2001:db8::7]:40123".parse().unwrap(), ..subject() };
        let both = Subject { local: "[2001:db8::1]:7275".parse().unwrap(), ..v6 };
        for subject in [v6, both] {
            let mut file = Vec::new();
            export_pcap(&[session(2, subject, &[20])], &mut file).unwrap();
            assert!(packets(&file).iter().all(|p| p[0] == 0x60 && p.len() >= 60));
        }
    }

    #[test]
    fn no_session_is_an_empty_capture() {
        let mut file = Vec::new();
        export_pcap(&[], &mut file).unwrap();
        assert_eq!(file.len(), 24);
    }
}
