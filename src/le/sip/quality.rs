//! The quality of location that a subscriber asks for.
//!
//! How LOCSIP 1.0 itself encodes it could not be looked up. What stands here is the `quality` element of the IETF's work on location
//! quality for HELD and for filters (draft-thomson-geopriv-location-quality), taken by its local names and therefore of any version
//! of its namespace, and HELD's `responseTime` (RFC 5985 §6.1), both as extensions of a filter or its `what`. The quality is echoed
//! in the same element of the location object, with an attribute of this server's own, `met`, that says whether the position has
//! it.

use std::time::Duration;

use super::filter::{FilterFault, LOCATION_FILTER, SIMPLE_FILTER};
use super::pidf::{names, read_number, write_number};
use crate::base::QualityOfPosition;
use crate::le::xml::{Node, Writer};
use crate::service::QosClass;

/// The namespace in which the quality is echoed.
pub(crate) const LOCATION_QUALITY: &str = "urn:ietf:params:xml:ns:geopriv:lq";

/// A quality of location.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quality {
    /// How exact, how young, how soon.
    pub qop: QualityOfPosition,
    /// The confidence that the accuracy is meant at, per cent; 95 when none was said.
    pub confidence: Option<f64>,
    /// What becomes of a position that misses it.
    pub qos_class: QosClass,
}

impl Quality {
    /// Reads an extension of a filter; `None` for one that says nothing of quality.
    ///
    /// # Errors
    /// [`FilterFault::Format`] for a number that is none.
    pub(crate) fn read(node: Node<'_>) -> Result<Option<Self>, FilterFault> {
        if matches!(node.space(), SIMPLE_FILTER | LOCATION_FILTER) {
            return Ok(None);
        }
        let mut quality = Self::default();
        match node.name() {
            "quality" => {
                quality.qos_class = match node.attribute("class") {
                    Some("assured") => QosClass::Assured,
                    _ => QosClass::BestEffort,
                };
                if matches!(node.attribute("strict"), Some("true" | "1")) {
                    quality.qos_class = QosClass::Assured;
                }
                for child in node.children() {
                    quality.part(child)?;
                }
                Ok(Some(quality))
            }
            "maxUncertainty" | "maxAge" | "responseTime" => {
                quality.part(node)?;
                Ok(Some(quality))
            }
            _ => Ok(None),
        }
    }

    fn part(&mut self, node: Node<'_>) -> Result<(), FilterFault> {
        let metres = |n: Node<'_>| {
            read_number(n.text()).filter(|v| (0.0..=2.1e7).contains(v)).ok_or(FilterFault::Format("quality"))
        };
        match node.name() {
            "maxUncertainty" => {
                self.confidence = match node.attribute("confidence") {
                    None => None,
                    Some(text) => {
                        let percent = read_number(text).filter(|p| *p > 0.0 && *p < 100.0);
                        Some(percent.ok_or(FilterFault::Format("quality"))?)
                    }
                };
                for child in node.children() {
                    match child.name() {
                        "horizontal" => self.qop.horizontal_m = Some(metres(child)?),
                        "vertical" => self.qop.vertical_m = Some(metres(child)?),
                        _ => {}
                    }
                }
            }
            "maxAge" => self.qop.max_age = Some(time(node.text(), 1.0)?),
            // HELD counts in milliseconds, and has two names for what an emergency wants.
            "responseTime" => {
                self.qop.response_time = Some(match node.text() {
                    "emergencyRouting" => Duration::ZERO,
                    "emergencyDispatch" => Duration::from_secs(30),
                    text => time(text, 1000.0)?,
                });
            }
            _ => {}
        }
        Ok(())
    }

    /// What this asks for beside what an older request asked for.
    #[must_use]
    pub fn or(self, older: Self) -> Self {
        Self {
            qop: QualityOfPosition {
                horizontal_m: self.qop.horizontal_m.or(older.qop.horizontal_m),
                vertical_m: self.qop.vertical_m.or(older.qop.vertical_m),
                max_age: self.qop.max_age.or(older.qop.max_age),
                response_time: self.qop.response_time.or(older.qop.response_time),
            },
            confidence: self.confidence.or(older.confidence),
            qos_class: if self.qos_class == QosClass::Assured { self.qos_class } else { older.qos_class },
        }
    }

    /// Writes it into a location object.
    pub(crate) fn write(&self, met: bool, out: &mut Writer) {
        out.open("lq:quality").attribute("xmlns:lq", LOCATION_QUALITY);
        if self.qos_class == QosClass::Assured {
            out.attribute("class", "assured");
        }
        out.attribute("met", if met { "true" } else { "false" });
        if self.qop.horizontal_m.is_some() || self.qop.vertical_m.is_some() {
            out.open("lq:maxUncertainty");
            if let Some(percent) = self.confidence {
                out.attribute("confidence", &write_number(percent));
            }
            if let Some(metres) = self.qop.horizontal_m {
                out.leaf("lq:horizontal", &write_number(metres));
            }
            if let Some(metres) = self.qop.vertical_m {
                out.leaf("lq:vertical", &write_number(metres));
            }
            out.close();
        }
        if let Some(age) = self.qop.max_age {
            out.leaf("lq:maxAge", &write_number(age.as_secs_f64()));
        }
        if let Some(time) = self.qop.response_time {
            out.open("responseTime").attribute("xmlns", names::HELD);
            out.text(&time.as_millis().to_string()).close();
        }
        out.close();
    }
}

/// A time in units of 1/`per_second` s, up to a year.
fn time(text: &str, per_second: f64) -> Result<Duration, FilterFault> {
    let seconds = read_number(text).map(|v| v / per_second).filter(|s| (0.0..=31_536_000.0).contains(s));
    seconds.map(Duration::from_secs_f64).ok_or(FilterFault::Format("quality"))
}
