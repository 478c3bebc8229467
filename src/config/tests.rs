use super::*;

/// The annotated file that comes with the project.
fn reference() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/groma.toml")).unwrap()
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("test.toml"), &[])
}

/// Every table of the configuration by its path, with the keys that its reader knows. The reader is asked itself: a stray
/// key makes it list them.
fn known_keys() -> Vec<(String, Vec<String>)> {
    fn walk(table: &toml::Table, path: &str, out: &mut Vec<(String, Vec<String>)>) {
        let header = if path.is_empty() { String::new() } else { format!("[{path}]\n") };
        let error = toml::from_str::<Config>(&format!("{header}zzzz = 1\n")).unwrap_err();
        assert!(error.message().starts_with("unknown field `zzzz`"), "[{path}] takes stray keys: {error}");
        let keys: Vec<String> = error.message().split('`').skip(3).step_by(2).map(str::to_owned).collect();
        out.push((path.to_owned(), keys));
        for (key, value) in table {
            if let toml::Value::Table(inner) = value {
                let inner_path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(inner, &inner_path, out);
            }
        }
    }
    let mut out = Vec::new();
    walk(&toml::Table::try_from(Config::default()).unwrap(), "", &mut out);
    out
}

#[test]
fn the_reference_file_says_what_the_defaults_are() {
    let config = parse(&reference()).unwrap();
    assert_eq!(config, Config::default());
}

#[test]
fn the_reference_file_names_every_key_in_its_section() {
    let text = reference();
    let mut section = String::new();
    let mut named = std::collections::BTreeSet::new();
    for line in text.lines() {
        let line = line.trim();
        // `#key = value` without a space is a key left at its absence; `# text` is text.
        let line = line.strip_prefix('#').unwrap_or(line);
        if let Some(s) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            s.trim_matches(['[', ']']).clone_into(&mut section);
        } else if let Some((key, _)) = line.split_once(" = ")
            && !key.contains(' ')
        {
            named.insert((section.clone(), key.to_owned()));
        }
    }
    for (path, keys) in known_keys() {
        for key in keys {
            let sub = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            // A table, or a table of tables that have names.
            let has_table = text.contains(&format!("[{sub}]")) || text.contains(&format!("[{sub}."));
            assert!(
                has_table || named.contains(&(path.clone(), key.clone())),
                "config/groma.toml does not name [{path}] {key}"
            );
        }
    }
}

#[test]
fn the_reference_file_works_with_its_examples_switched_on() {
    let text: String = reference()
        .lines()
        .map(|l| match l.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') && !rest.is_empty() => format!("{rest}\n"),
            _ => format!("{l}\n"),
        })
        .collect();
    if let Err(e) = toml::from_str::<Config>(&text) {
        panic!("{e}\n{text}");
    }
}

#[test]
fn every_profile_can_be_loaded() {
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/config")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|e| e == "toml") {
            Config::load(Some(&path), &[]).unwrap_or_else(|e| panic!("{e}"));
        }
    }
}

#[test]
fn no_table_takes_a_stray_key() {
    // The walk itself asserts that each table refuses one.
    assert!(known_keys().len() > 2);
}

#[test]
fn no_list_of_tables_takes_a_stray_key_either() {
    for (text, near) in [
        ("[[listen]]\naddress = \"[::]:1\"\nmoed = \"tls\"\n", "mode"),
        ("[[tls.certificates]]\nchain = \"a\"\nkeey = \"b\"\n", "key"),
        ("[[access.source]]\nnetwrok = \"10.0.0.0/8\"\n", "network"),
        ("[[cells.networks]]\nmcc = 1\nlatt = 1.0\n", "lat"),
        ("[[feed.sources]]\nkind = \"directory\"\npath = \"x\"\nscan = 3\n", "scan_s"),
        ("[[feed.sources]]\nkind = \"htp\"\n", "http"),
        ("[[push.rules]]\nbearer = [\"udp\"]\n", "bearers"),
        ("[push.smpp.main]\nadress = \"x:1\"\n", "address"),
    ] {
        let e = parse(text).unwrap_err().to_string();
        assert!(e.contains(&format!("did you mean `{near}`?")), "{e}");
    }
}

#[test]
fn a_simulated_sky_is_one_word_and_stands_alone() {
    assert!(parse("feed = \"simulated\"").unwrap().feed.is_simulated());
    let mixed =
        "[[feed.sources]]\nkind = \"simulated\"\n[[feed.sources]]\nkind = \"directory\"\npath = \"x\"\n";
    assert!(matches!(parse(mixed), Err(ConfigError::Value { key: "feed", .. })));
}

#[test]
fn a_misspelt_key_is_reported_with_place_and_advice() {
    let e = parse("data = \"x\"\n[http]\nlissten = \"127.0.0.1:1\"\n").unwrap_err().to_string();
    assert!(e.starts_with("test.toml:3:1: unknown key `lissten`, did you mean `listen`?"), "{e}");
}

#[test]
fn overrides_win_and_are_blamed_for_their_mistakes() {
    let apply = |o: &[&str]| {
        let o: Vec<String> = o.iter().map(|s| (*s).to_owned()).collect();
        Config::parse("drain_s = 3\n", Path::new("t.toml"), &o)
    };
    let c = apply(&["http.listen=127.0.0.1:1234", "drain_s=7", "data=/var/lib/groma"]).unwrap();
    assert_eq!((c.drain_s, c.data.as_path()), (7, Path::new("/var/lib/groma")));
    assert_eq!(c.http.listen.port(), 1234);
    let e = apply(&["drain_s=7", "http.lissten=x"]).unwrap_err().to_string();
    assert!(e.starts_with("-o http.lissten=x: unknown key `lissten`, did you mean"), "{e}");
    assert!(matches!(apply(&["drain_s"]), Err(ConfigError::Override(_))));
    assert!(matches!(apply(&["drain_s.x=1"]), Err(ConfigError::Override(_))));
}

#[test]
fn ranges_are_checked() {
    assert!(parse("drain_s = 3601").unwrap_err().to_string().contains("drain_s"));
    assert!(parse("[log]\nlevel = \"groma=loud\"").unwrap_err().to_string().contains("log.level"));
}

#[test]
fn what_check_prints_can_be_read_back() {
    let c = Config::default();
    assert_eq!(parse(&c.to_toml()).unwrap(), c);
}
