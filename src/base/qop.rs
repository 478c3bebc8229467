//! Quality of position: how exact, how fresh, how soon.

use std::time::Duration;

/// What a request asks of a position (OMA ULP `QoP`; 3GPP TS 22.071).
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct QualityOfPosition {
    /// Horizontal accuracy in metres (1-σ class as TS 23.032 uncertainty), when asked for.
    pub horizontal_m: Option<f64>,
    /// Vertical accuracy in metres.
    pub vertical_m: Option<f64>,
    /// Oldest acceptable position.
    pub max_age: Option<Duration>,
    /// Time within which an answer is wanted.
    pub response_time: Option<Duration>,
}

impl QualityOfPosition {
    /// Whether a position with this horizontal and vertical uncertainty (metres) and age meets the request. A part that
    /// was not asked for is met; a vertical accuracy asked for is not met by a position without altitude.
    pub fn is_met_by(&self, horizontal_m: Option<f64>, vertical_m: Option<f64>, age: Duration) -> bool {
        let within = |asked: Option<f64>, has: Option<f64>| match (asked, has) {
            (None, _) => true,
            (Some(a), Some(h)) => h <= a,
            (Some(_), None) => false,
        };
        within(self.horizontal_m, horizontal_m)
            && within(self.vertical_m, vertical_m)
            && self.max_age.is_none_or(|m| age <= m)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts() {
        let q = QualityOfPosition {
            horizontal_m: Some(50.0),
            vertical_m: None,
            max_age: Some(Duration::from_secs(10)),
            response_time: None,
        };
        assert!(q.is_met_by(Some(50.0), None, Duration::from_secs(10)));
        assert!(!q.is_met_by(Some(50.1), None, Duration::ZERO));
        assert!(!q.is_met_by(None, None, Duration::ZERO));
        assert!(!q.is_met_by(Some(1.0), None, Duration::from_secs(11)));
        let v = QualityOfPosition { vertical_m: Some(5.0), ..Default::default() };
        assert!(!v.is_met_by(Some(1.0), None, Duration::ZERO));
    }
}
