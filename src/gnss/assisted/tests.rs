//! The solver on a made-up sky, where the truth is known to the millimetre.

use super::*;
use crate::base::broadcast::{Ephemeris, Gnss};
use crate::gnss::solve::link::{Atmosphere, Place};
use crate::gnss::solve::{Ionosphere, Signal, predict};
use crate::gnss::visibility::{Observer, to_ecef};
use crate::gnss::{SkySnapshot, SkyUpdate};
use crate::testing::sky as testsky;

const MS_M: f64 = 299_792.458;

struct World {
    sky: SkySnapshot,
    ephemerides: Vec<Ephemeris>,
    at: GeoPoint,
    altitude_m: f64,
    time: GpsTime,
}

impl World {
    fn new(lat: f64, lon: f64) -> Self {
        let update: SkyUpdate = testsky::update();
        let ephemerides = update.ephemerides.clone();
        Self {
            sky: SkySnapshot::of(&update),
            ephemerides,
            at: GeoPoint::new(lat, lon).unwrap(),
            altitude_m: 120.0,
            time: testsky::now().gps().offset_s(300.0),
        }
    }

    /// What is heard of these systems above 10°, with a clock error, noise that repeats, and a wrong time.
    fn measure(&self, systems: &[Gnss], clock_ms: f64, noise_m: f64, time_error_s: f64) -> MeasurementSet {
        let place = Place::new(to_ecef(self.at, self.altitude_m)).unwrap();
        let air = Atmosphere::over(&place, Ionosphere::of(&self.sky, self.time), self.time);
        let observer = Observer::new(self.at, self.altitude_m);
        let mut code_phases = Vec::new();
        for e in &self.ephemerides {
            let sat = e.sat();
            if !systems.contains(&sat.gnss) || sat == testsky::UNFIT {
                continue;
            }
            let signal = Signal::first(sat.gnss);
            let Ok(p) = predict(e, signal, &place, &air, self.time) else { continue };
            let (_, elevation) = observer.look_at(crate::gnss::orbit::state(e, self.time).position);
            if elevation < 10.0 {
                continue;
            }
            let noise = noise_m * ((f64::from(sat.number) * 7.3 + f64::from(sat.gnss as u8)).sin() * 1.4);
            let ms = (p.range_m + noise) / MS_M + clock_ms;
            code_phases.push(CodePhase {
                sat,
                signal,
                phase_ms: ms.rem_euclid(1.0),
                ambiguity_ms: 1,
                sigma_m: noise_m.max(1.0),
                cn0_dbhz: 40.0,
                multipath: Multipath::Low,
                doppler_mps: Some(-p.rate_mps - 12.0),
            });
        }
        MeasurementSet {
            time: self.time.offset_s(time_error_s),
            time_uncertainty_s: time_error_s.abs().max(1e-3),
            code_phases,
        }
    }

    fn reference(&self, north_km: f64, east_km: f64) -> Reference {
        let lat = self.at.lat + north_km / 111.2;
        let lon = self.at.lon + east_km / (111.2 * self.at.lat.to_radians().cos());
        Reference {
            at: GeoPoint::new(lat, lon).unwrap(),
            uncertainty_m: 1_000.0 * north_km.hypot(east_km).max(2.0),
            altitude_m: Some(60.0),
            altitude_uncertainty_m: 150.0,
        }
    }

    fn error_m(&self, fix: &Fix) -> f64 {
        self.at.distance_m(fix.at)
    }
}

#[test]
fn whole_milliseconds_are_found_from_far_away_and_at_the_wrong_time() {
    for (lat, lon) in [(50.1, 8.7), (-33.9, 151.2), (1.3, 103.8)] {
        let w = World::new(lat, lon);
        for (north, east) in [(0.0, 0.0), (90.0, -60.0), (-120.0, 20.0)] {
            for time_error in [0.0, 2.0, -2.0] {
                let set = w.measure(&[Gnss::Gps, Gnss::Galileo], 0.7, 3.0, time_error);
                let fix = locate(&w.sky, &[set], Some(&w.reference(north, east))).unwrap();
                assert!(w.error_m(&fix) < 25.0, "{lat} {north} {time_error}: {}", w.error_m(&fix));
                assert!((fix.time - w.time).abs() < 0.2 + 2e-3, "{time_error}: {}", fix.time - w.time);
            }
        }
    }
}

#[test]
fn a_measurement_that_is_off_by_a_kilometre_is_left_out() {
    let w = World::new(50.1, 8.7);
    let mut set = w.measure(&[Gnss::Gps, Gnss::Galileo], 0.2, 2.0, 0.0);
    let wrong = set.code_phases[3].sat;
    set.code_phases[3].phase_ms = (set.code_phases[3].phase_ms + 1_000.0 / MS_M).rem_euclid(1.0);
    let fix = locate(&w.sky, &[set], Some(&w.reference(5.0, 5.0))).unwrap();
    assert!(w.error_m(&fix) < 15.0, "{}", w.error_m(&fix));
    let out = fix.rejected.iter().find(|r| r.sat == wrong).unwrap();
    let Rejection::Contradicts { residual_m } = out.why else { panic!("{out:?}") };
    assert!((residual_m - 1_000).abs() < 50, "{residual_m}");
}

