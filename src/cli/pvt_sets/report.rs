//! Lines and summary.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::read::{Case, Truth};
use crate::gnss::assisted::{Cannot, Fix};
use crate::gnss::visibility::{Observer, from_ecef};

/// Metres that light goes in a millisecond.
const MS_M: f64 = 299_792.458;

pub(super) const HEADER: &str = "\
id         scenario            used/meas     latitude    longitude   ellipse 95 %       error_h  error_u  holds  ms";

/// What became of a set.
#[derive(Debug)]
pub(super) struct Outcome {
    case: Case,
    fix: Result<Fix, Cannot>,
    took: Duration,
    against: Option<Against>,
}

/// A position against the truth.
#[derive(Clone, Copy, Debug)]
struct Against {
    horizontal_m: f64,
    up_m: f64,
    holds: bool,
    /// Whether every measurement used has its right whole milliseconds, where the truth tells.
    whole_ms: Option<bool>,
}

impl Outcome {
    pub(super) fn new(case: Case, fix: Result<Fix, Cannot>, took: Duration) -> Self {
        let against = match (&fix, &case.truth) {
            (Ok(fix), Some(truth)) => against(fix, truth),
            _ => None,
        };
        Self { case, fix, took, against }
    }

    fn measured(&self) -> usize {
        let mut sats: Vec<_> = self.case.sets.iter().flat_map(|s| &s.satellites).map(|s| s.sat).collect();
        sats.sort_unstable();
        sats.dedup();
        sats.len()
    }

    pub(super) fn text(&self, satellites: bool) -> String {
        let mut out = format!("{:<10} {:<20}", self.case.id, self.case.scenario);
        let fix = match &self.fix {
            Err(why) => {
                let _ = writeln!(out, "  -/{:<3}  cannot: {why}", self.measured());
                return out;
            }
            Ok(fix) => fix,
        };
        let e = &fix.ellipse;
        let axes = format!("{:.1}x{:.1}@{:.0}", e.semi_major_m, e.semi_minor_m, e.orientation_deg);
        let _ = write!(
            out,
            "{:>3}/{:<3} {:>14.7} {:>12.7}   {axes:<17}",
            fix.satellites(),
            self.measured(),
            fix.at.lat,
            fix.at.lon
        );
        if let Some(a) = self.against {
            let ms = match a.whole_ms {
                Some(true) => "ok",
                Some(false) => "WRONG",
                None => "-",
            };
            let holds = if a.holds { "yes" } else { "NO" };
            let _ = write!(out, "{:>9.2} {:>8.2}  {holds:<5}  {ms}", a.horizontal_m, a.up_m);
        }
        out.push('\n');
        if satellites {
            for u in &fix.used {
                let _ = writeln!(
                    out,
                    "    {} {:<7} el {:>4.1} az {:>5.1}  travel {:>12.7} ms  residual {:>8.2} m  sigma {:>6.2} m  weight {:.2}",
                    u.sat,
                    u.signal,
                    u.elevation_deg,
                    u.azimuth_deg,
                    u.travel_ms,
                    u.residual_m,
                    u.sigma_m,
                    u.weight
                );
            }
            for r in &fix.rejected {
                let _ = writeln!(out, "    {} {:<7} rejected: {:?}", r.sat, r.signal, r.why);
            }
        }
        out
    }

    pub(super) fn json(&self) -> Value {
        let mut v = json!({
            "id": self.case.id,
            "scenario": self.case.scenario,
            "measured": self.measured(),
            "solve_us": (self.took.as_secs_f64() * 1e7).round() / 10.0,
        });
        match &self.fix {
            Err(why) => v["cannot"] = json!(why.to_string()),
            Ok(fix) => {
                v["satellites"] = json!(fix.satellites());
                v["fix"] = json!({
                    "lat": fix.at.lat, "lon": fix.at.lon, "altitude_m": fix.altitude_m,
                    "ecef": fix.position, "gps_tow_s": fix.time.tow(), "gps_week": fix.time.week(),
                    "time_correction_s": fix.time_correction_s,
                    "altitude_unc95_m": fix.altitude_unc_m,
                    "altitude_assumed": fix.altitude_assumed,
                    "reference_holds": fix.reference_holds,
                    "redundancy": fix.redundancy,
                    "velocity": fix.velocity,
                });
                v["ellipse95"] = json!({
                    "semi_major_m": fix.ellipse.semi_major_m,
                    "semi_minor_m": fix.ellipse.semi_minor_m,
                    "orientation_deg": fix.ellipse.orientation_deg,
                });
                v["used"] = json!(fix.used);
                v["rejected"] = json!(fix.rejected);
            }
        }
        if let Some(a) = self.against {
            v["error_h_m"] = json!(a.horizontal_m);
            v["error_u_m"] = json!(a.up_m);
            v["ellipse_holds"] = json!(a.holds);
            v["whole_ms_right"] = json!(a.whole_ms);
        }
        v
    }
}

fn against(fix: &Fix, truth: &Truth) -> Option<Against> {
    let (at, altitude) = from_ecef(truth.ecef)?;
    let observer = Observer::new(at, altitude);
    let d = std::array::from_fn(|i| fix.position[i] - truth.ecef[i]);
    let [e, n, up_m] = observer.components(d);
    let (sin, cos) = fix.ellipse.orientation_deg.to_radians().sin_cos();
    let (along, across) = (e * sin + n * cos, e * cos - n * sin);
    let inside = (along / fix.ellipse.semi_major_m).powi(2) + (across / fix.ellipse.semi_minor_m).powi(2);
    Some(Against { horizontal_m: e.hypot(n), up_m, holds: inside <= 1.0, whole_ms: whole_ms(fix, truth) })
}

