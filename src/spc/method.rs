//! Which positioning method and which protocol a session uses.

use super::config::Methods;
use crate::base::broadcast::Gnss;
use crate::wire::assist::GnssModes;
use crate::wire::ulp::{GanssSystem, PosMethod, PosProtocols, Preference, SetCapabilities};

/// The positioning protocol of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// 3GPP TS 44.031.
    Rrlp,
    /// 3GPP TS 37.355.
    Lpp,
}

impl Protocol {
    /// Name for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rrlp => "rrlp",
            Self::Lpp => "lpp",
        }
    }
}

/// How the position comes about, which is what procedures need to know of the method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The SET computes with assistance.
    SetBased,
    /// The SET measures with assistance.
    SetAssisted,
    /// The SET computes without assistance.
    Autonomous,
    /// From what the SET hears of cells and access points.
    Cell,
}

/// The outcome of the choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What SUPL RESPONSE says.
    pub pos_method: PosMethod,
    /// What it means.
    pub mode: Mode,
    /// The protocol; `None` for [`Mode::Cell`] with a SET that speaks none of ours, since no SUPL POS is needed.
    pub protocol: Option<Protocol>,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Nothing that the SET can do is offered: SUPL END `posMethodMismatch`.
    #[error("no positioning method in common")]
    Method,
    /// The method needs a protocol, and none is common: SUPL END `posProtocolMismatch`.
    #[error("no positioning protocol in common")]
    Protocol,
}

/// The protocol to use: LPP, the more capable, where the SET speaks it and the session's version carries it.
pub fn protocol(offered: &PosProtocols, version_2: bool) -> Option<Protocol> {
    if version_2 && offered.lpp {
        Some(Protocol::Lpp)
    } else if offered.rrlp {
        Some(Protocol::Rrlp)
    } else {
        None
    }
}

/// Chooses for a SET with these capabilities in a session of ULP 1 or 2.
///
/// A SET that can compute its own position as well as have it computed does what it prefers, and computes when it prefers
/// nothing: it sees more of its signals than it can report. One that can only measure, or find its position without help,
/// measures: that is quicker than reading orbits from the sky. Of the names in ULP, the `pref` forms are used where the SET can do both, since then either may
/// come. Methods of 2.0 (A-GNSS) are named only where a system besides GPS is in play (ULP 2.0 `PosMethod`).
pub fn choose(capabilities: &SetCapabilities, version_2: bool, methods: Methods) -> Result<Choice, Mismatch> {
    let gps = capabilities.gps;
    let others = if version_2 { other_systems(capabilities) } else { GnssModes::default() };
    let pick = |of: fn(&GnssModes) -> bool| match (of(&gps), of(&others)) {
        (_, true) => Some(true),
        (true, false) => Some(false),
        (false, false) => None,
    };
    let based = pick(|m| m.ms_based).filter(|_| methods.set_based);
    let assisted = pick(|m| m.ms_assisted).filter(|_| methods.set_assisted);
    let alone = pick(|m| m.standalone).filter(|_| methods.autonomous);
    let prefers_assisted = capabilities.preference == Preference::SetAssisted;
    let (pos_method, mode) = match (based, assisted, alone) {
        (Some(_), Some(gnss), _) if prefers_assisted => (
            if gnss { PosMethod::AgnssSetAssistedPreferred } else { PosMethod::AgpsSetAssistedPreferred },
            Mode::SetAssisted,
        ),
        (Some(gnss), Some(_), _) => (
            if gnss { PosMethod::AgnssSetBasedPreferred } else { PosMethod::AgpsSetBasedPreferred },
            Mode::SetBased,
        ),
        (Some(gnss), None, _) => {
            (if gnss { PosMethod::AgnssSetBased } else { PosMethod::AgpsSetBased }, Mode::SetBased)
        }
        (None, Some(gnss), _) => {
            (if gnss { PosMethod::AgnssSetAssisted } else { PosMethod::AgpsSetAssisted }, Mode::SetAssisted)
        }
        (None, None, Some(gnss)) => {
            (if gnss { PosMethod::AutonomousGnss } else { PosMethod::AutonomousGps }, Mode::Autonomous)
        }
        (None, None, None) if cell_is_common(capabilities, methods) => (PosMethod::Ecid, Mode::Cell),
        (None, None, None) => return Err(Mismatch::Method),
    };
    let protocol = protocol(&capabilities.protocols, version_2);
    if protocol.is_none() && mode != Mode::Cell {
        return Err(Mismatch::Protocol);
    }
    Ok(Choice { pos_method, mode, protocol })
}

