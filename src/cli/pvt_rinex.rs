//! `groma pvt rinex`: the positions of a station from its observation file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::plot::Plot;
use super::spread::Spread;
use super::{Outcome, output, output::Failure, sky};
use crate::base::GpsTime;
use crate::base::broadcast::Gnss;
use crate::base::time::Clock;
use crate::feed::rinex;
use crate::gnss::solve::{
    Consistency, Fix, IonosphereChoice, Options, Place, Prior, Reason, Receiver, Smoother, SolveError,
    Solver, Systems, confidence,
};
use crate::gnss::visibility::Ecef;

/// The positions of a station, epoch by epoch, from a RINEX observation file.
///
/// No position is carried from one epoch to the next. With --truth errors are against it, without it against the mean of the fixes.
#[derive(Debug, clap::Args)]
pub(super) struct RinexArgs {
    /// Observation file, RINEX 2, 3 or 4, plain or gzip.
    #[arg(long, value_name = "FILE")]
    obs: PathBuf,
    /// Navigation files of the same day.
    #[arg(long, value_name = "FILE", required = true)]
    nav: Vec<PathBuf>,
    /// Systems to use, by RINEX letters: G GPS, R GLONASS, E Galileo, C BeiDou, J QZSS.
    #[arg(long, value_name = "LETTERS", default_value = "GRECJ")]
    systems: Systems,
    /// True position, Earth-fixed metres.
    #[arg(long, value_name = "X,Y,Z", value_parser = parse_ecef, allow_hyphen_values = true)]
    truth: Option<Point>,
    /// Elevation mask, degrees.
    #[arg(long, value_name = "DEG", default_value_t = 10.0, allow_hyphen_values = true)]
    mask: f64,
    /// Ionosphere: best (the broadcast model, and second frequencies where the file has them), broadcast (as a receiver of one
    /// frequency: NeQuick G, or else Klobuchar), klobuchar, free (combination of two frequencies), off.
    #[arg(long, value_name = "MODEL", default_value = "best", value_parser = parse_ionosphere)]
    iono: IonosphereChoice,
    /// Take pseudoranges as they are. Otherwise their noise is averaged along the carrier's phase, where the file has it.
    #[arg(long)]
    no_smoothing: bool,
    /// Keep measurements that contradict the others.
    #[arg(long)]
    keep_faults: bool,
    /// Draw errors and satellites into this SVG file.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Print JSON: the summary and every fix.
    #[arg(long)]
    json: bool,
}

/// An argument of three coordinates.
#[derive(Clone, Copy, Debug)]
struct Point(Ecef);

fn parse_ecef(text: &str) -> Result<Point, String> {
    let parts: Vec<f64> = text.split(',').filter_map(|p| p.trim().parse().ok()).collect();
    let wrong = || {
        format!("`{text}` is no place on the Earth such as 4027893.9,307045.9,4919475.1 (X,Y,Z in metres)")
    };
    let point: Ecef = parts.try_into().map_err(|_| wrong())?;
    Place::new(point).filter(|p| p.altitude_m.abs() < 1e6).map(|_| Point(point)).ok_or_else(wrong)
}

fn parse_ionosphere(text: &str) -> Result<IonosphereChoice, String> {
    match text {
        "best" => Ok(IonosphereChoice::Best),
        "broadcast" => Ok(IonosphereChoice::Broadcast),
        "klobuchar" => Ok(IonosphereChoice::Klobuchar),
        "free" => Ok(IonosphereChoice::Free),
        "off" => Ok(IonosphereChoice::Off),
        _ => Err("one of best, broadcast, klobuchar, free, off".to_owned()),
    }
}

/// What became of an epoch.
struct Outcomes {
    time: GpsTime,
    outcome: Result<Fix, SolveError>,
}

