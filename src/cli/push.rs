//! `groma push`: whether SUPL INIT reaches a handset, and how.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ring::rand::{SecureRandom, SystemRandom};
use tokio_util::sync::CancellationToken;

use super::{Outcome, output, output::Failure};
use crate::base::SetId;
use crate::base::time::Clock;
use crate::config::Config;
use crate::net::push::{Attempted, Config as PushConfig, Pusher};
use crate::observe::Metrics;
use crate::service::{Delivery, PushError, Subscriber, parse_identity};
use crate::slc::ni::{Order, Protection, SuplVersion, What, invite};

const EXAMPLES: &str = "\
Examples:
  groma push test --config groma.toml --to +491701234567          the bearers of the configuration, in its order
  groma push test --config groma.toml --to +491701234567 --bearer smpp.main
  groma push test --to ip:192.0.2.7                               UDP needs no configuration
  groma push test -o push.udp.port=17275 --to ip:127.0.0.1        something else than a handset listens there

Exit codes: 0 a bearer brought it or took it on, 1 none did (the last line says why), 2 the command line is wrong.";

/// Tries the ways by which SUPL INIT reaches handsets.
#[derive(Debug, clap::Args)]
pub(super) struct PushArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Test(TestArgs),
}

/// Sends a SUPL INIT to a handset as the server would, and tells what each bearer made of it.
///
/// The message is a real one, of a session that nobody waits for: a handset that gets it comes to the server named in
/// `session.slp_address` and is refused there. Bearers are those of the configuration; SMSCs are bound to for the test and
/// left afterwards, so a running server's bind is not disturbed where the SMSC allows a second one.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
struct TestArgs {
    /// Who: +NUMBER, or KIND:VALUE with the kinds msisdn, mdn, min, imsi, nai, ip, imei. Several times for other identities
    /// of the same handset.
    #[arg(long, required = true, value_name = "ID", value_parser = identity)]
    to: Vec<SetId>,
    /// Where the handset is by IP, for UDP, if the subscriber's table in the configuration does not say.
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<IpAddr>,
    /// Only this bearer: udp, smpp.NAME, sip, pap. Several times for several, in this order.
    #[arg(long, value_name = "BEARER")]
    bearer: Vec<String>,
    /// As in an emergency: with priority, and by the order for emergencies.
    #[arg(long)]
    emergency: bool,
    /// The octets to send instead of a SUPL INIT, hexadecimal.
    #[arg(long, value_name = "HEX", value_parser = octets)]
    octets: Option<Bytes>,
    /// Seconds after which nobody needs it any more.
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    deadline: u64,
    /// Configuration file; without one the defaults hold: UDP alone.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Overrides one key of the configuration.
    #[arg(short = 'o', value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn identity(text: &str) -> Result<SetId, String> {
    let named = if text.starts_with('+') { format!("msisdn:{text}") } else { text.to_owned() };
    parse_identity(&named).ok_or_else(|| {
        "expected +NUMBER or KIND:VALUE, for instance +491701234567 or ip:192.0.2.7".to_owned()
    })
}

fn octets(text: &str) -> Result<Bytes, String> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|s| u8::from_str_radix(s, 16).ok());
    let fine =
        !digits.is_empty() && digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit);
    fine.then(|| digits.chunks(2).filter_map(byte).collect::<Vec<u8>>().into())
        .ok_or_else(|| "expected hexadecimal digits, two an octet".to_owned())
}

pub(super) fn run(args: &PushArgs) -> Outcome {
    match &args.action {
        Action::Test(args) => test(args),
    }
}

/// The bearers that are asked for, and no others.
fn only(config: PushConfig, bearers: &[String]) -> Result<PushConfig, Failure> {
    if bearers.is_empty() {
        return Ok(config);
    }
    let wanted = |name: &str| bearers.iter().any(|b| b == name);
    let mut config = PushConfig { order: bearers.to_vec(), rules: Vec::new(), ..config };
    config.udp.enabled &= wanted("udp");
    config.smpp.retain(|name, _| wanted(&format!("smpp.{name}")));
    config.sip = config.sip.filter(|_| wanted("sip"));
    config.pap = config.pap.filter(|_| wanted("pap"));
    config.check().map_err(|e| Failure::new(format_args!("--bearer: {e}")))?;
    Ok(config)
}

/// A SUPL INIT of a session that nobody waits for.
fn init(config: &Config, target: &SetId, emergency: bool, deadline: Instant) -> Result<Bytes, Failure> {
    let policy = config.session.resolve().map_err(Failure::new)?;
    let mut slp_session = [0; 4];
    SystemRandom::new()
        .fill(&mut slp_session)
        .map_err(|_| Failure::new("the system has no randomness to give"))?;
    let order = Order {
        slp_session,
        target: target.clone(),
        alternatives: Vec::new(),
        version: SuplVersion::V2,
        what: What::Position,
        method: None,
        qop: None,
        notification: None,
        emergency,
        protection: Protection::Absent,
        area: None,
        velocity: false,
        deadline,
    };
    Ok(invite(&order, &policy).map_err(Failure::new)?.octets.into())
}

