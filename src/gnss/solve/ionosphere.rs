//! Delay of the ionosphere.
//!
//! Klobuchar's model with GPS's coefficients (IS-GPS-200 20.3.3.5.2.5) and with BeiDou's (BDS-SIS-ICD 5.2.4.7: another height,
//! geographic instead of geomagnetic latitude, delays on B1I). All delays here are those on L1; another carrier's is
//! larger by the square of the frequencies' ratio.
//!
//! NeQuick G, Galileo's model, is in `super::nequick`, behind the feature `nequick`.

use std::f64::consts::{PI, TAU};

use super::signal::L1_HZ;
use crate::base::GpsTime;
use crate::base::broadcast::{Klobuchar, KlobucharArea};
use crate::gnss::SkySnapshot;
use crate::gnss::scale::{C, exp2i};

/// From where delays are taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ionosphere {
    /// GPS's coefficients.
    Gps(KlobucharModel),
    /// BeiDou's coefficients.
    BeiDou(KlobucharModel),
    /// Galileo's coefficients.
    #[cfg(feature = "nequick")]
    Galileo(super::nequick::NeQuickModel),
    /// No broadcast is at hand, or none is wanted: no delay, of which the error model knows.
    Unknown,
}

/// Klobuchar's coefficients as numbers: s and s per semicircleⁿ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KlobucharModel {
    alpha: [f64; 4],
    beta: [f64; 4],
}

impl KlobucharModel {
    /// What the broadcast integers mean.
    pub fn new(k: &Klobuchar) -> Self {
        const ALPHA: [f64; 4] = [exp2i(-30), exp2i(-27), exp2i(-24), exp2i(-24)];
        const BETA: [f64; 4] = [exp2i(11), exp2i(14), exp2i(16), exp2i(16)];
        Self {
            alpha: std::array::from_fn(|i| f64::from(k.alpha[i]) * ALPHA[i]),
            beta: std::array::from_fn(|i| f64::from(k.beta[i]) * BETA[i]),
        }
    }
}

/// Direction of a ray from a place.
#[derive(Clone, Copy, Debug)]
pub struct Ray {
    /// Geodetic latitude of the receiver, radians.
    pub latitude: f64,
    /// Longitude, radians.
    pub longitude: f64,
    /// Sine of the elevation.
    pub sin_elevation: f64,
    /// Elevation, radians.
    pub elevation: f64,
    /// Sine and cosine of the azimuth.
    pub azimuth: (f64, f64),
}

impl Ionosphere {
    /// The best model that the sky has at `t`: NeQuick G leaves half as much of the delay as Klobuchar's does.
    pub fn of(sky: &SkySnapshot, t: GpsTime) -> Self {
        #[cfg(feature = "nequick")]
        if let Some(n) = sky.nequick(t) {
            return Self::Galileo(super::nequick::NeQuickModel::new(&n));
        }
        Self::klobuchar(sky, t)
    }

    /// Klobuchar's model: by GPS's coefficients, else by BeiDou's.
    pub fn klobuchar(sky: &SkySnapshot, t: GpsTime) -> Self {
        let model = |area| sky.klobuchar(area, t).map(|k| KlobucharModel::new(&k));
        model(KlobucharArea::World)
            .map(Self::Gps)
            .or_else(|| model(KlobucharArea::BeiDou).map(Self::BeiDou))
            .unwrap_or(Self::Unknown)
    }

    /// Delay on L1 along a ray in metres, not negative.
    pub fn delay_m(&self, ray: &Ray, t: GpsTime) -> f64 {
        match self {
            Self::Gps(k) => gps(k, ray, t),
            Self::BeiDou(k) => beidou(k, ray, t),
            #[cfg(feature = "nequick")]
            Self::Galileo(n) => n.delay_m(ray, t),
            Self::Unknown => 0.0,
        }
    }

    /// How many vertical delays a ray crosses in a thin layer at 350 km.
    pub fn mapping(sin_elevation: f64) -> f64 {
        const RATIO: f64 = 6371.0 / (6371.0 + 350.0);
        let cos2 = 1.0 - sin_elevation * sin_elevation;
        1.0 / (1.0 - RATIO * RATIO * cos2).sqrt()
    }
}

fn polynomial(c: &[f64; 4], x: f64) -> f64 {
    c[0] + x * (c[1] + x * (c[2] + x * c[3]))
}

