//! Settings that work, and that somebody will be sorry for: said once at start, and shown by `steward check`.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::check::{Area, Finding};
use crate::{
    config::{Config, DiscordConfig, Exposure, NetworkConfig},
    store::volume::{UnsafeVolume, unsafe_volume},
};

/// Discord itself.
const DISCORD: &str = "https://discord.com";

/// What lies around a configuration and decides whether it is risky.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// The file system under the data directory, where a database is not safe on it.
    pub unsafe_volume: Option<UnsafeVolume>,
    /// The file with the settings, where every account of this machine may read it.
    pub open_file: Option<PathBuf>,
}

impl Surroundings {
    /// Looks at the data directory and at the file with the settings.
    #[must_use]
    pub fn look(data_dir: &Path, env_file: &Path) -> Self {
        let is_open = fs::metadata(env_file)
            .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o004 != 0);
        Self {
            unsafe_volume: existing(data_dir).and_then(unsafe_volume),
            open_file: is_open.then(|| env_file.to_owned()),
        }
    }
}

/// The directory, or the part of its path that exists.
fn existing(directory: &Path) -> Option<&Path> {
    let directory = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    let mut ancestors = directory.ancestors();
    let found = ancestors.find(|path| !path.as_os_str().is_empty() && path.exists());
    found.or_else(|| directory.is_relative().then_some(Path::new(".")))
}

/// Every risky setting.
#[must_use]
pub fn risks(config: &Config, around: &Surroundings) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(around.unsafe_volume.as_ref().map(volume));
    found.extend(around.open_file.as_deref().map(open_file));
    found.extend(open_metrics(config));
    found.extend(unseen_preview(config));
    if let Some(discord) = &config.discord {
        found.extend(redirected(discord));
        found.extend(nobody_to_wake(discord));
    }
    let is_single = config.networks.len() == 1;
    for network in &config.networks {
        found.extend(one_endpoint(network, is_single));
        found.extend(no_keys(network, is_single));
    }
    found
}

fn volume(volume: &UnsafeVolume) -> Finding {
    Finding::bad(
        Area::DataDirectory,
        "DATA_DIR",
        format!(
            "lies on {} ({}), where locks and flushes cannot be relied on: a database there is lost one day",
            volume.mount_point, volume.file_system
        ),
        "Set it to a directory on a local disk, or on a volume that one machine mounts as a disk.",
    )
}

fn open_file(file: &Path) -> Finding {
    Finding::doubtful(
        Area::Configuration,
        file.display().to_string(),
        "can be read by every account of this machine, and holds secrets",
        format!("Run: chmod 600 {}", file.display()),
    )
}

fn open_metrics(config: &Config) -> Option<Finding> {
    (config.http.exposure() == Exposure::Open).then(|| {
        Finding::doubtful(
            Area::Configuration,
            "HTTP_BIND",
            format!(
                "is {}, which other machines reach, and HTTP_TOKEN is not set: /metrics is open, /v1 is refused",
                config.http.bind
            ),
            "Set HTTP_TOKEN, or bind to 127.0.0.1.",
        )
    })
}

fn unseen_preview(config: &Config) -> Option<Finding> {
    let is_refused = config.http.has_preview && !config.http.serves_v1();
    is_refused.then(|| {
        Finding::doubtful(
            Area::Configuration,
            "HTTP_PREVIEW",
            format!(
                "is on, and /preview is refused: other machines reach {}, and HTTP_TOKEN is not set",
                config.http.bind
            ),
            "Set HTTP_TOKEN, or bind to 127.0.0.1.",
        )
    })
}

fn redirected(discord: &DiscordConfig) -> Option<Finding> {
    (discord.api_url != DISCORD).then(|| {
        Finding::doubtful(
            Area::Configuration,
            "DISCORD_API_URL",
            format!(
                "is {}: the token and everything that is said goes there and not to Discord",
                discord.api_url
            ),
            "Remove it, unless that is a server of yours.",
        )
    })
}

fn nobody_to_wake(discord: &DiscordConfig) -> Option<Finding> {
    discord.alert_role.is_none().then(|| {
        Finding::doubtful(
            Area::Configuration,
            "DISCORD_ALERT_ROLE_ID",
            "is not set: no alert mentions anybody, so a critical one at night is read in the morning",
            "Set it to a role that the people on duty hold.",
        )
    })
}

fn one_endpoint(network: &NetworkConfig, is_single: bool) -> Option<Finding> {
    (network.endpoints.len() == 1).then(|| {
        Finding::doubtful(
            Area::Configuration,
            variable(network, is_single, "L1_RPC_URLS"),
            "names one endpoint: nothing is seen while it is down, and what it says is believed",
            "Add two more of other operators: with three a majority decides.",
        )
    })
}

fn no_keys(network: &NetworkConfig, is_single: bool) -> Option<Finding> {
    network.keys_dir.is_none().then(|| {
        Finding::doubtful(
            Area::Configuration,
            variable(network, is_single, "KEYS_DIR"),
            "is not set: which coinbase is set is unknown",
            "Set it to be warned of missing coinbases; everything else works without.",
        )
    })
}

