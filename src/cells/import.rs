//! Reading tables into a table: any number of rows in bounded memory.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;

use super::CellsError;
use super::areas::{Areas, MEMBER, member};
use super::csv::{Layout, RowError};
use super::extsort::{Run, Sorter};
use super::row::{CELL, CellRow};
use super::table::{Table, TableWriter};
use crate::base::Utc;

/// Longest line, bytes.
const MAX_LINE: usize = 4096;
/// Rows between two reports of progress.
const STEP: u64 = 1 << 16;
/// Problems reported with their line.
const SHOWN: usize = 10;

/// How to import.
#[derive(Clone, Copy, Debug)]
pub struct ImportOptions {
    /// Memory for sorting, bytes; default 128 MiB. What does not fit goes to files beside the table.
    pub memory: usize,
    /// Whether the transmitters of the existing table stay; default true.
    pub keep_existing: bool,
    /// When the import happens; rows without a time are taken to be as new.
    pub now: Utc,
}

impl ImportOptions {
    /// The defaults, at a time.
    pub const fn at(now: Utc) -> Self {
        Self { memory: 128 << 20, keep_existing: true, now }
    }
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Reading inputs: bytes of their files, and rows.
    Reading {
        /// Bytes read, compressed where the file is.
        bytes: u64,
        /// Bytes of all inputs.
        of: u64,
        /// Rows so far.
        rows: u64,
    },
    /// Writing the table.
    Writing {
        /// Transmitters written.
        cells: u64,
        /// At most so many will be.
        of: u64,
    },
}

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowProblem {
    /// Its file.
    pub path: PathBuf,
    /// Its line, from 1.
    pub line: u64,
    /// Why.
    pub error: RowError,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Rows read, good and bad.
    pub rows: u64,
    /// Rows left out.
    pub refused: u64,
    /// The first of these.
    pub problems: Vec<RowProblem>,
    /// Rows of transmitters of which a better one was known.
    pub duplicates: u64,
    /// Transmitters in the table that was there before.
    pub before: u64,
    /// Transmitters in the new table.
    pub cells: u64,
    /// Areas in the new table.
    pub areas: u64,
}

