//! Ephemerides: `GNSS-NavigationModel`.

use groma_asn1::lpp as asn;
use groma_asn1::lpp::{
    BDSClockModelR12 as BdsClock, GLONASSClockModel as GlonassClock, NAVClockModel as NavClock,
    NavModelBDSKeplerianSetR12, NavModelGLONASSECEF as GlonassOrbit, NavModelKeplerianSet,
    NavModelNAVKeplerianSet, NavModelSBASECEF as SbasOrbit, SBASClockModel as SbasClock,
};

use super::ids;
use crate::base::broadcast::{
    BeiDouEphemeris, Ephemeris, GalileoEphemeris, GalileoHealth, GalileoMessage, GlonassEphemeris, Gnss,
    Kepler, LnavEphemeris, NavIcEphemeris, SatId, SbasEphemeris,
};
use crate::base::time::GpsTime;
use crate::wire::navigation::navigation_models;
use crate::wire::{bits, times};

navigation_models!(nav: { add_navparam: None, }, bds: { ext1: None, });

/// `None` when no ephemeris fits.
pub(super) fn encode(ephemerides: &[Ephemeris]) -> Option<asn::GNSSNavigationModel> {
    let list: Vec<_> = ephemerides.iter().filter_map(element).collect();
    (!list.is_empty()).then_some(asn::GNSSNavigationModel {
        non_broadcast_ind_flag: 0,
        gnss_satellite_list: asn::GNSSNavModelSatelliteList(list),
    })
}

fn element(e: &Ephemeris) -> Option<asn::GNSSNavModelSatelliteElement> {
    use asn::{GNSSClockModel as Clock, GNSSOrbitModel as Orbit};
    let mut health_ext = None;
    let (health, clock, orbit) = match e {
        Ephemeris::Lnav(e) => {
            let mut orbit = nav_set(e)?;
            orbit.add_navparam = Some(subframe_1(e));
            (e.health << 2, Clock::nav_ClockModel(nav_clock(e)?), Orbit::nav_KeplerianSet(orbit))
        }
        Ephemeris::Galileo(e) => {
            let (health, ext) = galileo_health(e.health);
            health_ext = Some(ext);
            let clock = asn::StandardClockModelList(vec![standard_clock(e)?]);
            (
                health << 3,
                Clock::standardClockModelList(clock),
                Orbit::keplerianSet(kepler_set(&e.kepler, e.toe)?),
            )
        }
        Ephemeris::BeiDou(e) => {
            let mut clock = bds_clock(e)?;
            clock.ext1 = Some(asn::BDSClockModelR12Ext1 { bds_tgd2_r16: Some(e.tgd2) });
            let orbit = Orbit::bds_KeplerianSet_r12(bds_set(e)?);
            (u8::from(e.sat_h1) << 7, Clock::bds_ClockModel_r12(clock), orbit)
        }
        Ephemeris::Glonass(e) => (
            (e.bn >> 2 & 1) << 7 | (e.ft & 0x0f) << 3,
            Clock::glonass_ClockModel(glonass_clock(e)),
            Orbit::glonass_ECEF(glonass_orbit(e)),
        ),
        Ephemeris::Sbas(e) => (
            // Ranging off.
            u8::from(e.unhealthy) << 7,
            Clock::sbas_ClockModel(sbas_clock(e)?),
            Orbit::sbas_ECEF(sbas_orbit(e)),
        ),
        Ephemeris::NavIc(e) => (
            (e.health & 3) << 6,
            Clock::navic_ClockModel_r16(navic_clock(e)?),
            Orbit::navic_KeplerianSet_r16(navic_set(e)?),
        ),
    };
    Some(asn::GNSSNavModelSatelliteElement {
        sv_id: ids::from_sat(e.sat())?,
        sv_health: bits::bits(u64::from(health), 8),
        iod: bits::bits(u64::from(e.iod()), 11),
        gnss_clock_model: clock,
        gnss_orbit_model: orbit,
        ext1: health_ext.map(|ext: u8| asn::GNSSNavModelSatelliteElementExt1 {
            sv_health_ext_v1240: Some(bits::bits(u64::from(ext), 4)),
        }),
    })
}

