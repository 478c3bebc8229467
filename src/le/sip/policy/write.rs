//! Rules to XML.

use super::{COMMON, GEOLOCATION, Handling, Identity, PRES_RULES, PROFILES, Rule, Ruleset, Transformations};
use crate::le::sip::pidf::{CivicLevel, write_time};
use crate::le::xml::Writer;

impl Ruleset {
    /// The document as XML in UTF-8. What was not known when it was read is not written.
    pub fn to_xml(&self) -> String {
        let mut out = Writer::new();
        out.open("ruleset").attribute("xmlns", COMMON);
        for (prefix, space) in [("xmlns:gp", GEOLOCATION), ("xmlns:lp", PROFILES), ("xmlns:pr", PRES_RULES)] {
            out.attribute(prefix, space);
        }
        for rule in &self.rules {
            write(rule, &mut out);
        }
        out.finish()
    }
}

fn write(rule: &Rule, out: &mut Writer) {
    out.open("rule").attribute("id", &rule.id);
    if rule.identity.is_some() || !rule.validity.is_empty() || rule.sphere.is_some() {
        out.open("conditions");
        if let Some(all) = &rule.identity {
            out.open("identity");
            for one in all {
                identity(one, out);
            }
            out.close();
        }
        if let Some(value) = &rule.sphere {
            out.open("sphere").attribute("value", value).close();
        }
        if !rule.validity.is_empty() {
            out.open("validity");
            for (from, until) in &rule.validity {
                out.leaf("from", &write_time(*from)).leaf("until", &write_time(*until));
            }
            out.close();
        }
        out.close();
    }
    if let Some(handling) = rule.handling {
        let text = match handling {
            Handling::Block => "block",
            Handling::Confirm => "confirm",
            Handling::PoliteBlock => "polite-block",
            Handling::Allow => "allow",
        };
        out.open("actions").leaf("pr:sub-handling", text).close();
    }
    transformations(&rule.transformations, out);
    out.close();
}

fn identity(one: &Identity, out: &mut Writer) {
    match one {
        Identity::One(id) => out.open("one").attribute("id", id).close(),
        Identity::Many { domain, except } => {
            out.open("many");
            if let Some(domain) = domain {
                out.attribute("domain", domain);
            }
            for e in except {
                match e.strip_prefix('@') {
                    Some(domain) => out.open("except").attribute("domain", domain).close(),
                    None => out.open("except").attribute("id", e).close(),
                };
            }
            out.close()
        }
    };
}

fn transformations(t: &Transformations, out: &mut Writer) {
    if *t == Transformations::default() {
        return;
    }
    out.open("transformations");
    out.leaf("gp:set-retransmission-allowed", if t.retransmission { "true" } else { "false" });
    if let Some(seconds) = t.retention_s {
        out.leaf("gp:set-retention-expiry", &seconds.to_string());
    }
    if let Some(text) = &t.note_well {
        out.open("gp:set-note-well").attribute("xml:lang", "en").text(text).close();
    }
    let civic = match t.civic {
        CivicLevel::None => None,
        CivicLevel::Country => Some("country"),
        CivicLevel::Region => Some("region"),
        CivicLevel::City => Some("city"),
        CivicLevel::Building => Some("building"),
        CivicLevel::Full => Some("full"),
    };
    if let Some(level) = civic {
        out.open("gp:provide-location").attribute("profile", "civic-transformation");
        out.leaf("lp:provide-civic", level).close();
    }
    if let Some(radius) = t.geodetic_m {
        out.open("gp:provide-location").attribute("profile", "geodetic-transformation");
        out.open("lp:provide-geo").attribute("radius", &radius.to_string()).close().close();
    }
    out.close();
}
