//! What the broadcast integers mean: scale factors of the interface documents, and the way there and back.
//!
//! Going from integers to physical values and back gives the same integers. Sources: IS-GPS-200, Galileo OS SIS ICD,
//! BDS-SIS-ICD B1I, GLONASS ICD, IRNSS SIS ICD; the same factors as in TS 44.031 and TS 37.355.

use crate::base::broadcast::{Gnss, Kepler};

/// 2ⁿ, exactly, for −1022 ≤ n ≤ 1023.
pub const fn exp2i(n: i32) -> f64 {
    f64::from_bits(((1023 + n) as u64) << 52)
}

/// π as the interface documents define it for the conversion of semicircles.
#[allow(clippy::approx_constant)]
pub const ICD_PI: f64 = 3.141_592_653_589_8;

/// Speed of light, m/s.
pub const C: f64 = 299_792_458.0;

/// Orbit of Kepler with harmonic corrections in SI units and radians.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct KeplerElements {
    /// Square root of the semi-major axis, √m.
    pub sqrt_a: f64,
    /// Eccentricity.
    pub e: f64,
    /// Mean anomaly at the reference time, radians.
    pub m0: f64,
    /// Longitude of the ascending node at the week's start, radians.
    pub omega0: f64,
    /// Inclination, radians.
    pub i0: f64,
    /// Argument of perigee, radians.
    pub omega: f64,
    /// Mean motion difference, radians/s.
    pub delta_n: f64,
    /// Rate of right ascension, radians/s.
    pub omega_dot: f64,
    /// Rate of inclination, radians/s.
    pub i_dot: f64,
    /// Radius corrections, metres.
    pub crs: f64,
    pub crc: f64,
    /// Latitude and inclination corrections, radians.
    pub cus: f64,
    pub cuc: f64,
    pub cis: f64,
    pub cic: f64,
}

/// Value of the last bit and width of the fields that differ between systems.
struct KeplerScale {
    /// Δn and Ω̇, semicircles/s.
    rate: f64,
    delta_n_bits: u32,
    omega_dot_bits: u32,
    /// Crs, Crc, metres.
    radius: f64,
    radius_bits: u32,
    /// Cus, Cuc, Cis, Cic, radians.
    angle: f64,
    angle_bits: u32,
}

const fn kepler_scale(gnss: Gnss) -> KeplerScale {
    match gnss {
        Gnss::BeiDou => KeplerScale {
            rate: exp2i(-43),
            delta_n_bits: 16,
            omega_dot_bits: 24,
            radius: exp2i(-6),
            radius_bits: 18,
            angle: exp2i(-31),
            angle_bits: 18,
        },
        Gnss::NavIc => KeplerScale {
            rate: exp2i(-41),
            delta_n_bits: 22,
            omega_dot_bits: 22,
            radius: exp2i(-4),
            radius_bits: 16,
            angle: exp2i(-28),
            angle_bits: 15,
        },
        _ => KeplerScale {
            rate: exp2i(-43),
            delta_n_bits: 16,
            omega_dot_bits: 24,
            radius: exp2i(-5),
            radius_bits: 16,
            angle: exp2i(-29),
            angle_bits: 16,
        },
    }
}

const SQRT_A: f64 = exp2i(-19);
const ECCENTRICITY: f64 = exp2i(-33);
const ANGLE: f64 = exp2i(-31) * ICD_PI;
const I_DOT: f64 = exp2i(-43) * ICD_PI;
const I_DOT_BITS: u32 = 14;

impl KeplerElements {
    /// What a system's integers mean.
    pub fn from_raw(gnss: Gnss, k: &Kepler) -> Self {
        let s = kepler_scale(gnss);
        let rate = s.rate * ICD_PI;
        Self {
            sqrt_a: f64::from(k.sqrt_a) * SQRT_A,
            e: f64::from(k.e) * ECCENTRICITY,
            m0: f64::from(k.m0) * ANGLE,
            omega0: f64::from(k.omega0) * ANGLE,
            i0: f64::from(k.i0) * ANGLE,
            omega: f64::from(k.omega) * ANGLE,
            delta_n: f64::from(k.delta_n) * rate,
            omega_dot: f64::from(k.omega_dot) * rate,
            i_dot: f64::from(k.i_dot) * I_DOT,
            crs: f64::from(k.crs) * s.radius,
            crc: f64::from(k.crc) * s.radius,
            cus: f64::from(k.cus) * s.angle,
            cuc: f64::from(k.cuc) * s.angle,
            cis: f64::from(k.cis) * s.angle,
            cic: f64::from(k.cic) * s.angle,
        }
    }