/// With five satellites a wrong one cannot be told from the others: the answer covers every explanation, and the whole
/// milliseconds of those that are right are right.
#[test]
fn too_few_to_tell_who_is_wrong_makes_a_wide_ellipse() {
    let w = World::new(50.1, 8.7);
    let mut good = w.measure(&[Gnss::Gps], 0.2, 2.0, 0.0);
    good.code_phases.truncate(5);
    let reference = w.reference(5.0, 5.0);
    let whole = |fix: &Fix, a: usize, b: usize| {
        let of = |i: usize| fix.used.iter().find(|u| u.sat == good.code_phases[i].sat);
        of(a).zip(of(b)).map(|(a, b)| a.travel_ms - b.travel_ms)
    };
    let truth = locate(&w.sky, std::slice::from_ref(&good), Some(&reference)).unwrap();
    for wrong in 0..5 {
        for off_m in [-1_800.0, 800.0, 1_800.0, 4_000.0] {
            let mut set = good.clone();
            let phase = &mut set.code_phases[wrong].phase_ms;
            *phase = (*phase + off_m / MS_M).rem_euclid(1.0);
            let fix = locate(&w.sky, &[set], Some(&reference)).unwrap();
            let far = w.error_m(&fix);
            assert!(far < fix.ellipse.semi_major_m, "{wrong} {off_m}: {far} {:?}", fix.ellipse);
            for i in (0..5).filter(|i| *i != wrong) {
                let first = usize::from(wrong == 0);
                if let (Some(found), Some(true_ms)) = (whole(&fix, i, first), whole(&truth, i, first)) {
                    assert!((found - true_ms).abs() < 0.1, "{wrong} {off_m}: {found} {true_ms}");
                }
            }
        }
    }
}

#[test]
fn three_satellites_and_the_altitude() {
    let w = World::new(50.1, 8.7);
    let mut set = w.measure(&[Gnss::Gps], 0.4, 2.0, 0.0);
    set.code_phases.truncate(3);
    let fix = locate(&w.sky, std::slice::from_ref(&set), Some(&w.reference(5.0, 5.0))).unwrap();
    assert!(fix.altitude_assumed);
    assert!(w.error_m(&fix) < fix.ellipse.semi_major_m);
    let blind = Reference { altitude_m: None, ..w.reference(5.0, 5.0) };
    assert_eq!(
        locate(&w.sky, std::slice::from_ref(&set), Some(&blind)),
        Err(Cannot::TooFew { measured: 3, usable: 3, needed: 4 })
    );
    set.code_phases.truncate(2);
    assert!(matches!(locate(&w.sky, &[set], Some(&w.reference(0.0, 0.0))), Err(Cannot::TooFew { .. })));
}

#[test]
fn sets_that_do_not_suffice_alone_do_together() {
    let w = World::new(50.1, 8.7);
    let all = w.measure(&[Gnss::Gps, Gnss::Galileo], 0.3, 2.0, 0.0);
    let later = World { time: w.time.offset_s(4.0), ..World::new(50.1, 8.7) };
    let second = later.measure(&[Gnss::Gps, Gnss::Galileo], -0.35, 2.0, 0.0);
    let n = all.code_phases.len();
    assert!(n >= 6);
    let part = |s: &MeasurementSet, range: std::ops::Range<usize>| MeasurementSet {
        code_phases: s.code_phases[range].to_vec(),
        ..s.clone()
    };
    let sets = [part(&all, 0..3), part(&second, 2..6)];
    let fix = locate(&w.sky, &sets, Some(&w.reference(8.0, 3.0))).unwrap();
    assert_eq!(fix.satellites(), 6);
    assert!(w.error_m(&fix) < fix.ellipse.semi_major_m.max(10.0), "{}", w.error_m(&fix));
    assert!(fix.ellipse.semi_major_m < 300.0, "{:?}", fix.ellipse);
}

#[test]
fn whole_milliseconds_that_were_told_are_used_and_not_believed_blindly() {
    let w = World::new(50.1, 8.7);
    let place = to_ecef(w.at, w.altitude_m);
    let mut set = w.measure(&[Gnss::Gps, Gnss::Galileo], 0.1, 2.0, 0.0);
    let honest = {
        let mut set = set.clone();
        for m in &mut set.code_phases {
            let e = w.sky.ephemeris(m.sat, w.time).unwrap();
            let p = Place::new(place).unwrap();
            let air = Atmosphere::over(&p, Ionosphere::of(&w.sky, w.time), w.time);
            let full = predict(e, m.signal, &p, &air, w.time).unwrap().range_m / MS_M + 0.1;
            m.phase_ms += (full - m.phase_ms).round();
            m.ambiguity_ms = 0;
        }
        set
    };
    let fix = locate(&w.sky, std::slice::from_ref(&honest), Some(&w.reference(200.0, 150.0))).unwrap();
    assert!(w.error_m(&fix) < 15.0, "{}", w.error_m(&fix));
    for (m, h) in set.code_phases.iter_mut().zip(&honest.code_phases) {
        *m = *h;
    }
    set.code_phases[2].phase_ms += 3.0;
    let fix = locate(&w.sky, &[set], Some(&w.reference(10.0, 10.0))).unwrap();
    assert!(w.error_m(&fix) < 15.0, "{}", w.error_m(&fix));
}

