//! RTCM 3 (RTCM 10403.3): what reference stations and networks of them send.
//!
//! [`Frames`] finds messages in a stream, [`decode`] says what is in one. Decoded are the ephemerides 1019, 1020, 1041, 1042,
//! 1044, 1045 and 1046, the stations 1005 and 1006, and observations in multiple signal messages 4 to 7 of all systems;
//! everything else is passed over.
//!
//! The decoder is our own: an ephemeris must arrive as the integers that were broadcast, where `rtcm-rs` hands out physical
//! values, and one signal that it does not know, or a mask with too many cells, must not cost the message or more. In the
//! tests `rtcm-rs` is the other side: what it encodes must be read here, field by field.

mod bits;
mod ephemeris;
mod file;
mod frame;
mod msm;
#[cfg(test)]
mod tests;
mod when;

pub(super) use file::{is_rtcm, read as read_file};
pub use frame::{FrameCounts, Frames, frame};

use self::bits::Bits;
use crate::base::GpsTime;
use crate::base::broadcast::{Ephemeris, GalileoMessage};
use crate::gnss::station::{Station, StationEpoch};

/// Why a message cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtcmError {
    /// It ends before its last field.
    #[error("the message is too short")]
    Short,
    /// A field says what cannot be.
    #[error("the field `{0}` is out of range")]
    Field(&'static str),
}

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// The navigation message of a satellite.
    Ephemeris(Ephemeris),
    /// Where a station stands.
    Station(Station),
    /// What a station received.
    Observations(StationEpoch),
    /// A message of this number, which is not decoded.
    Other(u16),
}

/// Decodes a message. Weeks and days that it leaves out are taken near `around`, the time at which it came.
///
/// # Errors
/// [`RtcmError`] for a message that is cut off or says what cannot be.
pub fn decode(message: &[u8], around: GpsTime) -> Result<Message, RtcmError> {
    let mut b = Bits::new(message);
    let number = b.u16(12)?;
    let b = &mut b;
    Ok(match number {
        1005 | 1006 => Message::Station(station(b, number == 1006)?),
        1019 => Message::Ephemeris(Ephemeris::Lnav(ephemeris::gps(b, around)?)),
        1020 => Message::Ephemeris(Ephemeris::Glonass(ephemeris::glonass(b, around)?)),
        1041 => Message::Ephemeris(Ephemeris::NavIc(ephemeris::navic(b, around)?)),
        1042 => Message::Ephemeris(Ephemeris::BeiDou(ephemeris::beidou(b, around)?)),
        1044 => Message::Ephemeris(Ephemeris::Lnav(ephemeris::qzss(b, around)?)),
        1045 => Message::Ephemeris(Ephemeris::Galileo(ephemeris::galileo(b, GalileoMessage::FNav, around)?)),
        1046 => Message::Ephemeris(Ephemeris::Galileo(ephemeris::galileo(b, GalileoMessage::INav, around)?)),
        _ => match msm::kind(number) {
            Some((gnss, kind)) => Message::Observations(msm::observations(b, gnss, kind, around)?),
            None => Message::Other(number),
        },
    })
}

/// Messages 1005 and 1006 (RTCM 10403.3, 3.5.3).
fn station(b: &mut Bits<'_>, with_height: bool) -> Result<Station, RtcmError> {
    /// Last bit of a coordinate, metres.
    const LSB: f64 = 1e-4;
    let id = b.u16(12)?;
    b.u(6 + 3)?; // the year of the frame; which systems
    let virtual_station = b.flag()?;
    let x = b.i64(38)?;
    b.u(2)?;
    let y = b.i64(38)?;
    b.u(2)?;
    let z = b.i64(38)?;
    let height = if with_height { Some(b.u(16)?) } else { None };
    let position = [x, y, z].map(|v| v as f64 * LSB);
    let radius = position.iter().map(|v| v * v).sum::<f64>().sqrt();
    // On the Earth, at sea or in the air.
    if !(6.3e6..6.5e6).contains(&radius) {
        return Err(RtcmError::Field("position"));
    }
    Ok(Station { id, position, antenna_height_m: height.map(|h| f64::from(h) * LSB), virtual_station })
}
