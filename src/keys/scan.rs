//! Reads a keys directory from the disk: which files there are, and what is in them.
//!
//! Exactly the places of the two layouts are looked at, links are followed, and nothing is descended into further, so
//! that a link in a circle does no harm. Files of no layout are named but not opened: they may be private.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use super::{
    KeysFileName,
    layout::{is_foreign, locate},
};
use crate::network::NetworkName;

/// The largest file that is read; 100,000 attesters need about 50 MB.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The most entries of one directory that are looked at.
const ENTRIES_MAX: usize = 10_000;

/// The content of a file, or why it could not be read.
pub type Content = Result<Vec<u8>, String>;

/// What lay in a keys directory at one moment.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The keys files of the network.
    pub files: BTreeMap<KeysFileName, Content>,
    /// Directories that could not be read, and why; an empty path is the keys directory itself.
    pub unreadable: BTreeMap<String, String>,
    /// Keys files of other networks.
    pub foreign: BTreeSet<KeysFileName>,
    /// JSON files of no layout.
    pub unrecognised: BTreeSet<KeysFileName>,
}

/// Reads `directory`; what cannot be read is part of the result.
#[must_use]
pub fn scan(directory: &Path, network: &NetworkName) -> Listing {
    let mut listing = Listing::default();
    for name in entries(&mut listing, directory, "") {
        let path = directory.join(&name);
        if path.is_dir() {
            let hosts = if name == network.as_str() {
                entries(&mut listing, &path, &name)
            } else {
                Vec::new()
            };
            for host in hosts {
                let below = format!("{name}/{host}");
                let host = path.join(host);
                if !host.is_dir() {
                    continue;
                }
                for file in entries(&mut listing, &host, &below) {
                    take(
                        &mut listing,
                        &host.join(&file),
                        &format!("{below}/{file}"),
                        network,
                    );
                }
            }
        } else {
            take(&mut listing, &path, &name, network);
        }
    }
    listing
}

/// Takes one file into the listing, under its path below the keys directory.
fn take(listing: &mut Listing, path: &Path, name: &str, network: &NetworkName) {
    let file = KeysFileName::new(name);
    if locate(network, name).is_some() {
        match content(path) {
            Ok(content) => {
                listing.files.insert(file, Ok(content));
            }
            // It went away since the directory was read.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => {}
            Err(error) => {
                listing.files.insert(file, Err(error.to_string()));
            }
        }
    } else if is_foreign(network, name) {
        listing.foreign.insert(file);
    } else if Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "json")
    {
        listing.unrecognised.insert(file);
    }
}

fn content(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no ordinary file"));
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(io::Error::other(format!(
            "it is larger than {FILE_BYTES_MAX} bytes"
        )));
    }
    fs::read(path)
}

/// The names in a directory, in order; hidden ones are passed over, as editors and deployments leave them behind.
fn entries(listing: &mut Listing, directory: &Path, below: &str) -> Vec<String> {
    let names: io::Result<Vec<String>> = fs::read_dir(directory).and_then(|entries| {
        entries
            .take(ENTRIES_MAX)
            .filter_map(|entry| {
                entry
                    .map(|entry| entry.file_name().into_string().ok())
                    .transpose()
            })
            .collect()
    });
    match names {
        Ok(mut names) => {
            names.retain(|name| !name.starts_with('.'));
            names.sort();
            names
        }
        Err(error) => {
            listing
                .unreadable
                .insert(below.to_owned(), error.to_string());
            Vec::new()
        }
    }
}
