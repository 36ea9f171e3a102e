//! Where things that can be made again are kept: the folder `build`, which git ignores.
//!
//! Test processes run side by side, so whatever is made here is made under a lock on a file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The folder of this package, with its npm project.
pub(crate) fn package_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder for what can be made again, created when it is missing.
pub(crate) fn folder() -> Result<PathBuf> {
    let folder = package_folder().join("build");
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    Ok(folder)
}

/// Holds the lock `name` until dropped. Waits for other processes without limit: whoever holds it is at work.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn acquire(name: &str) -> Result<Self> {
        let path = folder()?.join(format!("{name}.lock"));
        let file = File::create(&path).with_context(|| format!("opening {}", path.display()))?;
        file.lock()
            .with_context(|| format!("locking {}", path.display()))?;
        Ok(Self { _file: file })
    }

    /// The same for asynchronous code: whoever holds the lock may need this very thread to get on.
    pub(crate) async fn acquire_aside(name: &'static str) -> Result<Self> {
        tokio::task::spawn_blocking(move || Self::acquire(name))
            .await
            .context("waiting for a lock")?
    }
}

/// Writes a file whole or not at all, so that a reader without the lock never sees half of it.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = path.with_extension("partial");
    fs::write(&beside, bytes).with_context(|| format!("writing {}", beside.display()))?;
    fs::rename(&beside, path).with_context(|| format!("renaming to {}", path.display()))
}