/// Whether the travel times differ from the true ones by the same whole number.
fn whole_ms(fix: &Fix, truth: &Truth) -> Option<bool> {
    let off = fix.used.iter().filter_map(|u| {
        let true_ms = truth.ranges.get(&u.sat)? / MS_M;
        Some((u.travel_ms - true_ms).round() as i64)
    });
    let all: Vec<i64> = off.collect();
    let first = *all.first()?;
    Some(all.iter().all(|o| *o == first))
}

/// Sums over sets.
#[derive(Debug, Default)]
pub(super) struct Tally {
    scenarios: BTreeMap<String, Group>,
    all: Group,
}

#[derive(Debug, Default)]
struct Group {
    sets: usize,
    fixes: usize,
    errors: Vec<f64>,
    up: Vec<f64>,
    held: usize,
    /// Of the sets with five satellites used or more: how many, and how many with their right whole milliseconds.
    five: usize,
    right: usize,
    /// Errors of more than 150 m outside of the ellipse.
    silent: usize,
    major: Vec<f64>,
    took_s: Vec<f64>,
}

impl Group {
    fn add(&mut self, o: &Outcome) {
        self.sets += 1;
        self.took_s.push(o.took.as_secs_f64());
        let five = o.measured() >= 5;
        let Ok(fix) = &o.fix else {
            self.five += usize::from(five && o.case.truth.is_some());
            return;
        };
        self.fixes += 1;
        self.major.push(fix.ellipse.semi_major_m);
        let Some(a) = o.against else { return };
        self.errors.push(a.horizontal_m);
        self.up.push(a.up_m.abs());
        self.held += usize::from(a.holds);
        self.silent += usize::from(a.horizontal_m > 150.0 && !a.holds);
        if let (true, Some(right)) = (five, a.whole_ms) {
            self.five += 1;
            self.right += usize::from(right);
        }
    }

    fn json(&self) -> Value {
        let percent =
            |n: usize, of: usize| if of == 0 { Value::Null } else { json!(100.0 * n as f64 / of as f64) };
        json!({
            "sets": self.sets, "fixes": self.fixes,
            "error_h_p50_m": quantile(&self.errors, 0.5), "error_h_p95_m": quantile(&self.errors, 0.95),
            "error_h_max_m": quantile(&self.errors, 1.0),
            "error_u_p50_m": quantile(&self.up, 0.5), "error_u_p95_m": quantile(&self.up, 0.95),
            "ellipse_p50_m": quantile(&self.major, 0.5),
            "ellipse_holds_percent": percent(self.held, self.errors.len()),
            "whole_ms_right_percent": percent(self.right, self.five),
            "beyond_150_m_unsaid": self.silent,
            "solve_p50_us": quantile(&self.took_s, 0.5).map(|s| s * 1e6),
        })
    }

    fn text(&self, name: &str) -> String {
        let percent = |n: usize, of: usize| {
            if of == 0 { "-".to_owned() } else { format!("{:.1}", 100.0 * n as f64 / of as f64) }
        };
        let q = |v: &[f64], p| quantile(v, p).map_or_else(|| "-".to_owned(), |x| format!("{x:.2}"));
        format!(
            "{name:<20} {:>4} {:>5} {:>8} {:>8} {:>9} {:>8} {:>8} {:>9} {:>7} {:>7} {:>8}\n",
            self.sets,
            self.fixes,
            q(&self.errors, 0.5),
            q(&self.errors, 0.95),
            q(&self.errors, 1.0),
            q(&self.up, 0.5),
            q(&self.up, 0.95),
            q(&self.major, 0.5),
            percent(self.held, self.errors.len()),
            percent(self.right, self.five),
            self.silent,
        )
    }
}

/// A quantile between neighbours interpolated; `None` of nothing.
fn quantile(values: &[f64], p: f64) -> Option<f64> {
    let mut v = values.to_vec();
    v.sort_by(f64::total_cmp);
    let place = p * (v.len().checked_sub(1)? as f64);
    let low = v.get(place.floor() as usize)?;
    let high = v.get(place.ceil() as usize)?;
    Some(low + (high - low) * place.fract())
}

impl Tally {
    pub(super) fn add(&mut self, o: &Outcome) {
        self.scenarios.entry(o.case.scenario.clone()).or_default().add(o);
        self.all.add(o);
    }

    pub(super) fn json(&self) -> Value {
        let scenarios: serde_json::Map<String, Value> =
            self.scenarios.iter().map(|(name, g)| (name.clone(), g.json())).collect();
        json!({ "summary": { "all": self.all.json(), "scenarios": scenarios } })
    }

    pub(super) fn text(&self) -> String {
        let mut out = format!(
            "\n{:<20} {:>4} {:>5} {:>8} {:>8} {:>9} {:>8} {:>8} {:>9} {:>7} {:>7} {:>8}\n",
            "scenario",
            "sets",
            "fixes",
            "h50_m",
            "h95_m",
            "hmax_m",
            "u50_m",
            "u95_m",
            "ellipse50",
            "holds_%",
            "ms_%",
            "unsaid"
        );
        for (name, g) in &self.scenarios {
            out += &g.text(name);
        }
        out += &self.all.text("all");
        let spent: f64 = self.all.took_s.iter().sum();
        let _ = writeln!(
            out,
            "\nerrors in metres; holds: the 95 % ellipse holds the truth; ms: of the sets with five satellites or more, those whose\n\
             whole milliseconds are all right; unsaid: errors beyond 150 m that the ellipse does not admit; {:.0} µs a set",
            spent / self.all.took_s.len().max(1) as f64 * 1e6
        );
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 0.5), Some(2.0));
        assert_eq!(quantile(&[0.0, 10.0], 0.95), Some(9.5));
    }
}
