//! The watched networks, each with its own endpoints and its own provider.
//!
//! No value leaks between networks: what carries a network's prefix serves that network only, and a name without
//! prefix is refused as soon as there is more than one network.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::{
    endpoints::{self, EndpointConfig, Endpoints},
    problem::Fault,
    provider::{self, ProviderSelector},
    reader::{Place, Reader},
    value,
    variable::{Presence, Scope, Section, Variable, all},
    watcher::{self, WatcherConfig},
};
use crate::{
    network::{BuiltIn, Explorer, Network, NetworkName, built_in},
    units::{Address, BlockNumber, Coinbase},
};

/// The most networks of one process: each holds its own state in memory and polls its own endpoints.
const NETWORKS_MAX: usize = 8;

const NETWORKS: Variable = Variable {
    name: "NETWORKS",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::RequiredUnless("NETWORK is set"),
    doc: "The Aztec networks to watch, separated by commas. mainnet and testnet are built in; any other name is a \
          network that you describe with CHAIN_ID, REGISTRY_ADDRESS, STAKING_REGISTRY_ADDRESS and FIRST_BLOCK.",
    example: "mainnet",
};

const NETWORK: Variable = Variable {
    name: "NETWORK",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Optional("NETWORKS is read"),
    doc: "Another way to write NETWORKS when there is only one.",
    example: "mainnet",
};

const COMMON_COINBASES: Variable = Variable {
    name: "COMMON_COINBASES",
    scope: Scope::Network,
    is_secret: false,
    presence: Presence::Optional("every coinbase is compared with the split of the stake"),
    doc: "Coinbase addresses that you use on purpose in place of the split of a stake, separated by commas. For \
          operators who collect the rewards of all sequencers in one place and pay out themselves: such a coinbase is \
          a policy and raises no incident.",
    example: "0x2222222222222222222222222222222222222222",
};

const CHAIN_ID: Variable = Variable {
    name: "CHAIN_ID",
    scope: Scope::Network,
    is_secret: false,
    presence: Presence::RequiredUnless("the network is built in"),
    doc: "Chain id of the network's L1: 1 for Ethereum, 11155111 for Sepolia. Every endpoint is checked against it.",
    example: "31337",
};

const REGISTRY_ADDRESS: Variable = Variable {
    name: "REGISTRY_ADDRESS",
    scope: Scope::Network,
    is_secret: false,
    presence: Presence::RequiredUnless("the network is built in"),
    doc: "Aztec's Registry, the contract that names the rollups. Rollups and all parameters are read from the chain.",
    example: "0x3333333333333333333333333333333333333333",
};

const STAKING_REGISTRY_ADDRESS: Variable = Variable {
    name: "STAKING_REGISTRY_ADDRESS",
    scope: Scope::Network,
    is_secret: false,
    presence: Presence::RequiredUnless("the network is built in"),
    doc: "The StakingRegistry, the contract that holds the staking providers.",
    example: "0x4444444444444444444444444444444444444444",
};

const FIRST_BLOCK: Variable = Variable {
    name: "FIRST_BLOCK",
    scope: Scope::Network,
    is_secret: false,
    presence: Presence::RequiredUnless("the network is mainnet"),
    doc: "The L1 block from which history is read. Take one before the StakingRegistry was deployed; an earlier one \
          costs time at the first start and nothing else.",
    example: "9500000",
};

const EXPLORER_URL: Variable = Variable {
    name: "EXPLORER_URL",
    scope: Scope::Network,
    is_secret: false,
    presence: Presence::Optional("etherscan for the built-in networks, no links for others"),
    doc: "Address of the block explorer that cards link to; none turns the links off.",
    example: "https://etherscan.io",
};

const FINALITY_DEPTH: Variable = Variable {
    name: "FINALITY_DEPTH",
    scope: Scope::Network,
    is_secret: false,
    presence: Presence::Optional(
        "finality is what the endpoint says, and unknown where it says nothing",
    ),
    doc: "How many blocks deep counts as final, for a chain whose endpoints do not know safe and finalized. Leave it \
          out for Ethereum and Sepolia.",
    example: "64",
};

const KEYS_DIR: Variable = Variable {
    name: "KEYS_DIR",
    scope: Scope::Shared,
    is_secret: false,
    presence: Presence::Optional("coinbases are unknown, and everything else works"),
    doc: "Directory with your public keys files. Both layouts are read: NETWORK-keys-SERVER-vN.json, and \
          NETWORK/HOST/SOURCE-registered-keys.json. Never put private keystores there: they are refused.",
    example: "/etc/steward/keys",
};

