//! Ionosphere, UTC, leap seconds and time offsets, from headers and from the records of RINEX 4.

use std::collections::BTreeMap;

use super::records::{Bad, Values};
use super::report::Skip;
use crate::base::GpsTime;
use crate::base::broadcast::{
    EarthOrientation, Gnss, Klobuchar, KlobucharArea, NeQuick, TimeOffset, UtcModel,
};
use crate::base::time::{BDT_WEEK_ZERO, WEEK_S};
use crate::gnss::scale::{exp2i, narrow, signed, unsigned};
use crate::gnss::{LeapSeconds, SkyUpdate};

/// Rank of one of several models: the later, and of equally late ones the one listed with the lower satellite number
/// (geostationary satellites of BeiDou, which follow the ionosphere best, come first).
type Rank = (i64, i32);

/// A time correction as printed: A0 + A1 (t − T).
#[derive(Clone, Copy, Debug)]
pub(super) struct Correction {
    a0: f64,
    a1: f64,
    /// Reference time of the week; a record of RINEX 4 has it in full.
    time: Reference,
}

#[derive(Clone, Copy, Debug)]
enum Reference {
    /// Seconds of week and week number as printed, possibly rolled over.
    Week(i64, i64),
    Full(GpsTime),
}

/// `LEAP SECONDS`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leap {
    current: i64,
    /// Seconds after the next (or last) leap, its week and day.
    future: Option<(i64, i64, i64)>,
}

/// What headers and records say, until the whole file is known.
#[derive(Debug, Default)]
pub(super) struct Models {
    alpha: BTreeMap<(KlobucharArea, Rank), [i8; 4]>,
    beta: BTreeMap<(KlobucharArea, Rank), [i8; 4]>,
    nequick: Option<(i64, NeQuick)>,
    corrections: BTreeMap<[u8; 4], Correction>,
    pub(super) leap: Option<Leap>,
    earth_orientation: Option<EarthOrientation>,
}

const ALPHA_LSB: [f64; 4] = [exp2i(-30), exp2i(-27), exp2i(-24), exp2i(-24)];
const BETA_LSB: [f64; 4] = [exp2i(11), exp2i(14), exp2i(16), exp2i(16)];

fn out(field: &'static str) -> Bad {
    (Skip::OutOfRange, field)
}

fn coefficients(values: [f64; 4], lsb: [f64; 4]) -> Result<[i8; 4], Bad> {
    let mut all = [0; 4];
    for ((to, value), lsb) in all.iter_mut().zip(values).zip(lsb) {
        let n = signed("ionosphere", value, lsb, 8).map_err(out)?;
        *to = narrow("ionosphere", n).map_err(out)?;
    }
    Ok(all)
}

impl Models {
    /// α of an area.
    pub(super) fn alpha(&mut self, area: KlobucharArea, rank: Rank, values: [f64; 4]) -> Result<(), Bad> {
        self.alpha.insert((area, rank), coefficients(values, ALPHA_LSB)?);
        Ok(())
    }

    /// β of an area.
    pub(super) fn beta(&mut self, area: KlobucharArea, rank: Rank, values: [f64; 4]) -> Result<(), Bad> {
        self.beta.insert((area, rank), coefficients(values, BETA_LSB)?);
        Ok(())
    }

    /// A line `IONOSPHERIC CORR`: `label`, values, hour letter and satellite.
    pub(super) fn header_ionosphere(&mut self, label: &str, values: [f64; 4], rank: Rank) -> Result<(), Bad> {
        let area = match label.get(..3) {
            Some("GPS") => KlobucharArea::World,
            Some("QZS") => KlobucharArea::Qzss,
            Some("BDS") => KlobucharArea::BeiDou,
            Some("IRN") => KlobucharArea::NavIc,
            Some("GAL") => return self.nequick(rank.0, [values[0], values[1], values[2]], None),
            _ => return Err((Skip::UnsupportedMessage, "ionosphere")),
        };
        match label.get(3..) {
            Some("A") => self.alpha(area, rank, values),
            Some("B") => self.beta(area, rank, values),
            _ => Err((Skip::UnsupportedMessage, "ionosphere")),
        }
    }

    /// NeQuick-G coefficients; `flags` as RINEX 4 prints the five storm flags.
    pub(super) fn nequick(&mut self, order: i64, ai: [f64; 3], flags: Option<u32>) -> Result<(), Bad> {
        let ai1 = signed("ai1", ai[1], exp2i(-8), 11).map_err(out)?;
        let ai2 = signed("ai2", ai[2], exp2i(-15), 14).map_err(out)?;
        let value = NeQuick {
            ai0: unsigned("ai0", ai[0], exp2i(-2), 11).map_err(out)? as u16,
            ai1: narrow("ai1", ai1).map_err(out)?,
            ai2: narrow("ai2", ai2).map_err(out)?,
            // Bit 0 is region 5, bit 4 region 1.
            storm: flags.map(|f| std::array::from_fn(|i| f >> (4 - i) & 1 != 0)),
        };
        if self.nequick.is_none_or(|(o, _)| o <= order) {
            self.nequick = Some((order, value));
        }
        Ok(())
    }

