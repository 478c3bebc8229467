//! What a SUBSCRIBE asks for beyond being notified: its filters, its list of resources, its rates.

use super::filter::{self, FilterFault, FilterSet};
use super::lists::{self, Entry, ListFault};
use super::multipart::{self, MultipartFault, media_type, parameter};
use super::rate::{NotARate, Rates};

/// What a SUBSCRIBE asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demand {
    /// Its filters; `None`: those that hold stay.
    pub filters: Option<FilterSet>,
    /// The resources of its list (RFC 5367); `None`: the one of its request URI.
    pub list: Option<Vec<Entry>>,
    /// How often it wants to be notified.
    pub rates: Rates,
}

/// Why it is not understood, or cannot be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DemandFault {
    /// The filters.
    #[error("filter: {0}")]
    Filter(#[from] FilterFault),
    /// The list.
    #[error("list: {0}")]
    List(#[from] ListFault),
    /// The body.
    #[error("body: {0}")]
    Multipart(#[from] MultipartFault),
    /// The rates.
    #[error("{0}")]
    Rate(#[from] NotARate),
    /// A body of a type that says nothing here.
    #[error("media type not supported")]
    Media,
    /// Two bodies that say the same.
    #[error("two bodies of one kind")]
    Twice,
}

impl DemandFault {
    /// The SIP status that answers.
    pub const fn status(self) -> u16 {
        match self {
            Self::Filter(f) => f.status(),
            Self::List(f) => f.status(),
            Self::Multipart(MultipartFault::Encoding) | Self::Media => 415,
            Self::Multipart(_) | Self::Rate(_) | Self::Twice => 400,
        }
    }
}

/// Media types of bodies that are understood, for `Accept` beside a 415.
pub const ACCEPT: &str = "application/simple-filter+xml, application/resource-lists+xml, multipart/mixed";

impl Demand {
    /// Reads the parameters of `Event` and the body. `most` resources of a list are taken.
    ///
    /// # Errors
    /// [`DemandFault`]
    pub fn read<'a>(
        event: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
        content_type: Option<&str>,
        body: &[u8],
        most: usize,
    ) -> Result<Self, DemandFault> {
        let mut demand = Self { rates: Rates::read(event)?, ..Self::default() };
        if body.is_empty() {
            return Ok(demand);
        }
        let content_type = content_type.ok_or(DemandFault::Media)?;
        if media_type(content_type).starts_with("multipart/") {
            for part in multipart::parts(content_type, body)? {
                demand.take(&part.content_type, part.body, most)?;
            }
        } else {
            demand.take(content_type, body, most)?;
        }
        Ok(demand)
    }

    fn take(&mut self, content_type: &str, body: &[u8], most: usize) -> Result<(), DemandFault> {
        let charset = parameter(content_type, "charset");
        let twice = match media_type(content_type).as_str() {
            filter::MEDIA_TYPE => {
                let filters = FilterSet::parse(body, charset.as_deref())?;
                self.filters.replace(filters).is_some()
            }
            lists::MEDIA_TYPE => self.list.replace(lists::read(body, charset.as_deref(), most)?).is_some(),
            _ => return Err(DemandFault::Media),
        };
        if twice { Err(DemandFault::Twice) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILTER: &str =
        "<filter-set xmlns='urn:ietf:params:xml:ns:simple-filter'><filter id='1'/></filter-set>";
    const LIST: &str = "<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists'><list><entry uri='sip:a@b'/></list>\
                        </resource-lists>";

    fn read(content_type: &str, body: &str) -> Result<Demand, DemandFault> {
        let content_type = Some(content_type).filter(|c| !c.is_empty());
        Demand::read([("max-rate", Some("0.5"))], content_type, body.as_bytes(), 10)
    }

    #[test]
    fn bodies_are_known_by_their_types() {
        let none = read("", "").unwrap();
        assert_eq!(
            (none.filters.is_some(), none.list.is_some(), none.rates.max.is_some()),
            (false, false, true)
        );
        assert!(read("Application/Simple-Filter+XML; charset=utf-8", FILTER).unwrap().filters.is_some());
        assert_eq!(read("application/resource-lists+xml", LIST).unwrap().list.unwrap().len(), 1);
        let both = format!(
            "--b\r\nContent-Type: application/resource-lists+xml\r\nContent-Disposition: recipient-list\r\n\r\n{LIST}\r\n--b\r\n\
             Content-Type: application/simple-filter+xml\r\n\r\n{FILTER}\r\n--b--\r\n"
        );
        let both = read("multipart/mixed;boundary=b", &both).unwrap();
        assert!(both.filters.is_some() && both.list.is_some());
    }

    #[test]
    fn each_fault_has_its_status() {
        let status = |content_type: &str, body: &str| read(content_type, body).unwrap_err().status();
        assert_eq!(status("", "x"), 415);
        assert_eq!(status("text/plain", "x"), 415);
        assert_eq!(status("application/simple-filter+xml", "x"), 400);
        let excluded =
            FILTER.replace("<filter id='1'/>", "<filter id='1'><what><exclude>//x</exclude></what></filter>");
        assert_eq!(status("application/simple-filter+xml", &excluded), 488);
        assert_eq!(status("application/simple-filter+xml;charset=koi8-r", FILTER), 400);
        assert_eq!(status("multipart/mixed", "x"), 400);
        let part = format!("--b\r\nContent-Type: application/simple-filter+xml\r\n\r\n{FILTER}\r\n");
        assert_eq!(
            read("multipart/mixed;boundary=b", &format!("{part}{part}--b--")),
            Err(DemandFault::Twice)
        );
        assert_eq!(Demand::read([("min-rate", Some("0"))], None, b"", 1).unwrap_err().status(), 400);
        let long = LIST.replace("<entry uri='sip:a@b'/>", "<entry uri='sip:a@b'/><entry uri='sip:c@b'/>");
        let most = Demand::read([], Some("application/resource-lists+xml"), long.as_bytes(), 1);
        assert_eq!(most.unwrap_err().status(), 413);
    }
}
