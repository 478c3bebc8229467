//! What is written holds what was meant: checked by geometry that does not know how it was built.

use geo::{Bearing, Geodesic};
use proptest::prelude::*;

use super::*;
use crate::le::mlp::model::{SupportedShapes, YesNo};

fn at(lat: f64, lon: f64) -> GeoPoint {
    GeoPoint::new(lat, lon).unwrap()
}

fn bearing(from: GeoPoint, to: GeoPoint) -> f64 {
    Geodesic.bearing(geo::Point::new(from.lon, from.lat), geo::Point::new(to.lon, to.lat))
}

fn go(from: GeoPoint, bearing: f64, metres: f64) -> GeoPoint {
    areas::destination(from, bearing, metres).unwrap()
}

/// Points on the border of a shape, and in it.
fn border(shape: &Shape) -> Vec<GeoPoint> {
    let turn = (0..72).map(|i| f64::from(i) * 5.0);
    match shape {
        Shape::Point(at) | Shape::PointAltitude { at, .. } => vec![*at],
        Shape::Circle { at, radius_m } => turn.map(|b| go(*at, b, *radius_m)).collect(),
        Shape::Ellipse { at, ellipse } | Shape::Ellipsoid { at, ellipse, .. } => turn
            .map(|t| {
                let (along, across) = (
                    t.to_radians().cos() * ellipse.semi_major_m,
                    t.to_radians().sin() * ellipse.semi_minor_m,
                );
                go(*at, ellipse.orientation_deg + across.atan2(along).to_degrees(), along.hypot(across))
            })
            .collect(),
        Shape::Arc { at, inner_m, thickness_m, start_deg, opening_deg, .. } => (0..=40)
            .flat_map(|i| {
                let b = start_deg + opening_deg * f64::from(i) / 40.0;
                [*inner_m, inner_m + thickness_m / 2.0, inner_m + thickness_m].map(|r| go(*at, b, r))
            })
            .collect(),
        Shape::Polygon(corners) => corners
            .iter()
            .zip(corners.iter().cycle().skip(1))
            .flat_map(|(a, b)| {
                // Straight in latitude and longitude.
                let east = wrap_deg(b.lon - a.lon);
                (0..10).filter_map(move |i| {
                    let f = f64::from(i) / 10.0;
                    GeoPoint::new(a.lat + (b.lat - a.lat) * f, wrap_deg(a.lon + east * f))
                })
            })
            .collect(),
    }
}

/// Even-odd rule in latitude and longitude, or within 5 cm of an edge: that much rounding to a thousandth of a second moves.
fn in_polygon(corners: &[GeoPoint], p: GeoPoint) -> bool {
    let metres = 111_320.0;
    let flat = |g: &GeoPoint| {
        (wrap_deg(g.lon - p.lon) * metres * p.lat.to_radians().cos(), (g.lat - p.lat) * metres)
    };
    let mut inside = false;
    for (a, b) in corners.iter().zip(corners.iter().cycle().skip(1)) {
        let ((ax, ay), (bx, by)) = (flat(a), flat(b));
        let (dx, dy) = (bx - ax, by - ay);
        let along = if dx == 0.0 && dy == 0.0 { 0.0 } else { -(ax * dx + ay * dy) / (dx * dx + dy * dy) };
        let along = along.clamp(0.0, 1.0);
        if (ax + along * dx).hypot(ay + along * dy) < 0.05 {
            return true;
        }
        inside ^= (ay > 0.0) != (by > 0.0) && 0.0 < ax - ay * dx / dy;
    }
    inside
}