/// The address that a subscriber's table of the configuration gives to a handset.
fn address_of(config: &Config, identities: &[SetId]) -> Option<IpAddr> {
    let own = |s: &&Subscriber| s.ids.iter().any(|p| identities.iter().any(|id| p.holds(id)));
    config.subscribers.iter().filter(own).find_map(|s| s.address)
}

fn test(args: &TestArgs) -> Outcome {
    let config = Config::load(args.config.as_deref(), &args.overrides).map_err(Failure::new)?;
    let push = only(config.push.clone(), &args.bearer)?;
    let deadline = Instant::now() + Duration::from_secs(args.deadline);
    let mut identities = args.to.clone();
    let target = identities.remove(0);
    let octets = match &args.octets {
        Some(octets) => octets.clone(),
        None => init(&config, &target, args.emergency, deadline)?,
    };
    let length = octets.len();
    let delivery = Delivery {
        target,
        alternatives: identities,
        ip: args.ip.or_else(|| address_of(&config, &args.to)),
        octets,
        emergency: args.emergency,
        deadline,
    };
    let attempts: Arc<Mutex<Vec<serde_json::Value>>> = Arc::default();
    let show = {
        let (attempts, json) = (Arc::clone(&attempts), args.json);
        move |a: Attempted<'_>| {
            if !json {
                // A reader that is gone is noticed at the end.
                let _ = output::print(&format!(
                    "{:<20} {:<12} {:>7.3} s  {}\n",
                    a.bearer,
                    a.result,
                    a.took.as_secs_f64(),
                    a.account
                ));
            }
            attempts.lock().unwrap_or_else(PoisonError::into_inner).push(serde_json::json!({
                "bearer": a.bearer,
                "result": a.result,
                "account": a.account,
                "seconds": a.took.as_secs_f64(),
            }));
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        let stop = CancellationToken::new();
        let clock = Clock::system();
        let pusher =
            Pusher::start(&push, clock, Arc::new(Metrics::new()), stop.clone()).map_err(Failure::new)?;
        let result = pusher.deliver_watched(delivery, show).await;
        stop.cancel();
        pusher.stopped().await;
        Ok::<_, Failure>(result)
    })?;
    if args.json {
        let attempts = std::mem::take(&mut *attempts.lock().unwrap_or_else(PoisonError::into_inner));
        output::print_json(&serde_json::json!({
            "octets": length,
            "attempts": attempts,
            "bearer": result.as_ref().ok().map(|d| d.bearer.clone()),
            "confirmed": result.as_ref().is_ok_and(|d| d.confirmed),
            "error": result.as_ref().err().map(|e| e.name()),
        }))?;
    }
    match result {
        Ok(d) => {
            if !args.json {
                let how = if d.confirmed { "has reached the handset" } else { "is on its way" };
                output::print(&format!("SUPL INIT ({length} octets) {how}: {}\n", d.bearer))?;
                if args.octets.is_none() {
                    output::print("A handset that answers is told invalidSessionId: nobody waits for it.\n")?;
                }
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(e) => Err(Failure::new(format_args!("{e}{}", advice(e)))),
    }
}

/// What to do about it.
const fn advice(e: PushError) -> &'static str {
    match e {
        PushError::NoAddress => {
            ": UDP needs --ip or --to ip:ADDRESS, SMPP and PAP a telephone number, SIP what push.sip.uris is made of"
        }
        PushError::Unreachable => {
            ": the network does not know the handset, it is switched off, or nothing listens at its address"
        }
        PushError::Refused => ": the network's code is in the lines above",
        PushError::Failed => ": see the lines above; -v says more",
        PushError::Congested => ": try again later",
        PushError::TimedOut => ": give it more time with --deadline",
        PushError::Stopping => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_and_octets_are_read() {
        assert!(matches!(identity("+491701234567"), Ok(SetId::Msisdn(_))));
        assert!(matches!(identity("ip:192.0.2.7"), Ok(SetId::Ip(_))));
        assert!(identity("491701234567").is_err());
        assert_eq!(octets("00 ff").unwrap()[..], [0, 0xff]);
        for wrong in ["", "0", "0g", "é"] {
            assert!(octets(wrong).is_err());
        }
    }

    #[test]
    fn the_address_of_a_subscriber_is_known() {
        let text = "[[subscribers]]\nids = [\"msisdn:4917*\"]\n\
                    [[subscribers]]\nids = [\"msisdn:491701234567\"]\naddress = \"192.0.2.7\"\n";
        let config: Config = toml::from_str(text).unwrap();
        let of = |who: &str| address_of(&config, &[identity(who).unwrap()]).map(|ip| ip.to_string());
        assert_eq!(of("+491701234567").as_deref(), Some("192.0.2.7"));
        assert_eq!(of("+491701234568"), None);
    }

    #[test]
    fn bearers_that_are_not_asked_for_are_left_out() {
        let text = "[smpp.a]\naddress = \"a:1\"\ncredentials_env = \"X\"\n[smpp.b]\naddress = \"b:1\"\ncredentials_env = \"X\"\n";
        let config: PushConfig = toml::from_str(text).unwrap();
        let one = only(config.clone(), &["smpp.b".to_owned()]).unwrap();
        assert_eq!((one.udp.enabled, one.smpp.len(), one.order.len()), (false, 1, 1));
        assert!(only(config, &["sip".to_owned()]).is_err());
    }
}
