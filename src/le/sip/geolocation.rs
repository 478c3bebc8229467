//! Headers that convey locations in SIP (RFC 6442): `Geolocation`, `Geolocation-Routing`, `Geolocation-Error`.
//!
//! A location travels by value, as a body part that a `cid:` URI names, or by reference, as a URI from which it is to be had.

use super::multipart::{MultipartFault, Part, media_type, parts};
use super::pidf::{self, PidfFault, Presence};

/// Most values of a `Geolocation` header.
const MOST_VALUES: usize = 16;

/// The URI of a location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocationUri {
    /// By value: the body part of this Content-ID.
    Value(String),
    /// By reference, to be had by a subscription (`sip:`, `sips:`, `pres:`).
    Subscribe(String),
    /// By reference, to be had by HTTP (`http:`, `https:`).
    Fetch(String),
}

/// A `Geolocation` header that is none, or one with a kind of URI that RFC 6442 does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum GeolocationFault {
    /// Not in its format.
    #[error("Geolocation: not in its format")]
    Format,
    /// More values than are taken.
    #[error("Geolocation: too many values")]
    TooMany,
    /// A URI of another scheme.
    #[error("Geolocation: a URI that locations do not have")]
    Scheme,
    /// A `cid:` URI that no body part has.
    #[error("Geolocation: no body part has this Content-ID")]
    NoSuchPart,
    /// The body part is no location object.
    #[error("the body part of the location: {0}")]
    Body(#[from] PidfFault),
    /// The body is not understood.
    #[error("the body: {0}")]
    Multipart(#[from] MultipartFault),
}

impl LocationUri {
    fn parse(uri: &str) -> Result<Self, GeolocationFault> {
        let (scheme, rest) = uri.split_once(':').ok_or(GeolocationFault::Format)?;
        let clean = !rest.is_empty() && !rest.chars().any(|c| c.is_whitespace() || c.is_control());
        if !clean {
            return Err(GeolocationFault::Format);
        }
        match scheme.to_ascii_lowercase().as_str() {
            "cid" => Ok(Self::Value(percent_decoded(rest).ok_or(GeolocationFault::Format)?)),
            "sip" | "sips" | "pres" => Ok(Self::Subscribe(uri.to_owned())),
            "http" | "https" => Ok(Self::Fetch(uri.to_owned())),
            _ => Err(GeolocationFault::Scheme),
        }
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let (code, after) = rest.split_at_checked(2)?;
            octets.push(u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok()?);
            rest = after;
        } else {
            octets.push(*first);
        }
    }
    String::from_utf8(octets).ok()
}

/// Reads the value of a `Geolocation` header (several of them are one with commas).
///
/// # Errors
/// [`GeolocationFault`]; the answer is 424 with [`LocationError::CannotProcess`].
pub fn read_geolocation(value: &str) -> Result<Vec<LocationUri>, GeolocationFault> {
    let mut found = Vec::new();
    let mut rest = value.trim();
    while !rest.is_empty() {
        let inner = rest.strip_prefix('<').ok_or(GeolocationFault::Format)?;
        let (uri, after) = inner.split_once('>').ok_or(GeolocationFault::Format)?;
        if found.len() >= MOST_VALUES {
            return Err(GeolocationFault::TooMany);
        }
        found.push(LocationUri::parse(uri)?);
        // Parameters are for later versions.
        let after = after.trim_start();
        rest = match after.find(',') {
            Some(at) if after.starts_with([';', ',']) => {
                let next = after.get(at + 1..).unwrap_or_default().trim();
                if next.is_empty() {
                    return Err(GeolocationFault::Format);
                }
                next
            }
            None if after.is_empty() || after.starts_with(';') => "",
            _ => return Err(GeolocationFault::Format),
        };
    }
    if found.is_empty() { Err(GeolocationFault::Format) } else { Ok(found) }
}

/// Writes the value of a `Geolocation` header.
pub fn write_geolocation(uris: &[LocationUri]) -> String {
    let texts: Vec<String> = uris
        .iter()
        .map(|uri| match uri {
            LocationUri::Value(id) => format!("<cid:{}>", percent_encoded(id)),
            LocationUri::Subscribe(uri) | LocationUri::Fetch(uri) => format!("<{uri}>"),
        })
        .collect();
    texts.join(", ")
}

fn percent_encoded(id: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~@!$&'()*+,;=:".contains(&b);
    id.bytes().fold(String::new(), |text, b| {
        if plain(b) { text + char::from(b).encode_utf8(&mut [0; 4]) } else { text + &format!("%{b:02X}") }
    })
}

/// Whether the location may be used for routing (`Geolocation-Routing`): only where the header says `yes`.
pub fn may_route(value: Option<&str>) -> bool {
    value.is_some_and(|v| media_type(v) == "yes")
}

