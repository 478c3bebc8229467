//! `-o section.key=value` on the command line.

use toml::{Table, Value};

use super::{Config, ConfigError};

/// The configuration of `text` with `overrides` put in, each `section.key=value`. The value is read as TOML, and as plain
/// text when it is none, so that paths and addresses need no quotes.
pub(super) fn apply(text: &str, overrides: &[String]) -> Result<Config, ConfigError> {
    let elsewhere = |place: &str, e: &toml::de::Error| ConfigError::elsewhere(place.to_owned(), e);
    let mut table: Table = text.parse().map_err(|e| elsewhere("configuration", &e))?;
    let mut config = None;
    for o in overrides {
        let malformed = || ConfigError::Override(o.clone());
        let (path, value) = o.split_once('=').ok_or_else(malformed)?;
        put(&mut table, path.trim(), value_of(value.trim())).ok_or_else(malformed)?;
        // One at a time, so that a mistake is blamed on the right one.
        config = Some(table.clone().try_into().map_err(|e| elsewhere(&format!("-o {o}"), &e))?);
    }
    Ok(config.unwrap_or_default())
}

fn value_of(text: &str) -> Value {
    let wrapped: Option<Table> = format!("v = {text}").parse().ok();
    wrapped.and_then(|mut t| t.remove("v")).unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Sets a dotted path; `None` when the path is empty or leads through something that is no table.
fn put(table: &mut Table, path: &str, value: Value) -> Option<()> {
    match path.split_once('.') {
        None if path.is_empty() => None,
        None => {
            table.insert(path.to_owned(), value);
            Some(())
        }
        Some((head, rest)) => {
            let inner = table.entry(head).or_insert_with(|| Value::Table(Table::new())).as_table_mut()?;
            put(inner, rest, value)
        }
    }
}
