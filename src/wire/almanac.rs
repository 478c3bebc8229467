//! Almanac entries and UTC models that RRLP (GANSS) and LPP share, as [`crate::wire::navigation`] shares navigation models.

/// UTC as the U.S. Naval Observatory keeps it (TS 44.031 table A.55.18, TS 37.355 `utcStandardID`, the identifier of SBAS
/// message 12: 0 CRL, 1 NIST, 2 USNO, 3 BIPM). WAAS and MSAS steer by it, and sources of navigation data do not say
/// otherwise.
pub(crate) const UTC_USNO: u8 = 2;

/// Defines the conversions for the types in scope: `AlmanacNAVKeplerianSet`, `AlmanacKeplerianSet`,
/// `AlmanacBDSAlmanacSetR12`, `GlonassSet`, `SbasSet`, `SVID`. The arguments are the names of Galileo's status members.
///
/// Writing gives `None` for integers that do not fit.
macro_rules! almanac_models {
    ($inav:ident, $fnav:ident) => {
        fn nav(sv_id: SVID, a: &KeplerAlmanac) -> Option<AlmanacNAVKeplerianSet> {
            Some(AlmanacNAVKeplerianSet {
                sv_id,
                nav_alm_e: u16::try_from(a.e).ok()?,
                nav_alm_delta_i: i16::try_from(a.delta_i).ok()?,
                nav_alm_omegadot: i16::try_from(a.omega_dot).ok()?,
                nav_alm_svhealth: u8::try_from(a.health).ok()?,
                nav_alm_sqrt_a: u32::try_from(a.sqrt_a).ok()?,
                nav_alm_omegao: a.omega0,
                nav_alm_omega: a.omega,
                nav_alm_mo: a.m0,
                nav_almaf0: i16::try_from(a.af0).ok()?,
                nav_almaf1: i16::try_from(a.af1).ok()?,
            })
        }

        /// The status bits: E5b and E1-B from I/NAV, E5a from F/NAV. The almanac here keeps E5a and E1 only; E5b is said as E1.
        fn galileo(sv_id: SVID, a: &KeplerAlmanac) -> Option<AlmanacKeplerianSet> {
            let (e5a, e1) = (u64::from(a.health >> 2 & 3), u64::from(a.health & 3));
            Some(AlmanacKeplerianSet {
                sv_id,
                kep_almanac_e: u16::try_from(a.e).ok()?,
                kep_almanac_delta_i: i16::try_from(a.delta_i).ok()?,
                kep_almanac_omega_dot: i16::try_from(a.omega_dot).ok()?,
                $inav: bits::bits(e1 << 2 | e1, 4),
                $fnav: Some(bits::bits(e5a, 2)),
                kep_almanac_apower_half: i16::try_from(a.sqrt_a).ok()?,
                kep_almanac_omega0: i16::try_from(a.omega0).ok()?,
                kep_almanac_w: i16::try_from(a.omega).ok()?,
                kep_almanac_m0: i16::try_from(a.m0).ok()?,
                kep_almanac_af0: i16::try_from(a.af0).ok()?,
                kep_almanac_af1: i16::try_from(a.af1).ok()?,
            })
        }

        fn beidou(sv_id: SVID, a: &KeplerAlmanac) -> Option<AlmanacBDSAlmanacSetR12> {
            Some(AlmanacBDSAlmanacSetR12 {
                sv_id,
                bds_alm_toa_r12: None,
                bds_alm_sqrt_a_r12: u32::try_from(a.sqrt_a).ok()?,
                bds_alm_e_r12: a.e,
                bds_alm_w_r12: a.omega,
                bds_alm_m0_r12: a.m0,
                bds_alm_omega0_r12: a.omega0,
                bds_alm_omega_dot_r12: a.omega_dot,
                bds_alm_delta_i_r12: i16::try_from(a.delta_i).ok()?,
                bds_alm_a0_r12: i16::try_from(a.af0).ok()?,
                bds_alm_a1_r12: i16::try_from(a.af1).ok()?,
                bds_sv_health_r12: Some(bits::bits(u64::from(a.health), 9)),
            })
        }

        /// `HA` numbers frequency channels 0..=31, negative ones from 25 (−7) to 31 (−1).
        fn glonass(a: &GlonassAlmanac) -> Option<GlonassSet> {
            Some(GlonassSet {
                glo_alm_na: a.na,
                glo_almn_a: a.sat.number,
                glo_alm_ha: u8::try_from(i16::from(a.channel).rem_euclid(32)).ok()?,
                glo_alm_lambda_a: a.lambda,
                glo_almtlambda_a: a.t_lambda,
                glo_alm_delta_ia: a.delta_i,
                glo_alm_delta_ta: a.delta_t,
                glo_alm_delta_tdot_a: a.delta_t_dot,
                glo_alm_epsilon_a: a.e,
                glo_alm_omega_a: a.omega,
                glo_alm_tau_a: a.tau,
                glo_alm_ca: u8::from(a.healthy),
                glo_alm_ma: None,
            })
        }

        fn sbas(sv_id: SVID, a: &SbasAlmanac) -> Option<SbasSet> {
            let ([x, y, z], [vx, vy, vz]) = (a.position, a.velocity);
            Some(SbasSet {
                sbas_alm_data_id: 0,
                sv_id,
                sbas_alm_health: bits::bits(u64::from(a.health), 8),
                sbas_alm_xg: x,
                sbas_alm_yg: y,
                sbas_alm_zg: z,
                sbas_alm_xgdot: vx,
                sbas_alm_yg_dot: vy,
                sbas_alm_zg_dot: vz,
                sbas_alm_to: u16::try_from(times::tow_s(a.t0) % 86_400 / 64).ok()?,
            })
        }

        fn from_sbas(sat: SatId, e: &SbasSet, near: GpsTime) -> SbasAlmanac {
            SbasAlmanac {
                sat,
                t0: times::in_day(near, i64::from(e.sbas_alm_to) * 64),
                position: [e.sbas_alm_xg, e.sbas_alm_yg, e.sbas_alm_zg],
                velocity: [e.sbas_alm_xgdot, e.sbas_alm_yg_dot, e.sbas_alm_zg_dot],
                health: bits::number(&e.sbas_alm_health) as u8,
            }
        }

        fn from_nav(sat: SatId, e: &AlmanacNAVKeplerianSet, toa: GpsTime) -> KeplerAlmanac {
            KeplerAlmanac {
                sat,
                toa,
                e: u32::from(e.nav_alm_e),
                delta_i: i32::from(e.nav_alm_delta_i),
                omega_dot: i32::from(e.nav_alm_omegadot),
                sqrt_a: e.nav_alm_sqrt_a as i32,
                omega0: e.nav_alm_omegao,
                omega: e.nav_alm_omega,
                m0: e.nav_alm_mo,
                af0: i32::from(e.nav_almaf0),
                af1: i32::from(e.nav_almaf1),
                health: u16::from(e.nav_alm_svhealth),
            }
        }

        fn from_galileo(sat: SatId, e: &AlmanacKeplerianSet, toa: GpsTime) -> KeplerAlmanac {
            let inav = bits::number(&e.$inav) as u16;
            let e5a = e.$fnav.as_ref().map_or(inav >> 2, |b| bits::number(b) as u16);
            KeplerAlmanac {
                sat,
                toa,
                e: u32::from(e.kep_almanac_e),
                delta_i: i32::from(e.kep_almanac_delta_i),
                omega_dot: i32::from(e.kep_almanac_omega_dot),
                sqrt_a: i32::from(e.kep_almanac_apower_half),
                omega0: i32::from(e.kep_almanac_omega0),
                omega: i32::from(e.kep_almanac_w),
                m0: i32::from(e.kep_almanac_m0),
                af0: i32::from(e.kep_almanac_af0),
                af1: i32::from(e.kep_almanac_af1),
                health: (e5a & 3) << 2 | inav & 3,
            }
        }

        fn from_beidou(sat: SatId, e: &AlmanacBDSAlmanacSetR12, toa: GpsTime) -> KeplerAlmanac {
            KeplerAlmanac {
                sat,
                toa,
                e: e.bds_alm_e_r12,
                delta_i: i32::from(e.bds_alm_delta_i_r12),
                omega_dot: e.bds_alm_omega_dot_r12,
                sqrt_a: e.bds_alm_sqrt_a_r12 as i32,
                omega0: e.bds_alm_omega0_r12,
                omega: e.bds_alm_w_r12,
                m0: e.bds_alm_m0_r12,
                af0: i32::from(e.bds_alm_a0_r12),
                af1: i32::from(e.bds_alm_a1_r12),
                health: e.bds_sv_health_r12.as_ref().map_or(0, |b| bits::number(b) as u16),
            }
        }

        fn from_glonass(e: &GlonassSet, near: GpsTime) -> GlonassAlmanac {
            let channel = e.glo_alm_ha as i8;
            GlonassAlmanac {
                sat: SatId::new(Gnss::Glonass, e.glo_almn_a),
                day: times::from_four_year_day(near, i64::from(e.glo_alm_na)),
                na: e.glo_alm_na,
                lambda: e.glo_alm_lambda_a,
                t_lambda: e.glo_almtlambda_a,
                delta_i: e.glo_alm_delta_ia,
                delta_t: e.glo_alm_delta_ta,
                delta_t_dot: e.glo_alm_delta_tdot_a,
                e: e.glo_alm_epsilon_a,
                omega: e.glo_alm_omega_a,
                tau: e.glo_alm_tau_a,
                channel: if channel > 13 { channel - 32 } else { channel },
                healthy: e.glo_alm_ca == 1,
            }
        }
    };
}
pub(crate) use almanac_models;

