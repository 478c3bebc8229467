use super::*;

const RESPONSE: &str = "SIP/2.0 200 OK\r\n\
    v: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabc;rport=5060, SIP/2.0/UDP x;branch=z9hG4bKother\r\n\
    From: <sip:slp@example.net>;tag=1\r\n\
    t: <sip:+447700900123@ims.example.net>\r\n\
    \t;tag=2\r\n\
    i: x@y\r\n\
    CSeq:  7   MESSAGE\r\n\
    L: 2\r\n\
    \r\n\
    ok";

#[test]
fn a_response_is_read_with_compact_names_and_folded_lines() {
    let m = Message::parse(RESPONSE.as_bytes()).unwrap();
    assert_eq!(m.start, Start::Response { status: 200, reason: "OK".to_owned() });
    assert_eq!(m.headers.branch(), Some("z9hG4bKabc"));
    assert_eq!(m.headers.cseq(), Some((7, "MESSAGE")));
    assert_eq!(m.headers.first("To"), Some("<sip:+447700900123@ims.example.net> ;tag=2"));
    assert_eq!(m.headers.first("call-id"), Some("x@y"));
    assert_eq!(m.body, b"ok");
}

#[test]
fn a_request_goes_out_and_comes_back() {
    let mut m = Message::request("MESSAGE", "sip:a@b");
    m.headers.push("Via", "SIP/2.0/TCP h:1;branch=z9hG4bK1");
    m.headers.push("Subject", "two\r\nlines: one");
    m.body = vec![0, 1, 0xff, b'\r', b'\n'];
    let octets = m.to_bytes();
    assert!(octets.starts_with(b"MESSAGE sip:a@b SIP/2.0\r\nVia: "));
    let back = Message::parse(&octets).unwrap();
    assert_eq!((&back.start, &back.body), (&m.start, &m.body));
    assert_eq!(back.headers.iter().count(), 3);
    assert_eq!(back.headers.first("s"), None);
    assert_eq!(back.headers.first("subject"), Some("two  lines: one"));
}

#[test]
fn what_is_no_message_is_refused() {
    let parse = |t: &str| Message::parse(t.as_bytes()).unwrap_err();
    assert_eq!(parse(""), SipError::NoEnd);
    assert_eq!(parse("SIP/2.0 200 OK\r\nA: b\r\n"), SipError::NoEnd);
    for start in [
        "SIP/2.0 99 x",
        "SIP/2.0 700 x",
        "SIP/2.0 2000",
        "HTTP/1.1 200 OK",
        "A B",
        "A B SIP/3.0",
        "A  SIP/2.0",
    ] {
        assert_eq!(parse(&format!("{start}\r\n\r\n")), SipError::StartLine, "{start}");
    }
    let with = |fields: &str| parse(&format!("SIP/2.0 200 OK\r\n{fields}\r\n\r\n"));
    assert_eq!(with("no field"), SipError::Header);
    assert_eq!(with(" folded first"), SipError::Header);
    assert_eq!(with("a b: c"), SipError::Header);
    assert_eq!(with(&vec!["A: b"; 201].join("\r\n")), SipError::TooManyHeaders);
    for length in ["x", "-1", "1", "4294967296", "0\r\nl: 1"] {
        assert_eq!(with(&format!("Content-Length: {length}")), SipError::ContentLength, "{length}");
    }
    assert_eq!(Message::parse(b"SIP/2.0 200 OK\r\nA: \xff\r\n\r\n").unwrap_err(), SipError::Encoding);
    assert_eq!(Message::parse(&vec![b'a'; MAX_MESSAGE + 1]).unwrap_err(), SipError::TooLong);
}

#[test]
fn a_stream_is_cut_wherever_it_was() {
    let stream = format!("\r\n\r\n{RESPONSE}{RESPONSE}");
    let mut framer = Framer::default();
    let mut got = Vec::new();
    for octet in stream.bytes() {
        framer.push(&[octet]);
        while let Some(m) = framer.next_message().unwrap() {
            got.push(m.body);
        }
    }
    assert_eq!(got, [b"ok", b"ok"]);
}

#[test]
fn a_stream_without_end_is_given_up() {
    let mut framer = Framer::default();
    framer.push(&vec![b'a'; MAX_MESSAGE]);
    assert_eq!(framer.next_message(), Ok(None));
    framer.push(b"a");
    assert_eq!(framer.next_message(), Err(SipError::TooLong));
    let mut framer = Framer::default();
    framer.push(b"SIP/2.0 200 OK\r\nContent-Length: 70000\r\n\r\n");
    assert_eq!(framer.next_message(), Err(SipError::TooLong));
}

#[test]
fn no_octets_break_the_reader() {
    let base = RESPONSE.as_bytes();
    for i in 0..base.len() {
        for octet in [0, b'\n', b':', b' ', 0xff] {
            let mut m = base.to_vec();
            m[i] = octet;
            if let Ok(m) = Message::parse(&m) {
                let _ = (m.headers.branch(), m.headers.cseq(), m.headers.content_length());
            }
        }
    }
}
