//! A track's samples as a film's index lists them (ISO/IEC 14496-12, 8.6 and 8.7): read where they stand, one after the other.

use bytes::Bytes;

use super::boxes::{Fields, child};
use crate::Fault;
use crate::limits::{SAMPLES_MAX, VIDEO_BYTES_MAX};

const BROKEN: Fault = Fault::Broken("MP4's index");

/// One sample.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sample {
    /// Where it stands in the file.
    pub(super) offset: u64,
    pub(super) bytes: usize,
    /// In the track's own time.
    pub(super) dts: i64,
    /// By how much it is shown later.
    pub(super) later: i64,
    pub(super) keyframe: bool,
}

/// A table of entries of the same length.
#[derive(Clone, Debug, Default)]
struct Table {
    entries: Bytes,
}

impl Table {
    /// The table of a kind in `stbl`; `words` numbers of 32 bits are an entry. Empty when there is none.
    fn read(moov: &Bytes, stbl: &[u8], kind: &[u8; 4], words: usize) -> Result<Self, Fault> {
        let Some(body) = child(stbl, kind) else { return Ok(Self::default()) };
        let (_, _, mut fields) = Fields::versioned(body).ok_or(BROKEN)?;
        let count = usize::try_from(fields.u32().ok_or(BROKEN)?).map_err(|_| BROKEN)?;
        let bytes = count.checked_mul(words * 4).ok_or(BROKEN)?;
        Ok(Self { entries: moov.slice_ref(fields.bytes(bytes).ok_or(BROKEN)?) })
    }

    fn word(&self, at: usize) -> Option<u32> {
        self.entries.get(at.checked_mul(4)?..)?.first_chunk().map(|word| u32::from_be_bytes(*word))
    }

    fn pair(&self, index: usize) -> Option<(u32, u32)> {
        Some((self.word(index * 2)?, self.word(index * 2 + 1)?))
    }
}

/// A walk through a table of runs: how many samples, and what holds for each of them.
#[derive(Clone, Debug, Default)]
struct Runs {
    table: Table,
    index: usize,
    left: u32,
    value: u32,
}

impl Runs {
    fn new(table: Table) -> Self {
        Self { table, ..Self::default() }
    }

    /// What holds for the next sample; `None` at the end.
    fn next(&mut self) -> Option<u32> {
        while self.left == 0 {
            (self.left, self.value) = self.table.pair(self.index)?;
            self.index += 1;
        }
        self.left -= 1;
        Some(self.value)
    }
}

/// A walk through all samples.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples {
    count: u32,
    index: u32,
    /// The length of all of them; zero when each has its own.
    bytes: u32,
    sizes: Table,
    times: Runs,
    later: Runs,
    /// Numbers of key frames; without such a table all are.
    keyframes: Option<(Table, usize)>,
    chunks: Table,
    chunk: usize,
    /// Whether places of chunks have 64 bits.
    long: bool,
    runs: Table,
    run: usize,
    left: u32,
    offset: u64,
    dts: i64,
}

impl Samples {
    /// Reads the tables of `stbl`, which is a part of `moov`.
    ///
    /// # Errors
    /// When a table cannot be read, or is beyond a limit.
    pub(super) fn read(moov: &Bytes, stbl: &[u8]) -> Result<Self, Fault> {
        let sizes = child(stbl, b"stsz").ok_or(BROKEN)?;
        let (_, _, mut fields) = Fields::versioned(sizes).ok_or(BROKEN)?;
        let (bytes, count) = (fields.u32().ok_or(BROKEN)?, fields.u32().ok_or(BROKEN)?);
        if count > SAMPLES_MAX {
            return Err(Fault::TooLong("MP4's list of samples"));
        }
        let sizes = if bytes == 0 { moov.slice_ref(fields.0) } else { Bytes::new() };
        let keyframes = child(stbl, b"stss").map(|_| Table::read(moov, stbl, b"stss", 1)).transpose()?;
        let long = child(stbl, b"co64").is_some();
        let chunks = if long { Table::read(moov, stbl, b"co64", 2) } else { Table::read(moov, stbl, b"stco", 1) };
        Ok(Self {
            count,
            bytes,
            sizes: Table { entries: sizes },
            times: Runs::new(Table::read(moov, stbl, b"stts", 2)?),
            later: Runs::new(Table::read(moov, stbl, b"ctts", 2)?),
            keyframes: keyframes.map(|table| (table, 0)),
            chunks: chunks?,
            long,
            runs: Table::read(moov, stbl, b"stsc", 3)?,
            ..Self::default()
        })
    }

