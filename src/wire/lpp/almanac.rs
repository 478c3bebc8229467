//! Almanacs and UTC models.

use groma_asn1::lpp as asn;
use groma_asn1::lpp::{
    AlmanacBDSAlmanacSetR12, AlmanacECEFSBASAlmanacSet as SbasSet, AlmanacGLONASSAlmanacSet as GlonassSet,
    AlmanacKeplerianSet, AlmanacNAVKeplerianSet, SVID, UTCModelSet3 as UtcSet3, UTCModelSet4 as UtcSet4,
    UTCModelSet5R12 as UtcSet5,
};

use super::ids;
use crate::base::broadcast::{Almanac, GlonassAlmanac, Gnss, KeplerAlmanac, SatId, SbasAlmanac, UtcModel};
use crate::base::time::{BDT_WEEK_ZERO, GpsTime};
use crate::wire::almanac::{UTC_USNO, almanac_models, utc_models};
use crate::wire::assist::AlmanacSet;
use crate::wire::{bits, times};

almanac_models!(kep_sv_status_inav, kep_sv_status_fnav);
utc_models!();

/// Week (in the system's own count, of which LPP takes what it needs) and units of the time of almanac.
fn week_and_toa(gnss: Gnss, t: GpsTime) -> (i64, i64) {
    let (week, ns) = match gnss {
        Gnss::BeiDou => t.bdt(),
        _ => (t.week(), t.tow_ns()),
    };
    (week, ns / 1_000_000_000 / gnss.toa_unit_s())
}

fn toa(gnss: Gnss, week: i64, toa: i64, near: GpsTime) -> GpsTime {
    let s = toa * gnss.toa_unit_s();
    if gnss == Gnss::BeiDou {
        GpsTime::from_bdt(times::week_near(near, week + BDT_WEEK_ZERO, 256) - BDT_WEEK_ZERO, s)
    } else {
        GpsTime::from_week_s(times::week_near(near, week, 256), s)
    }
}

/// `None` when no entry fits.
pub(super) fn encode(gnss: Gnss, set: &AlmanacSet) -> Option<asn::GNSSAlmanac> {
    let first = set.entries.iter().find_map(|a| match a {
        Almanac::Kepler(k) => Some(k.toa),
        Almanac::Glonass(_) | Almanac::Sbas(_) => None,
    });
    let same = |a: &&Almanac| match a {
        Almanac::Kepler(k) => Some(k.toa) == first,
        Almanac::Glonass(_) | Almanac::Sbas(_) => true,
    };
    let list: Vec<_> = set.entries.iter().filter(same).filter_map(element).collect();
    let at = first.map(|t| week_and_toa(gnss, t));
    let large = at.map(|(_, toa)| toa).filter(|t| *t > 255);
    (!list.is_empty()).then(|| asn::GNSSAlmanac {
        week_number: at.map(|(week, _)| (week % 256) as u8),
        toa: at.and_then(|(_, t)| u8::try_from(t).ok()),
        ioda: None,
        complete_almanac_provided: set.complete,
        gnss_almanac_list: asn::GNSSAlmanacList(list),
        ext1: large
            .filter(|t| *t <= 1023)
            .map(|t| asn::GNSSAlmanacExt1 { toa_ext_v1240: Some(t as u16), ioda_ext_v1240: None }),
        ext2: large
            .filter(|t| *t > 1023)
            .map(|t| asn::GNSSAlmanacExt2 { week_number_ext_r16: None, toa_ext2_r16: u16::try_from(t).ok() }),
    })
}

fn element(a: &Almanac) -> Option<asn::GNSSAlmanacElement> {
    use asn::GNSSAlmanacElement as Element;
    let sv_id = ids::from_sat(a.sat())?;
    Some(match a {
        Almanac::Glonass(a) => Element::keplerianGLONASS(glonass(a)?),
        Almanac::Sbas(a) => Element::ecef_SBAS_Almanac(sbas(sv_id, a)?),
        Almanac::Kepler(a) => match a.sat.gnss {
            Gnss::Gps | Gnss::Qzss => Element::keplerianNAV_Almanac(nav(sv_id, a)?),
            Gnss::Galileo => Element::keplerianAlmanacSet(galileo(sv_id, a)?),
            Gnss::BeiDou => Element::keplerianBDS_Almanac_r12(beidou(sv_id, a)?),
            Gnss::NavIc => Element::keplerianNavIC_Almanac_r16(navic(sv_id, a)?),
            Gnss::Sbas | Gnss::Glonass => return None,
        },
    })
}

