//! `groma sky acquire`: where in frequency and code to look for satellites.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::output::{self, Failure};
use super::{Outcome, sky};
use crate::base::GpsTime;
use crate::base::broadcast::Gnss;
use crate::base::time::Clock;
use crate::gnss::acquisition::{Expected, Viewpoint};
use crate::gnss::positions::parse_time;
use crate::gnss::scale::C;
use crate::gnss::solve::Signal;
use crate::gnss::solve::signal::L1_HZ;
use crate::handset::Place;
use crate::spc::Protocol;
use crate::spc::assist::acquisition::{instant, said};
use crate::wire::acquisition::{Code, GpsCode};
use crate::wire::assist::AcquisitionSat;

const NOTES: &str = "\
Doppler is that of a handset at rest with a right oscillator, positive when the satellite approaches; the delay is the way of \
the signal, of which the code phase is what lies beyond whole milliseconds. Encoded values are those of RRLP's part for GPS \
(TS 44.031 AcquisElement; of other systems, and in LPP, of GNSS-AcquisitionAssistElement), each for the time that its message \
can tell: RRLP has steps of 80 ms for GPS and of a second for the others.";

/// Shows what a handset at a place can expect of each satellite's signal, and how RRLP and LPP say it.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(super) struct AcquireArgs {
    /// Navigation files.
    #[arg(long, value_name = "FILE", required = true)]
    nav: Vec<PathBuf>,
    /// Reference location, degrees and metres above the ellipsoid.
    #[arg(long, value_name = "LAT,LON[,ALT]", allow_hyphen_values = true)]
    at: Place,
    /// Reference time: 2243:39618 (GPS week and seconds), 2023-01-01T11:00:00 (GPS time) or with Z (UTC).
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    time: GpsTime,
    /// Uncertainty of the place, metres.
    #[arg(long, value_name = "M", default_value_t = 3000.0, value_parser = parse_positive)]
    uncertainty: f64,
    /// Uncertainty of the altitude, metres.
    #[arg(long, value_name = "M", default_value_t = 150.0, value_parser = parse_positive)]
    altitude_uncertainty: f64,
    /// Uncertainty of the time, seconds.
    #[arg(long, value_name = "S", default_value_t = 0.0, value_parser = parse_positive)]
    time_uncertainty: f64,
    /// Lowest elevation, degrees.
    #[arg(long, value_name = "DEG", default_value_t = 5.0, allow_hyphen_values = true)]
    mask: f64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn parse_positive(s: &str) -> Result<f64, String> {
    s.parse().ok().filter(|v| (0.0..=1e7).contains(v)).ok_or_else(|| "a number, 0 or more".to_owned())
}

/// A satellite with its codes.
struct Row {
    expected: Expected,
    rrlp_gps: Option<GpsCode>,
    rrlp_ganss: Option<Code>,
    lpp: Code,
}

/// Runs the command.
pub(super) fn run(args: &AcquireArgs) -> Outcome {
    let sky = sky::of_files(&args.nav, Clock::system().now().utc)?;
    let view = |time: GpsTime| {
        Viewpoint::new(
            args.at.at,
            args.at.altitude_m,
            args.uncertainty,
            args.altitude_uncertainty,
            time,
            args.time_uncertainty,
        )
        .ok_or_else(|| Failure::new("the place is none on Earth"))
    };
    let here = view(args.time)?;
    let mut rows = Vec::new();
    for e in Gnss::ALL.into_iter().flat_map(|g| sky.usable(g, args.time)) {
        let (gnss, signal) = (e.sat().gnss, Signal::first(e.sat().gnss));
        let Some(expected) = here.expect(e, signal).filter(|x| x.elevation_deg >= args.mask) else {
            continue;
        };
        let at = |protocol| -> Result<Option<(GpsTime, AcquisitionSat)>, Failure> {
            let time = instant(args.time, gnss, protocol);
            Ok(view(time)?.expect(e, signal).map(|x| (time, said(&x))))
        };
        let (rrlp, Some((time, lpp))) = (at(Protocol::Rrlp)?, at(Protocol::Lpp)?) else { continue };
        rows.push(Row {
            expected,
            rrlp_gps: rrlp.as_ref().filter(|_| gnss == Gnss::Gps).map(|(t, s)| GpsCode::new(*t, s)),
            rrlp_ganss: rrlp.as_ref().filter(|_| gnss != Gnss::Gps).map(|(t, s)| Code::new(*t, s)),
            lpp: Code::new(time, &lpp),
        });
    }
    if args.json {
        let list: Vec<Value> = rows.iter().map(|r| r.json(args.time)).collect();
        output::print_json(&json!({
            "gps_week": args.time.week(), "gps_tow_s": args.time.tow(),
            "uncertainty_m": args.uncertainty, "time_uncertainty_s": args.time_uncertainty,
            "satellites": list,
        }))?;
    } else {
        output::print(&table(&rows, args.time))?;
    }
    Ok(ExitCode::SUCCESS)
}

