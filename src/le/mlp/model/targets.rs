//! The two forms in which immediate requests name their targets.

use super::identity::{EmergencyKey, Msid, Msids, MsidsEntry};
use super::network::{GsmNetParam, ServingNode, SuplSupportParams};
use super::services::EmeLir;
use super::values::Private;
use crate::le::mlp::fault::{FaultKind, ParseFault};
use crate::le::mlp::schema::{Element, Group, Read};
use crate::le::mlp::version::Version;
use crate::le::mlp::xml::tree::Node;
use crate::le::mlp::xml::writer::Writer;

/// Targets of `slir`.
#[derive(Clone, Debug, PartialEq)]
pub enum SlirTargets {
    /// By identity.
    List(Msids),
    /// By identity, with what the network knows of each.
    Network(Vec<NetworkTarget>),
}

/// A target with what the network knows of it.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkTarget {
    /// Who.
    pub msid: Msid,
    /// Its code word.
    pub codeword: Option<Private>,
    /// What the network knows.
    pub network: GsmNetParam,
    /// The client's name for this positioning (since 3.2).
    pub trans_id: Option<String>,
}

fn put<T: Element>(value: Option<&T>, name: &'static str, out: &mut Writer) {
    if let Some(value) = value {
        value.write(name, out);
    }
}

/// Puts a value where there is none yet.
fn fill<T: Element>(slot: &mut Option<T>, child: Node<'_>) -> Read<()> {
    if slot.is_some() {
        return Err(ParseFault::new(FaultKind::Misplaced, child.name()));
    }
    *slot = Some(T::read(child)?);
    Ok(())
}

impl Group for SlirTargets {
    const NAME: &'static str = "msids";

    fn take(parent: Node<'_>) -> Read<Option<Self>> {
        type Partial = (Msid, Option<Private>, Option<GsmNetParam>, Option<String>);
        if let Some(list) = parent.opt("msids")? {
            return Ok(Some(Self::List(list)));
        }
        let mut targets: Vec<Partial> = Vec::new();
        for child in parent.children() {
            let last = targets.last_mut();
            match (child.name(), last) {
                ("msid", _) => targets.push((Msid::read(child)?, None, None, None)),
                ("codeword", Some(target)) => fill(&mut target.1, child)?,
                ("gsm_net_param", Some(target)) => fill(&mut target.2, child)?,
                ("trans_id", Some(target)) => fill(&mut target.3, child)?,
                _ => continue,
            }
            child.claim();
        }
        if targets.is_empty() {
            return Ok(None);
        }
        let whole = |(msid, codeword, network, trans_id): Partial| {
            let network = network.ok_or_else(|| ParseFault::new(FaultKind::Missing, "gsm_net_param"))?;
            Ok(NetworkTarget { msid, codeword, network, trans_id })
        };
        targets.into_iter().map(whole).collect::<Read<_>>().map(|t| Some(Self::Network(t)))
    }

    fn put(&self, out: &mut Writer) {
        match self {
            Self::List(list) => list.write("msids", out),
            Self::Network(targets) => {
                for target in targets {
                    target.msid.write("msid", out);
                    put(target.codeword.as_ref(), "codeword", out);
                    target.network.write("gsm_net_param", out);
                    put(target.trans_id.as_ref(), "trans_id", out);
                }
            }
        }
    }

    fn gate(&mut self, to: Version) -> bool {
        match self {
            Self::List(list) => list.gate(to),
            Self::Network(targets) => {
                targets.retain_mut(|target| {
                    if to < Version::V3_2 {
                        target.trans_id = None;
                    }
                    target.msid.gate(to)
                });
                !targets.is_empty()
            }
        }
    }
}

/// Targets of `eme_lir`.
#[derive(Clone, Debug, PartialEq)]
pub enum EmeTargets {
    /// By identity.
    List(Msids),
    /// Emergency calls, with what is known of each.
    Calls(Vec<EmeTarget>),
}

/// An emergency call.
#[derive(Clone, Debug, PartialEq)]
pub struct EmeTarget {
    /// Identities of the **one** target; two identities with nothing between are read as of one target.
    pub msids: Vec<Msid>,
    /// What the network knows.
    pub network: Option<GsmNetParam>,
    /// The client's name for this positioning.
    pub trans_id: Option<String>,
    /// Number that led the call.
    pub esrd: Option<EmergencyKey>,
    /// Key of the call.
    pub esrk: Option<EmergencyKey>,
    /// How to reach the target by SUPL (since 3.3).
    pub supl: Option<SuplSupportParams>,
    /// Serving node (since 3.4).
    pub serving_node: Option<ServingNode>,
}

impl EmeTarget {
    /// A call of which nothing is known but the caller's identities.
    pub const fn new(msids: Vec<Msid>) -> Self {
        Self { msids, network: None, trans_id: None, esrd: None, esrk: None, supl: None, serving_node: None }
    }
}

