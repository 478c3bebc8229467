//! Ephemerides with anything in their fields that the fields can hold.

use crate::base::GpsTime;
use crate::base::broadcast::{
    BeiDouEphemeris, Ephemeris, GalileoEphemeris, GalileoHealth, GalileoMessage, GlonassEphemeris, Gnss,
    Kepler, LnavEphemeris, NavIcEphemeris, SatId, SbasEphemeris,
};

/// The week in which they all lie.
const WEEK: i64 = 2243;
const WEEK_S: i64 = 604_800;

/// Integers of given widths out of a seed; one in four is the least or the greatest that there is.
struct Fields(u64);

impl Fields {
    /// A step of splitmix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn between(&mut self, least: i64, greatest: i64) -> i64 {
        match self.next() % 8 {
            0 => least,
            1 => greatest,
            _ => least + (self.next() % (greatest - least + 1) as u64) as i64,
        }
    }

    fn signed(&mut self, bits: u32) -> i32 {
        let half = 1_i64 << (bits - 1);
        self.between(-half, half - 1) as i32
    }

    fn unsigned(&mut self, bits: u32) -> u32 {
        self.between(0, (1 << bits) - 1) as u32
    }

    fn flag(&mut self) -> bool {
        self.next() % 2 == 1
    }

    /// A time of the week (BeiDou's with `lag` seconds) in steps of `grid` seconds.
    fn time(&mut self, grid: i64, lag: i64) -> GpsTime {
        let steps = (WEEK_S - 1) / grid;
        GpsTime::from_week_s(WEEK, self.between(0, steps) * grid + lag)
    }

    /// A time of the same scale within three days of another, so that neither week is in doubt.
    fn near(&mut self, t: GpsTime, grid: i64, lag: i64) -> GpsTime {
        let local = t.tow_ns() / 1_000_000_000 - lag;
        let reach = 3 * 86_400 / grid;
        let (least, greatest) = ((-local).div_euclid(grid) + 1, (WEEK_S - 1 - local) / grid);
        t.offset_s((self.between(least.max(-reach), greatest.min(reach)) * grid) as f64)
    }

    fn kepler(&mut self, gnss: Gnss) -> Kepler {
        let (delta_n, omega_dot, radius, angle) = match gnss {
            Gnss::BeiDou => (16, 24, 18, 18),
            Gnss::NavIc => (22, 22, 16, 15),
            _ => (16, 24, 16, 16),
        };
        Kepler {
            // From 2,500 √m, below which no satellite flies.
            sqrt_a: self.between(2500 << 19, u32::MAX.into()) as u32,
            e: self.unsigned(32),
            m0: self.signed(32),
            omega0: self.signed(32),
            i0: self.signed(32),
            omega: self.signed(32),
            delta_n: self.signed(delta_n),
            omega_dot: self.signed(omega_dot),
            i_dot: self.signed(14),
            crs: self.signed(radius),
            crc: self.signed(radius),
            cus: self.signed(angle),
            cuc: self.signed(angle),
            cis: self.signed(angle),
            cic: self.signed(angle),
        }
    }
}

/// The middle of the week in which the ephemerides lie.
pub(crate) const fn midweek() -> GpsTime {
    GpsTime::from_week_s(WEEK, WEEK_S / 2)
}

/// An ephemeris of a system; the same for the same seed.
pub(crate) fn any(gnss: Gnss, seed: u64) -> Ephemeris {
    let mut f = Fields(seed);
    let last = match gnss {
        Gnss::Galileo => 36,
        Gnss::BeiDou => 37,
        Gnss::Glonass => 24,
        Gnss::Qzss => 5,
        Gnss::NavIc => 14,
        Gnss::Gps => 32,
        Gnss::Sbas => 58,
    };
    let first = if gnss == Gnss::Sbas { 20 } else { 1 };
    let sat = SatId::new(gnss, f.between(first, last) as u8);
    match gnss {
        Gnss::Gps | Gnss::Qzss => lnav(&mut f, sat),
        Gnss::Galileo => galileo(&mut f, sat),
        Gnss::BeiDou => beidou(&mut f, sat),
        Gnss::Glonass => glonass(&mut f, sat),
        Gnss::Sbas => sbas(&mut f, sat),
        Gnss::NavIc => navic(&mut f, sat),
    }
}