    /// The integers nearest to these values; the name of the first field whose value its broadcast field cannot hold
    /// otherwise.
    pub fn to_raw(&self, gnss: Gnss) -> Result<Kepler, &'static str> {
        let s = kepler_scale(gnss);
        let rate = s.rate * ICD_PI;
        Ok(Kepler {
            sqrt_a: unsigned("sqrt_a", self.sqrt_a, SQRT_A, 32)?,
            e: unsigned("eccentricity", self.e, ECCENTRICITY, 32)?,
            m0: angle("m0", self.m0, ANGLE)?,
            omega0: angle("omega0", self.omega0, ANGLE)?,
            i0: angle("i0", self.i0, ANGLE)?,
            omega: angle("omega", self.omega, ANGLE)?,
            delta_n: signed("delta_n", self.delta_n, rate, s.delta_n_bits)?,
            omega_dot: signed("omega_dot", self.omega_dot, rate, s.omega_dot_bits)?,
            i_dot: signed("i_dot", self.i_dot, I_DOT, I_DOT_BITS)?,
            crs: signed("crs", self.crs, s.radius, s.radius_bits)?,
            crc: signed("crc", self.crc, s.radius, s.radius_bits)?,
            cus: signed("cus", self.cus, s.angle, s.angle_bits)?,
            cuc: signed("cuc", self.cuc, s.angle, s.angle_bits)?,
            cis: signed("cis", self.cis, s.angle, s.angle_bits)?,
            cic: signed("cic", self.cic, s.angle, s.angle_bits)?,
        })
    }
}

