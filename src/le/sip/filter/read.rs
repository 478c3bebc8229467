//! Filter documents from octets.

use super::{
    Condition, Filter, FilterFault, FilterSet, Form, Forms, LIMITS, LOCATION_FILTER, MOST_CONDITIONS,
    MOST_FILTERS, MOST_TRIGGERS, SIMPLE_FILTER, Scope, Trigger, Value,
};
use crate::le::sip::pidf::names::{DYNAMIC, DYNAMIC_IN_EXAMPLES, GEOPRIV};
use crate::le::sip::pidf::{Civic, Geometry, is_civic, read_geometry, read_number};
use crate::le::sip::quality::Quality;
use crate::le::xml::Node;
use crate::le::xml::tree::{build, text};
use crate::service::triggers::Area;

/// Farthest move and greatest speed that a filter may name: metres, metres a second.
const MOST: f64 = 1e8;

/// Prefixes and the namespaces that they stand for in paths.
type Bindings<'t> = Vec<(&'t str, &'t str)>;

impl FilterSet {
    /// Reads a document. `charset` is that of its content type.
    ///
    /// # Errors
    /// [`FilterFault`], for anything that is not a filter-set within [`LIMITS`].
    pub fn parse(octets: &[u8], charset: Option<&str>) -> Result<Self, FilterFault> {
        let text = text(octets, charset, &LIMITS)?;
        let tree = build(&text, &LIMITS)?;
        let root = tree.root().filter(|r| r.is(SIMPLE_FILTER, "filter-set"));
        let root = root.ok_or(FilterFault::NotFilterSet)?;
        if root.attribute("package").is_some_and(|p| p != "presence") {
            return Err(FilterFault::Package);
        }
        let bindings: Bindings<'_> = root
            .child(SIMPLE_FILTER, "ns-bindings")
            .into_iter()
            .flat_map(Node::children)
            .filter_map(|b| Some((b.attribute("prefix")?, b.attribute("urn")?)))
            .collect();
        let mut filters: Vec<Filter> = Vec::new();
        for node in root.children().filter(|c| c.is(SIMPLE_FILTER, "filter")) {
            if filters.len() >= MOST_FILTERS {
                return Err(FilterFault::TooMany("filter"));
            }
            let filter = filter(node, &bindings)?;
            if filters.iter().any(|f| f.id == filter.id) {
                return Err(FilterFault::Contradiction("filter"));
            }
            filters.push(filter);
        }
        if filters.is_empty() {
            return Err(FilterFault::Missing("filter"));
        }
        Ok(Self { filters })
    }
}

fn boolean(node: Node<'_>, name: &'static str, usual: bool) -> Result<bool, FilterFault> {
    match node.attribute(name) {
        None => Ok(usual),
        Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(_) => Err(FilterFault::Format(name)),
    }
}

fn filter(node: Node<'_>, bindings: &Bindings<'_>) -> Result<Filter, FilterFault> {
    let id = node.attribute("id").filter(|id| !id.is_empty()).ok_or(FilterFault::Missing("id"))?;
    let scope = match (node.attribute("uri"), node.attribute("domain")) {
        (Some(_), Some(_)) => return Err(FilterFault::Contradiction("filter")),
        (Some(uri), None) => Scope::Uri(uri.to_owned()),
        (None, Some(domain)) => Scope::Domain(domain.to_owned()),
        (None, None) => Scope::Any,
    };
    let mut made = Filter {
        id: id.to_owned(),
        scope,
        remove: boolean(node, "remove", false)?,
        enabled: boolean(node, "enabled", true)?,
        forms: None,
        triggers: Vec::new(),
        quality: None,
    };
    if made.remove {
        // Nothing else of it counts.
        return Ok(made);
    }
    for child in node.children() {
        match (child.space(), child.name()) {
            (SIMPLE_FILTER, "what") => what(child, &mut made)?,
            (SIMPLE_FILTER, "trigger") => {
                if made.triggers.len() >= MOST_TRIGGERS {
                    return Err(FilterFault::TooMany("trigger"));
                }
                made.triggers.push(trigger(child, bindings)?);
            }
            (SIMPLE_FILTER, _) => return Err(FilterFault::Unsupported("filter")),
            // Drafts of RFC 6447 had the conditions in the filter itself; each is a trigger then.
            (LOCATION_FILTER, name) if name != "locationType" => {
                if made.triggers.len() >= MOST_TRIGGERS {
                    return Err(FilterFault::TooMany("trigger"));
                }
                made.triggers.push(Trigger { conditions: vec![location_condition(child, bindings)?] });
            }
            _ => made.quality = made.quality.or(Quality::read(child)?),
        }
    }
    Ok(made)
}

fn what(node: Node<'_>, filter: &mut Filter) -> Result<(), FilterFault> {
    for child in node.children() {
        match (child.space(), child.name()) {
            (LOCATION_FILTER, "locationType") => filter.forms = Some(forms(child)?),
            (SIMPLE_FILTER, "include") => return Err(FilterFault::Unsupported("include")),
            (SIMPLE_FILTER, "exclude") => return Err(FilterFault::Unsupported("exclude")),
            _ => filter.quality = filter.quality.or(Quality::read(child)?),
        }
    }
    Ok(())
}