fn lnav(f: &mut Fields, sat: SatId) -> Ephemeris {
    let toe = f.time(16, 0);
    Ephemeris::Lnav(LnavEphemeris {
        sat,
        toe,
        toc: f.near(toe, 16, 0),
        kepler: f.kepler(sat.gnss),
        af0: f.signed(22),
        af1: f.signed(16) as i16,
        af2: f.signed(8) as i8,
        tgd: f.signed(8) as i8,
        iodc: f.unsigned(10) as u16,
        ura: f.unsigned(4) as u8,
        health: f.unsigned(6) as u8,
        fit_extended: f.flag(),
        code_on_l2: f.unsigned(2) as u8,
        l2p_flag: f.flag(),
        aodo: f.unsigned(5) as u8,
    })
}

fn galileo(f: &mut Fields, sat: SatId) -> Ephemeris {
    let toe = f.time(60, 0);
    Ephemeris::Galileo(GalileoEphemeris {
        sat,
        message: if f.flag() { GalileoMessage::INav } else { GalileoMessage::FNav },
        toe,
        toc: f.near(toe, 60, 0),
        kepler: f.kepler(sat.gnss),
        af0: f.signed(31),
        af1: f.signed(21),
        af2: f.signed(6) as i8,
        bgd_e1e5a: f.signed(10) as i16,
        bgd_e1e5b: f.signed(10) as i16,
        // 126 to 254 are spare.
        sisa: match f.between(0, 126) {
            126 => 255,
            n => n as u8,
        },
        iod_nav: f.unsigned(10) as u16,
        health: GalileoHealth {
            e1b_dvs: f.flag(),
            e1b_hs: f.unsigned(2) as u8,
            e5a_dvs: f.flag(),
            e5a_hs: f.unsigned(2) as u8,
            e5b_dvs: f.flag(),
            e5b_hs: f.unsigned(2) as u8,
        },
    })
}

fn beidou(f: &mut Fields, sat: SatId) -> Ephemeris {
    let toe = f.time(8, 14);
    Ephemeris::BeiDou(BeiDouEphemeris {
        sat,
        toe,
        toc: f.near(toe, 8, 14),
        kepler: f.kepler(sat.gnss),
        a0: f.signed(24),
        a1: f.signed(22),
        a2: f.signed(11) as i16,
        tgd1: f.signed(10) as i16,
        tgd2: f.signed(10) as i16,
        aode: f.unsigned(5) as u8,
        aodc: f.unsigned(5) as u8,
        urai: f.unsigned(4) as u8,
        sat_h1: f.flag(),
    })
}

fn glonass(f: &mut Fields, sat: SatId) -> Ephemeris {
    let near = midweek();
    let (_, ns) = near.glonass();
    let day = GpsTime::from_ns(near.ns() - ns);
    Ephemeris::Glonass(GlonassEphemeris {
        sat,
        tb: day.offset_s((f.between(0, 95) * 900) as f64),
        position: [f.signed(27), f.signed(27), f.signed(27)],
        velocity: [f.signed(24), f.signed(24), f.signed(24)],
        acceleration: [f.signed(5) as i8, f.signed(5) as i8, f.signed(5) as i8],
        tau: f.signed(22),
        gamma: f.signed(11) as i16,
        delta_tau: f.flag().then(|| f.signed(5) as i8),
        age_days: f.unsigned(5) as u8,
        // Of B_n the wire and archives have the most significant bit.
        bn: if f.flag() { 0b100 } else { 0 },
        ft: f.unsigned(4) as u8,
        channel: f.between(-7, 13) as i8,
    })
}

fn sbas(f: &mut Fields, sat: SatId) -> Ephemeris {
    let ura = f.unsigned(4) as u8;
    Ephemeris::Sbas(SbasEphemeris {
        sat,
        t0: GpsTime::from_week_s(WEEK, 3 * 86_400 + f.between(0, 5399) * 16),
        position: [f.signed(30), f.signed(30), f.signed(25)],
        velocity: [f.signed(17), f.signed(17), f.signed(18)],
        acceleration: [f.signed(10) as i16, f.signed(10) as i16, f.signed(10) as i16],
        agf0: f.signed(12) as i16,
        agf1: f.signed(8) as i8,
        ura,
        iodn: f.unsigned(8) as u8,
        unhealthy: f.flag() || ura == 15,
    })
}

fn navic(f: &mut Fields, sat: SatId) -> Ephemeris {
    let toe = f.time(16, 0);
    Ephemeris::NavIc(NavIcEphemeris {
        sat,
        toe,
        toc: f.near(toe, 16, 0),
        kepler: f.kepler(sat.gnss),
        af0: f.signed(22),
        af1: f.signed(16) as i16,
        af2: f.signed(8) as i8,
        tgd: f.signed(8) as i8,
        iodec: f.unsigned(8) as u8,
        urai: f.unsigned(4) as u8,
        health: f.unsigned(2) as u8,
    })
}
