//! Events of triggered requests (MLP 3.5 §5.2.2, function elements).

use super::position::{CivicLoc, ReferenceObject};
use super::shape::Shape;
use super::values::{Private, Span};
use crate::le::mlp::fault::{FaultKind, ParseFault};
use crate::le::mlp::schema::{Choice, Element, Read, choice, element, tokens};
use crate::le::mlp::version::Version;
use crate::le::mlp::xml::tree::Node;
use crate::le::mlp::xml::writer::Writer;

element! {
    /// `tlrr_event`.
    pub struct TlrrEvent {
        /// The event.
        choice event: Event;
        /// How many of several targets it must be true of.
        opt group_condition: GroupCondition = "group_condition", since V3_5;
        /// How long it must last.
        opt persistence: Span = "persistence", since V3_5;
    }
}

choice! {
    /// An event.
    pub enum Event {
        /// The target becomes available.
        MsAction(MsAction) = "ms_action";
        /// It crosses the border of an area, or is inside or outside of it.
        ChangeArea(ChangeArea) = "change_area", since V3_2;
        /// Its speed passes a bound.
        Velocity(VelocityEvent) = "velocity_event", since V3_4;
        /// Its distance from others passes a bound.
        Distance(DistanceEvent) = "distance_event", since V3_4;
        /// It has covered a distance.
        Equidistance(EquidistanceEvent) = "equidistance_event", since V3_4;
        /// It comes to or leaves an access or local network.
        Aln(AlnEvent) = "aln_event", since V3_5;
    }
}

element! {
    /// `ms_action`.
    #[derive(Copy)]
    pub struct MsAction {
        /// What.
        attr_req kind: MsActionType = "type";
    }
}

tokens! {
    /// What a target does.
    pub enum MsActionType {
        /// It becomes available.
        Avail = "MS_AVAIL";
    }
}

element! {
    /// `change_area`.
    pub struct ChangeArea {
        /// What happens.
        attr_req kind: AreaEvent = "type";
        /// Whether reports carry positions; otherwise only the time.
        attr_req estimates: Truth = "loc_estimates";
        /// The area.
        one area: TargetArea = "target_area";
        /// How many reports; one where absent.
        opt no_of_reports: u32 = "no_of_reports";
        /// Seconds for which a report blinds the trigger.
        opt minimum_interval: u32 = "minimumIntervalTime";
    }
}

tokens! {
    /// What happens with an area.
    pub enum AreaEvent {
        /// The target comes in.
        Entering = "MS_ENTERING";
        /// It goes out.
        Leaving = "MS_LEAVING";
        /// It is inside.
        Within = "MS_WITHIN_AREA";
        /// It is outside.
        Outside = "MS_OUTSIDE_AREA", since V3_3;
    }
}

tokens! {
    /// `TRUE` or `FALSE`.
    pub enum Truth {
        /// True.
        True = "TRUE";
        /// False.
        False = "FALSE";
    }
}

/// `target_area`.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "a document lives for a moment, and most hold the large one")]
pub enum TargetArea {
    /// A shape, and an address where given.
    Shape(Shape, Option<CivicLoc>),
    /// An address (since 3.3).
    Civic(CivicLoc),
    /// A country, by its telephone code.
    Country(String),
    /// A network.
    Plmn(Plmn),
    /// A name known to the server.
    Name(String),
}

impl Element for TargetArea {
    fn read(node: Node<'_>) -> Read<Self> {
        let civic = node.opt("civicloc")?;
        let area = match (node.opt("shape")?, civic) {
            (Some(shape), civic) => Self::Shape(shape, civic),
            (None, Some(civic)) => Self::Civic(civic),
            (None, None) => {
                if let Some(country) = node.opt("cc")? {
                    Self::Country(country)
                } else if let Some(plmn) = node.opt("plmn")? {
                    Self::Plmn(plmn)
                } else if let Some(name) = node.opt("name_area")? {
                    Self::Name(name)
                } else {
                    return Err(ParseFault::new(FaultKind::Missing, "shape"));
                }
            }
        };
        node.finish()?;
        Ok(area)
    }

