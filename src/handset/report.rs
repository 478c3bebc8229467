//! What a session came to, for people and for machines.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::findings::{Ending, Findings};
use super::ladder::{Direction, Paint};
use super::options::{Goal, Options, Payload, SuplVersion};
use super::receiver::Fix;
use super::summary;
use super::transport::TlsFacts;
use crate::base::broadcast::{Ephemeris, Gnss, KlobucharArea};
use crate::base::geo::Shape;
use crate::gnss::is_healthy;
use crate::wire::assist::{Assistance, BadSignal};
use crate::wire::ulp::Position;

/// A finished session.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was to be done.
    pub options: Options,
    /// TLS, when it was not plain.
    pub tls: Option<TlsFacts>,
    /// How long the connection took, the TLS handshake included.
    pub connect: Duration,
    /// How long it all took.
    pub total: Duration,
    /// What it brought.
    pub found: Findings,
}

impl Report {
    pub(super) const fn new(
        options: Options,
        tls: Option<TlsFacts>,
        connect: Duration,
        total: Duration,
        found: Findings,
    ) -> Self {
        Self { options, tls, connect, total, found }
    }

    /// Whether the session gave what it was for.
    pub fn succeeded(&self) -> bool {
        let f = &self.found;
        let proper =
            f.status.is_none() && matches!(f.ending, Some(Ending::End | Ending::Done | Ending::Closed));
        let got = match self.options.goal {
            // A position told in SUPL POS INIT that the server is content with needs no assistance.
            Goal::Agnss => f.fix.is_some() || (self.options.tell_position && f.ending == Some(Ending::End)),
            Goal::Locate => f.server_position.is_some() || f.autonomous.is_some() || f.fix.is_some(),
            Goal::CellId | Goal::Measure => f.server_position.is_some(),
        };
        proper && got
    }

    /// The process's exit code: 0 done, 1 no position, 4 silence, 5 a status of the server.
    pub fn exit_code(&self) -> u8 {
        match (self.succeeded(), self.found.status, self.found.ending) {
            (true, ..) => 0,
            (false, Some(_), _) => 5,
            (false, None, Some(Ending::Silence(_))) => 4,
            (false, ..) => 1,
        }
    }

    /// When the handset had its own position, from the beginning of the connection.
    pub fn time_to_fix(&self) -> Option<Duration> {
        self.found.steps.iter().find(|s| s.name == "position").map(|s| s.time)
    }

    // ---- text -----------------------------------------------------------------------------------------------------

    /// For people: assistance, positions, the end.
    pub fn text(&self, paint: Paint) -> String {
        let mut text = String::new();
        if self.options.goal.assisted() {
            let _ = writeln!(text, "\n{}", paint.bold("Assistance"));
            self.assistance_text(&mut text, paint);
        }
        let _ = writeln!(text, "\n{}", paint.bold("Position"));
        self.position_text(&mut text, paint);
        let _ = writeln!(text, "\n{}", paint.bold("Session"));
        self.session_text(&mut text, paint);
        text
    }