/// Whether the cell is all there is to go by: the SET names E-CID, or nothing at all, and every SET tells its cell.
pub fn only_cell(capabilities: &SetCapabilities) -> bool {
    let any = |m: GnssModes| m.standalone || m.ms_based || m.ms_assisted;
    let gnss = any(capabilities.gps) || capabilities.ganss.iter().any(|g| any(g.modes));
    !(gnss || capabilities.aflt || capabilities.eotd || capabilities.otdoa)
}

fn cell_is_common(capabilities: &SetCapabilities, methods: Methods) -> bool {
    methods.cell_id && (capabilities.ecid || only_cell(capabilities))
}

/// What the SET can do with the systems besides GPS that this server knows.
fn other_systems(capabilities: &SetCapabilities) -> GnssModes {
    let mut all = GnssModes::default();
    for g in &capabilities.ganss {
        if matches!(g.system, GanssSystem::Known(gnss) if gnss != Gnss::Gps) {
            all.standalone |= g.modes.standalone;
            all.ms_based |= g.modes.ms_based;
            all.ms_assisted |= g.modes.ms_assisted;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::assist::SignalSet;
    use crate::wire::ulp::{GanssCapability, Preference};

    fn modes(bits: u32) -> GnssModes {
        GnssModes { standalone: bits & 1 != 0, ms_based: bits & 2 != 0, ms_assisted: bits & 4 != 0 }
    }

    fn galileo(bits: u32) -> GanssCapability {
        GanssCapability {
            system: GanssSystem::Known(Gnss::Galileo),
            sbas: None,
            modes: modes(bits),
            signals: SignalSet::FIRST,
            rtk_osr: false,
        }
    }

    #[test]
    fn every_combination_gets_a_legal_method_or_the_right_refusal() {
        for version_2 in [false, true] {
            for bits in 0..(1 << 9) {
                for preference in [Preference::SetAssisted, Preference::SetBased, Preference::None] {
                    let capabilities = SetCapabilities {
                        gps: modes(bits),
                        ganss: vec![galileo(bits >> 3)],
                        ecid: bits & 64 != 0,
                        otdoa: bits & 128 != 0,
                        preference,
                        protocols: PosProtocols { rrlp: bits & 256 != 0, ..PosProtocols::default() },
                        ..SetCapabilities::default()
                    };
                    check(&capabilities, version_2);
                }
            }
        }
    }

    fn check(c: &SetCapabilities, version_2: bool) {
        let gnss = c.ganss[0].modes;
        let can = |of: fn(&GnssModes) -> bool| of(&c.gps) || version_2 && of(&gnss);
        match choose(c, version_2, Methods::default()) {
            Ok(choice) => {
                assert!(version_2 || choice.pos_method.in_version_1(), "{choice:?}");
                let possible = match choice.mode {
                    Mode::SetBased => can(|m| m.ms_based),
                    Mode::SetAssisted => can(|m| m.ms_assisted),
                    Mode::Autonomous => can(|m| m.standalone),
                    Mode::Cell => c.ecid || only_cell(c),
                };
                assert!(possible, "{choice:?} for {c:?}");
                let needs_gnss =
                    matches!(choice.pos_method, PosMethod::AgnssSetBased | PosMethod::AgnssSetAssisted);
                assert!(!needs_gnss || c.ganss[0].modes != GnssModes::default());
                assert!(choice.mode == Mode::Cell || choice.protocol == Some(Protocol::Rrlp));
            }
            Err(Mismatch::Protocol) => assert!(!c.protocols.rrlp),
            Err(Mismatch::Method) => {
                assert!(!can(|m| m.standalone || m.ms_based || m.ms_assisted) && !c.ecid, "{c:?}");
            }
        }
    }

    #[test]
    fn lpp_is_preferred_but_not_in_version_1() {
        let both = PosProtocols { rrlp: true, lpp: true, ..PosProtocols::default() };
        assert_eq!(protocol(&both, true), Some(Protocol::Lpp));
        assert_eq!(protocol(&both, false), Some(Protocol::Rrlp));
        assert_eq!(protocol(&PosProtocols { lpp: true, ..PosProtocols::default() }, false), None);
    }

    #[test]
    fn what_is_switched_off_is_not_chosen() {
        let c = SetCapabilities {
            gps: modes(7),
            protocols: PosProtocols { rrlp: true, ..PosProtocols::default() },
            ..SetCapabilities::default()
        };
        let only_assisted =
            Methods { set_based: false, set_assisted: true, autonomous: false, cell_id: false };
        assert_eq!(choose(&c, false, only_assisted).unwrap().pos_method, PosMethod::AgpsSetAssisted);
        let only_cell = Methods { set_based: false, set_assisted: false, autonomous: false, cell_id: true };
        assert_eq!(choose(&c, false, only_cell), Err(Mismatch::Method));
    }
}
