//! The services: requests, answers, reports (MLP 3.5 §5.2.3).

use super::header::YesNo;
use super::identity::{Msid, Msids};
use super::position::{EmePos, Pos, ReferencePoint, TrlPos};
use super::quality::{Eqop, GeoInfo, LocType, MapRequest, Prio, Qop};
use super::result::Verdict;
use super::targets::{EmeTargets, SlirTargets};
use super::trigger::{AnalyticReport, TlrrEvent};
use super::values::{Private, Span, Time};
use crate::le::mlp::codes::ResultCode;
use crate::le::mlp::fault::{FaultKind, ParseFault};
use crate::le::mlp::schema::{Element, Group, Read, choice, element, tokens};
use crate::le::mlp::version::Version;
use crate::le::mlp::xml::tree::Node;
use crate::le::mlp::xml::writer::Writer;

tokens! {
    /// Whether the positions may come later, to the client's address.
    pub enum ResponseType default Sync {
        /// In the answer.
        Sync = "SYNC";
        /// In the answer or in reports, as the server likes.
        Async = "ASYNC";
    }
}

element! {
    /// `slir`: where is it now?
    pub struct Slir: versioned {
        /// Whether reports may follow.
        attr response: ResponseType = "res_type";
        /// Whom.
        group targets: SlirTargets;
        /// How well.
        opt eqop: Eqop = "eqop";
        /// In which frame.
        opt geo_info: GeoInfo = "geo_info";
        /// Which position.
        opt loc_type: LocType = "loc_type";
        /// How urgently.
        opt prio: Prio = "prio";
        /// Where reports go.
        opt push_address: PushAddress = "pushaddr";
        /// Within which countries.
        opt coverage: ServiceCoverage = "service_coverage", since V3_2;
        /// With a map.
        opt map: MapRequest = "MapRequest", since V3_3;
        /// With the state of motion.
        flag motion_state: bool = "MotionStateRequest", since V3_4;
        /// Relative to a reference point.
        opt reference_point: ReferencePoint = "ReferencePoint", since V3_5;
    }
}

element! {
    /// `slia`: the answer to `slir`.
    pub struct Slia: versioned {
        /// Positions, a name for the reports, or a refusal.
        group answer: Answer<Pos>;
    }
}

element! {
    /// `slirep`: positions asked for by `slir`, later.
    pub struct Slirep: versioned {
        /// The name that the answer gave.
        one req_id: String = "req_id";
        /// The positions.
        many positions: Pos = "pos", min 1;
    }
}

element! {
    /// `slrep`: a target reported itself.
    pub struct Slrep: versioned {
        /// The positions.
        many positions: Pos = "pos", min 1;
    }
}

element! {
    /// `slra`: the client's answer to `slrep` (since 3.3).
    pub struct Slra: versioned {
        /// The result.
        group verdict: Verdict;
    }
}

element! {
    /// `eme_lir`: where is this emergency call?
    pub struct EmeLir: versioned, gated by EmeLir::listed {
        /// Whether reports may follow.
        attr response: ResponseType = "res_type", since V3_2;
        /// Whom.
        group targets: EmeTargets;
        /// How well.
        opt eqop: Eqop = "eqop";
        /// In which frame.
        opt geo_info: GeoInfo = "geo_info";
        /// Which position.
        opt loc_type: LocType = "loc_type";
        /// Where reports go.
        opt push_address: PushAddress = "pushaddr", since V3_2;
        /// With a map.
        opt map: MapRequest = "MapRequest", since V3_3;
    }
}

element! {
    /// `eme_lia`: the answer to `eme_lir`.
    pub struct EmeLia: versioned {
        /// Positions, a name for the reports, or a refusal.
        group answer: Answer<EmePos>;
    }
}

element! {
    /// `eme_lirep`: positions asked for by `eme_lir`, later (since 3.2).
    pub struct EmeLirep: versioned {
        /// The name that the answer gave.
        one req_id: String = "req_id";
        /// The positions, or why there are none.
        group report: EmeReport;
    }
}

element! {
    /// `emerep`: an emergency call began, ended or moved on.
    pub struct Emerep: versioned {
        /// What happened.
        one event: EmeEvent = "eme_event";
        /// Who can be asked for more.
        opt server: ServerAddress = "locationserver_address", since V3_4;
    }
}