/// Whether a shape as written holds a point; 5 cm of room for the rounding of the centre.
fn holds(written: &MlpShape, p: GeoPoint) -> bool {
    const ROOM: f64 = 0.05;
    match written {
        MlpShape::Box(rectangle) => {
            let [a, b] = [0, 1].map(|i| coordinates::read(&rectangle.corners[i], Crs::Wgs84).unwrap());
            let width = (b.lon - a.lon).rem_euclid(360.0);
            let whole = a.lon == -180.0 && b.lon == 180.0;
            let east = (p.lon - a.lon + 1e-6).rem_euclid(360.0);
            (a.lat - 1e-6..=b.lat + 1e-6).contains(&p.lat) && (whole || east <= width + 2e-6)
        }
        other => match read(other, Crs::Wgs84).unwrap() {
            Shape::Circle { at, radius_m } => at.distance_m(p) <= radius_m + ROOM,
            Shape::Ellipse { at, ellipse } => {
                let (d, b) = (at.distance_m(p), bearing(at, p) - ellipse.orientation_deg);
                let (along, across) = (d * b.to_radians().cos(), d * b.to_radians().sin());
                (along / (ellipse.semi_major_m + ROOM)).hypot(across / (ellipse.semi_minor_m + ROOM)) <= 1.0
            }
            Shape::Arc { at, inner_m, thickness_m, start_deg, opening_deg, .. } => {
                let d = at.distance_m(p);
                let off = (bearing(at, p) - start_deg + 1e-6).rem_euclid(360.0);
                let beside = off - opening_deg;
                let near = d * beside.min(360.0 - off).max(0.0).to_radians() < ROOM;
                d <= inner_m + thickness_m + ROOM
                    && d >= inner_m - ROOM
                    && (off <= opening_deg || near || d < ROOM)
            }
            Shape::Polygon(corners) => in_polygon(&corners, p),
            Shape::Point(at) => at.distance_m(p) < ROOM,
            other => panic!("{other:?}"),
        },
    }
}

fn only(kind: Kind) -> SupportedShapes {
    let one = Preference::new(1.0).unwrap();
    let mut shapes = SupportedShapes { altitude: YesNo::No, ..SupportedShapes::default() };
    *match kind {
        Kind::Point => &mut shapes.point,
        Kind::MultiPoint => &mut shapes.multi_point,
        Kind::Circle => &mut shapes.circular_area,
        Kind::Ellipse => &mut shapes.elliptical_area,
        Kind::Arc => &mut shapes.circular_arc_area,
        Kind::Polygon => &mut shapes.polygon,
        Kind::Ring => &mut shapes.linear_ring,
        Kind::MultiPolygon => &mut shapes.multi_polygon,
        Kind::Box => &mut shapes.rectangle,
    } = one;
    shapes
}

const AREAS: [Kind; 7] =
    [Kind::Circle, Kind::Ellipse, Kind::Arc, Kind::Polygon, Kind::Ring, Kind::MultiPolygon, Kind::Box];

fn as_kind(shape: &Shape, kind: Kind) -> Result<MlpShape, ParseFault> {
    let shapes = only(kind);
    write(shape, &Form { shapes: Some(&shapes), ..Form::default() })
}

fn check(shape: &Shape) {
    for kind in AREAS {
        let written = as_kind(shape, kind).unwrap_or_else(|f| panic!("{shape:?} as {kind:?}: {f}"));
        for (i, p) in border(shape).into_iter().enumerate() {
            assert!(
                holds(&written, p),
                "{kind:?} of {shape:?} at {:?} misses point {i}: {written:?}",
                shape.centre().map(|c| (c.lat, c.lon))
            );
        }
    }
}

fn arc(centre: GeoPoint, inner_m: f64, thickness_m: f64, start_deg: f64, opening_deg: f64) -> Shape {
    Shape::Arc { at: centre, inner_m, thickness_m, start_deg, opening_deg, confidence: Some(90) }
}

#[test]
fn every_shape_in_every_other_at_every_place() {
    for centre in [at(0.0, 0.0), at(51.5, -0.1), at(-33.9, 179.999), at(65.0, -180.0), at(-85.0, 12.0)] {
        check(&Shape::Circle { at: centre, radius_m: 25.4 });
        check(&Shape::Circle { at: centre, radius_m: 35_000.0 });
        let ellipse =
            |a, b, o| Ellipse { semi_major_m: a, semi_minor_m: b, orientation_deg: o, confidence: Some(67) };
        check(&Shape::Ellipse { at: centre, ellipse: ellipse(31.2, 17.9, 46.0) });
        check(&Shape::Ellipse { at: centre, ellipse: ellipse(5_000.0, 20.0, 12.49) });
        check(&arc(centre, 0.0, 1_100.0, 30.0, 90.0));
        check(&arc(centre, 550.0, 550.0, 350.5, 119.3));
        check(&arc(centre, 1_000.0, 500.0, 10.0, 270.0));
        check(&arc(centre, 0.0, 30_000.0, 0.0, 360.0));
        check(&Shape::Polygon([10.0, 100.0, 200.0, 300.0].map(|b| go(centre, b, 800.0)).to_vec()));
        check(&Shape::Polygon([300.0, 200.0, 10.0].map(|b| go(centre, b, 90.0)).to_vec()));
    }
}

