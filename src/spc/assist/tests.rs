use super::*;
use crate::base::GeoPoint;
use crate::base::broadcast::{Ephemeris, SatId};
use crate::base::cell::ReferenceSource;
use crate::gnss::solve::Signal;
use crate::spc::config::Config;
use crate::testing::sky::{UNFIT, now, sky};
use crate::wire::assist::{HeldNavigation, NavigationRequest, PeriodicRequest, PeriodicSession};

fn reference(uncertainty_m: f64) -> ReferenceLocation {
    let at = GeoPoint::new(50.0, 4.0).unwrap();
    ReferenceLocation { at, altitude_m: None, uncertainty_m, source: ReferenceSource::Cell }
}

fn answer(
    request: &AssistanceRequest,
    sky: &SkySnapshot,
    reference: Option<&ReferenceLocation>,
    protocol: Protocol,
) -> Built {
    let policy = Config::default().resolve().unwrap();
    build(request, &Ground { sky, time: now().gps(), reference, policy: &policy, protocol })
}

fn navigation(gnss: Gnss, asked: NavigationRequest) -> AssistanceRequest {
    let mut r = AssistanceRequest::default();
    r.system_mut(gnss).navigation = Some(asked);
    r
}

#[test]
fn only_what_is_asked_for_is_given() {
    let (sky, here) = (sky(), reference(1000.0));
    assert_eq!(answer(&AssistanceRequest::default(), &sky, Some(&here), Protocol::Lpp), Built::default());
    let built =
        answer(&navigation(Gnss::Glonass, NavigationRequest::default()), &sky, Some(&here), Protocol::Lpp);
    assert_eq!(built.assistance.systems.len(), 1);
    assert_eq!(built.satellites().keys().copied().collect::<Vec<_>>(), [Gnss::Glonass]);
    assert!(built.assistance.reference_time.is_none() && built.assistance.klobuchar.is_empty());
    assert_eq!(built.lacking, Lacking::default());
}

#[test]
fn satellites_below_the_horizon_and_unfit_ones_are_left_out() {
    let (sky, here) = (sky(), reference(1000.0));
    let request = navigation(Gnss::Gps, NavigationRequest::default());
    let seen = answer(&request, &sky, Some(&here), Protocol::Lpp).satellites()[&Gnss::Gps];
    let visible = sky
        .visible_within(here.at, 0.0, 1000.0, now().gps(), 5.0)
        .iter()
        .filter(|v| v.sat.gnss == Gnss::Gps)
        .count();
    assert_eq!(seen as usize, visible);
    assert!((4..16).contains(&seen), "{seen}");
    // Without a reference, or with one as wide as a continent: all but the unfit.
    for here in [None, Some(reference(1e6))] {
        let built = answer(&request, &sky, here.as_ref(), Protocol::Lpp);
        assert_eq!(built.satellites()[&Gnss::Gps], 23);
        assert!(built.assistance.systems[0].ephemerides.iter().all(|e| e.sat() != UNFIT));
    }
    // What RRLP's GPS part can carry.
    assert_eq!(answer(&request, &sky, None, Protocol::Rrlp).satellites()[&Gnss::Gps], 16);
}

#[test]
fn sixteen_satellites_for_anywhere_are_well_chosen() {
    let sky = sky();
    let request = navigation(Gnss::Gps, NavigationRequest::default());
    let sent = |reference: Option<&ReferenceLocation>| {
        let built = answer(&request, &sky, reference, Protocol::Rrlp);
        built.assistance.systems[0].ephemerides.clone()
    };
    let seen_from = |models: &[Ephemeris], at: GeoPoint| {
        let observer = crate::gnss::visibility::Observer::new(at, 0.0);
        let up =
            |e: &&Ephemeris| observer.look_at(crate::gnss::orbit::coarse_position(e, now().gps())).1 > 5.0;
        models.iter().filter(up).count()
    };
    // Nothing is known: a fix is possible nearly everywhere.
    let anywhere = sent(None);
    let places: Vec<_> = (-6..=6).flat_map(|i| (-6..6).map(move |j| (i, j))).collect();
    let good = places
        .iter()
        .filter(|(i, j)| {
            let at = GeoPoint::new(f64::from(*i) * 10.0, f64::from(*j) * 30.0).unwrap();
            seen_from(&anywhere, at) >= 4
        })
        .count();
    assert!(good * 100 >= places.len() * 85, "{good} of {}", places.len());
    // A country too large to leave anything out still says which to prefer: all that its middle sees are there.
    let vague = reference(1e6);
    let there = sent(Some(&vague));
    let all: Vec<_> = sky.usable(Gnss::Gps, now().gps()).copied().collect();
    assert_eq!(there.len(), 16);
    assert_eq!(seen_from(&there, vague.at), seen_from(&all, vague.at));
}