    /// A time correction with a code such as `GPUT`, its reference as printed in a header.
    pub(super) fn header_correction(&mut self, code: [u8; 4], a0: f64, a1: f64, t: i64, week: i64) {
        self.corrections.insert(code, Correction { a0, a1, time: Reference::Week(t, week) });
    }

    /// A record `STO` of RINEX 4. `calendar` is the reference time in the system's own scale.
    pub(super) fn system_time_offset(
        &mut self,
        code: [u8; 4],
        calendar: GpsTime,
        v: &Values,
    ) -> Result<(), Bad> {
        let a0 = v.need(1, "a0")?;
        let a1 = v.get(2).unwrap_or(0.0);
        let late = match self.corrections.get(&code) {
            Some(Correction { time: Reference::Full(t), .. }) => *t <= calendar,
            _ => true,
        };
        if late {
            self.corrections.insert(code, Correction { a0, a1, time: Reference::Full(calendar) });
        }
        Ok(())
    }

    /// A record `ION` with Klobuchar's coefficients: three and one α, three and one β, region code.
    pub(super) fn klobuchar_record(&mut self, gnss: Gnss, time: GpsTime, v: &Values) -> Result<(), Bad> {
        let area = match gnss {
            Gnss::Gps => KlobucharArea::World,
            // Region code 1 is Japan's area, 0 the wide area for the rest of the world, which no receiver asks for by name.
            Gnss::Qzss if v.get(8).unwrap_or(1.0) == 1.0 => KlobucharArea::Qzss,
            Gnss::BeiDou => KlobucharArea::BeiDou,
            Gnss::NavIc => KlobucharArea::NavIc,
            _ => return Err((Skip::UnsupportedMessage, "ionosphere")),
        };
        let mut c = [0.0; 8];
        for (i, c) in c.iter_mut().enumerate() {
            *c = v.need(i, "ionosphere")?;
        }
        let rank = (time.ns(), 0);
        self.alpha(area, rank, [c[0], c[1], c[2], c[3]])?;
        self.beta(area, rank, [c[4], c[5], c[6], c[7]])
    }

    /// A record `EOP`.
    pub(super) fn earth_orientation(&mut self, time: GpsTime, v: &Values) -> Result<(), Bad> {
        let scaled =
            |i: usize, field, lsb: f64, bits: u32| signed(field, v.need(i, field)?, lsb, bits).map_err(out);
        let narrow16 = |field, n| narrow::<i16>(field, n).map_err(out);
        let value = EarthOrientation {
            t_eop: time,
            pm_x: (scaled(0, "pm_x", exp2i(-20), 21)?, narrow16("pm_x", scaled(1, "pm_x", exp2i(-21), 15)?)?),
            // The second line begins with a blank field.
            pm_y: (scaled(4, "pm_y", exp2i(-20), 21)?, narrow16("pm_y", scaled(5, "pm_y", exp2i(-21), 15)?)?),
            d_ut1: (scaled(8, "d_ut1", exp2i(-24), 31)?, scaled(9, "d_ut1", exp2i(-25), 19)?),
        };
        if self.earth_orientation.is_none_or(|e| e.t_eop <= time) {
            self.earth_orientation = Some(value);
        }
        Ok(())
    }

    /// Writes the models into an update; `epoch` is the newest record's time, from which rolled-over weeks are told.
    /// Returns how many there are, and those that are out of range.
    pub(super) fn finish(self, epoch: GpsTime, update: &mut SkyUpdate) -> (usize, Vec<Bad>) {
        let mut bad = Vec::new();
        let mut newest: BTreeMap<KlobucharArea, Klobuchar> = BTreeMap::new();
        for (key, alpha) in &self.alpha {
            if let Some(beta) = self.beta.get(key) {
                newest.insert(key.0, Klobuchar { alpha: *alpha, beta: *beta });
            }
        }
        update.klobuchar.extend(newest);
        update.nequick = self.nequick.map(|(_, n)| n);
        update.earth_orientation = self.earth_orientation;
        let leap = resolve_leap(self.leap, epoch);
        for (code, c) in &self.corrections {
            match convert(*code, c, leap, epoch) {
                Ok(Some(Converted::Utc(gnss, m))) => update.utc.push((gnss, m)),
                Ok(Some(Converted::Offset(o))) => update.time_offsets.push(o),
                Ok(None) => bad.push((Skip::UnsupportedMessage, "time correction")),
                Err(e) => bad.push(e),
            }
        }
        let n = update.klobuchar.len()
            + usize::from(update.nequick.is_some())
            + usize::from(update.earth_orientation.is_some())
            + update.utc.len()
            + update.time_offsets.len();
        (n, bad)
    }
}

impl Leap {
    /// The fields of the header line.
    pub(super) const fn new(current: i64, future: Option<(i64, i64, i64)>) -> Self {
        Self { current, future }
    }
}

