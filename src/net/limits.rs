//! How many connections there may be, in all and from one source.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Whom connections are counted against: an IPv4 address, or the /64 of an IPv6 one, since one subscriber commands a
/// whole /64.
fn source_of(addr: IpAddr) -> IpAddr {
    match addr.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Which limit was reached, and by far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// That of the server.
    Total,
    /// That of one source address.
    Source,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_source: HashMap<IpAddr, u32>,
}

/// How many connections beyond a limit are taken, only to be told so.
const fn reserve(limit: usize) -> usize {
    limit.div_ceil(16)
}

/// Counts connections against two limits. Beyond each there is a small reserve, so that a SET over the limit can be told
/// `resourceShortage` properly; beyond the reserve, connections are not taken.
#[derive(Debug)]
pub(super) struct ConnectionLimits {
    total: usize,
    per_source: u32,
    counts: Mutex<Counts>,
}

impl ConnectionLimits {
    /// Limits of `total` connections and `per_source` from one address.
    pub(super) fn new(total: usize, per_source: u32) -> Arc<Self> {
        Arc::new(Self { total, per_source, counts: Mutex::default() })
    }

    /// Admits one connection from `addr`, until the permit is dropped.
    pub(super) fn admit(self: &Arc<Self>, addr: IpAddr) -> Result<Permit, Refusal> {
        let source = source_of(addr);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.total >= self.total + reserve(self.total) {
            return Err(Refusal::Total);
        }
        let of_source = counts.by_source.get(&source).copied().unwrap_or(0);
        let per_source = self.per_source as usize;
        if of_source as usize >= per_source + reserve(per_source) {
            return Err(Refusal::Source);
        }
        let in_reserve = counts.total >= self.total || of_source >= self.per_source;
        counts.by_source.insert(source, of_source + 1);
        counts.total += 1;
        Ok(Permit { limits: Arc::clone(self), source, in_reserve })
    }

    /// Connections admitted now.
    pub(super) fn open(&self) -> usize {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

/// The right to one connection.
#[derive(Debug)]
#[must_use = "the connection counts only while its permit lives"]
pub(super) struct Permit {
    limits: Arc<ConnectionLimits>,
    source: IpAddr,
    in_reserve: bool,
}

impl Permit {
    /// Whether the connection is beyond a limit and may only be refused.
    pub(super) const fn is_in_reserve(&self) -> bool {
        self.in_reserve
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.limits.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.total = counts.total.saturating_sub(1);
        if let Some(n) = counts.by_source.get_mut(&self.source) {
            *n -= 1;
            if *n == 0 {
                counts.by_source.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(s: &str) -> IpAddr {
        s.parse().unwrap()
    }

    #[test]
    fn both_limits_hold_and_are_given_back() {
        let limits = ConnectionLimits::new(4, 2);
        let a = limits.admit(ip("192.0.2.1")).unwrap();
        let _b = limits.admit(ip("192.0.2.1")).unwrap();
        let c = limits.admit(ip("192.0.2.1")).unwrap();
        assert!(!a.is_in_reserve() && c.is_in_reserve());
        assert_eq!(limits.admit(ip("192.0.2.1")).unwrap_err(), Refusal::Source);
        let d = limits.admit(ip("192.0.2.2")).unwrap();
        let e = limits.admit(ip("192.0.2.3")).unwrap();
        assert!(!d.is_in_reserve() && e.is_in_reserve());
        assert_eq!(limits.admit(ip("192.0.2.4")).unwrap_err(), Refusal::Total);
        drop((a, c));
        assert_eq!(limits.open(), 3);
        assert!(!limits.admit(ip("192.0.2.1")).unwrap().is_in_reserve());
    }

    #[test]
    fn an_ipv6_subscriber_is_its_slash_64() {
        let limits = ConnectionLimits::new(9, 1);
        let _a = limits.admit(ip("2001:db8:0:1::1")).unwrap();
        assert!(limits.admit(ip("2001:db8:0:1:ffff::2")).unwrap().is_in_reserve());
        assert!(!limits.admit(ip("2001:db8:0:2::1")).unwrap().is_in_reserve());
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_one() {
        let limits = ConnectionLimits::new(9, 1);
        let _a = limits.admit(ip("::ffff:192.0.2.1")).unwrap();
        assert!(limits.admit(ip("192.0.2.1")).unwrap().is_in_reserve());
    }

    #[test]
    fn the_table_of_sources_empties() {
        let limits = ConnectionLimits::new(1000, 1);
        for n in 0..200u8 {
            drop(limits.admit(IpAddr::from([10, 0, 0, n])).unwrap());
        }
        assert!(limits.counts.lock().unwrap().by_source.is_empty());
    }
}