    fn assistance_text(&self, text: &mut String, paint: Paint) {
        let a = &self.found.assistance;
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "  {name:<18} {value}");
        };
        if let Some(t) = &a.reference_time {
            let unc = t.uncertainty_s.map_or_else(String::new, |s| format!(" ± {:.3} ms", s * 1e3));
            line(
                "reference time",
                &format!("{}{unc} (week {}, {:.3} s)", t.time.to_utc(), t.time.week(), t.time.tow()),
            );
        }
        if let Some(l) = &a.reference_location {
            line("reference location", &summary::place(l));
        }
        let ionosphere = ionosphere(a);
        if !ionosphere.is_empty() {
            line("ionosphere", &ionosphere.join(", "));
        }
        if a.earth_orientation.is_some() {
            line("Earth orientation", "yes");
        }
        for s in &a.systems {
            if let Some(utc) = s.utc {
                line(&format!("UTC by {}", s.gnss.name()), &format!("leap seconds {}", utc.dt_ls));
            }
            for o in &s.time_offsets {
                let ns = f64::from(o.a0) * (-35_f64).exp2() * 1e9;
                line("time offset", &format!("{} from {}: {ns:.1} ns", o.from.name(), o.to.name()));
            }
            if let Some(n) = s.almanac.as_ref().map(|a| a.entries.len()) {
                line(&format!("almanac {}", s.gnss.name()), &format!("{n} satellites"));
            }
            if let Some(bad) = s.integrity.as_ref().filter(|b| !b.is_empty()) {
                line(&format!("integrity {}", s.gnss.name()), &format!("not to be used: {}", names(bad)));
            }
        }
        for refused in &self.found.refused {
            line("refused", &paint.yellow(refused));
        }
        if self.found.ephemerides() == 0 {
            line("ephemerides", &paint.yellow("none"));
            return;
        }
        let _ = writeln!(text, "  {}", paint.dim("satellite  issue  reference time        health      satellite  issue  reference time        health"));
        let rows: Vec<String> = ephemerides(a).map(row).collect();
        // Two columns: a full sky of four systems fits a screen.
        for pair in rows.chunks(2) {
            let _ = writeln!(text, "  {}", pair.join("      ").trim_end());
        }
    }

    fn position_text(&self, text: &mut String, paint: Paint) {
        let f = &self.found;
        if let Some(fix) = &f.fix {
            let _ = writeln!(text, "  {} {}", paint.green("computed"), computed(fix));
            let note = format!(
                "simulated measurement: {:.1} m from the true position {:.5},{:.5}; clock {:+.1} µs, residuals {:.1} m rms",
                fix.error_m(),
                fix.truth.at.lat,
                fix.truth.at.lon,
                fix.clock_s * 1e6,
                rms(fix),
            );
            let _ = writeln!(text, "           {}", paint.dim(&note));
        }
        if let Some(shape) = &f.autonomous {
            let note = paint.dim("(simulated receiver without assistance)");
            let _ = writeln!(text, "  {} {} {note}", paint.green("reported"), summary::place(shape));
        }
        if let Some(p) = &f.server_position {
            let _ =
                writeln!(text, "  {} {} at {}", paint.green("by server"), summary::place(&p.shape), p.time);
            if let (Some(truth), Some(at)) = (f.truth, p.shape.centre()) {
                let note = format!(
                    "from simulated measurements: {:.1} m from the true position {:.5},{:.5}",
                    at.distance_m(truth.at),
                    truth.at.lat,
                    truth.at.lon
                );
                let _ = writeln!(text, "            {}", paint.dim(&note));
            }
        }
        if let Some(why) = f.no_fix {
            let _ = writeln!(text, "  {} {why}", paint.red("none:"));
        } else if f.fix.is_none() && f.autonomous.is_none() && f.server_position.is_none() {
            let _ = writeln!(text, "  {}", paint.red("none"));
        }
    }

    fn session_text(&self, text: &mut String, paint: Paint) {
        let protocol = if self.options.goal == Goal::CellId { "" } else { self.options.payload.name() };
        let supl = format!("SUPL {}", self.supl());
        let transport = match &self.tls {
            None => "plain TCP".to_owned(),
            Some(t) => format!("{} {}", t.version.replace("TLSv1_", "TLS 1."), t.suite),
        };
        let (sent, received) = self.octets();
        let _ = writeln!(
            text,
            "  {} over {transport}; {} octets sent, {} received; {:.0} ms, of which {:.0} ms to connect",
            [supl.as_str(), protocol].join(" ").trim_end(),
            sent,
            received,
            self.total.as_secs_f64() * 1e3,
            self.connect.as_secs_f64() * 1e3,
        );
        if let Some(t) = self.tls.as_ref().filter(|t| !t.verified) {
            let _ = writeln!(text, "  {}", paint.yellow("certificate not verified (no --ca); SHA-256"));
            let _ = writeln!(text, "  {}", paint.dim(&t.certificate_sha256));
        }
        let verdict = self.verdict();
        let verdict = if self.succeeded() { paint.green(&verdict) } else { paint.red(&verdict) };
        let _ = writeln!(text, "  {verdict}");
    }

    /// How it ended, in a sentence.
    pub fn verdict(&self) -> String {
        match (self.found.ending, self.found.status) {
            (Some(Ending::End), Some(status)) => {
                format!("the server ended the session with {}: {}", status.name(), summary::meaning(status))
            }
            (Some(Ending::End), None) => "the server ended the session well".to_owned(),
            (Some(Ending::Done), _) => "the handset ended the session: nothing more to say".to_owned(),
            (Some(Ending::Closed), _) => "the server closed the connection without SUPL END".to_owned(),
            (Some(Ending::Silence(awaited)), _) => {
                format!("no {awaited} came within {} s", self.options.timeout.as_secs_f64())
            }
            (Some(Ending::Unreadable), _) => "the server sent what cannot be read".to_owned(),
            (None, _) => "the session was not finished".to_owned(),
        }
    }

    /// Whether a session that the server asked for went its proper way: ended by the server without a status, or by the
    /// handset, which had nothing to answer but SUPL END.
    pub fn answered(&self) -> bool {
        self.found.status.is_none() && matches!(self.found.ending, Some(Ending::End | Ending::Done))
    }

    /// What such a session came to, in a sentence.
    pub fn answer(&self) -> String {
        let Some(position) = &self.found.server_position else { return self.verdict() };
        let off = self.found.truth.zip(position.shape.centre()).map(|(truth, at)| at.distance_m(truth.at));
        let off = off.map_or_else(String::new, |m| format!(", {m:.1} m from the true position"));
        format!("{}; it has the handset at {}{off}", self.verdict(), summary::place(&position.shape))
    }

    const fn supl(&self) -> &'static str {
        match self.options.version {
            SuplVersion::V1 => "1.0",
            SuplVersion::V2 => "2.0",
        }
    }

    fn octets(&self) -> (usize, usize) {
        let sum = |d| self.found.steps.iter().filter(|s| s.direction == d).filter_map(|s| s.bytes).sum();
        (sum(Direction::Sent), sum(Direction::Received))
    }

    // ---- JSON -----------------------------------------------------------------------------------------------------

    /// For machines: one object.
    pub fn json(&self) -> Value {
        let f = &self.found;
        let (sent, received) = self.octets();
        json!({
            "ok": self.succeeded(),
            "verdict": self.verdict(),
            "status": f.status.map(crate::wire::ulp::StatusCode::name),
            "server": self.options.server,
            "supl": self.supl(),
            "payload": match self.options.payload { Payload::Rrlp => "rrlp", Payload::Lpp => "lpp" },
            "tls": self.tls,
            "connect_s": seconds(self.connect),
            "total_s": seconds(self.total),
            "time_to_fix_s": self.time_to_fix().map(seconds),
            "octets_sent": sent,
            "octets_received": received,
            "pos_method": f.pos_method.map(crate::wire::ulp::PosMethod::name),
            "assistance": assistance_json(&f.assistance, &f.refused),
            "position": f.fix.as_ref().map(fix_json),
            "position_without_assistance": f.autonomous.as_ref().map(place_json),
            "no_position": f.no_fix.map(|w| w.to_string()),
            "server_position": f.server_position.as_ref().map(server_json),
            "server_error_m": f.truth.zip(f.server_position.as_ref().and_then(|p| p.shape.centre()))
                .map(|(truth, at)| at.distance_m(truth.at)),
            "ladder": f.steps,
        })
    }
}

