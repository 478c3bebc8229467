//! Reference measurement assistance of GANSS.

use groma_asn1::rrlp as asn;

use super::ids;
use crate::base::broadcast::Gnss;
use crate::base::time::GpsTime;
use crate::wire::acquisition::Code;
use crate::wire::assist::Acquisition;

pub(super) fn encode(a: &Acquisition) -> Option<asn::GANSSRefMeasurementAssist> {
    let element = |s: &crate::wire::assist::AcquisitionSat| {
        let code = Code::new(a.time, s);
        Some(asn::GANSSRefMeasurementElement {
            sv_id: ids::from_sat(s.sat)?,
            doppler0: code.doppler0,
            additional_doppler: Some(asn::AdditionalDopplerFields {
                doppler1: code.doppler1,
                doppler_uncertainty: code.doppler_uncertainty,
            }),
            code_phase: code.phase,
            int_code_phase: code.int_phase,
            code_phase_search_window: code.window,
            additional_angle: Some(asn::AddionalAngleFields {
                azimuth: (code.azimuth / 16) as u8,
                elevation: code.elevation / 16,
            }),
            code_phase1023: code.phase_1023.then_some(true),
        })
    };
    let list: Vec<_> = a.satellites.iter().filter_map(element).take(16).collect();
    (!list.is_empty()).then(|| asn::GANSSRefMeasurementAssist {
        ganss_signal_id: asn::GANSSSignalID(a.signal.min(7)),
        ganss_ref_meas_assist_list: asn::SeqOfGANSSRefMeasurementElement(list),
    })
}

pub(super) fn decode(gnss: Gnss, a: &asn::GANSSRefMeasurementAssist, near: GpsTime) -> Acquisition {
    let satellite = |e: &asn::GANSSRefMeasurementElement| {
        let code = Code {
            doppler0: e.doppler0,
            doppler1: e.additional_doppler.as_ref().map_or(42, |d| d.doppler1),
            doppler_uncertainty: e.additional_doppler.as_ref().map_or(0, |d| d.doppler_uncertainty),
            phase: e.code_phase,
            phase_1023: e.code_phase1023 == Some(true),
            int_phase: e.int_code_phase,
            window: e.code_phase_search_window,
            azimuth: e.additional_angle.as_ref().map_or(0, |a| u16::from(a.azimuth) * 16),
            elevation: e.additional_angle.as_ref().map_or(0, |a| a.elevation.min(7) * 16),
        };
        Some(code.satellite(ids::sat(gnss, &e.sv_id)?, near))
    };
    Acquisition {
        time: near,
        signal: a.ganss_signal_id.0,
        confidence: None,
        satellites: a.ganss_ref_meas_assist_list.0.iter().filter_map(satellite).collect(),
    }
}