/// The variable of a network, as the operator writes it.
fn variable(network: &NetworkConfig, is_single: bool, name: &str) -> String {
    if is_single {
        name.to_owned()
    } else {
        format!("{}_{name}", network.network.name.variable_prefix())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::Need;

    fn config(changes: &[(&str, &str)]) -> Config {
        let safe = [
            ("NETWORK", "mainnet"),
            ("L1_RPC_URLS", "https://a.example,https://b.example"),
            ("PROVIDER_ID", "4"),
            ("KEYS_DIR", "/keys"),
            ("DISCORD_TOKEN", "token"),
            ("DISCORD_GUILD_ID", "1"),
            ("DISCORD_CHANNEL", "2"),
            ("DISCORD_ALERT_ROLE_ID", "3"),
        ];
        let settings: BTreeMap<&str, &str> = safe.iter().chain(changes).copied().collect();
        Config::read(
            &|name| settings.get(name).map(|value| (*value).to_owned()),
            Need::Service,
        )
        .unwrap()
    }

    fn said(changes: &[(&str, &str)], around: &Surroundings) -> String {
        let lines: Vec<String> = risks(&config(changes), around)
            .into_iter()
            .map(|risk| {
                let next = risk.next.unwrap();
                format!(
                    "{:?} [{}] {} {}. {next}",
                    risk.verdict, risk.area, risk.subject, risk.detail
                )
            })
            .collect();
        lines.join("\n")
    }

    #[test]
    fn a_careful_operator_hears_nothing() {
        assert_eq!(said(&[], &Surroundings::default()), "");
    }

    #[test]
    fn every_risk_says_what_may_happen_and_what_to_do() {
        let around = Surroundings {
            unsafe_volume: Some(UnsafeVolume {
                mount_point: "/srv".to_owned(),
                file_system: "nfs4".to_owned(),
            }),
            open_file: Some(PathBuf::from("/etc/steward/.env")),
        };
        let changes = [
            ("HTTP_BIND", "0.0.0.0:9464"),
            ("HTTP_PREVIEW", "on"),
            ("DISCORD_API_URL", "https://proxy.example"),
            ("DISCORD_ALERT_ROLE_ID", ""),
            ("L1_RPC_URLS", "https://a.example"),
            ("KEYS_DIR", ""),
        ];
        insta::assert_snapshot!(said(&changes, &around), @r"
        Bad [data directory] DATA_DIR lies on /srv (nfs4), where locks and flushes cannot be relied on: a database there is lost one day. Set it to a directory on a local disk, or on a volume that one machine mounts as a disk.
        Doubtful [configuration] /etc/steward/.env can be read by every account of this machine, and holds secrets. Run: chmod 600 /etc/steward/.env
        Doubtful [configuration] HTTP_BIND is 0.0.0.0:9464, which other machines reach, and HTTP_TOKEN is not set: /metrics is open, /v1 is refused. Set HTTP_TOKEN, or bind to 127.0.0.1.
        Doubtful [configuration] HTTP_PREVIEW is on, and /preview is refused: other machines reach 0.0.0.0:9464, and HTTP_TOKEN is not set. Set HTTP_TOKEN, or bind to 127.0.0.1.
        Doubtful [configuration] DISCORD_API_URL is https://proxy.example: the token and everything that is said goes there and not to Discord. Remove it, unless that is a server of yours.
        Doubtful [configuration] DISCORD_ALERT_ROLE_ID is not set: no alert mentions anybody, so a critical one at night is read in the morning. Set it to a role that the people on duty hold.
        Doubtful [configuration] L1_RPC_URLS names one endpoint: nothing is seen while it is down, and what it says is believed. Add two more of other operators: with three a majority decides.
        Doubtful [configuration] KEYS_DIR is not set: which coinbase is set is unknown. Set it to be warned of missing coinbases; everything else works without.
        ");
    }

    #[test]
    fn with_several_networks_the_one_is_named() {
        let changes = [
            ("NETWORK", ""),
            ("NETWORKS", "mainnet,testnet"),
            ("L1_RPC_URLS", ""),
            ("PROVIDER_ID", ""),
            ("MAINNET_L1_RPC_URLS", "https://a.example,https://b.example"),
            ("MAINNET_PROVIDER_ID", "4"),
            ("TESTNET_L1_RPC_URLS", "https://c.example"),
            ("TESTNET_PROVIDER_ID", "5"),
            ("TESTNET_FIRST_BLOCK", "9500000"),
        ];
        insta::assert_snapshot!(said(&changes, &Surroundings::default()), @"Doubtful [configuration] TESTNET_L1_RPC_URLS names one endpoint: nothing is seen while it is down, and what it says is believed. Add two more of other operators: with three a majority decides.");
    }

    #[test]
    fn a_file_of_settings_is_open_where_others_may_read_it() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".env");
        let open = || Surroundings::look(home.path(), &file).open_file;
        assert_eq!(open(), None, "there is none");
        fs::write(&file, "A=1").unwrap();
        for (mode, expected) in [(0o600, None), (0o640, None), (0o644, Some(file.clone()))] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(open(), expected, "{mode:o}");
        }
    }

    #[test]
    fn a_directory_that_is_yet_to_be_made_is_judged_by_where_it_will_lie() {
        let home = tempfile::tempdir().unwrap();
        let far = home.path().join("a/b/c");
        assert_eq!(existing(&far), Some(home.path()));
        assert_eq!(existing(Path::new("nowhere/data")), Some(Path::new(".")));
        assert_eq!(existing(Path::new("")), Some(Path::new(".")));
    }
}
