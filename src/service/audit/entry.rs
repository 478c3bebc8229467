//! What an entry says.

use serde::Serialize;

use crate::base::LocationEstimate;

/// What was given.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Given {
    /// `stored` or `fresh`.
    pub origin: &'static str,
    /// Whether it was as good as was asked for.
    pub quality_met: bool,
    /// How it was found.
    pub method: &'static str,
    /// Horizontal uncertainty, metres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncertainty_m: Option<f64>,
    /// How old it was, seconds.
    pub age_s: f64,
    /// How many positions, where it was not one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positions: Option<usize>,
    /// Where, if the record is to hold that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Box<LocationEstimate>>,
}

/// An entry, without its number and hash.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Entry {
    /// When it was decided, UTC.
    pub at: String,
    /// What it is about: `locate`, `verify`, `watch`, `permit`, `history`, `forget`, `begin` (a file), `damage` (a file whose end was not sound).
    pub what: &'static str,
    /// The client's id.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub client: String,
    /// Its type.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub client_type: &'static str,
    /// Through which service of the platform.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub flow: &'static str,
    /// For which service of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// On whose behalf, as a keyed hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requestor: Option<String>,
    /// For whom, as a keyed hash.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub subscriber: String,
    /// Which position.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub kind: &'static str,
    /// Whether it was allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<bool>,
    /// By what: `client-type`, `rule-N`, `default`, `unlisted`, `regulations`, `client-profile`, `wish`, `ambiguous`.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub why: String,
    /// How the user was told or asked.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub asked: &'static str,
    /// `given`, `gone` (whoever asked left), or the name of the error.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub outcome: &'static str,
    /// What was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given: Option<Given>,
    /// How long it took, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<f64>,
    /// The end of the chain before a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}
