//! What the network says of a target: cells and nodes (MLP 3.5 §5.2.2, network elements).

use super::shape::Shape;
use super::values::Private;
use crate::le::mlp::fault::{FaultKind, ParseFault};
use crate::le::mlp::schema::{Element, Read, element};
use crate::le::mlp::version::Version;
use crate::le::mlp::xml::tree::Node;
use crate::le::mlp::xml::writer::Writer;

element! {
    /// `gsm_net_param`.
    #[derive(Default)]
    pub struct GsmNetParam {
        /// Serving cell.
        opt cgi: Cgi = "cgi";
        /// Serving node.
        opt neid: Neid = "neid";
        /// Network measurement report, 34 hexadecimal digits.
        opt nmr: Private = "nmr";
        /// Timing advance, 0–63.
        opt ta: Private = "ta";
        /// Local mobile station identity.
        opt lmsi: Private = "lmsi";
        /// Subscriber identity.
        opt imsi: Private = "imsi";
    }
}

element! {
    /// `cgi`: a cell. Codes are text, since leading zeros of an MNC count.
    pub struct Cgi {
        /// Country, three digits.
        one mcc: Private = "mcc";
        /// Network, two or three digits.
        one mnc: Private = "mnc";
        /// Location area.
        one lac: Private = "lac";
        /// Cell.
        one cell_id: Private = "cellid";
    }
}

element! {
    /// `sai`: a service area.
    pub struct Sai {
        /// Country.
        one mcc: Private = "mcc";
        /// Network.
        one mnc: Private = "mnc";
        /// Location area.
        one lac: Private = "lac";
        /// Service area.
        one sac: Private = "sac";
    }
}

/// `neid`: a VLR, or an MSC and possibly its VLR.
#[derive(Clone, Debug, PartialEq)]
pub enum Neid {
    /// A VLR alone.
    Vlr(VlrId),
    /// An MSC.
    Msc(VmscId, Option<VlrId>),
}

impl Element for Neid {
    fn read(node: Node<'_>) -> Read<Self> {
        let neid = match (node.opt("vmscid")?, node.opt("vlrid")?) {
            (Some(msc), vlr) => Self::Msc(msc, vlr),
            (None, Some(vlr)) => Self::Vlr(vlr),
            (None, None) => return Err(ParseFault::new(FaultKind::Missing, "vmscid")),
        };
        node.finish()?;
        Ok(neid)
    }

    fn write(&self, name: &'static str, out: &mut Writer) {
        out.open(name);
        let (msc, vlr) = match self {
            Self::Vlr(vlr) => (None, Some(vlr)),
            Self::Msc(msc, vlr) => (Some(msc), vlr.as_ref()),
        };
        if let Some(msc) = msc {
            msc.write("vmscid", out);
        }
        if let Some(vlr) = vlr {
            vlr.write("vlrid", out);
        }
        out.close(name);
    }

    fn gate(&mut self, _to: Version) -> bool {
        true
    }
}

element! {
    /// `vmscid`.
    pub struct VmscId {
        /// Country code.
        opt cc: String = "cc";
        /// National destination code.
        opt ndc: String = "ndc";
        /// The rest of the number.
        one number: String = "vmscno";
    }
}

element! {
    /// `vlrid`.
    pub struct VlrId {
        /// Country code.
        opt cc: String = "cc";
        /// National destination code.
        opt ndc: String = "ndc";
        /// The rest of the number.
        one number: String = "vlrno";
    }
}

element! {
    /// `sgsnid`.
    pub struct SgsnId {
        /// Country code.
        opt cc: String = "cc";
        /// National destination code.
        opt ndc: String = "ndc";
        /// The rest of the number.
        one number: String = "sgsnno";
    }
}

/// `serving_cell`.
#[derive(Clone, Debug, PartialEq)]
pub enum ServingCell {
    /// A GSM cell.
    Cgi(Cgi),
    /// A UMTS service area.
    Sai(Sai),
    /// An LTE cell.
    Lte {
        /// Country.
        mcc: Private,
        /// Network.
        mnc: Private,
        /// Cell identity, 28 bits.
        ci: Private,
    },
    /// A 5G cell (since 3.5).
    Nr {
        /// Country.
        mcc: Private,
        /// Network.
        mnc: Private,
        /// Cell identity, 36 bits.
        ci: Private,
    },
}

