//! Positions of targets (MLP 3.5 §5.2.2, location elements).

use super::identity::{EmergencyKey, Msid};
use super::network::{GsmNetParam, ServingCell, ServingNode};
use super::result::{PosErr, Verdict};
use super::shape::{CircularArea, EllipticalArea, Point, Shape};
use super::values::{Private, Signed, Span, Time};
use crate::base::Utc;
use crate::le::mlp::codes::ResultCode;
use crate::le::mlp::schema::{Element, Group, Read, choice, element, tokens};
use crate::le::mlp::version::Version;
use crate::le::mlp::xml::tree::Node;
use crate::le::mlp::xml::writer::Writer;

element! {
    /// `pos`: what became of one target.
    pub struct Pos {
        /// How the position was found.
        attr_opt method: PosMethod = "pos_method", since V3_2;
        /// Whether better ones follow.
        attr result: ResultType = "result_type", since V3_3;
        /// The target.
        one msid: Msid = "msid";
        /// Position or reason.
        choice outcome: Outcome;
        /// Network parameters.
        opt gsm_net_param: GsmNetParam = "gsm_net_param";
        /// The client's name for this positioning.
        opt trans_id: String = "trans_id", since V3_2;
        /// More about it.
        opt add_info: String = "add_info", since V3_4;
        /// Which methods took part.
        many positioning_data: PositioningData = "positioning_data", since V3_5;
    }
}

element! {
    /// `eme_pos`: what became of the target of an emergency request.
    pub struct EmePos, gated by EmePos::one_identity {
        /// How the position was found.
        attr_opt method: PosMethod = "pos_method", since V3_2;
        /// Whether better ones follow.
        attr result: ResultType = "result_type", since V3_3;
        /// Identities of the target, the first of which an old client gets.
        many msids: Msid = "msid", min 1;
        /// Position or reason.
        choice_opt outcome: Outcome;
        /// Number that led the call.
        opt esrd: EmergencyKey = "esrd";
        /// Key of the call.
        opt esrk: EmergencyKey = "esrk";
        /// The client's name for this positioning.
        opt trans_id: String = "trans_id", since V3_2;
        /// Serving cell.
        opt serving_cell: ServingCell = "serving_cell", since V3_4;
        /// Serving node.
        opt serving_node: ServingNode = "target_serving_node", since V3_4;
        /// Name of the position, for another request.
        opt location_id: Private = "location_id", since V3_5;
        /// Which methods took part.
        many positioning_data: PositioningData = "positioning_data", since V3_5;
    }
}

element! {
    /// `trl_pos`: one report about one target of a triggered request.
    pub struct TrlPos, gated by TrlPos::named {
        /// What triggered it.
        attr_req trigger: TrlTrigger = "trl_trigger";
        /// How the position was found.
        attr_opt method: PosMethod = "pos_method", since V3_2;
        /// The target; may stay unnamed in 3.5.
        opt msid: Msid = "msid";
        /// The others of a distance event.
        many reference_objects: ReferenceObject = "reference_object", since V3_4;
        /// Position, reason, time alone, or statistics.
        choice outcome: TrlOutcome;
        /// Which methods took part.
        many positioning_data: PositioningData = "positioning_data", since V3_5;
    }
}

choice! {
    /// Position or reason.
    pub enum Outcome {
        /// The position.
        Position(Box<Pd>) = "pd";
        /// A URI under which it can be had.
        LocationUri(Private) = "location_uri", since V3_5;
        /// Why there is none.
        Error(PosErr) = "poserr";
    }
    or Outcome::unsayable
}

choice! {
    /// What a triggered report says.
    pub enum TrlOutcome {
        /// The position.
        Position(Box<Pd>) = "pd";
        /// Why there is none.
        Error(PosErr) = "poserr";
        /// When the event was, where positions were not asked for.
        Time(Time) = "time", since V3_2;
        /// Statistics.
        Analytic(AnalyticData) = "analytic_data", since V3_5;
    }
    or TrlOutcome::unsayable
}

fn unsayable(time: Time) -> PosErr {
    PosErr { verdict: Verdict::new(ResultCode::PROTOCOL_ELEMENT_NOT_SUPPORTED), time }
}