#[test]
fn nonsense_has_a_reason_and_an_end() {
    let w = World::new(50.1, 8.7);
    let good = w.measure(&[Gnss::Gps, Gnss::Galileo], 0.2, 2.0, 0.0);
    let reference = w.reference(5.0, 5.0);
    assert_eq!(locate(&w.sky, &[], Some(&reference)), Err(Cannot::NoMeasurements));
    assert!(matches!(
        locate(&SkySnapshot::default(), std::slice::from_ref(&good), Some(&reference)),
        Err(Cannot::TooFew { usable: 0, .. })
    ));
    let with = |f: &dyn Fn(usize, &mut CodePhase)| {
        let mut set = good.clone();
        for (i, m) in set.code_phases.iter_mut().enumerate() {
            f(i, m);
        }
        locate(&w.sky, &[set], Some(&reference))
    };
    assert!(with(&|_, m| m.phase_ms = f64::NAN).is_err());
    assert!(with(&|_, m| m.phase_ms = 1e300).is_err());
    assert!(with(&|_, m| m.sigma_m = f64::NAN).is_err());
    // Phases at random: no place, or one that does not claim to be exact.
    for seed in 0..6 {
        let random = with(&|i, m| m.phase_ms = ((i * 7919 + seed * 104_729) % 1_000) as f64 / 1e3);
        if let Ok(fix) = random {
            assert!(w.error_m(&fix) < 1.5 * fix.ellipse.semi_major_m, "{seed} {fix:?}");
        }
    }
    let finite =
        |fix: &Fix| fix.position.iter().all(|v| v.is_finite()) && fix.ellipse.semi_major_m.is_finite();
    for fix in [
        with(&|_, m| m.sigma_m = f64::INFINITY),
        with(&|_, m| m.cn0_dbhz = f64::NAN),
        with(&|_, m| m.doppler_mps = Some(f64::INFINITY)),
        with(&|_, m| m.sigma_m = 0.0),
    ] {
        assert!(finite(&fix.unwrap()));
    }
    let mut set = good.clone();
    set.time_uncertainty_s = f64::NAN;
    assert!(locate(&w.sky, &[set], Some(&reference)).is_ok_and(|f| finite(&f)));
    for bad in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
        let odd =
            Reference { uncertainty_m: bad, altitude_m: Some(bad), altitude_uncertainty_m: bad, ..reference };
        if let Ok(fix) = locate(&w.sky, std::slice::from_ref(&good), Some(&odd)) {
            assert!(finite(&fix) && w.error_m(&fix) < 20.0);
        }
    }
    let pole = Reference { at: GeoPoint::new(90.0, 0.0).unwrap(), ..reference };
    let _ = locate(&w.sky, std::slice::from_ref(&good), Some(&pole));
    let many = vec![good; 9];
    assert!(locate(&w.sky, &many, Some(&reference)).is_ok_and(|f| w.error_m(&f) < 20.0));
}

#[test]
fn a_handset_at_rest_is_at_rest() {
    let w = World::new(50.1, 8.7);
    let set = w.measure(&[Gnss::Gps, Gnss::Galileo], 0.2, 2.0, 0.0);
    let fix = locate(&w.sky, &[set], Some(&w.reference(5.0, 5.0))).unwrap();
    let v = fix.velocity.unwrap();
    assert!(v.speed_mps < 0.05 && v.vertical_mps.unwrap().abs() < 0.05, "{v:?}");
    assert!(v.speed_unc_mps.unwrap() < 2.0);
}

#[test]
fn without_a_reference_the_doppler_shifts_tell_where_to_begin() {
    for (lat, lon) in [(50.1, 8.7), (-33.9, 151.2), (1.3, 103.8), (64.0, -22.0)] {
        let w = World::new(lat, lon);
        let set = w.measure(&[Gnss::Gps, Gnss::Galileo], 0.2, 2.0, 0.0);
        let fix = locate(&w.sky, std::slice::from_ref(&set), None).unwrap();
        assert!(w.error_m(&fix) < 25.0, "{lat}: {}", w.error_m(&fix));
        let mut silent = set;
        for m in &mut silent.code_phases {
            m.doppler_mps = None;
        }
        assert_eq!(locate(&w.sky, &[silent], None), Err(Cannot::NoReference));
    }
}
