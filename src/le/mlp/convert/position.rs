//! Positions: `pd` of an estimate, and an estimate of `pd`.

use super::{Crs, shapes};
use crate::base::{LocationEstimate, PositionMethod, Velocity};
use crate::le::mlp::fault::{FaultKind, ParseFault};
use crate::le::mlp::model::{
    Altitude, Pd, Place, PosMethod, PositioningData, PositioningMode, Signed, SupportedShapes, Time, YesNo,
};

/// In what form a client wants positions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Form<'a> {
    /// The frame of the coordinates.
    pub crs: Crs,
    /// The shapes that the client can take, where its header says so.
    pub shapes: Option<&'a SupportedShapes>,
    /// Whether an altitude was asked for.
    pub altitude: bool,
}

impl Form<'_> {
    /// Altitudes are given when asked for, and to clients that are not known to do without.
    fn wants_altitude(&self) -> bool {
        self.altitude || self.shapes.is_none_or(|shapes| shapes.altitude == YesNo::Yes)
    }
}

/// A position in the form that the client wants. Its area is never smaller than the estimate's, so that its confidence
/// holds; lengths are whole metres, rounded outwards.
///
/// # Errors
/// 107 when the client can take no shape that holds the estimate, 112 when the frame does not reach there. The reason goes
/// into the `poserr` of the target.
pub fn pd(estimate: &LocationEstimate, form: &Form<'_>, qos_met: bool) -> Result<Pd, ParseFault> {
    let altitude =
        estimate.shape.altitude_m().filter(|a| a.is_finite() && form.wants_altitude()).map(|metres| {
            let whole = metres.round();
            let uncertainty = estimate.shape.vertical_uncertainty_m().filter(|u| u.is_finite());
            // What rounding takes from the altitude, the uncertainty gets.
            Altitude {
                metres: Signed(whole),
                uncertainty: uncertainty.map(|u| (u.max(0.0) + (metres - whole).abs()).ceil()),
            }
        });
    let velocity = estimate.velocity.filter(|v| v.speed_mps.is_finite() && v.bearing_deg.is_finite());
    Ok(Pd {
        time: Time::utc(estimate.time),
        place: Place::Shape(shapes::write(&estimate.shape, form)?, None),
        map: None,
        altitude,
        speed: velocity.map(|v| v.speed_mps.max(0.0).round()),
        direction: velocity.map(|v| v.bearing_deg.rem_euclid(360.0).round() % 360.0),
        confidence: shapes::confidence(&estimate.shape).map(f64::from),
        qos_not_met: !qos_met,
        motion: None,
        floor: None,
        pressure: None,
    })
}

/// How a position was found, in words of MLP.
pub const fn method(method: PositionMethod) -> PosMethod {
    match method {
        PositionMethod::AgnssMsBased | PositionMethod::AgnssMsAssisted => PosMethod::AGnss,
        PositionMethod::AutonomousGnss => PosMethod::Gnss,
        PositionMethod::CellId => PosMethod::Cell,
        PositionMethod::EnhancedCellId => PosMethod::Ecid,
        PositionMethod::Wlan => PosMethod::Wlan,
        PositionMethod::Otdoa => PosMethod::Otdoa,
        PositionMethod::Unknown => PosMethod::Unknown,
    }
}

/// The `positioning_data` of a method: who computed.
pub const fn positioning_data(by: PositionMethod) -> PositioningData {
    let mode = match by {
        PositionMethod::AgnssMsBased => Some(PositioningMode::UeBased),
        PositionMethod::AgnssMsAssisted | PositionMethod::Otdoa => Some(PositioningMode::UeAssisted),
        PositionMethod::AutonomousGnss => Some(PositioningMode::Conventional),
        PositionMethod::CellId
        | PositionMethod::EnhancedCellId
        | PositionMethod::Wlan
        | PositionMethod::Unknown => None,
    };
    PositioningData { method: Some(method(by)), mode, ganss_id: None }
}

