//! How long broadcast data may be used, and which satellites say of themselves that they must not be.

use serde::{Deserialize, Serialize};

use crate::base::GpsTime;
use crate::base::broadcast::{Ephemeris, GalileoMessage, Gnss};

/// For how long after (and before) its reference time an item of broadcast data is fresh. What is not fresh is never
/// offered to a handset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgePolicy {
    /// GPS ephemerides, seconds from toe; default 7200 (half of the fit interval, IS-GPS-200 20.3.4.4). One that flags a
    /// longer fit interval gets half as much again.
    pub gps_s: u32,
    /// QZSS ephemerides, seconds from toe; default 7200.
    pub qzss_s: u32,
    /// Galileo ephemerides, seconds from toe; default 14400 (Galileo OS SDD: 4 h).
    pub galileo_s: u32,
    /// BeiDou ephemerides, seconds from toe; default 10800 (they are renewed each hour).
    pub beidou_s: u32,
    /// GLONASS ephemerides, seconds from t_b; default 1800 (GLONASS ICD: 15 min, renewed each half hour).
    pub glonass_s: u32,
    /// SBAS ephemerides, seconds from t_0; default 360.
    pub sbas_s: u32,
    /// NavIC ephemerides, seconds from toe; default 7200.
    pub navic_s: u32,
    /// Ionosphere models, seconds from their broadcast; default 172800 (2 days).
    pub ionosphere_s: u32,
    /// UTC parameters, time offsets and Earth orientation, seconds from their broadcast or reference time, whichever is
    /// later; default 1209600 (14 days).
    pub clock_models_s: u32,
    /// Almanacs, seconds from toa; default 2592000 (30 days).
    pub almanac_s: u32,
}

/// By how much an ephemeris that flags a longer fit interval may be older.
const EXTENDED_FIT: f64 = 1.5;

impl Default for AgePolicy {
    fn default() -> Self {
        Self {
            gps_s: 7200,
            qzss_s: 7200,
            galileo_s: 14_400,
            beidou_s: 10_800,
            glonass_s: 1800,
            sbas_s: 360,
            navic_s: 7200,
            ionosphere_s: 2 * 86_400,
            clock_models_s: 14 * 86_400,
            almanac_s: 30 * 86_400,
        }
    }
}

impl AgePolicy {
    /// How far broadcast data may be stretched for tables of positions, which want the nearest record rather than a good one.
    pub fn archival() -> Self {
        Self { beidou_s: 21_600, ..Self::default() }
    }

    /// Largest distance in seconds from the reference time of this ephemeris at which it may be used.
    pub fn max_age_s(&self, e: &Ephemeris) -> f64 {
        let s = self.nominal_s(e.sat().gnss);
        match e {
            Ephemeris::Lnav(l) if l.fit_extended => s * EXTENDED_FIT,
            _ => s,
        }
    }

    /// The largest [`max_age_s`](Self::max_age_s) of any ephemeris of a system.
    pub(super) fn widest_s(&self, gnss: Gnss) -> f64 {
        self.nominal_s(gnss) * EXTENDED_FIT
    }

    /// The age at which the ephemerides of a system expire, unless they flag a longer fit interval.
    pub fn nominal_s(&self, gnss: Gnss) -> f64 {
        f64::from(match gnss {
            Gnss::Gps => self.gps_s,
            Gnss::Qzss => self.qzss_s,
            Gnss::Galileo => self.galileo_s,
            Gnss::BeiDou => self.beidou_s,
            Gnss::Glonass => self.glonass_s,
            Gnss::Sbas => self.sbas_s,
            Gnss::NavIc => self.navic_s,
        })
    }

    /// Whether the ephemeris may be used at `t`.
    pub fn is_fresh(&self, e: &Ephemeris, t: GpsTime) -> bool {
        (t - e.reference_time()).abs() <= self.max_age_s(e)
    }

    /// The last instant at which the ephemeris may be used.
    pub fn expiry(&self, e: &Ephemeris) -> GpsTime {
        e.reference_time().offset_s(self.max_age_s(e))
    }
}

/// Whether the satellite calls itself fit for use on its first civil signal (L1 C/A, E1, B1I, G1, L5 for NavIC).
pub fn is_healthy(e: &Ephemeris) -> bool {
    match e {
        // QZSS states the health of each signal; the satellites that send L1 C/A mark L1 C/B as unfit, and the other way round.
        // The first bit sums L1 up, the others are those of L1 C/A, L2C, L5, L1C and L1 C/B (IS-QZSS-PNT, table 4.1.2-5).
        Ephemeris::Lnav(l) if l.sat.gnss == Gnss::Qzss => l.health & 0b11_0000 == 0,
        Ephemeris::Lnav(l) => l.health == 0,
        Ephemeris::Galileo(g) => match g.message {
            GalileoMessage::INav => g.health.e1b_hs == 0 && !g.health.e1b_dvs,
            // F/NAV speaks of E5a only.
            GalileoMessage::FNav => g.health.e5a_hs == 0 && !g.health.e5a_dvs,
        },
        Ephemeris::BeiDou(b) => !b.sat_h1,
        // Of B_n only the most significant of three bits counts (GLONASS ICD 4.4).
        Ephemeris::Glonass(g) => g.bn & 0b100 == 0,
        Ephemeris::Sbas(s) => !s.unhealthy,
        Ephemeris::NavIc(n) => n.health & 0b10 == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::broadcast::{Kepler, LnavEphemeris, SatId};

    fn lnav(sat: SatId, health: u8) -> Ephemeris {
        let toe = GpsTime::from_week_s(2243, 7200);
        let kepler = Kepler {
            sqrt_a: 0,
            e: 0,
            m0: 0,
            omega0: 0,
            i0: 0,
            omega: 0,
            delta_n: 0,
            omega_dot: 0,
            i_dot: 0,
            crs: 0,
            crc: 0,
            cus: 0,
            cuc: 0,
            cis: 0,
            cic: 0,
        };
        Ephemeris::Lnav(LnavEphemeris {
            sat,
            toe,
            toc: toe,
            kepler,
            af0: 0,
            af1: 0,
            af2: 0,
            tgd: 0,
            iodc: 0,
            ura: 0,
            health,
            fit_extended: false,
            code_on_l2: 0,
            l2p_flag: false,
            aodo: 0,
        })
    }

    #[test]
    fn a_satellite_of_qzss_is_healthy_when_its_l1_ca_is() {
        let healthy = |bits| is_healthy(&lnav(SatId::new(Gnss::Qzss, 2), bits));
        // All signals well; L1 C/B, which goes in place of L1 C/A, marked as unfit; so L2C, L5 or L1C.
        for bits in [0, 0b00_0001, 0b00_1000, 0b00_0100, 0b00_0010, 0b00_1111] {
            assert!(healthy(bits), "{bits:06b}");
        }
        // Under test; sending L1 C/B in place of L1 C/A; L1 C/A's own bit.
        for bits in [0b11_1111, 0b11_1110, 0b10_0000, 0b01_0000] {
            assert!(!healthy(bits), "{bits:06b}");
        }
        assert!(!is_healthy(&lnav(SatId::new(Gnss::Gps, 2), 1)));
    }
}
