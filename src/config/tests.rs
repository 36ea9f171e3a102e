//! The configuration as a whole.

mod written;

use std::{collections::BTreeMap, path::Path, time::Duration};

use secrecy::ExposeSecret;

use super::{variable::all, *};
use crate::units::{BlockNumber, ProviderId};

/// What a fresh `.env` holds.
const MINIMAL: [(&str, &str); 6] = [
    ("DISCORD_TOKEN", "token-marker"),
    ("DISCORD_GUILD_ID", "1"),
    ("DISCORD_CHANNEL", "2"),
    ("NETWORKS", "mainnet"),
    ("L1_RPC_URLS", "https://one.example/key-marker"),
    ("PROVIDER_ID", "4"),
];

fn read_with(changes: &[(&str, &str)]) -> Result<Config, ConfigProblems> {
    let variables: BTreeMap<&str, &str> = MINIMAL.iter().chain(changes).copied().collect();
    Config::read(
        &|name| variables.get(name).map(|text| (*text).to_owned()),
        Need::Service,
    )
}

fn problems(changes: &[(&str, &str)]) -> String {
    read_with(changes).unwrap_err().to_string()
}

#[test]
fn six_values_are_enough_for_mainnet() {
    let config = read_with(&[]).unwrap();
    let [network] = config.networks.as_slice() else {
        panic!("one network");
    };
    assert_eq!(network.network.chain_id, 1);
    assert_eq!(network.network.first_block, BlockNumber::new(23_700_000));
    assert_eq!(network.provider, ProviderSelector::Id(ProviderId::new(4)));
    assert_eq!(network.endpoints[0].name.as_str(), "rpc-1");
    assert_eq!(
        network.endpoints[0].url.expose_secret(),
        "https://one.example/key-marker"
    );
    let discord = config.discord.unwrap();
    assert_eq!(discord.channels.transitions, discord.channels.alerts);
    assert_eq!(discord.api_url, "https://discord.com");
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    assert_eq!(
        config.alerts.coinbase_ladder,
        [hours(168), hours(48), hours(6)]
    );
    assert!(config.http.serves_v1());
    assert!(config.warnings.is_empty());
}

