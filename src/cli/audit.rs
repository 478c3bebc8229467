//! `groma audit`: the audit record is checked and taken out.

use std::fmt::Write;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::data::DataArgs;
use super::{Outcome, output, output::Failure};
use crate::base::Utc;
use crate::service::audit::{Digest, Reader, Verified, pseudonym_in, verify};
use crate::service::parse_identity;

/// The audit record: who asked for whom, why it was allowed or not, and what was given.
#[derive(Debug, clap::Args)]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Check that no entry was changed, removed or inserted. Exit code 1 when one was. The server may run.
    Verify {
        #[command(flatten)]
        data: DataArgs,
        /// What the newest entry was known to be, NUMBER:HASH as `verify` printed it some time; without it, what the folder
        /// itself remembers, which somebody who can write there could have changed.
        #[arg(long, value_name = "NUMBER:HASH")]
        head: Option<String>,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print entries, a line of JSON each, the oldest first.
    Export {
        #[command(flatten)]
        data: DataArgs,
        /// Only of this subscriber, for instance msisdn:447700900123.
        #[arg(long, value_name = "ID")]
        subscriber: Option<String>,
        /// Only of this client.
        #[arg(long, value_name = "ID")]
        client: Option<String>,
        /// Not older than this, RFC 3339.
        #[arg(long, value_name = "TIME")]
        from: Option<Utc>,
        /// Not younger than this.
        #[arg(long, value_name = "TIME")]
        until: Option<Utc>,
    },
}

pub(super) fn run(args: &AuditArgs) -> Outcome {
    match &args.action {
        Action::Verify { data, head, json } => check(data, head.as_deref(), *json),
        Action::Export { data, subscriber, client, from, until } => {
            let filter = Filter {
                subscriber: subscriber.as_deref(),
                client: client.as_deref(),
                from: *from,
                until: *until,
            };
            export(data, &filter)
        }
    }
}

fn check(data: &DataArgs, head: Option<&str>, as_json: bool) -> Outcome {
    let config = data.load()?.audit();
    let head = head.map(parse_head).transpose()?;
    let v = verify(&config.path, head).map_err(Failure::new)?;
    if as_json {
        output::print_json(&report(&v))?;
    } else if v.entries == 0 && v.breaks.is_empty() {
        output::print(&format!("{}: no entries yet\n", config.path.display()))?;
    } else {
        let mut text = format!(
            "{}: entries {} to {} in {} files\nhead {}:{}\n",
            config.path.display(),
            v.first,
            v.last.0,
            v.files,
            v.last.0,
            v.last.1
        );
        if v.first > 1 {
            text.push_str("older entries were removed, as keep_files has it\n");
        }
        for broken in &v.breaks {
            // Writing to a string does not fail.
            let _ = writeln!(text, "BROKEN: {broken}");
        }
        text.push_str(if v.breaks.is_empty() { "sound\n" } else { "the record is NOT sound\n" });
        output::print(&text)?;
    }
    Ok(if v.breaks.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(v: &Verified) -> Value {
    json!({
        "sound": v.breaks.is_empty(),
        "files": v.files,
        "entries": v.entries,
        "first": v.first,
        "head": { "entry": v.last.0, "hash": v.last.1.to_string() },
        "unfinished_octets": v.unfinished,
        "breaks": v.breaks.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn parse_head(text: &str) -> Result<(u64, Digest), Failure> {
    let parse = || {
        let (number, hash) = text.split_once(':')?;
        Some((number.parse().ok()?, Digest::parse(hash)?))
    };
    parse()
        .ok_or_else(|| Failure::new(format!("`{text}` is not NUMBER:HASH as `groma audit verify` prints it")))
}

struct Filter<'a> {
    subscriber: Option<&'a str>,
    client: Option<&'a str>,
    from: Option<Utc>,
    until: Option<Utc>,
}

fn export(data: &DataArgs, filter: &Filter<'_>) -> Outcome {
    let config = data.load()?.audit();
    let subscriber = match filter.subscriber {
        Some(text) => {
            let id = parse_identity(text).ok_or_else(|| {
                Failure::new(format!("`{text}` is not an identity such as msisdn:447700900123"))
            })?;
            Some(pseudonym_in(&config.path, &id).map_err(Failure::new)?)
        }
        None => None,
    };
    let mut reader = Reader::open(&config.path, None).map_err(Failure::new)?;
    while let Some(entry) = reader.next_entry().map_err(Failure::new)? {
        let is = |key: &str, wanted: Option<&str>| {
            wanted.is_none_or(|w| entry.get(key).and_then(Value::as_str) == Some(w))
        };
        let at = entry.get("at").and_then(Value::as_str).and_then(|t| t.parse::<Utc>().ok());
        let inside = filter.from.is_none_or(|f| at.is_some_and(|a| a >= f))
            && filter.until.is_none_or(|u| at.is_some_and(|a| a <= u));
        if inside && is("subscriber", subscriber.as_deref()) && is("client", filter.client) {
            output::print(&format!("{entry}\n"))?;
        }
    }
    let found = reader.finish();
    if let Some(first) = found.breaks.first() {
        return Err(Failure::new(format!("the record is not sound: {first} (groma audit verify tells all)")));
    }
    Ok(ExitCode::SUCCESS)
}