/// Imports files, plain or gzip, into the table at `table`, adding to what is there. The new table takes the old one's place
/// at the end, at once; after an error the old one is untouched.
///
/// # Errors
/// See [`CellsError`]. Rows that make no sense are no error but counted.
pub fn import(
    inputs: &[PathBuf],
    table: &Path,
    options: &ImportOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<ImportReport, CellsError> {
    let dir = table.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let at_table = |e| CellsError::io(table, e);
    std::fs::create_dir_all(dir).map_err(at_table)?;
    let existing = match Table::open(table) {
        Ok(old) if options.keep_existing => Some(old),
        Err(CellsError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
        Err(e) if options.keep_existing => return Err(e),
        // What is to be replaced may be damaged.
        Ok(_) | Err(_) => None,
    };
    let mut report = ImportReport { before: existing.as_ref().map_or(0, Table::cells), ..Default::default() };

    let mut sorter = Sorter::<CELL>::new(dir, options.memory / 2);
    let mut of = 0;
    for path in inputs {
        of += std::fs::metadata(path).map_err(|e| CellsError::io(path, e))?.len();
    }
    let mut before = 0;
    for path in inputs {
        let mut reading = Reading { path, report: &mut report, bytes_before: before, of, progress };
        before += reading.file(&mut |row| sorter.push(row.bytes()).map_err(at_table), options.now)?;
    }

    let extra: Vec<Run<'_, CELL>> = existing
        .iter()
        .map(|old| {
            let run: Run<'_, CELL> = Box::new(old.records());
            run
        })
        .collect();
    let most = report.before + report.rows - report.refused;
    let damaged_is_old = |e: io::Error| match (e.kind(), &existing) {
        (io::ErrorKind::InvalidData, Some(_)) => CellsError::Damaged { path: table.to_owned() },
        _ => CellsError::io(table, e),
    };
    let mut sorted = sorter.finish(extra).map_err(damaged_is_old)?;
    let mut writer = TableWriter::create(table).map_err(at_table)?;
    let mut members = Sorter::<MEMBER>::new(dir, options.memory / 2);
    let mut write = |row: &CellRow, report: &mut ImportReport| {
        report.cells += 1;
        if report.cells.is_multiple_of(STEP) {
            progress(Progress::Writing { cells: report.cells, of: most });
        }
        if let Some(member) = member(row) {
            members.push(member)?;
        }
        writer.cell(row)
    };
    let mut held: Option<CellRow> = None;
    for record in &mut sorted {
        let Some(row) = CellRow::read(&record.map_err(damaged_is_old)?) else { continue };
        held = Some(match held {
            Some(known) if known.key == row.key => {
                report.duplicates += 1;
                known.better(row)
            }
            Some(done) => {
                write(&done, &mut report).map_err(at_table)?;
                row
            }
            None => row,
        });
    }
    if let Some(last) = held {
        write(&last, &mut report).map_err(at_table)?;
    }
    progress(Progress::Writing { cells: report.cells, of: report.cells });
    let areas = Areas::new(members.finish(Vec::new()).map_err(at_table)?).inspect(|_| report.areas += 1);
    writer.finish(areas, options.now.unix_s()).map_err(at_table)?;
    Ok(report)
}

/// One input being read.
struct Reading<'a> {
    path: &'a Path,
    report: &'a mut ImportReport,
    bytes_before: u64,
    of: u64,
    progress: &'a mut dyn FnMut(Progress),
}

impl Reading<'_> {
    /// Reads the file; returns its size.
    fn file(
        &mut self,
        sink: &mut dyn FnMut(CellRow) -> Result<(), CellsError>,
        now: Utc,
    ) -> Result<u64, CellsError> {
        let fail = |e| CellsError::io(self.path, e);
        let read = Rc::new(Cell::new(0));
        let counted = Counted { file: File::open(self.path).map_err(fail)?, read: Rc::clone(&read) };
        let mut raw = BufReader::with_capacity(1 << 18, counted);
        let gzip = raw.fill_buf().map_err(fail)?.starts_with(&[0x1f, 0x8b]);
        let mut lines: Box<dyn BufRead> = if gzip {
            Box::new(BufReader::with_capacity(1 << 18, MultiGzDecoder::new(raw)))
        } else {
            Box::new(raw)
        };
        let imported = u32::try_from(now.unix_s()).unwrap_or(0);
        let mut line = Vec::with_capacity(MAX_LINE);
        let mut layout: Option<Layout> = None;
        let mut number = 0;
        while let Some(whole) = next_line(&mut lines, &mut line).map_err(fail)? {
            number += 1;
            let text = line.strip_prefix(b"\xef\xbb\xbf").filter(|_| number == 1).unwrap_or(&line);
            if whole && text.trim_ascii().is_empty() {
                continue;
            }
            let layout = if let Some(known) = &layout {
                known
            } else {
                let unknown = || CellsError::UnknownLayout { path: self.path.to_owned() };
                let (found, header) = Layout::detect(text).filter(|_| whole).ok_or_else(unknown)?;
                let known = layout.insert(found);
                if header {
                    continue;
                }
                known
            };
            self.report.rows += 1;
            match if whole { layout.parse(text, imported) } else { Err(RowError::Shape) } {
                Ok(row) => sink(row)?,
                Err(error) => self.refuse(number, error),
            }
            if self.report.rows.is_multiple_of(STEP) {
                let bytes = self.bytes_before + read.get();
                (self.progress)(Progress::Reading { bytes, of: self.of, rows: self.report.rows });
            }
        }
        (self.progress)(Progress::Reading {
            bytes: self.bytes_before + read.get(),
            of: self.of,
            rows: self.report.rows,
        });
        Ok(read.get())
    }

    fn refuse(&mut self, line: u64, error: RowError) {
        self.report.refused += 1;
        if self.report.problems.len() < SHOWN {
            self.report.problems.push(RowProblem { path: self.path.to_owned(), line, error });
        }
    }
}

/// Reads a line into `line`, at most [`MAX_LINE`] bytes of it; says whether that is all of it. `None` at the end.
fn next_line(from: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let mut whole = true;
    loop {
        let available = match from.fill_buf() {
            Ok(available) => available,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        if available.is_empty() {
            return Ok((!line.is_empty() || !whole).then_some(whole));
        }
        let end = available.iter().position(|b| *b == b'\n');
        let text = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
        if line.len() + text.len() <= MAX_LINE {
            line.extend_from_slice(text);
        } else {
            whole = false;
        }
        let used = text.len() + usize::from(end.is_some());
        from.consume(used);
        if end.is_some() {
            return Ok(Some(whole));
        }
    }
}

/// Counts what is read of a file.
struct Counted {
    file: File,
    read: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(into)?;
        self.read.set(self.read.get() + n as u64);
        Ok(n)
    }
}
