//! Known answers.

use proptest::prelude::*;

use super::*;
use crate::base::geo::Ellipse;

fn at(lat: f64, lon: f64) -> GeoPoint {
    GeoPoint::new(lat, lon).unwrap()
}

fn area(shape: Shape) -> Area {
    Area::new(vec![shape]).unwrap()
}

#[test]
fn circles_ellipses_and_arcs() {
    let c = area(Shape::Circle { at: at(50.0, 4.0), radius_m: 1000.0 });
    assert!(c.contains(at(50.0, 4.0)) && c.contains(at(50.0089, 4.0)) && !c.contains(at(50.0091, 4.0)));
    let ellipse =
        Ellipse { semi_major_m: 1000.0, semi_minor_m: 100.0, orientation_deg: 90.0, confidence: None };
    let e = area(Shape::Ellipse { at: at(0.0, 179.999), ellipse });
    assert!(e.contains(at(0.0, -179.993)), "along the major axis, over the antimeridian");
    assert!(!e.contains(at(0.002, 179.999)), "across it");
    assert!(!e.contains(at(0.0, -179.99)));
    let arc = area(Shape::Arc {
        at: at(50.0, 4.0),
        inner_m: 500.0,
        thickness_m: 500.0,
        start_deg: 350.0,
        opening_deg: 20.0,
        confidence: None,
    });
    assert!(arc.contains(at(50.006, 4.0)) && arc.contains(at(50.006, 4.0013)));
    assert!(!arc.contains(at(50.004, 4.0)) && !arc.contains(at(50.0095, 4.0)));
    assert!(!arc.contains(at(50.006, 4.005)) && !arc.contains(at(49.994, 4.0)));
}

#[test]
fn polygons_convex_concave_over_the_antimeridian_and_around_a_pole() {
    let ring = |corners: &[(f64, f64)]| {
        area(Shape::Polygon(corners.iter().map(|(lat, lon)| at(*lat, *lon)).collect()))
    };
    let square = ring(&[(0.0, 179.0), (1.0, 179.0), (1.0, -179.0), (0.0, -179.0)]);
    assert!(square.contains(at(0.5, 180.0)) && square.contains(at(0.5, -179.5)));
    assert!(!square.contains(at(0.5, 178.9)) && !square.contains(at(-0.1, 180.0)));
    assert!(square.contains(at(0.0, 179.0)), "a corner");
    assert!(square.contains(at(0.5, 179.0)), "a border");
    let horseshoe = ring(&[
        (0.0, 0.0),
        (0.0, 3.0),
        (3.0, 3.0),
        (3.0, 2.0),
        (1.0, 2.0),
        (1.0, 1.0),
        (3.0, 1.0),
        (3.0, 0.0),
    ]);
    assert!(horseshoe.contains(at(2.0, 0.5)) && horseshoe.contains(at(0.5, 1.5)));
    assert!(!horseshoe.contains(at(2.0, 1.5)));
    let cap = ring(&[(80.0, 0.0), (80.0, 120.0), (80.0, -120.0)]);
    assert!(cap.contains(at(90.0, 0.0)) && cap.contains(at(86.0, 60.0)) && !cap.contains(at(79.0, 0.0)));
    // A ring that is closed is the same ring.
    let closed = ring(&[(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.0, 0.0)]);
    assert!(closed.contains(at(0.3, 0.6)) && !closed.contains(at(0.6, 0.3)));
}

#[test]
fn what_encloses_nothing_is_no_area() {
    assert_eq!(Area::new(vec![]), Err(NoArea::Empty));
    assert_eq!(Area::new(vec![Shape::Point(at(0.0, 0.0))]), Err(NoArea::Empty));
    let thin = vec![at(0.0, 0.0), at(0.0, 1.0)];
    assert_eq!(Area::new(vec![Shape::Polygon(thin)]), Err(NoArea::Empty));
    assert_eq!(Area::new(vec![Shape::Polygon(vec![at(0.0, 0.0); MAX_CORNERS + 1])]), Err(NoArea::TooLarge));
    let bad = Shape::Circle { at: at(0.0, 0.0), radius_m: f64::NAN };
    assert_eq!(Area::new(vec![bad]), Err(NoArea::Value));
}

