//! Results: codes with their slogans, and what goes with them.

use crate::le::mlp::codes::ResultCode;
use crate::le::mlp::fault::{FaultKind, ParseFault};
use crate::le::mlp::schema::{Element, Group, Read, element};
use crate::le::mlp::version::Version;
use crate::le::mlp::xml::tree::Node;
use crate::le::mlp::xml::writer::Writer;

use super::values::Time;

/// `result` and `add_info`.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The code. Its slogan is the standard's.
    pub code: ResultCode,
    /// The slogan of a vendor's code.
    pub slogan: Option<String>,
    /// What more there is to say.
    pub add_info: Option<String>,
}

impl Verdict {
    /// A code alone.
    pub const fn new(code: ResultCode) -> Self {
        Self { code, slogan: None, add_info: None }
    }

    /// A code and more about it.
    pub fn with_info(code: ResultCode, add_info: impl Into<String>) -> Self {
        Self { add_info: Some(add_info.into()), ..Self::new(code) }
    }
}

impl From<ResultCode> for Verdict {
    fn from(code: ResultCode) -> Self {
        Self::new(code)
    }
}

/// `result` alone.
struct ResultElement(ResultCode, Option<String>);

impl Element for ResultElement {
    fn read(node: Node<'_>) -> Read<Self> {
        let text = node.take_attribute("resid").ok_or_else(|| node.missing_attr("resid"))?;
        let id = text
            .parse()
            .map_err(|_| ParseFault::at_attribute(FaultKind::AttributeValue, node.name(), "resid"))?;
        let code = ResultCode(id);
        let slogan = node.take_text();
        node.finish()?;
        // The number counts; the slogan of a number that has one is the standard's, whatever stands there.
        let own = (code.slogan().is_none() && !slogan.is_empty()).then(|| slogan.to_owned());
        Ok(Self(code, own))
    }

    fn write(&self, name: &'static str, out: &mut Writer) {
        out.open(name);
        out.attribute("resid", |out| out.plain(format_args!("{}", self.0.0)));
        if let Some(slogan) = self.0.slogan().or(self.1.as_deref()) {
            out.text(slogan);
        }
        out.close(name);
    }

    fn gate(&mut self, _to: Version) -> bool {
        true
    }
}

impl Group for Verdict {
    const NAME: &'static str = "result";

    fn take(parent: Node<'_>) -> Read<Option<Self>> {
        let Some(ResultElement(code, slogan)) = parent.opt("result")? else { return Ok(None) };
        Ok(Some(Self { code, slogan, add_info: parent.opt("add_info")? }))
    }

    fn put(&self, out: &mut Writer) {
        ResultElement(self.code, self.slogan.clone()).write("result", out);
        if let Some(info) = &self.add_info {
            info.write("add_info", out);
        }
    }

    fn gate(&mut self, to: Version) -> bool {
        self.code = self.code.for_version(to);
        if self.code.slogan().is_some() {
            self.slogan = None;
        }
        true
    }
}

element! {
    /// `gem`: a general error message, for what is no service's answer. It travels with HTTP status 404.
    pub struct Gem: versioned {
        /// The result.
        group verdict: Verdict;
    }
}

impl From<Verdict> for Gem {
    fn from(verdict: Verdict) -> Self {
        Self { verdict }
    }
}

element! {
    /// `poserr`: why there is no position of a target.
    pub struct PosErr {
        /// The result.
        group verdict: Verdict;
        /// When it was found so.
        one time: Time = "time";
    }
}

#[cfg(test)]
impl crate::le::mlp::sample::Sample for Verdict {
    fn sample(from: &mut crate::le::mlp::sample::Source) -> Self {
        if from.below(5) == 0 {
            return Self {
                code: ResultCode(550),
                slogan: Some("MOON OVER THE <HORIZON>".to_owned()),
                add_info: from.opt(),
            };
        }
        Self { code: *from.pick(ResultCode::ALL), slogan: None, add_info: from.opt() }
    }
}