element! {
    /// `eme_event`.
    pub struct EmeEvent {
        /// What happened.
        attr_req trigger: EmeTrigger = "eme_trigger";
        /// The positions.
        many positions: EmePos = "eme_pos", min 1;
    }
}

tokens! {
    /// What happened to an emergency call.
    pub enum EmeTrigger {
        /// It began.
        Origination = "EME_ORG";
        /// It ended.
        Release = "EME_REL";
        /// It moved to another cell.
        Handover = "EME_HO", since V3_4;
    }
}

element! {
    /// `locationserver_address`.
    pub struct ServerAddress {
        /// The address.
        one url: String = "url";
    }
}

element! {
    /// `tlrr`: report it again and again.
    pub struct Tlrr: versioned {
        /// Whom.
        one msids: Msids = "msids";
        /// Every so often.
        opt interval: Span = "interval";
        /// From when; from now where absent.
        opt start_time: Time = "start_time";
        /// Until when.
        opt stop_time: Time = "stop_time";
        /// For how long.
        opt duration: Span = "duration", since V3_2;
        /// On which event.
        opt event: TlrrEvent = "tlrr_event";
        /// Statistics in place of positions.
        opt analytic: AnalyticReport = "analytic_report", since V3_5;
        /// How well.
        opt qop: Qop = "qop";
        /// In which frame.
        opt geo_info: GeoInfo = "geo_info";
        /// Where reports go.
        opt push_address: PushAddress = "pushaddr";
        /// Which position, and how reports come.
        opt loc_type: LocType = "loc_type";
        /// How urgently.
        opt prio: Prio = "prio";
        /// Within which countries.
        opt coverage: ServiceCoverage = "service_coverage", since V3_2;
        /// With a map.
        opt map: MapRequest = "MapRequest", since V3_3;
        /// Relative to a reference point.
        opt reference_point: ReferencePoint = "ReferencePoint", since V3_5;
    }
}

element! {
    /// `tlra`: the answer to `tlrr`.
    pub struct Tlra: versioned {
        /// A name for the reports, or a refusal.
        group answer: TlrAnswer;
    }
}

element! {
    /// `tlrep`: a report of a `tlrr`.
    pub struct Tlrep: versioned {
        /// Whether more of the same report follows.
        attr more: YesNo = "more", since V3_4;
        /// The name that the answer gave.
        one req_id: String = "req_id";
        /// A reference of the home server's.
        opt lcs_ref: String = "lcs_ref", since V3_2;
        /// The positions.
        many positions: TrlPos = "trl_pos", min 1;
        /// How long the request will last.
        opt time_remaining: Span = "time_remaining";
    }
}

element! {
    /// `tlrsr`: stop reporting.
    pub struct Tlrsr: versioned {
        /// Only these targets (since 3.3); all where absent.
        choice_opt targets: StopTargets, since V3_3;
        /// The name that the answer gave.
        one req_id: String = "req_id";
        /// A reference of the home server's.
        opt lcs_ref: String = "lcs_ref", since V3_2;
    }
}

choice! {
    /// The targets of a stop.
    pub enum StopTargets {
        /// Several.
        List(Msids) = "msids";
        /// One.
        One(Msid) = "msid";
    }
}

element! {
    /// `tlrsa`: the answer to `tlrsr`, or the server's own end of a `tlrr`.
    pub struct Tlrsa: versioned {
        /// What was stopped, or a refusal.
        group answer: StopAnswer;
    }
}

element! {
    /// `tlrpr`: reporting pauses or goes on (since 3.4).
    pub struct Tlrpr: versioned {
        /// Which.
        attr_req cause: PauseCause = "cause";
        /// Of whom.
        one msid: Msid = "msid";
        /// The name that the answer gave.
        one req_id: String = "req_id";
        /// A reference of the home server's.
        opt lcs_ref: String = "lcs_ref";
    }
}

tokens! {
    /// Pause or resumption.
    pub enum PauseCause {
        /// Pause.
        Pause = "PAUSE";
        /// Resumption.
        Resume = "RESUME";
    }
}

