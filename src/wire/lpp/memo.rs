//! Messages that were encoded or decoded before.
//!
//! Handsets in one place that ask for the same thing get the same satellites: between two changes of the sky their messages
//! differ in transaction, numbers, reference time and reference location. Those have a fixed width in unaligned PER, so that
//! a message encoded once is copied and these fields are set in the copy, which costs a fiftieth of encoding it. And
//! handsets of one model tell the same capabilities and ask for the same data, to the bit.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::{Arc, PoisonError, RwLock};

use super::{AssistanceDataDelivery, LppBody, LppMessage, assist, codec, shapes};
use crate::base::time::GpsTime;
use crate::wire::assist::{Assistance, ReferenceTime};
use crate::wire::bits::overwrite;
use crate::wire::reader::Reader;
use crate::wire::{DecodeError, EncodeError};

/// Messages kept; twice as many for a while. One of 34 satellites takes about 12 kB.
const KEPT: usize = 256;
/// Octets of the longest message whose meaning is remembered.
const LONGEST_KEY: usize = 512;
/// Bits of day, second and millisecond of `GNSS-SystemTime`.
const TIME: usize = 15 + 17 + 10;

/// The memory of messages. It changes no answer, only how fast it comes: what it returns is what [`LppMessage::encode`] and
/// [`LppMessage::decode`] return.
#[derive(Debug, Default)]
pub struct LppMemo {
    encoded: RwLock<Kept<u64, Template>>,
    /// By the octets, those of the header set to zero.
    decoded: RwLock<Kept<Box<[u8]>, LppBody>>,
}

