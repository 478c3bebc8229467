//! One navigation record of a satellite, from the printed values to the broadcast integers.

use super::report::Skip;
use crate::base::broadcast::{
    BeiDouEphemeris, Ephemeris, GalileoEphemeris, GalileoHealth, GalileoMessage, GlonassEphemeris, Gnss,
    Kepler, LnavEphemeris, NavIcEphemeris, SatId, SbasEphemeris,
};
use crate::base::time::{BDT_LAG_S, WEEK_S};
use crate::base::{GpsTime, Utc};
use crate::gnss::scale::{
    BDS_TGD_LSB, BGD_LSB, GLONASS_LSB, KeplerElements, SBAS_LSB, TGD_LSB, clock_lsb, narrow, signed,
    sisa_index, unsigned, ura_index,
};

/// Most values that a record may have: RINEX 4's longest (CNAV-2 of BeiDou) has 39.
pub(super) const MAX_VALUES: usize = 48;

/// What "unknown" looks like in RINEX: 0.999999999999E+09.
const UNKNOWN: f64 = 9.99e8;

/// Why a record cannot be used, and because of which field.
pub(super) type Bad = (Skip, &'static str);

/// The values of a record in the order of its lines: three of the first, four of each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values {
    values: [Option<f64>; MAX_VALUES],
    len: usize,
}

impl Values {
    pub(super) const fn new() -> Self {
        Self { values: [None; MAX_VALUES], len: 0 }
    }

    /// Appends a printed value: `Err` what is no number, which matters only where a number is needed (writers leave garbage in
    /// spare fields). What is too much is dropped.
    pub(super) fn push(&mut self, v: Result<Option<f64>, ()>) {
        if let Some(slot) = self.values.get_mut(self.len) {
            *slot = v.unwrap_or(Some(f64::NAN));
            self.len += 1;
        }
    }

    /// A value that must be there.
    pub(super) fn need(&self, i: usize, field: &'static str) -> Result<f64, Bad> {
        match self.values.get(..self.len).and_then(|v| v.get(i)).copied().flatten() {
            Some(v) if v.is_nan() => Err((Skip::NotANumber, field)),
            Some(v) if v.abs() < UNKNOWN => Ok(v),
            _ => Err((Skip::Missing, field)),
        }
    }

    /// A value that may be missing; RINEX's sentinel, and what is no number, count as missing.
    pub(super) fn get(&self, i: usize) -> Option<f64> {
        self.need(i, "").ok()
    }

    /// A non-negative integer of `bits` bits that must be there.
    fn bits(&self, i: usize, field: &'static str, bits: u32) -> Result<u32, Bad> {
        unsigned(field, self.need(i, field)?, 1.0, bits).map_err(out)
    }

    /// A non-negative integer of `bits` bits; zero when missing.
    fn bits_or_zero(&self, i: usize, field: &'static str, bits: u32) -> Result<u32, Bad> {
        unsigned(field, self.get(i).unwrap_or(0.0), 1.0, bits).map_err(out)
    }

    /// A multiple of `lsb` of `bits` bits that must be there.
    fn scaled(&self, i: usize, field: &'static str, lsb: f64, bits: u32) -> Result<i32, Bad> {
        signed(field, self.need(i, field)?, lsb, bits).map_err(out)
    }

    /// A multiple of `lsb` of `bits` bits; zero when missing.
    fn scaled_or_zero(&self, i: usize, field: &'static str, lsb: f64, bits: u32) -> Result<i32, Bad> {
        signed(field, self.get(i).unwrap_or(0.0), lsb, bits).map_err(out)
    }
}

fn out(field: &'static str) -> Bad {
    (Skip::OutOfRange, field)
}

fn small<T: TryFrom<i32>>(field: &'static str, n: i32) -> Result<T, Bad> {
    narrow(field, n).map_err(out)
}

/// The first line of a record: whose it is and the calendar time printed there, in the system's own scale (GLONASS: UTC).
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) sat: SatId,
    /// The calendar fields read as if they were UTC.
    pub(super) calendar: Utc,
    /// Galileo's message where the file names it (RINEX 4).
    pub(super) galileo: Option<GalileoMessage>,
}

/// GPS time of calendar fields in a scale that runs with GPS time.
pub(super) fn calendar_to_gps(calendar: Utc) -> GpsTime {
    // Without leap seconds the calendar is plain arithmetic from the epoch.
    const GPS_EPOCH: i64 = 315_964_800;
    GpsTime::from_week_s(0, calendar.unix_s() - GPS_EPOCH)
}

