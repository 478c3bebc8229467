//! The table file: transmitters and areas, sorted, immutable; replaced as a whole.
//!
//! Layout: a header of 4096 bytes, blocks of transmitters, blocks of areas, the first keys of both. The header holds the
//! counts, and the checksums of the keys and of itself; every block has its own. A table is written beside its place and
//! renamed into it, so that a reader sees the old one or the new one.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::CellsError;
use super::blocks::{BLOCK, BlockWriter, Blocks};
use super::row::{AREA, AREA_KEY, AreaKey, AreaRow, CELL, CELL_KEY, CellKey, CellRow};

const MAGIC: &[u8; 8] = b"GROMACEL";
/// Format this release writes, and the newest it reads.
const VERSION: u32 = 1;
/// Bytes of the header that are covered by its checksum.
const COVERED: usize = 48;
/// Records looked at for one identity: a cell that was seen in more areas than this is not worth more reading.
const MOST_PER_CELL: usize = 64;
/// Controllers of one network that are asked for a cell known by its lower 16 bits alone; the largest networks have a few
/// hundred.
const MOST_CONTROLLERS: u32 = 512;

/// An open table.
#[derive(Clone)]
pub struct Table {
    path: PathBuf,
    cells: Blocks<CELL, CELL_KEY>,
    areas: Blocks<AREA, AREA_KEY>,
    header: Header,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Header {
    cells: u64,
    areas: u64,
    cell_blocks: u32,
    area_blocks: u32,
    created: i64,
    index_sum: u32,
}

impl Table {
    /// Opens a table and checks its header, its size and its keys.
    ///
    /// # Errors
    /// [`CellsError::NotATable`], [`CellsError::Newer`], [`CellsError::Damaged`], [`CellsError::Io`].
    pub fn open(path: &Path) -> Result<Self, CellsError> {
        let fail = |e: io::Error| match e.kind() {
            io::ErrorKind::UnexpectedEof => CellsError::Damaged { path: path.to_owned() },
            _ => CellsError::io(path, e),
        };
        let file = File::open(path).map_err(|e| CellsError::io(path, e))?;
        let size = file.metadata().map_err(fail)?.len();
        let mut reader = BufReader::with_capacity(1 << 16, &file);
        let mut page = [0; BLOCK];
        if size < BLOCK as u64 {
            return Err(CellsError::NotATable { path: path.to_owned() });
        }
        reader.read_exact(&mut page).map_err(fail)?;
        let header = Header::read(&page, path)?;
        let index_at = (1 + u64::from(header.cell_blocks) + u64::from(header.area_blocks)) * BLOCK as u64;
        let index_bytes =
            u64::from(header.cell_blocks) * CELL_KEY as u64 + u64::from(header.area_blocks) * AREA_KEY as u64;
        if index_at + index_bytes != size {
            return Err(CellsError::Damaged { path: path.to_owned() });
        }
        reader.seek(SeekFrom::Start(index_at)).map_err(fail)?;
        let mut sum = crc32fast::Hasher::new();
        // The size of the file bounds what is allocated here.
        let cell_index = read_keys::<CELL_KEY>(&mut reader, header.cell_blocks, &mut sum).map_err(fail)?;
        let area_index = read_keys::<AREA_KEY>(&mut reader, header.area_blocks, &mut sum).map_err(fail)?;
        if sum.finalize() != header.index_sum {
            return Err(CellsError::Damaged { path: path.to_owned() });
        }
        drop(reader);
        let file = Arc::new(file);
        let areas_at = (1 + u64::from(header.cell_blocks)) * BLOCK as u64;
        Ok(Self {
            path: path.to_owned(),
            cells: Blocks::new(Arc::clone(&file), BLOCK as u64, cell_index),
            areas: Blocks::new(file, areas_at, area_index),
            header,
        })
    }

    /// Number of transmitters.
    pub const fn cells(&self) -> u64 {
        self.header.cells
    }

    /// Number of areas.
    pub const fn areas(&self) -> u64 {
        self.header.areas
    }

    /// When it was written, POSIX seconds.
    pub const fn created_unix_s(&self) -> i64 {
        self.header.created
    }

    /// The records of a cell, in all areas it is known in.
    pub(super) fn cell(&self, key: CellKey) -> io::Result<Vec<CellRow>> {
        // Without the area, the last four bytes.
        let prefix = key.bytes();
        let found = self.cells.with_prefix(&prefix[..CELL_KEY - 4], MOST_PER_CELL)?;
        Ok(found.iter().filter_map(CellRow::read).collect())
    }

