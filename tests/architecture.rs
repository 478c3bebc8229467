//! The house's rules of import and purity, read off the source text. The plan is in the documentation of `src/lib.rs`.
//!
//! The reader below knows comments (doc links are no imports), strings, `use` groups, `super::` chains and inline modules.
//! Code under `#[cfg(test)]` is exempt: tests may look anywhere and read files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which rooms each room may import, itself aside. A room that is missing here may not exist.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("wire", &["base"]),
    ("gnss", &["base"]),
    ("spc", &["base", "wire", "gnss"]),
    ("slc", &["base", "wire", "gnss", "spc"]),
    ("observe", &["base", "gnss"]),
    ("store", &["base", "gnss"]),
    ("cells", &["base", "gnss"]),
    ("feed", &["base", "gnss", "store"]),
    ("service", &["base", "gnss", "spc", "slc", "store", "observe"]),
    ("net", &["base", "wire", "gnss", "spc", "slc", "service", "observe"]),
    ("le", &["base", "gnss", "service", "observe", "store"]),
    ("handset", &["base", "wire", "gnss", "feed"]),
    ("config", &["base", "cells", "feed", "gnss", "le", "net", "observe", "service", "slc", "spc", "store"]),
];
/// Rooms that compose the others and may import all of them.
const COMPOSERS: [&str; 4] = ["app", "cli", "lib", "main"];
/// Rooms without input or output.
const PURE: [&str; 5] = ["base", "wire", "gnss", "spc", "slc"];
/// What stands between the doors for all of them: no door itself.
const BETWEEN_DOORS: [&str; 1] = ["xml"];
/// What a pure room may not name.
const IMPURE: &[&str] = &[
    "tokio",
    "tokio_rustls",
    "tokio_util",
    "rustls",
    "axum",
    "ureq",
    "sled",
    "rand",
    "getrandom",
    "ring",
    "rcgen",
    "socket2",
    "indicatif",
    "tracing",
    "arc_swap",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "std::io",
    "std::os",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "SystemTime::now",
    "Instant::now",
    "std::time::SystemTime",
];
/// The one file that reads the clock for all.
const CLOCK: &str = "src/base/time.rs";
/// Longest file, lines.
const MAX_LINES: usize = 800;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    PathSep,
    Other(char),
}

/// Source text as tokens, comments and literals left out.
fn lex(text: &str) -> Vec<Token> {
    let c: Vec<char> = text.chars().collect();
    let at = |i: usize| c.get(i).copied().unwrap_or('\0');
    let mut out = Vec::new();
    let mut i = 0;
    while i < c.len() {
        match c[i] {
            '/' if at(i + 1) == '/' => {
                while i < c.len() && c[i] != '\n' {
                    i += 1;
                }
            }
            '/' if at(i + 1) == '*' => {
                let mut depth = 0;
                loop {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 || i >= c.len() {
                        break;
                    }
                }
            }
            '"' => i = after_string(&c, i),
            'r' if matches!(at(i + 1), '"' | '#') && raw_hashes(&c, i + 1).is_some() => {
                i = after_raw(&c, i + 1);
            }
            'b' if at(i + 1) == '"' => i = after_string(&c, i + 1),
            'b' if at(i + 1) == 'r' && raw_hashes(&c, i + 2).is_some() => i = after_raw(&c, i + 2),
            '\'' => {
                // A character literal, or a lifetime.
                if at(i + 1) == '\\' {
                    i += 3;
                    while i < c.len() && c[i] != '\'' {
                        i += 1;
                    }
                    i += 1;
                } else if at(i + 2) == '\'' {
                    i += 3;
                } else {
                    i += 1;
                }
            }
            ch if ch.is_alphanumeric() || ch == '_' => {
                let start = i;
                while at(i).is_alphanumeric() || at(i) == '_' {
                    i += 1;
                }
                out.push(Token::Word(c[start..i].iter().collect()));
            }
            ':' if at(i + 1) == ':' => {
                out.push(Token::PathSep);
                i += 2;
            }
            ch => {
                if !ch.is_whitespace() {
                    out.push(Token::Other(ch));
                }
                i += 1;
            }
        }
    }
    out
}

