//! Round trips of everything that the grammar allows, validation by `xmllint`, and documents as real clients send them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;

use super::*;
use crate::le::mlp::model::*;
use crate::le::mlp::sample::{Sample, Source};
use crate::testing::shared;

fn read(text: &str) -> Result<Document, ParseFault> {
    parse(text.as_bytes(), None, &Reading::default())
}

fn example(service: Service, version: Version, seed: u64) -> Document {
    let mut from = Source::new(seed);
    let header = Header { client: Some(Sample::sample(&mut from)), ..Sample::sample(&mut from) };
    let header = (service.is_request() || from.below(2) == 0).then_some(header);
    Document { version, header, body: Body::sample(service, &mut from) }
}

#[test]
fn every_service_in_every_version_comes_back_as_it_was_gated() {
    for version in Version::ALL {
        for service in Service::ALL {
            for seed in 0..40 {
                let document = example(*service, version, seed);
                let text = document.clone().into_xml();
                let gated = document.gated(version);
                assert_eq!(
                    gated.clone().gated(version),
                    gated,
                    "gating once is enough: {service:?} {version} {seed}"
                );
                assert_eq!(read(&text).as_ref(), Ok(&gated), "{service:?} {version} {seed}: {text}");
            }
        }
    }
}

proptest! {
    #[test]
    fn documents_survive_writing(seed: u64, service in 0..Service::ALL.len(), version in 0..6usize) {
        let document = example(Service::ALL[service], Version::ALL[version], seed);
        let gated = document.clone().gated(document.version);
        prop_assert_eq!(read(&document.into_xml()), Ok(gated));
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}", octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&text);
        let _ = parse(&octets, Some("iso-8859-1"), &Reading::default());
        let _ = read(&format!("<svc_init><hdr>{text}</hdr></svc_init>"));
    }

    #[test]
    fn broken_documents_are_refused_without_harm(seed: u64, service in 0..Service::ALL.len(), cut: u16, flip: u8) {
        let mut octets = example(Service::ALL[service], Version::LATEST, seed).into_xml().into_bytes();
        let at = usize::from(cut) % octets.len();
        let _ = parse(&octets[..at], None, &Reading::default());
        octets[at] ^= flip;
        let _ = parse(&octets, None, &Reading::default()).map(Document::into_xml).map_err(|f| f.answer(Version::LATEST).into_xml());
    }
}

/// Path of the DTD against which a document of this version and root is validated; `None` where none was ever published
/// in a form that is at hand (3.0, 3.2, 3.3; `gem` of 3.1).
fn dtd(dir: &Path, version: Version, root: Root) -> Option<PathBuf> {
    let name = match (version, root) {
        (Version::V3_1, Root::Init) => "3.1/MLP_SVC_INIT_310.DTD",
        (Version::V3_1, Root::Result) => "3.1/MLP_SVC_RESULT_310.DTD",
        (Version::V3_4, _) => "det/3.4.1/MLP_v3_4_1.dtd",
        (Version::V3_5, _) => "det/3.5/MLP_v3_5.dtd",
        _ => return None,
    };
    Some(dir.join("facts/dtd").join(name))
}

fn have_xmllint(test: &str) -> bool {
    let found = Command::new("xmllint").arg("--version").output().is_ok();
    assert!(
        found || std::env::var_os("CI").is_none(),
        "{test}: xmllint must be there in continuous integration"
    );
    if !found {
        eprintln!("skipped: {test}: no xmllint");
    }
    found
}

/// Validates many documents in one run; the complaints.
fn validate(dtd: &Path, documents: &[String]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = documents
        .iter()
        .enumerate()
        .map(|(i, text)| {
            let file = dir.path().join(format!("{i}.xml"));
            std::fs::write(&file, text).unwrap();
            file
        })
        .collect();
    let run = Command::new("xmllint")
        .args(["--noout", "--nonet", "--dtdvalid"])
        .arg(dtd)
        .args(&files)
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&run.stderr).into_owned();
    // The DTDs of 3.1 are not deterministic in places; that is no fault of the document.
    let serious = |line: &&str| {
        line.contains("fails to") || line.contains(": validity error") || line.contains("parser error")
    };
    complaints.lines().filter(serious).filter(|l| !l.contains("not determinist")).fold(
        String::new(),
        |mut all, line| {
            let _ = writeln!(all, "{line}");
            all
        },
    )
}

#[test]
fn what_is_written_validates() {
    const NAME: &str = "what_is_written_validates";
    let Some(dir) = shared(NAME) else { return };
    if !have_xmllint(NAME) {
        return;
    }
    for version in [Version::V3_1, Version::V3_4, Version::V3_5] {
        for root in [Root::Init, Root::Result, Root::Gem] {
            let Some(dtd) = dtd(&dir, version, root) else { continue };
            let services = Service::ALL.iter().filter(|s| s.root() == root && s.since() <= version);
            // A request whose targets an old version cannot name becomes a general error message.
            let documents: Vec<String> = services
                .flat_map(|service| (0..25).map(move |seed| example(*service, version, seed).gated(version)))
                .filter(|document| document.body.service().root() == root)
                .map(Document::into_xml)
                .collect();
            let complaints = validate(&dtd, &documents);
            let first = complaints
                .lines()
                .next()
                .and_then(|l| l.split(".xml").next())
                .and_then(|p| p.rsplit('/').next());
            let text = first.and_then(|i| i.parse::<usize>().ok()).and_then(|i| documents.get(i));
            assert!(complaints.is_empty(), "{version} {root:?}: {complaints}\n{text:?}");
        }
    }
    // The validator does complain.
    let bad = vec!["<gem ver=\"3.5.0\"><add_info/></gem>".to_owned()];
    assert!(!validate(&dtd(&dir, Version::V3_5, Root::Gem).unwrap(), &bad).is_empty());
}

#[test]
fn samples_are_read_and_written_again() {
    const NAME: &str = "samples_are_read_and_written_again";
    let Some(dir) = shared(NAME) else { return };
    let xmllint = have_xmllint(NAME);
    let mut seen = 0;
    for file in std::fs::read_dir(dir.join("facts/samples")).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let octets = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&octets);
        if !["<svc_init", "<svc_result", "<gem"].iter().any(|root| text.contains(root)) {
            continue;
        }
        seen += 1;
        let document =
            parse(&octets, None, &Reading::default()).unwrap_or_else(|f| panic!("{}: {f}", path.display()));
        let again = document.clone().into_xml();
        assert_eq!(read(&again).as_ref(), Ok(&document), "{}", path.display());
        if let Some(dtd) = dtd(&dir, document.version, document.body.service().root()).filter(|_| xmllint) {
            assert_eq!(validate(&dtd, &[again]), "", "{}", path.display());
        }
    }
    assert!(seen >= 8, "{seen} samples");
}
