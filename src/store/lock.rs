//! One process owns a data directory.
//!
//! The lock is the kernel's, on an open file, so it ends with the process however that dies. The file's text names the
//! holder for the message only; nobody trusts it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

use super::StoreError;

/// Name of the lock file in the data directory.
pub const LOCK_FILE: &str = "lock";

/// A held data directory; given back when dropped.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Makes the directory where it is missing, and takes it.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where another process (or another store of this one) holds it, [`StoreError::Io`] where the
    /// directory cannot be made or written.
    pub fn take(directory: &Path) -> Result<Self, StoreError> {
        let refused = |what: &str, error: &dyn std::fmt::Display| {
            StoreError::Io(format!("{what} {}: {error}", directory.display()))
        };
        fs::create_dir_all(directory)
            .map_err(|error| refused("cannot make the data directory", &error))?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(directory.join(LOCK_FILE))
            .map_err(|error| refused("cannot write to the data directory", &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The text is a courtesy: where it cannot be read, the holder is unknown.
                let read = file.read_to_string(&mut holder);
                let holder = match (read, holder.trim()) {
                    (Ok(_), pid) if !pid.is_empty() => pid,
                    _ => "unknown",
                };
                return Err(StoreError::Locked(format!(
                    "{}, process {holder}",
                    directory.display()
                )));
            }
            Err(TryLockError::Error(error)) => {
                return Err(refused("cannot lock the data directory", &error));
            }
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(|error| refused("cannot write to the data directory", &error))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_directory_is_refused_by_name_of_the_holder_and_free_after_the_drop() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("a/b");
        let held = DirectoryLock::take(&data).unwrap();
        let error = DirectoryLock::take(&data).unwrap_err();
        assert!(matches!(error, StoreError::Locked(_)));
        assert!(error.to_string().contains(&std::process::id().to_string()));
        drop(held);
        DirectoryLock::take(&data).unwrap();
    }

    #[test]
    fn a_directory_below_a_regular_file_is_a_clear_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let data = file.path().join("data");
        let error = DirectoryLock::take(&data).unwrap_err().to_string();
        assert!(error.contains("cannot make the data directory"), "{error}");
        assert!(error.contains(&data.display().to_string()), "{error}");
    }
}
