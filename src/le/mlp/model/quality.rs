//! What is asked of a position: quality, kind, priority, frame (MLP 3.5 §5.2.2, quality and function elements).

use crate::le::mlp::schema::{choice, element, tokens};

element! {
    /// `eqop`: quality of a position asked for now. `convert::quality` brings it to a `QualityOfPosition`.
    #[derive(Default)]
    pub struct Eqop {
        /// How urgent it is; a response time overrides it.
        opt resp_req: RespReq = "resp_req";
        /// Response time, seconds.
        opt resp_timer: u32 = "resp_timer";
        /// Horizontal accuracy.
        choice_opt horizontal: HorizontalAccuracy;
        /// Accuracy of the altitude, metres.
        opt vertical: Accuracy = "alt_acc";
        /// Oldest position that will do, seconds.
        opt max_loc_age: u32 = "max_loc_age";
    }
}

element! {
    /// `qop`: quality of positions in reports.
    #[derive(Default)]
    pub struct Qop {
        /// Horizontal accuracy.
        choice_opt horizontal: HorizontalAccuracy;
        /// Accuracy of the altitude, metres.
        opt vertical: Accuracy = "alt_acc";
    }
}

choice! {
    /// Horizontal accuracy, in one of two measures.
    #[derive(Copy)]
    pub enum HorizontalAccuracy {
        /// Seconds of arc.
        Arc(Accuracy) = "ll_acc";
        /// Metres.
        Metres(Accuracy) = "hor_acc";
    }
}

element! {
    /// `ll_acc`, `hor_acc` or `alt_acc`.
    #[derive(Copy)]
    pub struct Accuracy {
        /// What happens to a position that misses it; without, the server decides.
        attr_opt class: QosClass = "qos_class", since V3_2;
        /// The number.
        text value: f64;
    }
}

tokens! {
    /// What happens to a position that misses the accuracy.
    pub enum QosClass {
        /// It is not given.
        Assured = "ASSURED";
        /// It is given, and marked.
        BestEffort = "BEST_EFFORT";
    }
}

element! {
    /// `resp_req`.
    #[derive(Copy)]
    pub struct RespReq {
        /// How urgent.
        attr delay: Delay = "type";
    }
}

tokens! {
    /// Urgency.
    pub enum Delay default DelayTolerant {
        /// Whatever is known, at once.
        NoDelay = "NO_DELAY";
        /// Time before accuracy.
        LowDelay = "LOW_DELAY";
        /// Accuracy before time.
        DelayTolerant = "DELAY_TOL";
    }
}

element! {
    /// `loc_type`: which position.
    #[derive(Copy, Default)]
    pub struct LocType {
        /// Current, last, …
        attr kind: LocKind = "type";
        /// How periodic reports come.
        attr reporting: Reporting = "per_type", since V3_3;
        /// When a batch is sent.
        opt batch: BatchCondition = "batch_cond", since V3_3;
    }
}

tokens! {
    /// Which position is asked for.
    pub enum LocKind default Current {
        /// Measured now.
        Current = "CURRENT";
        /// The last one known.
        Last = "LAST";
        /// Measured; where that fails, the last one known that is good enough.
        CurrentOrLast = "CURRENT_OR_LAST";
        /// The last one known where it is good enough, else measured.
        LastOrCurrent = "LAST_OR_CURRENT", since V3_2 else CurrentOrLast;
        /// That of the beginning of an emergency call.
        Initial = "INITIAL";
        /// Measured, and reports of rising accuracy before.
        CurrentAndIntermediate = "CURRENT_AND_INTERMEDIATE", since V3_3 else Current;
        /// A URI under which the position can be had.
        LocationUri = "LOCATION_URI", since V3_5 else Current;
    }
}

tokens! {
    /// How periodic reports come.
    pub enum Reporting default RealTime {
        /// At every interval, position or not.
        RealTime = "REALTIME";
        /// When there is a position; late ones as soon as they can be sent.
        QuasiRealTime = "QUASIREALTIME";
        /// Several at once.
        Batch = "BATCH";
    }
}

element! {
    /// `batch_cond`: when a batch is sent.
    #[derive(Copy)]
    pub struct BatchCondition {
        /// What counts.
        attr kind: BatchType = "batch_type";
        /// How many; empty for the end of the service.
        text count: BatchCount;
    }
}

/// Number of a batch condition: 1–1024 measurements or 1–2048 minutes; none for the end of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct BatchCount(pub Option<u32>);

