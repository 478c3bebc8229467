//! `LocationCoordinates` and `Velocity`.

use groma_asn1::lpp as asn;

use crate::base::geo::{Ellipse, GeoPoint, Shape, Velocity};
use crate::wire::bits::overwrite;
use crate::wire::gad::{
    self, HIGH_ACCURACY, HIGH_ACCURACY_EXTENDED, HORIZONTAL, Uncertainty, VERTICAL, VelocityCode,
};

/// `None` for a shape in local coordinates, or of a later release.
pub(super) fn decode(l: &asn::LocationCoordinates) -> Option<Shape> {
    use asn::LocationCoordinates as L;
    Some(match l {
        L::ellipsoidPoint(p) => Shape::Point(gad::point(
            p.latitude_sign == asn::EllipsoidPointLatitudeSign::south,
            p.degrees_latitude,
            p.degrees_longitude,
        )?),
        L::ellipsoidPointWithUncertaintyCircle(p) => Shape::Circle {
            at: gad::point(
                p.latitude_sign == asn::EllipsoidPointWithUncertaintyCircleLatitudeSign::south,
                p.degrees_latitude,
                p.degrees_longitude,
            )?,
            radius_m: HORIZONTAL.value(p.uncertainty),
        },
        L::ellipsoidPointWithUncertaintyEllipse(p) => Shape::Ellipse {
            at: gad::point(
                p.latitude_sign == asn::EllipsoidPointWithUncertaintyEllipseLatitudeSign::south,
                p.degrees_latitude,
                p.degrees_longitude,
            )?,
            ellipse: gad::ellipse(
                p.uncertainty_semi_major,
                p.uncertainty_semi_minor,
                p.orientation_major_axis,
                p.confidence,
            ),
        },
        L::polygon(p) => {
            let corner = |c: &asn::PolygonPoints| {
                gad::point(
                    c.latitude_sign == asn::PolygonPointsLatitudeSign::south,
                    c.degrees_latitude,
                    c.degrees_longitude,
                )
            };
            Shape::Polygon(p.0.iter().map(corner).collect::<Option<_>>()?)
        }
        L::ellipsoidPointWithAltitude(p) => Shape::PointAltitude {
            at: gad::point(
                p.latitude_sign == asn::EllipsoidPointWithAltitudeLatitudeSign::south,
                p.degrees_latitude,
                p.degrees_longitude,
            )?,
            altitude_m: gad::altitude_m(
                p.altitude_direction == asn::EllipsoidPointWithAltitudeAltitudeDirection::depth,
                p.altitude,
            ),
        },
        L::ellipsoidPointWithAltitudeAndUncertaintyEllipsoid(p) => from_ellipsoid(p)?,
        L::ellipsoidArc(p) => Shape::Arc {
            at: gad::point(
                p.latitude_sign == asn::EllipsoidArcLatitudeSign::south,
                p.degrees_latitude,
                p.degrees_longitude,
            )?,
            inner_m: f64::from(p.inner_radius) * 5.0,
            thickness_m: HORIZONTAL.value(p.uncertainty_radius),
            start_deg: f64::from(p.offset_angle) * 2.0,
            opening_deg: f64::from(p.included_angle) * 2.0,
            confidence: gad::confidence(p.confidence),
        },
        other => return high_accuracy(other),
    })
}

