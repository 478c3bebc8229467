//! What the positioning procedures have in common: what they are given and what they answer.

use std::collections::BTreeMap;
use std::time::Duration;

use super::assist::{Built, Ground};
use super::config::Policy;
use super::lpp::LppProcedure;
use super::method::{Mode, Protocol};
use super::rrlp::RrlpProcedure;
use crate::base::broadcast::Gnss;
use crate::base::cell::ReferenceLocation;
use crate::base::{GpsTime, LocationEstimate, Now, PositionMethod, QualityOfPosition, Shape, Utc, Velocity};
use crate::gnss::SkySnapshot;
use crate::wire::assist::AssistanceRequest;
use crate::wire::lpp::LppMemo;
use crate::wire::measure::EcidMeasurement;
use crate::wire::ulp::{PosPayload, SetCapabilities};

/// What a procedure may look at while it handles one input.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Now.
    pub now: Now,
    /// The satellites.
    pub sky: &'a SkySnapshot,
    /// LPP messages that were encoded or decoded before.
    pub memo: &'a LppMemo,
    /// Settings.
    pub policy: &'a Policy,
    /// Roughly where the SET is.
    pub reference: Option<&'a ReferenceLocation>,
    /// The quality that was asked for.
    pub qop: Option<QualityOfPosition>,
    /// The method of the session.
    pub mode: Mode,
    /// What the SET can do, as ULP says it.
    pub capabilities: &'a SetCapabilities,
    /// Whether the session speaks ULP 2.
    pub version_2: bool,
}

impl<'a> Context<'a> {
    /// What assistance is built from.
    pub(super) fn ground(&self, protocol: Protocol) -> Ground<'a> {
        Ground {
            sky: self.sky,
            time: self.now.gps(),
            reference: self.reference,
            policy: self.policy,
            protocol,
        }
    }

    /// How long the SET may take to compute.
    pub(super) fn response_time(&self) -> Duration {
        self.qop
            .and_then(|q| q.response_time)
            .unwrap_or(self.policy.response_time)
            .clamp(Duration::from_secs(1), Duration::from_secs(128))
    }

    /// The systems that the SET can use in the session's mode.
    pub(super) fn systems(&self) -> Vec<Gnss> {
        Gnss::ALL
            .into_iter()
            .filter(|g| *g == Gnss::Gps || self.version_2)
            .filter(|g| {
                let m = self.capabilities.modes(*g);
                match self.mode {
                    Mode::SetBased => m.ms_based,
                    Mode::SetAssisted => m.ms_assisted,
                    Mode::Autonomous => m.standalone,
                    Mode::Cell => false,
                }
            })
            .collect()
    }

    /// An estimate of a SET that computed its own position.
    pub(super) fn estimate(
        &self,
        shape: Shape,
        velocity: Option<Velocity>,
        time: Option<GpsTime>,
    ) -> LocationEstimate {
        let now = self.now.utc;
        let time = time.map_or(now, GpsTime::to_utc).min(now);
        let method = match self.mode {
            Mode::Autonomous => PositionMethod::AutonomousGnss,
            Mode::SetBased | Mode::SetAssisted => PositionMethod::AgnssMsBased,
            Mode::Cell => PositionMethod::Unknown,
        };
        LocationEstimate { shape, time, method, velocity }
    }

    /// The time of an estimate, if it is one that can be believed.
    pub(super) fn believable(&self, time: Utc) -> Option<Utc> {
        (time <= self.now.utc + Duration::from_mins(1)).then_some(time.min(self.now.utc))
    }
}

/// What is to come next.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Next {
    /// The SET's answer to what was sent; timer ST3 runs.
    #[default]
    Reply,
    /// The SET's position: it was given this long to compute, and ST3 is added.
    Position(Duration),
    /// Perhaps something, at once; [`Procedure::timeout`] is wanted after this long.
    Grace(Duration),
    /// What was awaited before: the running timer stays.
    Same,
    /// Nothing: the procedure is over.
    Over(Conclusion),
}

/// How a procedure ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// A position came; it is among the estimates of this or an earlier step.
    Position,
    /// The SET got its assistance, and no position is wanted of it or wanted by it.
    Assisted,
    /// No position came, or only measurements.
    NoPosition,
    /// The SET does not keep to the protocol.
    Broken,
}

/// What a procedure wants done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Payloads to send, a SUPL POS each. More than one only where a message was cut into segments.
    pub send: Vec<PosPayload>,
    /// Positions that came out.
    pub estimates: Vec<LocationEstimate>,
    /// Measurements of cells, for [`super::merge_cells`].
    pub cells: Vec<EcidMeasurement>,
    /// Navigation models sent, by system.
    pub satellites: BTreeMap<Gnss, u32>,
    /// Whether assistance data is in what is sent.
    pub assisted: bool,
    /// What follows.
    pub next: Next,
}

impl Step {
    /// Nothing but an end.
    pub(super) fn over(conclusion: Conclusion) -> Self {
        Self { next: Next::Over(conclusion), ..Self::default() }
    }

    pub(super) fn count(&mut self, built: &Built) {
        self.assisted |= !built.assistance.is_empty();
        for (gnss, n) in built.satellites() {
            *self.satellites.entry(gnss).or_default() += n;
        }
    }
}

/// The positioning procedure of a session: a machine of the same shape as the session's own.
#[derive(Debug)]
pub enum Procedure {
    /// RRLP.
    Rrlp(RrlpProcedure),
    /// LPP.
    Lpp(LppProcedure),
}

impl Procedure {
    /// A procedure that has not begun.
    pub fn new(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Rrlp => Self::Rrlp(RrlpProcedure::default()),
            Protocol::Lpp => Self::Lpp(LppProcedure::default()),
        }
    }

    /// Which protocol it speaks.
    pub const fn protocol(&self) -> Protocol {
        match self {
            Self::Rrlp(_) => Protocol::Rrlp,
            Self::Lpp(_) => Protocol::Lpp,
        }
    }

    /// Begins, after SUPL POS INIT: `request` is what it asked for, `embedded` the SUPL POS inside it.
    pub fn start(
        &mut self,
        ctx: &Context<'_>,
        request: Option<&AssistanceRequest>,
        embedded: Option<&PosPayload>,
    ) -> Step {
        match self {
            Self::Rrlp(p) => p.start(ctx, request, embedded),
            Self::Lpp(p) => p.start(ctx, request, embedded),
        }
    }

    /// Takes the payload of a SUPL POS.
    pub fn receive(&mut self, ctx: &Context<'_>, payload: &PosPayload) -> Step {
        match self {
            Self::Rrlp(p) => p.receive(ctx, payload),
            Self::Lpp(p) => p.receive(ctx, payload),
        }
    }

    /// What was awaited did not come in time.
    pub fn timeout(&mut self, ctx: &Context<'_>) -> Step {
        match self {
            Self::Rrlp(p) => p.timeout(),
            Self::Lpp(p) => p.timeout(ctx),
        }
    }
}