#[test]
fn an_rrlp_almanac_keeps_to_its_table() {
    use crate::base::broadcast::SatId;
    let Some(Almanac::Kepler(one)) = sky().almanac(Gnss::BeiDou, now().gps()).first().copied() else {
        panic!()
    };
    let all: Vec<Almanac> = (1..=46)
        .map(|n| {
            Almanac::Kepler(crate::base::broadcast::KeplerAlmanac { sat: SatId::new(Gnss::BeiDou, n), ..one })
        })
        .collect();
    let lpp = almanac_set(Gnss::BeiDou, all.clone(), Protocol::Lpp);
    assert_eq!((lpp.entries.len(), lpp.complete), (46, true));
    // Ranging codes to 37, and 36 satellites at most.
    let rrlp = almanac_set(Gnss::BeiDou, all, Protocol::Rrlp);
    assert_eq!((rrlp.entries.len(), rrlp.complete), (36, false));
}

fn through_lpp(assistance: Assistance, t: GpsTime) -> Assistance {
    use crate::wire::assist::Initiator;
    use crate::wire::lpp::{AssistanceDataDelivery, LppBody, LppMessage, TransactionId};
    let delivery = AssistanceDataDelivery { assistance, error: None, periodic: None, more: None };
    let message = LppMessage {
        transaction: Some(TransactionId { initiator: Initiator::LocationServer, number: 1 }),
        end: true,
        sequence: None,
        ack: None,
        body: Some(LppBody::ProvideAssistanceData(Box::new(delivery))),
    };
    let back = LppMessage::decode(&message.encode().unwrap(), t).unwrap();
    let Some(LppBody::ProvideAssistanceData(d)) = back.body else { panic!() };
    d.assistance
}

#[test]
fn derived_almanacs_go_out_as_they_were_made() {
    use crate::wire::rrlp::{AssistanceData, RrlpComponent, RrlpPdu};
    let (sky, t) = (sky(), now().gps());
    let mut request = AssistanceRequest::default();
    for gnss in [Gnss::Gps, Gnss::Galileo, Gnss::BeiDou, Gnss::Glonass] {
        request.system_mut(gnss).almanac = Some(ModelChoice::default());
    }
    for protocol in [Protocol::Lpp, Protocol::Rrlp] {
        let built = answer(&request, &sky, None, protocol);
        assert_eq!(built.lacking, Lacking::default());
        for system in built.assistance.systems {
            let sent = system.almanac.clone().unwrap();
            assert_eq!(sent.entries.len(), 24, "{:?}", system.gnss);
            let alone = Assistance { systems: vec![system], ..Assistance::default() };
            let back = match protocol {
                Protocol::Lpp => through_lpp(alone, t),
                Protocol::Rrlp => {
                    let data = AssistanceData { assistance: alone, more: None, extended: None };
                    let component = RrlpComponent::AssistanceData(Box::new(data));
                    let octets = RrlpPdu { reference: 1, component }.encode().unwrap();
                    let RrlpComponent::AssistanceData(d) = RrlpPdu::decode(&octets, t).unwrap().component
                    else {
                        panic!()
                    };
                    d.assistance
                }
            };
            assert_eq!(back.systems[0].almanac.as_ref().unwrap().entries, sent.entries);
        }
    }
}

#[test]
fn what_the_set_holds_is_not_sent_again() {
    let (sky, here) = (sky(), reference(1000.0));
    let all = answer(&navigation(Gnss::Gps, NavigationRequest::default()), &sky, Some(&here), Protocol::Rrlp);
    let sent = &all.assistance.systems[0].ephemerides;
    let held = HeldNavigation {
        toe_limit: std::time::Duration::from_hours(2),
        // One of the same issue (RRLP says IODE), one of another.
        satellites: vec![(sent[0].sat(), sent[0].iod() & 0xff), (sent[1].sat(), 0xfe)],
        ..HeldNavigation::default()
    };
    let asked = NavigationRequest { held: Some(held), ..NavigationRequest::default() };
    let built = answer(&navigation(Gnss::Gps, asked), &sky, Some(&here), Protocol::Rrlp);
    let system = &built.assistance.systems[0];
    assert_eq!(system.ephemerides.len(), sent.len() - 1);
    assert_eq!(system.unchanged, [sent[0].sat()]);
    assert_eq!(system.ephemerides[0].sat(), sent[1].sat());
}

#[test]
fn a_named_satellite_alone() {
    let sky = sky();
    let wanted = crate::base::broadcast::SatId::new(Gnss::Galileo, 3);
    let asked = NavigationRequest { satellites: Some(vec![wanted]), ..NavigationRequest::default() };
    let built = answer(&navigation(Gnss::Galileo, asked), &sky, None, Protocol::Lpp);
    let sats: Vec<_> = built.assistance.systems[0].ephemerides.iter().map(Ephemeris::sat).collect();
    assert_eq!(sats, [wanted]);
}

