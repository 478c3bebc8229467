//! `RequestLocationInformation` and `ProvideLocationInformation`.

use std::time::Duration;

use groma_asn1::lpp as asn;
use groma_asn1::types::UtcTime;

use super::{
    CommonLocationRequest, GnssLocation, GnssLocationRequest, LocationFailure, LocationInformationType,
    LocationQos, LocationReport, LocationRequest, LocationSource, OtherMethods, PeriodicReporting,
    capabilities, common, ids, measure, shapes,
};
use crate::base::time::Utc;
use crate::wire::bits;
use crate::wire::gad::{HORIZONTAL, VERTICAL};

pub(super) fn decode_request(r: &asn::RequestLocationInformationR9IEs) -> LocationRequest {
    let e = r.ext1.as_ref();
    LocationRequest {
        common: r.common_ies_request_location_information.as_ref().map(decode_common),
        gnss: r.a_gnss_request_location_information.as_ref().map(|g| {
            let i = &g.gnss_positioning_instructions;
            GnssLocationRequest {
                systems: ids::bitmap(&i.gnss_methods),
                fine_time: i.fine_time_assistance_meas_req,
                adr: i.adr_meas_req,
                multi_frequency: i.multi_freq_meas_req,
                assistance_available: i.assistance_availability,
                high_accuracy: i.ext1.as_ref().is_some_and(|e| e.ha_gnss_req_r15.is_some()),
            }
        }),
        ecid: r
            .ecid_request_location_information
            .as_ref()
            .map(|e| capabilities::ecid(&e.requested_measurements.0)),
        other: OtherMethods {
            otdoa: r.otdoa_request_location_information.is_some(),
            sensor: e.is_some_and(|e| e.sensor_request_location_information_r13.is_some()),
            tbs: e.is_some_and(|e| e.tbs_request_location_information_r13.is_some()),
            wlan: e.is_some_and(|e| e.wlan_request_location_information_r13.is_some()),
            bluetooth: e.is_some_and(|e| e.bt_request_location_information_r13.is_some()),
            nr: r.ext2.is_some(),
            external: r.epdu_request_location_information.is_some(),
        },
    }
}

fn decode_common(c: &asn::CommonIEsRequestLocationInformation) -> CommonLocationRequest {
    use asn::LocationInformationType as T;
    CommonLocationRequest {
        kind: match c.location_information_type {
            T::locationEstimateRequired => LocationInformationType::EstimateRequired,
            T::locationMeasurementsRequired => LocationInformationType::MeasurementsRequired,
            T::locationEstimatePreferred => LocationInformationType::EstimatePreferred,
            T::locationMeasurementsPreferred => LocationInformationType::MeasurementsPreferred,
            T::locationEstimateAndMeasurementsRequired_r18 => {
                LocationInformationType::EstimateAndMeasurementsRequired
            }
            T::unknown_ext(_) => LocationInformationType::Unknown,
        },
        triggered: c
            .triggered_reporting
            .as_ref()
            .map(|t| (t.cell_change, Duration::from_secs(u64::from(t.reporting_duration.0)))),
        periodic: c.periodical_reporting.as_ref().map(periodic),
        additional: c
            .additional_information
            .map(|a| a == asn::AdditionalInformation::mayReturnAdditionalInformation),
        qos: c.qos.as_ref().map(qos),
        environment: c.environment.map(common::environment),
        location_types: c.location_coordinate_types.as_ref().map(common::location_types),
        velocity_types: c.velocity_types.as_ref().map(common::velocity_types),
    }
}

fn periodic(p: &asn::PeriodicalReportingCriteria) -> PeriodicReporting {
    use asn::{
        PeriodicalReportingCriteriaReportingAmount as Amount,
        PeriodicalReportingCriteriaReportingInterval as Interval,
    };
    let ms = |ms: u64| Some(Duration::from_millis(ms));
    PeriodicReporting {
        amount: match p.reporting_amount {
            Amount::ra1 => Some(1),
            Amount::ra2 => Some(2),
            Amount::ra4 => Some(4),
            Amount::ra8 => Some(8),
            Amount::ra16 => Some(16),
            Amount::ra32 => Some(32),
            Amount::ra64 => Some(64),
            Amount::ra_Infinity => None,
        },
        interval: match p.reporting_interval {
            Interval::noPeriodicalReporting => None,
            Interval::ri0_25 => ms(250),
            Interval::ri0_5 => ms(500),
            Interval::ri1 => ms(1_000),
            Interval::ri2 => ms(2_000),
            Interval::ri4 => ms(4_000),
            Interval::ri8 => ms(8_000),
            Interval::ri16 => ms(16_000),
            Interval::ri32 => ms(32_000),
            Interval::ri64 => ms(64_000),
        },
    }
}

