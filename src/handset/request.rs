//! What a handset says of itself and asks for.

use super::options::{Goal, Options, Payload, SuplVersion};
use crate::base::broadcast::{Gnss, KlobucharArea};
use crate::base::cell::{CellId, CellStatus, LocationId, Plmn};
use crate::base::qop::QualityOfPosition;
use crate::wire::assist::{
    AssistanceRequest, GnssModes, IonosphereRequest, ModelChoice, NavigationRequest, ReferenceTimeRequest,
    SbasRegion, SignalSet,
};
use crate::wire::lpp::{
    AssistanceSupport, Capabilities, GnssAssistanceSupport, GnssCapability, IonosphereSupport, LocationTypes,
    Segmentation,
};
use crate::wire::ulp::{
    GanssCapability, GanssSystem, PosProtocols, Preference, ProtocolVersion, SetCapabilities,
};

/// Release of the protocols spoken.
const RRLP: ProtocolVersion = ProtocolVersion { major: 13, technical: 1, editorial: 0 };
const LPP: ProtocolVersion = ProtocolVersion { major: 18, technical: 4, editorial: 0 };

/// The modes of the receiver that the goal offers.
pub(super) fn modes(options: &Options) -> GnssModes {
    match options.goal {
        Goal::Agnss => GnssModes { ms_based: true, ..GnssModes::default() },
        Goal::Measure => GnssModes { ms_assisted: true, ..GnssModes::default() },
        Goal::Locate => GnssModes { standalone: true, ..GnssModes::default() },
        Goal::CellId => GnssModes::default(),
    }
}

/// `SETCapabilities`.
pub(super) fn capabilities(options: &Options) -> SetCapabilities {
    let modes = modes(options);
    let none = GnssModes::default();
    let ganss = options.gnss.iter().filter(|g| **g != Gnss::Gps && modes != none).map(|g| GanssCapability {
        system: GanssSystem::Known(*g),
        sbas: region(*g),
        modes,
        signals: SignalSet::FIRST,
        rtk_osr: false,
    });
    let first = options.version == SuplVersion::V1;
    let lpp = options.payload == Payload::Lpp;
    SetCapabilities {
        gps: if options.gnss.contains(&Gnss::Gps) { modes } else { none },
        ganss: if first { Vec::new() } else { ganss.collect() },
        ecid: !options.goal.assisted(),
        preference: match options.goal {
            Goal::Agnss => Preference::SetBased,
            Goal::Measure => Preference::SetAssisted,
            Goal::Locate | Goal::CellId => Preference::None,
        },
        protocols: PosProtocols {
            rrlp: !lpp,
            lpp,
            rrlp_version: (!lpp && !first).then_some(RRLP),
            lpp_version: lpp.then_some(LPP),
            ..PosProtocols::default()
        },
        ..SetCapabilities::default()
    }
}

/// What it hears. A handset that hears nothing says the test network's cell 1, of which it does not know how old it is,
/// since ULP has no way to say "no cell".
pub(super) fn location_ids(options: &Options) -> Vec<LocationId> {
    if options.cells.is_empty() {
        let cell = CellId::Gsm { plmn: Plmn { mcc: 1, mnc: 1 }, lac: 1, ci: 1 };
        return vec![LocationId { status: CellStatus::Unknown, ..LocationId::serving(cell) }];
    }
    let heard = options.cells.iter().enumerate();
    heard.map(|(i, cell)| LocationId { serving: i == 0, ..LocationId::serving(*cell) }).collect()
}

/// Quality of position, where one was asked for.
pub(super) fn quality(options: &Options) -> Option<QualityOfPosition> {
    options.horizontal_m.map(|m| QualityOfPosition { horizontal_m: Some(m), ..QualityOfPosition::default() })
}

/// Assistance asked for.
pub(super) fn assistance(options: &Options) -> AssistanceRequest {
    let galileo = options.gnss.contains(&Gnss::Galileo);
    let mut request = AssistanceRequest {
        reference_time: Some(ReferenceTimeRequest {
            systems: vec![Gnss::Gps],
            ..ReferenceTimeRequest::default()
        }),
        reference_location: true,
        ionosphere: Some(IonosphereRequest {
            klobuchar: vec![KlobucharArea::World],
            nequick: galileo && options.payload == Payload::Lpp,
            bdgim: false,
        }),
        ..AssistanceRequest::default()
    };
    let first = options.version == SuplVersion::V1;
    for gnss in options.gnss.iter().copied().filter(|g| !first || *g == Gnss::Gps) {
        let system = request.system_mut(gnss);
        system.sbas = region(gnss);
        system.navigation =
            Some(NavigationRequest { additional: gnss == Gnss::Gps, ..NavigationRequest::default() });
        system.integrity = true;
        // The orbits simulate the signals; what a receiver that measures really needs is where to look for them.
        system.acquisition = (options.goal == Goal::Measure && gnss != Gnss::Sbas).then_some(0);
        system.almanac = options.almanac.then_some(ModelChoice::default());
        system.utc = (gnss == Gnss::Gps).then_some(ModelChoice::default());
        system.auxiliary = gnss == Gnss::Glonass;
        if gnss != Gnss::Gps && options.gnss.contains(&Gnss::Gps) && gnss != Gnss::Sbas {
            system.time_models = vec![Gnss::Gps];
        }
    }
    request
}

/// LPP capabilities.
pub(super) fn lpp_capabilities(options: &Options) -> Capabilities {
    let modes = modes(options);
    let systems = options.gnss.iter().copied();
    let gnss = systems.clone().map(|gnss| GnssCapability {
        gnss,
        // Bit 0 is WAAS, bit 1 EGNOS.
        sbas: (gnss == Gnss::Sbas).then_some(0b11),
        modes,
        signals: SignalSet::FIRST,
        fine_time: false,
        adr: false,
        velocity: false,
        high_accuracy: None,
    });
    let support = systems.map(|gnss| {
        let model = model(gnss);
        GnssAssistanceSupport {
            sbas: region(gnss),
            time_models: gnss != Gnss::Gps,
            navigation: Some((model, model)),
            integrity: true,
            acquisition: options.goal == Goal::Measure,
            almanac: Some(0),
            utc: Some(0),
            auxiliary: gnss == Gnss::Glonass,
            ..GnssAssistanceSupport::new(gnss)
        }
    });
    Capabilities {
        gnss: if options.goal == Goal::CellId { Vec::new() } else { gnss.collect() },
        assistance: options.goal.assisted().then(|| AssistanceSupport {
            reference_time: Some(vec![Gnss::Gps]),
            reference_location: true,
            ionosphere: Some(IonosphereSupport { klobuchar: true, nequick: true, bdgim: false }),
            systems: support.collect(),
            ..AssistanceSupport::default()
        }),
        location_types: Some(LocationTypes::RELEASE_9),
        segmentation: Some(Segmentation { server_to_target: true, target_to_server: false }),
        ..Capabilities::default()
    }
}

/// The clock and orbit model of a system (TS 37.355 table of models) as a bit.
const fn model(gnss: Gnss) -> u8 {
    let number = match gnss {
        Gnss::Galileo => 1,
        Gnss::Gps | Gnss::Qzss => 2,
        Gnss::Glonass => 4,
        Gnss::Sbas => 5,
        Gnss::BeiDou => 6,
        Gnss::NavIc => 8,
    };
    1 << (number - 1)
}

fn region(gnss: Gnss) -> Option<SbasRegion> {
    (gnss == Gnss::Sbas).then_some(SbasRegion::Egnos)
}
