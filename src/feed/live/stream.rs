//! What comes over one connection: messages, and whether they are to be believed. A machine without clock or socket.
//!
//! A live stream can fail without breaking off: it can fall silent, send something else than RTCM, or play back what was sent at
//! another time. The first two end the connection, the third makes everything that comes useless until it is over.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::base::broadcast::{Ephemeris, GalileoMessage, SatId};
use crate::base::{GpsTime, Now};
use crate::feed::rtcm::{self, Frames, Message};
use crate::gnss::AgePolicy;
use crate::gnss::station::{Station, StationEpoch};

/// Octets without any frame after which a stream is noise.
const NOISE_OCTETS: u64 = 1 << 16;
/// Observations of another time than now, s: beyond any delay of a network.
const MAX_LAG_S: f64 = 120.0;
/// For how long an ephemeris that was handed over is not handed over again.
const REPEAT: Duration = Duration::from_mins(10);
/// Ephemerides of another time, more than of now, after which a stream is a replay.
const STALE_SCORE: u32 = 6;
/// How much of the score a fresh ephemeris takes away: a network may pass on a few that nobody renews.
const FRESH_WEIGHT: u32 = 3;
/// Where the score ends.
const STALE_MOST: u32 = 24;
/// Satellites remembered, with two messages for each of Galileo's.
const MOST_KNOWN: usize = 512;

/// Why a connection is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::feed) enum StreamFault {
    /// Nothing but noise.
    #[error("what comes is not RTCM 3")]
    Noise,
    /// No frame for too long.
    #[error("nothing came for {0} s")]
    Stalled(u64),
}

/// What a piece of a stream held.
#[derive(Debug, Default, PartialEq)]
pub(in crate::feed) struct Heard {
    /// Ephemerides that are of now and new, or were not handed over for a while.
    pub(in crate::feed) ephemerides: Vec<Ephemeris>,
    /// Stations that say where they are.
    pub(in crate::feed) stations: Vec<Station>,
    /// Observations of now.
    pub(in crate::feed) epochs: Vec<StationEpoch>,
    /// Frames whose content could not be decoded.
    pub(in crate::feed) bad: usize,
    /// Messages dropped since they are of another time.
    pub(in crate::feed) stale: usize,
    /// Frames in all.
    pub(in crate::feed) frames: usize,
}

/// A message as the memory knows it: satellite and, for Galileo, which of its messages.
type Key = (SatId, Option<GalileoMessage>);

/// One connection's stream.
#[derive(Debug)]
pub(in crate::feed) struct Stream {
    frames: Frames,
    stall: Duration,
    last_frame: Instant,
    skipped_at_last_frame: u64,
    /// By how much the last observations lagged behind, s.
    lag_s: f64,
    stale_score: u32,
    known: HashMap<Key, (Ephemeris, Instant)>,
}

impl Stream {
    /// A stream that begins now and must bring a frame every `stall`.
    pub(in crate::feed) fn new(now: Instant, stall: Duration) -> Self {
        Self {
            frames: Frames::default(),
            stall,
            last_frame: now,
            skipped_at_last_frame: 0,
            lag_s: 0.0,
            stale_score: 0,
            known: HashMap::new(),
        }
    }

    /// When the connection is to be given up unless a frame comes.
    pub(in crate::feed) fn deadline(&self) -> Instant {
        self.last_frame + self.stall
    }

    /// What the silence until the deadline comes to.
    pub(in crate::feed) const fn stalled(&self) -> StreamFault {
        StreamFault::Stalled(self.stall.as_secs())
    }

    /// By how much the stream lags behind now, s, when it plays back another time.
    pub(in crate::feed) fn replays(&self) -> Option<f64> {
        (self.lag_s.abs() > MAX_LAG_S || self.stale_score >= STALE_SCORE).then_some(self.lag_s)
    }

    /// Takes in what came.
    ///
    /// # Errors
    /// When it is noise.
    pub(in crate::feed) fn take(
        &mut self,
        bytes: &[u8],
        now: Now,
        policy: &AgePolicy,
    ) -> Result<Heard, StreamFault> {
        let mut heard = Heard::default();
        self.frames.push(bytes);
        let gps = now.gps();
        let mut messages = Vec::new();
        while let Some(message) = self.frames.next() {
            heard.frames += 1;
            match rtcm::decode(message, gps) {
                Ok(message) => messages.push(message),
                Err(_) => heard.bad += 1,
            }
        }
        for message in messages {
            self.hear(message, now, policy, &mut heard);
        }
        let skipped = self.frames.counts().skipped;
        if heard.frames > 0 {
            self.last_frame = now.mono;
            self.skipped_at_last_frame = skipped;
        } else if skipped - self.skipped_at_last_frame > NOISE_OCTETS {
            return Err(StreamFault::Noise);
        }
        // What plays back another time is of no use, whichever part of it looks fresh.
        if self.replays().is_some() {
            heard.stale += heard.ephemerides.len() + heard.epochs.len();
            heard.ephemerides.clear();
            heard.epochs.clear();
        }
        Ok(heard)
    }

