//! Sorted records in checksummed blocks of a file, with the first key of each block in memory.
//!
//! A block is 4096 bytes: CRC-32 of the rest (4 bytes), count of records (2), two zeros, the records, zeros. One question
//! reads one block, seldom two, and not even that when it was asked a moment ago: a session asks for its cell several times,
//! and handsets stand together.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, PoisonError, RwLock};

/// Bytes of a block.
pub(super) const BLOCK: usize = 4096;
const HEAD: usize = 8;
/// Blocks kept in memory, each in the place that its number gives.
const KEPT: usize = 64;

/// A block that has been read and checked, and its count of records.
type Block = ([u8; BLOCK], usize);
/// Blocks read lately, with their numbers.
type Recent = [RwLock<Option<(usize, Arc<Block>)>>; KEPT];

/// Writes records, in order, as blocks.
pub(super) struct BlockWriter<const N: usize, const K: usize> {
    block: Vec<u8>,
    count: u16,
    records: u64,
    /// First keys so far.
    index: Vec<[u8; K]>,
}

impl<const N: usize, const K: usize> BlockWriter<N, K> {
    const PER_BLOCK: u16 = ((BLOCK - HEAD) / N) as u16;

    pub(super) fn new() -> Self {
        Self { block: Vec::with_capacity(BLOCK), count: 0, records: 0, index: Vec::new() }
    }

    pub(super) fn push(&mut self, record: &[u8; N], out: &mut impl Write) -> io::Result<()> {
        if self.count == 0 {
            self.block.clear();
            self.block.resize(HEAD, 0);
            self.index.push(key_of(record));
        }
        self.block.extend_from_slice(record);
        self.count += 1;
        self.records += 1;
        if self.count == Self::PER_BLOCK { self.end_block(out) } else { Ok(()) }
    }

    fn end_block(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        self.block.resize(BLOCK, 0);
        if let Some(count) = self.block.get_mut(4..6) {
            count.copy_from_slice(&self.count.to_be_bytes());
        }
        self.count = 0;
        let sum = crc32fast::hash(self.block.get(4..).unwrap_or_default());
        out.write_all(&sum.to_be_bytes())?;
        out.write_all(self.block.get(4..).unwrap_or_default())
    }

    /// Ends the last block; gives the index and the count of records.
    pub(super) fn finish(mut self, out: &mut impl Write) -> io::Result<(Vec<[u8; K]>, u64)> {
        self.end_block(out)?;
        Ok((self.index, self.records))
    }
}

/// The key that begins a record.
fn key_of<const N: usize, const K: usize>(record: &[u8; N]) -> [u8; K] {
    record.first_chunk::<K>().copied().unwrap_or([0; K])
}

/// Reads records of a file's section of blocks.
#[derive(Clone)]
pub(super) struct Blocks<const N: usize, const K: usize> {
    file: Arc<File>,
    /// Where the section begins in the file.
    start: u64,
    index: Arc<Vec<[u8; K]>>,
    recent: Arc<Recent>,
}

impl<const N: usize, const K: usize> Blocks<N, K> {
    pub(super) fn new(file: Arc<File>, start: u64, index: Vec<[u8; K]>) -> Self {
        let recent = Arc::new(std::array::from_fn(|_| RwLock::new(None)));
        Self { file, start, index: Arc::new(index), recent }
    }

    /// The records whose keys begin with `prefix`, at most `most` of them.
    pub(super) fn with_prefix(&self, prefix: &[u8], most: usize) -> io::Result<Vec<[u8; N]>> {
        let mut found = Vec::new();
        // The last block that begins before the prefix may hold its first record.
        let first = self.index.partition_point(|k| &k[..] < prefix).saturating_sub(1);
        for block in first..self.index.len() {
            if self.index.get(block).is_some_and(|k| &k[..] > prefix && !k.starts_with(prefix)) {
                break;
            }
            let read = self.block(block)?;
            let records = records::<N>(&read.0, read.1);
            let begin = records.partition_point(|r| &r[..K] < prefix);
            for record in records.iter().skip(begin) {
                if !record.starts_with(prefix) || found.len() >= most {
                    return Ok(found);
                }
                found.push(*record);
            }
        }
        Ok(found)
    }

    /// The first record whose key is not below `key`.
    pub(super) fn at_or_after(&self, key: &[u8]) -> io::Result<Option<[u8; N]>> {
        let first = self.index.partition_point(|k| &k[..] <= key).saturating_sub(1);
        // In the block that begins before it, or first in the next.
        for block in first..self.index.len().min(first + 2) {
            let read = self.block(block)?;
            let records = records::<N>(&read.0, read.1);
            let begin = records.partition_point(|r| &r[..K] < key);
            if let Some(record) = records.get(begin) {
                return Ok(Some(*record));
            }
        }
        Ok(None)
    }

    /// All records in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = io::Result<[u8; N]>> + use<N, K> {
        let this = self.clone();
        (0..self.index.len()).flat_map(move |block| {
            let records = match this.read(block) {
                Ok((bytes, count)) => records::<N>(&bytes, count).iter().map(|r| Ok(*r)).collect(),
                Err(e) => vec![Err(e)],
            };
            records.into_iter()
        })
    }

    fn block(&self, block: usize) -> io::Result<Arc<Block>> {
        let Some(place) = self.recent.get(block % KEPT) else { return self.read(block).map(Arc::new) };
        let kept = place.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, read)) = kept.filter(|(number, _)| *number == block) {
            return Ok(read);
        }
        let read = Arc::new(self.read(block)?);
        *place.write().unwrap_or_else(PoisonError::into_inner) = Some((block, Arc::clone(&read)));
        Ok(read)
    }

    fn read(&self, block: usize) -> io::Result<Block> {
        let mut bytes = [0; BLOCK];
        read_at(&self.file, &mut bytes, self.start + (block * BLOCK) as u64)?;
        let [a, b, c, d, rest @ ..] = &bytes;
        if crc32fast::hash(rest) != u32::from_be_bytes([*a, *b, *c, *d]) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a block fails its checksum"));
        }
        let [high, low, ..] = rest;
        let count = usize::from(u16::from_be_bytes([*high, *low]));
        Ok((bytes, count.min((BLOCK - HEAD) / N)))
    }
}

/// The records of a block.
fn records<const N: usize>(block: &[u8; BLOCK], count: usize) -> &[[u8; N]] {
    let (records, _) = block.get(HEAD..).unwrap_or_default().as_chunks::<N>();
    records.get(..count).unwrap_or_default()
}

/// Reads at a place, without moving a position that others share.
#[cfg(unix)]
pub(super) fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, at)
}

/// Reads at a place, without moving a position that others share.
#[cfg(windows)]
pub(super) fn read_at(file: &File, mut into: &mut [u8], mut at: u64) -> io::Result<()> {
    while !into.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, into, at)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => {
                into = into.get_mut(n..).unwrap_or_default();
                at += n as u64;
            }
        }
    }
    Ok(())
}
