//! The L1 endpoints of one network.

use std::collections::BTreeSet;

use secrecy::SecretString;

use super::{
    problem::Fault,
    reader::{Place, Reader},
    value,
    variable::{Presence, Scope, Variable},
};
use crate::{chain::EndpointName, network::NetworkName};

/// The most endpoints of one network: agreement needs three, and each costs requests.
const ENDPOINTS_MAX: usize = 16;

pub(super) const L1_RPC_URLS: Variable = Variable {
    name: "L1_RPC_URLS",
    scope: Scope::Network,
    is_secret: true,
    presence: Presence::Required,
    doc: "HTTP addresses of Ethereum nodes (execution layer), separated by commas. The first is preferred, the others \
          take over when it fails, and with three or more a fact that raises an alert is agreed by a majority. Because \
          the addresses hold keys they are never shown: people see rpc-1, rpc-2, ..., or the name that you put in \
          front, as in alchemy=https://....",
    example: "https://eth.example.org/v1/your-key",
};

pub(super) const L1_ARCHIVE_RPC_URLS: Variable = Variable {
    name: "L1_ARCHIVE_RPC_URLS",
    scope: Scope::Network,
    is_secret: true,
    presence: Presence::Optional("the catch-up uses L1_RPC_URLS"),
    doc: "Further Ethereum nodes that are used only to catch up on old blocks. Useful when your own node has pruned \
          its old logs.",
    example: "https://archive.example.org/v1/your-key",
};

/// An L1 endpoint.
#[derive(Debug, Clone)]
pub struct EndpointConfig {
    /// How people see it.
    pub name: EndpointName,
    /// Its URL, which often holds a key.
    pub url: SecretString,
}

/// The endpoints of one network.
pub(super) struct Endpoints {
    /// Those that are followed; never empty.
    pub(super) head: Vec<EndpointConfig>,
    /// Those that serve the catch-up only.
    pub(super) archive: Vec<EndpointConfig>,
}

/// Reads both lists.
pub(super) fn read(reader: &mut Reader<'_>, place: Place<'_>) -> Option<Endpoints> {
    let head = reader.value_at(place, &L1_RPC_URLS, |text| parse_endpoints(text, "rpc"));
    let archive = reader
        .value_at(place, &L1_ARCHIVE_RPC_URLS, |text| {
            parse_endpoints(text, "archive")
        })
        .unwrap_or_default();
    let head = head?;
    let twice = archive
        .iter()
        .find(|endpoint| head.iter().any(|other| other.name == endpoint.name));
    if let Some(twice) = twice {
        let fault = Fault::new(
            format!("and L1_RPC_URLS both name an endpoint {}", twice.name),
            "Give the endpoints different names.",
        );
        reader.problem(
            place.name_to_set(&L1_ARCHIVE_RPC_URLS),
            &L1_ARCHIVE_RPC_URLS,
            fault,
        );
    }
    Some(Endpoints { head, archive })
}

/// `url,url` or `name=url,url`; no fault repeats a URL.
fn parse_endpoints(text: &str, base_name: &str) -> Result<Vec<EndpointConfig>, Fault> {
    let mut endpoints: Vec<EndpointConfig> = Vec::new();
    let mut urls = BTreeSet::new();
    for (position, member) in value::members(text).enumerate() {
        let number = position + 1;
        let (name, url) =
            named(member).unwrap_or_else(|| (format!("{base_name}-{number}"), member));
        if url.starts_with("ws://") || url.starts_with("wss://") {
            return Err(Fault::new(
                format!("holds a websocket address in place {number}"),
                "Write the HTTP address of the endpoint (http:// or https://).",
            ));
        }
        if value::http_url(url).is_none() {
            return Err(Fault::new(
                format!("holds no HTTP address in place {number} (the value is not shown)"),
                "Write addresses that begin with https:// or http://, separated by commas.",
            ));
        }
        let name = EndpointName::new(name);
        if !urls.insert(url.to_owned()) || endpoints.iter().any(|other| other.name == name) {
            return Err(Fault::new(
                format!("names an endpoint twice, the second time in place {number}"),
                "Name every endpoint once; the same node twice is no second opinion.",
            ));
        }
        endpoints.push(EndpointConfig {
            name,
            url: SecretString::from(url.to_owned()),
        });
    }
    match endpoints.len() {
        0 => Err(Fault::new("holds no address", "Write at least one.")),
        1..=ENDPOINTS_MAX => Ok(endpoints),
        count => Err(Fault::new(
            format!("holds {count} addresses"),
            format!("Write at most {ENDPOINTS_MAX}."),
        )),
    }
}

/// `name=url`, where the front is a name and not part of a URL.
fn named(member: &str) -> Option<(String, &str)> {
    let (name, url) = member.split_once('=')?;
    let name = NetworkName::parse(name.trim()).ok()?;
    Some((name.to_string(), url.trim()))
}