    fn hear(&mut self, message: Message, now: Now, policy: &AgePolicy, heard: &mut Heard) {
        let gps = now.gps();
        match message {
            Message::Other(_) => {}
            Message::Station(s) => heard.stations.push(s),
            Message::Observations(e) => {
                self.lag_s = gps - e.time;
                if self.lag_s.abs() <= MAX_LAG_S {
                    heard.epochs.push(e);
                } else {
                    heard.stale += 1;
                }
            }
            Message::Ephemeris(e) if !policy.is_fresh(&e, gps) => {
                heard.stale += 1;
                self.stale_score = (self.stale_score + 1).min(STALE_MOST);
                self.note_age(&e, gps);
            }
            Message::Ephemeris(e) => {
                self.stale_score = self.stale_score.saturating_sub(FRESH_WEIGHT);
                if self.is_new(&e, now.mono) {
                    heard.ephemerides.push(e);
                }
            }
        }
    }

    /// Without observations the ephemerides say how late it is.
    fn note_age(&mut self, e: &Ephemeris, gps: GpsTime) {
        if self.lag_s.abs() <= MAX_LAG_S && self.stale_score >= STALE_SCORE {
            self.lag_s = gps - e.reference_time();
        }
    }

    fn is_new(&mut self, e: &Ephemeris, now: Instant) -> bool {
        let message = match e {
            Ephemeris::Galileo(g) => Some(g.message),
            _ => None,
        };
        let key = (e.sat(), message);
        let known =
            self.known.get(&key).is_some_and(|(k, at)| k == e && now.saturating_duration_since(*at) < REPEAT);
        if !known && (self.known.len() < MOST_KNOWN || self.known.contains_key(&key)) {
            self.known.insert(key, (*e, now));
        }
        !known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Utc;
    use crate::feed::test_rtcm;

    fn at(utc: Utc, mono: Instant, s: u64) -> Now {
        let later = Duration::from_secs(s);
        Now { mono: mono + later, utc: utc + later }
    }

    fn noon() -> Utc {
        "2024-03-01T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn what_is_new_is_handed_over_once() {
        let (utc, mono) = (noon(), Instant::now());
        let now = at(utc, mono, 0);
        let policy = AgePolicy::default();
        let mut stream = Stream::new(mono, Duration::from_mins(1));
        let bytes = test_rtcm::gps_ephemerides(now.gps(), 3);
        let heard = stream.take(&bytes, now, &policy).unwrap();
        assert_eq!((heard.ephemerides.len(), heard.frames, heard.stale, heard.bad), (3, 3, 0, 0));
        assert!(stream.take(&bytes, at(utc, mono, 20), &policy).unwrap().ephemerides.is_empty());
        assert_eq!(stream.take(&bytes, at(utc, mono, 700), &policy).unwrap().ephemerides.len(), 3);
        assert_eq!(stream.deadline(), mono + Duration::from_secs(760));
        assert_eq!(stream.replays(), None);
    }

    #[test]
    fn yesterday_is_noticed_and_does_no_harm() {
        let (utc, mono) = (noon(), Instant::now());
        let now = at(utc, mono, 0);
        let policy = AgePolicy::default();
        let yesterday = now.gps().offset_s(-86_400.0);
        // By observations: what looks fresh among it is dropped as well.
        let mut stream = Stream::new(mono, Duration::from_mins(1));
        let mut bytes = test_rtcm::observations(yesterday, &[(5, 21e6)]);
        bytes.extend(test_rtcm::gps_ephemerides(now.gps(), 2));
        let heard = stream.take(&bytes, now, &policy).unwrap();
        assert_eq!((heard.ephemerides.len(), heard.epochs.len(), heard.stale), (0, 0, 3));
        assert!((stream.replays().unwrap() - 86_400.0).abs() < 1.0);
        // It heals.
        let heard = stream.take(&test_rtcm::observations(now.gps(), &[(5, 21e6)]), now, &policy).unwrap();
        assert_eq!((heard.epochs.len(), stream.replays()), (1, None));
        // By ephemerides alone.
        let mut stream = Stream::new(mono, Duration::from_mins(1));
        let heard = stream.take(&test_rtcm::gps_ephemerides(yesterday, 10), now, &policy).unwrap();
        assert_eq!((heard.ephemerides.len(), heard.stale), (0, 10));
        assert!(stream.replays().unwrap() > 80_000.0);
    }

    #[test]
    fn noise_is_given_up_and_silence_has_a_deadline() {
        let (utc, mono) = (noon(), Instant::now());
        let policy = AgePolicy::default();
        let mut stream = Stream::new(mono, Duration::from_mins(1));
        let noise: Vec<u8> = (0..30_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let results: Vec<_> =
            (0..4).map(|i| stream.take(&noise, at(utc, mono, i), &policy).is_ok()).collect();
        assert_eq!(results, [true, true, false, false]);
        assert_eq!(stream.deadline(), mono + Duration::from_mins(1));
        assert_eq!(stream.stalled().to_string(), "nothing came for 60 s");
    }
}