element! {
    /// `tlrqr`: which triggered requests are there? (since 3.4)
    #[derive(Default)]
    pub struct Tlrqr: versioned {
        /// Where the report goes.
        opt push_address: PushAddress = "pushaddr";
    }
}

element! {
    /// `tlrqa`: the answer to `tlrqr`.
    pub struct Tlrqa: versioned {
        /// A name for the report, or a refusal.
        group answer: QueryAnswer;
    }
}

element! {
    /// `tlqrep`: the triggered requests of a client.
    pub struct Tlqrep: versioned {
        /// Whether this is the last of the report.
        attr_req last: YesNo = "last";
        /// The name that the answer gave.
        one query_id: String = "query_id";
        /// The requests.
        many triggers: TriggerData = "trigger_data";
    }
}

element! {
    /// `trigger_data`.
    pub struct TriggerData {
        /// The name of the request.
        one req_id: String = "req_id";
        /// Its targets.
        many msids: Msid = "msid", min 1;
        /// The request.
        opt request: Tlrr = "tlrr";
    }
}

element! {
    /// `hlir`: where was it? (since 3.3)
    pub struct Hlir: versioned {
        /// Whether reports may follow.
        attr response: ResponseType = "res_type";
        /// Whom.
        one msid: Msid = "msid";
        /// The client's name for this request.
        opt trans_id: String = "trans_id";
        /// From when.
        opt start_time: Time = "start_time";
        /// Until when; one in the future is now.
        opt stop_time: Time = "stop_time";
        /// Least time between two positions.
        opt interval: Span = "interval";
        /// How well.
        opt qop: Qop = "qop";
        /// In which frame.
        opt geo_info: GeoInfo = "geo_info";
        /// Most positions.
        opt no_of_reports: u32 = "no_of_reports";
        /// Where reports go.
        opt push_address: PushAddress = "pushaddr";
        /// How urgently.
        opt prio: Prio = "prio";
    }
}

element! {
    /// `hlia`: the answer to `hlir`.
    pub struct Hlia: versioned {
        /// Positions, a name for the reports, or a refusal.
        group answer: Answer<Pos>;
    }
}

element! {
    /// `hlirep`: positions asked for by `hlir`, later.
    pub struct Hlirep: versioned {
        /// The name that the answer gave.
        one req_id: String = "req_id";
        /// The positions.
        many positions: Pos = "pos", min 1;
    }
}

element! {
    /// `pushaddr`: where reports go, and the login that they carry.
    pub struct PushAddress {
        /// The address.
        one url: String = "url";
        /// Login of the pushed document's header.
        opt id: String = "id";
        /// Its password.
        opt password: Private = "pwd";
    }
}

/// `service_coverage`: countries, each with destination codes within it.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ServiceCoverage(pub Vec<(String, Vec<String>)>);

impl Element for ServiceCoverage {
    fn read(node: Node<'_>) -> Read<Self> {
        let mut countries: Vec<(String, Vec<String>)> = Vec::new();
        for child in node.children() {
            match (child.name(), countries.last_mut()) {
                ("cc", _) => countries.push((Element::read(child)?, Vec::new())),
                ("ndc", Some((_, codes))) => codes.push(Element::read(child)?),
                ("ndc", None) => return Err(ParseFault::new(FaultKind::Misplaced, "ndc")),
                _ => continue,
            }
            child.claim();
        }
        if countries.is_empty() {
            return Err(ParseFault::new(FaultKind::Missing, "cc"));
        }
        node.finish()?;
        Ok(Self(countries))
    }

    fn write(&self, name: &'static str, out: &mut Writer) {
        out.open(name);
        for (country, codes) in &self.0 {
            country.write("cc", out);
            for code in codes {
                code.write("ndc", out);
            }
        }
        out.close(name);
    }

    fn gate(&mut self, _to: Version) -> bool {
        !self.0.is_empty()
    }
}

/// What can stand in an answer often, and from when it can be put off.
pub(crate) trait Positioned: Element {
    const NAME: &'static str;
    const LATER_SINCE: Version;
}

impl Positioned for Pos {
    const NAME: &'static str = "pos";
    const LATER_SINCE: Version = Version::V3_0;
}