#[test]
fn an_open_request_for_an_ionosphere_gets_klobuchar() {
    let sky = sky();
    let mut request =
        AssistanceRequest { ionosphere: Some(IonosphereRequest::default()), ..AssistanceRequest::default() };
    let built = answer(&request, &sky, None, Protocol::Lpp);
    assert_eq!(built.assistance.klobuchar.len(), 1);
    assert!(built.assistance.nequick.is_none());
    request.system_mut(Gnss::Galileo).navigation = Some(NavigationRequest::default());
    assert!(answer(&request, &sky, None, Protocol::Lpp).assistance.nequick.is_some());
}

#[test]
fn glonass_comes_with_its_channels_when_asked() {
    let (sky, here) = (sky(), reference(1000.0));
    let mut request = navigation(Gnss::Glonass, NavigationRequest::default());
    request.system_mut(Gnss::Glonass).auxiliary = true;
    let built = answer(&request, &sky, Some(&here), Protocol::Lpp);
    let system = &built.assistance.systems[0];
    for e in &system.ephemerides {
        let channel = system.auxiliary.iter().find(|a| a.sat == e.sat()).and_then(|a| a.channel);
        assert!(channel.is_some(), "{:?}", e.sat());
    }
}

#[test]
fn a_leap_second_is_announced_in_its_quarter() {
    let sky = sky();
    let asked = |leap_second| AssistanceRequest {
        reference_time: Some(ReferenceTimeRequest {
            systems: vec![Gnss::Glonass],
            leap_second,
            ..ReferenceTimeRequest::default()
        }),
        ..AssistanceRequest::default()
    };
    let notice =
        |leap| answer(&asked(leap), &sky, None, Protocol::Lpp).assistance.reference_time.unwrap().leap_notice;
    assert_eq!((notice(true), notice(false)), (Some(0b00), None));
    let now = GpsTime::from_week_s(2400, 0);
    let coming = |weeks: u16, dt_lsf| {
        let week = 2400;
        leap_notice(
            &UtcModel { a0: 0, a1: 0, tot: 0, week, dt_ls: 18, week_lsf: week + weeks, dn: 7, dt_lsf },
            now,
        )
    };
    assert_eq!([coming(5, 19), coming(5, 17), coming(5, 18), coming(20, 19)], [0b01, 0b11, 0b00, 0b00]);
    let past = UtcModel { a0: 0, a1: 0, tot: 0, week: 2400, dt_ls: 18, week_lsf: 2185, dn: 7, dt_lsf: 19 };
    assert_eq!(leap_notice(&past, now), 0b00);
}

#[test]
fn integrity_names_the_bad_and_is_never_met_with_silence() {
    let sky = sky();
    let mut request = AssistanceRequest::default();
    request.system_mut(Gnss::Gps).integrity = true;
    let built = answer(&request, &sky, None, Protocol::Lpp);
    assert_eq!(built.assistance.systems[0].integrity, Some(vec![BadSignal { sat: UNFIT, signals: None }]));
    let mut request = AssistanceRequest::default();
    request.system_mut(Gnss::Galileo).integrity = true;
    let built = answer(&request, &sky, None, Protocol::Lpp);
    assert!(built.assistance.is_empty() && built.lacking.unavailable);
}

#[test]
fn over_rrlp_the_bad_are_named_beside_whatever_is_sent() {
    let sky = sky();
    let bad = Some(vec![BadSignal { sat: UNFIT, signals: None }]);
    for request in [navigation(Gnss::Gps, NavigationRequest::default()), {
        let mut almanac = AssistanceRequest::default();
        almanac.system_mut(Gnss::Gps).utc = Some(ModelChoice::default());
        almanac
    }] {
        let of = |protocol| answer(&request, &sky, None, protocol).assistance.systems[0].integrity.clone();
        assert_eq!(of(Protocol::Rrlp), bad);
        assert_eq!(of(Protocol::Lpp), None);
    }
}

#[test]
fn what_is_missing_is_said() {
    let empty = SkySnapshot::default();
    let mut request = navigation(Gnss::Gps, NavigationRequest::default());
    request.reference_location = true;
    request.earth_orientation = true;
    let built = answer(&request, &empty, None, Protocol::Lpp);
    assert!(built.assistance.is_empty());
    assert_eq!(built.lacking, Lacking { unavailable: true, ..Lacking::default() });
    request.other.rtk = true;
    let session = PeriodicSession { initiator: crate::wire::assist::Initiator::TargetDevice, number: 1 };
    request.periodic = Some(PeriodicRequest { session: Some(session), deliveries: Vec::new() });
    let lacking = answer(&request, &empty, None, Protocol::Lpp).lacking;
    assert_eq!(lacking, Lacking { unsupported: true, unavailable: true, periodic: true });
    // An empty request for periodic data only asks whether there is any.
    request.periodic = Some(PeriodicRequest::default());
    assert!(!answer(&request, &empty, None, Protocol::Lpp).lacking.periodic);
}

