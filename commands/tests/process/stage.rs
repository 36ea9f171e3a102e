//! The stage of every story: a chain, a Discord server, a directory, and steward between them.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Read as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fake::{Fake, Message, Snowflake, Spec};
use localnet::{AnvilOptions, Key, Localnet, Profile, ProviderId};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{
    telling::{compare, tellings},
    truth::facts,
};

/// Where life-cycle changes are told.
pub(super) const TRANSITIONS: Snowflake = Snowflake(1_100_000_000_000_000_012);
/// Where incidents are told.
pub(super) const ALERTS: Snowflake = Spec::CHANNEL;

/// Far longer than anything here takes on a machine that is busy with other tests.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at what tells nobody when it changes: files, processes, the chain.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Blocks between the deployment and the story: anvil lost the state behind the blocks of the deployment, and a watcher
/// asks for the state behind the newest 64.
const QUIET_BLOCKS: u64 = 70;
/// How far the chain's time is behind the wall clock when a story begins: it runs ahead by an epoch per flush.
const CHAIN_BEHIND: Duration = Duration::from_hours(2);

/// A chain, a Discord server, a directory, and steward.
pub(super) struct Stage {
    pub(super) net: Localnet,
    pub(super) provider: ProviderId,
    pub(super) discord: Arc<Fake>,
    pub(super) settings: BTreeMap<&'static str, String>,
    directory: TempDir,
    steward: Mutex<Option<Child>>,
}

impl Stage {
    /// A stage with Discord's own rate limits.
    pub(super) async fn set() -> Self {
        Self::with(Spec::default(), 32).await
    }

    /// A stage on which Discord limits nothing, for stories about something else.
    pub(super) async fn unlimited() -> Self {
        Self::with(unlimited(), 32).await
    }

    /// A stage with this Discord server, and an L1 whose head is final after two epochs of so many blocks.
    pub(super) async fn with(spec: Spec, slots_in_an_epoch: u64) -> Self {
        let options = AnvilOptions {
            slots_in_an_epoch,
            ..AnvilOptions::default()
        };
        let net = Localnet::deploy_with(Profile::Small, &options)
            .await
            .unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let start = now.saturating_sub(CHAIN_BEHIND).as_secs();
        if net.head().await.unwrap().timestamp < start {
            net.warp_to(start).await.unwrap();
        }
        net.mine(QUIET_BLOCKS).await.unwrap();
        let provider = net
            .register_provider(
                Localnet::account("admin"),
                500,
                Localnet::account("provider rewards"),
            )
            .await
            .unwrap();
        let discord = Fake::start(spec.channel(TRANSITIONS, "transitions"))
            .await
            .unwrap();
        let directory = TempDir::new().unwrap();
        let settings = settings(&net, provider, &discord, directory.path());
        Self {
            net,
            provider,
            discord,
            settings,
            directory,
            steward: Mutex::default(),
        }
    }

    /// Adds the keys with these numbers to the provider's queue.
    pub(super) async fn add_keys(&self, first: u64, count: u64) -> Vec<Key> {
        let keys = Key::range(first, count).unwrap();
        self.net.add_keys(self.provider, &keys).await.unwrap();
        keys
    }

    /// Starts steward for the first time; gives the block from which on it tells every change.
    pub(super) async fn start_first(&self) -> u64 {
        let head = self.net.head().await.unwrap().number;
        self.start();
        self.see_messages(TRANSITIONS, 1).await;
        head
    }

    /// Stakes on the next keys of the queue.
    pub(super) async fn stake(&self, count: usize) {
        for _ in 0..count {
            let stake = self.net.stake_on(self.provider);
            self.net.stake(&stake).await.unwrap();
        }
    }

    /// Starts steward on this stage.
    pub(super) fn start(&self) {
        let mut steward = self.steward.lock().unwrap();
        assert!(steward.is_none(), "steward runs already");
        *steward = Some(self.spawn(&[]));
    }

    /// Starts steward with these arguments more.
    pub(super) fn start_with(&self, arguments: &[&str]) {
        *self.steward.lock().unwrap() = Some(self.spawn(arguments));
    }

    fn running(&self) -> Child {
        self.steward.lock().unwrap().take().unwrap()
    }

    /// Starts steward on a disk on which no file may grow beyond so many bytes: a write that would is refused.
    pub(super) fn start_on_a_full_disk(&self, bytes: u64) {
        let log = OpenOptions::new()
            .append(true)
            .open(self.log_file())
            .unwrap();
        let mut command = Command::new("/bin/sh");
        // Blocks of 512 bytes, by POSIX.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" run", bytes / 512);
        command.args(["-c", &script, env!("CARGO_BIN_EXE_steward")]);
        self.furnish(&mut command, log);
        *self.steward.lock().unwrap() = Some(command.spawn().unwrap());
    }

