//! How wrong a pseudorange is expected to be, part by part.
//!
//! What is common to all satellites (the ionosphere over the place, the clocks of systems) is not here: the solver has
//! unknowns for it. What is here is each satellite's own: orbit and clock, the part of the atmosphere that its ray does
//! not share, thermal noise and reflections.

use super::ionosphere::Ionosphere;
use super::options::Receiver;
use super::troposphere::{self, Troposphere};
use crate::base::broadcast::{Ephemeris, Gnss};
use crate::gnss::kepler::is_beidou_geo;
use crate::gnss::scale::ura_metres;

/// Standard deviation in metres of what orbit and clock of a message do to a range.
///
/// The floor is what the systems' performance reports show of healthy satellites; what the message predicts beyond that
/// (URA, SISA, F_T are bounds more than deviations) is taken with the ratio that these have to each other.
pub fn signal_in_space_m(e: &Ephemeris) -> f64 {
    // A satellite without a prediction is one to lean on little.
    const NO_PREDICTION_M: f64 = 30.0;
    let of_ura = |index: u8| ura_metres(index).map_or(NO_PREDICTION_M, |m| 0.3 * m);
    match e {
        Ephemeris::Lnav(l) => of_ura(l.ura).max(0.7),
        // SISA is a bound on what a fault may do, 3.12 m day by day, of satellites that are good to a quarter of a metre.
        Ephemeris::Galileo(g) => sisa_m(g.sisa).map_or(NO_PREDICTION_M, |m| (0.1 * m).max(0.3)),
        Ephemeris::BeiDou(b) => {
            let floor = match b.sat.number {
                _ if is_beidou_geo(b.sat) => 4.0,
                // The second generation flies ISGOs and MEOs up to C18; the third is better.
                ..=18 => 1.8,
                _ => 1.0,
            };
            of_ura(b.urai).max(floor)
        }
        // RINEX up to 3.04 and many archives leave F_T out: that says nothing against the satellite.
        Ephemeris::Glonass(g) => glonass_accuracy_m(g.ft).map_or(2.7, |m| (0.5 * m).max(1.8)),
        Ephemeris::Sbas(s) => of_ura(s.ura).max(8.0),
        Ephemeris::NavIc(n) => of_ura(n.urai).max(3.0),
    }
}

/// What age adds to that, metres: an orbit carried beyond the arc that its message describes departs with the third power of
/// time. Galileo's arc is the three hours from its time of ephemeris on, BeiDou's an hour to each side with some
/// to spare; GPS's is the four hours in which its messages are used, and GLONASS's state is integrated, not fitted.
pub fn aging_m(e: &Ephemeris, age_s: f64) -> f64 {
    let hours = age_s / 3600.0;
    let beyond: f64 = match e {
        Ephemeris::Galileo(_) if hours < 0.0 => -hours,
        Ephemeris::Galileo(_) => hours - 2.8,
        Ephemeris::BeiDou(_) => hours.abs() - 1.5,
        _ => 0.0,
    };
    2.0 * beyond.clamp(0.0, 10.0).powi(3)
}

/// Standard deviation in metres of the difference between GPS's C/A and P(Y) codes, which LNAV does not tell.
pub const CIVIL_M: f64 = 0.45;

/// Signal in space accuracy of Galileo (OS SIS ICD 5.1.12).
fn sisa_m(index: u8) -> Option<f64> {
    let i = f64::from(index);
    Some(match index {
        0..=49 => i * 0.01,
        50..=74 => 0.5 + (i - 50.0) * 0.02,
        75..=99 => 1.0 + (i - 75.0) * 0.04,
        100..=125 => 2.0 + (i - 100.0) * 0.16,
        _ => return None,
    })
}