pub(super) const SECTION: Section = Section {
    title: "Networks",
    intro: "With one network the names are as they stand here. With several, put the network's name in upper case in \
            front of each, such as MAINNET_L1_RPC_URLS and TESTNET_L1_RPC_URLS; the prefix also works with one.",
    variables: &[
        &NETWORKS,
        &endpoints::L1_RPC_URLS,
        &provider::PROVIDER_ID,
        &provider::PROVIDER_ADMIN,
        &NETWORK,
        &endpoints::L1_ARCHIVE_RPC_URLS,
        &provider::PROVIDER_LABEL,
        &COMMON_COINBASES,
        &KEYS_DIR,
        &CHAIN_ID,
        &REGISTRY_ADDRESS,
        &STAKING_REGISTRY_ADDRESS,
        &FIRST_BLOCK,
        &EXPLORER_URL,
        &FINALITY_DEPTH,
    ],
};

/// One watched network.
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// What it is.
    pub network: Network,
    /// The endpoints, the preferred first; never empty.
    pub endpoints: Vec<EndpointConfig>,
    /// Endpoints that serve the catch-up only.
    pub archive_endpoints: Vec<EndpointConfig>,
    /// Whose attesters are watched.
    pub provider: ProviderSelector,
    /// How people call the provider.
    pub provider_label: Option<String>,
    /// Where the keys files lie.
    pub keys_dir: Option<PathBuf>,
    /// Coinbases that are right by policy.
    pub common_coinbases: BTreeSet<Coinbase>,
    /// How many blocks deep counts as final, where the endpoints do not say.
    pub finality_depth: Option<u64>,
    /// How its L1 is followed.
    pub watcher: WatcherConfig,
}

/// Reads every network.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Vec<NetworkConfig>> {
    let Some(names) = read_names(reader) else {
        // What every network needs is listed too, so that a first start asks for everything at once.
        let _guess = read_one(reader, &NetworkName::parse("mainnet").ok()?, true);
        return None;
    };
    refuse_ambiguous_names(reader, &names);
    let networks: Vec<Option<NetworkConfig>> = names
        .iter()
        .map(|name| read_one(reader, name, names.len() == 1))
        .collect();
    networks.into_iter().collect()
}

/// The names of all networks, in the operator's order.
fn read_names(reader: &mut Reader<'_>) -> Option<Vec<NetworkName>> {
    let names = reader.value(&NETWORKS, parse_names);
    let name = reader.value(&NETWORK, parse_names);
    let names = match (names, name) {
        (Some(names), Some(name)) if names != name => {
            let fault = Fault::new("and NETWORK are both set, and differ", "Remove NETWORK.");
            reader.problem("NETWORKS".to_owned(), &NETWORKS, fault);
            return None;
        }
        (Some(names), _) | (None, Some(names)) => names,
        (None, None) => {
            if !reader.is_set(&NETWORKS, "NETWORKS") && !reader.is_set(&NETWORK, "NETWORK") {
                reader.missing(Place::Process, &NETWORKS);
            }
            return None;
        }
    };
    Some(names)
}

fn parse_names(text: &str) -> Result<Vec<NetworkName>, Fault> {
    let mut names = Vec::new();
    for member in value::members(text) {
        let name = NetworkName::parse(member).map_err(|error| {
            Fault::new(
                format!("names the network {}", value::quoted(member)),
                format!("Note that {error}."),
            )
        })?;
        if names.contains(&name) {
            return Err(Fault::new(
                format!("names {name} twice"),
                "Name every network once.",
            ));
        }
        names.push(name);
    }
    match names.len() {
        0 => Err(Fault::new("names no network", "Name one, such as mainnet.")),
        1..=NETWORKS_MAX => Ok(names),
        count => Err(Fault::new(
            format!("names {count} networks"),
            format!(
                "One process watches at most {NETWORKS_MAX}; run a second one with its own DATA_DIR."
            ),
        )),
    }
}

/// Refuses names that could mean two things: no prefix with several networks, or one name of two variables.
fn refuse_ambiguous_names(reader: &mut Reader<'_>, networks: &[NetworkName]) {
    let prefixed = |network: &NetworkName, variable: &Variable| {
        format!("{}_{}", network.variable_prefix(), variable.name)
    };
    if networks.len() > 1 {
        for variable in all().filter(|variable| variable.scope == Scope::Network) {
            if reader.is_set(variable, variable.name) {
                let wanted: Vec<String> = networks
                    .iter()
                    .map(|name| prefixed(name, variable))
                    .collect();
                let fault = Fault::new(
                    "is set without a network's prefix, and there are several networks",
                    format!("Set {} instead.", wanted.join(" and ")),
                );
                reader.problem(variable.name.to_owned(), variable, fault);
            }
        }
    }
    let mut owners: BTreeMap<String, String> = all()
        .map(|variable| (variable.name.to_owned(), "every network".to_owned()))
        .collect();
    for network in networks {
        for variable in all().filter(|variable| variable.scope != Scope::Process) {
            let name = prefixed(network, variable);
            if let Some(other) = owners.insert(name.clone(), network.to_string()) {
                let fault = Fault::new(
                    format!("would be a variable of {other} and of {network}"),
                    format!("Give {network} another name."),
                );
                reader.problem(name, variable, fault);
            }
        }
    }
}

