//! Where keys files lie, and what their names say.
//!
//! Two layouts are read side by side, and a directory may hold both:
//! `{network}-keys-{server}-v{N}.json`, where the highest N of a server rules, and
//! `{network}/{host}/{source}-registered-keys.json`, without versions.

use super::Host;
use crate::network::NetworkName;

/// End of the names in the second layout.
const REGISTERED_SUFFIX: &str = "-registered-keys.json";

/// The source that gives a server no name of its own.
const NATIVE_SOURCE: &str = "native";

/// What a file's place says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The server: versions are compared within one.
    pub server: Host,
    /// The machine that runs its attesters.
    pub host: Host,
    /// The layout it belongs to.
    pub layout: Layout,
}

/// The two layouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `{network}-keys-{server}-v{N}.json`.
    Versioned {
        /// N.
        version: u64,
    },
    /// `{network}/{host}/{source}-registered-keys.json`.
    PerHost,
}

/// What the path of a file below the keys directory, with `/` between its parts, says; `None` if it is no keys file of
/// `network`.
#[must_use]
pub fn locate(network: &NetworkName, path: &str) -> Option<Location> {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        [name] => {
            let (server, version) = versioned(name.strip_prefix(network.as_str())?)?;
            Some(Location {
                server: Host::new(server),
                host: Host::new(server),
                layout: Layout::Versioned { version },
            })
        }
        [directory, host, name] if *directory == network.as_str() && !host.is_empty() => {
            let source = name.strip_suffix(REGISTERED_SUFFIX)?;
            let server = match source {
                "" => return None,
                NATIVE_SOURCE => Host::new(host),
                other => Host::new(&format!("{host}-{other}")),
            };
            Some(Location {
                server,
                host: Host::new(host),
                layout: Layout::PerHost,
            })
        }
        _ => None,
    }
}

/// Whether the path is that of a keys file of some other network.
#[must_use]
pub(super) fn is_foreign(network: &NetworkName, path: &str) -> bool {
    let is_other = |name: &str| {
        NetworkName::parse(name)
            .is_ok_and(|other| other != *network && locate(&other, path).is_some())
    };
    let directory = path.split('/').next().unwrap_or_default();
    let in_name = path
        .match_indices("-keys-")
        .any(|(end, _)| path.get(..end).is_some_and(is_other));
    locate(network, path).is_none() && (is_other(directory) || in_name)
}

/// Server and version of `-keys-{server}-v{N}.json`; the server's name may hold dashes.
fn versioned(rest: &str) -> Option<(&str, u64)> {
    let rest = rest.strip_prefix("-keys-")?.strip_suffix(".json")?;
    let (server, version) = rest.rsplit_once("-v")?;
    let is_decimal = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    let version = is_decimal.then(|| version.parse().ok()).flatten()?;
    (!server.is_empty()).then_some((server, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(network: &str, path: &str) -> Option<String> {
        let location = locate(&NetworkName::parse(network).unwrap(), path)?;
        let (server, host) = (location.server, location.host);
        Some(match location.layout {
            Layout::Versioned { version } => format!("{server} {host} v{version}"),
            Layout::PerHost => format!("{server} {host}"),
        })
    }

    #[test]
    fn both_layouts_are_recognised() {
        for (path, expected) in [
            ("mainnet-keys-a-v1.json", Some("a a v1")),
            (
                "mainnet-keys-beast-3-eu-v12.json",
                Some("beast-3-eu beast-3-eu v12"),
            ),
            ("mainnet-keys-a-v1-v2.json", Some("a-v1 a-v1 v2")),
            (
                "mainnet/beast-3/native-registered-keys.json",
                Some("beast-3 beast-3"),
            ),
            (
                "mainnet/beast-3/olla-registered-keys.json",
                Some("beast-3-olla beast-3"),
            ),
            ("testnet-keys-a-v1.json", None),
            ("testnet/a/native-registered-keys.json", None),
            ("mainnet-keys-a-v1.json.tmp", None),
            ("mainnet-keys-a-v.json", None),
            ("mainnet-keys-a-v+1.json", None),
            ("mainnet-keys--v1.json", None),
            ("mainnet-keys-a.json", None),
            ("mainnet-keys-a-v99999999999999999999.json", None),
            ("mainnet/a/-registered-keys.json", None),
            ("mainnet/a/b/native-registered-keys.json", None),
            ("mainnet/native-registered-keys.json", None),
            ("mainnet-cached-coinbases.json", None),
        ] {
            assert_eq!(located("mainnet", path).as_deref(), expected, "{path}");
        }
        assert_eq!(
            located("my-net", "my-net-keys-a-v1.json").as_deref(),
            Some("a a v1")
        );
    }

    #[test]
    fn files_of_other_networks_are_told_apart() {
        let mainnet = NetworkName::parse("mainnet").unwrap();
        for (path, expected) in [
            ("testnet-keys-a-v1.json", true),
            ("my-net-keys-a-v1.json", true),
            ("testnet/a/native-registered-keys.json", true),
            ("mainnet-keys-a-v1.json", false),
            ("mainnet-keys-x-keys-a-v1.json", false),
            ("notes.json", false),
        ] {
            assert_eq!(is_foreign(&mainnet, path), expected, "{path}");
        }
    }
}