pub(super) fn run(args: &RinexArgs, quiet: bool) -> Outcome {
    let snapshot = sky::of_files(&args.nav, Clock::system().now().utc)?;
    let cannot = |e: &dyn std::fmt::Display| Failure::new(format!("{}: {e}", args.obs.display()));
    let file = File::open(&args.obs).map_err(|e| cannot(&e))?;
    let mut reader = rinex::observations(file).map_err(|e| cannot(&e))?;
    let options = Options {
        systems: args.systems,
        mask_deg: args.mask,
        ionosphere: args.iono,
        receiver: Receiver::Station,
        exclude_faults: !args.keep_faults,
    };
    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    let mut solver = Solver::new();
    let mut prior = Prior::default();
    let mut epochs = Vec::new();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut smoother = Smoother::default();
    for mut epoch in reader.by_ref() {
        if !args.no_smoothing {
            smoother.smooth(&mut epoch);
        }
        let outcome = solver.solve(&snapshot, &epoch, &options, &prior);
        for r in solver.rejected() {
            *reasons.entry(reason(r.reason).to_owned()).or_insert(0) += 1;
        }
        // The last fix is where the next search starts; nothing else is taken over.
        prior.start = outcome.as_ref().ok().map(|f| f.position);
        epochs.push(Outcomes { time: epoch.time, outcome });
        bar.set_message(format!("{} epochs", epochs.len()));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let header = reader.header();
    let report = Report::new(&header.marker, header.version, args, &epochs, reasons, reader.skipped());
    if let Some(path) = &args.plot {
        std::fs::write(path, report.plot(&epochs))
            .map_err(|e| Failure::new(format!("cannot write {}: {e}", path.display())))?;
    }
    if args.json {
        output::print_json(&report.json(&epochs))?;
    } else {
        output::print(&report.text())?;
    }
    Ok(if report.errors.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The summary of a file.
struct Report {
    marker: String,
    version: f64,
    origin: &'static str,
    epochs: usize,
    span: Option<(GpsTime, GpsTime)>,
    satellites: f64,
    by_system: BTreeMap<Gnss, f64>,
    /// East, north, up of each fix from the origin.
    errors: Vec<[f64; 3]>,
    spread: Option<Spread>,
    holds: usize,
    suspect: usize,
    failures: BTreeMap<String, usize>,
    reasons: BTreeMap<String, usize>,
    skipped: rinex::Skipped,
}

impl Report {
    fn new(
        marker: &str,
        version: f64,
        args: &RinexArgs,
        epochs: &[Outcomes],
        reasons: BTreeMap<String, usize>,
        skipped: rinex::Skipped,
    ) -> Self {
        let fixes: Vec<&Fix> = epochs.iter().filter_map(|e| e.outcome.as_ref().ok()).collect();
        let n = fixes.len().max(1) as f64;
        let origin = args.truth.map(|p| p.0).or_else(|| {
            let sum = |i: usize| fixes.iter().map(|f| f.position[i]).sum::<f64>() / n;
            (!fixes.is_empty()).then(|| [sum(0), sum(1), sum(2)])
        });
        let place = origin.and_then(Place::new);
        let errors: Vec<[f64; 3]> = place.map_or_else(Vec::new, |p| {
            fixes.iter().map(|f| p.to_enu(std::array::from_fn(|i| f.position[i] - p.position[i]))).collect()
        });
        let mut by_system = BTreeMap::new();
        for u in fixes.iter().flat_map(|f| &f.used) {
            *by_system.entry(u.sat.gnss).or_insert(0.0) += 1.0 / n;
        }
        let mut failures = BTreeMap::new();
        for e in epochs.iter().filter_map(|e| e.outcome.as_ref().err()) {
            *failures.entry(e.to_string()).or_insert(0) += 1;
        }
        let held = |(f, e): (&&Fix, &[f64; 3])| confidence::holds(&f.ellipse(95), e[0], e[1]);
        Self {
            marker: marker.to_owned(),
            version,
            origin: if args.truth.is_some() { "the truth" } else { "the mean of the fixes" },
            epochs: epochs.len(),
            span: epochs.first().zip(epochs.last()).map(|(a, b)| (a.time, b.time)),
            satellites: fixes.iter().map(|f| f.used.len()).sum::<usize>() as f64 / n,
            by_system,
            spread: Spread::of(&errors),
            holds: fixes.iter().zip(&errors).filter(|p| held(*p)).count(),
            suspect: fixes.iter().filter(|f| f.consistency == Consistency::Suspect).count(),
            errors,
            failures,
            reasons,
            skipped,
        }
    }

    fn availability(&self) -> f64 {
        self.errors.len() as f64 / self.epochs.max(1) as f64
    }

    fn text(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "Station     {} (RINEX {})", self.marker, self.version);
        if let Some((from, to)) = self.span {
            let _ = writeln!(out, "Epochs      {}, {} to {}", self.epochs, from.to_utc(), to.to_utc());
        } else {
            let _ = writeln!(out, "Epochs      none");
        }
        let _ = writeln!(
            out,
            "Fixes       {} ({:.1} %), {} of them suspect",
            self.errors.len(),
            100.0 * self.availability(),
            self.suspect
        );
        let _ = write!(out, "Satellites  {:.1} on average:", self.satellites);
        for (gnss, n) in &self.by_system {
            let _ = write!(out, " {} {n:.1}", gnss.name());
        }
        let _ = writeln!(out);
        if let Some(s) = &self.spread {
            let [e, n, u] = s.rms_enu_m;
            let [me, mn, mu] = s.mean_enu_m;
            let (h, d) = (s.rms_horizontal_m, s.rms_3d_m);
            let _ = writeln!(out, "\nErrors from {}, metres", self.origin);
            let _ = writeln!(
                out,
                "        {:>9} {:>9} {:>9} {:>11} {:>9}",
                "east", "north", "up", "horizontal", "3-d"
            );
            let _ = writeln!(out, "mean    {me:>9.3} {mn:>9.3} {mu:>9.3}");
            let _ = writeln!(out, "RMS     {e:>9.3} {n:>9.3} {u:>9.3} {h:>11.3} {d:>9.3}");
            for (name, up, horizontal, space) in [
                ("50 %", s.p50_vertical_m, s.p50_horizontal_m, s.p50_3d_m),
                ("95 %", s.p95_vertical_m, s.p95_horizontal_m, s.p95_3d_m),
            ] {
                let _ =
                    writeln!(out, "{name:<8}{:>9} {:>9} {up:>9.3} {horizontal:>11.3} {space:>9.3}", "", "");
            }
            let held = 100.0 * self.holds as f64 / self.errors.len().max(1) as f64;
            let _ = writeln!(out, "\nStated 95 % ellipses hold {held:.1} % of them.");
        }
        for (title, counts) in [("No fix", &self.failures), ("Measurements not used", &self.reasons)] {
            if !counts.is_empty() {
                let list: Vec<String> = counts.iter().map(|(k, n)| format!("{k} {n}")).collect();
                let _ = writeln!(out, "{title}: {}", list.join(", "));
            }
        }
        if self.skipped != rinex::Skipped::default() {
            let s = self.skipped;
            let end = if s.incomplete { ", and the file breaks off" } else { "" };
            let _ = writeln!(out, "Not readable: {} lines, {} epochs{end}", s.lines, s.epochs);
        }
        out
    }

    fn json(&self, epochs: &[Outcomes]) -> Value {
        let mut errors = self.errors.iter();
        let rows: Vec<Value> = epochs
            .iter()
            .map(|e| match &e.outcome {
                Ok(f) => fix_json(e.time, f, errors.next()),
                Err(why) => json!({"time": time_text(e.time), "error": why.to_string()}),
            })
            .collect();
        let by_system: BTreeMap<&str, f64> = self.by_system.iter().map(|(g, n)| (g.name(), *n)).collect();
        json!({
            "station": self.marker,
            "errors_from": self.origin,
            "epochs": self.epochs,
            "fixes": self.errors.len(),
            "availability": self.availability(),
            "satellites": self.satellites,
            "satellites_by_system": by_system,
            "spread": self.spread,
            "ellipse95_holds": self.holds as f64 / self.errors.len().max(1) as f64,
            "suspect": self.suspect,
            "failures": self.failures,
            "not_used": self.reasons,
            "skipped_lines": self.skipped.lines,
            "incomplete": self.skipped.incomplete,
            "results": rows,
        })
    }

    fn plot(&self, epochs: &[Outcomes]) -> String {
        let horizontal: Vec<[f64; 2]> = self.errors.iter().map(|e| [e[0], e[1]]).collect();
        let first = epochs.first().map_or(GpsTime::from_ns(0), |e| e.time);
        let satellites: Vec<(f64, usize)> =
            epochs.iter().map(|e| (e.time - first, e.outcome.as_ref().map_or(0, |f| f.used.len()))).collect();
        let title = format!("{} from {}", self.marker, first.to_utc());
        Plot { title: &title, origin: self.origin, errors: &horizontal, satellites: &satellites }.svg()
    }
}

/// GPS week and seconds, and UTC.
fn time_text(t: GpsTime) -> Value {
    json!({"week": t.week(), "tow": t.tow(), "utc": t.to_utc().to_string()})
}

fn fix_json(time: GpsTime, f: &Fix, error: Option<&[f64; 3]>) -> Value {
    let ellipse = f.ellipse(95);
    json!({
        "time": time_text(time),
        "ecef_m": f.position,
        "lat": f.at.lat,
        "lon": f.at.lon,
        "altitude_m": f.altitude_m,
        "error_enu_m": error,
        "clock_s": f.clock_s,
        "ellipse95": {
            "semi_major_m": ellipse.semi_major_m,
            "semi_minor_m": ellipse.semi_minor_m,
            "orientation_deg": ellipse.orientation_deg,
        },
        "vertical95_m": f.vertical_m(95),
        "holds": error.map(|e| confidence::holds(&ellipse, e[0], e[1])),
        "velocity_enu_mps": f.velocity.map(|v| v.enu_mps),
        "dop": f.dop,
        "consistency": f.consistency,
        "used": f.used,
        "rejected": f.rejected,
    })
}

/// The reason as a word.
const fn reason(r: Reason) -> &'static str {
    match r {
        Reason::System => "system not asked for",
        Reason::NoEphemeris => "no ephemeris",
        Reason::Unhealthy => "unhealthy",
        Reason::Signal => "unknown signal delay",
        Reason::Range => "impossible range",
        Reason::Ambiguous => "ambiguous",
        Reason::BelowMask => "below the mask",
        Reason::Redundant => "further signal",
        Reason::SingleFrequency => "one frequency only",
        Reason::Outlier { .. } => "contradicts the others",
    }
}