#[test]
fn its_own_shape_without_a_wish() {
    let home = at(51.507_35, -0.127_75);
    let own = |shape: Shape| write(&shape, &Form::default()).unwrap();
    let MlpShape::CircularArea(circle) = own(Shape::Circle { at: home, radius_m: 49.2 }) else { panic!() };
    assert_eq!((circle.radius, circle.srs_name.as_deref()), (50.0, Some("www.epsg.org#4326")));
    assert_eq!(circle.coord, Coord::new("51 30 26.460N", "0 07 39.900W"));
    assert!(matches!(own(Shape::Point(home)), MlpShape::Point(_)));
    assert!(matches!(own(arc(home, 0.0, 1_100.0, 30.0, 90.0)),
        MlpShape::CircularArcArea(a) if (a.in_radius, a.out_radius, a.start_angle, a.stop_angle) == (0.0, 1100.0, 30.0, 90.0)));
    assert!(matches!(own(Shape::Polygon(vec![home; 3])), MlpShape::Polygon(_)));
    let exact = Shape::Circle { at: home, radius_m: 50.0 };
    assert!(matches!(own(exact), MlpShape::CircularArea(c) if c.radius == 50.0));
}

#[test]
fn wishes_are_obeyed() {
    let preference = |v| Preference::new(v).unwrap();
    let shape = Shape::Ellipse {
        at: at(1.0, 1.0),
        ellipse: Ellipse { semi_major_m: 9.0, semi_minor_m: 3.0, orientation_deg: 0.0, confidence: None },
    };
    let given = |wanted: &SupportedShapes| write(&shape, &Form { shapes: Some(wanted), ..Form::default() });
    let wanted = SupportedShapes {
        circular_area: preference(1.0),
        elliptical_area: preference(0.8),
        point: preference(1.0),
        ..SupportedShapes::default()
    };
    assert!(matches!(given(&wanted), Ok(MlpShape::CircularArea(_))), "the best liked");
    let equal = SupportedShapes { elliptical_area: preference(1.0), ..wanted };
    assert!(matches!(given(&equal), Ok(MlpShape::EllipticalArea(_))), "among equals the closest");
    let point =
        SupportedShapes { point: preference(1.0), rectangle: preference(0.1), ..SupportedShapes::default() };
    assert!(matches!(given(&point), Ok(MlpShape::Box(_))), "a point states no extent");
    assert!(matches!(given(&only(Kind::Point)), Ok(MlpShape::Point(_))));
    assert_eq!(
        given(&SupportedShapes { line_string: preference(1.0), ..SupportedShapes::default() })
            .unwrap_err()
            .code()
            .0,
        107
    );
}

#[test]
fn over_the_pole_and_without_numbers() {
    let pole = Shape::Circle { at: at(89.9, 10.0), radius_m: 50_000.0 };
    assert!(as_kind(&pole, Kind::Circle).is_ok());
    assert_eq!(as_kind(&pole, Kind::Polygon).unwrap_err().code().0, 107);
    let cap = as_kind(&pole, Kind::Box).unwrap();
    assert!(border(&pole).into_iter().all(|p| holds(&cap, p)));
    for radius_m in [f64::NAN, f64::INFINITY, 1e12] {
        for kind in AREAS {
            let _ = as_kind(&Shape::Circle { at: at(0.0, 0.0), radius_m }, kind);
        }
        assert_eq!(
            as_kind(&Shape::Circle { at: at(0.0, 0.0), radius_m }, Kind::Circle).unwrap_err().code().0,
            107
        );
    }
}

#[test]
fn utm_frames() {
    let form = Form { crs: Crs::Utm { zone: 30, north: true }, ..Form::default() };
    let home = at(51.507_35, -0.127_75);
    let written = write(&Shape::Circle { at: home, radius_m: 10.0 }, &form).unwrap();
    let MlpShape::CircularArea(circle) = &written else { panic!() };
    assert_eq!(circle.srs_name.as_deref(), Some("www.epsg.org#32630"));
    assert_eq!(circle.coord.zone.as_deref(), Some("30"));
    assert!(read(&written, Crs::Wgs84).unwrap().centre().unwrap().distance_m(home) < 0.02);
    let far = write(&Shape::Point(at(0.0, 100.0)), &form);
    assert_eq!(far.unwrap_err().code().0, 112);
}

