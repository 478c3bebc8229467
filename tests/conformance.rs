//! The table of conformance cases names tests that exist, and leaves out no case of MLP.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

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
fn every_case_of_mlp_is_there() {
    let cases: BTreeSet<u32> = rows().iter().map(|(case, _)| *case).collect();
    let missing: Vec<u32> = (70..=115).filter(|case| !cases.contains(case)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_test_that_is_named_exists() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for (case, shown) in rows() {
        let named: Vec<&str> = shown.split('`').skip(1).step_by(2).filter(|n| n.contains("flows_")).collect();
        assert!(!named.is_empty() || shown.len() > 20, "{case}: neither a test nor a reason");
        for name in named {
            let (module, test) = name.rsplit_once("::").unwrap();
            let path = tests.join(format!("{}.rs", module.replace("::", "/")));
            let text =
                fs::read_to_string(&path).unwrap_or_else(|e| panic!("{case}: {}: {e}", path.display()));
            assert!(text.contains(&format!("fn {test}(")), "{case}: {name} does not exist");
        }
    }
}
