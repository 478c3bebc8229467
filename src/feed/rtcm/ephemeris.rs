//! Ephemerides: messages 1019, 1020, 1041, 1042, 1044, 1045 and 1046 (RTCM 10403.3, 3.5.13). Their fields are the broadcast
//! integers, which pass through unchanged.

use super::RtcmError;
use super::bits::Bits;
use super::when;
use crate::base::GpsTime;
use crate::base::broadcast::{
    BeiDouEphemeris, GalileoEphemeris, GalileoHealth, GalileoMessage, GlonassEphemeris, Gnss, Kepler,
    LnavEphemeris, NavIcEphemeris, SatId,
};
use crate::base::time::{BDT_LAG_S, BDT_WEEK_ZERO, GST_WEEK_ZERO};

/// √A in units of 2⁻¹⁹ √m from low Earth orbit to beyond the geostationary ring: anything else is no orbit of these systems.
const SQRT_A: std::ops::Range<u32> = (2500 << 19)..(8191 << 19);

fn sat(gnss: Gnss, number: u8, most: u8) -> Result<SatId, RtcmError> {
    if (1..=most).contains(&number) {
        Ok(SatId::new(gnss, number))
    } else {
        Err(RtcmError::Field("satellite"))
    }
}

fn orbit(kepler: Kepler) -> Result<Kepler, RtcmError> {
    if !SQRT_A.contains(&kepler.sqrt_a) {
        return Err(RtcmError::Field("sqrt_a"));
    }
    // A quarter, in units of 2^-33: no navigation satellite's orbit is longer drawn.
    if kepler.e > 1 << 31 {
        return Err(RtcmError::Field("eccentricity"));
    }
    Ok(kepler)
}

