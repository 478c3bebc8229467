//! The codes of 3GPP TS 23.032: latitudes, longitudes, uncertainties, altitudes, velocities.
//!
//! ULP, LPP and the octets of RRLP all use these numbers; [`octets`] has the octet forms.

pub mod octets;

use crate::base::geo::{Ellipse, GeoPoint, Shape, Velocity, wrap_deg};

/// An uncertainty code r = C·((1 + x)^K − 1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Uncertainty {
    c: f64,
    x: f64,
    max: u8,
}

/// Horizontal uncertainty in metres, K 0..=127 (clause 6.2): up to 1,800 km.
pub const HORIZONTAL: Uncertainty = Uncertainty { c: 10.0, x: 0.1, max: 127 };
/// Vertical uncertainty in metres, K 0..=127 (clause 6.4): up to 990 m.
pub const VERTICAL: Uncertainty = Uncertainty { c: 45.0, x: 0.025, max: 127 };
/// High-accuracy uncertainty in metres, K 0..=255 (clause 6.2a): up to 46 m.
pub const HIGH_ACCURACY: Uncertainty = Uncertainty { c: 0.3, x: 0.02, max: 255 };
/// High-accuracy extended uncertainty in metres, K 0..=255 (clause 6.2b): 200 m at K = 254.
pub const HIGH_ACCURACY_EXTENDED: Uncertainty = Uncertainty { c: 0.3, x: 0.02594, max: 255 };
/// Time uncertainty of RRLP in microseconds (TS 44.031 A.4.6.1a), K 0..=127: up to 3 s.
pub const RRLP_TIME_US: Uncertainty = Uncertainty { c: 0.0022, x: 0.18, max: 127 };
/// Time uncertainty of LPP in microseconds (TS 37.355 `referenceTimeUnc`), K 0..=127: up to 8.4 s.
pub const LPP_TIME_US: Uncertainty = Uncertainty { c: 0.5, x: 0.14, max: 127 };

impl Uncertainty {
    /// What a code means.
    pub fn value(self, k: u8) -> f64 {
        self.c * ((1.0 + self.x).powi(i32::from(k.min(self.max))) - 1.0)
    }

    /// The code that comes nearest without making the uncertainty smaller (but the largest code stands for all that is
    /// above it; not a number counts as that).
    pub fn ceil(self, r: f64) -> u8 {
        let k = self.exponent(r);
        // A quantised value must find its own code again in spite of rounding.
        let k = if (k - k.round()).abs() < 1e-6 { k.round() } else { k.ceil() };
        self.clamp(k)
    }

    /// The code that comes nearest without making a demand weaker.
    pub fn floor(self, r: f64) -> u8 {
        let k = self.exponent(r);
        let k = if (k - k.round()).abs() < 1e-6 { k.round() } else { k.floor() };
        self.clamp(k)
    }

    /// The largest value that a code can mean.
    pub fn max(self) -> f64 {
        self.value(self.max)
    }

    fn exponent(self, r: f64) -> f64 {
        if r.is_nan() { f64::INFINITY } else { (r.max(0.0) / self.c).ln_1p() / self.x.ln_1p() }
    }

    fn clamp(self, k: f64) -> u8 {
        if k >= f64::from(self.max) { self.max } else { k as u8 }
    }
}

/// 2^23.
const P23: f64 = 8_388_608.0;
/// 2^31.
const P31: f64 = 2_147_483_648.0;

/// Sign (south) and 23-bit magnitude of a latitude: N ≤ X·2^23/90 < N + 1.
pub fn latitude(deg: f64) -> (bool, u32) {
    let n = (deg.abs() * P23 / 90.0).floor().clamp(0.0, P23 - 1.0) as u32;
    (deg < 0.0 && n > 0, n)
}

/// The latitude that a code means.
pub fn latitude_deg(south: bool, n: u32) -> f64 {
    let deg = f64::from(n.min(0x7f_ffff)) * 90.0 / P23;
    if south { -deg } else { deg }
}

/// 24-bit code of a longitude: N ≤ X·2^24/360 < N + 1. 180° east is 180° west.
pub fn longitude(deg: f64) -> i32 {
    let n = (wrap_deg(deg) * P23 / 180.0).floor();
    n.clamp(-P23, P23 - 1.0) as i32
}

/// The longitude that a code means.
pub fn longitude_deg(n: i32) -> f64 {
    f64::from(n.clamp(-0x80_0000, 0x7f_ffff)) * 180.0 / P23
}

/// 32-bit latitude and longitude of the high-accuracy shapes (clause 6.1a).
pub fn high_accuracy_point(p: GeoPoint) -> (i32, i32) {
    let code = |x: f64| (x * P31).floor().clamp(-P31, P31 - 1.0) as i32;
    (code(p.lat / 90.0), code(wrap_deg(p.lon) / 180.0))
}

/// The point that high-accuracy codes mean.
pub fn high_accuracy_deg(lat: i32, lon: i32) -> Option<GeoPoint> {
    GeoPoint::new(f64::from(lat) / P31 * 90.0, f64::from(lon) / P31 * 180.0)
}

