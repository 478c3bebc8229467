//! What a MS-Assisted session costs the processor: a full set of acquisition assistance (aim: at most 20 µs), and a position
//! from the code phases of four systems.

// A bench that cannot run says why by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use groma::base::{GeoPoint, GpsTime, Utc};
use groma::feed::simulated;
use groma::gnss::SkySnapshot;
use groma::gnss::acquisition::Viewpoint;
use groma::gnss::assisted::{CodePhase, MeasurementSet, Multipath, Reference, locate};
use groma::gnss::solve::link::{Atmosphere, Place};
use groma::gnss::solve::{Ionosphere, Signal, predict};
use groma::gnss::visibility::to_ecef;

const ALTITUDE_M: f64 = 120.0;

fn sky() -> (SkySnapshot, GpsTime, GeoPoint) {
    let now = GpsTime::from_utc(Utc::from_civil(2026, 1, 1, 12, 0, 0).expect("a date"));
    let sky = SkySnapshot::of(&simulated::sky_at(now));
    (sky, now.offset_s(60.0), GeoPoint::new(50.1, 8.7).expect("a place"))
}

fn acquisition(c: &mut Criterion) {
    let (sky, t, at) = sky();
    let seen = sky.visible(at, ALTITUDE_M, t, 5.0);
    let name = format!("acquisition assistance, {} satellites", seen.len());
    c.bench_function(&name, |b| {
        b.iter(|| {
            let view = Viewpoint::new(at, ALTITUDE_M, 3_000.0, 150.0, t, 2.0).expect("a place");
            for v in &seen {
                black_box(view.expect(v.ephemeris, Signal::first(v.sat.gnss)));
            }
        });
    });
}

fn measured(sky: &SkySnapshot, t: GpsTime, at: GeoPoint) -> MeasurementSet {
    let place = Place::new(to_ecef(at, ALTITUDE_M)).expect("a place");
    let air = Atmosphere::over(&place, Ionosphere::of(sky, t), t);
    let code_phases = sky
        .visible(at, ALTITUDE_M, t, 10.0)
        .iter()
        .filter_map(|v| {
            let signal = Signal::first(v.sat.gnss);
            let p = predict(v.ephemeris, signal, &place, &air, t).ok()?;
            let noise = 3.0 * (f64::from(v.sat.number) * 7.3).sin();
            Some(CodePhase {
                sat: v.sat,
                signal,
                phase_ms: ((p.range_m + noise) / 299_792.458 + 0.3).rem_euclid(1.0),
                ambiguity_ms: 1,
                sigma_m: 3.0,
                cn0_dbhz: 40.0,
                multipath: Multipath::Low,
                doppler_mps: Some(-p.rate_mps),
            })
        })
        .collect();
    MeasurementSet { time: t, time_uncertainty_s: 1e-3, code_phases }
}

fn position(c: &mut Criterion) {
    let (sky, t, at) = sky();
    let set = measured(&sky, t, at);
    let reference = Reference {
        at: GeoPoint::new(at.lat + 0.1, at.lon).expect("a place"),
        uncertainty_m: 15_000.0,
        altitude_m: Some(100.0),
        altitude_uncertainty_m: 150.0,
    };
    let name = format!("position from {} code phases", set.code_phases.len());
    c.bench_function(&name, |b| {
        b.iter(|| locate(&sky, black_box(std::slice::from_ref(&set)), Some(&reference)).expect("a position"));
    });
}

criterion_group!(benches, acquisition, position);
criterion_main!(benches);