/// Amounts are rounded up to a power of two.
fn from_periodic(p: PeriodicReporting) -> asn::PeriodicalReportingCriteria {
    use asn::{
        PeriodicalReportingCriteriaReportingAmount as Amount,
        PeriodicalReportingCriteriaReportingInterval as Interval,
    };
    asn::PeriodicalReportingCriteria {
        reporting_amount: match p.amount {
            None => Amount::ra_Infinity,
            Some(0..=1) => Amount::ra1,
            Some(2) => Amount::ra2,
            Some(3..=4) => Amount::ra4,
            Some(5..=8) => Amount::ra8,
            Some(9..=16) => Amount::ra16,
            Some(17..=32) => Amount::ra32,
            Some(33..) => Amount::ra64,
        },
        reporting_interval: match p.interval.map(|i| i.as_millis()) {
            None => Interval::noPeriodicalReporting,
            Some(0..=250) => Interval::ri0_25,
            Some(251..=500) => Interval::ri0_5,
            Some(501..=1_000) => Interval::ri1,
            Some(1_001..=2_000) => Interval::ri2,
            Some(2_001..=4_000) => Interval::ri4,
            Some(4_001..=8_000) => Interval::ri8,
            Some(8_001..=16_000) => Interval::ri16,
            Some(16_001..=32_000) => Interval::ri32,
            Some(_) => Interval::ri64,
        },
    }
}

fn qos(q: &asn::QoS) -> LocationQos {
    let unit = |t: &asn::ResponseTime| match t.ext2.as_ref().and_then(|e| e.unit_r15) {
        Some(asn::ResponseTimeExt2UnitR15::ten_seconds) => 10_000,
        Some(asn::ResponseTimeExt2UnitR15::ten_milli_seconds_v1700) => 10,
        _ => 1_000,
    };
    let time = |n: u8, t: &asn::ResponseTime| Duration::from_millis(u64::from(n) * unit(t));
    LocationQos {
        horizontal: q.horizontal_accuracy.as_ref().map(|h| (HORIZONTAL.value(h.accuracy), h.confidence)),
        altitude: q.vertical_coordinate_request,
        vertical: q.vertical_accuracy.as_ref().map(|v| (VERTICAL.value(v.accuracy), v.confidence)),
        response_time: q.response_time.as_ref().map(|t| time(t.time, t)),
        early_fix: q
            .response_time
            .as_ref()
            .and_then(|t| t.ext1.as_ref().and_then(|e| e.response_time_early_fix_r12).map(|n| time(n, t))),
        velocity: q.velocity_request,
    }
}

/// Demands are not made weaker.
fn from_qos(q: &LocationQos) -> asn::QoS {
    let long = q.response_time.is_some_and(|t| t.as_secs() > 128);
    let units = |t: Duration| (t.as_secs() / if long { 10 } else { 1 }).clamp(1, 128) as u8;
    asn::QoS {
        horizontal_accuracy: q
            .horizontal
            .map(|(m, confidence)| asn::HorizontalAccuracy { accuracy: HORIZONTAL.floor(m), confidence }),
        vertical_coordinate_request: q.altitude,
        vertical_accuracy: q
            .vertical
            .map(|(m, confidence)| asn::VerticalAccuracy { accuracy: VERTICAL.floor(m), confidence }),
        response_time: q.response_time.map(|t| asn::ResponseTime {
            time: units(t),
            ext1: q.early_fix.map(|t| asn::ResponseTimeExt1 { response_time_early_fix_r12: Some(units(t)) }),
            ext2: long.then_some(asn::ResponseTimeExt2 {
                unit_r15: Some(asn::ResponseTimeExt2UnitR15::ten_seconds),
            }),
        }),
        velocity_request: q.velocity,
        ext1: None,
        ext2: None,
    }
}

