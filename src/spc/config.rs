//! Settings of positioning: what an operator writes ([`Config`]) and what procedures work with ([`Policy`]).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Positioning methods that this server offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Methods {
    /// SET-based A-GNSS: the SET computes its position from assistance data. Default true.
    pub set_based: bool,
    /// SET-assisted A-GNSS: the SET sends measurements, and the position is computed here. Default true; chosen for SETs
    /// that prefer it or cannot compute.
    pub set_assisted: bool,
    /// Autonomous GNSS: the SET's own position without assistance. Default true.
    pub autonomous: bool,
    /// Cell-ID and E-CID: the position of what the SET hears. Default true.
    pub cell_id: bool,
}

impl Methods {
    /// Those that are in both.
    #[must_use]
    pub const fn common(self, other: Self) -> Self {
        Self {
            set_based: self.set_based && other.set_based,
            set_assisted: self.set_assisted && other.set_assisted,
            autonomous: self.autonomous && other.autonomous,
            cell_id: self.cell_id && other.cell_id,
        }
    }

    /// Whether any is in both.
    pub const fn shares_any(self, other: Self) -> bool {
        let c = self.common(other);
        c.set_based || c.set_assisted || c.autonomous || c.cell_id
    }
}

impl Default for Methods {
    fn default() -> Self {
        Self { set_based: true, set_assisted: true, autonomous: true, cell_id: true }
    }
}

/// Settings of positioning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Seconds that a SET is given to compute a position when it does not say itself. 1..=128, default 16.
    pub response_time_s: u32,
    /// Navigation models per satellite system in one reply, best elevation first. 1..=32, default 16.
    pub max_satellites: u32,
    /// Elevation in degrees above which a satellite counts as visible. -5..=45, default 5.
    pub elevation_mask_deg: f64,
    /// Radius in metres beyond which a reference location is too vague to leave satellites out. 0..=10000000, default
    /// 500000.
    pub max_reference_m: f64,
    /// Uncertainty of the reference time as a SET receives it, seconds: of the server's clock and of the way. 0..=100,
    /// default 2.
    pub time_uncertainty_s: f64,
    /// Largest RRLP payload of one SUPL POS, octets. 242..=8192, default 8000: a PDU that fits the buffers of clients.
    pub rrlp_payload_max: u32,
    /// Largest LPP payload of one SUPL POS, octets. 1000..=60000, default 16000.
    pub lpp_payload_max: u32,
    /// Whether LPP messages ask for acknowledgements (TS 37.355 §4.3.3) of SETs that number their messages. Default false.
    pub lpp_acknowledge: bool,
    /// Milliseconds that a SET is given, after it told its LPP capabilities, to ask for the assistance that it wants, before
    /// it is sent some unasked. 0..=10000, default 1000.
    pub request_grace_ms: u32,
    /// Whether SETs are asked for the position that they compute with the assistance. Default true.
    pub ask_position: bool,
    /// Positioning methods offered.
    pub methods: Methods,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            response_time_s: 16,
            max_satellites: 16,
            elevation_mask_deg: 5.0,
            max_reference_m: 500_000.0,
            time_uncertainty_s: 2.0,
            rrlp_payload_max: 8000,
            lpp_payload_max: 16_000,
            lpp_acknowledge: false,
            request_grace_ms: 1000,
            ask_position: true,
            methods: Methods::default(),
        }
    }
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// A number is out of range.
    #[error("`{key}` must be between {min} and {max}")]
    Range {
        /// Which key.
        key: &'static str,
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
    },
    /// Every method is switched off.
    #[error("`methods` leaves nothing to offer")]
    NoMethod,
}

/// Resolved settings: every value checked. Units as in [`Config`], whose fields these are.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Policy {
    pub response_time: Duration,
    pub max_satellites: usize,
    pub elevation_mask_deg: f64,
    pub max_reference_m: f64,
    pub time_uncertainty_s: f64,
    pub rrlp_payload_max: usize,
    pub lpp_payload_max: usize,
    pub lpp_acknowledge: bool,
    pub request_grace: Duration,
    pub ask_position: bool,
    pub methods: Methods,
}

impl Config {
    /// Checks every value.
    pub fn resolve(&self) -> Result<Policy, ConfigError> {
        let m = self.methods;
        if !(m.set_based || m.set_assisted || m.autonomous || m.cell_id) {
            return Err(ConfigError::NoMethod);
        }
        within("elevation_mask_deg", self.elevation_mask_deg, -5.0, 45.0)?;
        within("max_reference_m", self.max_reference_m, 0.0, 1e7)?;
        within("time_uncertainty_s", self.time_uncertainty_s, 0.0, 100.0)?;
        let response_s = whole("response_time_s", self.response_time_s, 1, 128)?;
        let grace_ms = whole("request_grace_ms", self.request_grace_ms, 0, 10_000)?;
        Ok(Policy {
            response_time: Duration::from_secs(u64::from(response_s)),
            max_satellites: whole("max_satellites", self.max_satellites, 1, 32)? as usize,
            elevation_mask_deg: self.elevation_mask_deg,
            max_reference_m: self.max_reference_m,
            time_uncertainty_s: self.time_uncertainty_s,
            rrlp_payload_max: whole("rrlp_payload_max", self.rrlp_payload_max, 242, 8192)? as usize,
            lpp_payload_max: whole("lpp_payload_max", self.lpp_payload_max, 1000, 60_000)? as usize,
            lpp_acknowledge: self.lpp_acknowledge,
            request_grace: Duration::from_millis(u64::from(grace_ms)),
            ask_position: self.ask_position,
            methods: m,
        })
    }
}

fn whole(key: &'static str, value: u32, min: u32, max: u32) -> Result<u32, ConfigError> {
    within(key, f64::from(value), f64::from(min), f64::from(max)).map(|()| value)
}

fn within(key: &'static str, value: f64, min: f64, max: f64) -> Result<(), ConfigError> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(ConfigError::Range { key, min, max }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_resolve() {
        assert_eq!(Config::default().resolve().unwrap().max_satellites, 16);
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let config = Config { rrlp_payload_max: 10_000, ..Config::default() };
        assert!(config.resolve().unwrap_err().to_string().contains("rrlp_payload_max"));
        let config = Config { elevation_mask_deg: f64::NAN, ..Config::default() };
        assert!(config.resolve().is_err());
        let none = Methods { set_based: false, set_assisted: false, autonomous: false, cell_id: false };
        assert_eq!(Config { methods: none, ..Config::default() }.resolve(), Err(ConfigError::NoMethod));
    }
}