/// What a GPS receiver wants of subframe 1 besides the clock; the reserved words are not known and zero.
fn subframe_1(e: &LnavEphemeris) -> asn::NavModelNAVKeplerianSetAddNAVparam {
    asn::NavModelNAVKeplerianSetAddNAVparam {
        ephem_code_on_l2: e.code_on_l2,
        ephem_l2_pflag: u8::from(e.l2p_flag),
        ephem_sf1_rsvd: asn::NavModelNAVKeplerianSetAddNAVparamEphemSF1Rsvd {
            reserved1: 0,
            reserved2: 0,
            reserved3: 0,
            reserved4: 0,
        },
        ephem_aoda: e.aodo,
    }
}

fn standard_clock(e: &GalileoEphemeris) -> Option<asn::StandardClockModelElement> {
    Some(asn::StandardClockModelElement {
        stan_clock_toc: u16::try_from(times::tow_s(e.toc) / 60).ok()?,
        stan_clock_af2: e.af2,
        stan_clock_af1: e.af1,
        stan_clock_af0: e.af0,
        // A single-frequency user of E1 needs the delay that goes with the clock.
        stan_clock_tgd: Some(match e.message {
            GalileoMessage::INav => e.bgd_e1e5b,
            GalileoMessage::FNav => e.bgd_e1e5a,
        }),
        sisa: e.sisa,
        stan_model_id: Some(match e.message {
            GalileoMessage::INav => 0,
            GalileoMessage::FNav => 1,
        }),
    })
}

fn navic_clock(e: &NavIcEphemeris) -> Option<asn::NavICClockModelR16> {
    Some(asn::NavICClockModelR16 {
        navic_toc_r16: u16::try_from(times::tow_s(e.toc) / 16).ok()?,
        navic_af2_r16: e.af2,
        navic_af1_r16: e.af1,
        navic_af0_r16: e.af0,
        navic_tgd_r16: e.tgd,
    })
}

fn navic_set(e: &NavIcEphemeris) -> Option<asn::NavModelNavICKeplerianSetR16> {
    let k = &e.kepler;
    Some(asn::NavModelNavICKeplerianSetR16 {
        navic_toe_r16: u32::try_from(times::tow_s(e.toe) / 16).ok()?,
        navic_urai_r16: e.urai,
        navic_w_r16: k.omega,
        navic_delta_n_r16: k.delta_n,
        navic_m0_r16: k.m0,
        navic_omega_dot_r16: k.omega_dot,
        navic_e_r16: k.e,
        navic_idot_r16: i16::try_from(k.i_dot).ok()?,
        navic_apower_half_r16: k.sqrt_a,
        navic_i0_r16: k.i0,
        navic_omega0_r16: k.omega0,
        navic_crs_r16: i16::try_from(k.crs).ok()?,
        navic_cis_r16: i16::try_from(k.cis).ok()?,
        navic_cus_r16: i16::try_from(k.cus).ok()?,
        navic_crc_r16: i16::try_from(k.crc).ok()?,
        navic_cic_r16: i16::try_from(k.cic).ok()?,
        navic_cuc_r16: i16::try_from(k.cuc).ok()?,
    })
}

/// Ephemerides of models that are known; times nearest to `near`.
pub(super) fn decode(gnss: Gnss, m: &asn::GNSSNavigationModel, near: GpsTime) -> Vec<Ephemeris> {
    m.gnss_satellite_list.0.iter().filter_map(|e| from_element(gnss, e, near)).collect()
}

