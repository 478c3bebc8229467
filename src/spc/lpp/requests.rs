//! What this side asks of a SET, and how it reads what the SET told in parts.

use std::time::Duration;

use super::LONGEST_RESPONSE;
use crate::base::PositionMethod;
use crate::base::broadcast::{Gnss, KlobucharArea};
use crate::spc::assisted;
use crate::spc::ecid;
use crate::spc::method::Mode;
use crate::spc::procedure::Context;
use crate::wire::assist::{
    AssistanceRequest, GnssModes, GnssRequest, IonosphereRequest, ModelChoice, NavigationRequest,
    ReferenceTimeRequest,
};
use crate::wire::lpp::{
    Capabilities, CapabilitiesRequest, CommonLocationRequest, GnssCapabilitiesRequest, GnssLocationRequest,
    LocationInformationType, LocationQos, LocationReport, LocationRequest, LocationTypes, LppBody,
    PeriodicReporting,
};

/// Confidence that goes with the accuracy of a SUPL QoP, percent: TS 23.032's uncertainty is of one sigma.
const QOP_CONFIDENCE: u8 = 68;

/// Asks for everything that this server makes use of.
pub(super) fn capabilities() -> LppBody {
    LppBody::RequestCapabilities(CapabilitiesRequest {
        gnss: Some(GnssCapabilitiesRequest { systems: true, assistance: true, location_types: true }),
        otdoa: false,
        ecid: true,
        segmentation: None,
    })
}

/// Asks for the position, or for measurements where the SET computes none.
pub(super) fn location(ctx: &Context<'_>, told: Option<&Capabilities>, periodic: bool) -> LppBody {
    let kind = match ctx.mode {
        Mode::SetAssisted | Mode::Cell => LocationInformationType::MeasurementsRequired,
        _ => LocationInformationType::EstimateRequired,
    };
    let qop = ctx.qop.unwrap_or_default();
    let with_confidence = |m: f64| (m, QOP_CONFIDENCE);
    // A rover that lives by periodic delivery understands periodic reporting only: one report is then asked for that way.
    let reporting =
        periodic.then_some(PeriodicReporting { amount: Some(1), interval: Some(Duration::from_secs(1)) });
    let common = CommonLocationRequest {
        kind,
        triggered: None,
        periodic: reporting,
        additional: None,
        qos: Some(LocationQos {
            horizontal: qop.horizontal_m.map(with_confidence),
            altitude: true,
            vertical: qop.vertical_m.map(with_confidence),
            response_time: Some(ctx.response_time().min(LONGEST_RESPONSE)),
            early_fix: None,
            velocity: true,
        }),
        environment: None,
        location_types: Some(LocationTypes::RELEASE_9),
        velocity_types: None,
    };
    LppBody::RequestLocationInformation(Box::new(LocationRequest {
        common: Some(common),
        gnss: (ctx.mode != Mode::Cell).then(|| GnssLocationRequest {
            systems: systems(ctx, told),
            assistance_available: true,
            ..GnssLocationRequest::default()
        }),
        ecid: told.filter(|_| ctx.mode == Mode::Cell).and_then(|c| c.ecid).and_then(ecid::wanted),
        other: crate::wire::lpp::OtherMethods::default(),
    }))
}

/// The systems that the SET can use in the session's mode, by what LPP says of it, else by what ULP says.
fn systems(ctx: &Context<'_>, told: Option<&Capabilities>) -> Vec<Gnss> {
    let usable = |m: GnssModes| match ctx.mode {
        Mode::SetBased => m.ms_based,
        Mode::SetAssisted => m.ms_assisted,
        Mode::Autonomous => m.standalone,
        Mode::Cell => false,
    };
    let mut by_lpp: Vec<Gnss> =
        told.into_iter().flat_map(|c| &c.gnss).filter(|g| usable(g.modes)).map(|g| g.gnss).collect();
    by_lpp.dedup();
    if !by_lpp.is_empty() {
        return by_lpp;
    }
    let by_ulp = ctx.systems();
    if by_ulp.is_empty() { vec![Gnss::Gps] } else { by_ulp }
}

