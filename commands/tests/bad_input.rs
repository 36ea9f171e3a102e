//! What an operator reads when something is wrong, as the shipped binary says it: what it is, and what to do.

use std::{collections::BTreeMap, path::Path};

use fake::{Fake, Spec};
use localnet::{Localnet, Profile};
use serde_json::{Value, json};
use steward::{
    store::{
        Batch, Store as _, Tree,
        identity::{self, NetworkIdentity, check_identity},
        lock::DirectoryLock,
        sled::SledStore,
    },
    units::{Address, B256},
};
use tempfile::TempDir;

use crate::world::unlimited;

/// The settings of a process, and its home.
struct Operator {
    home: TempDir,
    settings: BTreeMap<&'static str, String>,
}

impl Operator {
    /// One who has everything right, apart from a chain that nobody serves.
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let settings = [
            ("NETWORK", "local"),
            ("L1_RPC_URLS", "http://127.0.0.1:9"),
            ("CHAIN_ID", "31337"),
            ("FIRST_BLOCK", "0"),
            (
                "REGISTRY_ADDRESS",
                "0x3333333333333333333333333333333333333333",
            ),
            (
                "STAKING_REGISTRY_ADDRESS",
                "0x4444444444444444444444444444444444444444",
            ),
            ("PROVIDER_ID", "1"),
            ("HTTP_BIND", "127.0.0.1:0"),
        ];
        let settings = settings.map(|(name, value)| (name, value.to_owned()));
        let operator = Self {
            home,
            settings: settings.into(),
        };
        let data = operator.data();
        operator.with("DATA_DIR", &data.display().to_string())
    }

    fn on(self, net: &Localnet) -> Self {
        let addresses = &net.addresses;
        self.with("L1_RPC_URLS", &net.url())
            .with("REGISTRY_ADDRESS", &addresses.registry.to_string())
            .with(
                "STAKING_REGISTRY_ADDRESS",
                &addresses.staking_registry.to_string(),
            )
    }

    fn in_server(self, fake: &Fake) -> Self {
        self.with("DISCORD_API_URL", fake.url())
            .with("DISCORD_TOKEN", Spec::TOKEN)
            .with("DISCORD_GUILD_ID", &Spec::GUILD.0.to_string())
            .with("DISCORD_CHANNEL", &Spec::CHANNEL.0.to_string())
            .with("DISCORD_ALERT_ROLE_ID", &Spec::ROLE.0.to_string())
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.settings.insert(name, value.to_owned());
        self
    }

    fn data(&self) -> std::path::PathBuf {
        self.home.path().join("data")
    }

    fn command(&self, arguments: &[&str]) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_steward"));
        self.furnish(&mut command);
        command.args(arguments);
        command
    }

    fn furnish(&self, command: &mut tokio::process::Command) {
        command
            .env_clear()
            .envs(&self.settings)
            .current_dir(self.home.path())
            .kill_on_drop(true);
    }

    /// What `steward check` finds in this area beside what is good.
    async fn check(&self, area: &str) -> String {
        let mut arguments = vec!["check", "--json"];
        if !self.settings.contains_key("DISCORD_TOKEN") {
            arguments.push("--no-discord");
        }
        let output = self.command(&arguments).output().await.unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.success(), report["ok"].as_bool().unwrap());
        let findings = report["findings"].as_array().unwrap().iter();
        let told = findings
            .filter(|finding| finding["area"] == area && finding["verdict"] != "good")
            .map(|finding| {
                let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
                format!(
                    "{} {}: {}\n  -> {}",
                    text("verdict"),
                    text("subject"),
                    text("detail"),
                    text("next")
                )
            });
        self.plain(&told.collect::<Vec<_>>().join("\n"))
    }

    /// What a command that fails says last.
    async fn refused(&self, command: &mut tokio::process::Command) -> String {
        let output = tokio::time::timeout(std::time::Duration::from_secs(30), command.output());
        let output = output.await.unwrap().unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8(output.stderr).unwrap();
        self.plain(said.trim_end())
    }

    /// Without what differs from run to run.
    fn plain(&self, text: &str) -> String {
        text.replace(&self.home.path().display().to_string(), "HOME")
            .replace(&std::process::id().to_string(), "PID")
    }

    /// Fills the store with a network of another chain.
    fn holds_another_network(&self) {
        let store = SledStore::open(&self.data()).unwrap();
        identity::begin(&store).unwrap();
        let network = NetworkIdentity {
            name: "local".to_owned(),
            chain_id: 1,
            block0_hash: B256::ZERO,
            registry: Address::repeat_byte(0x35),
            staking_registry: Address::repeat_byte(0x04),
        };
        check_identity(&store, &network).unwrap();
        close(store, &self.data());
    }
}