fn from_element(gnss: Gnss, e: &asn::GNSSNavModelSatelliteElement, near: GpsTime) -> Option<Ephemeris> {
    use asn::{GNSSClockModel as Clock, GNSSOrbitModel as Orbit};
    let sat = ids::sat(gnss, &e.sv_id)?;
    let health = bits::number(&e.sv_health) as u8;
    let iod = bits::number(&e.iod) as u16;
    Some(match (gnss, &e.gnss_clock_model, &e.gnss_orbit_model) {
        (Gnss::Gps | Gnss::Qzss, Clock::nav_ClockModel(c), Orbit::nav_KeplerianSet(s)) => {
            let mut lnav = from_nav(sat, iod & 0x3ff, health >> 2, s, c, near);
            if let Some(p) = &s.add_navparam {
                lnav.code_on_l2 = p.ephem_code_on_l2;
                lnav.l2p_flag = p.ephem_l2_pflag == 1;
                lnav.aodo = p.ephem_aoda;
            }
            Ephemeris::Lnav(lnav)
        }
        (Gnss::Galileo, Clock::standardClockModelList(c), Orbit::keplerianSet(s)) => {
            let ext = e.ext1.as_ref().and_then(|e| e.sv_health_ext_v1240.as_ref());
            let health = from_galileo_health(health >> 3, ext.map_or(0, |b| bits::number(b) as u8));
            Ephemeris::Galileo(from_galileo(sat, iod & 0x3ff, health, s, c.0.first()?, near))
        }
        (Gnss::BeiDou, Clock::bds_ClockModel_r12(c), Orbit::bds_KeplerianSet_r12(s)) => {
            let mut bds = from_bds(sat, health & 0x80 != 0, s, c, near);
            bds.tgd2 = c.ext1.as_ref().and_then(|e| e.bds_tgd2_r16).unwrap_or(0);
            Ephemeris::BeiDou(bds)
        }
        (Gnss::Glonass, Clock::glonass_ClockModel(c), Orbit::glonass_ECEF(s)) => {
            let parts = (health >> 7 << 2, health >> 3 & 0x0f);
            Ephemeris::Glonass(from_glonass(sat, iod, parts, s, c, near))
        }
        (Gnss::Sbas, Clock::sbas_ClockModel(c), Orbit::sbas_ECEF(s)) => {
            Ephemeris::Sbas(from_sbas_models(sat, iod as u8, health & 0x80 != 0, s, c, near))
        }
        (Gnss::NavIc, Clock::navic_ClockModel_r16(c), Orbit::navic_KeplerianSet_r16(s)) => {
            Ephemeris::NavIc(from_navic(sat, iod as u8, health >> 6, s, c, near))
        }
        _ => return None,
    })
}

fn from_galileo(
    sat: SatId,
    iod_nav: u16,
    health: GalileoHealth,
    s: &NavModelKeplerianSet,
    c: &asn::StandardClockModelElement,
    near: GpsTime,
) -> GalileoEphemeris {
    let fnav = c.stan_model_id == Some(1);
    let bgd = c.stan_clock_tgd.unwrap_or(0);
    GalileoEphemeris {
        sat,
        message: if fnav { GalileoMessage::FNav } else { GalileoMessage::INav },
        toe: times::in_week(near, i64::from(s.kepler_toe) * 60),
        toc: times::in_week(near, i64::from(c.stan_clock_toc) * 60),
        kepler: from_kepler_set(s),
        af0: c.stan_clock_af0,
        af1: c.stan_clock_af1,
        af2: c.stan_clock_af2,
        bgd_e1e5a: if fnav { bgd } else { 0 },
        bgd_e1e5b: if fnav { 0 } else { bgd },
        sisa: c.sisa,
        iod_nav,
        health,
    }
}

fn from_navic(
    sat: SatId,
    iodec: u8,
    health: u8,
    s: &asn::NavModelNavICKeplerianSetR16,
    c: &asn::NavICClockModelR16,
    near: GpsTime,
) -> NavIcEphemeris {
    NavIcEphemeris {
        sat,
        toe: times::in_week(near, i64::from(s.navic_toe_r16) * 16),
        toc: times::in_week(near, i64::from(c.navic_toc_r16) * 16),
        kepler: Kepler {
            sqrt_a: s.navic_apower_half_r16,
            e: s.navic_e_r16,
            m0: s.navic_m0_r16,
            omega0: s.navic_omega0_r16,
            i0: s.navic_i0_r16,
            omega: s.navic_w_r16,
            delta_n: s.navic_delta_n_r16,
            omega_dot: s.navic_omega_dot_r16,
            i_dot: i32::from(s.navic_idot_r16),
            crs: i32::from(s.navic_crs_r16),
            crc: i32::from(s.navic_crc_r16),
            cus: i32::from(s.navic_cus_r16),
            cuc: i32::from(s.navic_cuc_r16),
            cis: i32::from(s.navic_cis_r16),
            cic: i32::from(s.navic_cic_r16),
        },
        af0: c.navic_af0_r16,
        af1: c.navic_af1_r16,
        af2: c.navic_af2_r16,
        tgd: c.navic_tgd_r16,
        iodec,
        urai: s.navic_urai_r16,
        health,
    }
}