const NO_ORBIT: Kepler = Kepler {
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

/// The run of fields from Crs to Ω̇ that GPS, Galileo, BeiDou and QZSS have in common, with the seconds of toe. `harmonic` is
/// the width of the correction terms, `toe` width and unit of the reference time.
fn kepler(b: &mut Bits<'_>, harmonic: u32, toe: (u32, i64)) -> Result<(Kepler, i64), RtcmError> {
    let mut k = NO_ORBIT;
    k.crs = b.i(harmonic)?;
    k.delta_n = b.i(16)?;
    k.m0 = b.i(32)?;
    k.cuc = b.i(harmonic)?;
    k.e = b.u(32)?;
    k.cus = b.i(harmonic)?;
    k.sqrt_a = b.u(32)?;
    let toe_s = i64::from(b.u(toe.0)?) * toe.1;
    k.cic = b.i(harmonic)?;
    k.omega0 = b.i(32)?;
    k.cis = b.i(harmonic)?;
    k.i0 = b.i(32)?;
    k.crc = b.i(harmonic)?;
    k.omega = b.i(32)?;
    k.omega_dot = b.i(24)?;
    Ok((k, toe_s))
}

/// The time of clock: the one nearest to the time of ephemeris.
fn clock_time(toc_s: i64, toe: GpsTime) -> Result<GpsTime, RtcmError> {
    if toc_s >= crate::base::time::WEEK_S {
        return Err(RtcmError::Field("toc"));
    }
    Ok(when::nearest(toc_s * 1_000_000_000, toe))
}

fn same_issue(iode: u8, iodc: u16) -> Result<(), RtcmError> {
    // A set that mixes two issues has a wrong clock or a wrong orbit.
    if iodc & 0xff == u16::from(iode) { Ok(()) } else { Err(RtcmError::Field("iodc")) }
}

/// Message 1019. What follows the message number.
pub(super) fn gps(b: &mut Bits<'_>, around: GpsTime) -> Result<LnavEphemeris, RtcmError> {
    let number = b.u8(6)?;
    let week = when::full_week(i64::from(b.u(10)?), 1024, around);
    let ura = b.u8(4)?;
    let code_on_l2 = b.u8(2)?;
    let i_dot = b.i(14)?;
    let iode = b.u8(8)?;
    let toc_s = i64::from(b.u(16)?) * 16;
    let (af2, af1, af0) = (b.i8(8)?, b.i16(16)?, b.i(22)?);
    let iodc = b.u16(10)?;
    let (k, toe_s) = kepler(b, 16, (16, 16))?;
    let tgd = b.i8(8)?;
    let health = b.u8(6)?;
    let l2p_flag = b.flag()?;
    let fit_extended = b.flag()?;
    same_issue(iode, iodc)?;
    // 40 to 58 are SBAS satellites by another message's rule.
    let sat = sat(Gnss::Gps, number, 32)?;
    let toe = when::reference(week, toe_s, around)?;
    let toc = clock_time(toc_s, toe)?;
    let kepler = orbit(Kepler { i_dot, ..k })?;
    Ok(LnavEphemeris {
        sat,
        toe,
        toc,
        kepler,
        af0,
        af1,
        af2,
        tgd,
        iodc,
        ura,
        health,
        fit_extended,
        code_on_l2,
        l2p_flag,
        aodo: 0,
    })
}

/// Message 1044.
pub(super) fn qzss(b: &mut Bits<'_>, around: GpsTime) -> Result<LnavEphemeris, RtcmError> {
    let number = b.u8(4)?;
    let toc_s = i64::from(b.u(16)?) * 16;
    let (af2, af1, af0) = (b.i8(8)?, b.i16(16)?, b.i(22)?);
    let iode = b.u8(8)?;
    let (k, toe_s) = kepler(b, 16, (16, 16))?;
    let i_dot = b.i(14)?;
    let code_on_l2 = b.u8(2)?;
    let week = when::full_week(i64::from(b.u(10)?), 1024, around);
    let ura = b.u8(4)?;
    let health = b.u8(6)?;
    let tgd = b.i8(8)?;
    let iodc = b.u16(10)?;
    let fit_extended = b.flag()?;
    same_issue(iode, iodc)?;
    let sat = sat(Gnss::Qzss, number, 10)?;
    let toe = when::reference(week, toe_s, around)?;
    let toc = clock_time(toc_s, toe)?;
    let kepler = orbit(Kepler { i_dot, ..k })?;
    Ok(LnavEphemeris {
        sat,
        toe,
        toc,
        kepler,
        af0,
        af1,
        af2,
        tgd,
        iodc,
        ura,
        health,
        fit_extended,
        code_on_l2,
        l2p_flag: false,
        aodo: 0,
    })
}

/// Messages 1045 (F/NAV) and 1046 (I/NAV).
pub(super) fn galileo(
    b: &mut Bits<'_>,
    message: GalileoMessage,
    around: GpsTime,
) -> Result<GalileoEphemeris, RtcmError> {
    let number = b.u8(6)?;
    let week = GST_WEEK_ZERO + i64::from(b.u(12)?);
    let iod_nav = b.u16(10)?;
    let sisa = b.u8(8)?;
    let i_dot = b.i(14)?;
    let toc_s = i64::from(b.u(14)?) * 60;
    let (af2, af1, af0) = (b.i8(6)?, b.i(21)?, b.i(31)?);
    let (k, toe_s) = kepler(b, 16, (14, 60))?;
    let bgd_e1e5a = b.i16(10)?;
    let mut health = GalileoHealth::default();
    let mut bgd_e1e5b = 0;
    match message {
        GalileoMessage::FNav => {
            health.e5a_hs = b.u8(2)?;
            health.e5a_dvs = b.flag()?;
        }
        GalileoMessage::INav => {
            bgd_e1e5b = b.i16(10)?;
            health.e5b_hs = b.u8(2)?;
            health.e5b_dvs = b.flag()?;
            health.e1b_hs = b.u8(2)?;
            health.e1b_dvs = b.flag()?;
        }
    }
    let sat = sat(Gnss::Galileo, number, 36)?;
    // The week counts from 1999 and wraps around after 4,096 weeks, like everything counted.
    let week = when::full_week(week, 4096, around);
    let toe = when::reference(week, toe_s, around)?;
    let toc = clock_time(toc_s, toe)?;
    let kepler = orbit(Kepler { i_dot, ..k })?;
    Ok(GalileoEphemeris {
        sat,
        message,
        toe,
        toc,
        kepler,
        af0,
        af1,
        af2,
        bgd_e1e5a,
        bgd_e1e5b,
        sisa,
        iod_nav,
        health,
    })
}

/// Message 1042. Times are BeiDou's.
pub(super) fn beidou(b: &mut Bits<'_>, around: GpsTime) -> Result<BeiDouEphemeris, RtcmError> {
    let number = b.u8(6)?;
    let week = BDT_WEEK_ZERO + i64::from(b.u(13)?);
    let urai = b.u8(4)?;
    let i_dot = b.i(14)?;
    let aode = b.u8(5)?;
    let toc_s = i64::from(b.u(17)?) * 8;
    let (a2, a1, a0) = (b.i16(11)?, b.i(22)?, b.i(24)?);
    let aodc = b.u8(5)?;
    let (k, toe_s) = kepler(b, 18, (17, 8))?;
    let (tgd1, tgd2) = (b.i16(10)?, b.i16(10)?);
    let sat_h1 = b.flag()?;
    let sat = sat(Gnss::BeiDou, number, 63)?;
    let lag = BDT_LAG_S as f64;
    let toe = when::reference(week, toe_s, around.offset_s(-lag))?;
    let toc = clock_time(toc_s, toe)?;
    let kepler = orbit(Kepler { i_dot, ..k })?;
    Ok(BeiDouEphemeris {
        sat,
        toe: toe.offset_s(lag),
        toc: toc.offset_s(lag),
        kepler,
        a0,
        a1,
        a2,
        tgd1,
        tgd2,
        aode,
        aodc,
        urai,
        sat_h1,
    })
}

/// Message 1041.
pub(super) fn navic(b: &mut Bits<'_>, around: GpsTime) -> Result<NavIcEphemeris, RtcmError> {
    let number = b.u8(6)?;
    // NavIC counts from the first rollover of GPS weeks, so that both have the same remainder.
    let week = when::full_week(i64::from(b.u(10)?), 1024, around);
    let (af0, af1, af2) = (b.i(22)?, b.i16(16)?, b.i8(8)?);
    let urai = b.u8(4)?;
    let toc_s = i64::from(b.u(16)?) * 16;
    let tgd = b.i8(8)?;
    let mut k = NO_ORBIT;
    k.delta_n = b.i(22)?;
    let iodec = b.u8(8)?;
    b.u(10)?;
    let health = b.u8(2)?;
    k.cuc = b.i(15)?;
    k.cus = b.i(15)?;
    k.cic = b.i(15)?;
    k.cis = b.i(15)?;
    k.crc = b.i(15)?;
    k.crs = b.i(15)?;
    k.i_dot = b.i(14)?;
    k.m0 = b.i(32)?;
    let toe_s = i64::from(b.u(16)?) * 16;
    k.e = b.u(32)?;
    k.sqrt_a = b.u(32)?;
    k.omega0 = b.i(32)?;
    k.omega = b.i(32)?;
    k.omega_dot = b.i(22)?;
    k.i0 = b.i(32)?;
    let sat = sat(Gnss::NavIc, number, 14)?;
    let toe = when::reference(week, toe_s, around)?;
    let toc = clock_time(toc_s, toe)?;
    Ok(NavIcEphemeris { sat, toe, toc, kepler: orbit(k)?, af0, af1, af2, tgd, iodec, urai, health })
}

/// Message 1020. Numbers are sign and magnitude.
pub(super) fn glonass(b: &mut Bits<'_>, around: GpsTime) -> Result<GlonassEphemeris, RtcmError> {
    let number = b.u8(6)?;
    let channel = b.u8(5)? as i8 - 7;
    b.u(2 + 2)?; // the almanac's health, whether there is one, P1
    let sent_s = i64::from(b.u(5)?) * 3600 + i64::from(b.u(6)?) * 60 + i64::from(b.u(1)?) * 30;
    let unhealthy = b.flag()?;
    b.u(1)?; // P2
    let quarter = b.u8(7)?;
    let (mut position, mut velocity, mut acceleration) = ([0; 3], [0; 3], [0; 3]);
    for axis in 0..3 {
        velocity[axis] = b.sign_magnitude(24)?.unwrap_or(0);
        position[axis] = b.sign_magnitude(27)?.unwrap_or(0);
        acceleration[axis] = b.sign_magnitude(5)?.unwrap_or(0) as i8;
    }
    b.u(1)?; // P3
    let gamma = b.sign_magnitude(11)?.unwrap_or(0) as i16;
    b.u(2)?; // P
    // l_n says the same as B_n; receivers in the field fill it with something else.
    b.u(1)?;
    let tau = b.sign_magnitude(22)?.unwrap_or(0);
    let delta_tau = b.sign_magnitude(5)?.map(|d| d as i8);
    let age_days = b.u8(5)?;
    b.u(1)?; // P4
    let ft = b.u8(4)?;
    let nt = b.u16(11)?;
    let modern = b.u8(2)? != 0;
    // What is left belongs to the almanac, but shorter messages than the standard's are none.
    b.u64(1 + 11 + 32 + 5)?;
    b.u(22 + 1)?;
    let sat = sat(Gnss::Glonass, number, 27)?;
    if !(-7..=13).contains(&channel) {
        return Err(RtcmError::Field("channel"));
    }
    if quarter >= 96 {
        return Err(RtcmError::Field("t_b"));
    }
    // Kilometres of 2^-11: every GLONASS satellite is 25,500 km from the Earth's centre.
    let radius = position.iter().map(|p| (f64::from(*p) / 2048.0).powi(2)).sum::<f64>().sqrt();
    if !(20_000.0..32_000.0).contains(&radius) {
        return Err(RtcmError::Field("position"));
    }
    let day = when::moscow_day(nt, around).filter(|_| modern);
    Ok(GlonassEphemeris {
        sat,
        tb: when::moscow_quarter(quarter, sent_s, day, around),
        position,
        velocity,
        acceleration,
        tau,
        gamma,
        // The oldest satellites do not send it.
        delta_tau: delta_tau.filter(|_| modern),
        age_days,
        // Of its three bits only this one counts (GLONASS ICD 4.4).
        bn: if unhealthy { 0b100 } else { 0 },
        ft,
        channel,
    })
}
