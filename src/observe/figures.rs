//! Figures that other rooms count for themselves, shown among the metrics.

use std::fmt;
use std::sync::{Arc, OnceLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// One figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Name without the prefix `groma_` and, for counters, without `_total`.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// Whether it only grows.
    pub counter: bool,
    /// Its value now.
    pub value: u64,
}

/// Walks all figures of a room.
type Provider = Box<dyn Fn(&mut dyn FnMut(Figure)) + Send + Sync>;

/// The figures of a room that makes itself known later.
#[derive(Clone, Default)]
pub(super) struct Figures(Arc<OnceLock<Provider>>);

impl Figures {
    /// Sets the provider; a second one is ignored.
    pub(super) fn provide(&self, provider: Provider) {
        let _ = self.0.set(provider);
    }
}

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Figures")
    }
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let mut result = Ok(());
        if let Some(provider) = self.0.get() {
            provider(&mut |f| {
                if result.is_ok() {
                    result = one(&mut encoder, f);
                }
            });
        }
        result
    }
}

fn one(encoder: &mut DescriptorEncoder, f: Figure) -> Result<(), fmt::Error> {
    // The encoder ends the text with a full stop itself.
    let help = f.help.trim_end_matches('.');
    if f.counter {
        let m = ConstCounter::new(f.value);
        m.encode(encoder.encode_descriptor(f.name, help, None, m.metric_type())?)
    } else {
        let m = ConstGauge::new(i64::try_from(f.value).unwrap_or(i64::MAX));
        m.encode(encoder.encode_descriptor(f.name, help, None, m.metric_type())?)
    }
}
