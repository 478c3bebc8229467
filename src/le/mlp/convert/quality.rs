//! Quality of position (MLP 3.5 §5.2.2, quality elements).

use std::time::Duration;

use crate::base::QualityOfPosition;
use crate::le::mlp::model::{Accuracy, Delay, Eqop, HorizontalAccuracy, Qop, QosClass};

/// Metres of a second of arc along a meridian, at its shortest: a request is never read as laxer than it is.
const METRES_PER_ARC_SECOND: f64 = 30.7;

/// What a request asks of a position.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Quality {
    /// Accuracy, age, and the response time where the request gives one.
    pub qop: QualityOfPosition,
    /// What happens to a position that misses it, where the request says so; `Assured` when any of its parts is.
    pub class: Option<QosClass>,
    /// How urgent the request is; without meaning where `qop` has a response time.
    pub delay: Delay,
}

fn horizontal(accuracy: HorizontalAccuracy) -> Accuracy {
    match accuracy {
        HorizontalAccuracy::Metres(accuracy) => accuracy,
        HorizontalAccuracy::Arc(arc) => Accuracy { value: arc.value * METRES_PER_ARC_SECOND, ..arc },
    }
}

fn quality(horizontal_accuracy: Option<HorizontalAccuracy>, vertical: Option<Accuracy>) -> Quality {
    let horizontal = horizontal_accuracy.map(horizontal);
    let classes = [horizontal, vertical].map(|accuracy| accuracy.and_then(|a| a.class));
    let class = if classes.contains(&Some(QosClass::Assured)) {
        Some(QosClass::Assured)
    } else {
        classes.into_iter().flatten().next()
    };
    let qop = QualityOfPosition {
        horizontal_m: horizontal.map(|a| a.value),
        vertical_m: vertical.map(|a| a.value),
        max_age: None,
        response_time: None,
    };
    Quality { qop, class, delay: Delay::default() }
}

/// The quality of an immediate request; without `eqop`, none is asked for.
pub fn eqop(eqop: Option<&Eqop>) -> Quality {
    let Some(eqop) = eqop else { return Quality::default() };
    let mut quality = quality(eqop.horizontal, eqop.vertical);
    let seconds = |s: u32| Duration::from_secs(u64::from(s));
    quality.qop.max_age = eqop.max_loc_age.map(seconds);
    quality.qop.response_time = eqop.resp_timer.map(seconds);
    quality.delay = eqop.resp_req.map(|r| r.delay).unwrap_or_default();
    quality
}

/// The quality of a request for reports.
pub fn qop(qop: Option<&Qop>) -> Quality {
    qop.map(|qop| quality(qop.horizontal, qop.vertical)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::le::mlp::model::RespReq;

    #[test]
    fn every_part() {
        let accuracy = |value, class| Accuracy { class, value };
        let asked = Eqop {
            resp_req: Some(RespReq { delay: Delay::LowDelay }),
            resp_timer: Some(20),
            horizontal: Some(HorizontalAccuracy::Metres(accuracy(50.0, Some(QosClass::BestEffort)))),
            vertical: Some(accuracy(10.0, Some(QosClass::Assured))),
            max_loc_age: Some(0),
        };
        let quality = eqop(Some(&asked));
        assert_eq!(quality.qop.horizontal_m, Some(50.0));
        assert_eq!(quality.qop.vertical_m, Some(10.0));
        assert_eq!(quality.qop.max_age, Some(Duration::ZERO));
        assert_eq!(quality.qop.response_time, Some(Duration::from_secs(20)));
        assert_eq!(quality.class, Some(QosClass::Assured));
        assert_eq!(quality.delay, Delay::LowDelay);
        assert_eq!(eqop(None), Quality::default());
        let arc = Qop { horizontal: Some(HorizontalAccuracy::Arc(accuracy(2.0, None))), vertical: None };
        assert_eq!(qop(Some(&arc)).qop.horizontal_m, Some(61.4));
        assert_eq!(qop(Some(&arc)).class, None);
    }
}