/// The ephemeris of a record.
pub(super) fn ephemeris(head: Head, v: &Values) -> Result<Ephemeris, Bad> {
    match head.sat.gnss {
        Gnss::Gps | Gnss::Qzss => lnav(head, v).map(Ephemeris::Lnav),
        Gnss::Galileo => galileo(head, v).map(Ephemeris::Galileo),
        Gnss::BeiDou => beidou(head, v).map(Ephemeris::BeiDou),
        Gnss::Glonass => glonass(head, v).map(Ephemeris::Glonass),
        Gnss::Sbas => sbas(head, v).map(Ephemeris::Sbas),
        Gnss::NavIc => navic(head, v).map(Ephemeris::NavIc),
    }
}

/// Clock, orbit and reference times, which stand at the same place for all Keplerian systems.
struct Common {
    toe: GpsTime,
    toc: GpsTime,
    kepler: Kepler,
}

/// `grid` is the unit in seconds of toe and toc in the system's own scale.
fn common(head: Head, v: &Values, grid: i64) -> Result<Common, Bad> {
    let gnss = head.sat.gnss;
    let lag = if gnss == Gnss::BeiDou { BDT_LAG_S } else { 0 };
    let calendar = calendar_to_gps(head.calendar);
    let toe_s = unsigned("toe", v.need(11, "toe")?, 1.0, 20).map_err(out)?;
    let toe_s = i64::from(toe_s);
    if toe_s >= WEEK_S {
        return Err(out("toe"));
    }
    // The record's own week may be rolled over or belong to the time of transmission; toe lies within half a week of toc.
    let half = WEEK_S / 2;
    let toc_s = calendar.tow_ns() / 1_000_000_000;
    let week = calendar.week() + (toc_s - toe_s + half).div_euclid(WEEK_S);
    if toe_s % grid != 0 {
        return Err(out("toe"));
    }
    if toc_s % grid != 0 {
        return Err(out("toc"));
    }
    let toe = GpsTime::from_week_s(week, toe_s + lag);
    let toc = calendar.offset_s(lag as f64);
    let elements = KeplerElements {
        crs: v.need(4, "crs")?,
        delta_n: v.need(5, "delta_n")?,
        m0: v.need(6, "m0")?,
        cuc: v.need(7, "cuc")?,
        e: v.need(8, "eccentricity")?,
        cus: v.need(9, "cus")?,
        sqrt_a: v.need(10, "sqrt_a")?,
        cic: v.need(12, "cic")?,
        omega0: v.need(13, "omega0")?,
        cis: v.need(14, "cis")?,
        i0: v.need(15, "i0")?,
        crc: v.need(16, "crc")?,
        omega: v.need(17, "omega")?,
        omega_dot: v.need(18, "omega_dot")?,
        i_dot: v.need(19, "i_dot")?,
    };
    // Orbits from low Earth to beyond the geostationary ring; anything else is a damaged record.
    if !(2500.0..8192.0).contains(&elements.sqrt_a) {
        return Err(out("sqrt_a"));
    }
    let kepler = elements.to_raw(gnss).map_err(out)?;
    Ok(Common { toe, toc, kepler })
}

fn lnav(head: Head, v: &Values) -> Result<LnavEphemeris, Bad> {
    let Common { toe, toc, kepler } = common(head, v, 16)?;
    let (l0, l1, l2) = clock_lsb(head.sat.gnss);
    let iode = v.bits(3, "iode", 8)?;
    let iodc = v.bits(26, "iodc", 10)?;
    // A record that mixes two issues has a wrong clock or a wrong orbit.
    if iodc & 0xff != iode {
        return Err((Skip::Inconsistent, "iodc"));
    }
    let fit = v.get(28).unwrap_or(0.0);
    // Hours where a writer knew them (nominal 4, of QZSS 2), else the flag itself.
    let nominal = if head.sat.gnss == Gnss::Qzss { 2.0 } else { 4.0 };
    Ok(LnavEphemeris {
        sat: head.sat,
        toe,
        toc,
        kepler,
        af0: v.scaled(0, "af0", l0, 22)?,
        af1: small("af1", v.scaled(1, "af1", l1, 16)?)?,
        af2: small("af2", v.scaled(2, "af2", l2, 8)?)?,
        tgd: small("tgd", v.scaled_or_zero(25, "tgd", TGD_LSB, 8)?)?,
        iodc: iodc as u16,
        ura: ura_index(v.need(23, "ura")?),
        health: v.bits(24, "health", 6)? as u8,
        fit_extended: fit == 1.0 || fit > nominal,
        code_on_l2: v.bits_or_zero(20, "code_on_l2", 2)? as u8,
        l2p_flag: v.get(22).unwrap_or(0.0) != 0.0,
        aodo: 0,
    })
}

