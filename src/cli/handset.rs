//! `groma handset`: a SUPL client for any server.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::Outcome;
use super::handset_listen::{self, ListenArgs};
use super::output::{Failure, print, print_json};
use crate::base::broadcast::Gnss;
use crate::base::cell::CellId;
use crate::base::ids::{Imsi, Msisdn, Nai, SetId};
use crate::handset::{
    self, Goal, Options, Paint, Payload, Place, Security, SuplVersion, TlsVersion, parse_gnss, parse_gsm,
    parse_lte, parse_nr, parse_wcdma, parse_wlan,
};

const EXIT_CODES: &str = "\
Exit codes: 0 the session gave what was asked for; 1 it did not; 2 wrong options; 3 the server cannot be reached or \
spoken to; 4 no answer in time; 5 the server ended the session with a status that says why not.";

/// Holds a SUPL session with a server and shows it: the ladder of messages, the assistance, the position.
///
/// The handset is simulated: its receiver measures, with noise and a clock error of its own, the satellites of the
/// assistance it received, from its true position (`--at`), and solves for its position as a real one does.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct HandsetArgs {
    /// What is asked of the server.
    #[command(subcommand)]
    goal: GoalArgs,
}

#[derive(Debug, Subcommand)]
enum GoalArgs {
    /// Ask for GNSS assistance, compute a position with it and send it back (MS-Based).
    Agnss(SessionArgs),
    /// Ask for GNSS assistance, measure with it and have the server compute the position (MS-Assisted).
    Measure(SessionArgs),
    /// Ask the server for the handset's position, by whatever method it has.
    Locate(SessionArgs),
    /// Ask for the position of the cell the handset hears.
    CellId(SessionArgs),
    Listen(Box<ListenArgs>),
}

#[derive(Debug, Args)]
pub(super) struct SessionArgs {
    /// The server.
    #[arg(long, value_name = "HOST:PORT", default_value = "localhost:7275")]
    server: String,
    /// Plain TCP instead of TLS.
    #[arg(long, conflicts_with_all = ["ca", "tls"])]
    plain: bool,
    /// Check the server's certificate against the authorities in this PEM file (otherwise any certificate is taken and
    /// its fingerprint shown).
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Speak this version of TLS only: 1.2 or 1.3.
    #[arg(long, value_name = "VERSION", value_parser = parse_tls)]
    tls: Option<TlsVersion>,
    /// Major version of SUPL.
    #[arg(long, value_name = "1|2", default_value = "2", value_parser = parse_supl)]
    supl: SuplVersion,
    /// RRLP inside SUPL POS (always with SUPL 1.0).
    #[arg(long)]
    rrlp: bool,
    /// LPP inside SUPL POS (the default with SUPL 2.0).
    #[arg(long, conflicts_with = "rrlp")]
    lpp: bool,
    #[command(flatten)]
    heard: HeardArgs,
    #[command(flatten)]
    who: WhoArgs,
    /// Horizontal accuracy to ask for, metres.
    #[arg(long, value_name = "M")]
    qop_horacc: Option<f64>,
    /// Systems of the receiver: G GPS, R GLONASS, E Galileo, C BeiDou, J QZSS, S SBAS, I NavIC [default: GREC; SUPL 1.0 G].
    #[arg(long, value_name = "LETTERS", value_parser = parse_systems)]
    gnss: Option<Systems>,
    /// Ask for almanacs too.
    #[arg(long)]
    almanac: bool,
    /// The handset's true position, degrees and metres above the ellipsoid [default: a little off the reference location
    /// received].
    #[arg(long, value_name = "LAT,LON[,ALT]", allow_hyphen_values = true)]
    at: Option<Place>,
    /// Tell the server that position in SUPL POS INIT.
    #[arg(long, requires = "at")]
    tell_position: bool,
    /// Seed of the simulated receiver's clock error and noise.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Longest wait for any one answer, seconds.
    #[arg(long, value_name = "S", default_value_t = 10.0, value_parser = parse_seconds)]
    timeout: f64,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// What the handset hears; the first cell named is its serving cell.
#[derive(Debug, Args)]
struct HeardArgs {
    /// GSM cell.
    #[arg(long, value_name = "MCC,MNC,LAC,CI", value_parser = parse_gsm)]
    gsm: Option<CellId>,
    /// WCDMA cell.
    #[arg(long, value_name = "MCC,MNC,UC", value_parser = parse_wcdma)]
    wcdma: Option<CellId>,
    /// LTE cell.
    #[arg(long, value_name = "MCC,MNC,TAC,CI", value_parser = parse_lte)]
    lte: Option<CellId>,
    /// NR cell.
    #[arg(long, value_name = "MCC,MNC,TAC,NCI", value_parser = parse_nr)]
    nr: Option<CellId>,
    /// WLAN access point; may be repeated.
    #[arg(long, value_name = "MAC", value_parser = parse_wlan)]
    wlan: Vec<CellId>,
}

/// Who the handset says it is.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct WhoArgs {
    /// IMSI [default: 001010000000001, of the test network].
    #[arg(long, value_name = "DIGITS")]
    imsi: Option<Imsi>,
    /// Telephone number.
    #[arg(long, value_name = "DIGITS")]
    msisdn: Option<Msisdn>,
    /// IP address.
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<std::net::IpAddr>,
    /// Network access identifier.
    #[arg(long, value_name = "USER@REALM")]
    nai: Option<Nai>,
}

/// A list of systems, one argument.
#[derive(Clone, Debug)]
struct Systems(Vec<Gnss>);