/// Altitude of the high-accuracy shapes, 1/128 m.
pub fn high_accuracy_altitude(m: f64) -> i32 {
    (m * 128.0).round().clamp(-64_000.0, 1_280_000.0) as i32
}

/// The altitude that a high-accuracy code means.
pub fn high_accuracy_altitude_m(n: i32) -> f64 {
    f64::from(n) / 128.0
}

/// A point from its codes.
pub fn point(south: bool, lat: u32, lon: i32) -> Option<GeoPoint> {
    GeoPoint::new(latitude_deg(south, lat), longitude_deg(lon))
}

/// Depth and 15-bit magnitude of an altitude in metres (clause 6.3).
pub fn altitude(m: f64) -> (bool, u16) {
    let n = m.abs().floor().clamp(0.0, 32_767.0) as u16;
    (m < 0.0 && n > 0, n)
}

/// The altitude that a code means.
pub fn altitude_m(depth: bool, n: u16) -> f64 {
    if depth { -f64::from(n) } else { f64::from(n) }
}

/// Orientation of a major axis, whole degrees 0..=179.
pub fn orientation(deg: f64) -> u8 {
    if deg.is_finite() { deg.rem_euclid(180.0).floor() as u8 } else { 0 }
}

/// Code of an arc's angle, in units of 2° (clause 6.7), 0..=179.
pub fn arc_angle(deg: f64) -> u8 {
    if deg.is_finite() { (deg.rem_euclid(360.0) / 2.0).floor().min(179.0) as u8 } else { 0 }
}

/// Code of an arc's inner radius, in units of 5 m (clause 6.6).
pub fn inner_radius(m: f64) -> u16 {
    (m / 5.0).floor().clamp(0.0, 65_535.0) as u16
}

/// Confidence: 0 and values above 100 say nothing.
pub fn confidence(code: u8) -> Option<u8> {
    (1..=100).contains(&code).then_some(code)
}

/// Code of a confidence; unknown is 0.
pub fn confidence_code(c: Option<u8>) -> u8 {
    c.map_or(0, |c| c.min(100))
}

/// An ellipse from its codes.
pub fn ellipse(major: u8, minor: u8, orientation_deg: u8, conf: u8) -> Ellipse {
    Ellipse {
        semi_major_m: HORIZONTAL.value(major),
        semi_minor_m: HORIZONTAL.value(minor),
        orientation_deg: f64::from(orientation_deg % 180),
        confidence: confidence(conf),
    }
}

/// The shape as a point with altitude, uncertainty ellipsoid and confidence; what it lacks is filled with the widest
/// uncertainty. `None` for a polygon without corners.
pub fn as_ellipsoid(shape: &Shape) -> Option<(GeoPoint, Ellipse, f64, f64)> {
    let at = shape.centre()?;
    let ellipse = horizontal(shape).unwrap_or(Ellipse::circle(HORIZONTAL.max(), None));
    let altitude = shape.altitude_m();
    let unc = shape.vertical_uncertainty_m().unwrap_or(VERTICAL.max());
    Some((at, ellipse, altitude.unwrap_or(0.0), if altitude.is_some() { unc } else { VERTICAL.max() }))
}

/// The horizontal uncertainty of a shape as an ellipse around its centre.
pub fn horizontal(shape: &Shape) -> Option<Ellipse> {
    match shape {
        Shape::Ellipse { ellipse, .. } | Shape::Ellipsoid { ellipse, .. } => Some(*ellipse),
        Shape::Arc { confidence, .. } => {
            shape.horizontal_uncertainty_m().map(|r| Ellipse::circle(r, *confidence))
        }
        other => other.horizontal_uncertainty_m().map(|r| Ellipse::circle(r, None)),
    }
}

/// Velocity in the codes of clause 8: km/h and degrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VelocityCode {
    /// Degrees, 0..=359.
    pub bearing: u16,
    /// km/h, 0..=2047.
    pub speed: u16,
    /// Downward, km/h 0..=255.
    pub vertical: Option<(bool, u8)>,
    /// km/h, 255 unknown.
    pub speed_unc: Option<u8>,
    /// km/h, 255 unknown.
    pub vertical_unc: Option<u8>,
}

/// m/s of a km/h.
const KMH: f64 = 1.0 / 3.6;

impl VelocityCode {
    /// Codes of a velocity. A vertical uncertainty without a vertical speed is dropped.
    pub fn new(v: &Velocity) -> Self {
        let unc = |u: f64| {
            let k = u / KMH;
            // 255 means unknown; a quantised value finds its own code again.
            if k > 254.0 { 255 } else { (k - 1e-6).ceil().max(0.0) as u8 }
        };
        let speed = |s: f64, max: f64| (s.abs() / KMH).round().min(max);
        let vertical = v.vertical_mps.map(|s| {
            let n = speed(s, 255.0) as u8;
            (s < 0.0 && n > 0, n)
        });
        let both = v.speed_unc_mps.is_some() || v.vertical_unc_mps.is_some();
        Self {
            bearing: (v.bearing_deg.rem_euclid(360.0).round() as u16) % 360,
            speed: speed(v.speed_mps, 2047.0) as u16,
            vertical,
            speed_unc: both.then(|| v.speed_unc_mps.map_or(255, unc)),
            vertical_unc: (both && vertical.is_some()).then(|| v.vertical_unc_mps.map_or(255, unc)),
        }
    }