    /// Whether steward has ended by itself.
    pub(super) fn has_ended(&self) -> bool {
        let mut steward = self.steward.lock().unwrap();
        steward.as_mut().unwrap().try_wait().unwrap().is_some()
    }

    /// Gives how steward ended by itself.
    pub(super) async fn end(&self) -> ExitStatus {
        let mut steward = self.running();
        self.end_of(&mut steward).await
    }

    /// Starts one more steward with the same settings.
    pub(super) fn spawn(&self, arguments: &[&str]) -> Child {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_file())
            .unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_steward"));
        command.arg("run").args(arguments);
        self.furnish(&mut command, log);
        command.spawn().unwrap()
    }

    fn furnish(&self, command: &mut Command, log: File) {
        command
            .env_clear()
            .envs(&self.settings)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true);
    }

    /// Asks steward the same until `look` finds something in its answer.
    pub(super) async fn see_answer<T>(
        &self,
        arguments: &[&str],
        look: impl Fn(&str) -> Option<T>,
    ) -> T {
        let seen = async {
            loop {
                let answer = String::from_utf8(self.ask(arguments).await.stdout).unwrap();
                if let Some(found) = look(&answer) {
                    return found;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        match tokio::time::timeout(PATIENCE, seen).await {
            Ok(found) => found,
            Err(_elapsed) => panic!("never answered: {arguments:?}; {}", self.said()),
        }
    }

    /// Runs a command of steward with the same settings, and gives what it said.
    pub(super) async fn ask(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_steward"));
        command
            .args(arguments)
            .env_clear()
            .envs(&self.settings)
            .current_dir(self.home())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        match tokio::time::timeout(PATIENCE, command.output()).await {
            Ok(output) => output.unwrap(),
            Err(_elapsed) => panic!("steward {arguments:?} does not end; {}", self.said()),
        }
    }

    /// Waits until it is noted that everything up to this block was told.
    pub(super) async fn see_announced(&self, number: u64) {
        let file = self.data_dir().join("announced.json");
        let is_noted = || {
            let text = fs::read_to_string(&file).unwrap_or_default();
            let form: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            form["announced"]["local"].as_u64() >= Some(number)
        };
        let noted = async {
            while !is_noted() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if tokio::time::timeout(PATIENCE, noted).await.is_err() {
            panic!("block {number} was never noted as told; {}", self.said());
        }
    }

    /// Ends steward as a power cut does.
    pub(super) async fn kill(&self) {
        let mut steward = self.running();
        steward.kill().await.unwrap();
    }

    /// Asks steward to stop, as a supervisor does, and gives its exit code and how long that took.
    pub(super) async fn terminate(&self) -> (ExitStatus, Duration) {
        let mut steward = self.running();
        let pid = steward.id().unwrap().to_string();
        let asked = tokio::time::Instant::now();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await;
        assert!(sent.unwrap().success());
        (self.end_of(&mut steward).await, asked.elapsed())
    }

    /// Waits until a process ends.
    pub(super) async fn end_of(&self, steward: &mut Child) -> ExitStatus {
        match tokio::time::timeout(PATIENCE, steward.wait()).await {
            Ok(status) => status.unwrap(),
            Err(_elapsed) => panic!("steward does not end; {}", self.said()),
        }
    }

    /// Fails when steward ended by itself.
    pub(super) fn assert_is_running(&self) {
        let mut steward = self.steward.lock().unwrap();
        let status = steward.as_mut().unwrap().try_wait().unwrap();
        assert!(
            status.is_none(),
            "steward ended: {status:?}; {}",
            self.said()
        );
    }

    /// Waits until `look` finds something in Discord.
    pub(super) async fn see<T>(&self, what: &str, look: impl FnMut(&Fake) -> Option<T>) -> T {
        match self.discord.wait_for(PATIENCE, look).await {
            Ok(found) => found,
            Err(error) => panic!("never seen: {what}; {error}\n{}", self.said()),
        }
    }

    /// Waits until a channel shows so many messages, and gives them.
    pub(super) async fn see_messages(&self, channel: Snowflake, count: usize) -> Vec<Message> {
        let what = format!("{count} messages in {channel}");
        self.see(&what, |discord| {
            let messages = discord.messages(channel);
            (messages.len() >= count).then_some(messages)
        })
        .await
    }

    /// Waits until what people read is what the chain says of the blocks after `floor`.
    pub(super) async fn see_the_truth(&self, floor: u64) {
        let facts = facts(self, floor).await;
        let seen = self
            .discord
            .wait(PATIENCE, |discord| compare(discord, &facts).is_ok());
        if seen.await.is_err() {
            let differences = compare(&self.discord, &facts).unwrap_err();
            panic!("never became true: {differences}\n{}", self.said());
        }
    }

    /// Waits until everything that was owed up to now is said, by the card of one more change, and compares again: what
    /// was said twice or said late would stand before that card.
    pub(super) async fn see_that_nothing_follows(&self, floor: u64) {
        let head = self.net.head().await.unwrap().number;
        let rate = 600 + u16::try_from(head % 1000).unwrap();
        self.net
            .update_take_rate(self.provider, rate)
            .await
            .unwrap();
        self.see_the_truth(floor).await;
    }

    /// Waits until steward has written `words` to its log.
    pub(super) async fn hear(&self, words: &str) {
        let heard = async {
            while !self.said().contains(words) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if tokio::time::timeout(PATIENCE, heard).await.is_err() {
            panic!("never said: {words:?}; {}", self.said());
        }
    }

    /// Waits until steward is up for the `lives`-th time.
    pub(super) async fn hear_of_lives(&self, lives: usize) {
        self.hear(&format!("incarnation={lives}")).await;
    }

    /// Waits until steward has read the block with this number.
    pub(super) async fn hear_of_block(&self, number: u64) {
        let read = async {
            while !self.said().lines().any(|line| has_read(line, number)) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if tokio::time::timeout(PATIENCE, read).await.is_err() {
            panic!("block {number} was never read; {}", self.said());
        }
    }

    /// Everything that every steward on this stage wrote to its log.
    pub(super) fn said(&self) -> String {
        let mut said = String::new();
        if let Ok(mut file) = File::open(self.log_file()) {
            file.read_to_string(&mut said).unwrap();
        }
        format!("steward said:\n{said}")
    }

    fn log_file(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    /// The directory that steward is started in.
    pub(super) fn home(&self) -> &Path {
        self.directory.path()
    }

    /// The directory with steward's state.
    pub(super) fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Puts a keys file in place, as a whole, by renaming it.
    pub(super) fn write_keys_file(&self, name: &str, content: &str) {
        let (folder, beside) = (self.keys_dir(), self.directory.path().join("keys file"));
        fs::write(&beside, content).unwrap();
        fs::rename(&beside, folder.join(name)).unwrap();
    }

    fn keys_dir(&self) -> PathBuf {
        let folder = self.directory.path().join("keys");
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Turns keys files on.
    pub(super) fn use_keys_files(&mut self) {
        let folder = self.keys_dir().display().to_string();
        self.settings.insert("KEYS_DIR", folder);
    }

    /// Fails when the changes of attesters after `floor` do not read in the order of the chain, cards and rows alike.
    pub(super) async fn assert_order_of_the_chain(&self, floor: u64) {
        let is_change = |notice: &String| notice.contains("attester_transition");
        let facts = facts(self, floor).await.into_iter();
        let expected: Vec<String> = facts.map(|fact| fact.notice).filter(is_change).collect();
        let told = tellings(&self.discord, TRANSITIONS).into_iter();
        let told: Vec<String> = told.map(|one| one.notice).filter(is_change).collect();
        assert!(!expected.is_sorted(), "by address the order is the same");
        assert_eq!(told, expected);
    }

    /// Fails when anything was done against Discord's rules.
    pub(super) fn assert_rules_were_kept(&self) {
        let violations = self.discord.violations();
        assert!(violations.is_empty(), "{violations:#?}");
    }
}

/// Whether a line of the log says that this block, or one after it, was read.
fn has_read(line: &str, number: u64) -> bool {
    let block = line
        .split_once("block.number=")
        .and_then(|(_, rest)| rest.split_whitespace().next());
    let block = block.and_then(|block| block.parse::<u64>().ok());
    line.contains("followed") && block.is_some_and(|block| block >= number)
}

/// Discord without rate limits.
pub(super) fn unlimited() -> Spec {
    let mut spec = Spec::default();
    spec.rules = spec.rules.unlimited();
    spec
}

fn settings(
    net: &Localnet,
    provider: ProviderId,
    discord: &Fake,
    directory: &Path,
) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("DISCORD_TOKEN", Spec::TOKEN.to_owned()),
        ("DISCORD_API_URL", discord.url().to_owned()),
        ("DISCORD_GUILD_ID", Spec::GUILD.to_string()),
        ("DISCORD_CHANNEL_TRANSITIONS", TRANSITIONS.to_string()),
        ("DISCORD_CHANNEL_ALERTS", ALERTS.to_string()),
        ("DISCORD_ALERT_ROLE_ID", Spec::ROLE.to_string()),
        ("NETWORK", "local".to_owned()),
        ("L1_RPC_URLS", net.url()),
        ("L1_POLL_INTERVAL", "100ms".to_owned()),
        ("CHAIN_ID", "31337".to_owned()),
        ("FIRST_BLOCK", "1".to_owned()),
        ("REGISTRY_ADDRESS", net.addresses.registry.to_string()),
        (
            "STAKING_REGISTRY_ADDRESS",
            net.addresses.staking_registry.to_string(),
        ),
        ("PROVIDER_ID", provider.0.to_string()),
        ("DATA_DIR", directory.join("data").display().to_string()),
        ("HTTP_BIND", "127.0.0.1:0".to_owned()),
        ("LOG", "info,steward=debug".to_owned()),
    ])
}
