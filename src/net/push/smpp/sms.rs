//! SUPL INIT as short messages: user data headers (3GPP TS 23.040, 9.2.3.24), WSP push (WAP-230-WSP, 8.2.4.1), and cutting.
//!
//! | form | user data header | behind it |
//! |---|---|---|
//! | port | `06 05 04 1C6B 1C6B` | SUPL INIT |
//! | WAP push | `06 05 04 0B84 23F0` | WSP Push PDU with content type and application id, SUPL INIT |
//!
//! What does not fit 133 octets is cut; each piece then has a concatenation element, too, and room for 128.

use serde::{Deserialize, Serialize};

/// Octets of user data in one short message, header included.
const USER_DATA: usize = 140;
/// Most pieces that a message is cut into: a SUPL INIT of more than a kilobyte is none.
pub(super) const MOST_PIECES: usize = 8;
/// Port of ULP.
const ULP_PORT: u16 = 7275;
/// Port of WAP push (connectionless).
const WAP_PUSH_PORT: u16 = 2948;
/// Port that WAP pushes come from (connectionless session service).
const WSP_PORT: u16 = 9200;

/// How SUPL INIT is put into short messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Addressed to port 7275, without more.
    #[default]
    Port,
    /// WAP push, content type and application id as numbers.
    WapPush,
    /// WAP push, content type and application id as texts.
    WapPushText,
}

/// The user data of the short messages that carry these octets. `None` when it would be too many. `number` tells cut messages
/// to one SET apart.
pub(super) fn pieces(form: Form, octets: &[u8], number: u8) -> Option<Vec<Vec<u8>>> {
    let (to, from, payload) = match form {
        Form::Port => (ULP_PORT, ULP_PORT, octets.to_vec()),
        Form::WapPush | Form::WapPushText => (WAP_PUSH_PORT, WSP_PORT, wsp_push(form, octets, number)),
    };
    // Application port addressing, 16 bit: element 05, four octets.
    let mut ports = vec![0x05, 0x04];
    ports.extend(to.to_be_bytes());
    ports.extend(from.to_be_bytes());
    if payload.len() <= USER_DATA - 1 - ports.len() {
        return Some(vec![[&[ports.len() as u8][..], &ports, &payload].concat()]);
    }
    // Concatenation, 8 bit reference: element 00, three octets.
    let room = USER_DATA - 1 - ports.len() - 5;
    let total = payload.len().div_ceil(room);
    (total <= MOST_PIECES).then(|| {
        (1_u8..)
            .zip(payload.chunks(room))
            .map(|(nth, piece)| {
                let together = [0x00, 0x03, number, total as u8, nth];
                let length = [(ports.len() + together.len()) as u8];
                [&length[..], &ports, &together, piece].concat()
            })
            .collect()
    })
}

/// A WSP Push PDU.
fn wsp_push(form: Form, octets: &[u8], transaction: u8) -> Vec<u8> {
    let headers: Vec<u8> = match form {
        // Content type: a value of three octets, the long integer 0x0312; application id: header 0x2F, short integer 0x10.
        Form::Port | Form::WapPush => vec![0x03, 0x02, 0x03, 0x12, 0xaf, 0x90],
        Form::WapPushText => {
            let mut h = b"application/vnd.omaloc-supl-init\0".to_vec();
            h.push(0xaf);
            h.extend(b"x-oma-application:ulp.ua\0");
            h
        }
    };
    // Transaction, type Push, length of the headers: one octet holds up to 127.
    let mut out = vec![transaction, 0x06, headers.len() as u8];
    out.extend(headers);
    out.extend(octets);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_form_is_a_header_and_the_octets() {
        let p = pieces(Form::Port, &[0xaa; 133], 9).unwrap();
        assert_eq!(p.len(), 1);
        assert_eq!(p[0][..7], [6, 5, 4, 0x1c, 0x6b, 0x1c, 0x6b]);
        assert_eq!(p[0].len(), 140);
    }

    #[test]
    fn the_push_form_has_the_headers_that_devices_look_for() {
        let p = pieces(Form::WapPush, &[0, 1], 1).unwrap();
        let expected: &[u8] = &[
            0x06, 0x05, 0x04, 0x0b, 0x84, 0x23, 0xf0, // ports 2948 and 9200
            0x01, 0x06, 0x06, 0x03, 0x02, 0x03, 0x12, 0xaf, 0x90, // WSP
            0x00, 0x01,
        ];
        assert_eq!(p, [expected]);
        let text = pieces(Form::WapPushText, &[0, 1], 1).unwrap().remove(0);
        assert_eq!(text[7..10], [1, 6, 59]);
        assert!(text[10..].starts_with(b"application/vnd.omaloc-supl-init\0\xafx-oma-application:ulp.ua\0"));
        assert!(text.ends_with(&[0, 0, 1]));
    }

    #[test]
    fn what_is_longer_is_cut_and_can_be_put_together() {
        let octets: Vec<u8> = (0..=255).cycle().take(300).collect();
        for form in [Form::Port, Form::WapPush] {
            let p = pieces(form, &octets, 42).unwrap();
            assert_eq!(p.len(), 3);
            let mut whole = Vec::new();
            for (i, piece) in p.iter().enumerate() {
                assert!(piece.len() <= 140);
                assert_eq!(piece[0], 11);
                assert_eq!(piece[7..12], [0, 3, 42, 3, i as u8 + 1]);
                whole.extend(&piece[12..]);
            }
            assert!(whole.ends_with(&octets));
        }
        assert_eq!(pieces(Form::Port, &[0; 134], 1).unwrap().len(), 2);
        assert!(pieces(Form::Port, &[0; 1024], 1).is_some());
        assert!(pieces(Form::Port, &[0; 1025], 1).is_none());
    }
}
