//! The solver on a made-up sky, where every error is one that was put in; and on nonsense.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::base::broadcast::{Ephemeris, Gnss, SatId};
use crate::base::{GeoPoint, GpsTime, Utc};
use crate::feed::simulated;
use crate::gnss::scale::C;
use crate::gnss::visibility::{Ecef, to_ecef};
use crate::gnss::{SkySnapshot, SkyUpdate};

const CLOCK_S: f64 = 1.3e-4;
const DRIFT: f64 = 2e-8;

fn noon() -> GpsTime {
    GpsTime::from_utc(Utc::from_civil(2026, 3, 1, 12, 0, 0).unwrap())
}

/// The sky at noon, worked out once for all tests.
static SKY: LazyLock<(SkyUpdate, SkySnapshot)> = LazyLock::new(|| {
    let update = simulated::sky_at(noon());
    let sky = SkySnapshot::of(&update);
    (update, sky)
});

fn update() -> SkyUpdate {
    SKY.0.clone()
}

fn here() -> Place {
    Place::new(to_ecef(GeoPoint::new(50.1, 8.7).unwrap(), 180.0)).unwrap()
}

/// What a receiver at a place measures of each satellite above 5°, without any error but its clock's.
fn measured(update: &SkyUpdate, place: &Place, systems: &str) -> Epoch {
    let sky = SkySnapshot::of(update);
    let systems: Systems = systems.parse().unwrap();
    let t = noon();
    let atmosphere = Atmosphere::over(place, Ionosphere::of(&sky, t), t);
    let observations = systems
        .iter()
        .flat_map(|g| sky.usable(g, t).collect::<Vec<_>>())
        .filter_map(|e| {
            let signal = Signal::first(e.sat().gnss);
            let p = predict(e, signal, place, &atmosphere, t.offset_s(-CLOCK_S)).ok()?;
            (p.ray.elevation > 5_f64.to_radians()).then(|| {
                let mut o = Observation::new(e.sat(), signal, p.range_m + C * CLOCK_S);
                o.rate_mps = Some(p.rate_mps + C * DRIFT);
                o
            })
        })
        .collect();
    Epoch { time: t, observations }
}

fn solved(update: &SkyUpdate, epoch: &Epoch, prior: &Prior) -> Result<Fix, SolveError> {
    Solver::new().solve(&SkySnapshot::of(update), epoch, &Options::default(), prior)
}

fn away(fix: &Fix) -> f64 {
    let truth = here().position;
    (0..3).map(|i| (fix.position[i] - truth[i]).powi(2)).sum::<f64>().sqrt()
}

fn outliers(fix: &Fix) -> Vec<SatId> {
    let out = |r: &&Rejected| matches!(r.reason, Reason::Outlier { .. });
    fix.rejected.iter().filter(out).map(|r| r.sat).collect()
}

#[test]
fn what_was_measured_without_error_is_solved_without_error() {
    let update = update();
    for systems in ["G", "E", "R", "C", "GREC"] {
        let fix = solved(&update, &measured(&update, &here(), systems), &Prior::default()).unwrap();
        assert!(away(&fix) < 0.05, "{systems}: {}", away(&fix));
        assert!((fix.clock_s - CLOCK_S).abs() < 1e-9);
        assert!((fix.time - noon().offset_s(-CLOCK_S)).abs() < 2e-9);
        let v = fix.velocity.unwrap();
        assert!(v.enu_mps.iter().all(|v| v.abs() < 0.01), "{:?}", v.enu_mps);
        assert!((v.clock_drift - DRIFT).abs() < 1e-10);
        assert!(fix.dop.horizontal > 0.3 && fix.dop.position < 30.0, "{:?}", fix.dop);
        assert!(outliers(&fix).is_empty());
        assert!(matches!(fix.consistency, Consistency::Agree | Consistency::Unchecked));
    }
}

#[test]
fn systems_run_apart_and_are_held_together() {
    let update = update();
    let mut epoch = measured(&update, &here(), "GREC");
    for o in &mut epoch.observations {
        o.range_m += match o.sat.gnss {
            Gnss::Galileo => 12.0,
            Gnss::BeiDou => -40.0,
            Gnss::Glonass => 150.0,
            _ => 0.0,
        };
    }
    let fix = solved(&update, &epoch, &Prior::default()).unwrap();
    assert!(away(&fix) < 1.0, "{}", away(&fix));
    assert!(outliers(&fix).is_empty());
    let bias = |g| fix.biases_m.iter().find(|(s, _)| *s == g).unwrap().1;
    assert!((bias(Gnss::BeiDou) - bias(Gnss::Galileo) + 52.0).abs() < 2.0, "{:?}", fix.biases_m);
}

