//! What lies on this machine: keys files, the data directory, the HTTP port.

use std::{fs, net::TcpListener, path::Path, sync::Arc, time::Duration};

use super::{Area, Finding};
use crate::{
    clock::Clock,
    config::{Config, NetworkConfig},
    keys::{KeysFileFault, KeysMemory, Observed, scan},
    store::{
        StoreError, identity,
        lock::{DirectoryLock, LOCK_FILE},
        sled::SledStore,
    },
    tasks::chain_of,
};

/// Pause before a keys file that looks half-written is read again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(400);

/// Reads the keys files of a network as the service would.
pub(super) async fn keys_files(network: &NetworkConfig, clock: &Arc<dyn Clock>) -> Vec<Finding> {
    let name = network.network.name.as_str();
    let Some(directory) = &network.keys_dir else {
        // `risk` says so.
        return Vec::new();
    };
    let mut memory = KeysMemory::new(network.network.name.clone());
    let observation = loop {
        match memory.observe(scan(directory, &network.network.name), clock.now()) {
            Observed::Settled(observation) => break observation,
            Observed::LookAgain => tokio::time::sleep(LOOK_AGAIN_AFTER).await,
        }
    };
    let keys = &observation.keys;
    let mut found = Vec::new();
    let (attesters, files) = (keys.attesters.len(), keys.files.len());
    let mut detail = format!("{attesters} attesters in {files} files");
    if let Some(other) = keys.foreign.first() {
        let others = keys.foreign.len();
        let files = if others == 1 { "file is" } else { "files are" };
        detail.push_str(&format!(
            "; {others} {files} of another network and not read ({other})"
        ));
    }
    if files == 0 && keys.faults.is_empty() {
        let next = format!(
            "Put files named {name}-keys-SERVER-vN.json or {name}/HOST/SOURCE-registered-keys.json into {}.",
            directory.display()
        );
        found.push(Finding::doubtful(Area::KeysFiles, name, detail, next));
    } else {
        found.push(Finding::good(Area::KeysFiles, name, detail));
    }
    let place = |fault: &KeysFileFault| {
        let line = fault
            .position
            .map(|position| format!(", line {}", position.line));
        format!("{name} {}{}", fault.path, line.unwrap_or_default())
    };
    for fault in &keys.faults {
        found.push(Finding::bad(
            Area::KeysFiles,
            place(fault),
            &fault.what,
            &fault.next_step,
        ));
    }
    for doubt in &keys.doubts {
        found.push(Finding::doubtful(
            Area::KeysFiles,
            place(doubt),
            &doubt.what,
            &doubt.next_step,
        ));
    }
    for file in &keys.unrecognised {
        let next = "Rename it by one of the two layouts, or move it away.";
        let subject = format!("{name} {file}");
        found.push(Finding::doubtful(
            Area::KeysFiles,
            subject,
            "is not read: its name fits no layout",
            next,
        ));
    }
    found
}

/// Looks at the data directory; also whether a service holds it.
pub(super) async fn data_directory(config: &Config) -> (Vec<Finding>, bool) {
    let directory = config.store.data_dir.clone();
    let networks = config.networks.clone();
    let looked = tokio::task::spawn_blocking(move || directory_of(&directory, &networks)).await;
    looked.unwrap_or_else(|panic| {
        let next = "Report this, with the output of this command.";
        let finding = Finding::bad(Area::DataDirectory, "-", panic.to_string(), next);
        (vec![finding], false)
    })
}

