//! Whether the messages of one satellite speak of the same orbit and clock, and which to believe when they do not.
//!
//! A broadcast ephemeris is fitted so well that consecutive ones agree to a few metres half way between them; one that does not
//! was damaged on its way, belongs to another satellite or another time, or the satellite was moved without saying so.
//! Archives hold such records, so that they are looked for in whatever comes. Orbits and clocks are compared, never octets:
//! the same message may have gone through files that round it.

use super::age::{AgePolicy, is_healthy};
use super::orbit;
use super::scale::C;
use crate::base::GpsTime;
use crate::base::broadcast::{Ephemeris, Gnss};

/// Neighbours on each side with which a message is compared.
const NEIGHBOURS: usize = 8;

/// How far two messages are apart half way between their reference times, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distance {
    /// Between the positions.
    pub orbit_m: f64,
    /// Between the clocks, times the speed of light.
    pub clock_m: f64,
}

impl Distance {
    /// Compares two messages of one satellite.
    pub fn between(a: &Ephemeris, b: &Ephemeris) -> Self {
        let (ta, tb) = (a.reference_time(), b.reference_time());
        let middle = GpsTime::from_ns(ta.ns() / 2 + tb.ns() / 2);
        let (x, y) = (orbit::coarse_state(a, middle), orbit::coarse_state(b, middle));
        let d2: f64 = x.position.iter().zip(y.position).map(|(p, q)| (p - q).powi(2)).sum();
        Self { orbit_m: d2.sqrt(), clock_m: (x.clock_s - y.clock_s).abs() * C }
    }

    /// Whether both are as near as messages of this system are to each other. What is no number is not.
    pub fn agrees(&self, gnss: Gnss) -> bool {
        let (orbit_m, clock_m) = tolerance_m(gnss);
        self.orbit_m <= orbit_m && self.clock_m <= clock_m
    }
}

/// Largest distance of messages that agree. Over days of all systems the largest seen between good ones were 13 m and 6 m, of
/// NavIC 65 m and 48 m; the wrong ones were kilometres away.
const fn tolerance_m(gnss: Gnss) -> (f64, f64) {
    match gnss {
        Gnss::NavIc => (200.0, 120.0),
        // The message gives a place for two minutes, to a few hundred metres further on.
        Gnss::Sbas => (10_000.0, 1000.0),
        Gnss::Gps | Gnss::Qzss | Gnss::Galileo | Gnss::Glonass | Gnss::BeiDou => (50.0, 30.0),
    }
}

/// What became of a message among its neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing speaks against it.
    #[default]
    Accepted,
    /// More speaks for another one that contradicts it.
    Refused,
    /// It contradicts another one, and as much speaks for either.
    Disputed,
}

/// A message with those who vouch for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    pub(super) ephemeris: &'a Ephemeris,
    /// One bit for each source that delivered it; lower bits are sources of higher rank.
    pub(super) voters: u32,
}

