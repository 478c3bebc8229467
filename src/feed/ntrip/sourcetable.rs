//! The list of streams that a caster has.

use std::fmt;

use serde::Serialize;

/// Most streams taken from a list; the largest casters have a few thousand.
const MAX_STREAMS: usize = 20_000;

/// One stream: an `STR` record.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Stream {
    /// Name by which it is asked for.
    pub mountpoint: String,
    /// Source, such as the nearest town.
    pub identifier: String,
    /// Format, such as `RTCM 3.3`.
    pub format: String,
    /// Messages and their periods, such as `1019(5),1077(1)`.
    pub details: String,
    /// Systems, such as `GPS+GLO`.
    pub systems: String,
    /// Network.
    pub network: String,
    /// Country, three letters.
    pub country: String,
    /// Degrees north.
    pub lat: Option<f64>,
    /// Degrees east, −180..=180.
    pub lon: Option<f64>,
    /// Whether it wants GGA sentences.
    pub gga: bool,
    /// Access: `N` free, `B` and `D` with a password.
    pub authentication: String,
    /// Whether it costs money.
    pub fee: bool,
    /// Bits per second.
    pub bitrate: Option<u32>,
}

/// The list; its `Display` is the table as text.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sourcetable {
    /// Streams in the caster's order.
    pub streams: Vec<Stream>,
    /// Other casters (`CAS`), by address.
    pub casters: Vec<String>,
    /// Networks (`NET`), by name.
    pub networks: Vec<String>,
    /// Whether the list came whole.
    pub complete: bool,
}

impl Sourcetable {
    /// Reads a list; lines that are none of its records are passed over.
    pub fn parse(text: &str) -> Self {
        let mut table = Self::default();
        for line in text.lines() {
            let fields: Vec<String> = line.split(';').map(clean).collect();
            let field = |i: usize| fields.get(i).cloned().unwrap_or_default();
            match field(0).as_str() {
                "ENDSOURCETABLE" => {
                    table.complete = true;
                    break;
                }
                "STR" if table.streams.len() < MAX_STREAMS => table.streams.push(stream(&field)),
                "CAS" if table.casters.len() < MAX_STREAMS => {
                    table.casters.push(format!("{}:{}", field(1), field(2)));
                }
                "NET" if table.networks.len() < MAX_STREAMS => table.networks.push(field(1)),
                _ => {}
            }
        }
        table
    }
}

/// A field as it can be shown: control characters and quotation marks removed.
fn clean(field: &str) -> String {
    field
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect::<String>()
        .trim_matches(['"', ' '])
        .to_owned()
}

fn stream(field: &dyn Fn(usize) -> String) -> Stream {
    let number = |i: usize| field(i).parse::<f64>().ok().filter(|v| v.is_finite());
    Stream {
        mountpoint: field(1),
        identifier: field(2),
        format: field(3),
        details: field(4),
        systems: field(6),
        network: field(7),
        country: field(8),
        lat: number(9).filter(|v| v.abs() <= 90.0),
        // Casters count to 360.
        lon: number(10).filter(|v| v.abs() <= 360.0).map(|v| if v > 180.0 { v - 360.0 } else { v }),
        gga: field(11) == "1",
        authentication: field(15),
        fee: field(16) == "Y",
        bitrate: field(17).parse().ok(),
    }
}

impl fmt::Display for Sourcetable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.streams.is_empty() {
            return writeln!(f, "The caster lists no streams.");
        }
        let width =
            self.streams.iter().map(|s| s.mountpoint.chars().count()).max().unwrap_or(0).clamp(10, 32);
        writeln!(
            f,
            "{:<width$} {:<10} {:<20} {:<3} {:>7} {:>7} {:<4} messages",
            "mountpoint", "format", "systems", "", "lat", "lon", "auth"
        )?;
        let degrees = |v: Option<f64>| v.map_or_else(String::new, |v| format!("{v:.2}"));
        for s in &self.streams {
            writeln!(
                f,
                "{:<width$} {:<10} {:<20} {:<3} {:>7} {:>7} {:<4} {}",
                s.mountpoint,
                s.format,
                s.systems,
                s.country,
                degrees(s.lat),
                degrees(s.lon),
                s.authentication,
                s.details
            )?;
        }
        write!(f, "{} streams", self.streams.len())?;
        writeln!(f, "{}", if self.complete { "" } else { " (the list broke off)" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIST: &str = "CAS;rtcm-ntrip.org;2101;NtripInfoCaster;BKG;0;DEU;50.12;8.69;http://x\r\n\
        NET;EUREF;EUREF;B;N;http://x;http://y;z;none\r\n\
        STR;BCEP00BKG0;Assisted GNSS;RTCM 3.3;1019,1020,1042;0;GPS+GLO+GAL;MISC;DEU;50.09;351.66;0;1;RETICLE;none;B;N;9600;\r\n\
        STR;\u{1b}[2Jevil\r\n\
        ENDSOURCETABLE\r\nSTR;after\r\n";

    #[test]
    fn a_list() {
        let table = Sourcetable::parse(LIST);
        assert!(table.complete);
        assert_eq!(
            (table.casters.as_slice(), table.networks.as_slice()),
            (&["rtcm-ntrip.org:2101".to_owned()][..], &["EUREF".to_owned()][..])
        );
        let s = &table.streams[0];
        assert_eq!(
            (s.mountpoint.as_str(), s.details.as_str(), s.authentication.as_str()),
            ("BCEP00BKG0", "1019,1020,1042", "B")
        );
        assert_eq!(
            (s.lat, s.lon.map(|v| (v * 100.0).round()), s.bitrate, s.gga),
            (Some(50.09), Some(-834.0), Some(9600), false)
        );
        // Nothing of it can steer a terminal.
        assert_eq!(table.streams[1].mountpoint, "[2Jevil");
        assert_eq!(table.streams.len(), 2);
        let text = table.to_string();
        assert!(text.contains("BCEP00BKG0") && text.contains("2 streams\n"), "{text}");
        assert!(!Sourcetable::parse("STR;A;B").complete);
    }

    proptest! {
        #[test]
        fn any_text_is_a_list(text in any::<String>()) {
            let _ = Sourcetable::parse(&text).to_string();
            let _ = Sourcetable::parse(&format!("STR;{text}")).to_string();
        }
    }
}