impl Group for EmeTargets {
    const NAME: &'static str = "msids";

    fn take(parent: Node<'_>) -> Read<Option<Self>> {
        if let Some(list) = parent.opt("msids")? {
            return Ok(Some(Self::List(list)));
        }
        let mut calls: Vec<EmeTarget> = Vec::new();
        // Whether the last call already has more than identities, so that another identity begins the next.
        let mut told = false;
        for child in parent.children() {
            if child.name() == "msid" {
                let msid = Msid::read(child)?;
                match calls.last_mut() {
                    Some(call) if !told => call.msids.push(msid),
                    _ => calls.push(EmeTarget::new(vec![msid])),
                }
                told = false;
                child.claim();
                continue;
            }
            match (child.name(), calls.last_mut()) {
                ("gsm_net_param", Some(call)) => fill(&mut call.network, child)?,
                ("trans_id", Some(call)) => fill(&mut call.trans_id, child)?,
                ("esrd", Some(call)) => fill(&mut call.esrd, child)?,
                ("esrk", Some(call)) => fill(&mut call.esrk, child)?,
                ("supl_support_params", Some(call)) => fill(&mut call.supl, child)?,
                ("target_serving_node", Some(call)) => fill(&mut call.serving_node, child)?,
                _ => continue,
            }
            told = true;
            child.claim();
        }
        Ok((!calls.is_empty()).then_some(Self::Calls(calls)))
    }

    fn put(&self, out: &mut Writer) {
        match self {
            Self::List(list) => list.write("msids", out),
            Self::Calls(calls) => {
                for call in calls {
                    call.msids.iter().for_each(|msid| msid.write("msid", out));
                    put(call.network.as_ref(), "gsm_net_param", out);
                    put(call.trans_id.as_ref(), "trans_id", out);
                    put(call.esrd.as_ref(), "esrd", out);
                    put(call.esrk.as_ref(), "esrk", out);
                    put(call.supl.as_ref(), "supl_support_params", out);
                    put(call.serving_node.as_ref(), "target_serving_node", out);
                }
            }
        }
    }

    fn gate(&mut self, to: Version) -> bool {
        let calls = match self {
            Self::List(list) => return list.gate(to),
            Self::Calls(calls) => calls,
        };
        calls.retain_mut(|call| {
            call.msids.retain_mut(|msid| msid.gate(to));
            if to < Version::V3_2 {
                call.msids.truncate(1);
                call.trans_id = None;
                call.esrd = None;
                call.esrk = None;
            }
            for key in [&mut call.esrd, &mut call.esrk].into_iter().flatten() {
                key.gate(to);
            }
            if to < Version::V3_3 || !call.supl.as_mut().is_some_and(|s| s.gate(to)) {
                call.supl = None;
            }
            if to < Version::V3_4 || !call.serving_node.as_mut().is_some_and(|n| n.gate(to)) {
                call.serving_node = None;
            }
            !call.msids.is_empty()
        });
        !calls.is_empty()
    }
}

impl EmeLir {
    /// Before 3.2 a call without network parameters is named in a list.
    pub(super) fn listed(&mut self, to: Version) {
        if to >= Version::V3_2 {
            return;
        }
        if let EmeTargets::Calls(calls) = &self.targets
            && calls.iter().any(|call| call.network.is_none())
        {
            let first = calls.iter().filter_map(|call| call.msids.first());
            let entries = first.map(|msid| MsidsEntry::One(msid.clone().into())).collect();
            self.targets = EmeTargets::List(Msids(entries));
        }
    }
}

#[cfg(test)]
mod samples {
    use super::*;
    use crate::le::mlp::sample::{Sample, Source};

    impl Sample for SlirTargets {
        fn sample(from: &mut Source) -> Self {
            if from.below(2) == 0 { Self::List(Sample::sample(from)) } else { Self::Network(from.list(1, 2)) }
        }
    }

    impl Sample for NetworkTarget {
        fn sample(from: &mut Source) -> Self {
            Self {
                msid: Sample::sample(from),
                codeword: from.opt(),
                network: Sample::sample(from),
                trans_id: from.opt(),
            }
        }
    }

    impl Sample for EmeTargets {
        fn sample(from: &mut Source) -> Self {
            if from.below(2) == 0 { Self::List(Sample::sample(from)) } else { Self::Calls(from.list(1, 2)) }
        }
    }

    impl Sample for EmeTarget {
        fn sample(from: &mut Source) -> Self {
            Self {
                msids: from.list(1, 2),
                // Something stands between two calls; otherwise they would be one.
                network: Some(Sample::sample(from)),
                trans_id: from.opt(),
                esrd: from.opt(),
                esrk: from.opt(),
                supl: from.opt(),
                serving_node: from.opt(),
            }
        }
    }
}
