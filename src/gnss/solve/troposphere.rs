//! Delay of the neutral atmosphere.
//!
//! The mean atmosphere by latitude and day of the year of RTCA DO-229 appendix A.4.2.4 (that of SBAS receivers), which needs
//! no weather and is right to 5 cm at the zenith. Its zenith delays are worked out once for a place; a satellite then costs
//! one square root.

use crate::base::GpsTime;

/// Latitude, and there pressure (hPa), temperature (K), water vapour (hPa), lapse rate (K/m) and water vapour lapse (1).
const MEAN: [[f64; 6]; 5] = [
    [15.0, 1013.25, 299.65, 26.31, 6.30e-3, 2.77],
    [30.0, 1017.25, 294.15, 21.79, 6.05e-3, 3.15],
    [45.0, 1015.75, 283.15, 11.66, 5.58e-3, 2.57],
    [60.0, 1011.75, 272.15, 6.78, 5.39e-3, 1.81],
    [75.0, 1013.00, 263.65, 4.11, 4.53e-3, 1.55],
];
/// The yearly swing of the same.
const SWING: [[f64; 5]; 5] = [
    [0.0, 0.0, 0.0, 0.0, 0.0],
    [-3.75, 7.00, 8.85, 0.25e-3, 0.33],
    [-2.25, 11.00, 7.24, 0.32e-3, 0.46],
    [-1.75, 15.00, 5.36, 0.81e-3, 0.74],
    [-0.50, 14.50, 3.39, 0.62e-3, 0.30],
];

/// Standard deviation of the zenith delay, metres (DO-229 A.4.2.5).
pub const ZENITH_SIGMA_M: f64 = 0.12;

/// The troposphere over a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Troposphere {
    zenith_m: f64,
}

impl Troposphere {
    /// Over a latitude (degrees) and altitude (metres; beyond −500..=20,000 the nearest of these), at a time of the year.
    pub fn over(latitude_deg: f64, altitude_m: f64, t: GpsTime) -> Self {
        let (latitude, altitude) = (latitude_deg.clamp(-90.0, 90.0), altitude_m.clamp(-500.0, 20_000.0));
        let day = day_of_year(t);
        let coldest = if latitude < 0.0 { 211.0 } else { 28.0 };
        let season = ((day - coldest) * std::f64::consts::TAU / 365.25).cos();
        let [pressure, temperature, vapour, lapse, vapour_lapse] = weather(latitude.abs(), season);
        // Constants of A.4.2.4: refractivities K/hPa, gas constant of dry air, gravity in the mean and at the surface.
        let (k1, k2, rd, gm, g) = (77.604, 382_000.0, 287.054, 9.784, 9.806_65);
        let dry = 1e-6 * k1 * rd * pressure / gm;
        let wet = 1e-6 * k2 * rd / (gm * (vapour_lapse + 1.0) - lapse * rd) * vapour / temperature;
        let thin = (1.0 - lapse * altitude / temperature).max(0.0);
        let exponent = g / (rd * lapse);
        let zenith_m = dry * thin.powf(exponent) + wet * thin.powf((vapour_lapse + 1.0) * exponent - 1.0);
        Self { zenith_m }
    }

    /// Delay at the zenith, metres.
    pub const fn zenith_m(&self) -> f64 {
        self.zenith_m
    }

    /// How many zenith delays a ray crosses (DO-229 A.4.2.4; below 4° the map of 4°).
    pub fn mapping(sin_elevation: f64) -> f64 {
        let s = sin_elevation.max(0.069_756);
        1.001 / (0.002_001 + s * s).sqrt()
    }

    /// Delay in metres of a ray.
    pub fn delay_m(&self, sin_elevation: f64) -> f64 {
        self.zenith_m * Self::mapping(sin_elevation)
    }
}

/// Means and swings interpolated by latitude.
fn weather(latitude: f64, season: f64) -> [f64; 5] {
    let upper = MEAN.iter().position(|row| latitude < row[0]).unwrap_or(MEAN.len());
    let (low, high) = match upper {
        0 => (0, 0),
        n if n == MEAN.len() => (n - 1, n - 1),
        n => (n - 1, n),
    };
    let part = if low == high { 0.0 } else { (latitude - MEAN[low][0]) / (MEAN[high][0] - MEAN[low][0]) };
    std::array::from_fn(|i| {
        let mean = MEAN[low][i + 1] + (MEAN[high][i + 1] - MEAN[low][i + 1]) * part;
        let swing = SWING[low][i] + (SWING[high][i] - SWING[low][i]) * part;
        mean - swing * season
    })
}

/// Days since the year began, 1 on New Year's Day, to within a day.
fn day_of_year(t: GpsTime) -> f64 {
    let days = t.ns() as f64 / 86_400e9 + 5.0;
    days.rem_euclid(365.25) + 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zenith_delays_are_those_of_the_earth() {
        let winter = GpsTime::from_week_s(2243, 0);
        let sea = Troposphere::over(45.0, 0.0, winter).zenith_m();
        assert!((2.35..2.45).contains(&sea), "{sea}");
        let boulder = Troposphere::over(40.0, 1630.0, winter).zenith_m();
        assert!((1.90..2.05).contains(&boulder), "{boulder}");
        let tropics = Troposphere::over(0.0, 0.0, winter).zenith_m();
        assert!((2.5..2.7).contains(&tropics), "{tropics}");
        let south = Troposphere::over(-45.0, 0.0, winter).zenith_m();
        assert!(south > sea, "it is summer there");
    }

    #[test]
    fn nothing_breaks_it() {
        for lat in [-90.0, 90.0, 1e9, f64::MIN] {
            for alt in [-1e9, 0.0, 44_000.0, 1e12] {
                let t = Troposphere::over(lat, alt, GpsTime::from_ns(i64::MIN));
                assert!(t.delay_m(-1.0).is_finite() && t.zenith_m() >= 0.0);
            }
        }
        assert!((Troposphere::mapping(1.0) - 1.0).abs() < 1e-3);
    }
}