fn after_string(c: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while i < c.len() && c[i] != '"' {
        i += if c[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// Number of `#` before the quote of a raw string; `None` when it is none (`r#type`).
fn raw_hashes(c: &[char], start: usize) -> Option<usize> {
    let n = c[start..].iter().take_while(|h| **h == '#').count();
    (c.get(start + n) == Some(&'"')).then_some(n)
}

fn after_raw(c: &[char], start: usize) -> usize {
    let n = raw_hashes(c, start).unwrap();
    let mut i = start + n + 1;
    while i < c.len() {
        if c[i] == '"' && c[i + 1..].iter().take(n).filter(|h| **h == '#').count() == n {
            return i + 1 + n;
        }
        i += 1;
    }
    i
}

/// What one file says outside of tests.
#[derive(Default)]
struct Facts {
    /// Paths from the crate's root, such as `base::time`.
    imports: BTreeSet<String>,
    /// Every other path, such as `std::fs::read`, and single words.
    paths: BTreeSet<String>,
    /// Names of modules that exist only in tests, in files of their own.
    test_modules: Vec<String>,
}

/// Reads a file that is `depth` modules below the root (`src/net/tls/x509.rs` is 3, `src/net/mod.rs` is 1).
fn read(text: &str, module: &[String]) -> Facts {
    let t = lex(text);
    let mut facts = Facts::default();
    // For each open brace: whether it opened an inline module.
    let mut braces: Vec<bool> = Vec::new();
    let word = |i: usize| match t.get(i) {
        Some(Token::Word(w)) => w.as_str(),
        _ => "",
    };
    let is = |i: usize, c: char| t.get(i) == Some(&Token::Other(c));
    let mut i = 0;
    while i < t.len() {
        if is_test_attribute(&t, i) {
            // `#[cfg(test)]` is seven tokens long; then the item it stands on.
            i = skip_item(&t, i + 7, &mut facts.test_modules);
            continue;
        }
        if is(i, '{') {
            braces.push(i >= 2 && word(i - 2) == "mod");
        } else if is(i, '}') {
            braces.pop();
        } else if !word(i).is_empty() && (i == 0 || t[i - 1] != Token::PathSep) {
            let inline = braces.iter().filter(|m| **m).count();
            let mut base: Vec<String> = Vec::new();
            collect(&t, &mut i, &mut base, &mut |path| note(&mut facts, module, inline, path));
            continue;
        }
        i += 1;
    }
    facts
}

fn is_test_attribute(t: &[Token], i: usize) -> bool {
    let want = ["#", "[", "cfg", "(", "test", ")", "]"];
    want.iter().enumerate().all(|(k, w)| match t.get(i + k) {
        Some(Token::Word(x)) => x == w,
        Some(Token::Other(c)) => c.to_string() == *w,
        _ => false,
    })
}

/// Steps over one item, attributes included; a module in another file is noted.
fn skip_item(t: &[Token], mut i: usize, test_modules: &mut Vec<String>) -> usize {
    let mut depth = 0i32;
    let mut last_words: Vec<String> = Vec::new();
    while let Some(token) = t.get(i) {
        match token {
            Token::Word(w) => last_words.push(w.clone()),
            Token::Other('{' | '(' | '[') => depth += 1,
            Token::Other(')' | ']') => depth -= 1,
            Token::Other('}') => {
                depth -= 1;
                if depth == 0 {
                    return i + 1;
                }
            }
            Token::Other(';') if depth == 0 => {
                if let [.., kind, name] = last_words.as_slice()
                    && kind == "mod"
                {
                    test_modules.push(name.clone());
                }
                return i + 1;
            }
            _ => {}
        }
        i += 1;
    }
    i
}

/// Reads one path, following groups: `a::{b, c::d}` gives `a::b` and `a::c::d`.
fn collect(t: &[Token], i: &mut usize, prefix: &mut Vec<String>, found: &mut impl FnMut(&[String])) {
    let start = prefix.len();
    while let Some(Token::Word(w)) = t.get(*i) {
        prefix.push(w.clone());
        *i += 1;
        if t.get(*i) != Some(&Token::PathSep) {
            break;
        }
        *i += 1;
        if t.get(*i) == Some(&Token::Other('{')) {
            *i += 1;
            while *i < t.len() && t.get(*i) != Some(&Token::Other('}')) {
                let before = *i;
                collect(t, i, prefix, found);
                // Commas, globs, turbofish and the like.
                if *i == before {
                    *i += 1;
                }
            }
            *i += 1;
            prefix.truncate(start);
            return;
        }
    }
    if prefix.len() > start {
        found(prefix);
    }
    prefix.truncate(start);
}

fn note(facts: &mut Facts, module: &[String], inline: usize, path: &[String]) {
    match path.first().map(String::as_str) {
        Some("crate" | "groma") if path.len() > 1 => {
            facts.imports.insert(path[1..].join("::"));
        }
        Some("super") => {
            let ups = path.iter().take_while(|p| *p == "super").count();
            // Inline modules are where the first `super`s lead out of.
            if let Some(ups) = ups.checked_sub(inline)
                && let Some(kept) = module.len().checked_sub(ups)
            {
                let mut full = module[..kept].to_vec();
                full.extend(path[ups.min(path.len())..].iter().filter(|p| *p != "super").cloned());
                facts.imports.insert(full.join("::"));
            }
        }
        _ => {
            facts.paths.insert(path.join("::"));
        }
    }
}

struct Source {
    /// `src/net/mod.rs`.
    name: String,
    room: String,
    lines: usize,
    facts: Facts,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// Every file under `src/` that is not only for tests.
fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    files.sort();
    let mut test_only: BTreeSet<PathBuf> = BTreeSet::new();
    let mut all = Vec::new();
    for path in files {
        let relative = path.strip_prefix(root()).unwrap().to_path_buf();
        let inside = relative.strip_prefix("src").unwrap();
        let mut module: Vec<String> =
            inside.with_extension("").iter().map(|p| p.to_str().unwrap().to_owned()).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) && module != ["main"] {
            module.pop();
        }
        let text = fs::read_to_string(&path).unwrap();
        let facts = read(&text, &module);
        // Modules declared in `x/mod.rs` live in `x/`, those of `x.rs` in `x/` too.
        let dir = if path.file_stem().is_some_and(|s| s == "mod" || s == "lib" || s == "main") {
            path.parent().unwrap().to_path_buf()
        } else {
            path.with_extension("")
        };
        for m in &facts.test_modules {
            test_only.insert(dir.join(m));
        }
        let room = module.first().map_or("lib", String::as_str).to_owned();
        all.push((
            path,
            Source { name: relative.display().to_string(), room, lines: text.lines().count(), facts },
        ));
    }
    all.into_iter()
        .filter(|(path, _)| {
            let stem = path.with_extension("");
            // `#[cfg(test)] #[path = "x_tests.rs"] mod tests;` beside the code under test.
            if stem.to_str().is_some_and(|s| s.ends_with("_tests")) {
                return false;
            }
            !test_only.iter().any(|t| stem == *t || path.starts_with(t))
        })
        .map(|(_, s)| s)
        .collect()
}

fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn imports_point_down_only() {
    let mut problems = Vec::new();
    for s in sources() {
        if COMPOSERS.contains(&s.room.as_str()) {
            continue;
        }
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(room, _)| *room == s.room) else {
            problems.push(format!("{}: the plan has no room `{}`", s.name, s.room));
            continue;
        };
        let rooms: BTreeSet<&str> = s.facts.imports.iter().map(|p| p.split("::").next().unwrap()).collect();
        for room in rooms {
            if room != s.room && !room.is_empty() && !allowed.contains(&room) {
                problems.push(format!("{}: `{}` may not import `{room}`", s.name, s.room));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn pure_rooms_touch_nothing_outside() {
    let mut problems = Vec::new();
    for s in sources().iter().filter(|s| PURE.contains(&s.room.as_str())) {
        for path in &s.facts.paths {
            let padded = format!("::{path}::");
            for bad in IMPURE {
                let hit = if bad.contains("::") {
                    padded.contains(&format!("::{bad}::"))
                } else {
                    path.split("::").next() == Some(bad) && path.contains("::")
                };
                let clock = s.name == CLOCK && (bad.contains("SystemTime") || *bad == "Instant::now");
                if hit && !clock {
                    problems.push(format!("{}: a pure room names `{path}`", s.name));
                }
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn the_clock_is_read_in_one_place() {
    let mut problems = Vec::new();
    for s in sources().iter().filter(|s| s.name != CLOCK) {
        for path in s.facts.paths.iter().filter(|p| p.ends_with("SystemTime::now")) {
            problems.push(format!("{}: `{path}`: take the time from `base::time::Clock`", s.name));
        }
    }
    assert_none(&problems);
}

#[test]
fn doors_do_not_know_each_other_nor_the_wire() {
    let mut problems = Vec::new();
    for s in sources().iter().filter(|s| s.room == "le") {
        let own = s.name.split('/').nth(2).unwrap_or_default().trim_end_matches(".rs");
        for import in &s.facts.imports {
            if let Some(door) = import.strip_prefix("le::").and_then(|p| p.split("::").next())
                && own != "mod"
                && door != own
                && !BETWEEN_DOORS.contains(&door)
                && door.chars().next().is_some_and(char::is_lowercase)
            {
                problems.push(format!("{}: the door `{own}` knows the door `{door}`", s.name));
            }
        }
        for path in s.facts.paths.iter().filter(|p| p.starts_with("groma_asn1")) {
            problems.push(format!("{}: `le` names `{path}`", s.name));
        }
    }
    assert_none(&problems);
}

#[test]
fn service_and_doors_see_the_store_only_through_its_trait() {
    let mut problems = Vec::new();
    for s in sources().iter().filter(|s| ["service", "net", "le", "feed"].contains(&s.room.as_str())) {
        let all = s.facts.imports.iter().chain(&s.facts.paths);
        for path in all.filter(|p| p.split("::").any(|w| w == "SledStore")) {
            problems.push(format!("{}: `{path}`: a back end is chosen in `app`", s.name));
        }
    }
    assert_none(&problems);
}

#[test]
fn no_file_is_longer_than_a_reader_bears() {
    let mut problems = Vec::new();
    let mut files = Vec::new();
    for dir in ["src", "asn1", "proto", "tests", "benches"] {
        if root().join(dir).is_dir() {
            rust_files(&root().join(dir), &mut files);
        }
    }
    for path in files {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        // The generated types of the ASN.1 modules are read by nobody.
        if lines > MAX_LINES && !name.contains("/generated/") && !name.contains("/target/") {
            problems.push(format!("{name}: {lines} lines (at most {MAX_LINES})"));
        }
    }
    assert_none(&problems);
}

#[test]
fn the_reader_reads_rust() {
    let module = ["net".to_owned(), "tls".to_owned()];
    let facts = read(
        r##"
        //! [`crate::le`] in a doc link is no import.
        use crate::base::{self, time::{Clock, GpsTime}, Utc};
        use super::driver; /* crate::cells /* nested */ crate::store */
        const S: &str = "crate::feed \" crate::feed"; const R: &str = r#"crate::feed "x" "#;
        fn f<'a>(c: char) -> &'a str { if c == '\'' || c == '"' { std::fs::read("x"); } crate::observe::log::init() }
        mod inner { use super::super::super::spc::X; }
        #[cfg(test)]
        mod tests { use crate::handset::Y; fn g() { let x = { 1 }; } }
        #[cfg(test)]
        mod elsewhere;
        "##,
        &module,
    );
    let rooms: BTreeSet<&str> = facts.imports.iter().map(|p| p.split("::").next().unwrap()).collect();
    assert_eq!(rooms, BTreeSet::from(["base", "net", "observe", "spc"]));
    assert!(facts.imports.contains("base::time::GpsTime") && facts.imports.contains("net::driver"));
    assert!(facts.paths.contains("std::fs::read"));
    assert_eq!(facts.test_modules, ["elsewhere"]);
}

#[test]
fn the_files_are_found() {
    let names: Vec<String> = sources().into_iter().map(|s| s.name).collect();
    assert!(names.iter().any(|n| n == "src/base/time.rs") && names.iter().any(|n| n == "src/main.rs"));
    assert!(sources().iter().all(|s| s.lines > 0));
}