impl Outcome {
    /// A client is told of what its version cannot be told.
    #[allow(clippy::unnecessary_wraps)]
    fn unsayable(&mut self, _to: Version) -> bool {
        let time = match self {
            Self::Position(pd) => pd.time,
            Self::LocationUri(_) => Time::utc(Utc::from_unix_s(0)),
            Self::Error(error) => error.time,
        };
        *self = Self::Error(unsayable(time));
        true
    }
}

impl TrlOutcome {
    fn unsayable(&mut self, _to: Version) -> bool {
        let time = match self {
            Self::Position(pd) => pd.time,
            Self::Error(error) => error.time,
            Self::Time(time) => *time,
            Self::Analytic(data) => data.time,
        };
        *self = Self::Error(unsayable(time));
        true
    }
}

impl EmePos {
    /// Before 3.2 there is one identity and always an outcome.
    fn one_identity(&mut self, to: Version) {
        if to >= Version::V3_2 {
            return;
        }
        self.msids.truncate(1);
        self.outcome.get_or_insert_with(|| {
            let verdict = Verdict::new(ResultCode::UNSPECIFIED_ERROR);
            Outcome::Error(PosErr { verdict, time: Time::utc(Utc::from_unix_s(0)) })
        });
    }
}

impl TrlPos {
    /// Before 3.5 every target has a name.
    fn named(&mut self, to: Version) {
        if to < Version::V3_5 && self.msid.is_none() {
            self.msid = Some(Msid::new(super::identity::MsidType::Anonymous, "anonymous"));
        }
    }
}

element! {
    /// `reference_object`.
    pub struct ReferenceObject {
        /// Who.
        one msid: Msid = "msid";
    }
}

element! {
    /// `positioning_data`: a method that took part.
    #[derive(Copy, Default)]
    pub struct PositioningData {
        /// Method.
        attr_opt method: PosMethod = "positioning_method";
        /// Who computed.
        attr_opt mode: PositioningMode = "positioning_mode";
        /// Constellation.
        attr_opt ganss_id: GanssId = "ganss_id";
    }
}

tokens! {
    /// How a position was found.
    pub enum PosMethod {
        /// Cell.
        Cell = "CELL";
        /// Observed time difference of arrival.
        Otdoa = "OTDOA";
        /// GPS alone.
        Gps = "GPS";
        /// Assisted GPS alone.
        AGps = "A-GPS";
        /// GNSS with another constellation than GPS. Before 3.4 there was one word for satellites.
        Gnss = "GNSS", since V3_4 else Gps;
        /// Assisted GNSS with another constellation than GPS.
        AGnss = "A-GNSS", since V3_4 else AGps;
        /// Enhanced observed time difference.
        Eotd = "E-OTD";
        /// Uplink time difference of arrival.
        Utdoa = "U-TDOA";
        /// Advanced forward link trilateration.
        Aflt = "AFLT";
        /// Enhanced forward link trilateration.
        Eflt = "EFLT";
        /// Enhanced cell.
        Ecid = "E-CID", since V3_4 else Cell;
        /// Barometer.
        Baro = "BARO", since V3_5 else Other;
        /// Bluetooth.
        Bluetooth = "BT", since V3_5 else Other;
        /// Metropolitan beacons.
        Mbs = "MBS", since V3_5 else Other;
        /// WLAN.
        Wlan = "WLAN", since V3_5 else Other;
        /// Enhanced cell of 5G.
        NrEcid = "NR_E-CID", since V3_5 else Cell;
        /// Several round trip times.
        MultiRtt = "Multi-RTT", since V3_5 else Other;
        /// Downlink angle of departure.
        DlAod = "DL-AoD", since V3_5 else Other;
        /// Downlink time difference of arrival.
        DlTdoa = "DL-TDOA", since V3_5 else Otdoa;
        /// Uplink time difference of arrival of 5G.
        UlTdoa = "UL-TDOA", since V3_5 else Utdoa;
        /// Uplink angle of arrival.
        UlAoa = "UL-AoA", since V3_5 else Other;
        /// Not known.
        Unknown = "UNKNOWN";
        /// Another.
        Other = "OTHER";
    }
}

tokens! {
    /// Whether better ones follow.
    pub enum ResultType default Final {
        /// They may.
        Intermediate = "INTERMEDIATE";
        /// No.
        Final = "FINAL";
    }
}