    /// The velocity that codes mean.
    pub fn velocity(self) -> Velocity {
        let unc = |u: Option<u8>| u.filter(|u| *u != 255).map(|u| f64::from(u) * KMH);
        Velocity {
            speed_mps: f64::from(self.speed) * KMH,
            bearing_deg: f64::from(self.bearing % 360),
            vertical_mps: self
                .vertical
                .map(|(down, v)| if down { -f64::from(v) } else { f64::from(v) } * KMH),
            speed_unc_mps: unc(self.speed_unc),
            vertical_unc_mps: unc(self.vertical_unc),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_codes() {
        assert_eq!(HORIZONTAL.ceil(0.0), 0);
        assert!((HORIZONTAL.value(127) - 1_800_000.0).abs() < 10_000.0);
        assert!((VERTICAL.value(127) - 990.0).abs() < 1.0);
        assert!((HIGH_ACCURACY.value(255) - 46.5).abs() < 0.3);
        assert!((LPP_TIME_US.value(59) - 1_140.0).abs() < 10.0);
        assert!((RRLP_TIME_US.value(127) * 1e-6 - 3.0).abs() < 0.1);
        assert_eq!(HORIZONTAL.ceil(f64::NAN), 127);
        assert_eq!(HORIZONTAL.ceil(f64::INFINITY), 127);
        assert_eq!(HORIZONTAL.floor(100.0), 25);
    }

    #[test]
    fn high_accuracy_codes_reach_as_far_as_they_are_meant_to() {
        assert!((HIGH_ACCURACY.max() - 46.491).abs() < 1e-3);
        assert!((HIGH_ACCURACY.value(1) - 0.006).abs() < 1e-12);
        assert!((HIGH_ACCURACY_EXTENDED.value(254) - 200.0).abs() < 0.5);
        assert_eq!(HIGH_ACCURACY_EXTENDED.ceil(1e6), 255);
    }

    #[test]
    fn poles_and_antimeridian() {
        assert_eq!(latitude(90.0), (false, 0x7f_ffff));
        assert_eq!(latitude(-90.0), (true, 0x7f_ffff));
        assert_eq!(latitude(-0.0), (false, 0));
        assert_eq!(longitude(180.0), -0x80_0000);
        assert_eq!(longitude(-180.0), -0x80_0000);
        assert_eq!(longitude(179.999_999_9), 0x7f_ffff);
        assert_eq!(high_accuracy_point(GeoPoint { lat: 90.0, lon: 180.0 }), (i32::MAX, i32::MIN));
        assert_eq!(orientation(180.0), 0);
        assert_eq!(orientation(-1.0), 179);
    }

    proptest! {
        #[test]
        fn every_code_finds_itself(k in 0u8..=127, h in any::<u8>(), lat in 0u32..0x80_0000, lon in -0x80_0000i32..0x80_0000) {
            for code in [HORIZONTAL, VERTICAL, RRLP_TIME_US, LPP_TIME_US] {
                prop_assert_eq!(code.ceil(code.value(k)), k);
                prop_assert_eq!(code.floor(code.value(k)), k);
            }
            for code in [HIGH_ACCURACY, HIGH_ACCURACY_EXTENDED] {
                prop_assert_eq!(code.ceil(code.value(h)), h);
            }
            prop_assert_eq!(latitude(latitude_deg(false, lat)), (false, lat));
            prop_assert_eq!(longitude(longitude_deg(lon)), lon);
        }

        #[test]
        fn uncertainty_is_never_made_smaller(r in 0.0f64..900.0) {
            for code in [HORIZONTAL, VERTICAL, LPP_TIME_US] {
                prop_assert!(code.value(code.ceil(r)) >= r * (1.0 - 1e-6));
                prop_assert!(code.value(code.floor(r)) <= r * (1.0 + 1e-6));
            }
        }

        #[test]
        fn points_stay_within_three_metres(lat in -90.0f64..=90.0, lon in -180.0f64..=180.0) {
            let (south, n) = latitude(lat);
            let p = point(south, n, longitude(lon)).unwrap();
            let q = GeoPoint { lat, lon };
            prop_assert!(p.distance_m(q) < 3.0);
            let (a, o) = high_accuracy_point(q);
            prop_assert!(high_accuracy_deg(a, o).unwrap().distance_m(q) < 0.012);
        }

        #[test]
        fn velocity_codes_find_themselves(bearing in 0u16..360, speed in 0u16..=2047, down: bool, v in any::<u8>(), u in 0u8..255, w in 0u8..255) {
            let code = VelocityCode {
                bearing, speed, vertical: Some((down && v > 0, v)), speed_unc: Some(u), vertical_unc: Some(w),
            };
            prop_assert_eq!(VelocityCode::new(&code.velocity()), code);
        }
    }
}