/// The shapes of releases 15 and 16.
fn high_accuracy(l: &asn::LocationCoordinates) -> Option<Shape> {
    use asn::LocationCoordinates as L;
    Some(match l {
        L::highAccuracyEllipsoidPointWithUncertaintyEllipse_v1510(p) => Shape::Ellipse {
            at: gad::high_accuracy_deg(p.degrees_latitude_r15, p.degrees_longitude_r15)?,
            ellipse: fine_ellipse(
                HIGH_ACCURACY,
                (p.uncertainty_semi_major_r15, p.uncertainty_semi_minor_r15),
                p.orientation_major_axis_r15,
                p.confidence_r15,
            ),
        },
        L::highAccuracyEllipsoidPointWithAltitudeAndUncertaintyEllipsoid_v1510(p) => Shape::Ellipsoid {
            at: gad::high_accuracy_deg(p.degrees_latitude_r15, p.degrees_longitude_r15)?,
            ellipse: fine_ellipse(
                HIGH_ACCURACY,
                (p.uncertainty_semi_major_r15, p.uncertainty_semi_minor_r15),
                p.orientation_major_axis_r15,
                p.horizontal_confidence_r15,
            ),
            altitude_m: gad::high_accuracy_altitude_m(p.altitude_r15),
            altitude_unc_m: HIGH_ACCURACY.value(p.uncertainty_altitude_r15),
        },
        L::ha_EllipsoidPointWithScalableUncertaintyEllipse_v1680(p) => Shape::Ellipse {
            at: gad::high_accuracy_deg(p.degrees_latitude_r16, p.degrees_longitude_r16)?,
            ellipse: fine_ellipse(
                range(p.ha_extended_uncertainty_range_used_r16),
                (p.uncertainty_semi_major_r16, p.uncertainty_semi_minor_r16),
                p.orientation_major_axis_r16,
                p.confidence_r16,
            ),
        },
        L::ha_EllipsoidPointWithAltitudeAndScalableUncertaintyEllipsoid_v1680(p) => Shape::Ellipsoid {
            at: gad::high_accuracy_deg(p.degrees_latitude_r16, p.degrees_longitude_r16)?,
            ellipse: fine_ellipse(
                range(p.ha_horizontal_extended_range_used_r16),
                (p.uncertainty_semi_major_r16, p.uncertainty_semi_minor_r16),
                p.orientation_major_axis_r16,
                p.horizontal_confidence_r16,
            ),
            altitude_m: gad::high_accuracy_altitude_m(p.altitude_r16),
            altitude_unc_m: range(p.ha_vertical_extended_range_used_r16).value(p.uncertainty_altitude_r16),
        },
        _ => return None,
    })
}

const fn range(extended: bool) -> Uncertainty {
    if extended { HIGH_ACCURACY_EXTENDED } else { HIGH_ACCURACY }
}

fn fine_ellipse(u: Uncertainty, (major, minor): (u8, u8), orientation: u8, confidence: u8) -> Ellipse {
    Ellipse {
        semi_major_m: u.value(major),
        semi_minor_m: u.value(minor),
        orientation_deg: f64::from(orientation % 180),
        confidence: gad::confidence(confidence),
    }
}

pub(super) fn from_ellipsoid(p: &asn::EllipsoidPointWithAltitudeAndUncertaintyEllipsoid) -> Option<Shape> {
    use asn::{
        EllipsoidPointWithAltitudeAndUncertaintyEllipsoidAltitudeDirection as Direction,
        EllipsoidPointWithAltitudeAndUncertaintyEllipsoidLatitudeSign as Sign,
    };
    Some(Shape::Ellipsoid {
        at: gad::point(p.latitude_sign == Sign::south, p.degrees_latitude, p.degrees_longitude)?,
        ellipse: gad::ellipse(
            p.uncertainty_semi_major,
            p.uncertainty_semi_minor,
            p.orientation_major_axis,
            p.confidence,
        ),
        altitude_m: gad::altitude_m(p.altitude_direction == Direction::depth, p.altitude),
        altitude_unc_m: VERTICAL.value(p.uncertainty_altitude),
    })
}

/// Any shape as the one that reference locations have.
pub(super) fn reference_location(
    s: &Shape,
) -> Option<asn::EllipsoidPointWithAltitudeAndUncertaintyEllipsoid> {
    let (at, ellipse, altitude, unc) = gad::as_ellipsoid(s)?;
    Some(ellipsoid(at, &ellipse, altitude, unc))
}

/// Sets the bits of an ellipsoid in an encoding, where they begin with bit `at`.
pub(super) fn overwrite_ellipsoid(
    octets: &mut [u8],
    at: usize,
    e: &asn::EllipsoidPointWithAltitudeAndUncertaintyEllipsoid,
) -> Option<()> {
    use asn::{
        EllipsoidPointWithAltitudeAndUncertaintyEllipsoidAltitudeDirection as Direction,
        EllipsoidPointWithAltitudeAndUncertaintyEllipsoidLatitudeSign as Sign,
    };
    let (mut value, mut bits) = (0_u128, 0);
    let mut put = |v: i64, n: usize| {
        value = value << n | v as u128;
        bits += n;
    };
    put(i64::from(e.latitude_sign == Sign::south), 1);
    put(i64::from(e.degrees_latitude), 23);
    put(i64::from(e.degrees_longitude) + (1 << 23), 24);
    put(i64::from(e.altitude_direction == Direction::depth), 1);
    put(i64::from(e.altitude), 15);
    put(i64::from(e.uncertainty_semi_major), 7);
    put(i64::from(e.uncertainty_semi_minor), 7);
    put(i64::from(e.orientation_major_axis), 8);
    put(i64::from(e.uncertainty_altitude), 7);
    put(i64::from(e.confidence), 7);
    let high = bits - 64;
    overwrite(octets, at, (value >> 64) as u64, high)?;
    overwrite(octets, at + high, value as u64, 64)
}