    /// Transmitters of the network whose cell has these lower 16 bits, whatever their controller: UMTS numbers cells within
    /// their RNC. Goes from controller to controller, each a look-up; `None` when a network has more than [`MOST_CONTROLLERS`].
    pub(super) fn of_any_controller(&self, key: CellKey) -> io::Result<Option<Vec<CellRow>>> {
        let short = key.cell & 0xffff;
        let mut found = Vec::new();
        let mut controller = 0_u64;
        for _ in 0..MOST_CONTROLLERS {
            let wanted = CellKey { cell: controller << 16 | short, area: 0, ..key };
            let Some(row) = self.cells.at_or_after(&wanted.bytes())?.as_ref().and_then(CellRow::read) else {
                return Ok(Some(found));
            };
            if (row.key.radio, row.key.plmn) != (key.radio, key.plmn) {
                return Ok(Some(found));
            }
            if row.key.cell == wanted.cell {
                found.extend(self.cell(wanted)?);
            }
            // The same controller's cells are done with; a later one's may begin below the number sought.
            controller = (row.key.cell >> 16).max(controller + u64::from(row.key.cell >> 16 == controller));
        }
        Ok(None)
    }

    pub(super) fn area(&self, key: AreaKey) -> io::Result<Option<AreaRow>> {
        Ok(self.areas.with_prefix(&key.bytes(), 1)?.first().and_then(AreaRow::read))
    }

    /// All records of transmitters, in order.
    pub(super) fn records(&self) -> impl Iterator<Item = io::Result<[u8; CELL]>> + use<> {
        self.cells.iter()
    }

    /// Reads every block once.
    ///
    /// # Errors
    /// [`CellsError::Damaged`] when one fails its checksum or the counts do not hold.
    pub fn verify(&self) -> Result<(), CellsError> {
        let damaged = || CellsError::Damaged { path: self.path.clone() };
        let mut cells = 0;
        for record in self.cells.iter() {
            record.ok().and_then(|r| CellRow::read(&r)).ok_or_else(damaged)?;
            cells += 1;
        }
        let mut areas = 0;
        for record in self.areas.iter() {
            record.ok().and_then(|r| AreaRow::read(&r)).ok_or_else(damaged)?;
            areas += 1;
        }
        if (cells, areas) == (self.header.cells, self.header.areas) { Ok(()) } else { Err(damaged()) }
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("path", &self.path)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

fn read_keys<const K: usize>(
    reader: &mut impl Read,
    blocks: u32,
    sum: &mut crc32fast::Hasher,
) -> io::Result<Vec<[u8; K]>> {
    (0..blocks)
        .map(|_| {
            let mut key = [0; K];
            reader.read_exact(&mut key)?;
            sum.update(&key);
            Ok(key)
        })
        .collect()
}

impl Header {
    fn page(&self) -> [u8; BLOCK] {
        let mut bytes = Vec::with_capacity(BLOCK);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&self.cells.to_be_bytes());
        bytes.extend_from_slice(&self.areas.to_be_bytes());
        bytes.extend_from_slice(&self.cell_blocks.to_be_bytes());
        bytes.extend_from_slice(&self.area_blocks.to_be_bytes());
        bytes.extend_from_slice(&self.created.to_be_bytes());
        bytes.extend_from_slice(&self.index_sum.to_be_bytes());
        let sum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&sum.to_be_bytes());
        let mut page = [0; BLOCK];
        for (to, from) in page.iter_mut().zip(bytes) {
            *to = from;
        }
        page
    }