fn forms(node: Node<'_>) -> Result<Forms, FilterFault> {
    let mut forms = Forms { wanted: Vec::new(), exact: boolean(node, "exact", false)? };
    for word in node.text().split_whitespace() {
        let form = match word {
            "any" => return Ok(Forms { wanted: Vec::new(), ..forms }),
            "geodetic" => Form::Geodetic,
            "civic" => Form::Civic,
            // HELD's `locationURI` is no form in which a notification could tell a location.
            "locationURI" => return Err(FilterFault::Unsupported("locationType")),
            _ => return Err(FilterFault::Format("locationType")),
        };
        if !forms.wanted.contains(&form) {
            forms.wanted.push(form);
        }
    }
    if forms.wanted.is_empty() { Err(FilterFault::Format("locationType")) } else { Ok(forms) }
}

fn trigger(node: Node<'_>, bindings: &Bindings<'_>) -> Result<Trigger, FilterFault> {
    let mut conditions: Vec<Condition> = Vec::new();
    for child in node.children() {
        if conditions.len() >= MOST_CONDITIONS {
            return Err(FilterFault::TooMany("trigger"));
        }
        let condition = match (child.space(), child.name()) {
            (SIMPLE_FILTER, "changed") => changed(child, bindings)?,
            (SIMPLE_FILTER, "added") => Condition::Added(value(child.text(), bindings)?),
            (SIMPLE_FILTER, "removed") => Condition::Removed(value(child.text(), bindings)?),
            (LOCATION_FILTER, _) => location_condition(child, bindings)?,
            // What a condition says that is not known cannot be evaluated, and to pass it over would make the trigger fire
            // when it should not.
            _ => return Err(FilterFault::Unsupported("trigger")),
        };
        conditions.push(condition);
    }
    if conditions.is_empty() { Err(FilterFault::Missing("trigger")) } else { Ok(Trigger { conditions }) }
}

fn location_condition(node: Node<'_>, bindings: &Bindings<'_>) -> Result<Condition, FilterFault> {
    let positive = |name: &'static str| {
        read_number(node.text()).filter(|v| (0.0..=MOST).contains(v)).ok_or(FilterFault::Format(name))
    };
    Ok(match node.name() {
        "moved" => Condition::Moved(positive("moved")?),
        "movedHorz" => Condition::MovedHorizontally(positive("movedHorz")?),
        "movedVert" => Condition::MovedVertically(positive("movedVert")?),
        "speedExceeds" => Condition::SpeedExceeds(positive("speedExceeds")?),
        "valueChanges" => {
            Condition::Changed { value: value(node.text(), bindings)?, from: None, to: None, by: None }
        }
        "enterOrExit" => Condition::EnterOrExit(area(node)?),
        _ => return Err(FilterFault::Unsupported("trigger")),
    })
}

fn area(node: Node<'_>) -> Result<Area, FilterFault> {
    let mut shapes = Vec::new();
    for child in node.children() {
        let geometry = read_geometry(child)?;
        match geometry {
            Geometry::Circle { .. }
            | Geometry::Ellipse { .. }
            | Geometry::ArcBand { .. }
            | Geometry::Polygon { altitude_m: None, .. } => shapes.push(geometry),
            // Regions of three dimensions are not defined for this condition (RFC 6447 §3.2).
            _ => return Err(FilterFault::Unsupported("enterOrExit")),
        }
    }
    let shapes = shapes.into_iter().map(Geometry::into_area_shape).collect();
    Area::new(shapes).map_err(|_| FilterFault::NoArea)
}

fn changed(node: Node<'_>, bindings: &Bindings<'_>) -> Result<Condition, FilterFault> {
    let by = match node.attribute("by") {
        None => None,
        Some(text) => Some(
            read_number(text).filter(|v| (0.0..=MOST).contains(v)).ok_or(FilterFault::Format("changed"))?,
        ),
    };
    let value = value(node.text(), bindings)?;
    if by.is_some() && !matches!(value, Value::Speed | Value::Heading) {
        return Err(FilterFault::Format("changed"));
    }
    let text = |name: &str| node.attribute(name).map(str::to_owned);
    Ok(Condition::Changed { value, from: text("from"), to: text("to"), by })
}

/// The value that a path names: `//` or a path of steps, of which the last one says the element.
fn value(path: &str, bindings: &Bindings<'_>) -> Result<Value, FilterFault> {
    let unsupported = || FilterFault::Unsupported("changed");
    let simple = path.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | ':' | '_' | '-' | '.'));
    let step = path.rsplit('/').next().filter(|s| simple && !s.is_empty()).ok_or_else(unsupported)?;
    let (prefix, name) = step.split_once(':').unwrap_or(("", step));
    let bound = bindings.iter().find(|(p, _)| *p == prefix).map(|(_, space)| *space);
    // Where the document binds no prefix, the customary ones are taken for what they are.
    let space = bound.unwrap_or(match prefix {
        "dyn" => DYNAMIC,
        "ca" | "cl" => crate::le::sip::pidf::names::CIVIC,
        "gp" => GEOPRIV,
        _ => "",
    });
    match (space, name) {
        (DYNAMIC | DYNAMIC_IN_EXAMPLES, "speed") => Ok(Value::Speed),
        (DYNAMIC | DYNAMIC_IN_EXAMPLES, "heading") => Ok(Value::Heading),
        (GEOPRIV, "method") => Ok(Value::Method),
        (space, name) if is_civic(space) && Civic::default().put(name, "") => {
            Ok(Value::Civic(name.to_owned()))
        }
        _ => Err(unsupported()),
    }
}