fn ellipsoid(
    at: GeoPoint,
    e: &Ellipse,
    altitude_m: f64,
    unc_m: f64,
) -> asn::EllipsoidPointWithAltitudeAndUncertaintyEllipsoid {
    use asn::{
        EllipsoidPointWithAltitudeAndUncertaintyEllipsoidAltitudeDirection as Direction,
        EllipsoidPointWithAltitudeAndUncertaintyEllipsoidLatitudeSign as Sign,
    };
    let (south, degrees_latitude) = gad::latitude(at.lat);
    let (depth, altitude) = gad::altitude(altitude_m);
    asn::EllipsoidPointWithAltitudeAndUncertaintyEllipsoid {
        latitude_sign: if south { Sign::south } else { Sign::north },
        degrees_latitude,
        degrees_longitude: gad::longitude(at.lon),
        altitude_direction: if depth { Direction::depth } else { Direction::height },
        altitude,
        uncertainty_semi_major: HORIZONTAL.ceil(e.semi_major_m),
        uncertainty_semi_minor: HORIZONTAL.ceil(e.semi_minor_m),
        orientation_major_axis: gad::orientation(e.orientation_deg),
        uncertainty_altitude: VERTICAL.ceil(unc_m),
        confidence: gad::confidence_code(e.confidence),
    }
}

/// A shape of release 9 in its own type; `None` for a polygon of fewer than 3 or more than 15 corners.
pub(super) fn encode(s: &Shape) -> Option<asn::LocationCoordinates> {
    use asn::LocationCoordinates as L;
    Some(match s {
        Shape::Point(at) => {
            use asn::EllipsoidPointLatitudeSign as Sign;
            let (south, lat) = gad::latitude(at.lat);
            L::ellipsoidPoint(asn::EllipsoidPoint {
                latitude_sign: if south { Sign::south } else { Sign::north },
                degrees_latitude: lat,
                degrees_longitude: gad::longitude(at.lon),
            })
        }
        Shape::Circle { at, radius_m } => {
            use asn::EllipsoidPointWithUncertaintyCircleLatitudeSign as Sign;
            let (south, lat) = gad::latitude(at.lat);
            L::ellipsoidPointWithUncertaintyCircle(asn::EllipsoidPointWithUncertaintyCircle {
                latitude_sign: if south { Sign::south } else { Sign::north },
                degrees_latitude: lat,
                degrees_longitude: gad::longitude(at.lon),
                uncertainty: HORIZONTAL.ceil(*radius_m),
            })
        }
        Shape::Ellipse { at, ellipse: e } => {
            use asn::EllipsoidPointWithUncertaintyEllipseLatitudeSign as Sign;
            let (south, lat) = gad::latitude(at.lat);
            L::ellipsoidPointWithUncertaintyEllipse(asn::EllipsoidPointWithUncertaintyEllipse {
                latitude_sign: if south { Sign::south } else { Sign::north },
                degrees_latitude: lat,
                degrees_longitude: gad::longitude(at.lon),
                uncertainty_semi_major: HORIZONTAL.ceil(e.semi_major_m),
                uncertainty_semi_minor: HORIZONTAL.ceil(e.semi_minor_m),
                orientation_major_axis: gad::orientation(e.orientation_deg),
                confidence: gad::confidence_code(e.confidence),
            })
        }
        Shape::Polygon(corners) => {
            if !(3..=15).contains(&corners.len()) {
                return None;
            }
            L::polygon(asn::Polygon(corners.iter().map(corner).collect()))
        }
        Shape::PointAltitude { at, altitude_m } => {
            use asn::{
                EllipsoidPointWithAltitudeAltitudeDirection as Direction,
                EllipsoidPointWithAltitudeLatitudeSign as Sign,
            };
            let (south, lat) = gad::latitude(at.lat);
            let (depth, altitude) = gad::altitude(*altitude_m);
            L::ellipsoidPointWithAltitude(asn::EllipsoidPointWithAltitude {
                latitude_sign: if south { Sign::south } else { Sign::north },
                degrees_latitude: lat,
                degrees_longitude: gad::longitude(at.lon),
                altitude_direction: if depth { Direction::depth } else { Direction::height },
                altitude,
            })
        }
        Shape::Ellipsoid { at, ellipse, altitude_m, altitude_unc_m } => {
            L::ellipsoidPointWithAltitudeAndUncertaintyEllipsoid(ellipsoid(
                *at,
                ellipse,
                *altitude_m,
                *altitude_unc_m,
            ))
        }
        Shape::Arc { at, inner_m, thickness_m, start_deg, opening_deg, confidence } => {
            use asn::EllipsoidArcLatitudeSign as Sign;
            let (south, lat) = gad::latitude(at.lat);
            L::ellipsoidArc(asn::EllipsoidArc {
                latitude_sign: if south { Sign::south } else { Sign::north },
                degrees_latitude: lat,
                degrees_longitude: gad::longitude(at.lon),
                inner_radius: gad::inner_radius(*inner_m),
                uncertainty_radius: HORIZONTAL.ceil(*thickness_m),
                offset_angle: gad::arc_angle(*start_deg),
                included_angle: gad::arc_angle(*opening_deg),
                confidence: gad::confidence_code(*confidence),
            })
        }
    })
}