fn parse_systems(s: &str) -> Result<Systems, String> {
    parse_gnss(s).map(Systems)
}

fn parse_tls(s: &str) -> Result<TlsVersion, String> {
    match s {
        "1.2" => Ok(TlsVersion::V1_2),
        "1.3" => Ok(TlsVersion::V1_3),
        _ => Err("1.2 or 1.3".to_owned()),
    }
}

fn parse_supl(s: &str) -> Result<SuplVersion, String> {
    match s {
        "1" | "1.0" => Ok(SuplVersion::V1),
        "2" | "2.0" => Ok(SuplVersion::V2),
        _ => Err("1 or 2".to_owned()),
    }
}

fn parse_seconds(s: &str) -> Result<f64, String> {
    match s.parse::<f64>() {
        Ok(v) if (0.1..=3600.0).contains(&v) => Ok(v),
        _ => Err("seconds between 0.1 and 3600".to_owned()),
    }
}

impl SessionArgs {
    pub(super) fn options(self, goal: Goal) -> Result<(Options, bool), String> {
        let mut options = Options::new(goal, self.server);
        if self.supl == SuplVersion::V1 {
            options = options.supl1();
            if self.lpp {
                return Err("LPP came with SUPL 2.0; --supl 1 carries RRLP".to_owned());
            }
        } else if self.rrlp {
            options.payload = Payload::Rrlp;
        }
        options.security =
            if self.plain { Security::Plain } else { Security::Tls { ca: self.ca, only: self.tls } };
        let heard = self.heard;
        options.cells =
            [heard.gsm, heard.wcdma, heard.lte, heard.nr].into_iter().flatten().chain(heard.wlan).collect();
        let who = self.who;
        if let Some(set_id) = (who.imsi.map(SetId::Imsi))
            .or(who.msisdn.map(SetId::Msisdn))
            .or(who.ip.map(SetId::Ip))
            .or(who.nai.map(SetId::Nai))
        {
            options.set_id = set_id;
        }
        if let Some(Systems(gnss)) = self.gnss {
            options.gnss = gnss;
        }
        options.horizontal_m = self.qop_horacc;
        options.almanac = self.almanac;
        options.place = self.at;
        options.tell_position = self.tell_position;
        options.seed = self.seed;
        options.timeout = Duration::from_secs_f64(self.timeout);
        Ok((options, self.json))
    }
}

/// Runs the command.
pub(super) fn run(args: HandsetArgs) -> Outcome {
    let (goal, session) = match args.goal {
        GoalArgs::Agnss(s) => (Goal::Agnss, s),
        GoalArgs::Measure(s) => (Goal::Measure, s),
        GoalArgs::Locate(s) => (Goal::Locate, s),
        GoalArgs::CellId(s) => (Goal::CellId, s),
        GoalArgs::Listen(l) => return handset_listen::run(*l),
    };
    let (options, json) = match session.options(goal) {
        Ok(o) => o,
        Err(why) => {
            Failure::new(why).report();
            return Ok(ExitCode::from(2));
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let paint = Paint::for_stdout();
    let show = |step: &handset::Step| {
        if !json {
            // A reader that has gone is noticed when the result is printed.
            let _ = print(&format!("{}\n", step.line(paint)));
        }
    };
    match runtime.block_on(handset::run(&options, show)) {
        Ok(report) => {
            if json {
                print_json(&report.json())?;
            } else {
                print(&report.text(paint))?;
            }
            Ok(ExitCode::from(report.exit_code()))
        }
        Err(error) => {
            if json {
                print_json(&serde_json::json!({ "ok": false, "verdict": error.to_string() }))?;
            }
            Failure::new(&error).report();
            Ok(ExitCode::from(error.exit_code()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        handset: HandsetArgs,
    }

    fn options(line: &str) -> Result<Options, String> {
        let args = Line::try_parse_from(line.split(' ')).map_err(|e| e.to_string())?;
        let (goal, session) = match args.handset.goal {
            GoalArgs::Agnss(s) => (Goal::Agnss, s),
            GoalArgs::Measure(s) => (Goal::Measure, s),
            GoalArgs::Locate(s) => (Goal::Locate, s),
            GoalArgs::CellId(s) => (Goal::CellId, s),
            GoalArgs::Listen(_) => return Err("listens".to_owned()),
        };
        session.options(goal).map(|(o, _)| o)
    }

    #[test]
    fn a_line_becomes_options() {
        let o = options("groma agnss --server h:1 --gsm 244,5,1,2 --wlan 00:11:22:33:44:55 --supl 1 --plain")
            .unwrap();
        assert_eq!((o.version, o.payload), (SuplVersion::V1, Payload::Rrlp));
        assert_eq!(o.security, Security::Plain);
        assert_eq!(o.cells.len(), 2);
        assert_eq!(o.gnss, [Gnss::Gps]);
        let o = options("groma agnss --rrlp --gnss GR --at -33.9,151.2").unwrap();
        assert_eq!((o.version, o.payload), (SuplVersion::V2, Payload::Rrlp));
        assert_eq!(o.gnss, [Gnss::Gps, Gnss::Glonass]);
        assert_eq!(o.place.unwrap().at.lat, -33.9);
    }

    #[test]
    fn contradictions_are_refused() {
        for line in [
            "groma agnss --supl 1 --lpp",
            "groma agnss --rrlp --lpp",
            "groma agnss --plain --ca x.pem",
            "groma agnss --tell-position",
            "groma agnss --imsi 00101 --ip 127.0.0.1",
            "groma agnss --gsm 1,2",
        ] {
            assert!(options(line).is_err(), "{line}");
        }
    }
}