tokens! {
    /// Who computed a position from what.
    pub enum PositioningMode {
        /// The handset.
        UeBased = "UE-BASED";
        /// The network, from the handset's measurements.
        UeAssisted = "UE-ASSISTED";
        /// The handset, without help.
        Conventional = "CONVENTIONAL";
    }
}

tokens! {
    /// Constellations.
    pub enum GanssId {
        /// Galileo.
        Galileo = "GALILEO";
        /// SBAS.
        Sbas = "SBAS";
        /// Modernised GPS.
        ModernizedGps = "MODERNIZED-GPS";
        /// QZSS.
        Qzss = "QZSS";
        /// GLONASS.
        Glonass = "GLONASS";
        /// BeiDou.
        Bds = "BDS";
        /// NavIC.
        NavIc = "NavIC";
        /// Not known.
        Unknown = "UNKNOWN";
        /// Another.
        Other = "OTHER";
    }
}

tokens! {
    /// What triggered a report.
    pub enum TrlTrigger {
        /// The interval.
        Periodic = "PERIODIC";
        /// The target became available.
        MsAvail = "MS_AVAIL";
        /// An area.
        ChangeArea = "CHANGE_AREA", since V3_2;
        /// A speed.
        Velocity = "VELOCITY", since V3_4;
        /// A distance from others.
        Distance = "DISTANCE", since V3_4;
        /// A distance covered.
        Equidistance = "EQUIDISTANCE", since V3_4;
        /// An access or local network.
        AlnEvent = "ALN_EVENT", since V3_5;
    }
}

element! {
    /// `pd`: a position. `convert::position` makes one from a `LocationEstimate` and reads one as such.
    pub struct Pd {
        /// When the target was there.
        one time: Time = "time";
        /// Where.
        group place: Place;
        /// A map.
        opt map: MapData = "MapData", since V3_3;
        /// Altitude and its uncertainty.
        group_opt altitude: Altitude;
        /// Speed over ground, m/s.
        opt speed: f64 = "speed";
        /// Direction of movement, degrees from north.
        opt direction: f64 = "direction";
        /// Confidence that the target is within the shape, per cent.
        opt confidence: f64 = "lev_conf";
        /// The quality asked for was not met.
        flag qos_not_met: bool = "qos_not_met", since V3_2;
        /// How the target moves.
        opt motion: MotionStateList = "MotionStateList", since V3_4;
        /// Floor and its uncertainty.
        group_opt floor: Floor, since V3_5;
        /// Pressure, pascal.
        opt pressure: f64 = "uncompensatedBarometricPressure", since V3_5;
    }
}

/// Where: a shape, an address, both, or a place relative to a reference point.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "a document lives for a moment, and most hold the large one")]
pub enum Place {
    /// A shape, and an address where known (since 3.3).
    Shape(Shape, Option<CivicLoc>),
    /// An address (since 3.3).
    Civic(CivicLoc),
    /// Relative to a reference point (since 3.5).
    Relative(RelativeLocation),
}

impl Group for Place {
    const NAME: &'static str = "shape";

    fn take(parent: Node<'_>) -> Read<Option<Self>> {
        let civic = parent.opt("civicloc")?;
        Ok(match (parent.opt("shape")?, civic) {
            (Some(shape), civic) => Some(Self::Shape(shape, civic)),
            (None, Some(civic)) => Some(Self::Civic(civic)),
            (None, None) => parent.opt("relativelocation")?.map(Self::Relative),
        })
    }

    fn put(&self, out: &mut Writer) {
        match self {
            Self::Shape(shape, civic) => {
                Element::write(shape, "shape", out);
                if let Some(civic) = civic {
                    civic.write("civicloc", out);
                }
            }
            Self::Civic(civic) => civic.write("civicloc", out),
            Self::Relative(place) => place.write("relativelocation", out),
        }
    }

    fn gate(&mut self, to: Version) -> bool {
        match self {
            Self::Shape(shape, civic) => {
                if to < Version::V3_3 || !civic.as_mut().is_some_and(|c| c.gate(to)) {
                    *civic = None;
                }
                Element::gate(shape, to)
            }
            Self::Civic(civic) => to >= Version::V3_3 && civic.gate(to),
            Self::Relative(_) => to >= Version::V3_5,
        }
    }
}

