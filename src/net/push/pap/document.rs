//! Documents of the Push Access Protocol (WAP-247-PAP, OMA PAP 2.x): the submission, and the gateway's answer to it.
//!
//! The answer is read with `quick-xml`: a streaming reader that neither fetches a document type nor expands its entities.

use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::{BytesStart, Event};

use super::super::bearer::{Carried, Failure};
use crate::base::Utc;

/// What a submission says besides the octets.
pub(super) struct Submission<'a> {
    /// Tells submissions apart, for ever.
    pub(super) id: &'a str,
    /// Where the push goes, as `WAPPUSH=…`.
    pub(super) address: &'a str,
    /// When nobody needs it any more.
    pub(super) before: Utc,
    pub(super) emergency: bool,
    pub(super) octets: &'a [u8],
}

impl Submission<'_> {
    /// The body of the request: control entity and content, as `multipart/related`.
    pub(super) fn body(&self, boundary: &str) -> Vec<u8> {
        let (y, mo, d, h, mi, s) = self.before.civil();
        let priority = if self.emergency { "high" } else { "medium" };
        // A SET must not confirm the push of a SUPL INIT, so a confirmed delivery would never end.
        let head = format!(
            "--{boundary}\r\nContent-Type: application/xml\r\n\r\n\
             <?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\
             <!DOCTYPE pap PUBLIC \"-//WAPFORUM//DTD PAP 2.0//EN\" \"http://www.wapforum.org/DTD/pap_2.0.dtd\" \
             [<?wap-pap-ver supported-versions=\"2.0\"?>]>\r\n\
             <pap product-name=\"Groma\">\r\n\
             <push-message push-id=\"{id}\" deliver-before-timestamp=\"{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}Z\">\r\n\
             <address address-value=\"{address}\"/>\r\n\
             <quality-of-service priority=\"{priority}\" delivery-method=\"unconfirmed\"/>\r\n\
             </push-message>\r\n</pap>\r\n\
             --{boundary}\r\nContent-Type: application/vnd.omaloc-supl-init\r\n\
             X-Wap-Application-Id: x-oma-application:ulp.ua\r\n\
             Content-Transfer-Encoding: binary\r\n\
             Content-Length: {length}\r\n\r\n",
            id = escape(self.id),
            address = escape(self.address),
            length = self.octets.len(),
        );
        [head.as_bytes(), self.octets, format!("\r\n--{boundary}--\r\n").as_bytes()].concat()
    }
}

/// What a gateway's answer says: the code of `response-result` or of `badmessage-response`. `None` when it is no answer.
pub(super) fn code(answer: &[u8]) -> Option<u16> {
    // Whatever the encoding, what is looked for is ASCII.
    let text = String::from_utf8_lossy(answer);
    let mut reader = Reader::from_str(&text);
    loop {
        match reader.read_event().ok()? {
            Event::Eof => return None,
            Event::Start(e) | Event::Empty(e)
                if matches!(e.local_name().as_ref(), "response-result" | "badmessage-response") =>
            {
                return attribute(&e, "code");
            }
            _ => {}
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<u16> {
    let value = element.attributes().filter_map(Result::ok).find(|a| a.key.as_ref() == name)?;
    value.value.trim().parse().ok()
}

/// What a code means (status codes of PAP, by their thousands).
pub(super) fn meaning(code: u16) -> Result<Carried, Failure> {
    let number = u32::from(code);
    Err(match code {
        1000..=1999 => return Ok(Carried::Accepted),
        2001 => Failure::Unauthorized(number),
        // The address is wrong or not known there; the device: aborted, out of coverage, not there.
        2002 | 2003 | 5000..=5999 => Failure::Unreachable(number),
        // An internal error of the gateway, and what it has not got just now.
        4001 => Failure::Congested,
        3000 | 3009 | 3010 | 4000..=4999 => Failure::Temporary(number),
        2000..=3999 => Failure::Refused(number),
        _ => Failure::Broken,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submission_is_control_and_octets() {
        let submission = Submission {
            id: "a&b@slp",
            address: "WAPPUSH=+447700900123/TYPE=PLMN@ppg.example.net",
            before: Utc::from_unix_s(1_795_000_000),
            emergency: true,
            octets: &[0, 0xff, b'\r', b'\n'],
        };
        let body = submission.body("B");
        let text = String::from_utf8_lossy(&body);
        for part in [
            "--B\r\nContent-Type: application/xml\r\n\r\n<?xml",
            "push-id=\"a&amp;b@slp\" deliver-before-timestamp=\"2026-11-18T11:06:40Z\"",
            "<address address-value=\"WAPPUSH=+447700900123/TYPE=PLMN@ppg.example.net\"/>",
            "priority=\"high\" delivery-method=\"unconfirmed\"",
            "\r\n--B\r\nContent-Type: application/vnd.omaloc-supl-init\r\nX-Wap-Application-Id: x-oma-application:ulp.ua\r\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(body.ends_with(b"\r\n\r\n\x00\xff\r\n\r\n--B--\r\n"));
    }

    #[test]
    fn answers_are_read_whatever_else_is_in_them() {
        let accepted = b"<?xml version=\"1.0\"?><!DOCTYPE pap PUBLIC \"x\" \"http://nowhere.invalid/x.dtd\">\
            <pap><push-response push-id=\"1\"><progress-note stage=\"a\" code=\"2000\" desc=\"\"/>\
            <response-result code=\"1001\" desc=\"Accepted\"></response-result></push-response></pap>";
        assert_eq!(code(accepted), Some(1001));
        assert_eq!(code(b"<pap><badmessage-response code='2000'/></pap>"), Some(2000));
        for none in [
            &b""[..],
            b"<html><body>It works!</body></html>",
            b"<pap><push-response push-id=\"1\"/></pap>",
            b"<pap><response-result code=\"x\"/></pap>",
            b"<pap><response-result code=\"99999\"/></pap>",
            b"<pap><",
            b"\xff\xfe<\0p\0",
        ] {
            assert_eq!(code(none), None);
        }
        let bomb = format!("<!DOCTYPE a [<!ENTITY a \"{}\">]><pap>&a;</pap>", "b".repeat(1000));
        assert_eq!(code(bomb.as_bytes()), None);
        let deep = "<a>".repeat(20_000);
        assert_eq!(code(deep.as_bytes()), None);
    }

    #[test]
    fn every_code_has_one_meaning() {
        assert_eq!(meaning(1000), Ok(Carried::Accepted));
        assert_eq!(meaning(1001), Ok(Carried::Accepted));
        assert_eq!(meaning(2003), Err(Failure::Unreachable(2003)));
        assert_eq!(meaning(2000), Err(Failure::Refused(2000)));
        assert_eq!(meaning(3000), Err(Failure::Temporary(3000)));
        assert_eq!(meaning(3007), Err(Failure::Refused(3007)));
        assert_eq!(meaning(4001), Err(Failure::Congested));
        assert_eq!(meaning(5001), Err(Failure::Unreachable(5001)));
        assert_eq!(meaning(42), Err(Failure::Broken));
    }
}