    fn write(&self, name: &'static str, out: &mut Writer) {
        out.open(name);
        match self {
            Self::Shape(shape, civic) => {
                Element::write(shape, "shape", out);
                if let Some(civic) = civic {
                    civic.write("civicloc", out);
                }
            }
            Self::Civic(civic) => civic.write("civicloc", out),
            Self::Country(code) => code.write("cc", out),
            Self::Plmn(plmn) => plmn.write("plmn", out),
            Self::Name(area) => area.write("name_area", out),
        }
        out.close(name);
    }

    fn gate(&mut self, to: Version) -> bool {
        match self {
            Self::Shape(shape, civic) => {
                if to < Version::V3_3 || !civic.as_mut().is_some_and(|c| c.gate(to)) {
                    *civic = None;
                }
                Choice::gate(shape, to)
            }
            Self::Civic(civic) => to >= Version::V3_3 && civic.gate(to),
            Self::Country(_) | Self::Plmn(_) | Self::Name(_) => true,
        }
    }
}

element! {
    /// `plmn`.
    pub struct Plmn {
        /// Country, three digits.
        one mcc: String = "mcc";
        /// Network, two or three digits.
        one mnc: String = "mnc";
    }
}

element! {
    /// `velocity_event`.
    pub struct VelocityEvent {
        /// What happens.
        attr_req kind: VelocityEventType = "type";
        /// Whether reports carry velocities.
        attr_req estimates: Truth = "vel_estimates";
        /// The bound.
        one target: TargetSpeed = "target_speed";
        /// How many reports; one where absent.
        opt no_of_reports: u32 = "no_of_reports";
        /// Seconds for which a report blinds the trigger.
        opt minimum_interval: u32 = "minimumIntervalTime";
    }
}

element! {
    /// `target_speed`.
    #[derive(Copy)]
    pub struct TargetSpeed {
        /// m/s.
        one speed: f64 = "speed";
    }
}

tokens! {
    /// What happens with a speed.
    pub enum VelocityEventType {
        /// It rises above the bound.
        IncreasingAbove = "INCREASING_ABOVE";
        /// It is above.
        Above = "ABOVE";
        /// It falls below.
        DecreasingBelow = "DECREASING_BELOW";
        /// It is below.
        Below = "BELOW";
    }
}

element! {
    /// `distance_event`.
    pub struct DistanceEvent {
        /// What happens.
        attr_req kind: DistanceEventType = "type";
        /// Whether reports carry positions.
        attr_req estimates: Truth = "loc_estimates";
        /// The bound, metres.
        one distance: f64 = "target_distance";
        /// The others.
        many reference_objects: ReferenceObject = "reference_object", min 1;
        /// How many reports; one where absent.
        opt no_of_reports: u32 = "no_of_reports";
        /// Seconds for which a report blinds the trigger.
        opt minimum_interval: u32 = "minimumIntervalTime";
    }
}

tokens! {
    /// What happens with a distance.
    pub enum DistanceEventType {
        /// It falls below the bound.
        Entering = "ENTERING_DISTANCE";
        /// It rises above.
        Leaving = "LEAVING_DISTANCE";
        /// It is below.
        Within = "WITHIN_DISTANCE";
        /// It is above.
        Outside = "OUTSIDE_DISTANCE";
    }
}

element! {
    /// `equidistance_event`.
    pub struct EquidistanceEvent {
        /// Whether reports carry positions.
        attr_req estimates: Truth = "loc_estimates";
        /// The distance, metres.
        one distance: f64 = "target_equidistance";
        /// How many reports; one where absent.
        opt no_of_reports: u32 = "no_of_reports";
        /// Seconds for which a report blinds the trigger.
        opt minimum_interval: u32 = "minimumIntervalTime";
    }
}