fn galileo(head: Head, v: &Values) -> Result<GalileoEphemeris, Bad> {
    let Common { toe, toc, kepler } = common(head, v, 60)?;
    let (l0, l1, l2) = clock_lsb(Gnss::Galileo);
    let source = v.bits_or_zero(20, "data_source", 16)?;
    let message = match head.galileo {
        Some(m) => m,
        // Bit 9: clock for E5b/E1, bit 8: for E5a/E1; writers that set neither tell it by the signals of bits 0 to 2.
        None => match (source >> 9 & 1, source >> 8 & 1) {
            (1, 0) => GalileoMessage::INav,
            (0, 1) => GalileoMessage::FNav,
            (0, 0) if source & 0b101 != 0 && source & 0b010 == 0 => GalileoMessage::INav,
            (0, 0) if source & 0b111 == 0b010 => GalileoMessage::FNav,
            _ => return Err((Skip::Inconsistent, "data_source")),
        },
    };
    let health = v.bits(24, "health", 9)?;
    let two = |shift: u32| (health >> shift & 0b11) as u8;
    let one = |shift: u32| health >> shift & 1 != 0;
    Ok(GalileoEphemeris {
        sat: head.sat,
        message,
        toe,
        toc,
        kepler,
        af0: v.scaled(0, "af0", l0, 31)?,
        af1: v.scaled(1, "af1", l1, 21)?,
        af2: small("af2", v.scaled(2, "af2", l2, 6)?)?,
        bgd_e1e5a: small("bgd_e1e5a", v.scaled_or_zero(25, "bgd_e1e5a", BGD_LSB, 10)?)?,
        bgd_e1e5b: small("bgd_e1e5b", v.scaled_or_zero(26, "bgd_e1e5b", BGD_LSB, 10)?)?,
        sisa: v.get(23).map_or(255, sisa_index),
        iod_nav: v.bits(3, "iod_nav", 10)? as u16,
        health: GalileoHealth {
            e1b_dvs: one(0),
            e1b_hs: two(1),
            e5a_dvs: one(3),
            e5a_hs: two(4),
            e5b_dvs: one(6),
            e5b_hs: two(7),
        },
    })
}

fn beidou(head: Head, v: &Values) -> Result<BeiDouEphemeris, Bad> {
    let Common { toe, toc, kepler } = common(head, v, 8)?;
    let (l0, l1, l2) = clock_lsb(Gnss::BeiDou);
    Ok(BeiDouEphemeris {
        sat: head.sat,
        toe,
        toc,
        kepler,
        a0: v.scaled(0, "a0", l0, 24)?,
        a1: v.scaled(1, "a1", l1, 22)?,
        a2: small("a2", v.scaled(2, "a2", l2, 11)?)?,
        tgd1: small("tgd1", v.scaled_or_zero(25, "tgd1", BDS_TGD_LSB, 10)?)?,
        tgd2: small("tgd2", v.scaled_or_zero(26, "tgd2", BDS_TGD_LSB, 10)?)?,
        aode: v.bits(3, "aode", 5)? as u8,
        aodc: v.bits_or_zero(28, "aodc", 5)? as u8,
        urai: ura_index(v.need(23, "ura")?),
        sat_h1: v.bits(24, "health", 1)? != 0,
    })
}

fn navic(head: Head, v: &Values) -> Result<NavIcEphemeris, Bad> {
    let Common { toe, toc, kepler } = common(head, v, 16)?;
    let (l0, l1, l2) = clock_lsb(Gnss::NavIc);
    Ok(NavIcEphemeris {
        sat: head.sat,
        toe,
        toc,
        kepler,
        af0: v.scaled(0, "af0", l0, 22)?,
        af1: small("af1", v.scaled(1, "af1", l1, 16)?)?,
        af2: small("af2", v.scaled(2, "af2", l2, 8)?)?,
        tgd: small("tgd", v.scaled_or_zero(25, "tgd", TGD_LSB, 8)?)?,
        iodec: v.bits(3, "iodec", 8)? as u8,
        urai: ura_index(v.need(23, "ura")?),
        health: v.bits(24, "health", 2)? as u8,
    })
}

