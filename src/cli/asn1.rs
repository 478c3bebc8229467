//! `groma asn1`: messages as JSON and back.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use groma_asn1::inspect::{self, Pdu};

use super::{Outcome, output, output::Failure};

const EXAMPLES: &str = "\
Examples:
  groma asn1 decode --pdu ULP-PDU 00220200004080...          hexadecimal digits, blanks allowed
  groma asn1 decode --pdu ULP-PDU --deep @start.bin          a file, of octets or of hexadecimal digits
  groma asn1 decode --pdu LPP-Message - < message.hex | groma asn1 encode --pdu LPP-Message -
  groma asn1 decode --pdu LPP-PDU-Definitions.GNSS-ID 00     any type of the modules, as Module.Type

Names are those of the ASN.1 modules. Octet strings are hexadecimal digits, bit strings {\"value\": \"a8\", \"length\": 5}.";

/// Largest input, bytes.
const MAX_INPUT: u64 = 16 << 20;

/// Shows what a ULP, RRLP or LPP message says, or makes one.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Asn1Args {
    #[command(subcommand)]
    direction: Direction,
}

#[derive(Debug, clap::Subcommand)]
enum Direction {
    /// Octets to JSON.
    Decode {
        #[command(flatten)]
        what: What,
        /// Show RRLP and LPP payloads inside ULP decoded, too.
        #[arg(long)]
        deep: bool,
    },
    /// JSON, as `decode` prints it, to hexadecimal digits.
    Encode {
        #[command(flatten)]
        what: What,
    },
}

#[derive(Debug, clap::Args)]
struct What {
    /// ULP-PDU, RRLP-PDU, LPP-Message, or Module.Type.
    #[arg(long, value_name = "TYPE")]
    pdu: String,
    /// The message itself, @FILE, or - for standard input.
    #[arg(value_name = "MESSAGE|@FILE|-", allow_hyphen_values = true)]
    input: String,
}

impl What {
    fn pdu(&self) -> Result<Pdu, Failure> {
        self.pdu.parse().map_err(|e| {
            Failure::new(format!(
                "--pdu {}: {e}; there are ULP-PDU, RRLP-PDU, LPP-Message, and any other as Module.Type",
                self.pdu
            ))
        })
    }

    /// The input's bytes, wherever they are.
    fn bytes(&self) -> Result<Vec<u8>, Failure> {
        match (self.input.as_str(), self.input.strip_prefix('@')) {
            ("-", _) => read(std::io::stdin().lock(), "standard input"),
            (_, Some(file)) => {
                let opened = std::fs::File::open(Path::new(file));
                read(opened.map_err(|e| Failure::new(format!("cannot read {file}: {e}")))?, file)
            }
            (text, None) => Ok(text.as_bytes().to_vec()),
        }
    }
}

fn read(from: impl Read, name: &str) -> Result<Vec<u8>, Failure> {
    let mut all = Vec::new();
    from.take(MAX_INPUT + 1)
        .read_to_end(&mut all)
        .map_err(|e| Failure::new(format!("cannot read {name}: {e}")))?;
    if all.len() as u64 > MAX_INPUT {
        return Err(Failure::new(format!("{name} is longer than {} MiB", MAX_INPUT >> 20)));
    }
    Ok(all)
}

/// Octets from hexadecimal digits. Files and standard input may also hold the octets themselves; an argument may not.
fn octets(input: Vec<u8>, may_be_raw: bool) -> Result<Vec<u8>, Failure> {
    let mut digits = Vec::with_capacity(input.len());
    for (i, b) in input.iter().enumerate() {
        match (*b as char).to_digit(16) {
            Some(d) => digits.push(d as u8),
            None if b.is_ascii_whitespace() => {}
            None if may_be_raw => return Ok(input),
            None => {
                let what = String::from_utf8_lossy(&input[i..]).chars().next().unwrap_or('?');
                return Err(Failure::new(format!(
                    "`{what}` at position {i} is no hexadecimal digit (a file is given as @FILE)"
                )));
            }
        }
    }
    if digits.is_empty() {
        return Err(Failure::new("the message is empty"));
    }
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Failure::new(format!("{} hexadecimal digits: an octet has two", digits.len())));
    }
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

pub(super) fn run(args: &Asn1Args) -> Outcome {
    match &args.direction {
        Direction::Decode { what, deep } => {
            let pdu = what.pdu()?;
            let raw = what.input == "-" || what.input.starts_with('@');
            let message = octets(what.bytes()?, raw)?;
            let value = inspect::decode(pdu, &message, *deep)
                .map_err(|e| Failure::new(format!("not a {pdu}: {e}")))?;
            output::print_json(&value)?;
        }
        Direction::Encode { what } => {
            let pdu = what.pdu()?;
            let value = serde_json::from_slice(&what.bytes()?)
                .map_err(|e| Failure::new(format!("the input is not JSON: {e}")))?;
            let message =
                inspect::encode(pdu, &value).map_err(|e| Failure::new(format!("not a {pdu}: {e}")))?;
            let mut hex = String::with_capacity(message.len() * 2 + 1);
            for b in message {
                hex.extend([b >> 4, b & 15].map(|d| char::from_digit(u32::from(d), 16).unwrap_or('?')));
            }
            hex.push('\n');
            output::print(&hex)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_in_any_dress() {
        assert_eq!(octets(b"0a Ff\n10".to_vec(), false).unwrap(), [0x0a, 0xff, 0x10]);
        assert_eq!(octets(b"\x00\x01raw".to_vec(), true).unwrap(), b"\x00\x01raw");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (input, words) in [("0ax", "`x` at position 2"), ("abc", "3 hexadecimal digits"), (" ", "empty")]
        {
            let Err(Failure::Said(line)) = octets(input.as_bytes().to_vec(), false) else {
                panic!("{input}")
            };
            assert!(line.contains(words), "{line}");
        }
    }
}
