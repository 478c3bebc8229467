//! RINEX files of any version, plain or gzip: every navigation message that is read can be offered and computed with, and
//! observations come to an end.

#![no_main]

use groma::base::{GeoPoint, GpsTime, Utc};
use groma::feed::rinex;
use groma::gnss::SkySnapshot;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(epochs) = rinex::observations(bytes) {
        assert!(epochs.count() <= bytes.len().max(64) * 1100, "more epochs than gzip can hold");
    }
    let received = Utc::from_unix_s(1_672_574_400);
    let Ok((update, _)) = rinex::read(bytes, "fuzz", received) else { return };
    let sky = SkySnapshot::of(&update);
    let now = GpsTime::from_utc(received);
    let here = GeoPoint::new(50.0, 8.0).expect("a place");
    for visible in sky.visible(here, 100.0, now, 5.0) {
        assert!(visible.elevation_deg.is_finite() && visible.azimuth_deg.is_finite());
    }
});
