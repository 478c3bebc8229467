//! Sorting more records than memory holds: sorted runs on disk, merged as they are read.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Runs that are merged at once; more are merged into one first.
const FAN_IN: usize = 64;

/// A source of records in order.
pub(super) type Run<'a, const N: usize> = Box<dyn Iterator<Item = io::Result<[u8; N]>> + 'a>;

/// Takes records of `N` bytes in any order and gives them back sorted by their bytes.
pub(super) struct Sorter<const N: usize> {
    dir: PathBuf,
    held: Vec<[u8; N]>,
    most: usize,
    runs: Vec<File>,
}

impl<const N: usize> Sorter<N> {
    /// A sorter that holds `memory` bytes of records and puts the rest into unnamed files in `dir`.
    pub(super) fn new(dir: &Path, memory: usize) -> Self {
        let most = (memory / N).max(1024);
        Self { dir: dir.to_owned(), held: Vec::new(), most, runs: Vec::new() }
    }

    pub(super) fn push(&mut self, record: [u8; N]) -> io::Result<()> {
        if self.held.len() >= self.most {
            self.spill()?;
        }
        self.held.push(record);
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        self.held.sort_unstable();
        let run = write_run(&self.dir, self.held.drain(..).map(Ok))?;
        self.runs.push(run);
        if self.runs.len() >= FAN_IN {
            let runs = read_runs::<N>(std::mem::take(&mut self.runs))?;
            let merged = write_run(&self.dir, Merge::new(runs)?)?;
            self.runs.push(merged);
        }
        Ok(())
    }

    /// All records in order, those of `extra` (already in order) among them.
    pub(super) fn finish<'a>(mut self, extra: Vec<Run<'a, N>>) -> io::Result<Merge<'a, N>>
    where
        Self: 'a,
    {
        self.held.sort_unstable();
        let mut runs: Vec<Run<'a, N>> = Vec::new();
        runs.extend(read_runs(self.runs)?);
        runs.push(Box::new(self.held.into_iter().map(Ok)));
        runs.extend(extra);
        Merge::new(runs)
    }
}

/// Several runs as one.
pub(super) struct Merge<'a, const N: usize> {
    runs: Vec<Run<'a, N>>,
    next: BinaryHeap<Reverse<([u8; N], usize)>>,
}

impl<'a, const N: usize> Merge<'a, N> {
    fn new(runs: Vec<Run<'a, N>>) -> io::Result<Self> {
        let mut merge = Self { next: BinaryHeap::with_capacity(runs.len()), runs };
        for i in 0..merge.runs.len() {
            merge.advance(i)?;
        }
        Ok(merge)
    }

    fn advance(&mut self, run: usize) -> io::Result<()> {
        if let Some(record) = self.runs.get_mut(run).and_then(Iterator::next) {
            self.next.push(Reverse((record?, run)));
        }
        Ok(())
    }
}

impl<const N: usize> Iterator for Merge<'_, N> {
    type Item = io::Result<[u8; N]>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((record, run)) = self.next.pop()?;
        Some(self.advance(run).map(|()| record))
    }
}

fn write_run<const N: usize>(
    dir: &Path,
    records: impl Iterator<Item = io::Result<[u8; N]>>,
) -> io::Result<File> {
    let mut out = BufWriter::with_capacity(1 << 18, scratch_file(dir)?);
    for record in records {
        out.write_all(&record?)?;
    }
    let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

fn read_runs<'a, const N: usize>(runs: Vec<File>) -> io::Result<Vec<Run<'a, N>>> {
    runs.into_iter()
        .map(|file| {
            let records = file.metadata()?.len() / N as u64;
            let mut reader = BufReader::with_capacity(1 << 16, file);
            let run: Run<'a, N> = Box::new((0..records).map(move |_| {
                let mut record = [0; N];
                reader.read_exact(&mut record).map(|()| record)
            }));
            Ok(run)
        })
        .collect()
}

/// A file that is gone when it is closed, or the process dies.
fn scratch_file(dir: &Path) -> io::Result<File> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let name = format!(".groma-sort-{}-{}", std::process::id(), SERIAL.fetch_add(1, Ordering::Relaxed));
    let path = dir.join(name);
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    // An open file needs no name where the system allows that.
    let _ = std::fs::remove_file(&path);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_more_than_it_holds() {
        let dir = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::<8>::new(dir.path(), 0);
        let n = 1024 * (FAN_IN as u64 + 7) + 3;
        for i in 0..n {
            sorter.push((i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_be_bytes()).unwrap();
        }
        let extra: Run<'_, 8> = Box::new([1_u64, 2, u64::MAX].into_iter().map(|v| Ok(v.to_be_bytes())));
        let sorted: Vec<_> = sorter.finish(vec![extra]).unwrap().map(Result::unwrap).collect();
        assert_eq!(sorted.len() as u64, n + 3);
        assert!(sorted.is_sorted());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
    }
}
