//! The documents of MLP: the union of all versions, which is 3.5's model.
//!
//! A [`Document`] is a version, a header and one [`Body`], the body of a service. Names follow the DTD; where a name of the
//! DTD says little (`prio`), the type says more ([`Priority`]). Texts that concern persons are [`Private`].

mod header;
mod identity;
mod network;
mod position;
mod quality;
mod result;
mod services;
mod shape;
mod targets;
mod trigger;
pub(crate) mod values;

pub use header::*;
pub use identity::*;
pub use network::*;
pub use position::*;
pub use quality::*;
pub use result::*;
pub use services::*;
pub use shape::*;
pub use targets::*;
pub use trigger::*;
pub use values::{Private, Signed, Span, Time};

use super::schema::{Element, Read};
use super::version::Version;
use super::xml::tree::Node;
use super::xml::writer::Writer;

/// A document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The version it was read in, or is to be written in.
    pub version: Version,
    /// Who asks; a request always has it.
    pub header: Option<Header>,
    /// What it says.
    pub body: Body,
}

impl Document {
    /// A document without a header.
    pub fn new(version: Version, body: impl Into<Body>) -> Self {
        Self { version, header: None, body: body.into() }
    }

    /// A document with a header.
    pub fn with_header(version: Version, header: Header, body: impl Into<Body>) -> Self {
        Self { version, header: Some(header), body: body.into() }
    }
}

/// Root elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Root {
    /// `svc_init`: requests.
    Init,
    /// `svc_result`: answers and reports.
    Result,
    /// `gem`: a general error message.
    Gem,
}

impl Root {
    /// Name of the element.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Init => "svc_init",
            Self::Result => "svc_result",
            Self::Gem => "gem",
        }
    }

    /// From the name of an element.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Init, Self::Result, Self::Gem].into_iter().find(|root| root.name() == name)
    }
}

macro_rules! services {
    ($( $(#[$doc:meta])* $service:ident = $name:literal, $root:ident, since $since:ident; )*) => {
        /// The bodies of documents.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Service {
            $( $(#[$doc])* $service, )*
        }

        impl Service {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$service),*];

            /// Name of the element.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$service => $name, )*
                }
            }

            /// From the name of an element.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|service| service.name() == name)
            }

            /// The root element under which it stands.
            pub const fn root(self) -> Root {
                match self {
                    $( Self::$service => Root::$root, )*
                }
            }

            /// The first version that has it.
            pub const fn since(self) -> Version {
                match self {
                    $( Self::$service => Version::$since, )*
                }
            }
        }

        /// What a document says.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Body {
            $( $(#[$doc])* $service(Box<$service>), )*
        }

        impl Body {
            /// Which service this is.
            pub const fn service(&self) -> Service {
                match self {
                    $( Self::$service(_) => Service::$service, )*
                }
            }

            pub(crate) fn read(service: Service, node: Node<'_>) -> Read<Self> {
                match service {
                    $( Service::$service => Element::read(node).map(Self::$service), )*
                }
            }

            pub(crate) fn write(&self, out: &mut Writer) {
                match self {
                    $( Self::$service(body) => body.write($name, out), )*
                }
            }

            pub(crate) fn gate(&mut self, to: Version) -> bool {
                to >= self.service().since() && match self {
                    $( Self::$service(body) => body.gate(to), )*
                }
            }

            #[cfg(test)]
            pub(crate) fn sample(service: Service, from: &mut super::sample::Source) -> Self {
                match service {
                    $( Service::$service => Self::$service(super::sample::Sample::sample(from)), )*
                }
            }
        }

        $( impl From<$service> for Body {
            fn from(body: $service) -> Self {
                Self::$service(Box::new(body))
            }
        } )*
    };
}

services! {
    /// Standard location immediate request.
    Slir = "slir", Init, since V3_0;
    /// Emergency location immediate request.
    EmeLir = "eme_lir", Init, since V3_0;
    /// Triggered location reporting request.
    Tlrr = "tlrr", Init, since V3_0;
    /// Triggered location reporting stop request.
    Tlrsr = "tlrsr", Init, since V3_0;
    /// Historic location immediate request.
    Hlir = "hlir", Init, since V3_3;
    /// Triggered location reporting query request.
    Tlrqr = "tlrqr", Init, since V3_4;
    /// Standard location immediate answer.
    Slia = "slia", Result, since V3_0;
    /// Standard location immediate report.
    Slirep = "slirep", Result, since V3_0;
    /// Standard location report.
    Slrep = "slrep", Result, since V3_0;
    /// Standard location report answer.
    Slra = "slra", Result, since V3_3;
    /// Emergency location immediate answer.
    EmeLia = "eme_lia", Result, since V3_0;
    /// Emergency location report.
    Emerep = "emerep", Result, since V3_0;
    /// Emergency location immediate report.
    EmeLirep = "eme_lirep", Result, since V3_2;
    /// Triggered location reporting answer.
    Tlra = "tlra", Result, since V3_0;
    /// Triggered location report.
    Tlrep = "tlrep", Result, since V3_0;
    /// Triggered location reporting stop answer.
    Tlrsa = "tlrsa", Result, since V3_0;
    /// Historic location immediate answer.
    Hlia = "hlia", Result, since V3_3;
    /// Historic location immediate report.
    Hlirep = "hlirep", Result, since V3_3;
    /// Triggered location reporting pause report.
    Tlrpr = "tlrpr", Result, since V3_4;
    /// Triggered location reporting query answer.
    Tlrqa = "tlrqa", Result, since V3_4;
    /// Triggered location reporting query report.
    Tlqrep = "tlqrep", Result, since V3_4;
    /// General error message.
    Gem = "gem", Gem, since V3_0;
}

impl Service {
    /// Whether it is a client's request.
    pub const fn is_request(self) -> bool {
        matches!(self.root(), Root::Init)
    }
}

impl Body {
    /// The answer that refuses a whole request of this service; a general error message for what is no request.
    pub fn refusal(service: Service, verdict: Verdict) -> Self {
        match service {
            Service::Slir => Slia { answer: Answer::Refused(verdict) }.into(),
            Service::EmeLir => EmeLia { answer: Answer::Refused(verdict) }.into(),
            Service::Tlrr => Tlra { answer: TlrAnswer::Refused(verdict) }.into(),
            Service::Tlrsr => Tlrsa { answer: StopAnswer::Refused(verdict) }.into(),
            Service::Hlir => Hlia { answer: Answer::Refused(verdict) }.into(),
            Service::Tlrqr => Tlrqa { answer: QueryAnswer::Refused(verdict) }.into(),
            Service::Slrep => Slra { verdict }.into(),
            _ => Gem { verdict }.into(),
        }
    }
}