impl Positioned for EmePos {
    const NAME: &'static str = "eme_pos";
    const LATER_SINCE: Version = Version::V3_2;
}

/// The answer to a request for positions.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<P> {
    /// The positions, one per target.
    Positions(Vec<P>),
    /// They will come in reports of this name (`req_id`).
    Later(String),
    /// The whole request is refused.
    Refused(Verdict),
}

impl<P: Positioned> Group for Answer<P> {
    const NAME: &'static str = P::NAME;

    fn take(parent: Node<'_>) -> Read<Option<Self>> {
        let positions = parent.many(P::NAME, 0, usize::MAX)?;
        if !positions.is_empty() {
            return Ok(Some(Self::Positions(positions)));
        }
        Ok(match parent.opt("req_id")? {
            Some(name) => Some(Self::Later(name)),
            None => Verdict::take(parent)?.map(Self::Refused),
        })
    }

    fn put(&self, out: &mut Writer) {
        match self {
            Self::Positions(positions) => positions.iter().for_each(|p| p.write(P::NAME, out)),
            Self::Later(name) => name.write("req_id", out),
            Self::Refused(verdict) => verdict.put(out),
        }
    }

    fn gate(&mut self, to: Version) -> bool {
        match self {
            Self::Positions(positions) => {
                positions.retain_mut(|p| p.gate(to));
                !positions.is_empty()
            }
            Self::Later(_) if to < P::LATER_SINCE => {
                *self = Self::Refused(ResultCode::UNSPECIFIED_ERROR.into());
                true
            }
            Self::Later(_) => true,
            Self::Refused(verdict) => verdict.gate(to),
        }
    }
}

/// What `eme_lirep` reports.
#[derive(Clone, Debug, PartialEq)]
pub enum EmeReport {
    /// The positions.
    Positions(Vec<EmePos>),
    /// Why there are none.
    Failed(Verdict),
}

impl Group for EmeReport {
    const NAME: &'static str = "eme_pos";

    fn take(parent: Node<'_>) -> Read<Option<Self>> {
        let positions = parent.many("eme_pos", 0, usize::MAX)?;
        if !positions.is_empty() {
            return Ok(Some(Self::Positions(positions)));
        }
        Ok(Verdict::take(parent)?.map(Self::Failed))
    }

    fn put(&self, out: &mut Writer) {
        match self {
            Self::Positions(positions) => positions.iter().for_each(|p| p.write("eme_pos", out)),
            Self::Failed(verdict) => verdict.put(out),
        }
    }

    fn gate(&mut self, to: Version) -> bool {
        match self {
            Self::Positions(positions) => {
                positions.retain_mut(|p| p.gate(to));
                !positions.is_empty()
            }
            Self::Failed(verdict) => verdict.gate(to),
        }
    }
}

/// The answer to `tlrr`.
#[derive(Clone, Debug, PartialEq)]
pub enum TlrAnswer {
    /// Reports will come under this name.
    Accepted {
        /// The name.
        req_id: String,
        /// A reference of the home server's (since 3.2).
        lcs_ref: Option<String>,
    },
    /// The request is refused.
    Refused(Verdict),
}

impl Group for TlrAnswer {
    const NAME: &'static str = "req_id";

    fn take(parent: Node<'_>) -> Read<Option<Self>> {
        Ok(match parent.opt("req_id")? {
            Some(req_id) => Some(Self::Accepted { req_id, lcs_ref: parent.opt("lcs_ref")? }),
            None => Verdict::take(parent)?.map(Self::Refused),
        })
    }

    fn put(&self, out: &mut Writer) {
        match self {
            Self::Accepted { req_id, lcs_ref } => {
                req_id.write("req_id", out);
                if let Some(reference) = lcs_ref {
                    reference.write("lcs_ref", out);
                }
            }
            Self::Refused(verdict) => verdict.put(out),
        }
    }

    fn gate(&mut self, to: Version) -> bool {
        match self {
            Self::Accepted { lcs_ref, .. } => {
                if to < Version::V3_2 {
                    *lcs_ref = None;
                }
                true
            }
            Self::Refused(verdict) => verdict.gate(to),
        }
    }
}

