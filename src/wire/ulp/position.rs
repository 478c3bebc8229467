//! Positions, velocities, quality of position.

use std::time::Duration;

use groma_asn1::types::UtcTime;
use groma_asn1::ulp as asn;

use super::Position;
use crate::base::geo::{Ellipse, Shape, Velocity};
use crate::base::qop::QualityOfPosition;
use crate::base::time::Utc;
use crate::wire::bits;
use crate::wire::gad::{self, HIGH_ACCURACY, HORIZONTAL, VERTICAL, VelocityCode};

pub(super) fn utc(t: &UtcTime) -> Utc {
    Utc::from_unix_s(t.timestamp())
}

/// Whole seconds of 2000 to 2049, which two digits of a year can say; others become the nearest of these.
pub(super) fn from_utc(t: Utc) -> UtcTime {
    let s = t.unix_s().clamp(946_684_800, 2_524_607_999);
    UtcTime::from_timestamp(s, 0).unwrap_or_default()
}

/// `None` when the codes name no place.
pub(super) fn decode(p: &asn::Position) -> Option<Position> {
    let e = &p.position_estimate;
    let south = e.latitude_sign == asn::PositionEstimateLatitudeSign::south;
    let at = gad::point(south, e.latitude, e.longitude)?;
    let ellipse = e.uncertainty.as_ref().map(|u| {
        gad::ellipse(
            u.uncertainty_semi_major,
            u.uncertainty_semi_minor,
            u.orientation_major_axis,
            e.confidence.unwrap_or(0),
        )
    });
    let altitude = e.altitude_info.as_ref().map(|a| {
        let depth = a.altitude_direction == asn::AltitudeInfoAltitudeDirection::depth;
        (gad::altitude_m(depth, a.altitude), VERTICAL.value(a.alt_uncertainty))
    });
    let shape = match (ellipse, altitude) {
        (None, None) => Shape::Point(at),
        (Some(ellipse), None) => Shape::Ellipse { at, ellipse },
        (None, Some((altitude_m, _))) => Shape::PointAltitude { at, altitude_m },
        (Some(ellipse), Some((altitude_m, altitude_unc_m))) => {
            Shape::Ellipsoid { at, ellipse, altitude_m, altitude_unc_m }
        }
    };
    Some(Position { time: utc(&p.timestamp), shape, velocity: p.velocity.as_ref().and_then(velocity) })
}

/// `None` for a shape without a centre.
pub(super) fn encode(p: &Position) -> Option<asn::Position> {
    let at = p.shape.centre()?;
    let (south, latitude) = gad::latitude(at.lat);
    let ellipse = gad::horizontal(&p.shape);
    let sign = if south {
        asn::PositionEstimateLatitudeSign::south
    } else {
        asn::PositionEstimateLatitudeSign::north
    };
    Some(asn::Position {
        timestamp: from_utc(p.time),
        position_estimate: asn::PositionEstimate {
            latitude_sign: sign,
            latitude,
            longitude: gad::longitude(at.lon),
            uncertainty: ellipse.map(|e| asn::PositionEstimateUncertainty {
                uncertainty_semi_major: HORIZONTAL.ceil(e.semi_major_m),
                uncertainty_semi_minor: HORIZONTAL.ceil(e.semi_minor_m),
                orientation_major_axis: gad::orientation(e.orientation_deg),
            }),
            confidence: ellipse.and_then(|e| e.confidence).map(|c| c.min(100)),
            altitude_info: p.shape.altitude_m().map(|m| {
                let (depth, altitude) = gad::altitude(m);
                asn::AltitudeInfo {
                    altitude_direction: if depth {
                        asn::AltitudeInfoAltitudeDirection::depth
                    } else {
                        asn::AltitudeInfoAltitudeDirection::height
                    },
                    altitude,
                    alt_uncertainty: p.shape.vertical_uncertainty_m().map_or(127, |u| VERTICAL.ceil(u)),
                }
            }),
        },
        velocity: p.velocity.as_ref().map(from_velocity),
    })
}

pub(super) fn high_accuracy(p: &asn::Ver2HighAccuracyPosition) -> Option<Position> {
    let e = &p.high_accuracy_position_estimate;
    let at = gad::high_accuracy_deg(e.degrees_latitude, e.degrees_longitude)?;
    let ellipse = Ellipse {
        semi_major_m: HIGH_ACCURACY.value(e.uncertainty_semi_major),
        semi_minor_m: HIGH_ACCURACY.value(e.uncertainty_semi_minor),
        orientation_deg: f64::from(e.orientation_major_axis % 180),
        confidence: gad::confidence(e.horizontal_confidence),
    };
    let shape = match &e.high_accuracy_altitude_info {
        Some(a) => Shape::Ellipsoid {
            at,
            ellipse,
            altitude_m: gad::high_accuracy_altitude_m(i32::try_from(a.altitude).ok()?),
            altitude_unc_m: HIGH_ACCURACY.value(a.uncertainty_altitude),
        },
        None => Shape::Ellipse { at, ellipse },
    };
    Some(Position { time: utc(&p.timestamp), shape, velocity: p.velocity.as_ref().and_then(velocity) })
}