/// Defines the conversions of the UTC models of GLONASS, SBAS and BeiDou for the types in scope: `UtcSet3`, `UtcSet4`,
/// `UtcSet5`.
macro_rules! utc_models {
    () => {
        fn glonass_utc(u: &UtcModel) -> UtcSet3 {
            let t = GpsTime::from_week_s(i64::from(u.week), i64::from(u.tot) * 4096);
            UtcSet3 { n_a: times::four_year_day(t) as u16, tau_c: u.a0, b1: None, b2: None, kp: None }
        }

        const fn sbas_utc(u: &UtcModel) -> UtcSet4 {
            UtcSet4 {
                utc_a1wnt: u.a1,
                utc_a0wnt: u.a0,
                utc_tot: u.tot,
                utc_wnt: u.week as u8,
                utc_delta_tls: u.dt_ls,
                utc_wnlsf: u.week_lsf as u8,
                utc_dn: u.dn as i8,
                utc_delta_tlsf: u.dt_lsf,
                utc_standard_id: UTC_USNO,
            }
        }

        fn from_sbas_utc(u: &UtcSet4, near: GpsTime) -> UtcModel {
            let full = |week: u8| times::week_near(near, i64::from(week), 256) as u16;
            UtcModel {
                a0: u.utc_a0wnt,
                a1: u.utc_a1wnt,
                tot: u.utc_tot,
                week: full(u.utc_wnt),
                dt_ls: u.utc_delta_tls,
                week_lsf: full(u.utc_wnlsf),
                dn: u.utc_dn as u8,
                dt_lsf: u.utc_delta_tlsf,
            }
        }

        /// BeiDou counts weeks from its own epoch and days of the week from 0.
        fn beidou_utc(u: &UtcModel) -> UtcSet5 {
            UtcSet5 {
                utc_a0_r12: u.a0,
                utc_a1_r12: u.a1,
                utc_delta_tls_r12: u.dt_ls,
                utc_wnlsf_r12: (i64::from(u.week_lsf) - BDT_WEEK_ZERO).rem_euclid(256) as u8,
                utc_dn_r12: u.dn.saturating_sub(1),
                utc_delta_tlsf_r12: u.dt_lsf,
            }
        }

        fn from_beidou_utc(u: &UtcSet5, near: GpsTime) -> UtcModel {
            UtcModel {
                a0: u.utc_a0_r12,
                a1: u.utc_a1_r12,
                tot: 0,
                week: near.week() as u16,
                dt_ls: u.utc_delta_tls_r12,
                week_lsf: times::week_near(near, i64::from(u.utc_wnlsf_r12) + BDT_WEEK_ZERO, 256) as u16,
                dn: u.utc_dn_r12.saturating_add(1),
                dt_lsf: u.utc_delta_tlsf_r12,
            }
        }
    };
}
pub(crate) use utc_models;