/// The assistance that a SET with these capabilities can use.
pub(super) fn assistance(told: &Capabilities, ctx: &Context<'_>) -> AssistanceRequest {
    let Some(can) = &told.assistance else {
        return AssistanceRequest::default();
    };
    let usable = systems(ctx, Some(told));
    let measures = assisted::measures(ctx.mode);
    let reference_time = can
        .reference_time
        .as_ref()
        .map(|systems| ReferenceTimeRequest { systems: systems.clone(), ..ReferenceTimeRequest::default() });
    let ionosphere = can.ionosphere.map(|i| IonosphereRequest {
        klobuchar: if i.klobuchar { vec![KlobucharArea::World] } else { Vec::new() },
        nequick: i.nequick,
        bdgim: false,
    });
    let mut request = AssistanceRequest {
        reference_time,
        reference_location: can.reference_location,
        // A SET that names no model would turn the request into an open one.
        ionosphere: ionosphere.filter(|i| !i.is_open()),
        ..AssistanceRequest::default()
    };
    for s in can.systems.iter().filter(|s| usable.contains(&s.gnss)) {
        let asked = GnssRequest {
            sbas: s.sbas,
            // A SET that measures needs to know where to look; orbits serve those that cannot be told.
            acquisition: (measures && s.acquisition).then_some(0),
            navigation: s
                .navigation
                .filter(|_| !(measures && s.acquisition))
                .map(|_| NavigationRequest::default()),
            integrity: s.integrity,
            utc: s.utc.map(|_| ModelChoice::default()),
            auxiliary: s.auxiliary && s.gnss == Gnss::Glonass,
            ..GnssRequest::new(s.gnss)
        };
        request.systems.push(asked);
    }
    request
}

/// Adds a further segment of a request for assistance.
pub(super) fn join(mut first: AssistanceRequest, more: AssistanceRequest) -> AssistanceRequest {
    first.reference_time = first.reference_time.or(more.reference_time);
    first.reference_location |= more.reference_location;
    first.ionosphere = first.ionosphere.or(more.ionosphere);
    first.earth_orientation |= more.earth_orientation;
    first.periodic = first.periodic.or(more.periodic);
    first.other = or(first.other, more.other);
    for s in more.systems {
        match first.systems.iter_mut().find(|f| f.gnss == s.gnss && f.sbas == s.sbas) {
            Some(f) => {
                f.time_models.extend(s.time_models);
                f.navigation = f.navigation.take().or(s.navigation);
                f.integrity |= s.integrity;
                f.acquisition = f.acquisition.or(s.acquisition);
                f.almanac = f.almanac.or(s.almanac);
                f.utc = f.utc.or(s.utc);
                f.auxiliary |= s.auxiliary;
            }
            None => first.systems.push(s),
        }
    }
    first
}

fn or(
    a: crate::wire::assist::OtherRequests,
    b: crate::wire::assist::OtherRequests,
) -> crate::wire::assist::OtherRequests {
    crate::wire::assist::OtherRequests {
        differential: a.differential | b.differential,
        data_bits: a.data_bits | b.data_bits,
        rtk: a.rtk | b.rtk,
        ssr: a.ssr | b.ssr,
        integrity_service: a.integrity_service | b.integrity_service,
        extended_ephemeris: a.extended_ephemeris | b.extended_ephemeris,
        modernised_gps: a.modernised_gps | b.modernised_gps,
        unknown: a.unknown | b.unknown,
    }
}

/// Adds a further segment of capabilities.
pub(super) fn merge(known: &mut Capabilities, more: Capabilities) {
    for g in more.gnss {
        if !known.gnss.iter().any(|k| k.gnss == g.gnss) {
            known.gnss.push(g);
        }
    }
    known.assistance = known.assistance.take().or(more.assistance);
    known.location_types = known.location_types.or(more.location_types);
    known.velocity_types = known.velocity_types.or(more.velocity_types);
    known.periodic_assistance = known.periodic_assistance.or(more.periodic_assistance);
    known.ecid = known.ecid.or(more.ecid);
    known.segmentation = known.segmentation.or(more.segmentation);
    known.more = more.more;
}

/// Whether a report holds anything: measurements, errors, other methods' data.
pub(super) fn says_something(r: &LocationReport) -> bool {
    r.estimate.is_some()
        || r.error.is_some()
        || r.measurements.is_some()
        || r.gnss_error.is_some()
        || !r.ecid.is_empty()
        || r.ecid_error
        || r.other != crate::wire::lpp::OtherMethods::default()
}

/// The method of a position whose source the SET names and that is not GNSS.
pub(super) fn method(r: &LocationReport) -> Option<PositionMethod> {
    let source = r.source?;
    match (source.gnss || source.high_accuracy_gnss, source.wlan) {
        (true, _) => None,
        (false, true) => Some(PositionMethod::Wlan),
        (false, false) => Some(PositionMethod::Unknown),
    }
}
