//! `groma policy`: subscribers' privacy as documents of common policy.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::{Outcome, output, output::Failure};
use crate::le::sip::policy::Ruleset;
use crate::service::{Pattern, Profiles, Subscriber};

/// Brings privacy rules of other systems in, and takes them out: common policy (RFC 4745) with geolocation policy (RFC 6772).
///
/// A document becomes a `[[subscribers]]` table, to be put into a file that `privacy.files` of the configuration names. What a
/// table cannot hold is refused: a condition that is left out would let more people know where somebody is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  groma policy import rules.xml --id msisdn:491700000001 >> privacy.toml
  groma policy export privacy.toml --id msisdn:491700000001 > rules.xml")]
pub(super) struct PolicyArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Read a document and print the subscriber's table. What is left out without harm is said on standard error.
    Import {
        /// The document.
        file: PathBuf,
        /// Whose rules they are; several for the identities of one subscriber.
        #[arg(long = "id", value_name = "ID", required = true)]
        ids: Vec<Pattern>,
        /// Print as JSON, with what was left out.
        #[arg(long)]
        json: bool,
    },
    /// Read a subscriber's table and print the document.
    Export {
        /// A file with `[[subscribers]]`: the configuration, or one that `privacy.files` names.
        file: PathBuf,
        /// Whose rules.
        #[arg(long = "id", value_name = "ID")]
        id: Pattern,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(args: &PolicyArgs) -> Outcome {
    match &args.action {
        Action::Import { file, ids, json } => import(file, ids, *json),
        Action::Export { file, id, json } => export(file, id, *json),
    }
}

fn read(file: &PathBuf) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|e| Failure::new(format!("cannot read {}: {e}", file.display())))
}

fn import(file: &PathBuf, ids: &[Pattern], as_json: bool) -> Outcome {
    let in_file = |e: &dyn std::fmt::Display| Failure::new(format!("{}: {e}", file.display()));
    let rules = Ruleset::parse(&read(file)?, None).map_err(|e| in_file(&e))?;
    let (subscriber, notes) = rules.to_profile().map_err(|e| in_file(&e))?;
    let profiles =
        Profiles { subscribers: vec![Subscriber { ids: ids.to_vec(), ..subscriber }], ..Profiles::default() };
    if as_json {
        let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
        output::print_json(&json!({ "subscribers": profiles.subscribers, "left_out": notes }))?;
        return Ok(ExitCode::SUCCESS);
    }
    for note in &notes {
        eprintln!("left out: {note}");
    }
    let text = toml::to_string(&Table { subscribers: &profiles.subscribers }).map_err(Failure::new)?;
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// What is printed.
#[derive(serde::Serialize)]
struct Table<'a> {
    subscribers: &'a [Subscriber],
}

fn export(file: &PathBuf, id: &Pattern, as_json: bool) -> Outcome {
    let in_file = |e: &dyn std::fmt::Display| Failure::new(format!("{}: {e}", file.display()));
    let text = String::from_utf8(read(file)?).map_err(|e| in_file(&e))?;
    let mut table: toml::Table = text.parse().map_err(|e: toml::de::Error| in_file(&e))?;
    let subscribers = table.remove("subscribers").unwrap_or_else(|| toml::Value::Array(Vec::new()));
    let subscribers: Vec<Subscriber> = subscribers.try_into().map_err(|e: toml::de::Error| in_file(&e))?;
    let named: String = id.clone().into();
    let subscriber = subscribers
        .iter()
        .find(|s| s.ids.contains(id))
        .ok_or_else(|| in_file(&format!("no [[subscribers]] table lists `{named}` in ids")))?;
    let rules = Ruleset::of_profile(subscriber).map_err(|e| in_file(&e))?;
    if as_json {
        output::print_json(&json!({ "id": named, "rules": rules.rules.len(), "document": rules.to_xml() }))?;
    } else {
        output::print(&format!("{}\n", rules.to_xml()))?;
    }
    Ok(ExitCode::SUCCESS)
}