/// The method that a `pos_method` and its `positioning_data` name.
fn method_of(method: Option<PosMethod>, data: &[PositioningData]) -> PositionMethod {
    let based = data.iter().any(|d| d.mode == Some(PositioningMode::UeBased));
    match method {
        Some(PosMethod::AGnss | PosMethod::AGps) if based => PositionMethod::AgnssMsBased,
        Some(PosMethod::AGnss | PosMethod::AGps) => PositionMethod::AgnssMsAssisted,
        Some(PosMethod::Gnss | PosMethod::Gps) => PositionMethod::AutonomousGnss,
        Some(PosMethod::Cell) => PositionMethod::CellId,
        Some(PosMethod::Ecid | PosMethod::NrEcid) => PositionMethod::EnhancedCellId,
        Some(PosMethod::Wlan) => PositionMethod::Wlan,
        Some(PosMethod::Otdoa | PosMethod::DlTdoa) => PositionMethod::Otdoa,
        _ => PositionMethod::Unknown,
    }
}

/// The estimate that a `pd` gives, for a client. `crs` is the frame that it had asked for.
///
/// # Errors
/// As [`shapes::read`]; 107 for a position that is only an address or relative.
pub fn read(
    pd: &Pd,
    by: Option<PosMethod>,
    data: &[PositioningData],
    crs: Crs,
) -> Result<LocationEstimate, ParseFault> {
    let Place::Shape(shape, _) = &pd.place else {
        return Err(ParseFault::new(FaultKind::UnknownElement, "pd").because("no shape"));
    };
    let confidence = pd.confidence.filter(|c| (1.0..=100.0).contains(c)).map(|c| c as u8);
    let altitude = pd.altitude.map(|a| (a.metres.0, a.uncertainty));
    let velocity = pd.speed.map(|speed_mps| Velocity {
        speed_mps,
        bearing_deg: pd.direction.unwrap_or(0.0).rem_euclid(360.0),
        vertical_mps: None,
        speed_unc_mps: None,
        vertical_unc_mps: None,
    });
    Ok(LocationEstimate {
        shape: shapes::with(shapes::read(shape, crs)?, altitude, confidence),
        time: pd.time.utc,
        method: method_of(by, data),
        velocity,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::geo::{Ellipse, GeoPoint, Shape};
    use crate::base::time::Utc;

    fn estimate() -> LocationEstimate {
        LocationEstimate {
            shape: Shape::Ellipsoid {
                at: GeoPoint::new(51.507_35, -0.127_75).unwrap(),
                ellipse: Ellipse {
                    semi_major_m: 31.2,
                    semi_minor_m: 17.9,
                    orientation_deg: 46.0,
                    confidence: Some(68),
                },
                altitude_m: 57.4,
                altitude_unc_m: 12.0,
            },
            time: Utc::from_unix_s(1_795_342_530),
            method: PositionMethod::AgnssMsBased,
            velocity: Some(Velocity {
                speed_mps: 3.4,
                bearing_deg: 359.7,
                vertical_mps: None,
                speed_unc_mps: None,
                vertical_unc_mps: None,
            }),
        }
    }

    #[test]
    fn everything_that_is_known_is_said() {
        let pd = pd(&estimate(), &Form::default(), false).unwrap();
        assert_eq!(pd.altitude, Some(Altitude { metres: Signed(57.0), uncertainty: Some(13.0) }));
        assert_eq!((pd.speed, pd.direction), (Some(3.0), Some(0.0)));
        assert_eq!(pd.confidence, Some(68.0));
        assert!(pd.qos_not_met);
        let back =
            read(&pd, Some(PosMethod::AGnss), &[positioning_data(PositionMethod::AgnssMsBased)], Crs::Wgs84);
        let back = back.unwrap();
        assert_eq!((back.time, back.method), (estimate().time, PositionMethod::AgnssMsBased));
        let Shape::Ellipsoid { at, ellipse, altitude_m, altitude_unc_m } = back.shape else { panic!() };
        assert!(at.distance_m(GeoPoint::new(51.507_35, -0.127_75).unwrap()) < 0.02);
        assert_eq!((ellipse.semi_major_m, ellipse.semi_minor_m, ellipse.orientation_deg), (32.0, 18.0, 46.0));
        assert_eq!((ellipse.confidence, altitude_m, altitude_unc_m), (Some(68), 57.0, 13.0));
    }

    #[test]
    fn altitude_only_for_those_who_want_it() {
        let flat = SupportedShapes {
            elliptical_area: crate::le::mlp::model::Preference::new(1.0).unwrap(),
            ..Default::default()
        };
        let form = Form { shapes: Some(&flat), ..Form::default() };
        assert_eq!(pd(&estimate(), &form, true).unwrap().altitude, None);
        assert!(pd(&estimate(), &Form { altitude: true, ..form }, true).unwrap().altitude.is_some());
    }
}
