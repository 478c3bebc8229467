//! What a caller wants of the solver, and what he knows beforehand.

use crate::base::broadcast::Gnss;
use crate::gnss::visibility::Ecef;

/// A choice of systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Systems(u8);

impl Systems {
    /// All of them.
    pub const ALL: Self = Self(0x7f);
    /// None.
    pub const NONE: Self = Self(0);

    /// Whether a system is among them.
    pub const fn contains(self, gnss: Gnss) -> bool {
        self.0 & (1 << gnss as u8) != 0
    }

    /// These and one more.
    #[must_use]
    pub const fn with(self, gnss: Gnss) -> Self {
        Self(self.0 | 1 << gnss as u8)
    }

    /// The systems of these.
    pub fn iter(self) -> impl Iterator<Item = Gnss> {
        Gnss::ALL.into_iter().filter(move |g| self.contains(*g))
    }
}

impl std::str::FromStr for Systems {
    type Err = String;

    /// Letters of RINEX: `GREC`.
    fn from_str(s: &str) -> Result<Self, String> {
        let mut systems = Self::NONE;
        for c in s.chars() {
            let gnss = Gnss::from_letter(c.to_ascii_uppercase()).ok_or_else(|| {
                format!("`{c}` is no system: G GPS, R GLONASS, E Galileo, C BeiDou, J QZSS, S SBAS, I NavIC")
            })?;
            systems = systems.with(gnss);
        }
        if systems == Self::NONE { Err("no system named; for instance GREC".to_owned()) } else { Ok(systems) }
    }
}

/// Which ionospheric correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum IonosphereChoice {
    /// The broadcast model, corrected by what the difference of two frequencies shows where a receiver has them.
    #[default]
    Best,
    /// The broadcast model, as for a receiver of one frequency: NeQuick G where its coefficients are at hand, else Klobuchar's.
    Broadcast,
    /// Klobuchar's model.
    Klobuchar,
    /// The combination of two frequencies that is free of it; satellites with one frequency are left out.
    Free,
    /// None.
    Off,
}

/// What kind of receiver measured, for the error model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Receiver {
    /// A reference station: good antenna, open sky.
    #[default]
    Station,
    /// A handset: its antenna hears reflections as well as satellites.
    Handset,
}

/// How to solve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Systems to use.
    pub systems: Systems,
    /// Elevation mask, degrees.
    pub mask_deg: f64,
    /// Ionosphere.
    pub ionosphere: IonosphereChoice,
    /// Receiver.
    pub receiver: Receiver,
    /// Whether measurements that contradict the others are left out (and named).
    pub exclude_faults: bool,
}

impl Default for Options {
    /// All systems above 10°, the best ionosphere, a station, faults left out.
    fn default() -> Self {
        Self {
            systems: Systems::ALL,
            mask_deg: 10.0,
            ionosphere: IonosphereChoice::Best,
            receiver: Receiver::Station,
            exclude_faults: true,
        }
    }
}

/// What is known before the measurements are looked at. The default is: nothing, and the time exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Prior {
    /// A first guess of the position; the Earth's centre does as well, and takes a few rounds more.
    pub start: Option<Ecef>,
    /// Standard deviation in metres of the start in each direction, where it is more than a guess.
    pub start_sigma_m: Option<f64>,
    /// Altitude above the ellipsoid and its standard deviation, metres: stands in for a fourth satellite.
    pub altitude: Option<(f64, f64)>,
    /// Standard deviation in seconds of the epoch's time where it is known coarsely: the time becomes a fifth unknown.
    /// `None`: pseudoranges and time tag come from one clock, as in RINEX.
    pub time_sigma_s: Option<f64>,
}
