//! The redo file: how a batch that is too large for one write of the database stays all or nothing.
//!
//! The batch is written here first, whole and synced, and only then applied in pieces. A process that dies in between
//! leaves the file behind, and the next one finishes the work. It carries the number of the commit, so that a file whose
//! removal did not reach the disk is known to be done. The form is private to one version of the program and one start.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// Row of a batch: the key in the database, and the value or `None` to delete.
pub(super) type Row<'a> = (&'a [u8], Option<&'a [u8]>);

/// A redo file that was read back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Redo {
    /// Number of the commit.
    pub(super) commit: u64,
    /// Rows in key order.
    pub(super) rows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

const MAGIC: &[u8] = b"steward redo 1\n";

/// Where the file lies.
#[derive(Debug)]
pub(super) struct RedoFile {
    path: PathBuf,
}

impl RedoFile {
    pub(super) fn of(directory: &Path) -> Self {
        Self {
            path: directory.join("redo"),
        }
    }

    /// Writes the batch; when this returns, it is owed.
    pub(super) fn write<'a>(
        &self,
        commit: u64,
        rows: impl ExactSizeIterator<Item = Row<'a>>,
    ) -> io::Result<()> {
        let draft = self.path.with_extension("new");
        let written = write_draft(&draft, commit, rows);
        if let Err(error) = written {
            // The draft counts for nothing; it only takes space on what may be a full disk.
            drop(fs::remove_file(&draft));
            return Err(error);
        }
        fs::rename(&draft, &self.path)?;
        sync_directory_of(&self.path)
    }

    /// Reads what an earlier process owes.
    ///
    /// # Errors
    /// `InvalidData` where the file is not whole, which a crash cannot cause.
    pub(super) fn read(&self) -> io::Result<Option<Redo>> {
        match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok(bytes) => decode(&bytes).map(Some).ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidData, "the redo file is not whole")
            }),
        }
    }

    /// Forgets the batch, after it was applied and flushed.
    pub(super) fn remove(&self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

/// Makes a rename or a new name in a directory durable.
pub(super) fn sync_directory_of(path: &Path) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

struct Hashed<W> {
    inner: W,
    hash: Sha256,
}

impl<W: Write> Hashed<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.inner.write_all(bytes)
    }

    fn put_sized(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.put(&(bytes.len() as u64).to_be_bytes())?;
        self.put(bytes)
    }
}

fn write_draft<'a>(
    draft: &Path,
    commit: u64,
    rows: impl ExactSizeIterator<Item = Row<'a>>,
) -> io::Result<()> {
    let mut out = Hashed {
        inner: BufWriter::new(File::create(draft)?),
        hash: Sha256::new(),
    };
    out.put(MAGIC)?;
    out.put(&commit.to_be_bytes())?;
    out.put(&(rows.len() as u64).to_be_bytes())?;
    for (key, value) in rows {
        out.put_sized(key)?;
        out.put(&[u8::from(value.is_some())])?;
        out.put_sized(value.unwrap_or_default())?;
    }
    let digest = out.hash.finalize();
    out.inner.write_all(&digest)?;
    let file = out
        .inner
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    file.sync_all()
}

fn decode(bytes: &[u8]) -> Option<Redo> {
    let (body, digest) = bytes.split_last_chunk::<32>()?;
    if Sha256::digest(body).as_slice() != digest {
        return None;
    }
    let mut rest = body.strip_prefix(MAGIC)?;
    let commit = number(&mut rest)?;
    let count = number(&mut rest)?;
    let mut rows = Vec::new();
    for _ in 0..count {
        let key = sized(&mut rest)?.to_vec();
        let (is_put, tail) = rest.split_first()?;
        rest = tail;
        let value = sized(&mut rest)?.to_vec();
        rows.push((key, (*is_put == 1).then_some(value)));
    }
    rest.is_empty().then_some(Redo { commit, rows })
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let (head, tail) = rest.split_first_chunk::<8>()?;
    *rest = tail;
    Some(u64::from_be_bytes(*head))
}

fn sized<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(number(rest)?).ok()?;
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> [Row<'static>; 3] {
        [(b"a", Some(b"1")), (b"b", None), (b"\0\xff", Some(b""))]
    }

    #[test]
    fn what_is_owed_reads_back_until_it_is_removed() {
        let home = tempfile::tempdir().unwrap();
        let redo = RedoFile::of(home.path());
        assert_eq!(redo.read().unwrap(), None);
        redo.write(7, rows().into_iter()).unwrap();
        let back = redo.read().unwrap().unwrap();
        assert_eq!(back.commit, 7);
        let expected = rows().map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec)));
        assert_eq!(back.rows, expected);
        redo.remove().unwrap();
        assert_eq!(redo.read().unwrap(), None);
    }

    #[test]
    fn a_file_cut_anywhere_or_changed_anywhere_is_not_whole() {
        let home = tempfile::tempdir().unwrap();
        let redo = RedoFile::of(home.path());
        redo.write(7, rows().into_iter()).unwrap();
        let bytes = fs::read(&redo.path).unwrap();
        for at in 0..bytes.len() {
            assert_eq!(decode(&bytes[..at]), None, "cut at {at}");
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(decode(&changed), None, "changed at {at}");
        }
    }
}
