//! `groma clients`: what the profiles of clients are made of.

use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;

use serde_json::json;

use super::{Outcome, output, output::Failure};
use crate::service::{PASSWORD_ROUNDS, PasswordHash, Secret, draw_token, token_hash};

/// Makes what the profiles of clients hold in place of passwords and tokens.
#[derive(Debug, clap::Args)]
pub(super) struct ClientsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Hash a password, read from standard input, for `password_hash` of a client.
    ///
    /// With --token nothing is read: a token is drawn and printed with its hash for `token_hashes`; the token itself is
    /// shown this once.
    Hash {
        /// Draw a bearer token instead.
        #[arg(long)]
        token: bool,
        /// Rounds of the hash: more cost whoever guesses, and each first login, more.
        #[arg(long, value_name = "N", default_value_t = PASSWORD_ROUNDS, conflicts_with = "token",
              value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
        rounds: u32,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(args: &ClientsArgs) -> Outcome {
    let Action::Hash { token, rounds, json } = args.action;
    let no_random = || Failure::new("the system gives no random numbers");
    if token {
        let token = draw_token().ok_or_else(no_random)?;
        let hash = token_hash(&token);
        if json {
            output::print_json(&json!({ "token": token.reveal(), "token_hash": hash }))?;
        } else {
            output::print(&format!("token:        {}\ntoken_hashes = [\"{hash}\"]\n", token.reveal()))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if std::io::stdin().is_terminal() {
        eprintln!("password (it will be seen):");
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Failure::new("no password on standard input; try: groma clients hash < FILE"));
    }
    let hash = PasswordHash::new(&Secret::new(password), rounds).ok_or_else(no_random)?;
    if json {
        output::print_json(&json!({ "password_hash": hash.to_string() }))?;
    } else {
        output::print(&format!("password_hash = \"{hash}\"\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}