impl Element for ServingCell {
    fn read(node: Node<'_>) -> Read<Self> {
        let cell = if let Some(cgi) = node.opt("cgi")? {
            Self::Cgi(cgi)
        } else if let Some(sai) = node.opt("sai")? {
            Self::Sai(sai)
        } else {
            let (mcc, mnc) = (node.one("mcc")?, node.one("mnc")?);
            match node.opt("nr_ci")? {
                Some(ci) => Self::Nr { mcc, mnc, ci },
                None => Self::Lte { mcc, mnc, ci: node.one("lte_ci")? },
            }
        };
        node.finish()?;
        Ok(cell)
    }

    fn write(&self, name: &'static str, out: &mut Writer) {
        out.open(name);
        match self {
            Self::Cgi(cgi) => cgi.write("cgi", out),
            Self::Sai(sai) => sai.write("sai", out),
            Self::Lte { mcc, mnc, ci } | Self::Nr { mcc, mnc, ci } => {
                mcc.write("mcc", out);
                mnc.write("mnc", out);
                ci.write(if matches!(self, Self::Nr { .. }) { "nr_ci" } else { "lte_ci" }, out);
            }
        }
        out.close(name);
    }

    fn gate(&mut self, to: Version) -> bool {
        to >= Version::V3_5 || !matches!(self, Self::Nr { .. })
    }
}

/// `target_serving_node`.
#[derive(Clone, Debug, PartialEq)]
pub enum ServingNode {
    /// An MSC.
    Msc(VmscId),
    /// An MME: name, Diameter realm.
    Mme(String, Option<String>),
    /// An SGSN by number.
    SgsnNumber(SgsnId),
    /// An SGSN: name, Diameter realm.
    Sgsn(String, Option<String>),
    /// An AMF (since 3.5).
    Amf(String),
}

impl Element for ServingNode {
    fn read(node: Node<'_>) -> Read<Self> {
        let serving = if let Some(msc) = node.opt("vmscid")? {
            Self::Msc(msc)
        } else if let Some(name) = node.opt("mme_name")? {
            Self::Mme(name, node.opt("diameter_realm")?)
        } else if let Some(id) = node.opt("sgsnid")? {
            Self::SgsnNumber(id)
        } else if let Some(name) = node.opt("sgsn_name")? {
            Self::Sgsn(name, node.opt("diameter_realm")?)
        } else {
            Self::Amf(node.one("amf_name")?)
        };
        node.finish()?;
        Ok(serving)
    }

    fn write(&self, name: &'static str, out: &mut Writer) {
        out.open(name);
        let realm = match self {
            Self::Msc(msc) => {
                msc.write("vmscid", out);
                &None
            }
            Self::SgsnNumber(id) => {
                id.write("sgsnid", out);
                &None
            }
            Self::Amf(name) => {
                name.write("amf_name", out);
                &None
            }
            Self::Mme(name, realm) => {
                name.write("mme_name", out);
                realm
            }
            Self::Sgsn(name, realm) => {
                name.write("sgsn_name", out);
                realm
            }
        };
        if let Some(realm) = realm {
            realm.write("diameter_realm", out);
        }
        out.close(name);
    }

    fn gate(&mut self, to: Version) -> bool {
        to >= Version::V3_5 || !matches!(self, Self::Amf(_))
    }
}

element! {
    /// `supl_support_params`: how the target may be reached by SUPL.
    #[derive(Default)]
    pub struct SuplSupportParams {
        /// Address to which SUPL INIT can be sent by UDP.
        opt ip_address: Private = "ip_address";
        /// Where the target roughly is.
        opt shape: Shape = "shape";
    }
}

#[cfg(test)]
mod samples {
    use super::*;
    use crate::le::mlp::sample::{Sample, Source};

    impl Sample for Neid {
        fn sample(from: &mut Source) -> Self {
            if from.below(2) == 0 {
                Self::Vlr(Sample::sample(from))
            } else {
                Self::Msc(Sample::sample(from), from.opt())
            }
        }
    }

    impl Sample for ServingCell {
        fn sample(from: &mut Source) -> Self {
            let (mcc, mnc, ci) = ("001".into(), "01".into(), "27447297".into());
            match from.below(4) {
                0 => Self::Cgi(Sample::sample(from)),
                1 => Self::Sai(Sample::sample(from)),
                2 => Self::Lte { mcc, mnc, ci },
                _ => Self::Nr { mcc, mnc, ci },
            }
        }
    }

    impl Sample for ServingNode {
        fn sample(from: &mut Source) -> Self {
            match from.below(5) {
                0 => Self::Msc(Sample::sample(from)),
                1 => Self::Mme(Sample::sample(from), from.opt()),
                2 => Self::SgsnNumber(Sample::sample(from)),
                3 => Self::Sgsn(Sample::sample(from), from.opt()),
                _ => Self::Amf(Sample::sample(from)),
            }
        }
    }
}
