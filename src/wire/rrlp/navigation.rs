//! Ephemerides of GANSS: `GANSSNavModel`.

use groma_asn1::rrlp as asn;
use groma_asn1::rrlp::{
    BDSClockModelR12 as BdsClock, GLONASSclockModel as GlonassClock, NAVclockModel as NavClock,
    NavModelBDSKeplerianSetR12, NavModelGLONASSecef as GlonassOrbit, NavModelKeplerianSet,
    NavModelNAVKeplerianSet, NavModelSBASecef as SbasOrbit, SBASclockModel as SbasClock,
};

use super::ids;
use crate::base::broadcast::{
    BeiDouEphemeris, Ephemeris, GalileoEphemeris, GalileoHealth, GalileoMessage, GlonassEphemeris, Gnss,
    Kepler, LnavEphemeris, SatId, SbasEphemeris,
};
use crate::base::time::GpsTime;
use crate::wire::navigation::navigation_models;
use crate::wire::{bits, times};

navigation_models!(nav: {}, bds: {});

/// `None` when no ephemeris fits.
pub(super) fn encode(ephemerides: &[Ephemeris]) -> Option<asn::GANSSNavModel> {
    let list: Vec<_> = ephemerides.iter().filter_map(element).collect();
    (!list.is_empty()).then_some(asn::GANSSNavModel {
        non_broadcast_ind_flag: 0,
        ganss_satellite_list: asn::SeqOfGANSSSatelliteElement(list),
    })
}

fn element(e: &Ephemeris) -> Option<asn::GANSSSatelliteElement> {
    use asn::{GANSSClockModel as Clock, GANSSOrbitModel as Orbit};
    let (mut msb, mut ext) = (None, None);
    // The five bits of the element; the sixth of QZSS and Galileo's last four have members of their own.
    let (health, clock, orbit) = match e {
        Ephemeris::Lnav(e) => {
            msb = Some(e.health >> 5 & 1);
            (e.health & 0x1f, Clock::navClockModel(nav_clock(e)?), Orbit::navKeplerianSet(nav_set(e)?))
        }
        Ephemeris::Galileo(e) => {
            let (health, extension) = galileo_health(e.health);
            ext = Some(extension);
            let clock = asn::SeqOfStandardClockModelElement(vec![standard_clock(e)?]);
            let orbit = Orbit::keplerianSet(kepler_set(&e.kepler, e.toe)?);
            (health, Clock::standardClockModelList(clock), orbit)
        }
        Ephemeris::BeiDou(e) => (
            u8::from(e.sat_h1) << 4,
            Clock::bdsClockModel_r12(bds_clock(e)?),
            Orbit::bdsKeplerianSet_r12(bds_set(e)?),
        ),
        Ephemeris::Glonass(e) => (
            (e.bn >> 2 & 1) << 4 | e.ft & 0x0f,
            Clock::glonassClockModel(glonass_clock(e)),
            Orbit::glonassECEF(glonass_orbit(e)),
        ),
        Ephemeris::Sbas(e) => (
            u8::from(e.unhealthy) << 4,
            Clock::sbasClockModel(sbas_clock(e)?),
            Orbit::sbasECEF(sbas_orbit(e)),
        ),
        Ephemeris::NavIc(_) => return None,
    };
    let iod = e.iod();
    Some(asn::GANSSSatelliteElement {
        sv_id: ids::from_sat(e.sat())?,
        sv_health: bits::bits(u64::from(health), 5),
        iod: iod & 0x3ff,
        ganss_clock_model: clock,
        ganss_orbit_model: orbit,
        sv_health_msb: msb.map(|b| bits::bits(u64::from(b), 1)),
        iod_msb: matches!(e, Ephemeris::BeiDou(_)).then_some((iod >> 10 & 1) as u8),
        sv_health_ext: ext.map(|b| bits::bits(u64::from(b), 4)),
    })
}

fn standard_clock(e: &GalileoEphemeris) -> Option<asn::StandardClockModelElement> {
    let fnav = e.message == GalileoMessage::FNav;
    Some(asn::StandardClockModelElement {
        stan_clock_toc: u16::try_from(times::tow_s(e.toc) / 60).ok()?,
        stan_clock_af2: e.af2,
        stan_clock_af1: e.af1,
        stan_clock_af0: e.af0,
        stan_clock_tgd: Some(if fnav { e.bgd_e1e5a } else { e.bgd_e1e5b }),
        stan_model_id: Some(u8::from(fnav)),
    })
}

/// Ephemerides of models that are known; times nearest to `near`.
pub(super) fn decode(gnss: Gnss, m: &asn::GANSSNavModel, near: GpsTime) -> Vec<Ephemeris> {
    m.ganss_satellite_list.0.iter().filter_map(|e| from_element(gnss, e, near)).collect()
}

fn from_element(gnss: Gnss, e: &asn::GANSSSatelliteElement, near: GpsTime) -> Option<Ephemeris> {
    use asn::{GANSSClockModel as Clock, GANSSOrbitModel as Orbit};
    let sat = ids::sat(gnss, &e.sv_id)?;
    let health = bits::number(&e.sv_health) as u8;
    let msb = e.sv_health_msb.as_ref().map_or(0, |b| bits::number(b) as u8);
    let ext = e.sv_health_ext.as_ref().map_or(0, |b| bits::number(b) as u8);
    Some(match (gnss, &e.ganss_clock_model, &e.ganss_orbit_model) {
        (Gnss::Qzss, Clock::navClockModel(c), Orbit::navKeplerianSet(s)) => {
            Ephemeris::Lnav(from_nav(sat, e.iod, msb << 5 | health, s, c, near))
        }
        (Gnss::Galileo, Clock::standardClockModelList(c), Orbit::keplerianSet(s)) => {
            Ephemeris::Galileo(from_galileo(sat, e.iod, (health, ext), s, c.0.first()?, near))
        }
        (Gnss::BeiDou, Clock::bdsClockModel_r12(c), Orbit::bdsKeplerianSet_r12(s)) => {
            Ephemeris::BeiDou(from_bds(sat, health & 0x10 != 0, s, c, near))
        }
        (Gnss::Glonass, Clock::glonassClockModel(c), Orbit::glonassECEF(s)) => {
            Ephemeris::Glonass(from_glonass(sat, e.iod, (health >> 4 << 2, health & 0x0f), s, c, near))
        }
        (Gnss::Sbas, Clock::sbasClockModel(c), Orbit::sbasECEF(s)) => {
            Ephemeris::Sbas(from_sbas_models(sat, e.iod as u8, health & 0x10 != 0, s, c, near))
        }
        _ => return None,
    })
}

fn from_galileo(
    sat: SatId,
    iod_nav: u16,
    (health, ext): (u8, u8),
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
        // RRLP does not carry the accuracy index: no prediction.
        sisa: 255,
        iod_nav,
        health: from_galileo_health(health, ext),
    }
}
