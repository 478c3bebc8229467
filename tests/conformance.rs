//! The table of conformance cases leaves out no case of SUPL and MLP, and names tests that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const TABLE: &str = include_str!("conformance.md");

/// Rows of the table: case and what shows it.
fn rows() -> Vec<(u32, &'static str)> {
    let row = |line: &'static str| {
        let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
        let case = cells.next()?.parse().ok()?;
        Some((case, cells.nth(1)?))
    };
    TABLE.lines().filter_map(row).collect()
}

#[test]
fn every_case_is_there_once() {
    let rows = rows();
    let cases: BTreeSet<u32> = rows.iter().map(|(case, _)| *case).collect();
    let missing: Vec<u32> = (1..=115).filter(|case| !cases.contains(case)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert_eq!(cases.len(), rows.len(), "a case stands there twice");
}

/// Files in which a module of the integration tests or of the library may stand.
fn files(module: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = module.replace("::", "/");
    // `tests` at the end may be a module in the file itself.
    let inner = path.strip_suffix("/tests").unwrap_or(&path);
    let mut files = Vec::new();
    for (room, path) in [("tests", path.as_str()), ("src", &path), ("src", inner)] {
        files.push(root.join(room).join(format!("{path}.rs")));
        files.push(root.join(room).join(path).join("mod.rs"));
    }
    files
}

/// Whether a function of this name with the mark of a test is in a text.
fn has_test(text: &str, name: &str) -> bool {
    let Some(at) = text.find(&format!("fn {name}(")) else { return false };
    let before = text[..at].trim_end_matches("async ").trim_end();
    let marks = before.lines().rev().take_while(|l| l.starts_with("#[") || l.trim().starts_with("#["));
    marks.into_iter().any(|l| l.contains("test]") || l.contains("test("))
}

#[test]
fn every_test_that_is_named_exists() {
    for (case, shown) in rows() {
        let named: Vec<&str> = shown.split('`').skip(1).step_by(2).filter(|n| n.contains("::")).collect();
        assert!(!named.is_empty() || shown.len() > 20, "{case}: neither a test nor a reason");
        for name in named.into_iter().filter(|n| *n != "le::mlp") {
            let (module, test) = name.rsplit_once("::").unwrap();
            let found = files(module).iter().any(|f| fs::read_to_string(f).is_ok_and(|t| has_test(&t, test)));
            assert!(found, "{case}: {name} is no test");
        }
    }
}