fn navic(sv_id: SVID, a: &KeplerAlmanac) -> Option<asn::AlmanacNavICAlmanacSetR16> {
    Some(asn::AlmanacNavICAlmanacSetR16 {
        sv_id_r16: sv_id,
        navic_alm_toa_r16: None,
        navic_alm_e_r16: u16::try_from(a.e).ok()?,
        navic_alm_omegadot_r16: i16::try_from(a.omega_dot).ok()?,
        navic_alm_sqrt_a_r16: u32::try_from(a.sqrt_a).ok()?,
        navic_alm_omegao_r16: a.omega0,
        navic_alm_omega_r16: a.omega,
        navic_alm_mo_r16: a.m0,
        navic_almaf0_r16: i16::try_from(a.af0).ok()?,
        navic_almaf1_r16: i16::try_from(a.af1).ok()?,
        // Without it the orbit would have no inclination.
        ext1: Some(asn::AlmanacNavICAlmanacSetR16Ext1 { navic_l5_i0_r16: Some(a.delta_i) }),
    })
}

fn from_navic(sat: SatId, e: &asn::AlmanacNavICAlmanacSetR16, toa: GpsTime) -> KeplerAlmanac {
    KeplerAlmanac {
        sat,
        toa,
        e: u32::from(e.navic_alm_e_r16),
        delta_i: e.ext1.as_ref().and_then(|x| x.navic_l5_i0_r16).unwrap_or(0),
        omega_dot: i32::from(e.navic_alm_omegadot_r16),
        sqrt_a: e.navic_alm_sqrt_a_r16 as i32,
        omega0: e.navic_alm_omegao_r16,
        omega: e.navic_alm_omega_r16,
        m0: e.navic_alm_mo_r16,
        af0: i32::from(e.navic_almaf0_r16),
        af1: i32::from(e.navic_almaf1_r16),
        health: 0,
    }
}

/// Entries of models that are known; times nearest to `near`.
pub(super) fn decode(gnss: Gnss, a: &asn::GNSSAlmanac, near: GpsTime) -> AlmanacSet {
    let large =
        a.ext2.as_ref().and_then(|e| e.toa_ext2_r16).or(a.ext1.as_ref().and_then(|e| e.toa_ext_v1240));
    let units = i64::from(large.unwrap_or(u16::from(a.toa.unwrap_or(0))));
    let week = a.week_number.map_or_else(|| week_and_toa(gnss, near).0, i64::from);
    let common = toa(gnss, week, units, near);
    let entry = |e: &asn::GNSSAlmanacElement| -> Option<Almanac> {
        use asn::GNSSAlmanacElement as Element;
        Some(match (gnss, e) {
            (Gnss::Gps | Gnss::Qzss, Element::keplerianNAV_Almanac(e)) => {
                Almanac::Kepler(from_nav(ids::sat(gnss, &e.sv_id)?, e, common))
            }
            (Gnss::Galileo, Element::keplerianAlmanacSet(e)) => {
                Almanac::Kepler(from_galileo(ids::sat(gnss, &e.sv_id)?, e, common))
            }
            (Gnss::BeiDou, Element::keplerianBDS_Almanac_r12(e)) => {
                let own = e.bds_alm_toa_r12.map(|t| toa(gnss, week, i64::from(t), near));
                Almanac::Kepler(from_beidou(ids::sat(gnss, &e.sv_id)?, e, own.unwrap_or(common)))
            }
            (Gnss::Glonass, Element::keplerianGLONASS(e)) => Almanac::Glonass(from_glonass(e, near)),
            (Gnss::Sbas, Element::ecef_SBAS_Almanac(e)) => {
                Almanac::Sbas(from_sbas(ids::sat(gnss, &e.sv_id)?, e, near))
            }
            (Gnss::NavIc, Element::keplerianNavIC_Almanac_r16(e)) => {
                let own = e.navic_alm_toa_r16.map(|t| toa(gnss, week, i64::from(t), near));
                Almanac::Kepler(from_navic(ids::sat(gnss, &e.sv_id_r16)?, e, own.unwrap_or(common)))
            }
            _ => return None,
        })
    };
    AlmanacSet {
        entries: a.gnss_almanac_list.0.iter().filter_map(entry).collect(),
        complete: a.complete_almanac_provided,
    }
}

