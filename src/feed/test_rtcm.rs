//! RTCM messages for tests, encoded by `rtcm-rs`.

use rtcm_rs::msg::*;
use rtcm_rs::util::DataVec;
use rtcm_rs::{Message, MessageBuilder};

use crate::base::GpsTime;
use crate::base::broadcast::{Ephemeris, Gnss, LnavEphemeris};
use crate::feed::simulated;
use crate::gnss::scale::{C, exp2i};

/// A message in its frame.
pub(crate) fn encode(message: &Message) -> Vec<u8> {
    MessageBuilder::new().build_message(message).unwrap().to_vec()
}

/// The simulation's GPS messages at `t`.
pub(crate) fn gps(t: GpsTime) -> Vec<LnavEphemeris> {
    let of = |e: &Ephemeris| match e {
        Ephemeris::Lnav(l) if l.sat.gnss == Gnss::Gps => Some(*l),
        _ => None,
    };
    simulated::sky_at(t).ephemerides.iter().filter_map(of).collect()
}

/// The first `n` of them as a stream.
pub(crate) fn gps_ephemerides(t: GpsTime, n: usize) -> Vec<u8> {
    gps(t).iter().take(n).flat_map(|l| encode(&Message::Msg1019(gps_message(l)))).collect()
}

/// A GPS ephemeris as message 1019.
pub(crate) fn gps_message(l: &LnavEphemeris) -> Msg1019T {
    let k = &l.kepler;
    let scaled = |v: i32, power: i32| f64::from(v) * exp2i(power);
    Msg1019T {
        gps_satellite_id: l.sat.number,
        gps_week_number: (l.toe.week() % 1024) as u16,
        ura_index: l.ura,
        code_on_l2_ind: l.code_on_l2,
        idot_sc_s: scaled(k.i_dot, -43),
        iode: l.iodc as u8,
        toc_s: l.toc.tow() as f32,
        af2_s_s2: scaled(i32::from(l.af2), -55) as _,
        af1_s_s: scaled(i32::from(l.af1), -43) as _,
        af0_s: scaled(l.af0, -31),
        iodc: l.iodc,
        crs_m: scaled(k.crs, -5) as _,
        delta_n_sc_s: scaled(k.delta_n, -43) as _,
        m0_sc: scaled(k.m0, -31),
        cuc_rad: scaled(k.cuc, -29) as _,
        eccentricity: f64::from(k.e) * exp2i(-33),
        cus_rad: scaled(k.cus, -29) as _,
        sqrt_a_sqrt_m: f64::from(k.sqrt_a) * exp2i(-19),
        toe_s: l.toe.tow() as f32,
        cic_rad: scaled(k.cic, -29) as _,
        omega0_sc: scaled(k.omega0, -31),
        cis_rad: scaled(k.cis, -29) as _,
        i0_sc: scaled(k.i0, -31),
        crc_m: scaled(k.crc, -5) as _,
        omega_sc: scaled(k.omega, -31),
        omegadot_sc_s: scaled(k.omega_dot, -43),
        tgd_s: scaled(i32::from(l.tgd), -31) as _,
        sv_health_ind: l.health,
        l2_p_data_flag: u8::from(l.l2p_flag) as _,
        fit_interval_ind: u8::from(l.fit_extended) as _,
    }
}

/// GPS L1 C/A pseudoranges (satellite, metres) of station 7 at `t`, as message 1077.
pub(crate) fn observations(t: GpsTime, ranges: &[(u8, f64)]) -> Vec<u8> {
    let mut satellite_data = DataVec::new();
    let mut signal_data = DataVec::new();
    for (sat, range) in ranges {
        let ms = range / (C * 1e-3);
        let rough = (ms * 1024.0).round() / 1024.0;
        satellite_data.push(Msm57Sat {
            satellite_id: *sat,
            gnss_satellite_rough_range_integer_ms: Some(rough.floor() as _),
            reserved_8_4: 0,
            gnss_satellite_rough_range_mod1ms_ms: rough.fract() as _,
            gnss_satellite_rough_phaserange_rates_m_s: Some(-300),
        });
        signal_data.push(Msg1077Sig {
            satellite_id: *sat,
            signal_id: GpsSigId::new(1, 'C'),
            gnss_signal_fine_pseudorange_ext_ms: Some(ms - rough),
            gnss_signal_fine_phaserange_ext_ms: Some(ms - rough),
            gnss_phaserange_lock_time_ext_ind: 100,
            half_cycle_ambiguity_ind: 1,
            gnss_signal_cnr_ext_dbhz: Some(45.5),
            gnss_signal_fine_phaserange_rate_m_s: Some(0.25),
        });
    }
    encode(&Message::Msg1077(Msg1077T {
        reference_station_id: 7,
        gps_epoch_time_ms: (t.tow_ns() / 1_000_000) as u32,
        data_segment: Msg1077Data { satellite_data, signal_data },
        ..Msg1077T::default()
    }))
}

/// Where station 7 stands, as message 1005.
pub(crate) fn station(position: [f64; 3]) -> Vec<u8> {
    encode(&Message::Msg1005(Msg1005T {
        reference_station_id: 7,
        antenna_ref_point_ecef_x_m: position[0],
        antenna_ref_point_ecef_y_m: position[1],
        antenna_ref_point_ecef_z_m: position[2],
        ..Msg1005T::default()
    }))
}