#[test]
fn an_empty_environment_lists_everything_that_is_needed() {
    let problems = Config::read(&|_name| None, Need::Service).unwrap_err();
    insta::assert_snapshot!(problems, @r#"
the configuration has 6 problems:
  1. NETWORKS is not set.
     The Aztec networks to watch, separated by commas.
     Set it, for example: NETWORKS=mainnet
  2. L1_RPC_URLS is not set.
     HTTP addresses of Ethereum nodes (execution layer), separated by commas.
     Set it, for example: L1_RPC_URLS=https://eth.example.org/v1/your-key
  3. PROVIDER_ID is not set.
     The number of your provider in the StakingRegistry.
     Set it, for example: PROVIDER_ID=4
  4. DISCORD_TOKEN is not set.
     The token of your bot.
     Set it, for example: DISCORD_TOKEN=paste-the-token-of-your-bot-here
  5. DISCORD_GUILD_ID is not set.
     The id of your Discord server.
     Set it, for example: DISCORD_GUILD_ID=100000000000000001
  6. DISCORD_CHANNEL is not set, and not both of DISCORD_CHANNEL_TRANSITIONS and DISCORD_CHANNEL_ALERTS are.
     The id of the channel for everything that has no channel of its own.
     Set it, for example: DISCORD_CHANNEL=100000000000000002
"#);
}

#[test]
fn all_problems_are_listed_at_once() {
    insta::assert_snapshot!(
        problems(&[
            ("DISCORD_GUILD_ID", "my server"),
            ("DISCORD_API_URL", "http://discord.example.org"),
            ("PROVIDER_ID", "0"),
            ("KEYS_RESCAN_INTERVAL", "often"),
            ("COINBASE_LADDER", "7d,soon"),
            ("REGISTRY_ADDRESS", "0x35b22e09eE0390539439E24f06Da43D83f90e298"),
            ("METRICS_PER_ATTESTER", "perhaps"),
            ("HTTP_BIND", "9464"),
        ]),
        @r#"
the configuration has 8 problems:
  1. REGISTRY_ADDRESS is "0x35b22e09eE0390539439E24f06Da43D83f90e298", which has a wrong checksum (EIP-55), so a character of it is wrong.
     Aztec's Registry, the contract that names the rollups.
     Copy the address again, as a whole.
  2. PROVIDER_ID is 0, and no provider has that id: the StakingRegistry counts from 1.
     The number of your provider in the StakingRegistry.
     Write your provider's id, or set PROVIDER_ADMIN to its admin address.
  3. DISCORD_GUILD_ID is "my server", which is no id of Discord.
     The id of your Discord server.
     Write the digits only: switch on the developer mode in Discord, right-click, Copy ID.
  4. DISCORD_API_URL is "http://discord.example.org", which would send the token unencrypted over the network.
     Where Discord's API is.
     Use https://, or a host on this machine (127.0.0.1, localhost).
  5. KEYS_RESCAN_INTERVAL is "often", which is no duration.
     How often all keys files are read again, beside the moments when the system reports a change.
     Write a number and a unit (d, h, m, s, ms), such as 6h, from 1s to 1d.
  6. COINBASE_LADDER is "soon", which is no duration.
     How long before an attester can become active a missing or wrong coinbase is said again.
     Write a number and a unit (d, h, m, s, ms), such as 6h, from 1m to 365d.
  7. HTTP_BIND is "9464", which is no address with a port.
     Where metrics, health and the read-only API are served.
     Write one such as 127.0.0.1:9464, 0.0.0.0:9464 or [::1]:9464.
  8. METRICS_PER_ATTESTER is "perhaps", which is neither true nor false.
     Whether every attester has series of its own in /metrics.
     Write true or false.
"#
    );
}

#[test]
fn a_network_that_is_not_built_in_is_described_wholly() {
    insta::assert_snapshot!(problems(&[("NETWORKS", "my-net")]), @r#"
the configuration has 4 problems:
  1. CHAIN_ID is not set.
     Chain id of the network's L1: 1 for Ethereum, 11155111 for Sepolia.
     Set it, for example: CHAIN_ID=31337
  2. FIRST_BLOCK is not set.
     The L1 block from which history is read.
     Set it, for example: FIRST_BLOCK=9500000
  3. REGISTRY_ADDRESS is not set.
     Aztec's Registry, the contract that names the rollups.
     Set it, for example: REGISTRY_ADDRESS=0x3333333333333333333333333333333333333333
  4. STAKING_REGISTRY_ADDRESS is not set.
     The StakingRegistry, the contract that holds the staking providers.
     Set it, for example: STAKING_REGISTRY_ADDRESS=0x4444444444444444444444444444444444444444
"#);
    let config = read_with(&[
        ("NETWORKS", "my-net"),
        ("MY_NET_CHAIN_ID", "31337"),
        (
            "MY_NET_REGISTRY_ADDRESS",
            "0x3333333333333333333333333333333333333333",
        ),
        (
            "STAKING_REGISTRY_ADDRESS",
            "0x4444444444444444444444444444444444444444",
        ),
        ("FIRST_BLOCK", "0"),
    ])
    .unwrap();
    let network = &config.networks[0].network;
    assert_eq!((network.chain_id, network.first_block.value()), (31_337, 0));
    assert_eq!(network.explorer, None);
}

#[test]
fn testnet_needs_its_first_block() {
    insta::assert_snapshot!(problems(&[("NETWORKS", "testnet")]), @r#"
the configuration has 1 problem:
  1. FIRST_BLOCK is not set.
     The L1 block from which history is read.
     Set it, for example: FIRST_BLOCK=9500000
"#);
}

/// Two networks, each fully described; every value of one differs from the other's.
const TWO: [(&str, &str); 10] = [
    ("NETWORKS", "mainnet,testnet"),
    ("L1_RPC_URLS", ""),
    ("PROVIDER_ID", ""),
    ("MAINNET_L1_RPC_URLS", "https://main.example"),
    ("MAINNET_PROVIDER_ID", "4"),
    (
        "TESTNET_L1_RPC_URLS",
        "https://a.example, backup=https://b.example/?k=v",
    ),
    (
        "TESTNET_PROVIDER_ADMIN",
        "0x1111111111111111111111111111111111111111",
    ),
    ("TESTNET_FIRST_BLOCK", "9_500_000"),
    ("KEYS_DIR", "/keys"),
    ("TESTNET_KEYS_DIR", "/test-keys"),
];

#[test]
fn networks_do_not_see_each_others_values() {
    let config = read_with(&TWO).unwrap();
    let [mainnet, testnet] = config.networks.as_slice() else {
        panic!("two networks");
    };
    assert_eq!(mainnet.endpoints.len(), 1);
    let names: Vec<&str> = testnet
        .endpoints
        .iter()
        .map(|endpoint| endpoint.name.as_str())
        .collect();
    assert_eq!(names, ["rpc-1", "backup"]);
    assert_eq!(
        testnet.endpoints[1].url.expose_secret(),
        "https://b.example/?k=v"
    );
    assert!(matches!(testnet.provider, ProviderSelector::Admin(_)));
    assert_eq!(mainnet.keys_dir.as_deref(), Some(Path::new("/keys")));
    assert_eq!(testnet.keys_dir.as_deref(), Some(Path::new("/test-keys")));
    assert_eq!(testnet.network.chain_id, 11_155_111);

    // What only one network has is missing for the other, and not borrowed.
    let mut changes = TWO.to_vec();
    changes.push(("TESTNET_L1_RPC_URLS", ""));
    assert!(problems(&changes).contains("TESTNET_L1_RPC_URLS is not set"));
}

#[test]
fn a_name_without_prefix_is_refused_with_several_networks() {
    let mut changes = TWO.to_vec();
    changes.push(("PROVIDER_ID", "4"));
    insta::assert_snapshot!(problems(&changes), @r#"
the configuration has 1 problem:
  1. PROVIDER_ID is set without a network's prefix, and there are several networks.
     The number of your provider in the StakingRegistry.
     Set MAINNET_PROVIDER_ID and TESTNET_PROVIDER_ID instead.
"#);
}

#[test]
fn one_name_of_two_variables_is_refused() {
    let text = problems(&[("NETWORKS", "x,x-staking")]);
    assert!(
        text.contains("X_STAKING_REGISTRY_ADDRESS would be a variable of x and of x-staking"),
        "{text}"
    );
    let text = problems(&[("NETWORKS", "staking")]);
    assert!(
        text.contains("STAKING_REGISTRY_ADDRESS would be a variable of"),
        "{text}"
    );
}

#[test]
fn two_values_for_one_thing_are_refused() {
    for (changes, expected) in [
        (
            vec![("MAINNET_PROVIDER_ID", "5")],
            "MAINNET_PROVIDER_ID and PROVIDER_ID are both set, and differ",
        ),
        (
            vec![("NETWORK", "testnet")],
            "NETWORKS and NETWORK are both set, and differ",
        ),
        (
            vec![(
                "PROVIDER_ADMIN",
                "0x1111111111111111111111111111111111111111",
            )],
            "PROVIDER_ID and PROVIDER_ADMIN are both set",
        ),
        (
            vec![("L1_RPC_URLS", "https://a.example,https://a.example")],
            "names an endpoint twice",
        ),
        (
            vec![("L1_ARCHIVE_RPC_URLS", "rpc-1=https://b.example")],
            "both name an endpoint rpc-1",
        ),
    ] {
        let text = problems(&changes);
        assert!(text.contains(expected), "{text}");
    }
    assert!(read_with(&[("MAINNET_PROVIDER_ID", "4"), ("NETWORK", "mainnet")]).is_ok());
}

#[test]
fn plain_http_to_discord_stays_on_this_machine() {
    let api =
        |url| read_with(&[("DISCORD_API_URL", url)]).map(|config| config.discord.unwrap().api_url);
    assert_eq!(
        api("http://127.0.0.1:8080/").unwrap(),
        "http://127.0.0.1:8080"
    );
    assert_eq!(
        api("https://proxy.example/discord/").unwrap(),
        "https://proxy.example/discord"
    );
    assert!(api("http://10.0.0.1:8080").is_err());
    assert!(api("https://user:pass@proxy.example").is_err());
}

#[test]
fn an_open_address_without_token_refuses_v1() {
    let config = read_with(&[("HTTP_BIND", "0.0.0.0:9464")]).unwrap();
    assert_eq!(config.http.exposure(), Exposure::Open);
    assert!(!config.http.serves_v1());
    let config = read_with(&[
        ("HTTP_BIND", "[::]:9464"),
        ("HTTP_TOKEN", "0123456789abcdef"),
    ])
    .unwrap();
    assert_eq!(config.http.exposure(), Exposure::Token);
}

/// Secrets are set to a marker, in right and in wrong forms; nothing that we print may hold it.
#[test]
fn no_secret_is_ever_printed() {
    let config = read_with(&[("HTTP_TOKEN", "token-marker-of-http")]).unwrap();
    let debug = format!("{config:?}");
    assert!(!debug.contains("marker"), "{debug}");
    for wrong in [
        "marker with spaces",
        "bot marker",
        "marker://x",
        "ws://marker",
        "https://ok.example,marker",
        "marker",
    ] {
        for variable in all().filter(|variable| variable.is_secret) {
            let text = match read_with(&[(variable.name, wrong)]) {
                Ok(config) => format!("{config:?}"),
                Err(problems) => format!("{problems} {problems:?}"),
            };
            assert!(!text.contains("marker"), "{} {text}", variable.name);
        }
    }
}

#[test]
fn a_secret_may_come_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, "from-the-file\n").unwrap();
    let path = path.to_str().unwrap();
    let config = read_with(&[("DISCORD_TOKEN", ""), ("DISCORD_TOKEN_FILE", path)]).unwrap();
    assert_eq!(
        config.discord.unwrap().token.expose_secret(),
        "from-the-file"
    );
    assert!(
        problems(&[("DISCORD_TOKEN_FILE", path)])
            .contains("DISCORD_TOKEN and DISCORD_TOKEN_FILE are both set")
    );
    assert!(problems(&[("HTTP_TOKEN_FILE", "/nonexistent/token")]).contains("cannot be read"));
}

#[test]
fn a_secret_may_be_a_credential_of_systemd() {
    let directory = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    put("DISCORD_TOKEN", "from-systemd\n");
    put("MAINNET_L1_RPC_URLS", "https://from.example");
    put("PROVIDER_ID", "no secret, so not looked at");
    let place = ("CREDENTIALS_DIRECTORY", directory.path().to_str().unwrap());
    let config = read_with(&[place, ("DISCORD_TOKEN", ""), ("L1_RPC_URLS", "")]).unwrap();
    assert_eq!(
        config.discord.unwrap().token.expose_secret(),
        "from-systemd"
    );
    assert_eq!(
        config.networks[0].endpoints[0].url.expose_secret(),
        "https://from.example"
    );
    assert!(config.http.token.is_none(), "there is no such credential");
    insta::assert_snapshot!(problems(&[place, ("L1_RPC_URLS", "")]), @r"
    the configuration has 1 problem:
      1. DISCORD_TOKEN and the credential DISCORD_TOKEN are both set, and differ.
         The token of your bot.
         Remove one of them.
    ");
    put("HTTP_TOKEN", " \n");
    let text = problems(&[place, ("DISCORD_TOKEN", ""), ("L1_RPC_URLS", "")]);
    let text = text.replace(place.1, "CREDENTIALS");
    insta::assert_snapshot!(text, @r"
    the configuration has 1 problem:
      1. the credential HTTP_TOKEN is the file CREDENTIALS/HTTP_TOKEN, which is empty.
         The bearer token that /metrics and /v1 ask for.
         Put the value into the file.
    ");
}

#[test]
fn a_command_without_discord_needs_no_token() {
    let lookup = |name: &str| {
        let found = MINIMAL
            .iter()
            .find(|(other, _)| *other == name && !name.starts_with("DISCORD"));
        found.map(|(_, text)| (*text).to_owned())
    };
    assert!(
        Config::read(&lookup, Need::NoDiscord)
            .unwrap()
            .discord
            .is_none()
    );
    assert!(Config::read(&lookup, Need::Service).is_err());
}
