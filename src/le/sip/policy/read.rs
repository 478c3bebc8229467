//! Rules from octets.

use super::{
    COMMON, GEOLOCATION, Handling, Identity, LIMITS, MOST_RULES, PRES_RULES, PROFILES, PolicyFault, Rule,
    Ruleset, Transformations,
};
use crate::base::Utc;
use crate::le::sip::pidf::CivicLevel;
use crate::le::xml::Node;
use crate::le::xml::tree::{build, text};

impl Ruleset {
    /// Reads a document. `charset` is that of its content type.
    ///
    /// # Errors
    /// [`PolicyFault`]
    pub fn parse(octets: &[u8], charset: Option<&str>) -> Result<Self, PolicyFault> {
        let text = text(octets, charset, &LIMITS)?;
        let tree = build(&text, &LIMITS)?;
        let root = tree.root().filter(|r| r.is(COMMON, "ruleset")).ok_or(PolicyFault::NotRuleset)?;
        let mut rules: Vec<Rule> = Vec::new();
        for (k, node) in root.children().filter(|c| c.is(COMMON, "rule")).enumerate() {
            if k >= MOST_RULES {
                return Err(PolicyFault::TooMany);
            }
            let id = node.attribute("id").filter(|id| !id.is_empty() && rules.iter().all(|r| r.id != *id));
            rules.push(rule(node, id.ok_or(PolicyFault::Id(k + 1))?)?);
        }
        Ok(Self { rules })
    }
}

/// Reads one rule.
fn rule(node: Node<'_>, id: &str) -> Result<Rule, PolicyFault> {
    let mut made = Rule { id: id.to_owned(), ..Rule::default() };
    let format = |element| PolicyFault::Format { rule: id.to_owned(), element };
    for group in node.children().filter(|c| c.space() == COMMON) {
        for child in group.children() {
            match (group.name(), child.space(), child.name()) {
                ("conditions", COMMON, "identity") => {
                    made.identity
                        .get_or_insert_default()
                        .extend(identities(child).ok_or_else(|| format("identity"))?);
                }
                ("conditions", COMMON, "validity") => {
                    made.validity.extend(validity(child).ok_or_else(|| format("validity"))?);
                }
                ("conditions", COMMON, "sphere") => {
                    made.sphere = Some(child.attribute("value").ok_or_else(|| format("sphere"))?.to_owned());
                }
                ("actions", PRES_RULES, "sub-handling") => {
                    let handling = match child.text() {
                        "block" => Handling::Block,
                        "confirm" => Handling::Confirm,
                        "polite-block" => Handling::PoliteBlock,
                        "allow" => Handling::Allow,
                        _ => return Err(format("sub-handling")),
                    };
                    made.handling = made.handling.max(Some(handling));
                }
                ("transformations", GEOLOCATION, _) => {
                    if !transformation(child, &mut made.transformations).map_err(format)? {
                        made.unknown.push(name(child));
                    }
                }
                (_, _, _) => made.unknown.push(name(child)),
            }
        }
    }
    Ok(made)
}

fn name(node: Node<'_>) -> String {
    node.name().chars().take(64).collect()
}

fn identities(node: Node<'_>) -> Option<Vec<Identity>> {
    let mut all = Vec::new();
    for child in node.children() {
        all.push(match (child.space(), child.name()) {
            (COMMON, "one") => Identity::One(child.attribute("id").filter(|i| !i.is_empty())?.to_owned()),
            (COMMON, "many") => {
                let mut except = Vec::new();
                for e in child.children() {
                    // An exception that is not known could be for anybody.
                    e.is(COMMON, "except").then_some(())?;
                    match (e.attribute("id"), e.attribute("domain")) {
                        (Some(id), None) if !id.is_empty() => except.push(id.to_owned()),
                        (None, Some(domain)) if !domain.is_empty() => except.push(format!("@{domain}")),
                        _ => return None,
                    }
                }
                Identity::Many { domain: child.attribute("domain").map(str::to_owned), except }
            }
            // Other ways to say who somebody is hold for nobody that is known here.
            _ => continue,
        });
    }
    Some(all)
}

fn validity(node: Node<'_>) -> Option<Vec<(Utc, Utc)>> {
    let mut all = Vec::new();
    let mut children = node.children().filter(|c| c.space() == COMMON);
    while let Some(from) = children.next() {
        let until = children.next().filter(|u| u.name() == "until" && from.name() == "from")?;
        all.push((from.text().parse().ok()?, until.text().parse().ok()?));
    }
    (!all.is_empty()).then_some(all)
}

/// Reads a transformation; whether it is known.
fn transformation(node: Node<'_>, into: &mut Transformations) -> Result<bool, &'static str> {
    let boolean = |text: &str| match text {
        "true" | "1" => Some(true),
        // The default of the schema.
        "false" | "0" | "" => Some(false),
        _ => None,
    };
    match node.name() {
        "set-retransmission-allowed" => {
            into.retransmission = boolean(node.text()).ok_or("set-retransmission-allowed")?;
        }
        "set-retention-expiry" => {
            let text = if node.text().is_empty() { "0" } else { node.text() };
            into.retention_s = Some(text.parse().map_err(|_| "set-retention-expiry")?);
        }
        "set-note-well" => into.note_well = Some(node.text().to_owned()),
        // The rule's own document is never referred to, which tells less.
        "keep-rule-reference" => drop(boolean(node.text()).ok_or("keep-rule-reference")?),
        "provide-location" => provide(node, into)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn provide(node: Node<'_>, into: &mut Transformations) -> Result<(), &'static str> {
    let children = || node.children().filter(|c| c.space() == PROFILES);
    match node.attribute("profile") {
        // Without a profile all of the location is told, as it is (RFC 6772 §6.5).
        None if children().next().is_none() => {
            into.geodetic_m = Some(0);
            into.civic = CivicLevel::Full;
        }
        None | Some("geodetic-transformation" | "civic-transformation") => {}
        Some(_) => return Err("provide-location"),
    }
    for child in children() {
        match child.name() {
            "provide-geo" => {
                let radius = child.attribute("radius").unwrap_or("0");
                let radius: u32 = radius.parse().map_err(|_| "provide-geo")?;
                into.geodetic_m = Some(into.geodetic_m.map_or(radius, |r| r.min(radius)));
            }
            "provide-civic" => {
                let level = match child.text() {
                    "full" => CivicLevel::Full,
                    "building" => CivicLevel::Building,
                    "city" => CivicLevel::City,
                    "region" => CivicLevel::Region,
                    "country" => CivicLevel::Country,
                    "none" | "" => CivicLevel::None,
                    _ => return Err("provide-civic"),
                };
                into.civic = into.civic.max(level);
            }
            _ => return Err("provide-location"),
        }
    }
    Ok(())
}