/// `alt` and `alt_unc`, which was `alt_acc` before 3.2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Altitude {
    /// Metres above the ellipsoid.
    pub metres: Signed,
    /// Its uncertainty, metres.
    pub uncertainty: Option<f64>,
}

impl Group for Altitude {
    const NAME: &'static str = "alt";

    fn take(parent: Node<'_>) -> Read<Option<Self>> {
        let Some(metres) = parent.opt("alt")? else { return Ok(None) };
        let uncertainty = match parent.opt("alt_unc")? {
            None => parent.opt("alt_acc")?,
            known => known,
        };
        Ok(Some(Self { metres, uncertainty }))
    }

    fn put(&self, out: &mut Writer) {
        self.metres.write("alt", out);
        if let Some(uncertainty) = &self.uncertainty {
            let old = out.version() < Version::V3_2;
            uncertainty.write(if old { "alt_acc" } else { "alt_unc" }, out);
        }
    }

    fn gate(&mut self, _to: Version) -> bool {
        true
    }
}

/// `floor_number` and `floor_number_unc`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floor {
    /// 0 is the ground floor.
    pub number: Signed,
    /// Its uncertainty, floors.
    pub uncertainty: Option<f64>,
}

impl Group for Floor {
    const NAME: &'static str = "floor_number";

    fn take(parent: Node<'_>) -> Read<Option<Self>> {
        let Some(number) = parent.opt("floor_number")? else { return Ok(None) };
        Ok(Some(Self { number, uncertainty: parent.opt("floor_number_unc")? }))
    }

    fn put(&self, out: &mut Writer) {
        self.number.write("floor_number", out);
        if let Some(uncertainty) = &self.uncertainty {
            uncertainty.write("floor_number_unc", out);
        }
    }

    fn gate(&mut self, _to: Version) -> bool {
        true
    }
}

element! {
    /// `civicloc`: an address.
    pub struct CivicLoc {
        /// Language.
        attr_opt lang: String = "xml:lang";
        /// Its parts, each kind once.
        many elements: CivicElement = "civicloc_element", min 1;
    }
}

element! {
    /// `civicloc_element`.
    pub struct CivicElement {
        /// Which part.
        attr_req kind: CivicType = "element_type";
        /// Language.
        attr_opt lang: String = "xml:lang";
        /// IANA's name, where the part is `IANA`.
        attr_opt iana_type: String = "iana_type", since V3_5;
        /// The text.
        text value: Private;
    }
}

macro_rules! civic_types {
    ($($variant:ident = $text:literal $(, since $since:ident)?);* $(;)?) => {
        tokens! {
            /// Parts of an address, as RFC 5139 and RFC 6848 name them.
            #[allow(missing_docs)]
            pub enum CivicType {
                $( $variant = $text $(, since $since)?; )*
            }
        }
    };
}

civic_types! {
    Country = "COUNTRY"; A1 = "A1"; A2 = "A2"; A3 = "A3"; A4 = "A4"; A5 = "A5"; A6 = "A6"; Prd = "PRD"; Pod = "POD";
    Sts = "STS"; Hno = "HNO"; Hns = "HNS"; Lmk = "LMK"; Loc = "LOC"; Flr = "FLR"; Nam = "NAM"; Pc = "PC"; Bld = "BLD";
    Unit = "UNIT"; Room = "ROOM"; Plc = "PLC"; Pcn = "PCN"; PoBox = "POBOX"; AddCode = "ADDCODE"; Seat = "SEAT";
    Rd = "RD"; RdSec = "RDSEC"; RdBr = "RDBR"; RdSubBr = "RDSUBBR"; Prm = "PRM"; Pom = "POM";
    Pn = "PN", since V3_5; Mp = "MP", since V3_5; Stp = "STP", since V3_5; Hnp = "HNP", since V3_5;
    Stps = "STPS", since V3_5; Lmkp = "LMKP", since V3_5; VenueName = "VENUE_NAME", since V3_5;
    VenueId = "VENUE_ID", since V3_5; VenueSpecificName = "VENUE_SPECIFIC_NAME", since V3_5; Iana = "IANA", since V3_5;
}

/// `MapData`: a map, or its address.
#[derive(Clone, Debug, PartialEq)]
pub enum MapData {
    /// Base64.
    Map(Private),
    /// An address.
    Url(Private),
}

