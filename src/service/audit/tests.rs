//! The record holds, and tells when it was touched.

use std::path::Path;
use std::sync::Arc;

use super::reader::files;
use super::*;
use crate::base::Utc;
use crate::observe::Metrics;
use crate::service::parse_identity;

fn open(config: &Config) -> Audit {
    Audit::open(config, Arc::new(Metrics::new()), Utc::from_unix_s(1_700_000_000)).unwrap()
}

fn config(dir: &Path) -> Config {
    Config { path: dir.join("audit"), ..Config::default() }
}

fn entry(n: usize) -> Entry {
    Entry {
        at: "2024-01-01T00:00:00Z".to_owned(),
        what: "locate",
        client: format!("client-{n}"),
        ..Entry::default()
    }
}

async fn fill(config: &Config, n: usize) {
    let audit = open(config);
    for i in 0..n {
        audit.write(&entry(i)).await.unwrap();
    }
    audit.sync().await.unwrap();
}

#[tokio::test]
async fn a_record_that_nobody_touched_is_sound() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    for _ in 0..3 {
        fill(&config, 5).await;
    }
    let v = verify(&config.path, None).unwrap();
    assert_eq!((v.breaks.as_slice(), v.entries, v.files, v.unfinished), (&[][..], 16, 1, 0));
    let head = open(&config).head();
    assert_eq!(v.last, head);
    assert_eq!(verify(&config.path, Some(head)).unwrap().breaks, []);
}

#[tokio::test]
async fn every_octet_that_is_changed_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    fill(&config, 3).await;
    let path = files(&config.path).unwrap().remove(0);
    let good = std::fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&path, bad).unwrap();
        assert!(!verify(&config.path, None).unwrap().breaks.is_empty(), "octet {at}");
    }
}

#[tokio::test]
async fn entries_removed_exchanged_inserted_or_cut_off_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    fill(&config, 6).await;
    let path = files(&config.path).unwrap().remove(0);
    let good = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let write = |lines: Vec<&str>| {
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        verify(&config.path, None).unwrap().breaks
    };
    assert_eq!(write(lines.clone()), []);
    for i in 0..lines.len() {
        let mut removed = lines.clone();
        removed.remove(i);
        assert!(!write(removed).is_empty(), "line {i} removed");
        let mut doubled = lines.clone();
        doubled.insert(i, lines[i]);
        assert!(!write(doubled).is_empty(), "line {i} doubled");
        if i > 0 {
            let mut exchanged = lines.clone();
            exchanged.swap(i, i - 1);
            assert!(!write(exchanged).is_empty(), "line {i} exchanged");
        }
    }
    // A chain that is sound in itself, but shorter than it was.
    let cut = write(lines[..4].to_vec());
    assert_eq!(cut, [Break::CutOff { last: 4, head: 7 }]);
}

#[tokio::test]
async fn a_new_file_goes_on_with_the_chain() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { file_bytes: 4096, ..config(dir.path()) };
    fill(&config, 100).await;
    fill(&config, 100).await;
    let all = files(&config.path).unwrap();
    assert!(all.len() > 3, "{}", all.len());
    let v = verify(&config.path, None).unwrap();
    assert_eq!((v.breaks.as_slice(), v.files), (&[][..], all.len()));
    // A whole file gone from the middle is noticed, one from the beginning (kept long enough) is not wrong.
    std::fs::remove_file(&all[0]).unwrap();
    let v = verify(&config.path, None).unwrap();
    assert_eq!(v.breaks, []);
    assert!(v.first > 1);
    std::fs::remove_file(&all[2]).unwrap();
    assert!(!verify(&config.path, None).unwrap().breaks.is_empty());
}

#[tokio::test]
async fn the_oldest_files_go() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { file_bytes: 4096, keep_files: 2, ..config(dir.path()) };
    fill(&config, 200).await;
    assert_eq!(files(&config.path).unwrap().len(), 2);
    assert_eq!(verify(&config.path, None).unwrap().breaks, []);
}

#[tokio::test]
async fn an_entry_that_was_not_finished_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    fill(&config, 3).await;
    let path = files(&config.path).unwrap().remove(0);
    let good = std::fs::read(&path).unwrap();
    // The process or the machine ended at any point of the write of the last entry.
    let start = good[..good.len() - 1].iter().rposition(|b| *b == b'\n').unwrap() + 1;
    for len in start..good.len() {
        std::fs::write(&path, &good[..len]).unwrap();
        let _ = std::fs::remove_file(config.path.join("head"));
        fill(&config, 2).await;
        let v = verify(&config.path, None).unwrap();
        assert_eq!((v.breaks.as_slice(), v.entries), (&[][..], 5), "cut to {len}");
    }
}

#[tokio::test]
async fn a_damaged_record_is_gone_on_with_and_said_so() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    fill(&config, 5).await;
    let path = files(&config.path).unwrap().remove(0);
    let mut bad = std::fs::read(&path).unwrap();
    let at = bad.len() / 2;
    bad[at] ^= 1;
    std::fs::write(&path, bad).unwrap();
    fill(&config, 5).await;
    let v = verify(&config.path, None).unwrap();
    assert!(!v.breaks.is_empty());
    assert!(v.breaks.iter().any(|b| matches!(b, Break::Noted { .. })), "{:?}", v.breaks);
}

#[test]
fn one_process_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let _first = open(&config);
    let second = Audit::open(&config, Arc::new(Metrics::new()), Utc::from_unix_s(0));
    assert!(matches!(second, Err(AuditError::InUse { .. })));
}

#[tokio::test]
async fn subscribers_cannot_be_told_from_the_record() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let id = parse_identity("msisdn:491700000001").unwrap();
    let audit = open(&config);
    let pseudonym = audit.pseudonym(&id);
    assert_eq!(pseudonym, pseudonym_in(&config.path, &id).unwrap());
    assert_ne!(pseudonym, audit.pseudonym(&parse_identity("msisdn:491700000002").unwrap()));
    audit.write(&Entry { subscriber: pseudonym, ..entry(1) }).await.unwrap();
    drop(audit);
    let text = std::fs::read_to_string(files(&config.path).unwrap().remove(0)).unwrap();
    assert!(!text.contains("4917"), "{text}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_said_and_recovered_from() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    std::fs::create_dir_all(&config.path).unwrap();
    fill(&config, 2).await;
    let audit = open(&config);
    audit.fail_writes(true);
    assert!(matches!(audit.write(&entry(1)).await, Err(AuditError::Io { .. })));
    assert!(!audit.is_writable());
    audit.fail_writes(false);
    assert!(audit.is_writable());
    audit.write(&entry(2)).await.unwrap();
    audit.sync().await.unwrap();
    assert_eq!(verify(&config.path, None).unwrap().breaks, []);
}