pub(super) fn encode_request(r: &LocationRequest) -> asn::RequestLocationInformationR9IEs {
    asn::RequestLocationInformationR9IEs {
        common_ies_request_location_information: r.common.as_ref().map(from_common),
        a_gnss_request_location_information: r.gnss.as_ref().map(|g| asn::AGNSSRequestLocationInformation {
            gnss_positioning_instructions: asn::GNSSPositioningInstructions {
                gnss_methods: ids::from_bitmap(&g.systems),
                fine_time_assistance_meas_req: g.fine_time,
                adr_meas_req: g.adr,
                multi_freq_meas_req: g.multi_frequency,
                assistance_availability: g.assistance_available,
                ext1: g.high_accuracy.then_some(asn::GNSSPositioningInstructionsExt1 {
                    ha_gnss_req_r15: Some(asn::GNSSPositioningInstructionsExt1HaGNSSReqR15::R_true),
                }),
                ext2: None,
            },
        }),
        otdoa_request_location_information: None,
        ecid_request_location_information: r.ecid.map(|k| asn::ECIDRequestLocationInformation {
            requested_measurements: asn::ECIDRequestLocationInformationRequestedMeasurements(bits::flags(
                &capabilities::ecid_flags(k),
            )),
        }),
        epdu_request_location_information: None,
        ext1: None,
        ext2: None,
    }
}

fn from_common(c: &CommonLocationRequest) -> asn::CommonIEsRequestLocationInformation {
    use asn::{AdditionalInformation as Additional, LocationInformationType as T};
    asn::CommonIEsRequestLocationInformation {
        location_information_type: match c.kind {
            LocationInformationType::EstimateRequired | LocationInformationType::Unknown => {
                T::locationEstimateRequired
            }
            LocationInformationType::MeasurementsRequired => T::locationMeasurementsRequired,
            LocationInformationType::EstimatePreferred => T::locationEstimatePreferred,
            LocationInformationType::MeasurementsPreferred => T::locationMeasurementsPreferred,
            LocationInformationType::EstimateAndMeasurementsRequired => {
                T::locationEstimateAndMeasurementsRequired_r18
            }
        },
        triggered_reporting: c.triggered.map(|(cell_change, d)| asn::TriggeredReportingCriteria {
            cell_change,
            reporting_duration: asn::ReportingDuration(d.as_secs().min(255) as u8),
        }),
        periodical_reporting: c.periodic.map(from_periodic),
        additional_information: c.additional.map(|may| {
            if may {
                Additional::mayReturnAdditionalInformation
            } else {
                Additional::onlyReturnInformationRequested
            }
        }),
        qos: c.qos.as_ref().map(from_qos),
        environment: c.environment.map(common::from_environment),
        location_coordinate_types: c.location_types.map(common::from_location_types),
        velocity_types: c.velocity_types.map(common::from_velocity_types),
        ext1: None,
        ext2: None,
        ext3: None,
        ext4: None,
    }
}

pub(super) fn decode(p: &asn::ProvideLocationInformationR9IEs) -> LocationReport {
    let mut out = LocationReport::default();
    if let Some(c) = &p.common_ies_provide_location_information {
        out.estimate = c.location_estimate.as_ref().and_then(shapes::decode);
        out.velocity = c.velocity_estimate.as_ref().and_then(shapes::velocity);
        out.error = c.location_error.as_ref().map(|e| failure(e.locationfailurecause));
        out.early_fix = c
            .ext1
            .as_ref()
            .and_then(|e| e.early_fix_report_r12)
            .map(|e| e == asn::EarlyFixReportR12::moreMessagesOnTheWay);
        if let Some(e) = &c.ext2 {
            out.source = e.location_source_r13.as_ref().map(source);
            out.time = e.location_timestamp_r13.as_ref().map(|t| Utc::from_unix_s(t.timestamp()));
        }
        out.more = c.ext3.as_ref().and_then(|e| e.segmentation_info_r14).map(common::more);
    }
    if let Some(g) = &p.a_gnss_provide_location_information {
        out.measurements = g.gnss_signal_measurement_information.as_ref().map(measure::decode);
        out.gnss_location = g.gnss_location_information.as_ref().map(|l| GnssLocation {
            time: measure::time(&l.measurement_reference_time),
            systems: ids::bitmap(&l.agnss_list),
        });
        out.gnss_error = g.gnss_error.as_ref().map(common::error);
    }
    if let Some(e) = &p.ecid_provide_location_information {
        out.ecid = e.ecid_signal_measurement_information.as_ref().map_or_else(Vec::new, measure::ecid);
        out.ecid_error = e.ecid_error.is_some();
    }
    let e = p.ext1.as_ref();
    out.other = OtherMethods {
        otdoa: p.otdoa_provide_location_information.is_some(),
        sensor: e.is_some_and(|e| e.sensor_provide_location_information_r13.is_some()),
        tbs: e.is_some_and(|e| e.tbs_provide_location_information_r13.is_some()),
        wlan: e.is_some_and(|e| e.wlan_provide_location_information_r13.is_some()),
        bluetooth: e.is_some_and(|e| e.bt_provide_location_information_r13.is_some()),
        nr: p.ext2.is_some(),
        external: p.epdu_provide_location_information.is_some(),
    };
    out
}