fn seconds(d: Duration) -> f64 {
    (d.as_secs_f64() * 1e6).round() / 1e6
}

fn ionosphere(a: &Assistance) -> Vec<&'static str> {
    let klobuchar = a.klobuchar.iter().map(|(area, _)| match area {
        KlobucharArea::World => "Klobuchar",
        KlobucharArea::Qzss => "Klobuchar (Japan)",
        KlobucharArea::BeiDou => "Klobuchar (BeiDou)",
        KlobucharArea::NavIc => "Klobuchar (NavIC)",
    });
    klobuchar.chain(a.nequick.map(|_| "NeQuick-G")).collect()
}

fn ephemerides(a: &Assistance) -> impl Iterator<Item = &Ephemeris> {
    let order = |g: Gnss| a.systems.iter().filter(move |s| s.gnss == g);
    Gnss::ALL.into_iter().flat_map(order).flat_map(|s| &s.ephemerides)
}

fn row(e: &Ephemeris) -> String {
    let health = if is_healthy(e) { "ok" } else { "unhealthy" };
    format!("{:<9}  {:>5}  {:<20}  {health:<9}", e.sat(), e.iod(), e.reference_time().to_utc().to_string())
}

fn names(bad: &[BadSignal]) -> String {
    bad.iter().map(|b| b.sat.to_string()).collect::<Vec<_>>().join(" ")
}