/// The young are looked at first. When they are many, they become the old, and the old are forgotten.
#[derive(Debug)]
struct Kept<K, V> {
    young: HashMap<K, Arc<V>>,
    old: HashMap<K, Arc<V>>,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<K: Eq + Hash, V> Kept<K, V> {
    fn keep(&mut self, key: K, value: Arc<V>) {
        if self.young.len() >= KEPT && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

/// What is kept under a key, which becomes young again.
fn find<Q, K, V>(memory: &RwLock<Kept<K, V>>, key: &Q) -> Option<Arc<V>>
where
    Q: Eq + Hash + ?Sized,
    K: Eq + Hash + Borrow<Q>,
{
    let kept = memory.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(value) = kept.young.get(key) {
        return Some(Arc::clone(value));
    }
    kept.old.get(key)?;
    drop(kept);
    let mut kept = memory.write().unwrap_or_else(PoisonError::into_inner);
    let (key, value) = kept.old.remove_entry(key)?;
    kept.keep(key, Arc::clone(&value));
    Some(value)
}

/// A message and the places of what differs from handset to handset.
#[derive(Debug)]
struct Template {
    body: LppBody,
    octets: Vec<u8>,
    /// Bits of the header.
    header: usize,
    /// The bit at which the reference time begins.
    time: Option<usize>,
    /// The bit at which the reference location begins.
    location: Option<usize>,
}

impl LppMemo {
    /// The octets of a message.
    pub fn encode(&self, message: &LppMessage) -> Result<Vec<u8>, EncodeError> {
        let Some(body) = message.body.as_ref().filter(|b| worth_keeping(b)) else {
            return message.encode();
        };
        let key = fingerprint(message, body);
        if let Some(octets) = find(&self.encoded, &key).and_then(|t| t.render(message, body)) {
            return Ok(octets);
        }
        let octets = message.encode()?;
        // A template that does not give back what it was made from is none.
        if let Some(template) = Template::new(body, &octets)
            && template.render(message, body).as_ref() == Some(&octets)
        {
            let mut kept = self.encoded.write().unwrap_or_else(PoisonError::into_inner);
            kept.keep(key, Arc::new(template));
        }
        Ok(octets)
    }

    /// The message that octets mean; see [`LppMessage::decode`].
    pub fn decode(&self, octets: &[u8], near: GpsTime) -> Result<LppMessage, DecodeError> {
        let Some((header, key)) = key(octets) else {
            return LppMessage::decode(octets, near);
        };
        if let Some(body) = find(&self.decoded, &*key) {
            return Ok(LppMessage { body: Some(LppBody::clone(&body)), ..header });
        }
        let message = LppMessage::decode(octets, near)?;
        if let Some(body @ (LppBody::ProvideCapabilities(_) | LppBody::RequestAssistanceData(_))) =
            &message.body
        {
            let mut kept = self.decoded.write().unwrap_or_else(PoisonError::into_inner);
            kept.keep(key, Arc::new(body.clone()));
        }
        Ok(message)
    }
}

/// The header of a message that may be worth remembering, and its octets without what the header says. Two messages have the
/// same key when their bodies are the same and begin at the same bit.
fn key(octets: &[u8]) -> Option<(LppMessage, Box<[u8]>)> {
    if octets.len() > LONGEST_KEY {
        return None;
    }
    let mut bits = Reader::new(octets);
    let header = codec::read_header(&mut bits)?;
    let begin = bits.at();
    let mut body = bits;
    // provideCapabilities and requestAssistanceData in LPP-MessageBody's c1, of a message that has a body.
    if octets.first()? & 0x10 == 0 || !matches!(body.take(1 + 4)?, 1 | 2) {
        return None;
    }
    let mut key: Box<[u8]> = octets.into();
    overwrite(&mut key, 0, 0, begin)?;
    // Where the body begins, told apart by the bits that are free now.
    overwrite(&mut key, 0, begin as u64, 8.min(begin))?;
    Some((header, key))
}

/// Parts that differ with every second, or that few ask for, are not kept.
fn worth_keeping(body: &LppBody) -> bool {
    let LppBody::ProvideAssistanceData(d) = body else {
        return matches!(body, LppBody::RequestLocationInformation(_) | LppBody::RequestCapabilities(_));
    };
    d.more.is_none()
        && d.periodic.is_none()
        && d.assistance.reference_time.as_ref().is_none_or(|t| t.tow_assist.is_empty())
        && d.assistance.systems.iter().any(|s| !s.ephemerides.is_empty())
        && d.assistance.systems.iter().all(|s| s.acquisition.is_none())
}

/// Tells messages apart well enough to look at one candidate; equality decides.
fn fingerprint(message: &LppMessage, body: &LppBody) -> u64 {
    let mut hash = DefaultHasher::new();
    (codec::header(message).1, body.name()).hash(&mut hash);
    if let LppBody::RequestLocationInformation(r) = body {
        (r.common.is_some(), r.gnss.is_some()).hash(&mut hash);
    }
    let LppBody::ProvideAssistanceData(d) = body else { return hash.finish() };
    let a = &d.assistance;
    (a.reference_time.is_some(), a.reference_location.is_some(), a.klobuchar.len()).hash(&mut hash);
    for s in &a.systems {
        (s.gnss, s.utc.is_some(), s.almanac.is_some(), s.time_offsets.len()).hash(&mut hash);
        for e in &s.ephemerides {
            e.sat().number.hash(&mut hash);
        }
    }
    hash.finish()
}

impl Template {
    fn new(body: &LppBody, octets: &[u8]) -> Option<Self> {
        let mut bits = Reader::new(octets);
        codec::read_header(&mut bits)?;
        let header = bits.at();
        let (time, location) = match body {
            LppBody::ProvideAssistanceData(d) => places(&mut bits, &d.assistance)?,
            _ => (None, None),
        };
        Some(Self { body: body.clone(), octets: octets.to_vec(), header, time, location })
    }

    /// The octets of a message that differs in nothing but what can be set; `None` when there is another difference.
    fn render(&self, message: &LppMessage, body: &LppBody) -> Option<Vec<u8>> {
        let (header, header_bits) = codec::header(message);
        if header_bits != self.header || !alike(&self.body, body) {
            return None;
        }
        let mut octets = self.octets.clone();
        overwrite(&mut octets, 0, header, header_bits)?;
        let LppBody::ProvideAssistanceData(delivery) = body else { return Some(octets) };
        if let (Some(at), Some(t)) = (self.time, &delivery.assistance.reference_time) {
            let (day, second, ms) = assist::time_of_day(t);
            let value = u64::from(day) << 27 | u64::from(second) << 10 | u64::from(ms);
            overwrite(&mut octets, at, value, TIME)?;
        }
        if let (Some(at), Some(shape)) = (self.location, &delivery.assistance.reference_location) {
            shapes::overwrite_ellipsoid(&mut octets, at, &shapes::reference_location(shape)?)?;
        }
        Some(octets)
    }
}

/// Where reference time and location begin, from the message body on (TS 37.355 clause 6.2 and 6.5.2; X.691). `None` for a
/// message that has them in a form which is not expected.
fn places(bits: &mut Reader<'_>, a: &Assistance) -> Option<(Option<usize>, Option<usize>)> {
    // LPP-MessageBody c1 provideAssistanceData, criticalExtensions c1 r9.
    if bits.take(1 + 4 + 1 + 2)? != 0b0001_1000 {
        return None;
    }
    // ProvideAssistanceData-r9-IEs: nothing but A-GNSS, which is not extended.
    if bits.take(1 + 4)? != 0b0100 || bits.flag()? {
        return None;
    }
    let (common, _generic, _error) = (bits.flag()?, bits.flag()?, bits.flag()?);
    if !common {
        return (a.reference_time.is_none() && a.reference_location.is_none()).then_some((None, None));
    }
    let _extended = bits.flag()?;
    let (has_time, has_location, _, _) = (bits.flag()?, bits.flag()?, bits.flag()?, bits.flag()?);
    let mut time = None;
    if has_time {
        let (extended, has_uncertainty, has_cells) = (bits.flag()?, bits.flag()?, bits.flag()?);
        let (system_extended, has_ms, has_leap, has_tow) =
            (bits.flag()?, bits.flag()?, bits.flag()?, bits.flag()?);
        // GNSS-ID: not extended, and a system of release 9.
        if extended || has_cells || system_extended || !has_ms || has_tow || bits.take(2)? != 0 {
            return None;
        }
        bits.take(3)?;
        time = Some(bits.at());
        bits.take(TIME)?;
        bits.take(if has_leap { 2 } else { 0 } + if has_uncertainty { 7 } else { 0 })?;
    }
    let mut location = None;
    if has_location {
        let _extended = bits.flag()?;
        location = Some(bits.at());
    }
    let expected = (a.reference_time.is_some(), a.reference_location.is_some());
    (expected == (has_time, has_location)).then_some((time, location))
}

/// Whether two bodies differ in reference time and location alone. Taken apart, so that a new member cannot be forgotten.
fn alike(a: &LppBody, b: &LppBody) -> bool {
    let (LppBody::ProvideAssistanceData(a), LppBody::ProvideAssistanceData(b)) = (a, b) else {
        return a == b;
    };
    let AssistanceDataDelivery { assistance, error, periodic, more } = &**a;
    let Assistance { reference_time, reference_location, klobuchar, nequick, earth_orientation, systems } =
        assistance;
    let times = match (reference_time, &b.assistance.reference_time) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            let ReferenceTime { time: _, systems, uncertainty_s, leap_notice, tow_assist, gsm } = a;
            *systems == b.systems
                && *uncertainty_s == b.uncertainty_s
                && *leap_notice == b.leap_notice
                && *tow_assist == b.tow_assist
                && *gsm == b.gsm
        }
        _ => false,
    };
    times
        && *error == b.error
        && *periodic == b.periodic
        && *more == b.more
        && reference_location.is_some() == b.assistance.reference_location.is_some()
        && *klobuchar == b.assistance.klobuchar
        && *nequick == b.assistance.nequick
        && *earth_orientation == b.assistance.earth_orientation
        && *systems == b.assistance.systems
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::broadcast::Gnss;
    use crate::base::geo::{Ellipse, GeoPoint, Shape};
    use crate::wire::assist::{AssistanceRequest, GnssRequest, Initiator, ReferenceTimeRequest};
    use crate::wire::lpp::{Acknowledgement, AssistanceDataRequest, TransactionId};
    use crate::wire::test_data;

    fn delivery(satellites: bool) -> AssistanceDataDelivery {
        let mut systems = Vec::new();
        for gnss in [Gnss::Gps, Gnss::Galileo, Gnss::Glonass] {
            let mut s = test_data::system_assistance(gnss);
            s.acquisition = None;
            if !satellites {
                s.ephemerides.clear();
            }
            systems.push(s);
        }
        AssistanceDataDelivery {
            assistance: Assistance { systems, ..Assistance::default() },
            ..AssistanceDataDelivery::default()
        }
    }

    fn message(delivery: AssistanceDataDelivery) -> LppMessage {
        LppMessage {
            transaction: Some(TransactionId { initiator: Initiator::TargetDevice, number: 7 }),
            body: Some(LppBody::ProvideAssistanceData(Box::new(delivery))),
            ..LppMessage::default()
        }
    }

    fn kept(memo: &LppMemo) -> usize {
        let kept = memo.encoded.read().unwrap();
        kept.young.len() + kept.old.len()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_kept_message_is_the_one_that_would_be_encoded(
            all in prop::collection::vec((
                (any::<bool>(), any::<u8>(), any::<bool>()),
                prop::option::of(any::<u8>()),
                prop::option::of((any::<bool>(), prop::option::of(any::<u8>()))),
                prop::option::of((0..900_000_000_000_i64, prop::sample::select(vec![Gnss::Gps, Gnss::Glonass, Gnss::Galileo]))),
                prop::option::of((-90.0..90.0_f64, -180.0..180.0_f64, 1.0..1e6_f64, 0.0..180.0_f64, -9000.0..9000.0_f64)),
            ), 2..12),
        ) {
            let memo = LppMemo::default();
            for ((target, number, end), sequence, ack, time, place) in all {
                let mut d = delivery(true);
                d.assistance.reference_time = time.map(|(ms, system)| {
                    let time = GpsTime::from_ns(1_300_000_000_000_000_000 + ms * 1_000_000);
                    let mut t = ReferenceTime::gps(time, Some(0.1));
                    t.systems = vec![system];
                    t
                });
                d.assistance.reference_location = place.map(|(lat, lon, major, orientation, altitude_m)| {
                    let at = GeoPoint::new(lat, lon).unwrap();
                    let ellipse = Ellipse {
                        semi_major_m: major,
                        semi_minor_m: major / 3.0,
                        orientation_deg: orientation,
                        confidence: Some(68),
                    };
                    Shape::Ellipsoid { at, ellipse, altitude_m, altitude_unc_m: 150.0 }
                });
                let initiator = if target { Initiator::TargetDevice } else { Initiator::LocationServer };
                let m = LppMessage {
                    transaction: Some(TransactionId { initiator, number }),
                    end,
                    sequence,
                    ack: ack.map(|(requested, indicator)| Acknowledgement { requested, indicator }),
                    ..message(d)
                };
                prop_assert_eq!(memo.encode(&m).unwrap(), m.encode().unwrap());
                prop_assert_eq!(memo.encode(&m).unwrap(), m.encode().unwrap());
                prop_assert!(kept(&memo) > 0);
            }
        }
    }

    #[test]
    fn one_template_serves_all_times_and_a_change_is_seen() {
        let memo = LppMemo::default();
        let at = |s: i64, tgd: i8| {
            let mut d = delivery(true);
            let time = GpsTime::from_ns(1_300_000_000_000_000_000 + s * 1_000_000_000);
            d.assistance.reference_time = Some(ReferenceTime::gps(time, Some(0.1)));
            if let Some(crate::base::broadcast::Ephemeris::Lnav(e)) =
                d.assistance.systems.first_mut().and_then(|s| s.ephemerides.first_mut())
            {
                e.tgd = tgd;
            }
            message(d)
        };
        for m in [at(0, 1), at(1, 1), at(100_000, 1)] {
            assert_eq!(memo.encode(&m).unwrap(), m.encode().unwrap());
            assert_eq!(kept(&memo), 1);
        }
        let template = memo.encoded.read().unwrap().young.values().next().cloned().unwrap();
        assert!(template.render(&at(9, 1), &at(9, 1).body.unwrap()).is_some());
        let changed = at(2, 2);
        assert_eq!(memo.encode(&changed).unwrap(), changed.encode().unwrap());
        assert_ne!(memo.encode(&changed).unwrap(), at(2, 1).encode().unwrap());
        assert_eq!(kept(&memo), 1);
    }

    #[test]
    fn nothing_is_kept_of_what_is_cheap_or_comes_in_parts() {
        let memo = LppMemo::default();
        let part = AssistanceDataDelivery { more: Some(true), ..delivery(true) };
        for m in [message(delivery(false)), message(part)] {
            assert_eq!(memo.encode(&m).unwrap(), m.encode().unwrap());
        }
        assert_eq!(kept(&memo), 0);
    }

    #[test]
    fn the_memory_is_bounded() {
        let memory = RwLock::new(Kept::default());
        for key in 0..10 * KEPT {
            memory.write().unwrap().keep(key, Arc::new(key));
            assert_eq!(find(&memory, &key).as_deref(), Some(&key));
            // What is asked for again and again stays.
            assert_eq!(find(&memory, &0).as_deref(), Some(&0));
            let kept = memory.read().unwrap();
            assert!(kept.young.len() <= KEPT && kept.old.len() <= KEPT);
        }
        assert_eq!(find(&memory, &1), None);
    }

    #[test]
    fn what_handsets_say_alike_is_decoded_once_and_means_the_same() {
        let memo = LppMemo::default();
        let near = test_data::now();
        let request = |satellite: u8, number, sequence| {
            let mut r = AssistanceRequest {
                reference_time: Some(ReferenceTimeRequest::default()),
                ..AssistanceRequest::default()
            };
            let mut gps = GnssRequest::new(Gnss::Gps);
            gps.acquisition = Some(satellite);
            r.systems.push(gps);
            let body = LppBody::RequestAssistanceData(Box::new(AssistanceDataRequest {
                request: r,
                ..AssistanceDataRequest::default()
            }));
            let transaction = Some(TransactionId { initiator: Initiator::TargetDevice, number });
            LppMessage { transaction, sequence, body: Some(body), ..LppMessage::default() }
        };
        for (signal, number, sequence) in
            [(0, 1, None), (0, 200, None), (3, 1, None), (0, 1, Some(4)), (0, 2, Some(255)), (3, 1, Some(0))]
        {
            let octets = request(signal, number, sequence).encode().unwrap();
            for _ in 0..2 {
                assert_eq!(memo.decode(&octets, near), LppMessage::decode(&octets, near));
            }
        }
        // Two requests, each behind a header with and without a sequence number.
        assert_eq!(memo.decoded.read().unwrap().young.len(), 4);
        let report = LppMessage {
            body: Some(LppBody::Abort(crate::wire::lpp::AbortCause::Undefined)),
            ..LppMessage::default()
        };
        let octets = report.encode().unwrap();
        assert_eq!(memo.decode(&octets, near), Ok(report));
        assert!(memo.decode(&octets[..1], near).is_err());
        assert_eq!(memo.decoded.read().unwrap().young.len(), 4);
    }
}