/// The verdicts on a satellite's messages, which are sorted by reference time.
///
/// Each source that delivered a message, and each that delivered a neighbour that agrees with it, speaks for it. Of two that
/// contradict each other the one for which less speaks is refused, then the one whose best source ranks lower; when there
/// is no difference at all, both are in dispute. Messages that call the satellite unfit are not judged, as none of them is used.
///
/// Several wrong messages in a row vouch for each other. They give themselves away by standing between two longer rows that
/// contradict them, and are refused before the others are judged.
pub(super) fn judge(candidates: &[Candidate<'_>], policy: &AgePolicy) -> Vec<Verdict> {
    let mut verdicts = vec![Verdict::Accepted; candidates.len()];
    for i in enclosed(candidates, policy) {
        verdicts[i] = Verdict::Refused;
    }
    let mut support: Vec<u32> = candidates.iter().map(|c| c.voters.count_ones()).collect();
    let mut conflicts = Vec::new();
    let judged = |i: usize| is_healthy(candidates[i].ephemeris) && verdicts[i] == Verdict::Accepted;
    for (i, a) in candidates.iter().enumerate().filter(|(i, _)| judged(*i)) {
        let window = policy.max_age_s(a.ephemeris);
        let neighbours = candidates.iter().enumerate().skip(i + 1).take(NEIGHBOURS);
        for (j, b) in neighbours {
            if b.ephemeris.reference_time() - a.ephemeris.reference_time() > window {
                break;
            }
            if !judged(j) {
                continue;
            }
            if Distance::between(a.ephemeris, b.ephemeris).agrees(a.ephemeris.sat().gnss) {
                support[i] += b.voters.count_ones();
                support[j] += a.voters.count_ones();
            } else {
                conflicts.push((i, j));
            }
        }
    }
    for (i, j) in conflicts {
        let weight = |k: usize| (support[k], std::cmp::Reverse(candidates[k].voters.trailing_zeros()));
        match weight(i).cmp(&weight(j)) {
            std::cmp::Ordering::Less => verdicts[i] = Verdict::Refused,
            std::cmp::Ordering::Greater => verdicts[j] = Verdict::Refused,
            std::cmp::Ordering::Equal => {
                for k in [i, j] {
                    if verdicts[k] == Verdict::Accepted {
                        verdicts[k] = Verdict::Disputed;
                    }
                }
            }
        }
    }
    verdicts
}

/// The messages in rows that contradict the rows before and behind them, which are both longer.
fn enclosed(candidates: &[Candidate<'_>], policy: &AgePolicy) -> Vec<usize> {
    /// A row of messages each of which agrees with the next, or is too far from it to be compared.
    struct Row {
        members: Vec<usize>,
        votes: u32,
        /// Whether it contradicts the row before it; else a gap lies between them.
        contradicts: bool,
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut last: Option<&Ephemeris> = None;
    for (i, c) in candidates.iter().enumerate().filter(|(_, c)| is_healthy(c.ephemeris)) {
        let near = last.filter(|l| c.ephemeris.reference_time() - l.reference_time() <= policy.max_age_s(l));
        let agrees = near.map(|l| Distance::between(l, c.ephemeris).agrees(c.ephemeris.sat().gnss));
        last = Some(c.ephemeris);
        let votes = c.voters.count_ones();
        match (rows.last_mut(), agrees) {
            (Some(row), Some(true)) => {
                row.members.push(i);
                row.votes += votes;
            }
            (_, agrees) => rows.push(Row { members: vec![i], votes, contradicts: agrees.is_some() }),
        }
    }
    let between = |three: &&[Row]| match three {
        [before, row, behind] => {
            row.contradicts && behind.contradicts && row.votes < before.votes.min(behind.votes)
        }
        _ => false,
    };
    rows.windows(3).filter(between).flat_map(|three| three[1].members.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::broadcast::LnavEphemeris;
    use crate::feed::simulated;

    /// A GPS satellite's message, and the same orbit as a message of an hour later.
    fn messages(n: i64) -> Vec<LnavEphemeris> {
        let t = GpsTime::from_week_s(2300, 100_800);
        (0..n)
            .map(|i| {
                let sky = simulated::sky_at(t.offset_s(3600.0 * i as f64));
                let of = |e: &Ephemeris| match e {
                    Ephemeris::Lnav(l) if l.sat.gnss == Gnss::Gps => Some(*l),
                    _ => None,
                };
                sky.ephemerides.iter().find_map(of).unwrap()
            })
            .collect()
    }

    fn verdicts(messages: &[(LnavEphemeris, u32)]) -> Vec<Verdict> {
        let all: Vec<(Ephemeris, u32)> = messages.iter().map(|(m, v)| (Ephemeris::Lnav(*m), *v)).collect();
        let candidates: Vec<Candidate<'_>> =
            all.iter().map(|(ephemeris, voters)| Candidate { ephemeris, voters: *voters }).collect();
        judge(&candidates, &AgePolicy::default())
    }

    /// A clock that is off by 40 m.
    fn jumped(m: LnavEphemeris) -> LnavEphemeris {
        LnavEphemeris { af0: m.af0 + 287, ..m }
    }

    #[test]
    fn the_majority_wins() {
        use Verdict::{Accepted, Disputed, Refused};
        let m = messages(3);
        assert_eq!(verdicts(&[(m[0], 1), (m[1], 1), (m[2], 1)]), [Accepted; 3]);
        // A wrong one among its neighbours, first, last, in the middle.
        assert_eq!(verdicts(&[(m[0], 1), (jumped(m[1]), 1), (m[2], 1)]), [Accepted, Refused, Accepted]);
        assert_eq!(verdicts(&[(jumped(m[0]), 1), (m[1], 1), (m[2], 1)]), [Refused, Accepted, Accepted]);
        let orbit = LnavEphemeris {
            kepler: crate::base::broadcast::Kepler { m0: m[2].kepler.m0 + 9000, ..m[2].kepler },
            ..m[2]
        };
        assert_eq!(verdicts(&[(m[0], 1), (m[1], 1), (orbit, 1)]), [Accepted, Accepted, Refused]);
        // Two against each other.
        assert_eq!(verdicts(&[(m[0], 1), (jumped(m[1]), 1)]), [Disputed; 2]);
        // Rank decides, number before rank.
        assert_eq!(verdicts(&[(m[0], 0b10), (jumped(m[0]), 0b01)]), [Refused, Accepted]);
        assert_eq!(verdicts(&[(m[0], 0b110), (jumped(m[0]), 0b01)]), [Accepted, Refused]);
        // A neighbour settles what two sources say of the same issue.
        assert_eq!(
            verdicts(&[(m[0], 0b10), (m[1], 0b10), (jumped(m[1]), 0b01)]),
            [Accepted, Accepted, Refused]
        );
        // Several wrong ones in a row, as an archive may hold them.
        let long = messages(12);
        let row: Vec<_> =
            (0..12).map(|i| (if (4..7).contains(&i) { jumped(long[i]) } else { long[i] }, 1)).collect();
        let found: Vec<usize> = (0..12).filter(|i| verdicts(&row)[*i] != Accepted).collect();
        assert_eq!(found, [4, 5, 6]);
        // A satellite that was moved: none of the new messages is refused for good, and none of the old ones.
        let moved: Vec<_> = (0..12).map(|i| (if i > 7 { jumped(long[i]) } else { long[i] }, 1)).collect();
        assert!(verdicts(&moved)[9..].iter().all(|v| *v == Accepted));
        // The unfit are not judged.
        let unfit = LnavEphemeris { health: 63, ..jumped(m[1]) };
        assert_eq!(verdicts(&[(m[0], 1), (unfit, 1)]), [Accepted; 2]);
    }
}
