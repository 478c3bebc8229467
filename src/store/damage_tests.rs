//! Damaged, newer and locked stores: each gives its error, and none a panic or a wrong value.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use super::suite::{ephemeris, estimate, target, week};
use super::{Config, Damage, SledStore, Store, StoreError};

fn at(path: &Path) -> Config {
    Config { path: path.to_owned(), ..Config::default() }
}

/// Every regular file below a directory.
fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
    found.sort();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn fill(path: &Path) {
    // Two lives, so that snapshots and a grown log are there.
    for life in 0..2_u64 {
        let store = SledStore::open(&at(path)).unwrap();
        for n in 0..40 {
            store.put_sky(vec![ephemeris(n, 7200 * (1 + life as i64), 0, i64::from(n))]).wait().unwrap();
            store.put_position(&target(u64::from(n)), estimate(i64::from(n))).wait().unwrap();
        }
    }
}

/// Reads everything of a store; what it gives must be what was put there.
fn read_all(path: &Path) -> Result<(), StoreError> {
    let store = SledStore::open(&at(path))?;
    let known: BTreeSet<String> = (1..=2)
        .flat_map(|life| (0..40).map(move |n| format!("{:?}", ephemeris(n, 7200 * life, 0, i64::from(n)))))
        .collect();
    for record in store.load_sky(week(0)).wait()? {
        assert!(known.contains(&format!("{record:?}")), "a record that was never put");
    }
    for n in 0..40 {
        for position in store.positions(&target(n), 100).wait()? {
            assert_eq!(position, estimate(n as i64), "a position that was never put");
        }
    }
    store.put_position(&target(77), estimate(77)).wait()?;
    Ok(())
}

/// Opens a damaged copy on a thread of its own, so that a hang is a failure like any other.
fn try_damaged(pristine: &Path, what: &str, damage: impl FnOnce(&Path)) -> Result<(), StoreError> {
    let dir = tempfile::tempdir().unwrap();
    copy(pristine, dir.path());
    damage(dir.path());
    let (done, result) = mpsc::channel();
    let path = dir.path().to_owned();
    let thread = std::thread::spawn(move || {
        let _ = done.send(read_all(&path));
    });
    match result.recv_timeout(Duration::from_secs(30)) {
        Ok(outcome) => outcome,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what}: hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            panic!("{what}: {:?}", thread.join().map_err(|e| e.downcast_ref::<String>().cloned()))
        }
    }
}

/// A small generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n.max(1)
    }
}

#[test]
fn damage_is_an_error_never_a_panic_nor_a_wrong_value() {
    let dir = tempfile::tempdir().unwrap();
    let pristine = dir.path().join("pristine");
    fill(&pristine);
    read_all(&pristine).unwrap();
    let mut all = Vec::new();
    files(&pristine, &mut all);
    assert!(all.len() >= 2, "{all:?}");
    let mut random = Random(0x5eed_0001);
    let (mut noticed, mut unnoticed) = (0, 0);
    let mut count = |outcome: Result<(), StoreError>| match outcome {
        Ok(()) => unnoticed += 1,
        Err(e) => {
            assert!(
                matches!(e, StoreError::Corrupt { .. } | StoreError::Io { .. } | StoreError::Newer { .. }),
                "{e:?}"
            );
            noticed += 1;
        }
    };
    for file in &all {
        let name = file.strip_prefix(&pristine).unwrap();
        let len = fs::metadata(file).unwrap().len();
        for round in 0..60 {
            let place = random.below(len.min(if round % 2 == 0 { len } else { 4096 }));
            let flip = 1 << random.below(8);
            count(try_damaged(&pristine, &format!("{name:?}: bit {flip} of byte {place}"), |copy| {
                let mut bytes = fs::read(copy.join(name)).unwrap();
                bytes[place as usize] ^= flip;
                fs::write(copy.join(name), bytes).unwrap();
            }));
        }
        for _ in 0..15 {
            let keep = random.below(len);
            count(try_damaged(&pristine, &format!("{name:?}: cut to {keep}"), |copy| {
                fs::OpenOptions::new().write(true).open(copy.join(name)).unwrap().set_len(keep).unwrap();
            }));
            let start = random.below(len) as usize;
            count(try_damaged(&pristine, &format!("{name:?}: noise from {start}"), |copy| {
                let mut bytes = fs::read(copy.join(name)).unwrap();
                for b in bytes.iter_mut().skip(start).take(512) {
                    *b = random.below(256) as u8;
                }
                fs::write(copy.join(name), bytes).unwrap();
            }));
        }
        count(try_damaged(&pristine, &format!("{name:?}: gone"), |copy| {
            fs::remove_file(copy.join(name)).unwrap();
        }));
    }
    println!("{noticed} noticed, {unnoticed} without effect on what is stored");
    assert!(noticed > 50, "{noticed} noticed, {unnoticed} not");
}

#[test]
fn one_process_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let first = SledStore::open(&at(dir.path())).unwrap();
    let second = SledStore::open(&at(dir.path())).unwrap_err();
    assert!(matches!(second, StoreError::Locked { .. }), "{second:?}");
    assert!(second.to_string().contains("another process"), "{second}");
    drop(first);
    SledStore::open(&at(dir.path())).unwrap();
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(SledStore::open(&at(dir.path())).unwrap());
    let write = |version: &str| {
        let db = sled::open(dir.path()).unwrap();
        db.insert(super::keys::FORMAT, super::record::seal(super::keys::FORMAT, version.as_bytes())).unwrap();
        db.flush().unwrap();
    };
    write("3");
    let error = SledStore::open(&at(dir.path())).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 3, supported: 2, .. }), "{error:?}");
    write("1");
    SledStore::open(&at(dir.path())).unwrap();
}

#[test]
fn files_of_something_else_are_no_store() {
    let dir = tempfile::tempdir().unwrap();
    let db = sled::open(dir.path()).unwrap();
    db.insert(b"other", b"data").unwrap();
    db.flush().unwrap();
    drop(db);
    let error = SledStore::open(&at(dir.path())).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { what: Damage::NoFormat, .. }), "{error:?}");
    assert!(error.to_string().contains("move the directory away"), "{error}");
}