/// The model each system uses: GPS, QZSS and Galileo set 1, NavIC set 2, GLONASS set 3, SBAS set 4, BeiDou set 5. `None`
/// when a number does not fit.
pub(super) fn from_utc(gnss: Gnss, u: &UtcModel) -> Option<asn::GNSSUTCModel> {
    let week = u.week as u8;
    let week_lsf = u.week_lsf as u8;
    Some(match gnss {
        Gnss::NavIc => asn::GNSSUTCModel::utcModel2(navic_utc(u)?),
        Gnss::Glonass => asn::GNSSUTCModel::utcModel3(glonass_utc(u)),
        Gnss::Sbas => asn::GNSSUTCModel::utcModel4(sbas_utc(u)),
        Gnss::BeiDou => asn::GNSSUTCModel::utcModel5_r12(beidou_utc(u)),
        _ => asn::GNSSUTCModel::utcModel1(asn::UTCModelSet1 {
            gnss_utc_a1: u.a1,
            gnss_utc_a0: u.a0,
            gnss_utc_tot: u.tot,
            gnss_utc_wnt: week,
            gnss_utc_delta_tls: u.dt_ls,
            gnss_utc_wnlsf: week_lsf,
            gnss_utc_dn: u.dn as i8,
            gnss_utc_delta_tlsf: u.dt_lsf,
        }),
    })
}

/// Weeks from GPS week 0 to NavIC week 0.
const NAVIC_WEEK_ZERO: i64 = 1024;

/// Set 2 has steps of 2^-35 s, 2^-51 s/s and 16 s.
fn navic_utc(u: &UtcModel) -> Option<asn::UTCModelSet2> {
    let week_lsf = (i64::from(u.week_lsf) - NAVIC_WEEK_ZERO).rem_euclid(8192);
    Some(asn::UTCModelSet2 {
        utc_a0: i16::try_from(u.a0.checked_mul(32)?).ok()?,
        utc_a1: i16::try_from(u.a1.checked_mul(2)?).ok().filter(|a| (-4096..4096).contains(a))?,
        utc_a2: 0,
        utc_delta_tls: u.dt_ls,
        utc_tot: u16::from(u.tot) * 256,
        utc_wnot: (i64::from(u.week) - NAVIC_WEEK_ZERO).rem_euclid(8192) as u16,
        utc_wnlsf: (week_lsf % 256) as u8,
        utc_dn: bits::bits(u64::from(u.dn), 4),
        utc_delta_tlsf: u.dt_lsf,
        ext1: (week_lsf > 255).then_some(asn::UTCModelSet2Ext1 { utc_wnlsf_ext_r16: Some(week_lsf as u16) }),
    })
}

fn from_navic_utc(u: &asn::UTCModelSet2, near: GpsTime) -> UtcModel {
    let long = u.ext1.as_ref().and_then(|e| e.utc_wnlsf_ext_r16);
    UtcModel {
        a0: i32::from(u.utc_a0) / 32,
        a1: i32::from(u.utc_a1) / 2,
        tot: (u.utc_tot / 256) as u8,
        week: times::week_near(near, i64::from(u.utc_wnot) + NAVIC_WEEK_ZERO, 8192) as u16,
        dt_ls: u.utc_delta_tls,
        week_lsf: match long {
            Some(week) => times::week_near(near, i64::from(week) + NAVIC_WEEK_ZERO, 8192) as u16,
            None => times::week_near(near, i64::from(u.utc_wnlsf) + NAVIC_WEEK_ZERO, 256) as u16,
        },
        dn: bits::number(&u.utc_dn) as u8,
        dt_lsf: u.utc_delta_tlsf,
    }
}

/// `None` for a model of a later release. Set 2, which CNAV and NavIC use, loses the steps below those of set 1.
pub(super) fn utc(u: &asn::GNSSUTCModel, near: GpsTime) -> Option<UtcModel> {
    let full = |week: u8| times::week_near(near, i64::from(week), 256) as u16;
    Some(match u {
        asn::GNSSUTCModel::utcModel1(u) => UtcModel {
            a0: u.gnss_utc_a0,
            a1: u.gnss_utc_a1,
            tot: u.gnss_utc_tot,
            week: full(u.gnss_utc_wnt),
            dt_ls: u.gnss_utc_delta_tls,
            week_lsf: full(u.gnss_utc_wnlsf),
            dn: u.gnss_utc_dn as u8,
            dt_lsf: u.gnss_utc_delta_tlsf,
        },
        asn::GNSSUTCModel::utcModel2(u) => from_navic_utc(u, near),
        asn::GNSSUTCModel::utcModel3(u) => times::glonass_utc(u.tau_c, u.n_a, near),
        asn::GNSSUTCModel::utcModel4(u) => from_sbas_utc(u, near),
        asn::GNSSUTCModel::utcModel5_r12(u) => from_beidou_utc(u, near),
        asn::GNSSUTCModel::unknown_ext(_) => return None,
    })
}