/// Leap seconds from the header where it is complete and sensible, else from the table.
fn resolve_leap(leap: Option<Leap>, epoch: GpsTime) -> LeapSeconds {
    let table = LeapSeconds::at(epoch);
    let Some(leap) = leap else { return table };
    let Ok(now) = i8::try_from(leap.current) else { return table };
    let future = leap.future.and_then(|(after, week, day)| {
        let after = i8::try_from(after).ok().filter(|a| *a >= 0)?;
        let day = u8::try_from(day).ok().filter(|d| (1..=7).contains(d))?;
        // A leap is never announced more than half a year ahead, so that a rolled-over week lies in the past.
        let ahead = epoch.week() + 60;
        let week = if week >= 1024 { week } else { ahead - (ahead - week).rem_euclid(1024) };
        Some(LeapSeconds { now, week: u16::try_from(week).ok()?, day, after })
    });
    future.unwrap_or(if table.now == now { table } else { LeapSeconds { now, after: now, ..table } })
}

enum Converted {
    Utc(Gnss, UtcModel),
    Offset(TimeOffset),
}

fn system(code: [u8; 2]) -> Option<Gnss> {
    Some(match &code {
        b"GP" => Gnss::Gps,
        b"GL" => Gnss::Glonass,
        b"GA" => Gnss::Galileo,
        b"BD" => Gnss::BeiDou,
        b"QZ" => Gnss::Qzss,
        b"SB" => Gnss::Sbas,
        b"IR" => Gnss::NavIc,
        _ => return None,
    })
}

fn convert(
    code: [u8; 4],
    c: &Correction,
    leap: LeapSeconds,
    epoch: GpsTime,
) -> Result<Option<Converted>, Bad> {
    let [a, b, x, y] = code;
    let Some(from) = system([a, b]) else { return Ok(None) };
    if [x, y] == *b"UT" {
        return utc_model(from, c, leap, epoch).map(|m| Some(Converted::Utc(from, m)));
    }
    let Some(to) = system([x, y]) else { return Ok(None) };
    // Older RINEX 3 names Galileo's offset from GPS, as Galileo broadcasts it, the other way round.
    let (from, to) = if (from, to) == (Gnss::Gps, Gnss::Galileo) { (to, from) } else { (from, to) };
    Ok(Some(Converted::Offset(TimeOffset {
        from,
        to,
        t0: c.time.resolve(from, epoch),
        a0: signed("a0", c.a0, exp2i(-35), 32).map_err(out)?,
        a1: signed("a1", c.a1, exp2i(-51), 32).map_err(out)?,
    })))
}

fn utc_model(gnss: Gnss, c: &Correction, leap: LeapSeconds, epoch: GpsTime) -> Result<UtcModel, Bad> {
    const TOT_S: i64 = 4096;
    let t = c.time.resolve(gnss, epoch);
    // BeiDou's clock lags GPS's by the leap seconds of 2006, GLONASS's has none against UTC.
    let lag = match gnss {
        Gnss::BeiDou => 14,
        Gnss::Glonass => leap.now,
        _ => 0,
    };
    let after_lag = if gnss == Gnss::Glonass { leap.after } else { lag };
    let week_s = t.tow_ns() / 1_000_000_000;
    // The field counts 4096 s; Galileo's own counts hours. The drift carries the bias over the difference.
    let tot = (week_s + TOT_S / 2) / TOT_S;
    let moved = if gnss == Gnss::BeiDou { 0.0 } else { c.a1 * (tot * TOT_S - week_s) as f64 };
    let (a0, lsb) = match gnss {
        // Printed is −τ_c.
        Gnss::Glonass => (-c.a0, exp2i(-31)),
        _ => (c.a0 + moved, exp2i(-30)),
    };
    Ok(UtcModel {
        a0: signed("a0", a0, lsb, 32).map_err(out)?,
        a1: signed("a1", c.a1, exp2i(-50), 24).map_err(out)?,
        tot: if gnss == Gnss::BeiDou { 0 } else { tot as u8 },
        week: u16::try_from(t.week()).map_err(|_| out("week"))?,
        dt_ls: leap.now - lag,
        week_lsf: leap.week,
        dn: leap.day,
        dt_lsf: leap.after - after_lag,
    })
}

impl Reference {
    /// The full time of a printed reference: the week congruent with the printed one that is nearest to the file's data.
    fn resolve(self, gnss: Gnss, epoch: GpsTime) -> GpsTime {
        match self {
            Self::Full(t) => t,
            // GLONASS prints none.
            Self::Week(0, 0) if gnss == Gnss::Glonass => epoch,
            Self::Week(s, week) => {
                let (week, cycle) = match gnss {
                    Gnss::BeiDou => (week + BDT_WEEK_ZERO, 8192),
                    _ => (week, 1024),
                };
                let here = epoch.week();
                let off = (week - here + cycle / 2).rem_euclid(cycle) - cycle / 2;
                GpsTime::from_week_s(here + off, s.clamp(0, 2 * WEEK_S))
            }
        }
    }
}