#[test]
fn one_measurement_off_by_a_kilometre_is_left_out_and_named() {
    let update = update();
    for systems in ["G", "GREC"] {
        let epoch = measured(&update, &here(), systems);
        for i in 0..epoch.observations.len() {
            for off in [1000.0, -1000.0, 80.0] {
                let mut bad = epoch.clone();
                bad.observations[i].range_m += off;
                let fix = solved(&update, &bad, &Prior::default()).unwrap();
                let below = fix.used.iter().all(|u| u.sat != bad.observations[i].sat);
                assert!(below || fix.consistency == Consistency::Suspect, "{systems} {i} {off}");
                assert!(away(&fix) < 50.0 || fix.consistency == Consistency::Suspect, "{}", away(&fix));
            }
        }
    }
}

#[test]
fn several_false_measurements_are_left_out() {
    let update = update();
    let mut epoch = measured(&update, &here(), "GREC");
    for (i, off) in [(1, 5_000.0), (6, -700.0), (11, 90.0), (15, 300_000.0)] {
        epoch.observations[i].range_m += off;
    }
    let fix = solved(&update, &epoch, &Prior::default()).unwrap();
    assert!(away(&fix) < 5.0, "{}", away(&fix));
    assert_eq!(fix.consistency, Consistency::Agree);
}

#[test]
fn a_satellite_with_a_clock_jump_or_a_false_orbit_is_left_out() {
    let good = update();
    let epoch = measured(&good, &here(), "GE");
    let full = solved(&good, &epoch, &Prior::default()).unwrap();
    let victim = full.used.iter().find(|u| u.sat.gnss == Gnss::Gps).unwrap().sat;
    let spoil = |with: fn(&mut Ephemeris)| {
        let mut update = good.clone();
        update.ephemerides.iter_mut().filter(|e| e.sat() == victim).for_each(with);
        update
    };
    let jumped = spoil(|e| {
        if let Ephemeris::Lnav(l) = e {
            // A microsecond: 300 m.
            l.af0 += 2147;
        }
    });
    let elsewhere = spoil(|e| {
        if let Ephemeris::Lnav(l) = e {
            l.kepler.m0 = l.kepler.m0.wrapping_add(200_000_000);
        }
    });
    let other_size = spoil(|e| {
        if let Ephemeris::Lnav(l) = e {
            l.kepler.sqrt_a += l.kepler.sqrt_a / 20;
        }
    });
    for (name, update) in [("clock", jumped), ("orbit", elsewhere), ("size", other_size)] {
        let fix = solved(&update, &epoch, &Prior::default()).unwrap();
        assert!(fix.used.iter().all(|u| u.sat != victim), "{name}");
        assert!(away(&fix) < 1.0, "{name}: {}", away(&fix));
    }
}

#[test]
fn with_one_satellite_to_spare_a_contradiction_is_said() {
    let update = update();
    let mut epoch = measured(&update, &here(), "G");
    epoch.observations.retain(|o| {
        let sky = SkySnapshot::of(&update);
        let e = sky.ephemeris(o.sat, noon()).unwrap();
        let state = crate::gnss::orbit::state(e, noon());
        let d: Ecef = std::array::from_fn(|i| state.position[i] - here().position[i]);
        let n = (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]).sqrt();
        here().ray(d.map(|x| x / n)).elevation > 10.5_f64.to_radians()
    });
    epoch.observations.truncate(5);
    epoch.observations[2].range_m += 1000.0;
    match solved(&update, &epoch, &Prior::default()) {
        Ok(fix) => {
            assert_eq!(fix.consistency, Consistency::Suspect);
            let e = fix.ellipse(95);
            assert!(e.semi_major_m > 50.0, "{e:?}");
        }
        Err(e) => assert!(matches!(e, SolveError::Geometry | SolveError::Inconsistent), "{e}"),
    }
}

#[test]
fn an_altitude_stands_in_for_the_fourth_satellite() {
    let update = update();
    let mut epoch = measured(&update, &here(), "G");
    let fix = solved(&update, &epoch, &Prior::default()).unwrap();
    epoch.observations.retain(|o| fix.used.iter().take(3).any(|u| u.sat == o.sat));
    let few = solved(&update, &epoch, &Prior::default()).unwrap_err();
    assert_eq!(few, SolveError::TooFew { usable: 3, needed: 4 });
    let near = to_ecef(GeoPoint::new(50.0, 8.5).unwrap(), 0.0);
    let prior = Prior { start: Some(near), altitude: Some((180.0, 10.0)), ..Prior::default() };
    let fix = solved(&update, &epoch, &prior).unwrap();
    assert!(away(&fix) < 30.0, "{}", away(&fix));
    assert_eq!(fix.consistency, Consistency::Unchecked);
}