const fn failure(c: asn::LocationFailureCause) -> LocationFailure {
    match c {
        asn::LocationFailureCause::undefined => LocationFailure::Undefined,
        asn::LocationFailureCause::requestedMethodNotSupported => LocationFailure::MethodNotSupported,
        asn::LocationFailureCause::positionMethodFailure => LocationFailure::MethodFailure,
        asn::LocationFailureCause::periodicLocationMeasurementsNotAvailable => {
            LocationFailure::PeriodicNotAvailable
        }
        asn::LocationFailureCause::unknown_ext(_) => LocationFailure::Unknown,
    }
}

const fn from_failure(f: LocationFailure) -> asn::LocationFailureCause {
    match f {
        LocationFailure::Undefined | LocationFailure::Unknown => asn::LocationFailureCause::undefined,
        LocationFailure::MethodNotSupported => asn::LocationFailureCause::requestedMethodNotSupported,
        LocationFailure::MethodFailure => asn::LocationFailureCause::positionMethodFailure,
        LocationFailure::PeriodicNotAvailable => {
            asn::LocationFailureCause::periodicLocationMeasurementsNotAvailable
        }
    }
}

fn source(s: &asn::LocationSourceR13) -> LocationSource {
    let f = |i| bits::flag(&s.0, i);
    LocationSource {
        gnss: f(0),
        wlan: f(1),
        bluetooth: f(2),
        tbs: f(3),
        sensor: f(4),
        high_accuracy_gnss: f(5),
        other: f(6) || f(7) || f(8),
    }
}

fn from_source(s: LocationSource) -> asn::LocationSourceR13 {
    asn::LocationSourceR13(bits::flags(&[
        s.gnss,
        s.wlan,
        s.bluetooth,
        s.tbs,
        s.sensor,
        s.high_accuracy_gnss,
        s.other,
    ]))
}

/// Other methods than GNSS and enhanced cell id are not written.
pub(super) fn encode(r: &LocationReport) -> asn::ProvideLocationInformationR9IEs {
    let time = r.time.and_then(|t| UtcTime::from_timestamp(t.unix_s(), 0));
    let common = asn::CommonIEsProvideLocationInformation {
        location_estimate: r.estimate.as_ref().and_then(shapes::encode),
        velocity_estimate: r.velocity.as_ref().map(shapes::from_velocity),
        location_error: r.error.map(|f| asn::LocationError { locationfailurecause: from_failure(f) }),
        ext1: r.early_fix.map(|more| asn::CommonIEsProvideLocationInformationExt1 {
            early_fix_report_r12: Some(if more {
                asn::EarlyFixReportR12::moreMessagesOnTheWay
            } else {
                asn::EarlyFixReportR12::noMoreMessages
            }),
        }),
        ext2: (r.source.is_some() || time.is_some()).then(|| asn::CommonIEsProvideLocationInformationExt2 {
            location_source_r13: r.source.map(from_source),
            location_timestamp_r13: time,
        }),
        ext3: r.more.map(|m| asn::CommonIEsProvideLocationInformationExt3 {
            segmentation_info_r14: Some(common::from_more(m)),
        }),
        ext4: None,
    };
    let gnss = asn::AGNSSProvideLocationInformation {
        gnss_signal_measurement_information: r.measurements.as_ref().and_then(measure::encode),
        gnss_location_information: r.gnss_location.as_ref().map(|l| asn::GNSSLocationInformation {
            measurement_reference_time: measure::from_time(&l.time),
            agnss_list: ids::from_bitmap(&l.systems),
            ext1: None,
        }),
        gnss_error: r.gnss_error.and_then(common::from_error),
    };
    asn::ProvideLocationInformationR9IEs {
        common_ies_provide_location_information: (common
            != asn::CommonIEsProvideLocationInformation::default())
        .then_some(common),
        a_gnss_provide_location_information: (gnss != asn::AGNSSProvideLocationInformation::default())
            .then_some(gnss),
        otdoa_provide_location_information: None,
        ecid_provide_location_information: measure::from_ecid(&r.ecid).map(|m| {
            asn::ECIDProvideLocationInformation {
                ecid_signal_measurement_information: Some(m),
                ecid_error: None,
            }
        }),
        epdu_provide_location_information: None,
        ext1: None,
        ext2: None,
    }
}