/// The module allows altitudes from 500 m only (64,000 units, where a sign was meant): lower ones are left out.
pub(super) fn from_high_accuracy(p: &Position) -> Option<asn::Ver2HighAccuracyPosition> {
    let at = p.shape.centre()?;
    let (lat, lon) = gad::high_accuracy_point(at);
    let e = gad::horizontal(&p.shape).unwrap_or(Ellipse::circle(f64::INFINITY, None));
    let altitude = p.shape.altitude_m().map(gad::high_accuracy_altitude);
    Some(asn::Ver2HighAccuracyPosition {
        timestamp: from_utc(p.time),
        high_accuracy_position_estimate: asn::HighAccuracyPositionEstimate {
            degrees_latitude: lat,
            degrees_longitude: lon,
            uncertainty_semi_major: HIGH_ACCURACY.ceil(e.semi_major_m),
            uncertainty_semi_minor: HIGH_ACCURACY.ceil(e.semi_minor_m),
            orientation_major_axis: gad::orientation(e.orientation_deg),
            horizontal_confidence: gad::confidence_code(e.confidence),
            high_accuracy_altitude_info: altitude
                .and_then(|a| u32::try_from(a).ok())
                .filter(|a| *a >= 64_000)
                .map(|altitude| asn::HighAccuracyAltitudeInfo {
                    altitude,
                    uncertainty_altitude: p
                        .shape
                        .vertical_uncertainty_m()
                        .map_or(255, |u| HIGH_ACCURACY.ceil(u)),
                    vertical_confidence: gad::confidence_code(e.confidence),
                }),
        },
        velocity: p.velocity.as_ref().map(from_velocity),
    })
}

/// `None` for a form of a later version.
pub(super) fn velocity(v: &asn::Velocity) -> Option<Velocity> {
    let n = bits::number;
    let code = match v {
        asn::Velocity::horvel(v) => VelocityCode {
            bearing: n(&v.bearing) as u16,
            speed: n(&v.horspeed) as u16,
            vertical: None,
            speed_unc: None,
            vertical_unc: None,
        },
        asn::Velocity::horandvervel(v) => VelocityCode {
            bearing: n(&v.bearing) as u16,
            speed: n(&v.horspeed) as u16,
            vertical: Some((n(&v.verdirect) == 1, n(&v.verspeed) as u8)),
            speed_unc: None,
            vertical_unc: None,
        },
        asn::Velocity::horveluncert(v) => VelocityCode {
            bearing: n(&v.bearing) as u16,
            speed: n(&v.horspeed) as u16,
            vertical: None,
            speed_unc: Some(n(&v.uncertspeed) as u8),
            vertical_unc: None,
        },
        asn::Velocity::horandveruncert(v) => VelocityCode {
            bearing: n(&v.bearing) as u16,
            speed: n(&v.horspeed) as u16,
            vertical: Some((n(&v.verdirect) == 1, n(&v.verspeed) as u8)),
            speed_unc: Some(n(&v.horuncertspeed) as u8),
            vertical_unc: Some(n(&v.veruncertspeed) as u8),
        },
        asn::Velocity::unknown_ext(_) => return None,
    };
    Some(code.velocity())
}

pub(super) fn from_velocity(v: &Velocity) -> asn::Velocity {
    let code = VelocityCode::new(v);
    let bearing = bits::bits(u64::from(code.bearing), 9);
    let horspeed = bits::bits(u64::from(code.speed), 16);
    let octet = |n: u8| bits::bits(u64::from(n), 8);
    match (code.vertical, code.speed_unc) {
        (None, None) => asn::Velocity::horvel(asn::Horvel { bearing, horspeed }),
        (Some((down, speed)), None) => asn::Velocity::horandvervel(asn::Horandvervel {
            verdirect: bits::bits(u64::from(down), 1),
            bearing,
            horspeed,
            verspeed: octet(speed),
        }),
        (None, Some(unc)) => {
            asn::Velocity::horveluncert(asn::Horveluncert { bearing, horspeed, uncertspeed: octet(unc) })
        }
        (Some((down, speed)), Some(unc)) => asn::Velocity::horandveruncert(asn::Horandveruncert {
            verdirect: bits::bits(u64::from(down), 1),
            bearing,
            horspeed,
            verspeed: octet(speed),
            horuncertspeed: octet(unc),
            veruncertspeed: octet(code.vertical_unc.unwrap_or(255)),
        }),
    }
}

pub(super) fn qop(q: &asn::QoP) -> QualityOfPosition {
    let exact = q.ver2_response_time.map(|s| Duration::from_secs(u64::from(s)));
    QualityOfPosition {
        horizontal_m: Some(HORIZONTAL.value(q.horacc)),
        vertical_m: q.veracc.map(|k| VERTICAL.value(k)),
        max_age: q.max_loc_age.map(|s| Duration::from_secs(u64::from(s))),
        response_time: exact.or(q.delay.map(|n| Duration::from_secs(1 << n.min(7)))),
    }
}

/// Demands are not made weaker by the codes. A horizontal accuracy is mandatory: none is the weakest.
pub(super) fn from_qop(q: &QualityOfPosition, v2: bool) -> asn::QoP {
    let seconds = q.response_time.map(|t| t.as_secs().max(1));
    asn::QoP {
        horacc: q.horizontal_m.map_or(127, |m| HORIZONTAL.floor(m)),
        veracc: q.vertical_m.map(|m| VERTICAL.floor(m)),
        max_loc_age: q.max_age.map(|t| u16::try_from(t.as_secs()).unwrap_or(u16::MAX)),
        delay: seconds.map(|s| s.ilog2().min(7) as u8),
        ver2_response_time: seconds.filter(|s| v2 && !s.is_power_of_two()).map(|s| s.min(128) as u8),
    }
}