/// F_T of GLONASS (ICD table 4.4).
fn glonass_accuracy_m(ft: u8) -> Option<f64> {
    const M: [f64; 15] =
        [1.0, 2.0, 2.5, 4.0, 5.0, 7.0, 10.0, 12.0, 14.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
    M.get(usize::from(ft)).copied()
}

/// Variance in m² of noise and reflections of a code measurement.
pub fn code_variance_m2(
    receiver: Receiver,
    rms_m: Option<f64>,
    cn0_dbhz: Option<f64>,
    multipath_m: Option<f64>,
    sin_elevation: f64,
) -> f64 {
    let s = sin_elevation.max(0.05);
    let (noise, reflection) = match receiver {
        Receiver::Station => (0.2, 0.2 / s),
        Receiver::Handset => (2.0, 1.5 / s),
    };
    // A delay lock loop's error grows as one over the root of the signal's power.
    let noise = match (rms_m, cn0_dbhz) {
        (Some(rms), _) if rms > 0.0 => rms.min(1e4),
        (_, Some(cn0)) if cn0 > 0.0 => noise * 10_f64.powf((45.0 - cn0.clamp(10.0, 60.0)) / 20.0).max(0.5),
        _ => noise,
    };
    let reflection = multipath_m.filter(|m| *m > 0.0).map_or(reflection, |m| m.min(1e3));
    noise * noise + reflection * reflection
}

/// Variance in m² of the troposphere along a ray.
pub fn troposphere_variance_m2(sin_elevation: f64) -> f64 {
    let sigma = troposphere::ZENITH_SIGMA_M * Troposphere::mapping(sin_elevation);
    sigma * sigma
}

/// What a broadcast ionosphere leaves, by the vertical delay on L1 that it gives at the place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IonosphereLeft {
    /// Standard deviation of the vertical delay over the place, metres.
    pub vertical_m: f64,
    /// Standard deviation of its slope northwards and eastwards, metres for each 1,000 km.
    pub slope_m: f64,
    /// Standard deviation of what neither describes, metres, vertical.
    pub rest_m: f64,
}

impl IonosphereLeft {
    /// By what a model says. Klobuchar's corrects about half of the delay (IS-GPS-200 20.3.3.5.2.5), the more so the thicker it is,
    /// NeQuick G some 70 % (Galileo's *Ionospheric Correction Algorithm*, 1.1); what they leave changes by some third of that
    /// over a thousand kilometres. Without a model, the mean delay of the day is unknown as a whole.
    pub fn after(model: &Ionosphere, vertical_delay_m: f64) -> Self {
        let d = vertical_delay_m;
        match model {
            Ionosphere::Gps(_) | Ionosphere::BeiDou(_) => {
                Self { vertical_m: 0.3 + 0.4 * d, slope_m: 0.5 + 0.15 * d, rest_m: 0.2 + 0.08 * d }
            }
            #[cfg(feature = "nequick")]
            Ionosphere::Galileo(_) => {
                Self { vertical_m: 0.3 + 0.25 * d, slope_m: 0.5 + 0.1 * d, rest_m: 0.2 + 0.05 * d }
            }
            Ionosphere::Unknown => Self { vertical_m: 5.0, slope_m: 2.0, rest_m: 0.6 },
        }
    }
}

/// Standard deviation in metres of the delays between a satellite's two signals that its message does not tell: code biases of
/// one carrier, and what changed since the group delays were measured. Receivers see BeiDou's second and third generation apart.
pub const fn pair_bias_m(gnss: Gnss) -> f64 {
    match gnss {
        Gnss::Galileo => 0.3,
        Gnss::BeiDou => 1.5,
        Gnss::Glonass => 2.0,
        _ => 0.6,
    }
}

/// Standard deviation in metres of the ionosphere that a receiver's own delay between two frequencies feigns.
pub const PAIR_RECEIVER_M: f64 = 5.0;

/// Standard deviation in metres of the difference between two systems' clocks in a receiver: their times differ by tens of
/// nanoseconds, the receiver's delays by hundreds in FDMA.
pub const fn system_bias_m(gnss: Gnss) -> f64 {
    match gnss {
        Gnss::Gps | Gnss::Qzss => 10.0,
        Gnss::Galileo | Gnss::Sbas => 50.0,
        Gnss::BeiDou | Gnss::NavIc => 100.0,
        Gnss::Glonass => 300.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_low_and_reflected_is_worse() {
        let v = |cn0, s| code_variance_m2(Receiver::Station, None, Some(cn0), None, s);
        assert!(v(30.0, 0.5) > v(45.0, 0.5) && v(45.0, 0.2) > v(45.0, 0.9));
        let h = |m| code_variance_m2(Receiver::Handset, Some(3.0), None, m, 0.5);
        assert!(h(Some(43.0)) > h(None));
        assert!(code_variance_m2(Receiver::Station, Some(f64::INFINITY), None, None, 0.5).is_finite());
    }

    #[test]
    fn accuracy_tables() {
        assert_eq!(sisa_m(107), Some(3.12));
        assert_eq!(sisa_m(255), None);
        assert_eq!(glonass_accuracy_m(15), None);
    }
}
