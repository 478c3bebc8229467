//! The position that virtual reference station services ask for: NMEA 0183's GGA sentence.

use crate::base::{GeoPoint, Utc};

/// The sentence with its end of line, for a fix of good quality.
pub(in crate::feed) fn sentence(at: GeoPoint, altitude_m: f64, now: Utc) -> String {
    let (_, _, _, hour, minute, second) = now.civil();
    let (lat, north) = minutes(at.lat, 'N', 'S');
    let (lon, east) = minutes(at.lon, 'E', 'W');
    let body = format!(
        "GPGGA,{hour:02}{minute:02}{second:02}.00,{:02}{:07.4},{north},{:03}{:07.4},{east},1,10,1.0,{altitude_m:.1},M,0.0,M,,",
        lat.0, lat.1, lon.0, lon.1
    );
    let sum = body.bytes().fold(0, |s, b| s ^ b);
    format!("${body}*{sum:02X}\r\n")
}

/// Degrees and minutes, to a ten-thousandth of a minute, and the letter of the hemisphere.
fn minutes(degrees: f64, positive: char, negative: char) -> ((u32, f64), char) {
    let ticks = (degrees.abs() * 600_000.0).round() as u32;
    let letter = if degrees < 0.0 { negative } else { positive };
    ((ticks / 600_000, f64::from(ticks % 600_000) / 1e4), letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence() {
        let at = GeoPoint { lat: -33.999_999_99, lon: 8.123_456 };
        let text = sentence(at, 123.45, "2024-03-01T01:02:03Z".parse().unwrap());
        assert_eq!(text, "$GPGGA,010203.00,3400.0000,S,00807.4074,E,1,10,1.0,123.5,M,0.0,M,,*4B\r\n");
    }
}