/// Why a location could not be used (RFC 6442 §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LocationError {
    /// It is not understood, or there is none.
    CannotProcess,
    /// Permission is missing to use it.
    Permission,
    /// Permission is missing to pass it on.
    PermissionToRetransmit,
    /// Permission is missing to route by it.
    PermissionToRoute,
    /// What the reference names could not be had.
    Dereference,
}

impl LocationError {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::CannotProcess,
        Self::Permission,
        Self::PermissionToRetransmit,
        Self::PermissionToRoute,
        Self::Dereference,
    ];

    /// Its number.
    pub const fn code(self) -> u16 {
        match self {
            Self::CannotProcess => 100,
            Self::Permission => 200,
            Self::PermissionToRetransmit => 201,
            Self::PermissionToRoute => 202,
            Self::Dereference => 300,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::CannotProcess => "Cannot Process Location",
            Self::Permission => "Permission To Use Location Information",
            Self::PermissionToRetransmit => "Permission To Retransmit Location Information to a Third Party",
            Self::PermissionToRoute => "Permission to Route based on Location Information",
            Self::Dereference => "Dereference Failure",
        }
    }

    /// The value of `Geolocation-Error`, which goes with status 424.
    pub fn header(self) -> String {
        format!("{};code=\"{}\"", self.code(), self.text())
    }

    /// Reads a value; a code that is not known counts as the general one of its hundred.
    pub fn read(value: &str) -> Option<Self> {
        let code = value.split(';').next()?.trim();
        let code: u16 = code.parse().ok().filter(|_| code.len() <= 3)?;
        Self::ALL.into_iter().find(|e| e.code() == code).or(match code / 100 {
            1 => Some(Self::CannotProcess),
            2 => Some(Self::Permission),
            3 => Some(Self::Dereference),
            _ => None,
        })
    }
}

/// What a message conveys.
#[derive(Clone, Debug, PartialEq)]
pub enum Conveyed {
    /// A location object.
    Value(Presence),
    /// Where one is to be had.
    Reference(LocationUri),
}

/// What a message conveys: the first location of its `Geolocation` header, found in its body where it is given by value.
///
/// # Errors
/// [`GeolocationFault`].
pub fn conveyed(geolocation: &str, content_type: &str, body: &[u8]) -> Result<Conveyed, GeolocationFault> {
    let uris = read_geolocation(geolocation)?;
    // A location in hand is worth more than one that has to be fetched.
    let value = uris.iter().find_map(|u| match u {
        LocationUri::Value(id) => Some(id),
        _ => None,
    });
    let Some(id) = value else {
        return uris.into_iter().next().map(Conveyed::Reference).ok_or(GeolocationFault::Format);
    };
    if !media_type(content_type).starts_with("multipart/") {
        return Err(GeolocationFault::NoSuchPart);
    }
    let parts = parts(content_type, body)?;
    let named = |p: &&Part<'_>| p.content_id.as_ref() == Some(id);
    let part = parts.iter().find(named).ok_or(GeolocationFault::NoSuchPart)?;
    if media_type(&part.content_type) != pidf::MEDIA_TYPE {
        return Err(GeolocationFault::NoSuchPart);
    }
    let charset = super::multipart::parameter(&part.content_type, "charset");
    Ok(Conveyed::Value(Presence::parse(part.body, charset.as_deref())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_written() {
        let uris =
            read_geolocation("<cid:a%25b@x>;inserted-by=\"p\" , <sips:3sdefrhy2jj7@lis.example>").unwrap();
        assert_eq!(uris[0], LocationUri::Value("a%b@x".into()));
        assert_eq!(uris[1], LocationUri::Subscribe("sips:3sdefrhy2jj7@lis.example".into()));
        assert_eq!(write_geolocation(&uris), "<cid:a%25b@x>, <sips:3sdefrhy2jj7@lis.example>");
        for wrong in
            ["", "cid:a", "<cid:a", "<cid:>", "<a>", "<cid:a>,", "<cid:a> <cid:b>", "<cid:%zz>", "<cid:%é1>"]
        {
            assert_eq!(read_geolocation(wrong), Err(GeolocationFault::Format), "{wrong}");
        }
        assert_eq!(read_geolocation("<ftp:a>"), Err(GeolocationFault::Scheme));
        assert_eq!(read_geolocation(&vec!["<cid:a>"; 100].join(",")), Err(GeolocationFault::TooMany));
        assert!(
            may_route(Some("Yes")) && !may_route(Some("no")) && !may_route(None) && !may_route(Some("x"))
        );
        for error in LocationError::ALL {
            assert_eq!(LocationError::read(&error.header()), Some(error));
        }
        assert_eq!(LocationError::read("299 ;code=\"x\""), Some(LocationError::Permission));
        assert_eq!(LocationError::read("999999"), None);
    }
}