fn computed(fix: &Fix) -> String {
    let letters: String = fix.systems().iter().map(|g| g.letter()).collect();
    let e = fix.ellipse;
    format!(
        "{:.6},{:.6}, {:.1} m high; ± {:.1} × {:.1} m ({} %), altitude ± {:.1} m; {} satellites ({letters})",
        fix.at.lat,
        fix.at.lon,
        fix.altitude_m,
        e.semi_major_m,
        e.semi_minor_m,
        e.confidence.unwrap_or_default(),
        fix.altitude_unc_m,
        fix.satellites.len(),
    )
}

fn rms(fix: &Fix) -> f64 {
    let n = fix.satellites.len().max(1) as f64;
    (fix.satellites.iter().map(|s| s.residual_m * s.residual_m).sum::<f64>() / n).sqrt()
}

fn assistance_json(a: &Assistance, refused: &[String]) -> Value {
    let satellites: Vec<Value> = ephemerides(a)
        .map(|e| {
            json!({
                "sat": e.sat().to_string(),
                "issue": e.iod(),
                "reference_time": e.reference_time().to_utc().to_string(),
                "healthy": is_healthy(e),
            })
        })
        .collect();
    let systems: serde_json::Map<String, Value> = a
        .systems
        .iter()
        .map(|s| {
            let value = json!({
                "ephemerides": s.ephemerides.len(),
                "almanac": s.almanac.as_ref().map_or(0, |a| a.entries.len()),
                "utc_leap_seconds": s.utc.map(|u| u.dt_ls),
                "time_offsets": s.time_offsets.len(),
                "bad": s.integrity.as_ref().map(|b| b.iter().map(|b| b.sat.to_string()).collect::<Vec<_>>()),
                "acquisition": s.acquisition.as_ref().map_or(0, |a| a.satellites.len()),
                "auxiliary": s.auxiliary.len(),
            });
            (s.gnss.name().to_owned(), value)
        })
        .collect();
    json!({
        "reference_time": a.reference_time.as_ref().map(|t| json!({
            "utc": t.time.to_utc().to_string(),
            "week": t.time.week(),
            "tow_s": t.time.tow(),
            "uncertainty_s": t.uncertainty_s,
        })),
        "reference_location": a.reference_location.as_ref().map(place_json),
        "ionosphere": ionosphere(a),
        "earth_orientation": a.earth_orientation.is_some(),
        "systems": systems,
        "satellites": satellites,
        "refused": refused,
    })
}

fn place_json(shape: &Shape) -> Value {
    json!({
        "lat": shape.centre().map(|c| c.lat),
        "lon": shape.centre().map(|c| c.lon),
        "uncertainty_m": shape.horizontal_uncertainty_m(),
        "altitude_m": shape.altitude_m(),
        "altitude_uncertainty_m": shape.vertical_uncertainty_m(),
    })
}

fn fix_json(fix: &Fix) -> Value {
    json!({
        "lat": fix.at.lat,
        "lon": fix.at.lon,
        "altitude_m": fix.altitude_m,
        "semi_major_m": fix.ellipse.semi_major_m,
        "semi_minor_m": fix.ellipse.semi_minor_m,
        "orientation_deg": fix.ellipse.orientation_deg,
        "confidence": fix.ellipse.confidence,
        "altitude_uncertainty_m": fix.altitude_unc_m,
        "time": fix.time.to_utc().to_string(),
        "simulated": true,
        "error_m": fix.error_m(),
        "true_position": { "lat": fix.truth.at.lat, "lon": fix.truth.at.lon, "altitude_m": fix.truth.altitude_m },
        "satellites": fix.satellites,
    })
}

fn server_json(p: &Position) -> Value {
    let mut value = place_json(&p.shape);
    if let Some(object) = value.as_object_mut() {
        object.insert("time".to_owned(), json!(p.time.to_string()));
    }
    value
}