fn corner(c: &GeoPoint) -> asn::PolygonPoints {
    let (south, degrees_latitude) = gad::latitude(c.lat);
    asn::PolygonPoints {
        latitude_sign: if south {
            asn::PolygonPointsLatitudeSign::south
        } else {
            asn::PolygonPointsLatitudeSign::north
        },
        degrees_latitude,
        degrees_longitude: gad::longitude(c.lon),
    }
}

/// `None` for a form of a later release.
pub(super) fn velocity(v: &asn::Velocity) -> Option<Velocity> {
    use asn::{
        HorizontalWithVerticalVelocityAndUncertaintyVerticalDirection as DirectionUnc,
        HorizontalWithVerticalVelocityVerticalDirection as Direction,
    };
    let code = match v {
        asn::Velocity::horizontalVelocity(v) => VelocityCode {
            bearing: v.bearing,
            speed: v.horizontal_speed,
            vertical: None,
            speed_unc: None,
            vertical_unc: None,
        },
        asn::Velocity::horizontalWithVerticalVelocity(v) => VelocityCode {
            bearing: v.bearing,
            speed: v.horizontal_speed,
            vertical: Some((v.vertical_direction == Direction::downward, v.vertical_speed)),
            speed_unc: None,
            vertical_unc: None,
        },
        asn::Velocity::horizontalVelocityWithUncertainty(v) => VelocityCode {
            bearing: v.bearing,
            speed: v.horizontal_speed,
            vertical: None,
            speed_unc: Some(v.uncertainty_speed),
            vertical_unc: None,
        },
        asn::Velocity::horizontalWithVerticalVelocityAndUncertainty(v) => VelocityCode {
            bearing: v.bearing,
            speed: v.horizontal_speed,
            vertical: Some((v.vertical_direction == DirectionUnc::downward, v.vertical_speed)),
            speed_unc: Some(v.horizontal_uncertainty_speed),
            vertical_unc: Some(v.vertical_uncertainty_speed),
        },
        asn::Velocity::unknown_ext(_) => return None,
    };
    Some(code.velocity())
}

pub(super) fn from_velocity(v: &Velocity) -> asn::Velocity {
    use asn::{
        HorizontalWithVerticalVelocityAndUncertaintyVerticalDirection as DirectionUnc,
        HorizontalWithVerticalVelocityVerticalDirection as Direction,
    };
    let VelocityCode { bearing, speed: horizontal_speed, vertical, speed_unc, vertical_unc } =
        VelocityCode::new(v);
    match (vertical, speed_unc) {
        (None, None) => {
            asn::Velocity::horizontalVelocity(asn::HorizontalVelocity { bearing, horizontal_speed })
        }
        (Some((down, vertical_speed)), None) => {
            asn::Velocity::horizontalWithVerticalVelocity(asn::HorizontalWithVerticalVelocity {
                bearing,
                horizontal_speed,
                vertical_direction: if down { Direction::downward } else { Direction::upward },
                vertical_speed,
            })
        }
        (None, Some(uncertainty_speed)) => {
            asn::Velocity::horizontalVelocityWithUncertainty(asn::HorizontalVelocityWithUncertainty {
                bearing,
                horizontal_speed,
                uncertainty_speed,
            })
        }
        (Some((down, vertical_speed)), Some(unc)) => {
            asn::Velocity::horizontalWithVerticalVelocityAndUncertainty(
                asn::HorizontalWithVerticalVelocityAndUncertainty {
                    bearing,
                    horizontal_speed,
                    vertical_direction: if down { DirectionUnc::downward } else { DirectionUnc::upward },
                    vertical_speed,
                    horizontal_uncertainty_speed: unc,
                    vertical_uncertainty_speed: vertical_unc.unwrap_or(255),
                },
            )
        }
    }
}
