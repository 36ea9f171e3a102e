//! Which file system a data directory lies on.
//!
//! sled needs a local disk: over NFS or FUSE a lock may hold nobody back and a flush may promise what it does not keep.
//! This is a best effort for Linux, a warning for people and never an error.

use std::{fmt, fs, path::Path};

/// A file system on which an embedded database is not safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsafeVolume {
    /// Where it is mounted.
    pub mount_point: String,
    /// Its type, as the kernel names it (`nfs4`, `fuse.sshfs`).
    pub file_system: String,
}

impl fmt::Display for UnsafeVolume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the data directory lies on {}, a {} file system, where locks and flushes cannot be relied on; \
             move it to a local disk",
            self.mount_point, self.file_system
        )
    }
}

/// The unsafe file system under `directory`; `None` where it is safe or cannot be known.
#[must_use]
pub fn unsafe_volume(directory: &Path) -> Option<UnsafeVolume> {
    let directory = fs::canonicalize(directory).ok()?;
    find(&fs::read_to_string("/proc/mounts").ok()?, &directory)
}

/// The deepest mount over `directory` decides, and of several at one place the last.
fn find(mounts: &str, directory: &Path) -> Option<UnsafeVolume> {
    let mut deepest: Option<(String, &str)> = None;
    for line in mounts.lines() {
        let mut words = line.split(' ').skip(1);
        let (Some(mount_point), Some(file_system)) = (words.next(), words.next()) else {
            continue;
        };
        let mount_point = mount_point.replace("\\040", " ").replace("\\011", "\t");
        let is_deeper = deepest
            .as_ref()
            .is_none_or(|(known, _)| mount_point.len() >= known.len());
        if directory.starts_with(&mount_point) && is_deeper {
            deepest = Some((mount_point, file_system));
        }
    }
    let (mount_point, file_system) = deepest?;
    let is_remote = ["nfs", "cifs", "smb", "9p", "ceph", "glusterfs", "afs"]
        .iter()
        .any(|name| file_system.starts_with(name));
    let is_fuse = file_system == "fuse" || file_system.starts_with("fuse.");
    (is_remote || is_fuse).then(|| UnsafeVolume {
        mount_point,
        file_system: file_system.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
/dev/vda / ext4 rw 0 0
server:/export /srv nfs4 rw 0 0
/dev/vdb /srv/local xfs rw 0 0
host:/home /mnt/my\\040disk fuse.sshfs rw 0 0
/dev/sdb1 /media/usb fuseblk rw 0 0
";

    #[test]
    fn the_deepest_mount_decides() {
        let volume = |path| find(MOUNTS, Path::new(path)).map(|volume| volume.file_system);
        assert_eq!(volume("/var/lib/steward"), None);
        assert_eq!(volume("/srv/steward").as_deref(), Some("nfs4"));
        assert_eq!(volume("/srvother"), None);
        assert_eq!(volume("/srv/local/steward"), None);
        assert_eq!(volume("/mnt/my disk/x").as_deref(), Some("fuse.sshfs"));
        assert_eq!(volume("/media/usb/x"), None, "a local disk through FUSE");
    }

    #[test]
    fn the_warning_says_where_and_what_to_do() {
        let volume = find(MOUNTS, Path::new("/srv/steward")).unwrap();
        let text = volume.to_string();
        assert!(text.contains("/srv,") && text.contains("nfs4") && text.contains("local disk"));
    }
}
