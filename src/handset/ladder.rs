//! The ladder of a session: who sent what, when, how long it was and what it said.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the handset.
    Sent,
    /// From the server.
    Received,
    /// Something that happened in the handset.
    Local,
}

/// One rung of the ladder.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Since the session began.
    #[serde(serialize_with = "seconds", rename = "time_s")]
    pub time: Duration,
    /// Which way.
    pub direction: Direction,
    /// The message's name in the standard.
    pub name: String,
    /// Octets on the wire, TLS not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<usize>,
    /// What it said, in a line.
    pub summary: String,
}

fn seconds<S: serde::Serializer>(t: &Duration, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_f64((t.as_secs_f64() * 1e6).round() / 1e6)
}

/// How to paint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint(bool);

impl Paint {
    /// Colours.
    pub const COLOUR: Self = Self(true);
    /// None.
    pub const PLAIN: Self = Self(false);

    /// Colours when standard output is a terminal that wants them (<https://no-color.org>).
    pub fn for_stdout() -> Self {
        use std::io::IsTerminal as _;
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        Self(!unwanted && std::io::stdout().is_terminal())
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// For headings.
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// For what matters less.
    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// For what went well.
    pub fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    /// For what did not.
    pub fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    /// For what is to be noticed.
    pub fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    /// For what came.
    pub fn cyan(self, text: &str) -> String {
        self.with("36", text)
    }
}

/// Width of the name column.
const NAME: usize = 16;

impl Step {
    /// The rung as a line of text.
    pub fn line(&self, paint: Paint) -> String {
        let time = paint.dim(&format!("{:>8.3} s", self.time.as_secs_f64()));
        let bytes = self.bytes.map_or_else(|| " ".repeat(7), |n| format!("{n:>5} B"));
        let name = format!("{:<NAME$}", self.name);
        let (arrow, name) = match self.direction {
            Direction::Sent => (paint.green("──▶"), paint.bold(&name)),
            Direction::Received => (paint.cyan("◀──"), paint.bold(&name)),
            Direction::Local => (paint.yellow(" · "), paint.yellow(&name)),
        };
        let mut line = format!("{time}  {arrow}  {name} {bytes}  ");
        let _ = write!(line, "{}", self.summary);
        line.truncate(line.trim_end().len());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rung_is_a_line() {
        let s = Step {
            time: Duration::from_millis(12),
            direction: Direction::Received,
            name: "SUPL POS".into(),
            bytes: Some(943),
            summary: "LPP ProvideAssistanceData".into(),
        };
        assert_eq!(
            s.line(Paint::PLAIN),
            "   0.012 s  ◀──  SUPL POS           943 B  LPP ProvideAssistanceData"
        );
        assert!(s.line(Paint::COLOUR).contains("\x1b[36m"));
        let json = serde_json::to_value(&s).unwrap();
        assert_eq!(json["time_s"], 0.012);
        assert_eq!(json["direction"], "received");
    }
}