/// Reads one network.
fn read_one(reader: &mut Reader<'_>, name: &NetworkName, is_single: bool) -> Option<NetworkConfig> {
    let place = Place::Network { name, is_single };
    let network = read_network(reader, place, name);
    let endpoints = endpoints::read(reader, place);
    let provider = provider::read(reader, place);
    let provider_label = provider::read_label(reader, place);
    let keys_dir = reader.value_at(place, &KEYS_DIR, value::path);
    let common_coinbases = reader.value_at(place, &COMMON_COINBASES, |text| {
        value::list(text, |member| value::address(member).map(Coinbase::new))
    });
    let finality_depth = reader.value_at(place, &FINALITY_DEPTH, |text| {
        value::number(text, 1..=100_000)
    });
    let watcher = watcher::read(reader, place);
    let Endpoints { head, archive } = endpoints?;
    Some(NetworkConfig {
        network: network?,
        endpoints: head,
        archive_endpoints: archive,
        provider: provider?,
        provider_label,
        keys_dir,
        common_coinbases: common_coinbases.unwrap_or_default(),
        finality_depth,
        watcher: watcher?,
    })
}

/// The network itself: what is built in, and what the configuration says otherwise.
fn read_network(reader: &mut Reader<'_>, place: Place<'_>, name: &NetworkName) -> Option<Network> {
    let built_in = built_in(name);
    let mut or_built_in = |variable: &Variable, own: Option<u64>| {
        let is_set = place
            .names(variable)
            .iter()
            .any(|name| reader.is_set(variable, name));
        match (is_set, own) {
            (false, Some(own)) => Some(own),
            (false, None) => {
                reader.missing(place, variable);
                None
            }
            (true, _) => reader.value_at(place, variable, |text| {
                value::number(text, u64::from(variable.name == CHAIN_ID.name)..=u64::MAX)
            }),
        }
    };
    let chain_id = or_built_in(&CHAIN_ID, built_in.map(|network| network.chain_id));
    let first_block = or_built_in(
        &FIRST_BLOCK,
        built_in
            .and_then(|network| network.first_block)
            .map(BlockNumber::value),
    );
    let registry = read_contract(
        reader,
        place,
        &REGISTRY_ADDRESS,
        built_in.map(|network| network.registry),
    );
    let staking_registry = read_contract(
        reader,
        place,
        &STAKING_REGISTRY_ADDRESS,
        built_in.map(|network| network.staking_registry),
    );
    if let (Some(registry), Some(staking_registry)) = (registry, staking_registry)
        && registry == staking_registry
    {
        let fault = Fault::new(
            format!("is {registry}, and so is REGISTRY_ADDRESS"),
            "Write the address of each contract; they are two.",
        );
        reader.problem(
            place.name_to_set(&STAKING_REGISTRY_ADDRESS),
            &STAKING_REGISTRY_ADDRESS,
            fault,
        );
    }
    let explorer = read_explorer(reader, place, built_in);
    Some(Network {
        name: name.clone(),
        chain_id: chain_id?,
        registry: registry?,
        staking_registry: staking_registry?,
        first_block: BlockNumber::new(first_block?),
        explorer,
    })
}

fn read_contract(
    reader: &mut Reader<'_>,
    place: Place<'_>,
    variable: &Variable,
    own: Option<Address>,
) -> Option<Address> {
    let is_set = place
        .names(variable)
        .iter()
        .any(|name| reader.is_set(variable, name));
    match (is_set, own) {
        (false, Some(own)) => Some(own),
        (false, None) => {
            reader.missing(place, variable);
            None
        }
        (true, _) => reader.value_at(place, variable, value::address),
    }
}

fn read_explorer(
    reader: &mut Reader<'_>,
    place: Place<'_>,
    built_in: Option<&BuiltIn>,
) -> Option<Explorer> {
    let parse = |text: &str| match text {
        "none" => Ok(None),
        _ => value::http_url(text)
            .map(|_url| Some(Explorer::new(text)))
            .ok_or_else(|| {
                Fault::new(
                    format!("is {}, which is no HTTP address", value::quoted(text)),
                    "Write one such as https://etherscan.io, or none.",
                )
            }),
    };
    match reader.value_at(place, &EXPLORER_URL, parse) {
        Some(explorer) => explorer,
        None => built_in.map(|network| Explorer::new(network.explorer_url)),
    }
}