fn glonass(head: Head, v: &Values) -> Result<GlonassEphemeris, Bad> {
    const QUARTER_S: i64 = 900;
    let (lp, lv, la) = GLONASS_LSB;
    let (ltau, lgamma, _) = clock_lsb(Gnss::Glonass);
    // Kilometres in the file, metres in the scale.
    let state = |first: usize, lsb: f64, bits: u32, field| -> Result<[i32; 3], Bad> {
        let one = |i: usize| signed(field, v.need(i, field)? * 1e3, lsb, bits).map_err(out);
        Ok([one(first)?, one(first + 4)?, one(first + 8)?])
    };
    let acceleration = state(5, la, 5, "acceleration")?;
    // Some writers print the time of the frame; t_b is the nearest quarter of an hour (Moscow's offset is whole hours).
    let quarter = (head.calendar.unix_s() + QUARTER_S / 2).div_euclid(QUARTER_S);
    let bn = match v.bits_or_zero(6, "health", 3)? {
        // RINEX has the most significant bit of B_n alone; some writers print all three.
        1 => 0b100,
        bn => bn as u8,
    };
    // Some writers print the negative ones as unsigned bytes.
    let channel = match v.need(10, "channel")?.round() {
        c @ -7.0..=13.0 => c as i8,
        c @ 249.0..=255.0 => (c - 256.0) as i8,
        _ => return Err(out("channel")),
    };
    Ok(GlonassEphemeris {
        sat: head.sat,
        tb: GpsTime::from_utc(Utc::from_unix_s(quarter * QUARTER_S)),
        position: state(3, lp, 27, "position")?,
        velocity: state(4, lv, 24, "velocity")?,
        acceleration: [
            small("acceleration", acceleration[0])?,
            small("acceleration", acceleration[1])?,
            small("acceleration", acceleration[2])?,
        ],
        tau: signed("tau", -v.need(0, "tau")?, ltau, 22).map_err(out)?,
        gamma: small("gamma", v.scaled(1, "gamma", lgamma, 11)?)?,
        // The fourth orbit line of RINEX 3.05.
        delta_tau: match v.get(16) {
            Some(d) => Some(small("delta_tau", signed("delta_tau", d, ltau, 5).map_err(out)?)?),
            None => None,
        },
        age_days: v.bits_or_zero(14, "age", 5)? as u8,
        bn,
        // 15: no accuracy stated (GLONASS ICD table 4.4).
        ft: v.get(17).map_or(Ok(15), |f| unsigned("ft", f, 1.0, 4)).map_err(out)? as u8,
        channel,
    })
}

fn sbas(head: Head, v: &Values) -> Result<SbasEphemeris, Bad> {
    // Widths of the fields of message type 9 by axis.
    const POSITION_BITS: [u32; 3] = [30, 30, 25];
    const VELOCITY_BITS: [u32; 3] = [17, 17, 18];
    // Broadcast is a multiple of 16 s, but many archives print the time of reception here; it is kept as printed.
    let t0 = calendar_to_gps(head.calendar);
    let (l0, l1, _) = clock_lsb(Gnss::Sbas);
    let mut position = [0; 3];
    let mut velocity = [0; 3];
    let mut acceleration = [0; 3];
    for (i, (lp, lv, la)) in SBAS_LSB.into_iter().enumerate() {
        let value = |offset: usize, field| v.need(3 + 4 * i + offset, field).map(|km| km * 1e3);
        position[i] = signed("position", value(0, "position")?, lp, POSITION_BITS[i]).map_err(out)?;
        velocity[i] = signed("velocity", value(1, "velocity")?, lv, VELOCITY_BITS[i]).map_err(out)?;
        let a = signed("acceleration", value(2, "acceleration")?, la, 10).map_err(out)?;
        acceleration[i] = small("acceleration", a)?;
    }
    let health = v.get(6).unwrap_or(0.0);
    let health = unsigned("health", health, 1.0, 16).map_err(out)?;
    let ura = v.get(10).map_or(15, ura_index);
    Ok(SbasEphemeris {
        sat: head.sat,
        t0,
        position,
        velocity,
        acceleration,
        agf0: small("agf0", v.scaled(0, "agf0", l0, 12)?)?,
        agf1: small("agf1", v.scaled(1, "agf1", l1, 8)?)?,
        ura,
        iodn: (v.get(14).unwrap_or(0.0).clamp(0.0, 65_535.0) as u32 & 0xff) as u8,
        // Bit 0 switches ranging off (message type 17); an accuracy of 15 forbids ranging (RTCA DO-229 A.4.4.11).
        unhealthy: health & 1 != 0 || ura == 15,
    })
}