fn gps(k: &KlobucharModel, ray: &Ray, t: GpsTime) -> f64 {
    let e = ray.elevation / PI;
    let psi = 0.0137 / (e + 0.11) - 0.022;
    let (sin_az, cos_az) = ray.azimuth;
    let phi = (ray.latitude / PI + psi * cos_az).clamp(-0.416, 0.416);
    let lambda = ray.longitude / PI + psi * sin_az / (phi * PI).cos();
    let magnetic = phi + 0.064 * ((lambda - 1.617) * PI).cos();
    let local = (43_200.0 * lambda + t.tow()).rem_euclid(86_400.0);
    let slant = 1.0 + 16.0 * (0.53 - e).powi(3);
    let amplitude = polynomial(&k.alpha, magnetic).max(0.0);
    let period = polynomial(&k.beta, magnetic).max(72_000.0);
    let x = TAU * (local - 50_400.0) / period;
    let bump = if x.abs() < 1.57 { amplitude * (1.0 + x * x * (-0.5 + x * x / 24.0)) } else { 0.0 };
    C * slant * (5e-9 + bump)
}

fn beidou(k: &KlobucharModel, ray: &Ray, t: GpsTime) -> f64 {
    const RATIO: f64 = 6378.0 / (6378.0 + 375.0);
    const TO_L1: f64 = (1_561_098_000.0 / L1_HZ) * (1_561_098_000.0 / L1_HZ);
    let cos_e = (1.0 - ray.sin_elevation * ray.sin_elevation).max(0.0).sqrt();
    let s = RATIO * cos_e;
    let psi = PI / 2.0 - ray.elevation - s.asin();
    let (sin_az, cos_az) = ray.azimuth;
    let (sin_psi, cos_psi) = psi.sin_cos();
    let (sin_lat, cos_lat) = ray.latitude.sin_cos();
    let phi = (sin_lat * cos_psi + cos_lat * sin_psi * cos_az).clamp(-1.0, 1.0).asin();
    let lambda = ray.longitude + (sin_psi * sin_az / phi.cos().max(1e-6)).clamp(-1.0, 1.0).asin();
    // BDT is 14 s behind; a model of hours does not see it.
    let local = (t.tow() + lambda * 43_200.0 / PI).rem_euclid(86_400.0);
    let x = (phi / PI).abs();
    let amplitude = polynomial(&k.alpha, x).max(0.0);
    let period = polynomial(&k.beta, x).clamp(72_000.0, 172_800.0);
    let off = local - 50_400.0;
    let bump = if off.abs() < period / 4.0 { amplitude * (TAU * off / period).cos() } else { 0.0 };
    C * TO_L1 * (5e-9 + bump) / (1.0 - s * s).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ray(lat_deg: f64, elevation_deg: f64) -> Ray {
        let elevation = elevation_deg.to_radians();
        Ray {
            latitude: lat_deg.to_radians(),
            longitude: 0.0,
            sin_elevation: elevation.sin(),
            elevation,
            azimuth: (0.0, 1.0),
        }
    }

    const K: Klobuchar = Klobuchar { alpha: [12, 2, -1, -1], beta: [46, 4, -2, -6] };

    #[test]
    fn day_is_thicker_than_night_and_slant_thicker_than_zenith() {
        let (noon, night) = (GpsTime::from_week_s(2243, 50_400), GpsTime::from_week_s(2243, 7_200));
        for i in [Ionosphere::Gps(KlobucharModel::new(&K)), Ionosphere::BeiDou(KlobucharModel::new(&K))] {
            let zenith = i.delay_m(&ray(45.0, 90.0), noon);
            assert!((3.0..10.0).contains(&zenith), "{zenith}");
            let at_night = i.delay_m(&ray(45.0, 90.0), night);
            assert!((1.3..1.6).contains(&at_night), "5 ns: {at_night}");
            let low = i.delay_m(&ray(45.0, 10.0), noon);
            assert!((1.5..3.5).contains(&(low / zenith)), "{low}");
        }
        assert_eq!(Ionosphere::Unknown.delay_m(&ray(0.0, 5.0), noon), 0.0);
    }

    #[test]
    fn the_thin_layer_maps() {
        assert!((Ionosphere::mapping(1.0) - 1.0).abs() < 1e-12);
        assert!((2.5..3.2).contains(&Ionosphere::mapping(5_f64.to_radians().sin())));
    }
}