impl Element for MapData {
    fn read(node: Node<'_>) -> Read<Self> {
        let map = if let Some(map) = node.opt("Base64Map")? {
            Self::Map(map)
        } else if let Some(url) = node.opt("url")? {
            Self::Url(url)
        } else {
            Self::Url(node.one("Url")?)
        };
        node.finish()?;
        Ok(map)
    }

    /// The 3.5 DTD spells the address with a capital.
    fn write(&self, name: &'static str, out: &mut Writer) {
        out.open(name);
        match self {
            Self::Map(map) => map.write("Base64Map", out),
            Self::Url(url) => url.write(if out.version() >= Version::V3_5 { "Url" } else { "url" }, out),
        }
        out.close(name);
    }

    fn gate(&mut self, _to: Version) -> bool {
        true
    }
}

element! {
    /// `MotionStateList`.
    pub struct MotionStateList {
        /// The main one.
        one primary: MotionState = "PrimaryMotionState";
        /// Others.
        many secondary: MotionState = "SecondaryMotionState";
        /// Confidence.
        one confidence: String = "Confidence";
    }
}

element! {
    /// `PrimaryMotionState` or `SecondaryMotionState`.
    pub struct MotionState {
        /// LPPe's name of it.
        one state: String = "MotionState";
    }
}

element! {
    /// `relativelocation`.
    pub struct RelativeLocation {
        /// Where, relative to the reference point.
        choice place: RelativePlace;
        /// The reference point.
        opt reference: ReferencePoint = "ReferencePoint";
    }
}

choice! {
    /// A relative place.
    pub enum RelativePlace {
        /// A point.
        Point(Point) = "Point";
        /// A circle.
        CircularArea(CircularArea) = "CircularArea";
        /// An ellipse.
        EllipticalArea(EllipticalArea) = "EllipticalArea";
    }
}

element! {
    /// `ReferencePoint`.
    pub struct ReferencePoint {
        /// Its identity.
        attr_req id: String = "referencepoint_id";
        /// Its name.
        attr_opt name: String = "referencepoint_name";
        /// Where it is.
        opt point: Point = "Point";
        /// Its address.
        opt civic: CivicLoc = "civicloc";
        /// Its floor.
        opt floor: Signed = "floor_number";
    }
}

element! {
    /// `analytic_data`.
    pub struct AnalyticData {
        /// Of when.
        one time: Time = "time";
        /// How many targets.
        one counts: Counts = "num_of_ms";
        /// How long they stayed.
        opt dwell: DwellTime = "dwell_time";
    }
}

element! {
    /// `num_of_ms`.
    pub struct Counts {
        /// At the beginning.
        opt start: u32 = "num_start";
        /// That came.
        one entered: u32 = "num_entered";
        /// That left.
        one left: u32 = "num_left";
        /// On average.
        opt mean: f64 = "num_mean";
        /// Standard deviation.
        opt std_dev: f64 = "num_std_dev";
    }
}

element! {
    /// `dwell_time`.
    pub struct DwellTime {
        /// On average.
        one mean: Duration = "mean_dwell_time";
        /// Standard deviation.
        opt std_dev: Duration = "dwell_time_std_dev";
    }
}

element! {
    /// `mean_dwell_time` or `dwell_time_std_dev`.
    pub struct Duration {
        /// The span.
        one duration: Span = "duration";
    }
}

#[cfg(test)]
mod samples {
    use super::*;
    use crate::le::mlp::sample::{Sample, Source};

    impl Sample for Place {
        fn sample(from: &mut Source) -> Self {
            match from.below(4) {
                0 => Self::Civic(Sample::sample(from)),
                1 => Self::Relative(Sample::sample(from)),
                _ => Self::Shape(Sample::sample(from), from.opt()),
            }
        }
    }

    impl Sample for Altitude {
        fn sample(from: &mut Source) -> Self {
            Self { metres: Sample::sample(from), uncertainty: from.opt() }
        }
    }

    impl Sample for Floor {
        fn sample(from: &mut Source) -> Self {
            Self { number: Sample::sample(from), uncertainty: from.opt() }
        }
    }

    impl Sample for MapData {
        fn sample(from: &mut Source) -> Self {
            if from.below(2) == 0 {
                Self::Map("R0lGODlh".into())
            } else {
                Self::Url("http://m.example/?a=1&b=2".into())
            }
        }
    }
}