/// The answer to `tlrsr`.
#[derive(Clone, Debug, PartialEq)]
pub enum StopAnswer {
    /// Stopped.
    Stopped {
        /// For these targets (since 3.3); for all where absent.
        targets: Option<StopTargets>,
        /// The name of the request.
        req_id: String,
    },
    /// The request is refused.
    Refused(Verdict),
}

impl Group for StopAnswer {
    const NAME: &'static str = "req_id";

    fn take(parent: Node<'_>) -> Read<Option<Self>> {
        Ok(match parent.opt("req_id")? {
            Some(req_id) => Some(Self::Stopped { targets: parent.choice_opt()?, req_id }),
            None => Verdict::take(parent)?.map(Self::Refused),
        })
    }

    fn put(&self, out: &mut Writer) {
        use crate::le::mlp::schema::Choice;
        match self {
            Self::Stopped { targets, req_id } => {
                if let Some(targets) = targets {
                    Choice::write(targets, out);
                }
                req_id.write("req_id", out);
            }
            Self::Refused(verdict) => verdict.put(out),
        }
    }

    fn gate(&mut self, to: Version) -> bool {
        use crate::le::mlp::schema::Choice;
        match self {
            Self::Stopped { targets, .. } => {
                if to < Version::V3_3 || !targets.as_mut().is_some_and(|t| Choice::gate(t, to)) {
                    *targets = None;
                }
                true
            }
            Self::Refused(verdict) => verdict.gate(to),
        }
    }
}

/// The answer to `tlrqr`.
#[derive(Clone, Debug, PartialEq)]
pub enum QueryAnswer {
    /// The report will come under this name.
    Accepted(String),
    /// The request is refused.
    Refused(Verdict),
}

impl Group for QueryAnswer {
    const NAME: &'static str = "query_id";

    fn take(parent: Node<'_>) -> Read<Option<Self>> {
        Ok(match parent.opt("query_id")? {
            Some(id) => Some(Self::Accepted(id)),
            None => Verdict::take(parent)?.map(Self::Refused),
        })
    }

    fn put(&self, out: &mut Writer) {
        match self {
            Self::Accepted(id) => id.write("query_id", out),
            Self::Refused(verdict) => verdict.put(out),
        }
    }

    fn gate(&mut self, to: Version) -> bool {
        match self {
            Self::Accepted(_) => true,
            Self::Refused(verdict) => verdict.gate(to),
        }
    }
}

#[cfg(test)]
mod samples {
    use super::*;
    use crate::le::mlp::sample::{Sample, Source};

    impl Sample for ServiceCoverage {
        fn sample(from: &mut Source) -> Self {
            Self(vec![("44".to_owned(), from.list(0, 2)), ("353".to_owned(), Vec::new())])
        }
    }

    impl<P: Sample> Sample for Answer<P> {
        fn sample(from: &mut Source) -> Self {
            match from.below(4) {
                0 => Self::Later(Sample::sample(from)),
                1 => Self::Refused(Sample::sample(from)),
                _ => Self::Positions(from.list(1, 2)),
            }
        }
    }

    impl Sample for EmeReport {
        fn sample(from: &mut Source) -> Self {
            if from.below(3) == 0 {
                Self::Failed(Sample::sample(from))
            } else {
                Self::Positions(from.list(1, 2))
            }
        }
    }

    impl Sample for TlrAnswer {
        fn sample(from: &mut Source) -> Self {
            if from.below(3) == 0 {
                return Self::Refused(Sample::sample(from));
            }
            Self::Accepted { req_id: Sample::sample(from), lcs_ref: from.opt() }
        }
    }

    impl Sample for StopAnswer {
        fn sample(from: &mut Source) -> Self {
            if from.below(3) == 0 {
                return Self::Refused(Sample::sample(from));
            }
            Self::Stopped { targets: from.opt(), req_id: Sample::sample(from) }
        }
    }

    impl Sample for QueryAnswer {
        fn sample(from: &mut Source) -> Self {
            if from.below(3) == 0 {
                Self::Refused(Sample::sample(from))
            } else {
                Self::Accepted(Sample::sample(from))
            }
        }
    }
}