#[test]
fn units_and_faults() {
    let circle = |radius, unit: Option<&str>| {
        MlpShape::CircularArea(CircularArea {
            gid: None,
            srs_name: None,
            coord: Coord::new("10", "20"),
            radius,
            distance_unit: unit.map(str::to_owned),
        })
    };
    let radius = |value, unit| match read(&circle(value, unit), Crs::Wgs84) {
        Ok(Shape::Circle { radius_m, .. }) => Ok(radius_m),
        Ok(_) => Err(0),
        Err(fault) => Err(fault.code().0),
    };
    assert_eq!(radius(2.0, Some("km")), Ok(2000.0));
    assert!((radius(3937.0, Some("surveyfoot")).unwrap() - 1200.0).abs() < 1e-9);
    assert_eq!(radius(1.0, Some("furlong")), Err(112));
    assert_eq!(radius(1e9, None), Err(110));
    let sector = |in_radius, out_radius, stop_angle, unit: &str| {
        let area = CircularArcArea {
            gid: None,
            srs_name: None,
            coord: Coord::new("10", "20"),
            in_radius,
            out_radius,
            start_angle: 0.0,
            stop_angle,
            angular_unit: Some(unit.to_owned()),
            distance_unit: None,
        };
        read(&MlpShape::CircularArcArea(area), Crs::Wgs84).map_err(|f| f.code().0)
    };
    assert!(
        matches!(sector(0.0, 5.0, 6.283_185_4, "Radians"), Ok(Shape::Arc { opening_deg, .. }) if opening_deg > 359.9)
    );
    assert_eq!(sector(6.0, 5.0, 90.0, "Degrees"), Err(110));
    assert_eq!(sector(0.0, 5.0, 0.0, "Degrees"), Err(110));
    assert_eq!(sector(0.0, 5.0, 361.0, "Degrees"), Err(110));
    assert_eq!(sector(0.0, 5.0, 90.0, "mils"), Err(112));
    let ring = |n: usize, closed: bool| {
        let mut coords: Vec<Coord> =
            (0..n).map(|i| Coord::new(format!("{i}"), format!("{}", i * i))).collect();
        if closed {
            coords.push(coords[0].clone());
        }
        read(&MlpShape::LinearRing(LinearRing { gid: None, srs_name: None, coords }), Crs::Wgs84)
            .map_err(|f| f.code().0)
    };
    assert_eq!(ring(3, false), ring(3, true));
    assert!(ring(10, true).is_ok());
    assert_eq!(ring(2, true), Err(110));
    assert_eq!(ring(16, false), Err(110));
}

fn any_shape() -> impl Strategy<Value = Shape> {
    let centre = (-84.0..84.0f64, -180.0..180.0f64).prop_map(|(lat, lon)| at(lat, lon));
    let size = (1.0..12.0f64).prop_map(f64::exp);
    (centre, size.clone(), 0.0..1.0f64, 0.0..360.0f64, 1.0..360.0f64, 0..4u8).prop_map(
        |(centre, size, part, angle, opening, kind)| match kind {
            0 => Shape::Circle { at: centre, radius_m: size },
            1 => {
                let ellipse = Ellipse {
                    semi_major_m: size,
                    semi_minor_m: size * part.max(0.01),
                    orientation_deg: angle / 2.0,
                    confidence: None,
                };
                Shape::Ellipse { at: centre, ellipse }
            }
            2 => arc(centre, size * part, size * (1.0 - part) + 1.0, angle, opening),
            _ => {
                let bearings = [0.0, 80.0, 170.0, 250.0].map(|b| b + angle);
                Shape::Polygon(bearings.map(|b| go(centre, b, size.min(50_000.0) + 1.0)).to_vec())
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_area_is_never_smaller(shape in any_shape()) {
        check(&shape);
    }

    #[test]
    fn its_own_shape_comes_back(shape in any_shape()) {
        let back = read(&write(&shape, &Form::default()).unwrap(), Crs::Wgs84).unwrap();
        let (a, b) = (shape.centre().unwrap(), back.centre().unwrap());
        prop_assert!(a.distance_m(b) < 0.03);
        let (had, has) = (shape.horizontal_uncertainty_m().unwrap(), back.horizontal_uncertainty_m().unwrap());
        prop_assert!(has >= had - 0.05 && has <= had * 1.42 + 2.0, "{} {}", had, has);
    }
}