impl crate::le::mlp::schema::Value for BatchCount {
    fn parse(text: &str) -> Result<Self, crate::le::mlp::schema::Flaw> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let count: u32 = crate::le::mlp::schema::Value::parse(text)?;
        Ok(Self(Some(count)))
    }
    fn print(&self, out: &mut crate::le::mlp::xml::writer::Writer) {
        if let Some(count) = self.0 {
            crate::le::mlp::schema::Value::print(&count, out);
        }
    }
}

tokens! {
    /// What ends a batch.
    pub enum BatchType default EndOfService {
        /// So many measurements.
        Measurements = "MEASUREMENTS";
        /// So many minutes.
        Minutes = "MINUTES";
        /// The end of the service.
        EndOfService = "ENDOFSERVICE";
    }
}

element! {
    /// `prio`.
    #[derive(Copy, Default)]
    pub struct Prio {
        /// The priority.
        attr priority: Priority = "type";
    }
}

tokens! {
    /// Priority of a request.
    pub enum Priority default Normal {
        /// Normal.
        Normal = "NORMAL";
        /// Before normal ones.
        High = "HIGH";
    }
}

element! {
    /// `geo_info`: in which frame the client wants coordinates, and whether as a shape or an address.
    pub struct GeoInfo {
        /// Shape, address or both.
        attr wanted: PositionData = "requested_positiondata", since V3_3;
        /// Whether anything else is refused. The DTD's default is `YES`, the prose's `NO`; the DTD's holds.
        attr strict: Strict = "Strict", since V3_3;
        /// The frame.
        one crs: CoordinateReferenceSystem = "CoordinateReferenceSystem";
    }
}

tokens! {
    /// Form of a position.
    pub enum PositionData default Shape {
        /// A shape.
        Shape = "SHAPE";
        /// A civic address.
        Civic = "CIVICLOC";
        /// Both.
        ShapeAndCivic = "SHAPE_AND_CIVICLOC";
    }
}

tokens! {
    /// `YES` or `NO`, where `YES` is the default.
    pub enum Strict default Yes {
        /// Yes.
        Yes = "YES";
        /// No.
        No = "NO";
    }
}

element! {
    /// `CoordinateReferenceSystem`.
    pub struct CoordinateReferenceSystem {
        /// Which.
        one identifier: Identifier = "Identifier";
    }
}

element! {
    /// `Identifier` of a frame, as `4326`, `EPSG`, `6.1`.
    pub struct Identifier {
        /// Code in its space.
        one code: String = "code";
        /// The space.
        one code_space: String = "codeSpace";
        /// Edition of the space.
        one edition: String = "edition";
    }
}

element! {
    /// `MapRequest`: a map of the position is wanted.
    pub struct MapRequest {
        /// The map or a link to it.
        attr form: MapForm = "MapdataType";
        /// Its format. The DTD's default is GIF, the prose's PNG; the DTD's holds.
        attr format: MapFormat = "MimeType";
        /// Pixels.
        opt width: u32 = "Width";
        /// Pixels.
        opt height: u32 = "Height";
        /// Scale.
        opt zoom: Zoom = "Zoom";
    }
}

tokens! {
    /// How a map is given.
    pub enum MapForm default Map {
        /// In the document.
        Map = "MAP";
        /// By its address.
        Url = "URL";
    }
}

tokens! {
    /// Formats of maps.
    pub enum MapFormat default Gif {
        /// GIF.
        Gif = "GIF";
        /// JPEG.
        Jpeg = "JPEG";
        /// PNG.
        Png = "PNG";
        /// TIFF.
        Tiff = "TIFF";
    }
}

element! {
    /// `Zoom` of a map.
    pub struct Zoom {
        /// Unit.
        attr unit: ZoomUnit = "ZoomType";
        /// Number.
        text value: f64;
    }
}

tokens! {
    /// Units of a map's scale.
    pub enum ZoomUnit default Kilometre {
        /// Kilometre.
        Kilometre = "KILOMETER";
        /// Metre.
        Metre = "METER";
        /// Mile.
        Mile = "MILE";
        /// Inch.
        Inch = "INCH";
    }
}

#[cfg(test)]
impl crate::le::mlp::sample::Sample for BatchCount {
    fn sample(from: &mut crate::le::mlp::sample::Source) -> Self {
        *from.pick(&[Self(None), Self(Some(1)), Self(Some(1024))])
    }
}