    fn read(page: &[u8; BLOCK], path: &Path) -> Result<Self, CellsError> {
        let (magic, mut rest) = page.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(CellsError::NotATable { path: path.to_owned() });
        }
        let found = u32::from_be_bytes(take(&mut rest));
        if found > VERSION {
            return Err(CellsError::Newer { path: path.to_owned(), found, supported: VERSION });
        }
        let header = Self {
            cells: u64::from_be_bytes(take(&mut rest)),
            areas: u64::from_be_bytes(take(&mut rest)),
            cell_blocks: u32::from_be_bytes(take(&mut rest)),
            area_blocks: u32::from_be_bytes(take(&mut rest)),
            created: i64::from_be_bytes(take(&mut rest)),
            index_sum: u32::from_be_bytes(take(&mut rest)),
        };
        if u32::from_be_bytes(take(&mut rest)) != crc32fast::hash(page.get(..COVERED).unwrap_or_default()) {
            return Err(CellsError::Damaged { path: path.to_owned() });
        }
        Ok(header)
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    match bytes.split_first_chunk::<N>() {
        Some((head, tail)) => {
            *bytes = tail;
            *head
        }
        None => [0; N],
    }
}

/// Writes a new table: transmitters first, then areas, each in order; nothing is seen of it before [`Self::finish`].
pub(super) struct TableWriter {
    path: PathBuf,
    temporary: PathBuf,
    out: BufWriter<File>,
    cells: BlockWriter<CELL, CELL_KEY>,
    finished: bool,
}

impl TableWriter {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = path.with_file_name(format!(".{name}.{}", std::process::id()));
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&temporary)?);
        out.write_all(&[0; BLOCK])?;
        Ok(Self { path: path.to_owned(), temporary, out, cells: BlockWriter::new(), finished: false })
    }

    pub(super) fn cell(&mut self, row: &CellRow) -> io::Result<()> {
        self.cells.push(&row.bytes(), &mut self.out)
    }

    /// Adds the areas and puts the table in its place, durably.
    pub(super) fn finish(
        mut self,
        areas: impl Iterator<Item = io::Result<AreaRow>>,
        created: i64,
    ) -> io::Result<()> {
        let (cell_index, cells) =
            std::mem::replace(&mut self.cells, BlockWriter::new()).finish(&mut self.out)?;
        let mut writer = BlockWriter::<AREA, AREA_KEY>::new();
        for row in areas {
            writer.push(&row?.bytes(), &mut self.out)?;
        }
        let (area_index, areas) = writer.finish(&mut self.out)?;
        let mut sum = crc32fast::Hasher::new();
        for key in cell_index.as_flattened().chunks(1 << 16).chain(area_index.as_flattened().chunks(1 << 16))
        {
            sum.update(key);
            self.out.write_all(key)?;
        }
        let blocks = |n: usize| u32::try_from(n).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge));
        let header = Header {
            cells,
            areas,
            cell_blocks: blocks(cell_index.len())?,
            area_blocks: blocks(area_index.len())?,
            created,
            index_sum: sum.finalize(),
        };
        self.out.flush()?;
        let file = self.out.get_mut();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header.page())?;
        file.sync_all()?;
        std::fs::rename(&self.temporary, &self.path)?;
        self.finished = true;
        sync_directory(&self.path)
    }
}

impl Drop for TableWriter {
    fn drop(&mut self) {
        if !self.finished {
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// Makes a rename durable where directories can be synchronised.
fn sync_directory(of: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let dir = of.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(dir)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::GeoPoint;
    use crate::base::cell::Plmn;
    use crate::cells::row::Radio;

    fn row(cell: u64, area: u32) -> CellRow {
        CellRow {
            key: CellKey { radio: Radio::Lte, plmn: Plmn { mcc: 270, mnc: 1 }, cell, area },
            at: GeoPoint::new(49.0, 6.0).unwrap(),
            range_m: 1,
            samples: 1,
            updated: 1,
        }
    }

    fn write(path: &Path, cells: u64) {
        let mut w = TableWriter::create(path).unwrap();
        for c in 0..cells {
            for area in 0..3 {
                w.cell(&row(c * 2, area)).unwrap();
            }
        }
        let area =
            |a| AreaRow { key: row(0, a).key.area(), at: row(0, 0).at, radius_m: a, cells: cells as u32 };
        w.finish((0..3).map(|a| Ok(area(a))), 77).unwrap();
    }

    #[test]
    fn finds_what_is_there_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table");
        write(&path, 1000);
        let table = Table::open(&path).unwrap();
        table.verify().unwrap();
        assert_eq!((table.cells(), table.areas(), table.created_unix_s()), (3000, 3, 77));
        for c in 0..2002 {
            let found = table.cell(row(c, 0).key).unwrap();
            let expected: Vec<_> =
                if c % 2 == 0 && c < 2000 { (0..3).map(|a| row(c, a)).collect() } else { vec![] };
            assert!(found == expected, "{c}");
        }
        assert_eq!(table.area(row(0, 2).key.area()).unwrap().map(|a| a.radius_m), Some(2));
        assert!(table.area(row(0, 3).key.area()).unwrap().is_none());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn an_empty_table_is_a_table() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table");
        write(&path, 0);
        let table = Table::open(&path).unwrap();
        table.verify().unwrap();
        assert!(table.cell(row(1, 1).key).unwrap().is_empty());
    }

    #[test]
    fn damage_is_noticed_never_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table");
        write(&path, 200);
        let good = std::fs::read(&path).unwrap();
        let rest = COVERED + 4;
        for at in (0..good.len()).step_by(97).chain(0..rest) {
            // Past the header's end its page is padding.
            if (rest..BLOCK).contains(&at) {
                continue;
            }
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            std::fs::write(&path, &bad).unwrap();
            assert!(Table::open(&path).and_then(|t| t.verify()).is_err(), "byte {at}");
        }
        for keep in (0..good.len()).step_by(1001) {
            std::fs::write(&path, &good[..keep]).unwrap();
            assert!(Table::open(&path).is_err(), "cut to {keep}");
        }
        let mut newer = good;
        newer[11] = 9;
        std::fs::write(&path, &newer).unwrap();
        assert!(matches!(Table::open(&path), Err(CellsError::Newer { found: 9, .. })));
    }
}