proptest! {
    /// A fine polygon drawn as a circle holds what the circle holds.
    #[test]
    fn a_circle_of_corners_is_a_circle(
        lat in -89.9f64..89.9, lon in -180.0f64..180.0, bearing in 0.0f64..360.0, share in 0.0f64..2.0,
    ) {
        prop_assume!((share - 1.0).abs() > 0.02);
        let place = |bearing, distance| frame::destination(at(lat, lon), bearing, distance).unwrap();
        let corners = (0..60).map(|k| place(f64::from(k) * 6.0, 5000.0)).collect();
        let polygon = area(Shape::Polygon(corners));
        prop_assert_eq!(polygon.contains(place(bearing, 5000.0 * share)), share < 1.0);
    }
}

/// Φ(x).
fn phi(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// An estimate whose standard deviations are these.
fn normal(place: GeoPoint, major_m: f64, minor_m: f64, orientation_deg: f64) -> Shape {
    let scale = (-2.0_f64 * (1.0 - 0.9_f64).ln()).sqrt();
    Shape::Ellipse {
        at: place,
        ellipse: Ellipse {
            semi_major_m: major_m * scale,
            semi_minor_m: minor_m * scale,
            orientation_deg,
            confidence: Some(90),
        },
    }
}

fn near(found: Option<f64>, exact: f64, within: f64) {
    let found = found.unwrap();
    assert!((found - exact).abs() <= within, "{found} is not {exact}");
}

/// A rectangle of these half sides around a place, its sides along meridians and, as good as, parallels.
fn rectangle(centre: GeoPoint, east_m: f64, north_m: f64) -> Vec<GeoPoint> {
    let frame = Frame::at(centre);
    [(1.0, 1.0), (1.0, -1.0), (-1.0, -1.0), (-1.0, 1.0)]
        .map(|(e, n)| frame.place(e * east_m, n * north_m).unwrap())
        .to_vec()
}

const PLACES: [(f64, f64); 6] =
    [(50.0, 8.0), (0.0, 180.0), (-17.0, -179.9999), (89.999, 10.0), (-90.0, 0.0), (0.0, 0.0)];

#[test]
fn the_confidence_of_an_ellipse_is_what_it_holds() {
    for (lat, lon) in PLACES {
        for (major, minor, orientation) in [(100.0, 100.0, 0.0), (500.0, 20.0, 30.0), (8.0, 3.0, 135.0)] {
            for confidence in [39_u8, 68, 95] {
                let ellipse = Ellipse {
                    semi_major_m: major,
                    semi_minor_m: minor,
                    orientation_deg: orientation,
                    confidence: Some(confidence),
                };
                let shape = Shape::Ellipse { at: at(lat, lon), ellipse };
                near(area(shape.clone()).probability(&shape), f64::from(confidence) / 100.0, 2e-3);
            }
        }
    }
}

#[test]
fn rectangles_hold_products_of_normal_distributions_everywhere() {
    for (lat, lon) in PLACES {
        let centre = at(lat, lon);
        let rings = area(Shape::Polygon(rectangle(centre, 60.0, 20.0)));
        let exact = (2.0 * phi(60.0 / 40.0) - 1.0) * (2.0 * phi(20.0 / 10.0) - 1.0);
        near(rings.probability(&normal(centre, 40.0, 10.0, 90.0)), exact, 1e-5);
        let turned = (2.0 * phi(60.0 / 10.0) - 1.0) * (2.0 * phi(20.0 / 40.0) - 1.0);
        near(rings.probability(&normal(centre, 40.0, 10.0, 0.0)), turned, 1e-5);
    }
}

#[test]
fn half_of_it_is_on_either_side_of_a_border() {
    let estimate = normal(at(50.0, 8.0), 30.0, 10.0, 20.0);
    let large = |west, east| {
        let corners = [(49.0, west), (51.0, west), (51.0, east), (49.0, east)];
        Shape::Polygon(corners.iter().map(|(lat, lon)| at(*lat, *lon)).collect())
    };
    near(area(large(8.0, 9.0)).probability(&estimate), 0.5, 1e-6);
    near(area(large(7.0, 8.0)).probability(&estimate), 0.5, 1e-6);
    near(area(large(7.0, 9.0)).probability(&estimate), 1.0, 1e-9);
    near(area(large(9.0, 10.0)).probability(&estimate), 0.0, 1e-9);
    // As far beyond the border of a large circle as one standard deviation.
    let circle = Shape::Circle { at: at(50.0, 8.0), radius_m: 500_000.0 };
    let out = frame::destination(at(50.0, 8.0), 90.0, 500_030.0).unwrap();
    near(area(circle).probability(&normal(out, 30.0, 30.0, 0.0)), phi(-1.0), 1e-3);
}

#[test]
fn circles_hold_what_the_distribution_of_rayleigh_says() {
    for (lat, lon) in PLACES {
        for radius in [5.0_f64, 30.0, 75.0, 400.0] {
            let circle = area(Shape::Circle { at: at(lat, lon), radius_m: radius });
            let exact = 1.0 - (-0.5 * (radius / 30.0).powi(2)).exp();
            near(circle.probability(&normal(at(lat, lon), 30.0, 30.0, 0.0)), exact, 2e-3);
        }
    }
    // Off its centre: the non-central chi-squared distribution of two degrees of freedom, P(x ≤ 1; λ = 1) = 0.267120.
    let off = frame::destination(at(50.0, 8.0), 77.0, 100.0).unwrap();
    let circle = area(Shape::Circle { at: at(50.0, 8.0), radius_m: 100.0 });
    near(circle.probability(&normal(off, 100.0, 100.0, 0.0)), 0.267_120, 1e-3);
}

#[test]
fn holes_are_not_inside() {
    let centre = at(0.0, 180.0);
    let region = Region::Rings {
        outer: rectangle(centre, 100.0, 100.0),
        holes: vec![
            rectangle(centre, 10.0, 10.0),
            rectangle(frame::destination(centre, 90.0, 60.0).unwrap(), 5.0, 50.0),
        ],
    };
    let donut = Area::of(vec![region]).unwrap();
    assert!(!donut.contains(centre) && !donut.contains(frame::destination(centre, 90.0, 62.0).unwrap()));
    assert!(donut.contains(frame::destination(centre, 0.0, 30.0).unwrap()));
    assert!(
        donut.contains(frame::destination(centre, 270.0, 10.0).unwrap()),
        "the border of a hole is not in the hole"
    );
    let side = |half: f64| 2.0 * phi(half / 20.0) - 1.0;
    let second = (phi(65.0 / 20.0) - phi(55.0 / 20.0)) * side(50.0);
    near(
        donut.probability(&normal(centre, 20.0, 20.0, 0.0)),
        side(100.0).powi(2) - side(10.0).powi(2) - second,
        1e-4,
    );
}

#[test]
fn boxes_over_the_antimeridian_and_around_poles() {
    let bounds = |south, west, north, east| Area::of(vec![Region::Box { south, west, north, east }]).unwrap();
    let pacific = bounds(-1.0, 179.0, 1.0, -179.0);
    assert!(
        pacific.contains(at(0.0, 180.0))
            && pacific.contains(at(1.0, -179.0))
            && !pacific.contains(at(0.0, 178.9))
    );
    near(pacific.probability(&normal(at(0.0, 179.0), 100.0, 100.0, 0.0)), 0.5, 1e-6);
    near(pacific.probability(&normal(at(1.0, 179.0), 100.0, 100.0, 0.0)), 0.25, 1e-3);
    near(pacific.probability(&normal(at(0.0, -179.5), 100.0, 100.0, 0.0)), 1.0, 1e-9);
    let arctic = bounds(80.0, -180.0, 90.0, 180.0);
    for lon in [-180.0, -91.0, 0.0, 77.0, 180.0] {
        near(arctic.probability(&normal(at(80.0, lon), 1000.0, 1000.0, 0.0)), 0.5, 1e-3);
        assert!(arctic.contains(at(80.0, lon)) && arctic.contains(at(90.0, lon)));
    }
    near(arctic.probability(&normal(at(90.0, 0.0), 1000.0, 1000.0, 0.0)), 1.0, 1e-6);
    let quarter = bounds(89.0, 0.0, 90.0, 90.0);
    near(quarter.probability(&normal(at(90.0, 33.0), 1000.0, 1000.0, 0.0)), 0.25, 1e-3);
    // Most of a hemisphere, and all of the Earth.
    near(bounds(-90.0, -10.0, 90.0, 170.0).probability(&normal(at(10.0, 170.0), 50.0, 50.0, 0.0)), 0.5, 1e-6);
    near(
        bounds(-90.0, -180.0, 90.0, 180.0).probability(&normal(at(10.0, 180.0), 50.0, 50.0, 0.0)),
        1.0,
        1e-6,
    );
    for (south, west, north, east) in
        [(1.0, 0.0, 0.0, 1.0), (0.0, 5.0, 1.0, 5.0), (0.0, 0.0, 91.0, 1.0), (f64::NAN, 0.0, 1.0, 1.0)]
    {
        assert!(Area::of(vec![Region::Box { south, west, north, east }]).is_err());
    }
}

#[test]
fn sectors_and_regions_that_overlap() {
    let arc = |inner_m, opening_deg| Shape::Arc {
        at: at(50.0, 8.0),
        inner_m,
        thickness_m: 1000.0,
        start_deg: 30.0,
        opening_deg,
        confidence: None,
    };
    let here = normal(at(50.0, 8.0), 100.0, 100.0, 0.0);
    near(area(arc(0.0, 90.0)).probability(&here), 0.25, 2e-3);
    near(area(arc(0.0, 360.0)).probability(&here), 1.0, 2e-3);
    near(area(arc(100.0, 360.0)).probability(&here), (-0.5_f64).exp(), 2e-3);
    near(area(arc(100.0, 180.0)).probability(&here), 0.5 * (-0.5_f64).exp(), 2e-3);
    let circle = |radius_m| Shape::Circle { at: at(50.0, 8.0), radius_m };
    let twice = Area::new(vec![circle(100.0), circle(100.0)]).unwrap();
    near(twice.probability(&here), 1.0 - (-0.5_f64).exp(), 0.02);
    let apart = Area::new(vec![circle(100.0), Shape::Circle { at: at(10.0, 8.0), radius_m: 5.0 }]).unwrap();
    near(apart.probability(&here), 1.0 - (-0.5_f64).exp(), 2e-3);
}

#[test]
fn shapes_without_a_preference() {
    let square = area(Shape::Polygon(rectangle(at(50.0, 8.0), 100.0, 100.0)));
    let there = frame::destination(at(50.0, 8.0), 90.0, 50.0).unwrap();
    near(square.probability(&Shape::Polygon(rectangle(there, 100.0, 100.0))), 0.75, 0.02);
    let cell = Shape::Arc {
        at: at(50.0, 8.0),
        inner_m: 0.0,
        thickness_m: 50.0,
        start_deg: 0.0,
        opening_deg: 120.0,
        confidence: Some(90),
    };
    near(square.probability(&cell), 1.0, 1e-9);
    let half = area(Shape::Polygon(rectangle(
        frame::destination(at(50.0, 8.0), 90.0, 500.0).unwrap(),
        500.0,
        500.0,
    )));
    let ring = Shape::Arc {
        at: at(50.0, 8.0),
        inner_m: 20.0,
        thickness_m: 50.0,
        start_deg: 77.0,
        opening_deg: 360.0,
        confidence: None,
    };
    near(half.probability(&ring), 0.5, 0.02);
    near(square.probability(&Shape::Point(at(50.0, 8.0))), 1.0, 0.0);
    near(square.probability(&Shape::Point(at(50.1, 8.0))), 0.0, 0.0);
    let open = Shape::Circle { at: at(50.0, 8.0), radius_m: f64::NAN };
    assert_eq!(square.probability(&open), None);
}

#[test]
fn the_other_side_of_the_earth_is_not_inside() {
    let square = area(Shape::Polygon(rectangle(at(50.0, 8.0), 100_000.0, 100_000.0)));
    assert!(!square.contains(at(-50.0, -172.0)));
    near(square.probability(&normal(at(-50.0, -172.0), 10.0, 10.0, 0.0)), 0.0, 0.0);
    let corners = [(0.0, 0.0), (0.0, 120.0), (0.0, -120.0)];
    let hemisphere = Shape::Polygon(corners.iter().map(|(lat, lon)| at(*lat, *lon)).collect());
    assert_eq!(Area::new(vec![hemisphere]), Err(NoArea::TooLarge));
}

#[test]
fn verification_tells_yes_no_or_how_likely() {
    let circle = area(Shape::Circle { at: at(50.0, 8.0), radius_m: 1000.0 });
    assert_eq!(circle.matches(&normal(at(50.0, 8.0), 10.0, 10.0, 0.0)), Some((Match::Inside, 100)));
    assert_eq!(circle.matches(&normal(at(51.0, 8.0), 10.0, 10.0, 0.0)), Some((Match::Outside, 0)));
    let border = frame::destination(at(50.0, 8.0), 10.0, 1000.0).unwrap();
    assert_eq!(circle.matches(&normal(border, 10.0, 10.0, 0.0)), Some((Match::Partial, 50)));
}

proptest! {
    /// Whatever an estimate and an area say, the answer is a probability.
    #[test]
    fn every_answer_is_a_probability(
        lat in -90.0f64..=90.0, lon in -180.0f64..=180.0, log_major in -3.0f64..7.3, flat in 0.0f64..=1.0,
        orientation in -720.0f64..720.0, confidence in 0u8..=255,
        corners in proptest::collection::vec((-90.0f64..=90.0, -180.0f64..=180.0), 3..9),
        log_radius in -3.0f64..7.3, start in -720.0f64..720.0, opening in -10.0f64..400.0,
    ) {
        let major = 10.0_f64.powf(log_major);
        let ellipse = Ellipse { semi_major_m: major, semi_minor_m: major * flat, orientation_deg: orientation, confidence: Some(confidence) };
        let estimate = Shape::Ellipse { at: at(lat, lon), ellipse };
        let radius = 10.0_f64.powf(log_radius);
        let centre = at(corners[0].0, corners[0].1);
        let shapes = [
            Shape::Circle { at: centre, radius_m: radius },
            Shape::Ellipse { at: centre, ellipse },
            Shape::Arc { at: centre, inner_m: radius / 3.0, thickness_m: radius / 2.0, start_deg: start, opening_deg: opening, confidence: None },
            Shape::Polygon(corners.iter().map(|(lat, lon)| at(*lat, *lon)).collect()),
        ];
        for shape in shapes {
            let Ok(area) = Area::new(vec![shape.clone()]) else { continue };
            let p = area.probability(&estimate).unwrap();
            prop_assert!((0.0..=1.0).contains(&p), "{p}");
            if area.contains(at(lat, lon)) {
                prop_assert!(area.bounds().holds(at(lat, lon)));
            }
        }
    }
}