/// The nearest multiple of `lsb` as a signed integer of `bits` bits (at most 32); the field's name when it does not fit or
/// is not a number.
pub fn signed(field: &'static str, value: f64, lsb: f64, bits: u32) -> Result<i32, &'static str> {
    let n = (value / lsb).round();
    let half = exp2i(bits as i32 - 1);
    if n >= -half && n < half { Ok(n as i32) } else { Err(field) }
}

/// The nearest multiple of `lsb` as an unsigned integer of `bits` bits (at most 32).
pub fn unsigned(field: &'static str, value: f64, lsb: f64, bits: u32) -> Result<u32, &'static str> {
    let n = (value / lsb).round();
    if n >= 0.0 && n < exp2i(bits as i32) { Ok(n as u32) } else { Err(field) }
}

/// An angle as 32 bits of the circle, wrapped into −π..π: files print π with few digits, and it must not overflow.
pub fn angle(field: &'static str, value: f64, lsb: f64) -> Result<i32, &'static str> {
    let n = (value / lsb).round();
    // Two turns either way is what a careless writer may print; beyond it the value is nonsense.
    if n.abs() <= exp2i(34) { Ok(n as i64 as i32) } else { Err(field) }
}

/// Narrows what [`signed`] has already checked; for fields kept in small integers.
pub fn narrow<T: TryFrom<i32>>(field: &'static str, n: i32) -> Result<T, &'static str> {
    T::try_from(n).map_err(|_| field)
}

/// Value of the last bit of clock polynomials: bias (s), drift (s/s), drift rate (s/s²).
pub const fn clock_lsb(gnss: Gnss) -> (f64, f64, f64) {
    match gnss {
        Gnss::Galileo => (exp2i(-34), exp2i(-46), exp2i(-59)),
        Gnss::BeiDou => (exp2i(-33), exp2i(-50), exp2i(-66)),
        Gnss::Sbas => (exp2i(-31), exp2i(-40), 0.0),
        Gnss::Glonass => (exp2i(-30), exp2i(-40), 0.0),
        Gnss::Gps | Gnss::Qzss | Gnss::NavIc => (exp2i(-31), exp2i(-43), exp2i(-55)),
    }
}

/// Last bit of GPS, QZSS and NavIC group delays, s.
pub const TGD_LSB: f64 = exp2i(-31);
/// Last bit of Galileo broadcast group delays, s.
pub const BGD_LSB: f64 = exp2i(-32);
/// Last bit of BeiDou group delays, s.
pub const BDS_TGD_LSB: f64 = 1e-10;

/// GLONASS: last bits of position (m), velocity (m/s) and acceleration (m/s²).
pub const GLONASS_LSB: (f64, f64, f64) = (1e3 * exp2i(-11), 1e3 * exp2i(-20), 1e3 * exp2i(-30));

/// SBAS message type 9: last bits of position (m), velocity (m/s) and acceleration (m/s²) by axis.
pub const SBAS_LSB: [(f64, f64, f64); 3] =
    [(0.08, 0.000_625, 0.000_012_5), (0.08, 0.000_625, 0.000_012_5), (0.4, 0.004, 0.000_062_5)];

/// Bounds in metres of the user range accuracy indices 0..=14 of GPS, QZSS, BeiDou and NavIC (IS-GPS-200 20.3.3.3.1.3);
/// 15 makes no prediction.
const URA_M: [f64; 15] =
    [2.4, 3.4, 4.85, 6.85, 9.65, 13.65, 24.0, 48.0, 96.0, 192.0, 384.0, 768.0, 1536.0, 3072.0, 6144.0];

/// The index of a user range accuracy in metres: the smallest whose bound holds it, 15 for more than any.
///
/// RINEX prints nominal values (2.0 or 2.4 for index 0, 2.8 for 1, 4.0 for 2, 5.7 for 3, 8, 11.3, 16, 32…), which lie between
/// the bounds.
pub fn ura_index(metres: f64) -> u8 {
    if metres.is_nan() || metres < 0.0 {
        return 15;
    }
    // The slack takes the rounding of printed bounds.
    URA_M.iter().position(|bound| metres <= bound * (1.0 + 1e-9)).map_or(15, |i| i as u8)
}

/// Bounds in metres of the SBAS UDRE-like accuracy index of message type 9 follow GPS's table.
pub fn ura_metres(index: u8) -> Option<f64> {
    URA_M.get(usize::from(index)).copied()
}

/// The Galileo signal-in-space accuracy index of a value in metres (Galileo OS SIS ICD 5.1.12); 255, no prediction, for what
/// is negative or beyond 6 m.
pub fn sisa_index(metres: f64) -> u8 {
    let step = |base: f64, width: f64, first: f64| ((metres - base) / width).round() + first;
    let index = match metres {
        m if m.is_nan() || m < 0.0 => 255.0,
        m if m < 0.495 => step(0.0, 0.01, 0.0),
        m if m < 0.99 => step(0.5, 0.02, 50.0),
        m if m < 1.98 => step(1.0, 0.04, 75.0),
        m if m <= 6.08 => step(2.0, 0.16, 100.0),
        _ => 255.0,
    };
    if (126.0..255.0).contains(&index) { 255 } else { index as u8 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn signed_bits(bits: u32) -> impl Strategy<Value = i32> {
        let half = 1_i64 << (bits - 1);
        (-half..half).prop_map(|n| n as i32)
    }

    fn kepler(gnss: Gnss) -> impl Strategy<Value = Kepler> {
        let s = kepler_scale(gnss);
        let head = (any::<u32>(), any::<u32>(), any::<i32>(), any::<i32>(), any::<i32>(), any::<i32>());
        let rates = (signed_bits(s.delta_n_bits), signed_bits(s.omega_dot_bits), signed_bits(I_DOT_BITS));
        let r = s.radius_bits;
        let a = s.angle_bits;
        let tail =
            (signed_bits(r), signed_bits(r), signed_bits(a), signed_bits(a), signed_bits(a), signed_bits(a));
        (head, rates, tail).prop_map(|(h, d, t)| Kepler {
            sqrt_a: h.0,
            e: h.1,
            m0: h.2,
            omega0: h.3,
            i0: h.4,
            omega: h.5,
            delta_n: d.0,
            omega_dot: d.1,
            i_dot: d.2,
            crs: t.0,
            crc: t.1,
            cus: t.2,
            cuc: t.3,
            cis: t.4,
            cic: t.5,
        })
    }

    proptest! {
        #[test]
        fn integers_survive_the_way_to_physical_values_and_back(
            gps in kepler(Gnss::Gps),
            beidou in kepler(Gnss::BeiDou),
            navic in kepler(Gnss::NavIc),
        ) {
            for (gnss, k) in [(Gnss::Gps, gps), (Gnss::BeiDou, beidou), (Gnss::NavIc, navic)] {
                prop_assert_eq!(KeplerElements::from_raw(gnss, &k).to_raw(gnss), Ok(k));
            }
        }

        #[test]
        fn quantising_is_total(v in any::<f64>(), bits in 2_u32..=32) {
            let _ = signed("f", v, exp2i(-31), bits);
            let _ = unsigned("f", v, exp2i(-31), bits);
            let _ = angle("f", v, ANGLE);
            let _ = (ura_index(v), sisa_index(v));
        }
    }

    #[test]
    fn fields_refuse_what_they_cannot_hold() {
        assert_eq!(signed("f", 8191.0, 1.0, 14), Ok(8191));
        assert_eq!(signed("f", 8192.0, 1.0, 14), Err("f"));
        assert_eq!(signed("f", -8192.0, 1.0, 14), Ok(-8192));
        assert_eq!(signed("f", f64::NAN, 1.0, 14), Err("f"));
        assert_eq!(unsigned("f", -0.6, 1.0, 8), Err("f"));
        assert_eq!(unsigned("f", 255.4, 1.0, 8), Ok(255));
        // π printed a little too large is the other end of the circle.
        assert_eq!(angle("f", 3.141592653592, ANGLE), Ok(i32::MIN));
    }

    #[test]
    fn accuracy_indices() {
        for (m, i) in [(2.0, 0), (2.4, 0), (2.8, 1), (4.0, 2), (5.7, 3), (8.0, 4), (11.3, 5), (8192.0, 15)] {
            assert_eq!(ura_index(m), i, "{m}");
        }
        for (m, i) in
            [(3.12, 107), (0.0, 0), (0.49, 49), (0.5, 50), (1.0, 75), (2.0, 100), (6.0, 125), (-1.0, 255)]
        {
            assert_eq!(sisa_index(m), i, "{m}");
        }
    }
}
