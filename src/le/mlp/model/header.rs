//! The header: who asks (MLP 3.5 §5.2.2, context and header elements).

use super::values::Private;
use crate::le::mlp::schema::{Token, element, tokens};
use crate::le::mlp::xml::writer::Writer;

element! {
    /// `hdr`: mandatory in requests, optional in answers and reports.
    #[derive(Default)]
    pub struct Header: versioned {
        /// The login: who has the contract with the server. A request without it has a session.
        opt client: Client = "client";
        /// A session that the server gave out earlier, in place of a login; or, beside a login, the dialled number or APN.
        opt session_id: Private = "sessionid";
        /// Resellers between the client and whoever asks.
        many subclients: Subclient = "subclient";
        /// Who really asks; the target may be told.
        opt requestor: Requestor = "requestor";
        /// The shapes that the client can take.
        opt supported_shapes: SupportedShapes = "supported_shapes", since V3_5;
        /// What the client wishes the target to be told and asked.
        opt privacy_action: PrivacyAction = "serving_node_privacy_action", since V3_5;
    }
}

element! {
    /// `client`.
    pub struct Client {
        /// Login.
        one id: String = "id";
        /// Password.
        opt password: Private = "pwd";
        /// The service on whose behalf the request is made.
        opt service_id: String = "serviceid";
        /// Whether the target itself is using the service now.
        opt request_mode: RequestModeElement = "requestmode";
        /// The application behind the service.
        opt application_id: ApplicationId = "applicationid", since V3_4;
    }
}

element! {
    /// `requestmode`.
    #[derive(Copy)]
    pub struct RequestModeElement {
        /// The mode.
        attr mode: RequestMode = "type";
    }
}

tokens! {
    /// Whether the target is an active user of the service.
    pub enum RequestMode default Passive {
        /// The target is using the service now.
        Active = "ACTIVE";
        /// It is not.
        Passive = "PASSIVE";
    }
}

element! {
    /// `applicationid`.
    pub struct ApplicationId {
        /// Provider, 1 to 24 characters.
        attr_req provider: String = "appProvider";
        /// Name, 1 to 32 characters.
        attr_req name: String = "appName";
        /// Version, 1 to 8 characters.
        attr_opt version: String = "appVersion";
    }
}

element! {
    /// `subclient`.
    pub struct Subclient {
        /// Whether this is the last of the chain.
        attr last: YesNo = "last_client";
        /// Name.
        one id: String = "id";
        /// Password.
        opt password: Private = "pwd";
        /// Service.
        opt service_id: String = "serviceid";
    }
}

tokens! {
    /// `YES` or `NO`.
    pub enum YesNo default No {
        /// Yes.
        Yes = "YES";
        /// No.
        No = "NO";
    }
}

element! {
    /// `requestor`.
    pub struct Requestor {
        /// What the identity is.
        attr kind: RequestorType = "type", since V3_2;
        /// The identity.
        one id: Private = "id";
        /// Service.
        opt service_id: String = "serviceid";
    }
}

tokens! {
    /// What identifies a requestor.
    pub enum RequestorType default Msisdn {
        /// Telephone number.
        Msisdn = "MSISDN";
        /// Subscriber identity.
        Imsi = "IMSI";
        /// Logical name.
        Name = "NAME";
        /// Mail address.
        Email = "E-MAIL";
        /// URL.
        Url = "URL";
        /// SIP URI.
        SipUrl = "SIPURL";
        /// IMS public identity.
        Ims = "IMS";
        /// Mobile directory number.
        Mdn = "MDN";
        /// Anonymous subscriber identity.
        Asid = "ASID";
        /// Identity given by an application server.
        Aspid = "ASPID";
    }
}

/// How much a client likes a shape, 0 (not supported) to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Default)]
pub struct Preference(f32);

impl Preference {
    /// From a number; `None` outside of 0 to 1.
    pub fn new(value: f32) -> Option<Self> {
        (0.0..=1.0).contains(&value).then_some(Self(value))
    }

    /// The number.
    pub const fn value(self) -> f32 {
        self.0
    }
}

impl Token for Preference {
    fn parse(text: &str) -> Option<Self> {
        super::values::decimal(text).ok().and_then(|v| Self::new(v as f32))
    }
    fn print(&self, out: &mut Writer) {
        out.plain(format_args!("{}", self.0));
    }
}

element! {
    /// `supported_shapes`: preference per shape. A header without it gives no information.
    #[derive(Default)]
    pub struct SupportedShapes {
        /// Point.
        attr point: Preference = "Point";
        /// LineString.
        attr line_string: Preference = "LineString";
        /// Polygon.
        attr polygon: Preference = "Polygon";
        /// Box.
        attr rectangle: Preference = "Box";
        /// CircularArea.
        attr circular_area: Preference = "CircularArea";
        /// CircularArcArea.
        attr circular_arc_area: Preference = "CircularArcArea";
        /// EllipticalArea.
        attr elliptical_area: Preference = "EllipticalArea";
        /// MultiLineString.
        attr multi_line_string: Preference = "MultiLineString";
        /// MultiPoint.
        attr multi_point: Preference = "MultiPoint";
        /// MultiPolygon.
        attr multi_polygon: Preference = "MultiPolygon";
        /// LinearRing.
        attr linear_ring: Preference = "LinearRing";
        /// Whether an altitude is always welcome.
        attr altitude: YesNo = "Altitude";
    }
}

element! {
    /// `serving_node_privacy_action`: the client's wish; the server's policy wins.
    #[derive(Copy)]
    pub struct PrivacyAction {
        /// Where the target is not the one who asks.
        attr_req passive: PrivacyWish = "passive_type";
        /// Where it is.
        attr active: PrivacyWish = "active_type";
    }
}

tokens! {
    /// What the target is told and asked.
    pub enum PrivacyWish default PositionNotAllowed {
        /// Do not locate.
        PositionNotAllowed = "POSITION_NOT_ALLOWED";
        /// Locate without a word.
        Position = "POSITION";
        /// Tell, and locate.
        NotifyAndPosition = "NOTIFY_AND_POSITION";
        /// Ask; locate unless refused.
        PositionIfNotDisallowed = "POSITION_IF_NOT_DISALLOWED";
        /// Ask; locate only when allowed.
        PositionIfAllowed = "POSITION_IF_ALLOWED";
    }
}

impl Header {
    /// A header with a login.
    pub fn login(id: impl Into<String>, password: Option<Private>) -> Self {
        Self {
            client: Some(Client {
                id: id.into(),
                password,
                service_id: None,
                request_mode: None,
                application_id: None,
            }),
            ..Self::default()
        }
    }
}

#[cfg(test)]
impl crate::le::mlp::sample::Sample for Preference {
    fn sample(from: &mut crate::le::mlp::sample::Source) -> Self {
        Self(*from.pick(&[0.0, 0.25, 0.8, 1.0]))
    }
}
