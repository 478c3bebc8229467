//! A small navigation file and a scripted archive, for tests.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

use crate::base::GpsTime;

/// A RINEX 3 file with one GPS ephemeris whose toe is the full hour of `t`.
pub(super) fn navigation_file(prn: u8, t: GpsTime) -> String {
    let toe = GpsTime::from_week_s(t.week(), (t.tow() as i64 / 3600) * 3600);
    // Calendar dates of a GPS file are GPS time: the civil date without leap seconds.
    let (y, mo, d, h, mi, s) = crate::base::Utc::from_unix_ns(toe.ns() + 315_964_800_000_000_000).civil();
    let line = |values: [f64; 4]| {
        values.iter().fold("    ".to_owned(), |text, v| text + &format!("{:>19}", fortran(*v))) + "\n"
    };
    let week = toe.week() as f64;
    format!("{:>9.2}{:11}{:20}{:20}RINEX VERSION / TYPE\n", 3.04, "", "NAVIGATION DATA", "M: MIXED")
        + &format!("{:60}END OF HEADER\n", "")
        + &format!("G{prn:02} {y:04} {mo:02} {d:02} {h:02} {mi:02} {s:02}")
        + &[1e-4, 0.0, 0.0].iter().fold(String::new(), |text, v| text + &format!("{:>19}", fortran(*v)))
        + "\n"
        + &line([7.0, 10.0, 4.5e-9, 1.0])
        + &line([1e-6, 0.01, 2e-6, 5153.7])
        + &line([toe.tow(), 1e-8, -1.5, 2e-8])
        + &line([0.96, 200.0, 0.5, -8e-9])
        + &line([1e-10, 1.0, week, 0.0])
        + &line([2.0, 0.0, -5e-9, 7.0])
        + &line([toe.tow() - 7200.0, 4.0, 0.0, 0.0])
}

/// A number as FORTRAN's `D19.12` writes it, near enough.
fn fortran(v: f64) -> String {
    let text = format!("{v:.12E}");
    let (mantissa, exponent) = text.split_once('E').unwrap();
    let exponent: i32 = exponent.parse().unwrap();
    format!("{mantissa}D{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// What the archive says to one request: status line and headers, and the body.
pub(super) struct Reply {
    pub(super) head: &'static str,
    pub(super) body: Vec<u8>,
}

/// An archive that gives these replies in turn, one per connection; the requests it got come out of the channel.
pub(super) fn archive(replies: Vec<Reply>) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (requests, seen) = mpsc::channel();
    std::thread::spawn(move || {
        for reply in replies {
            let Ok((stream, _)) = listener.accept() else { return };
            let _ = requests.send(read_request(&stream));
            answer(stream, &reply);
        }
    });
    (address, seen)
}

pub(super) fn read_request(stream: impl std::io::Read) -> String {
    let mut request = String::new();
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { break };
        if line.is_empty() {
            break;
        }
        request += &line;
        request += "\n";
    }
    request
}

pub(super) fn answer(mut stream: impl Write, reply: &Reply) {
    let head = format!(
        "HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        reply.head,
        reply.body.len()
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(&reply.body);
    let _ = stream.flush();
}

/// Never an answer: the connection is accepted and kept.
pub(super) fn silent_archive() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (listener.local_addr().unwrap().to_string(), listener)
}

/// For replies over something else than plain TCP.
pub(super) fn accept(listener: &TcpListener) -> TcpStream {
    listener.accept().unwrap().0
}