    /// Whether there are none at all, as in the index of a film in fragments.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The next sample; `None` after the last.
    ///
    /// # Errors
    /// When the tables contradict each other.
    pub(super) fn next(&mut self) -> Result<Option<Sample>, Fault> {
        if self.index >= self.count {
            return Ok(None);
        }
        if self.left == 0 {
            self.next_chunk().ok_or(BROKEN)?;
        }
        let at = usize::try_from(self.index).map_err(|_| BROKEN)?;
        let bytes = if self.bytes == 0 { self.sizes.word(at).ok_or(BROKEN)? } else { self.bytes };
        let bytes = usize::try_from(bytes).map_err(|_| BROKEN)?;
        if bytes > VIDEO_BYTES_MAX {
            return Err(Fault::TooLong("MP4's sample"));
        }
        let (offset, dts) = (self.offset, self.dts);
        let time = self.times.next().ok_or(BROKEN)?;
        // Written without a sign, too, but then never so large.
        let later = self.later.next().map_or(0, |later| later.cast_signed().into());
        self.index += 1;
        let keyframe = self.is_keyframe();
        self.left -= 1;
        self.offset = offset.checked_add(bytes as u64).ok_or(BROKEN)?;
        self.dts = dts.saturating_add(time.into());
        Ok(Some(Sample { offset, bytes, dts, later, keyframe }))
    }

    /// Whether the sample of the present number, counted from one, is a key frame.
    fn is_keyframe(&mut self) -> bool {
        let Some((table, next)) = &mut self.keyframes else { return true };
        let is_keyframe = table.word(*next) == Some(self.index);
        *next += usize::from(is_keyframe);
        is_keyframe
    }

    fn next_chunk(&mut self) -> Option<()> {
        let number = u32::try_from(self.chunk).ok()?.checked_add(1)?;
        // A run holds from its first chunk to that of the next run.
        while self.runs.word((self.run + 1) * 3).is_some_and(|first| first <= number) {
            self.run += 1;
        }
        self.left = self.runs.word(self.run * 3 + 1).filter(|left| *left > 0)?;
        self.offset = if self.long {
            let (high, low) = self.chunks.pair(self.chunk)?;
            u64::from(high) << 32 | u64::from(low)
        } else {
            self.chunks.word(self.chunk)?.into()
        };
        self.chunk += 1;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
        let body: Vec<u8> = [0].iter().chain(words).flat_map(|word| word.to_be_bytes()).collect();
        [&((body.len() + 8) as u32).to_be_bytes(), kind.as_slice(), &body].concat()
    }

    fn walk(stbl: &[Vec<u8>]) -> Result<Vec<Sample>, Fault> {
        let stbl = Bytes::from(stbl.concat());
        let mut samples = Samples::read(&stbl, &stbl)?;
        let mut all = Vec::new();
        while let Some(sample) = samples.next()? {
            all.push(sample);
        }
        Ok(all)
    }

    #[test]
    fn tables_tell_of_each_sample() {
        let all = walk(&[
            table(b"stts", &[2, 1, 100, 4, 50]),
            table(b"ctts", &[2, 2, 200, 3, (-10i32).cast_unsigned()]),
            table(b"stsz", &[0, 5, 10, 20, 30, 40, 50]),
            table(b"stsc", &[2, 1, 2, 1, 2, 3, 1]),
            table(b"stco", &[2, 1000, 5000]),
            table(b"stss", &[2, 1, 4]),
        ]);
        let all: Vec<_> = all.unwrap().iter().map(|it| (it.offset, it.bytes, it.dts, it.later, it.keyframe)).collect();
        let expected = [
            (1000, 10, 0, 200, true),
            (1010, 20, 100, 200, false),
            (5000, 30, 150, -10, false),
            (5030, 40, 200, -10, true),
            (5070, 50, 250, -10, false),
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn tables_that_contradict_each_other_end() {
        let good = [
            table(b"stts", &[1, 3, 1]),
            table(b"stsz", &[7, 3]),
            table(b"stsc", &[1, 1, 1, 1]),
            table(b"stco", &[3, 1, 8, 15]),
        ];
        assert_eq!(walk(&good).unwrap().len(), 3);
        for (index, broken) in [
            (0, table(b"stts", &[1, 2, 1])),
            (0, table(b"stts", &[9, 2, 1])),
            (1, table(b"stsz", &[0, 3, 7])),
            (1, table(b"stsz", &[u32::MAX, 3])),
            (1, table(b"stsz", &[1, u32::MAX])),
            (1, table(b"free", &[])),
            (2, table(b"stsc", &[1, 1, 0, 1])),
            (2, table(b"stsc", &[0])),
            (3, table(b"stco", &[2, 1, 8])),
            (3, table(b"co64", &[1, u32::MAX, u32::MAX])),
        ] {
            let mut tables = good.clone();
            tables[index] = broken;
            assert!(walk(&tables).is_err(), "{index}");
        }
    }
}