/// Drops the store and waits until the threads of sled have let go of its files.
fn close(store: SledStore, data: &Path) {
    drop(store);
    std::fs::File::open(data.join("store/db/db"))
        .unwrap()
        .lock()
        .unwrap();
}

#[tokio::test]
async fn an_endpoint_that_is_not_there() {
    let operator = Operator::new();
    insta::assert_snapshot!(operator.check("endpoint").await, @r#"
    bad local rpc-1: the endpoint does not answer: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)
      -> Check that the node runs and that this machine reaches it.
    "#);
    insta::assert_snapshot!(operator.check("contracts").await, @r#"
    bad local: not looked at: no endpoint can be used
      -> Correct L1_RPC_URLS of local first.
    "#);
}

#[tokio::test]
async fn the_wrong_chain_the_wrong_contract_and_the_wrong_provider() {
    let net = Localnet::deploy(Profile::Small).await.unwrap();
    let admin = Localnet::account("admin");
    net.register_provider(admin, 500, admin).await.unwrap();
    net.mine(5).await.unwrap();
    let right = Operator::new().on(&net);
    insta::assert_snapshot!(right.check("endpoint").await, @"");
    let chain = Operator::new().on(&net).with("CHAIN_ID", "17000");
    insta::assert_snapshot!(chain.check("endpoint").await, @r#"
    bad local rpc-1: serves chain 31337, but local is on chain 17000
      -> Put an endpoint of chain 17000 in place of rpc-1 (L1_RPC_URLS or L1_ARCHIVE_RPC_URLS), or correct CHAIN_ID.
    "#);
    let mut run = chain.command(&["run", "--only", "watcher"]);
    let said = chain.refused(&mut run).await;
    assert!(
        said.contains(
            "serves another chain than 17000: rpc-1 says 31337; correct the URLs or the chain id"
        ),
        "{said}"
    );
    let provider = Operator::new().on(&net).with("PROVIDER_ID", "7");
    insta::assert_snapshot!(provider.check("provider").await, @r#"
    bad local provider 7: provider 7 does not exist: the StakingRegistry has provider 1 only
      -> Correct PROVIDER_ID, or set PROVIDER_ADMIN to the admin's address instead.
    "#);
    let nobody = "0x1111111111111111111111111111111111111111";
    let registry = Operator::new().on(&net).with("REGISTRY_ADDRESS", nobody);
    insta::assert_snapshot!(registry.check("contracts").await, @r#"
    bad local Registry: no contract lives at 0x1111111111111111111111111111111111111111
      -> Correct REGISTRY_ADDRESS: it is Aztec's Registry on this chain.
    "#);
    let swapped = Operator::new()
        .on(&net)
        .with("REGISTRY_ADDRESS", &net.addresses.staking_asset.to_string());
    insta::assert_snapshot!(swapped.check("contracts").await, @r#"
    bad local rollups: the Registry at 0x5FC8d32690cc91D4c39d9d3abcBD16989F875707 does not answer numberOfVersions as it should: the view reverted; check the address and the network
      -> Check REGISTRY_ADDRESS, and the endpoints above.
    "#);
}

#[tokio::test]
async fn a_chain_without_multicall3_and_a_clock_behind_it() {
    let net = Localnet::deploy(Profile::Small).await.unwrap();
    let multicall3 = net.addresses.multicall3;
    let _done: Value = net
        .rpc
        .request("anvil_setCode", json!([multicall3, "0x"]))
        .await
        .unwrap();
    net.warp(100_000).await.unwrap();
    net.mine(1).await.unwrap();
    let operator = Operator::new().on(&net);
    insta::assert_snapshot!(operator.check("contracts").await, @r#"
    bad local Multicall3: no contract lives at 0xcA11bde05977b3631167028862bE2a173976CA11
      -> steward reads contracts through it: deploy it there, or use an L1 that has it.
    "#);
    let said = operator.check("endpoint").await;
    assert!(said.contains("the clock of this machine is "), "{said}");
    assert!(said.contains("this chain has no Multicall3"), "{said}");
}

#[tokio::test]
async fn keys_files_that_are_cut_off_name_an_attester_twice_or_are_of_another_network() {
    let operator = Operator::new();
    let directory = operator.home.path().join("keys");
    std::fs::create_dir(&directory).unwrap();
    let operator = operator.with("KEYS_DIR", "keys");
    let entry = "{\"attester\": {\"eth\": \"0x1111111111111111111111111111111111111111\"}}";
    let write = |name: &str, text: &str| std::fs::write(directory.join(name), text).unwrap();
    let whole = format!("{{\"validators\": [\n{entry}\n]}}");
    write("testnet-keys-beast-1-v1.json", &whole);
    insta::assert_snapshot!(operator.check("keys_files").await, @"
    doubtful local: 0 attesters in 0 files; 1 file is of another network and not read (testnet-keys-beast-1-v1.json)
      -> Put files named local-keys-SERVER-vN.json or local/HOST/SOURCE-registered-keys.json into keys.
    ");
    write("local-keys-cut-v1.json", &whole[..40]);
    let twice = format!("{{\"validators\": [\n{entry},\n{entry}\n]}}");
    write("local-keys-twice-v1.json", &twice);
    insta::assert_snapshot!(operator.check("keys_files").await, @"
    bad local local-keys-cut-v1.json, line 2: the file ends in the middle
      -> Write it again, as a whole: first under another name, then rename it
    bad local local-keys-twice-v1.json, line 3: the attester 0x1111111111111111111111111111111111111111 stands in line 2 and again in line 3
      -> Remove one of the two
    ");
}

#[tokio::test]
async fn another_networks_store() {
    let operator = Operator::new();
    operator.holds_another_network();
    insta::assert_snapshot!(operator.check("data_directory").await, @r#"
    bad HOME/data: holds a network local of chain 1 with the Registry 0x3535353535353535353535353535353535353535, but the configuration says chain 31337 and 0x3333333333333333333333333333333333333333
      -> Correct the configuration, or set DATA_DIR to an empty directory.
    "#);
}

#[tokio::test]
async fn a_store_of_a_newer_version() {
    let operator = Operator::new();
    let store = SledStore::open(&operator.data()).unwrap();
    let mut batch = Batch::default();
    let newer = br#"{"v":1,"r":{"format":2,"incarnation":9}}"#;
    batch.put(Tree::Meta, "store/\0", newer.as_slice());
    store.commit(&batch).unwrap();
    close(store, &operator.data());
    insta::assert_snapshot!(operator.check("data_directory").await, @r#"
    bad HOME/data: the store has version 2, this steward reads up to 1; use a newer steward, or another data directory
      -> Use a newer steward, or another DATA_DIR.
    "#);
    let mut run = operator.command(&["run", "--only", "watcher"]);
    insta::assert_snapshot!(operator.refused(&mut run).await, @"steward: steward cannot start: the store in the data directory cannot be opened: the store has version 2, this steward reads up to 1; use a newer steward, or another data directory");
}

#[tokio::test]
async fn a_second_process_on_the_same_directory() {
    let operator = Operator::new();
    operator.holds_another_network();
    let _held = DirectoryLock::take(&operator.data()).unwrap();
    let mut run = operator.command(&["run", "--only", "watcher"]);
    insta::assert_snapshot!(operator.refused(&mut run).await, @"steward: steward cannot start: the store in the data directory cannot be opened: another steward process uses this data directory (HOME/data, process PID); stop it, or choose another directory");
    let mut export = operator.command(&["export"]);
    insta::assert_snapshot!(operator.refused(&mut export).await, @"steward: a running steward holds the store; it has made no export of its own yet: another steward process uses this data directory (HOME/data, process PID); stop it, or choose another directory");
}

/// What a supervisor asks holds nothing up and makes nothing up.
#[tokio::test]
async fn health_where_nothing_runs() {
    let operator = Operator::new();
    let output = operator.command(&["health"]).output().await.unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).unwrap();
    insta::assert_snapshot!(operator.plain(said.trim_end()), @"steward: no steward runs on HOME/data");
    assert!(!operator.data().exists(), "nothing was opened");
}

#[tokio::test]
async fn a_directory_that_cannot_be_written() {
    let operator = Operator::new();
    let file = operator.home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below = file.join("data").display().to_string();
    let operator = operator.with("DATA_DIR", &below);
    insta::assert_snapshot!(operator.check("data_directory").await, @r#"
    bad HOME/file/data: cannot be written: Not a directory (os error 20)
      -> Give it to the user steward runs as, free space on the disk, or set DATA_DIR.
    "#);
    let mut run = operator.command(&["run", "--only", "watcher"]);
    insta::assert_snapshot!(operator.refused(&mut run).await, @"steward: steward cannot start: the data directory HOME/file/data cannot be made or written; check its owner and the disk, or set DATA_DIR: Not a directory (os error 20)");
}

/// Method: the process may write no file longer than 0 bytes, with the signal for it ignored, so that writes fail.
#[tokio::test]
async fn a_full_disk() {
    let operator = Operator::new();
    let full = |arguments: &str| {
        let mut command = tokio::process::Command::new("/bin/sh");
        operator.furnish(&mut command);
        let script = format!("trap '' XFSZ; ulimit -f 0; exec \"$0\" {arguments}");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_steward")]);
        command
    };
    insta::assert_snapshot!(operator.refused(&mut full("run --only watcher")).await, @"steward: steward cannot start: the data directory HOME/data cannot be used; free space on its disk and check its owner, or set DATA_DIR: the disk refused the write or read: cannot write to the data directory HOME/data: File too large (os error 27)");
    let checked = full("check --json --no-discord").output().await.unwrap();
    let report = String::from_utf8(checked.stdout).unwrap();
    assert!(report.contains("free space on the disk"), "{report}");
}

#[tokio::test]
async fn exports_that_are_cut_and_directories_without_a_store() {
    let operator = Operator::new();
    let mut verify = operator.command(&["verify"]);
    insta::assert_snapshot!(operator.refused(&mut verify).await, @"steward: there is no database in HOME/data; set DATA_DIR to the directory that steward run uses");
    operator.holds_another_network();
    let out = operator.home.path().join("whole.jsonl");
    let done = operator
        .command(&["export", "--out", "whole.jsonl"])
        .status()
        .await
        .unwrap();
    assert!(done.success());
    let whole = std::fs::read_to_string(&out).unwrap();
    let cut = whole.rsplit_once("{\"records\"").unwrap().0;
    std::fs::write(operator.home.path().join("cut.jsonl"), cut).unwrap();
    let mut import = operator.command(&["import", "cut.jsonl", "--yes"]);
    insta::assert_snapshot!(operator.refused(&mut import).await, @"steward: cut.jsonl cannot be imported: the export was cut after line 3; use an older one");
    let fresh = Operator::new();
    let import = fresh
        .command(&["import", &out.display().to_string(), "--yes"])
        .output()
        .await
        .unwrap();
    assert!(
        import.status.success(),
        "{}",
        String::from_utf8_lossy(&import.stderr)
    );
    let export = fresh.command(&["export"]).output().await.unwrap();
    let records = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let again = String::from_utf8(export.stdout).unwrap();
    let (mut whole, mut again) = (records(&whole), records(&again));
    // The last line is a digest over all, the date in the first line included.
    whole.pop();
    again.pop();
    assert_eq!(whole, again, "what goes out comes back");
}

#[tokio::test]
async fn discord_says_401_403_and_404() {
    let fake = unlimited().await;
    let operator = || Operator::new().in_server(&fake);
    insta::assert_snapshot!(operator().check("discord").await, @"");
    let token = operator().with("DISCORD_TOKEN", "another.token");
    insta::assert_snapshot!(token.check("discord").await, @r#"
    bad token: Discord answered 401: Unauthorized
      -> Copy the token again from the Discord developer portal (Bot, Reset Token) into DISCORD_TOKEN.
    "#);
    let guild = operator().with("DISCORD_GUILD_ID", "42");
    insta::assert_snapshot!(guild.check("discord").await, @r#"
    bad server 42: Discord answered 404: Unknown Guild
      -> Correct DISCORD_GUILD_ID, or invite the bot to the server (developer portal, OAuth2, scopes bot and applications.commands).
    "#);
    let channel = operator().with("DISCORD_CHANNEL", "42");
    insta::assert_snapshot!(channel.check("discord").await, @r#"
    bad channel 42: transitions, alerts, digests: Discord answered 404: Unknown Channel
      -> The channel does not exist, or was deleted: name another one in .env.
    "#);
    let role = operator().with("DISCORD_ALERT_ROLE_ID", "42");
    insta::assert_snapshot!(role.check("discord").await, @r#"
    bad role 42: does not exist in the server: alerts would wake nobody
      -> Correct DISCORD_ALERT_ROLE_ID.
    "#);
    fake.deny(
        Spec::CHANNEL,
        fake::permission::EMBED_LINKS | fake::permission::READ_MESSAGE_HISTORY,
    );
    insta::assert_snapshot!(operator().check("discord").await, @r#"
    bad #alerts: transitions, alerts, digests: the bot may not: Embed Links, Read Message History
      -> Allow the bot or its role in the channel's settings, Permissions: Embed Links, Read Message History.
    "#);
    fake.deny(Spec::CHANNEL, fake::permission::VIEW_CHANNEL);
    insta::assert_snapshot!(operator().check("discord").await, @r#"
    bad channel 1100000000000000010: transitions, alerts, digests: Discord answered 403: Missing Access
      -> Let the bot see the channel: channel settings, Permissions, add the bot, allow View Channel.
    "#);
}

#[tokio::test]
async fn what_is_not_configured_is_listed_at_once() {
    let mut operator = Operator::new();
    operator.settings.retain(|name, _| *name == "NETWORK");
    let said = operator.check("configuration").await;
    for name in ["L1_RPC_URLS", "CHAIN_ID", "PROVIDER_ID", "REGISTRY_ADDRESS"] {
        assert!(said.contains(name), "{said}");
    }
}