const HEADER: &str = "                      Doppler    1st    +-      delay      code phase      window          |      RRLP                        |      LPP\n\
sat  sig       az  el     m/s   m/s2   m/s   ms           chips  bit+ms   +-chips +-ms  | dop0 d1 u phase int bit w az el    | dop0  d1 u phase int  w  az  el";

fn table(rows: &[Row], time: GpsTime) -> String {
    let mut out = format!("{time:?}\n{HEADER}\n");
    for r in rows {
        out += &r.text(time);
    }
    // Writing into a string cannot fail.
    let _ = writeln!(out, "{} satellites", rows.len());
    out
}

impl Row {
    /// Chips of a 1023 chip code, whole code periods since the last bit edge of 20, and the bit modulo 4.
    fn phase(&self, time: GpsTime) -> (f64, i64, i64) {
        let sent = (time.tow_ns() as f64 * 1e-6 - self.expected.travel_ms).floor() as i64;
        (self.expected.travel_ms.fract() * 1023.0, sent.rem_euclid(20), (sent.div_euclid(20)).rem_euclid(4))
    }

    fn text(&self, time: GpsTime) -> String {
        let x = &self.expected;
        let (chips, int, bit) = self.phase(time);
        let rrlp = match (&self.rrlp_gps, &self.rrlp_ganss) {
            (Some(g), _) => format!(
                "{:>5} {:>2} {} {:>5} {:>3} {:>3} {:>2} {:>2} {:>2}",
                g.doppler0,
                g.doppler1,
                g.doppler_uncertainty,
                g.phase,
                g.int_phase,
                g.bit,
                g.window,
                g.azimuth,
                g.elevation
            ),
            (None, Some(c)) => format!(
                "{:>5} {:>2} {} {:>5} {:>3}   - {:>2} {:>2} {:>2}",
                c.doppler0,
                c.doppler1,
                c.doppler_uncertainty,
                phase(c),
                c.int_phase,
                c.window,
                c.azimuth / 16,
                c.elevation / 16
            ),
            (None, None) => "-".to_owned(),
        };
        let l = &self.lpp;
        format!(
            "{:<4} {:<7} {:>4.0} {:>3.0} {:>8.2} {:>6.3} {:>5.2} {:>11.6} {:>9.2}  {bit}+{int:<2}  {:>8.2} {:>6.4} | {rrlp:<32} | {:>5} {:>2} {} {:>5} {:>3} {:>2} {:>3} {:>3}\n",
            x.sat,
            x.signal,
            x.azimuth_deg,
            x.elevation_deg,
            x.doppler_mps,
            x.doppler_rate_mps2,
            x.doppler_unc_mps,
            x.travel_ms,
            chips,
            x.window_ms * 1023.0,
            x.window_ms,
            l.doppler0,
            l.doppler1,
            l.doppler_uncertainty,
            phase(l),
            l.int_phase,
            l.window,
            l.azimuth,
            l.elevation,
        )
    }

    fn json(&self, time: GpsTime) -> Value {
        let x = &self.expected;
        let (chips, int, bit) = self.phase(time);
        let hz = |mps: f64| mps * L1_HZ / C;
        json!({
            "sat": x.sat.to_string(), "signal": x.signal,
            "azimuth_deg": x.azimuth_deg, "elevation_deg": x.elevation_deg,
            "doppler_mps": x.doppler_mps, "doppler_l1_hz": hz(x.doppler_mps),
            "doppler_rate_mps2": x.doppler_rate_mps2, "doppler_rate_l1_hz_per_s": hz(x.doppler_rate_mps2),
            "doppler_unc_mps": x.doppler_unc_mps, "doppler_unc_l1_hz": hz(x.doppler_unc_mps),
            "travel_ms": x.travel_ms, "code_phase_chips": chips,
            "int_code_phase": int, "gps_bit_number": bit,
            "window_ms": x.window_ms, "window_chips": x.window_ms * 1023.0,
            "rrlp": self.rrlp_gps.as_ref().map_or_else(
                || self.rrlp_ganss.as_ref().map_or(Value::Null, ganss_json),
                gps_json,
            ),
            "lpp": ganss_json(&self.lpp),
        })
    }
}

/// The code phase with its last value.
const fn phase(c: &Code) -> u16 {
    if c.phase_1023 { 1023 } else { c.phase }
}

fn gps_json(g: &GpsCode) -> Value {
    json!({
        "doppler0": g.doppler0, "doppler1": g.doppler1, "doppler_uncertainty": g.doppler_uncertainty,
        "code_phase": g.phase, "int_code_phase": g.int_phase, "gps_bit_number": g.bit,
        "code_phase_search_window": g.window, "azimuth": g.azimuth, "elevation": g.elevation,
    })
}

fn ganss_json(c: &Code) -> Value {
    json!({
        "doppler0": c.doppler0, "doppler1": c.doppler1, "doppler_uncertainty": c.doppler_uncertainty,
        "code_phase": phase(c), "int_code_phase": c.int_phase, "code_phase_search_window": c.window,
        "azimuth": c.azimuth, "elevation": c.elevation,
    })
}