#[test]
fn a_coarse_time_is_found_out() {
    let update = update();
    let exact = measured(&update, &here(), "GE");
    let near = to_ecef(GeoPoint::new(50.3, 8.2).unwrap(), 0.0);
    for error_s in [-1.5, 0.3, 2.0] {
        // The receiver says the wrong time; its pseudoranges have an arbitrary number of milliseconds in common.
        let mut epoch = exact.clone();
        epoch.time = exact.time.offset_s(error_s);
        for o in &mut epoch.observations {
            o.range_m += 3.0 * C * 1e-3;
        }
        let prior = Prior { start: Some(near), time_sigma_s: Some(2.0), ..Prior::default() };
        let fix = solved(&update, &epoch, &prior).unwrap();
        assert!(away(&fix) < 2.0, "{error_s}: {}", away(&fix));
        let (found, sigma) = fix.time_error_s.unwrap();
        assert!((found + error_s).abs() < 0.02 && sigma < 0.1, "{error_s}: {found} ± {sigma}");
    }
}

#[test]
fn what_cannot_be_solved_is_told() {
    let update = update();
    let epoch = measured(&update, &here(), "G");
    let none = Epoch { time: noon(), observations: Vec::new() };
    assert_eq!(
        solved(&update, &none, &Prior::default()).unwrap_err(),
        SolveError::TooFew { usable: 0, needed: 4 }
    );
    let stale = Epoch { time: noon().offset_s(90_000.0), ..epoch.clone() };
    assert!(matches!(solved(&update, &stale, &Prior::default()), Err(SolveError::TooFew { usable: 0, .. })));
    let many = Epoch { time: noon(), observations: vec![epoch.observations[0]; MAX_OBSERVATIONS + 1] };
    assert!(matches!(solved(&update, &many, &Prior::default()), Err(SolveError::TooMany(_))));
    let same = Epoch { time: noon(), observations: vec![epoch.observations[0]; 8] };
    assert!(matches!(solved(&update, &same, &Prior::default()), Err(SolveError::TooFew { usable: 1, .. })));
    let mut nan = epoch.clone();
    nan.observations[0].range_m = f64::NAN;
    nan.observations[1].ambiguity_ms = 1;
    let mut solver = Solver::new();
    let fix = solver.solve(&SkySnapshot::of(&update), &nan, &Options::default(), &Prior::default()).unwrap();
    let reason = |sat| fix.rejected.iter().find(|r| r.sat == sat).unwrap().reason;
    assert_eq!(reason(nan.observations[0].sat), Reason::Range);
    assert_eq!(reason(nan.observations[1].sat), Reason::Ambiguous);
    let prior = Prior { start: Some([f64::NAN; 3]), ..Prior::default() };
    assert!(matches!(solved(&update, &epoch, &prior), Err(SolveError::NotANumber(_))));
}

/// What is measured at noon.
static NOON: LazyLock<Epoch> = LazyLock::new(|| measured(&SKY.0, &here(), "GREC"));

/// Everything that a fix says is a number.
fn all_finite(fix: &Fix) -> bool {
    let e = fix.ellipse(95);
    let numbers = [fix.altitude_m, fix.clock_s, fix.chi2, e.semi_major_m, e.semi_minor_m, e.orientation_deg];
    numbers.iter().chain(&fix.position).chain(fix.covariance.iter().flatten()).all(|x| x.is_finite())
        && fix.used.iter().all(|u| u.residual_m.is_finite() && u.sigma_m.is_finite())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Any numbers in the place of measurements end in a fix of numbers or in a reason.
    #[test]
    fn nonsense_ends(
        ranges in proptest::collection::vec((0_usize..40, any::<f64>(), any::<Option<f64>>()), 0..30),
        spread in prop_oneof![Just(1e3), Just(1e6), Just(1e8)],
        noise in proptest::collection::vec(-1.0_f64..1.0, 40),
        start in any::<Option<[f64; 3]>>(),
        coarse in any::<bool>(),
        off_s in -1e5_f64..1e5,
    ) {
        let mut epoch = NOON.clone();
        epoch.time = epoch.time.offset_s(if coarse { off_s * 1e-4 } else { 0.0 });
        for (o, n) in epoch.observations.iter_mut().zip(&noise) {
            o.range_m += spread * n;
            o.rate_mps = o.rate_mps.map(|r| r + spread * n);
        }
        for (i, range, rate) in &ranges {
            if let Some(o) = epoch.observations.get_mut(*i) {
                o.range_m = *range;
                o.rms_m = *rate;
                o.rate_mps = *rate;
                o.cn0_dbhz = *rate;
                o.multipath_m = *rate;
            }
        }
        let prior = Prior { start, time_sigma_s: coarse.then_some(2.0), ..Prior::default() };
        for ionosphere in [IonosphereChoice::Best, IonosphereChoice::Free] {
            let options = Options { ionosphere, ..Options::default() };
            if let Ok(fix) = Solver::new().solve(&SKY.1, &epoch, &options, &prior) {
                prop_assert!(all_finite(&fix), "{fix:?}");
            }
        }
    }
}