#[test]
fn reference_time_is_in_the_times_asked_for() {
    let sky = sky();
    let asked =
        ReferenceTimeRequest { systems: vec![Gnss::Gps, Gnss::Glonass], ..ReferenceTimeRequest::default() };
    let request = AssistanceRequest { reference_time: Some(asked), ..AssistanceRequest::default() };
    let time = answer(&request, &sky, None, Protocol::Lpp).assistance.reference_time.unwrap();
    assert_eq!((time.time, time.systems), (now().gps(), vec![Gnss::Gps, Gnss::Glonass]));
}

#[test]
fn signals_of_some_satellites_are_predicted_where_stations_receive_them() {
    /// LPP's number of L2C.
    const L2C: u8 = 2;
    let mut sky = crate::gnss::Sky::new(crate::gnss::SkyConfig::default());
    sky.apply(&crate::testing::sky::update()).unwrap();
    let here = reference(1000.0);
    let mut request = AssistanceRequest::default();
    let of = |signal, sky: &SkySnapshot, request: &mut AssistanceRequest| {
        request.system_mut(Gnss::Gps).acquisition = Some(signal);
        let built = answer(request, sky, Some(&here), Protocol::Lpp);
        let given = built.assistance.systems.first().and_then(|s| s.acquisition.clone());
        (given, built.lacking.unavailable)
    };
    let (all, _) = of(0, &sky.snapshot(), &mut request);
    let senders: Vec<SatId> = all.unwrap().satellites.iter().map(|s| s.sat).step_by(2).collect();
    assert_eq!(of(L2C, &sky.snapshot(), &mut request), (None, true), "nobody knows who sends it");
    assert!(sky.hear(senders.iter().map(|s| (*s, Signal::L2C))));
    assert!(!sky.hear(senders.iter().map(|s| (*s, Signal::L2C))), "heard before");
    let (given, lacking) = of(L2C, &sky.snapshot(), &mut request);
    let given = given.unwrap();
    assert_eq!((given.signal, lacking), (L2C, false));
    assert_eq!(given.satellites.iter().map(|s| s.sat).collect::<Vec<_>>(), senders);
}

#[test]
fn acquisition_predicts_what_the_orbit_says() {
    let (sky, here) = (sky(), reference(1000.0));
    let mut request = AssistanceRequest::default();
    request.system_mut(Gnss::Gps).acquisition = Some(0);
    let built = answer(&request, &sky, Some(&here), Protocol::Rrlp);
    let acquisition = built.assistance.systems[0].acquisition.as_ref().unwrap();
    for s in &acquisition.satellites {
        assert!((60.0..95.0).contains(&s.travel_ms), "{s:?}");
        assert!(s.doppler_mps.abs() < 1000.0 && s.elevation_deg > 0.0, "{s:?}");
        // A kilometre of ground, the altitude, and two seconds of the satellite's way.
        let time_ms = s.doppler_mps.abs() * 2.0 / 299_792.458;
        assert!((0.0005..0.0055).contains(&(s.window_ms - time_ms)), "{s:?}");
    }
    assert!(answer(&request, &sky, None, Protocol::Rrlp).lacking.unavailable);
}

#[test]
fn too_much_is_cut_into_parts_that_lose_nothing() {
    let (sky, here) = (sky(), reference(1000.0));
    let mut request = navigation(Gnss::Gps, NavigationRequest::default());
    request.reference_location = true;
    request.system_mut(Gnss::Gps).almanac = Some(ModelChoice::default());
    request.system_mut(Gnss::Galileo).navigation = Some(NavigationRequest::default());
    let whole = answer(&request, &sky, Some(&here), Protocol::Lpp).assistance;
    assert_eq!(pack(whole.clone(), |_| true), std::slice::from_ref(&whole));
    let ephemerides = |a: &Assistance| a.systems.iter().map(|s| s.ephemerides.len()).sum::<usize>();
    let entries = |a: &Assistance| {
        a.systems.iter().filter_map(|s| s.almanac.as_ref()).map(|s| s.entries.len()).sum::<usize>()
    };
    let parts = pack(whole.clone(), |a| ephemerides(a) <= 4 && entries(a) <= 8);
    assert!(parts.len() > 2);
    assert!(parts[0].reference_location.is_some());
    assert_eq!(parts.iter().map(ephemerides).sum::<usize>(), ephemerides(&whole));
    assert_eq!(parts.iter().map(entries).sum::<usize>(), entries(&whole));
    assert!(pack(whole, |_| false).is_empty());
}