element! {
    /// `aln_event`.
    pub struct AlnEvent {
        /// What happens.
        attr_req kind: AlnEventType = "type";
        /// Whether reports carry positions.
        attr_req estimates: Truth = "loc_estimates";
        /// The network.
        one aln: Aln = "aln";
        /// How many reports; one where absent.
        opt no_of_reports: u32 = "no_of_reports";
        /// Seconds for which a report blinds the trigger.
        opt minimum_interval: u32 = "minimumIntervalTime";
    }
}

tokens! {
    /// What happens with an access or local network.
    pub enum AlnEventType {
        /// The target comes to it.
        Entering = "MS_ENTERING";
        /// It leaves it.
        Leaving = "MS_LEAVING";
        /// It is in it.
        Within = "MS_WITHIN_AREA";
    }
}

element! {
    /// `aln`: an access or local network.
    #[derive(Default)]
    pub struct Aln {
        /// Its identity.
        opt id: AlnId = "aln_id";
        /// Its name.
        opt name: Private = "aln_name";
        /// Its nodes.
        opt nodes: AlnNodeSet = "aln_node_set";
    }
}

element! {
    /// `aln_id`.
    pub struct AlnId {
        /// What it is.
        attr_req kind: AlnIdType = "type";
        /// The identity.
        text id: Private;
    }
}

tokens! {
    /// What identifies a network.
    pub enum AlnIdType {
        /// SSID.
        Ssid = "SSID";
        /// BSSID.
        Bssid = "BSSID";
        /// Another.
        Other = "OTHER";
    }
}

element! {
    /// `aln_node_set`.
    pub struct AlnNodeSet {
        /// The nodes.
        many nodes: AlnNode = "aln_node", min 1;
    }
}

element! {
    /// `aln_node`.
    pub struct AlnNode {
        /// What it is.
        attr_req kind: AlnNodeType = "type";
        /// What identifies it.
        attr_req id_kind: AlnNodeIdType = "id_type";
        /// The identity.
        text id: Private;
    }
}

tokens! {
    /// Kinds of nodes.
    pub enum AlnNodeType {
        /// WLAN.
        Wifi = "WIFI";
        /// Bluetooth.
        Bluetooth = "BT";
        /// Short range.
        Srn = "SRN";
        /// Another.
        Other = "OTHER";
    }
}

tokens! {
    /// What identifies a node.
    pub enum AlnNodeIdType {
        /// MAC address.
        MacAddress = "MAC_ADDRESS";
        /// Another.
        Other = "OTHER";
    }
}

element! {
    /// `group_condition`: how many of the targets.
    #[derive(Copy)]
    pub struct GroupCondition {
        /// All, at least, at most.
        attr threshold: Threshold = "threshold_type";
        /// A number or a part.
        attr value_type: ValueType = "value_type";
        /// The number or the percentage; empty for all.
        text value: super::quality::BatchCount;
    }
}

tokens! {
    /// How a number of targets is meant.
    pub enum Threshold default All {
        /// All.
        All = "ALL";
        /// At least.
        Minimum = "MINIMUM";
        /// At most.
        Maximum = "MAXIMUM";
    }
}

tokens! {
    /// What a number of targets counts.
    pub enum ValueType default Absolute {
        /// Per cent.
        Relative = "RELATIVE";
        /// Targets.
        Absolute = "ABSOLUTE";
    }
}

choice! {
    /// What an analytic report is about.
    pub enum AnalyticPlace {
        /// An area.
        Area(TargetArea) = "target_area";
        /// A network.
        Aln(Aln) = "aln";
    }
}

element! {
    /// `analytic_report`.
    pub struct AnalyticReport {
        /// About what.
        choice place: AnalyticPlace;
    }
}

#[cfg(test)]
impl crate::le::mlp::sample::Sample for TargetArea {
    fn sample(from: &mut crate::le::mlp::sample::Source) -> Self {
        use crate::le::mlp::sample::Sample;
        match from.below(5) {
            0 => Self::Civic(Sample::sample(from)),
            1 => Self::Country("44".to_owned()),
            2 => Self::Plmn(Sample::sample(from)),
            3 => Self::Name(Sample::sample(from)),
            _ => Self::Shape(Sample::sample(from), from.opt()),
        }
    }
}