fn directory_of(directory: &Path, networks: &[NetworkConfig]) -> (Vec<Finding>, bool) {
    let subject = directory.display().to_string();
    let bad =
        |detail: String, next: &str| Finding::bad(Area::DataDirectory, &subject, detail, next);
    let is_new = !directory.exists();
    if let Err(error) = write_something(directory) {
        let next = "Give it to the user steward runs as, free space on the disk, or set DATA_DIR.";
        return (
            vec![bad(format!("cannot be written: {error}"), next)],
            false,
        );
    }
    if is_new {
        // The check leaves nothing behind; the service makes the directory when it starts.
        drop(fs::remove_dir(directory));
        let detail = "does not exist yet and can be made";
        return (
            vec![Finding::good(Area::DataDirectory, subject, detail)],
            false,
        );
    }
    let mut found = Vec::new();
    if !directory.join(LOCK_FILE).exists() {
        found.push(Finding::good(
            Area::DataDirectory,
            subject,
            "can be written, and is empty",
        ));
        return (found, false);
    }
    match DirectoryLock::take(directory) {
        Err(StoreError::Locked(holder)) => {
            let detail = format!("in use by a running steward ({holder})");
            found.push(Finding::good(Area::DataDirectory, subject, detail));
            (found, true)
        }
        Err(error) => {
            found.push(bad(chain_of(&error), "Check the owner of the directory."));
            (found, false)
        }
        Ok(lock) => {
            drop(lock);
            found.push(database(directory, &subject, networks));
            (found, false)
        }
    }
}

/// Makes a file and removes it again.
fn write_something(directory: &Path) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    let probe = directory.join("check.draft");
    fs::write(&probe, [b' '; 4096])?;
    fs::remove_file(&probe)
}

/// The database itself, where there is one: whether it is sound, of this version, and of these networks.
fn database(directory: &Path, subject: &str, networks: &[NetworkConfig]) -> Finding {
    if !directory.join("store").exists() {
        return Finding::good(
            Area::DataDirectory,
            subject,
            "can be written; no database yet",
        );
    }
    let bad = |error: &StoreError, next: &str| {
        Finding::bad(Area::DataDirectory, subject, chain_of(error), next)
    };
    let known = SledStore::open(directory).and_then(|store| {
        identity::meta(&store)?;
        identity::networks(&store)
    });
    let stored = match known {
        Ok(stored) => stored,
        Err(error @ StoreError::Damaged(_)) => {
            let next = "Start steward: it moves the database aside and restores the newest export. Check the disk.";
            return bad(&error, next);
        }
        Err(error) => return bad(&error, "Use a newer steward, or another DATA_DIR."),
    };
    for network in networks {
        let wanted = &network.network;
        let other = stored.iter().find(|one| {
            one.name == wanted.name.as_str()
                && (one.chain_id, one.registry, one.staking_registry)
                    != (wanted.chain_id, wanted.registry, wanted.staking_registry)
        });
        if let Some(other) = other {
            let detail = format!(
                "holds a network {} of chain {} with the Registry {}, but the configuration says chain {} and {}",
                other.name, other.chain_id, other.registry, wanted.chain_id, wanted.registry
            );
            let next = "Correct the configuration, or set DATA_DIR to an empty directory.";
            return Finding::bad(Area::DataDirectory, subject, detail, next);
        }
    }
    let names: Vec<&str> = stored.iter().map(|network| network.name.as_str()).collect();
    let held = if names.is_empty() {
        "no network yet".to_owned()
    } else {
        names.join(", ")
    };
    Finding::good(
        Area::DataDirectory,
        subject,
        format!("can be written; the database holds {held}"),
    )
}

/// Whether the HTTP server could listen; `is_in_use` says that a running service holds the data directory.
pub(super) fn http(config: &Config, is_in_use: bool) -> Finding {
    let bind = config.http.bind;
    let subject = bind.to_string();
    match TcpListener::bind(bind) {
        Ok(_listener) => Finding::good(Area::Http, subject, "is free"),
        Err(_in_use) if is_in_use => Finding::good(
            Area::Http,
            subject,
            "is in use, as it should be while steward runs",
        ),
        Err(error) => Finding::bad(
            Area::Http,
            subject,
            format!("cannot be listened on: {error}"),
            "Set HTTP_BIND to a free address and port, or end the program that uses it.",
        ),
    }
}
