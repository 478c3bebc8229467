//! Navigation models that RRLP (GANSS) and LPP share: the same members under the same names in two sets of generated
//! types, so the conversions are written once and made for each.

/// Defines the conversions for the types in scope. Their names: `NavModelKeplerianSet`, `NavModelNAVKeplerianSet`,
/// `NavModelBDSKeplerianSetR12`, `NavClock`, `BdsClock`, `GlonassClock`, `GlonassOrbit`, `SbasClock`, `SbasOrbit`.
///
/// Writing gives `None` for integers that do not fit; reading takes the time near which truncated times are resolved.
macro_rules! navigation_models {
    (nav: { $($nav:tt)* }, bds: { $($bds:tt)* }) => {
        /// Galileo.
        fn kepler_set(k: &Kepler, toe: GpsTime) -> Option<NavModelKeplerianSet> {
            Some(NavModelKeplerianSet {
                kepler_toe: u16::try_from(times::tow_s(toe) / 60).ok()?,
                kepler_w: k.omega,
                kepler_delta_n: i16::try_from(k.delta_n).ok()?,
                kepler_m0: k.m0,
                kepler_omega_dot: k.omega_dot,
                kepler_e: k.e,
                kepler_idot: i16::try_from(k.i_dot).ok()?,
                kepler_apower_half: k.sqrt_a,
                kepler_i0: k.i0,
                kepler_omega0: k.omega0,
                kepler_crs: i16::try_from(k.crs).ok()?,
                kepler_cis: i16::try_from(k.cis).ok()?,
                kepler_cus: i16::try_from(k.cus).ok()?,
                kepler_crc: i16::try_from(k.crc).ok()?,
                kepler_cic: i16::try_from(k.cic).ok()?,
                kepler_cuc: i16::try_from(k.cuc).ok()?,
            })
        }

        fn from_kepler_set(s: &NavModelKeplerianSet) -> Kepler {
            Kepler {
                sqrt_a: s.kepler_apower_half,
                e: s.kepler_e,
                m0: s.kepler_m0,
                omega0: s.kepler_omega0,
                i0: s.kepler_i0,
                omega: s.kepler_w,
                delta_n: i32::from(s.kepler_delta_n),
                omega_dot: s.kepler_omega_dot,
                i_dot: i32::from(s.kepler_idot),
                crs: i32::from(s.kepler_crs),
                crc: i32::from(s.kepler_crc),
                cus: i32::from(s.kepler_cus),
                cuc: i32::from(s.kepler_cuc),
                cis: i32::from(s.kepler_cis),
                cic: i32::from(s.kepler_cic),
            }
        }

        /// Five bits (E5a, E5b, E1-B data validity, E5a signal health) and the extension's four (E5b, E1-B signal health): TS
        /// 44.031 tables A.48.1 and A.48.1a, TS 37.355 `svHealth`.
        fn galileo_health(h: GalileoHealth) -> (u8, u8) {
            let dvs = u8::from(h.e5a_dvs) << 4 | u8::from(h.e5b_dvs) << 3 | u8::from(h.e1b_dvs) << 2;
            (dvs | h.e5a_hs & 3, (h.e5b_hs & 3) << 2 | h.e1b_hs & 3)
        }

        const fn from_galileo_health(health: u8, ext: u8) -> GalileoHealth {
            GalileoHealth {
                e1b_dvs: health & 0x04 != 0,
                e1b_hs: ext & 3,
                e5a_dvs: health & 0x10 != 0,
                e5a_hs: health & 3,
                e5b_dvs: health & 0x08 != 0,
                e5b_hs: ext >> 2 & 3,
            }
        }

        /// GPS and QZSS.
        fn nav_set(e: &LnavEphemeris) -> Option<NavModelNAVKeplerianSet> {
            let k = &e.kepler;
            Some(NavModelNAVKeplerianSet {
                    nav_ura: e.ura,
                    nav_fit_flag: u8::from(e.fit_extended),
                    nav_toe: u16::try_from(times::tow_s(e.toe) / 16).ok()?,
                    nav_omega: k.omega,
                    nav_delta_n: i16::try_from(k.delta_n).ok()?,
                    nav_m0: k.m0,
                    nav_omega_adot: k.omega_dot,
                    nav_e: k.e,
                    nav_idot: i16::try_from(k.i_dot).ok()?,
                    nav_apower_half: k.sqrt_a,
                    nav_i0: k.i0,
                    nav_omega_a0: k.omega0,
                    nav_crs: i16::try_from(k.crs).ok()?,
                    nav_cis: i16::try_from(k.cis).ok()?,
                    nav_cus: i16::try_from(k.cus).ok()?,
                    nav_crc: i16::try_from(k.crc).ok()?,
                    nav_cic: i16::try_from(k.cic).ok()?,
                    nav_cuc: i16::try_from(k.cuc).ok()?,
                    $($nav)*
                })
        }

        fn from_nav_set(s: &NavModelNAVKeplerianSet) -> Kepler {
            Kepler {
                sqrt_a: s.nav_apower_half,
                e: s.nav_e,
                m0: s.nav_m0,
                omega0: s.nav_omega_a0,
                i0: s.nav_i0,
                omega: s.nav_omega,
                delta_n: i32::from(s.nav_delta_n),
                omega_dot: s.nav_omega_adot,
                i_dot: i32::from(s.nav_idot),
                crs: i32::from(s.nav_crs),
                crc: i32::from(s.nav_crc),
                cus: i32::from(s.nav_cus),
                cuc: i32::from(s.nav_cuc),
                cis: i32::from(s.nav_cis),
                cic: i32::from(s.nav_cic),
            }
        }

        fn nav_clock(e: &LnavEphemeris) -> Option<NavClock> {
            Some(NavClock {
                nav_toc: u16::try_from(times::tow_s(e.toc) / 16).ok()?,
                navaf2: e.af2,
                navaf1: e.af1,
                navaf0: e.af0,
                nav_tgd: e.tgd,
            })
        }

        /// What the models of GPS and QZSS say; the rest is in the satellite's element or, in LPP, in `addNAVparam`.
        fn from_nav(
            sat: SatId,
            iodc: u16,
            health: u8,
            s: &NavModelNAVKeplerianSet,
            c: &NavClock,
            near: GpsTime,
        ) -> LnavEphemeris {
            LnavEphemeris {
                sat,
                toe: times::in_week(near, i64::from(s.nav_toe) * 16),
                toc: times::in_week(near, i64::from(c.nav_toc) * 16),
                kepler: from_nav_set(s),
                af0: c.navaf0,
                af1: c.navaf1,
                af2: c.navaf2,
                tgd: c.nav_tgd,
                iodc,
                ura: s.nav_ura,
                health,
                fit_extended: s.nav_fit_flag == 1,
                code_on_l2: 0,
                l2p_flag: false,
                aodo: 0,
            }
        }

        fn bds_set(e: &BeiDouEphemeris) -> Option<NavModelBDSKeplerianSetR12> {
            let k = &e.kepler;
            Some(NavModelBDSKeplerianSetR12 {
                bds_aode_r12: e.aode,
                bds_urai_r12: e.urai,
                bds_toe_r12: u32::try_from(e.toe.bdt().1 / 8_000_000_000).ok()?,
                bds_apower_half_r12: k.sqrt_a,
                bds_e_r12: k.e,
                bds_w_r12: k.omega,
                bds_delta_n_r12: i16::try_from(k.delta_n).ok()?,
                bds_m0_r12: k.m0,
                bds_omega0_r12: k.omega0,
                bds_omega_dot_r12: k.omega_dot,
                bds_i0_r12: k.i0,
                bds_idot_r12: i16::try_from(k.i_dot).ok()?,
                bds_cuc_r12: k.cuc,
                bds_cus_r12: k.cus,
                bds_crc_r12: k.crc,
                bds_crs_r12: k.crs,
                bds_cic_r12: k.cic,
                bds_cis_r12: k.cis,
            })
        }

        fn bds_clock(e: &BeiDouEphemeris) -> Option<BdsClock> {
            Some(BdsClock {
                    bds_aodc_r12: e.aodc,
                    bds_toc_r12: u32::try_from(e.toc.bdt().1 / 8_000_000_000).ok()?,
                    bds_a0_r12: e.a0,
                    bds_a1_r12: e.a1,
                    bds_a2_r12: e.a2,
                    bds_tgd1_r12: e.tgd1,
                    $($bds)*
                })
        }

        fn from_bds(
            sat: SatId,
            sat_h1: bool,
            s: &NavModelBDSKeplerianSetR12,
            c: &BdsClock,
            near: GpsTime,
        ) -> BeiDouEphemeris {
            BeiDouEphemeris {
                sat,
                toe: times::in_bdt_week(near, i64::from(s.bds_toe_r12) * 8),
                toc: times::in_bdt_week(near, i64::from(c.bds_toc_r12) * 8),
                kepler: Kepler {
                    sqrt_a: s.bds_apower_half_r12,
                    e: s.bds_e_r12,
                    m0: s.bds_m0_r12,
                    omega0: s.bds_omega0_r12,
                    i0: s.bds_i0_r12,
                    omega: s.bds_w_r12,
                    delta_n: i32::from(s.bds_delta_n_r12),
                    omega_dot: s.bds_omega_dot_r12,
                    i_dot: i32::from(s.bds_idot_r12),
                    crs: s.bds_crs_r12,
                    crc: s.bds_crc_r12,
                    cus: s.bds_cus_r12,
                    cuc: s.bds_cuc_r12,
                    cis: s.bds_cis_r12,
                    cic: s.bds_cic_r12,
                },
                a0: c.bds_a0_r12,
                a1: c.bds_a1_r12,
                a2: c.bds_a2_r12,
                tgd1: c.bds_tgd1_r12,
                tgd2: 0,
                aode: s.bds_aode_r12,
                aodc: c.bds_aodc_r12,
                urai: s.bds_urai_r12,
                sat_h1,
            }
        }

        /// The interval between t_b's is taken as 30 minutes (P1), with P2 telling odd from even; the satellite's type as
        /// GLONASS-M: no receiver's orbit depends on them.
        fn glonass_orbit(e: &GlonassEphemeris) -> GlonassOrbit {
            let ([x, y, z], [vx, vy, vz], [ax, ay, az]) = (e.position, e.velocity, e.acceleration);
            GlonassOrbit {
                glo_en: e.age_days,
                glo_p1: bits::bits(1, 2),
                glo_p2: Ephemeris::Glonass(*e).iod() % 2 == 1,
                glo_m: 1,
                glo_x: x,
                glo_xdot: vx,
                glo_xdotdot: ax,
                glo_y: y,
                glo_ydot: vy,
                glo_ydotdot: ay,
                glo_z: z,
                glo_zdot: vz,
                glo_zdotdot: az,
            }
        }

        fn glonass_clock(e: &GlonassEphemeris) -> GlonassClock {
            GlonassClock { glo_tau: e.tau, glo_gamma: e.gamma, glo_delta_tau: e.delta_tau }
        }

        /// The channel is not part of the model: it is zero until the auxiliary information says it.
        fn from_glonass(
            sat: SatId,
            iod: u16,
            (bn, ft): (u8, u8),
            s: &GlonassOrbit,
            c: &GlonassClock,
            near: GpsTime,
        ) -> GlonassEphemeris {
            GlonassEphemeris {
                sat,
                tb: times::in_moscow_day(near, i64::from(iod & 0x7f) * 900),
                position: [s.glo_x, s.glo_y, s.glo_z],
                velocity: [s.glo_xdot, s.glo_ydot, s.glo_zdot],
                acceleration: [s.glo_xdotdot, s.glo_ydotdot, s.glo_zdotdot],
                tau: c.glo_tau,
                gamma: c.glo_gamma,
                delta_tau: c.glo_delta_tau,
                age_days: s.glo_en,
                bn,
                ft,
                channel: 0,
            }
        }

        fn sbas_orbit(e: &SbasEphemeris) -> SbasOrbit {
            let ([x, y, z], [vx, vy, vz], [ax, ay, az]) = (e.position, e.velocity, e.acceleration);
            SbasOrbit {
                sbas_to: None,
                sbas_accuracy: bits::bits(u64::from(e.ura), 4),
                sbas_xg: x,
                sbas_yg: y,
                sbas_zg: z,
                sbas_xg_dot: vx,
                sbas_yg_dot: vy,
                sbas_zg_dot: vz,
                sbas_xg_dot_dot: ax,
                sbag_yg_dot_dot: ay,
                sbas_zg_dot_dot: az,
            }
        }

        fn sbas_clock(e: &SbasEphemeris) -> Option<SbasClock> {
            Some(SbasClock {
                // Archives print times of reception between the steps.
                sbas_to: u16::try_from((times::tow_s(e.t0) % 86_400 + 8) / 16 % 5_400).ok()?,
                sbas_agfo: e.agf0,
                sbas_agf1: e.agf1,
            })
        }

        fn from_sbas_models(
            sat: SatId,
            iodn: u8,
            unhealthy: bool,
            s: &SbasOrbit,
            c: &SbasClock,
            near: GpsTime,
        ) -> SbasEphemeris {
            SbasEphemeris {
                sat,
                t0: times::in_day(near, i64::from(s.sbas_to.unwrap_or(c.sbas_to)) * 16),
                position: [s.sbas_xg, s.sbas_yg, s.sbas_zg],
                velocity: [s.sbas_xg_dot, s.sbas_yg_dot, s.sbas_zg_dot],
                acceleration: [s.sbas_xg_dot_dot, s.sbag_yg_dot_dot, s.sbas_zg_dot_dot],
                agf0: c.sbas_agfo,
                agf1: c.sbas_agf1,
                ura: bits::number(&s.sbas_accuracy) as u8,
                iodn,
                unhealthy,
            }
        }
    };
}
pub(crate) use navigation_models;
