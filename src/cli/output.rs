//! What commands print, and how they fail.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// One line for the person at the terminal.
    Said(String),
    /// Whoever read our output has gone; nothing needs to be said.
    PipeClosed,
}

impl Failure {
    /// A failure with its line.
    pub(super) fn new(line: impl Display) -> Self {
        Self::Said(line.to_string())
    }

    /// Prints the line and gives the exit code.
    pub(super) fn report(&self) -> ExitCode {
        match self {
            Self::PipeClosed => ExitCode::SUCCESS,
            Self::Said(line) => {
                // Standard error may be closed, too.
                let _ = writeln!(io::stderr(), "groma: {line}");
                ExitCode::FAILURE
            }
        }
    }
}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Self {
        if e.kind() == io::ErrorKind::BrokenPipe { Self::PipeClosed } else { Self::new(e) }
    }
}

/// Writes a text to standard output.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Writes a JSON value to standard output, indented.
pub(super) fn print_json(value: &serde_json::Value) -> Result<(), Failure> {
    print(&format!("{value:#}\n"))
}
