//! What the doors to the handsets count.
//!
//! Plain atomics, so that the hot path never takes a lock and `net` need not know how figures are exported: whoever
//! exports walks [`Counters::visit`].

use std::sync::atomic::{AtomicU64, Ordering};

/// A figure that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts one.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Counts `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The figure.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A figure that goes up and down with the life of something.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Counts one more until the guard is dropped.
    pub fn hold(&self) -> GaugeGuard<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        GaugeGuard(self)
    }

    /// The figure.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One unit of a [`Gauge`].
#[derive(Debug)]
#[must_use = "the gauge falls again when this is dropped"]
pub struct GaugeGuard<'a>(&'a Gauge);

impl Drop for GaugeGuard<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether a figure only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// One figure, as [`Counters::visit`] shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Prometheus name, without the `groma_` prefix and without the `_total` suffix that counters get on export.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// Counter or gauge.
    pub kind: Kind,
    /// Its value now.
    pub value: u64,
}

macro_rules! counters {
    ($($kind:ident $field:ident: $name:literal, $help:literal;)*) => {
        /// Everything that the listeners and the drivers of connections count.
        #[derive(Debug, Default)]
        pub struct Counters {
            $(#[doc = $help] pub $field: $kind,)*
        }

        impl Counters {
            /// Shows every figure once, in a fixed order.
            pub fn visit(&self, mut show: impl FnMut(Figure)) {
                $(show(Figure { name: $name, help: $help, kind: Kind::$kind, value: self.$field.get() });)*
            }
        }
    };
}

counters! {
    Gauge   open: "supl_connections_open", "Connections of handsets that are open now.";
    Gauge   silent: "supl_connections_silent", "Open connections that have not yet sent a whole message.";
    Counter accepted: "supl_connections_accepted", "Connections accepted.";
    Counter refused_total: "supl_connections_refused_limit", "Connections closed at once: the server's limit was reached.";
    Counter refused_source: "supl_connections_refused_source", "Connections closed at once: the limit per source address was reached.";
    Counter accept_errors: "supl_accept_errors", "Failures of accept, mostly for want of file descriptors.";
    Counter sniffed_tls: "supl_sniffed_tls", "Connections that opened with TLS.";
    Counter sniffed_plain: "supl_sniffed_plain", "Connections that opened with plain ULP.";
    Counter sniff_refused: "supl_sniff_refused", "Connections that opened with what their listener does not take.";
    Counter silent_closed: "supl_silent_closed", "Connections closed because they never sent a whole message in time.";
    Counter tls12: "supl_tls12_handshakes", "TLS 1.2 handshakes completed.";
    Counter tls13: "supl_tls13_handshakes", "TLS 1.3 handshakes completed.";
    Counter tls_failed: "supl_tls_handshakes_failed", "TLS handshakes that failed.";
    Counter tls_timeout: "supl_tls_handshakes_timed_out", "TLS handshakes that did not end in time.";
    Counter pdus_in: "supl_pdus_received", "ULP messages received.";
    Counter pdus_out: "supl_pdus_sent", "ULP messages sent.";
    Counter bytes_in: "supl_received_bytes", "Octets of ULP received.";
    Counter bytes_out: "supl_sent_bytes", "Octets of ULP sent.";
    Counter bad_frames: "supl_bad_frames", "Messages whose length field was out of range.";
    Counter slow_pdus: "supl_slow_pdus", "Messages that did not arrive whole in time.";
    Counter write_timeouts: "supl_write_timeouts", "Peers that did not take what was sent to them in time.";
    Counter vanished: "supl_peers_vanished", "Peers that went away in the middle of a session.";
    Counter drained: "supl_sessions_drained", "Sessions ended by the server because it was stopping.";
    Counter refused_draining: "supl_sessions_refused_draining", "Sessions refused because the server was stopping.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_falls_when_its_guard_does() {
        let c = Counters::default();
        let held = c.open.hold();
        let second = c.open.hold();
        assert_eq!(c.open.get(), 2);
        drop((held, second));
        assert_eq!(c.open.get(), 0);
    }

    #[test]
    fn every_figure_is_shown_once_under_its_own_name() {
        let c = Counters::default();
        c.accepted.add(3);
        let mut names = std::collections::HashSet::new();
        let mut accepted = None;
        c.visit(|f| {
            assert!(names.insert(f.name), "{} twice", f.name);
            assert!(f.help.ends_with('.'));
            if f.name == "supl_connections_accepted" {
                accepted = Some(f.value);
            }
        });
        assert_eq!(accepted, Some(3));
    }
}
