//! The shipped binary as a process of its own, Discord and HTTP on: memory, scrapes, questions from the command line, starts.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use fake::{Fake, Snowflake, Spec};
use steward::{
    chain::contracts::{ContractRole, Decoded, Event, decode},
    units::{Address, ProviderId},
};
use tokio::time::Instant;

use crate::{
    catch_up::RESULTS_MAX,
    figure::{Figure, with_unit},
    history::{OURS, Past},
    house::{self, Site},
    machine, rpc,
    world::{blocks::SharedWorld, endpoint::WorldEndpoint},
};

/// Blocks that are followed at the head.
const BLOCKS: u64 = 1_000;
/// Blocks that are mined at once: fewer than would make it a catch-up.
const AT_ONCE: u64 = 8;
/// Scrapes while the blocks are followed.
const SCRAPES: u64 = 50;
/// Questions of each kind from the command line.
const QUESTIONS: usize = 20;
/// Where life-cycle changes are told.
const TRANSITIONS: Snowflake = Snowflake(1_100_000_000_000_000_012);
/// Attesters of a host.
const PER_HOST: usize = 50;
/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(900);
/// Between two looks at another process.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A chain, a Discord server, a directory, and steward between them.
pub struct Stage {
    world: SharedWorld,
    endpoint: Arc<WorldEndpoint>,
    pub discord: Arc<Fake>,
    directory: tempfile::TempDir,
    settings: BTreeMap<&'static str, String>,
    door: String,
    client: reqwest::Client,
}

impl Stage {
    pub async fn set(ours: u64) -> Self {
        let world = Past::of(ours).live();
        let endpoint = Arc::new(
            WorldEndpoint::new("rpc-1", &world)
                .with(|manners| manners.results_max = Some(RESULTS_MAX)),
        );
        let url = rpc::serve(&world, Arc::clone(&endpoint)).await;
        let spec = Spec::default().channel(TRANSITIONS, "transitions");
        let discord = Fake::start(spec).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        write_keys_files(&world, &directory.path().join("keys"));
        let door = free_address();
        let site = Site::of(&world);
        let path = |name: &str| directory.path().join(name).display().to_string();
        let settings = BTreeMap::from([
            ("DISCORD_TOKEN", Spec::TOKEN.to_owned()),
            ("DISCORD_API_URL", discord.url().to_owned()),
            ("DISCORD_GUILD_ID", Spec::GUILD.to_string()),
            ("DISCORD_CHANNEL_TRANSITIONS", TRANSITIONS.to_string()),
            ("DISCORD_CHANNEL_ALERTS", Spec::CHANNEL.to_string()),
            ("NETWORK", "local".to_owned()),
            ("L1_RPC_URLS", url),
            ("L1_POLL_INTERVAL", "100ms".to_owned()),
            ("CHAIN_ID", world.lock().setup.chain_id.to_string()),
            ("FIRST_BLOCK", site.first_block.to_string()),
            ("REGISTRY_ADDRESS", site.registry.to_string()),
            (
                "STAKING_REGISTRY_ADDRESS",
                site.staking_registry.to_string(),
            ),
            ("PROVIDER_ID", OURS.to_string()),
            ("KEYS_DIR", path("keys")),
            ("DATA_DIR", path("data")),
            ("HTTP_BIND", door.clone()),
            ("LOG", "warn".to_owned()),
        ]);
        Self {
            world,
            endpoint,
            discord,
            directory,
            settings,
            door,
            client: reqwest::Client::new(),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_steward"));
        command
            .args(arguments)
            .env_clear()
            .envs(&self.settings)
            // Another manner of the allocator, to try it.
            .envs(std::env::vars().filter(|(name, _)| name == "_RJEM_MALLOC_CONF"))
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    pub fn start(&self) -> Process {
        let log = fs::File::create(self.directory.path().join("log")).unwrap();
        Process(self.command(&["run"]).stderr(log).spawn().unwrap())
    }

    fn said(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Waits until `holds` does.
    pub async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let begin = Instant::now();
        while !holds().await {
            assert!(begin.elapsed() < PATIENCE, "{what}: never; {}", self.said());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn scrape(&self) -> Option<String> {
        let url = format!("http://{}/metrics", self.door);
        let answer = self.client.get(url).send().await.ok()?;
        answer.error_for_status().ok()?.text().await.ok()
    }

    /// Whether the newest block was read, and everything of ours was swept at it.
    pub async fn is_at_the_head(&self) -> bool {
        let head = self.world.lock().head().block.number.value();
        let text = self.scrape().await.unwrap_or_default();
        let mut lines = text.lines();
        let line = lines.find(|line| line.starts_with("steward_processed_block{"));
        let read = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        read.is_some_and(|read| read as u64 >= head)
    }

    fn aggregates(&self) -> u64 {
        let requests = self.endpoint.requests();
        requests.get("eth_call").copied().unwrap_or_default()
    }

    /// Requests that the endpoint was sent so far.
    pub fn requests(&self) -> u64 {
        self.endpoint.requests().values().sum()
    }

    /// Mines blocks with nothing of ours in them, and scrapes meanwhile; gives the times of the scrapes in milliseconds.
    pub async fn follow(&self, blocks: u64) -> Vec<f64> {
        let mut scrapes = Vec::new();
        let mut mined = 0;
        while mined < blocks {
            let before = self.aggregates();
            self.world.lock().mine_many(AT_ONCE);
            mined += AT_ONCE;
            let is_followed = async || self.aggregates() >= before + AT_ONCE;
            self.until("blocks followed", is_followed).await;
            if mined * SCRAPES / blocks > scrapes.len() as u64 {
                let begin = Instant::now();
                self.scrape().await.unwrap();
                scrapes.push(begin.elapsed().as_secs_f64() * 1e3);
            }
        }
        scrapes.sort_by(f64::total_cmp);
        scrapes
    }

    /// Asks from the command line; gives the times in milliseconds.
    fn ask(&self, question: &[&str]) -> Vec<f64> {
        let ask = || {
            let begin = Instant::now();
            let said = self.command(question).output().unwrap();
            let complaint = String::from_utf8_lossy(&said.stderr).into_owned();
            assert!(said.status.success(), "{question:?}: {complaint}");
            begin.elapsed().as_secs_f64() * 1e3
        };
        let mut times: Vec<f64> = (0..QUESTIONS).map(|_| ask()).collect();
        times.sort_by(f64::total_cmp);
        times
    }
}

/// A running steward.
pub struct Process(Child);

impl Process {
    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.0.id()))
    }

    pub fn mib(&self, field: &str) -> f64 {
        machine::mib_in(&fs::read_to_string(self.path("status")).unwrap(), field)
    }

    pub fn cpu_ns(&self) -> u64 {
        machine::cpu_ns_of(&self.path("task"))
    }

    /// Asks it to stop, as a supervisor does.
    pub fn end(mut self) {
        let pid = self.0.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// An address on loopback at which nobody listens.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Keys files that name every attester of ours with its right coinbase, on hosts of fifty.
fn write_keys_files(world: &SharedWorld, directory: &Path) {
    let world = world.lock();
    let registry = world.contracts().staking_registry.address;
    let mut coinbases: BTreeMap<Address, Option<Address>> = BTreeMap::new();
    for log in world.logs().filter(|log| log.address == registry) {
        match decode(ContractRole::StakingRegistry, log) {
            Decoded::Event(Event::AttestersAddedToProvider {
                provider,
                attesters,
            }) if provider == ProviderId::new(OURS) => {
                coinbases.extend(attesters.iter().map(|one| (one.address(), None)));
            }
            Decoded::Event(Event::StakedWithProvider {
                attester, split, ..
            }) => {
                if let Some(coinbase) = coinbases.get_mut(&attester.address()) {
                    *coinbase = Some(split.address());
                }
            }
            _ => {}
        }
    }
    fs::create_dir_all(directory).unwrap();
    let all: Vec<_> = coinbases.into_iter().collect();
    for (host, some) in all.chunks(PER_HOST).enumerate() {
        let validators: Vec<serde_json::Value> = some
            .iter()
            .map(|(attester, coinbase)| {
                let publisher = Address::repeat_byte(9);
                serde_json::json!({"attester": {"eth": attester}, "coinbase": coinbase, "publisher": publisher})
            })
            .collect();
        let path = directory.join(format!("local-keys-host{host}-v1.json"));
        let mut file = fs::File::create(path).unwrap();
        let content = serde_json::json!({"validators": validators});
        file.write_all(content.to_string().as_bytes()).unwrap();
    }
}

/// What the process takes and how it answers, with 10,000 attesters.
pub fn of_10_000() -> Vec<Figure> {
    house::block_on(of_size(10_000, 64.0))
}

/// The same with 100,000.
pub fn of_100_000() -> Vec<Figure> {
    house::block_on(of_size(100_000, 256.0))
}

/// `most` is what it may take in MiB.
async fn of_size(ours: u64, most: f64) -> Vec<Figure> {
    let size = with_unit(ours as f64, "");
    let with = |what: &str| format!("{what}, {size} attesters");
    // Targets are those of 10,000 attesters; a larger fleet is measured and not judged.
    let judged = |what: &str, value: f64, target: f64, unit: &str| {
        if ours == 10_000 {
            Figure::at_most(with(what), value, target, unit)
        } else {
            Figure::plain(with(what), with_unit(value, unit))
        }
    };
    let stage = Stage::set(ours).await;
    let (begin, process) = (Instant::now(), stage.start());
    stage
        .until("at the head", async || stage.is_at_the_head().await)
        .await;
    let caught_up = begin.elapsed().as_secs_f64();
    stage
        .until("a summary", async || {
            !stage.discord.all_messages().is_empty()
        })
        .await;
    let (peak, reached) = (process.mib("VmHWM"), process.mib("VmRSS"));
    let spent = process.cpu_ns();
    let scrapes = stage.follow(BLOCKS).await;
    let spent = (process.cpu_ns() - spent) as f64 / 1e6 / BLOCKS as f64;
    let resident = process.mib("VmRSS");
    let mut figures = vec![
        Figure::at_most(
            with("resident memory after catch-up and 1,000 blocks"),
            resident,
            most,
            "MiB",
        ),
        Figure::at_most(
            with("peak of resident memory in catch-up"),
            peak,
            2.0 * most,
            "MiB",
        ),
        Figure::plain(
            with("resident memory when the head was reached"),
            with_unit(reached, "MiB"),
        ),
        Figure::plain(with("first start to swept head"), with_unit(caught_up, "s")),
        Figure::plain(
            with("processor time of the process per block at the head"),
            with_unit(spent, "ms"),
        ),
        judged(
            "/metrics, p99 of 50 scrapes",
            machine::percentile(&scrapes, 99),
            50.0,
            "ms",
        ),
    ];
    let p95 = |times: &[f64]| machine::percentile(times, 95);
    let (status, list) = (["status", "--json"], ["attester", "list", "--json"]);
    let through_socket = [stage.ask(&status), stage.ask(&list)];
    process.end();
    let from_store = [stage.ask(&status), stage.ask(&list)];
    for (way, [status, list]) in [("the socket", through_socket), ("the store", from_store)] {
        let what = |question: &str| format!("steward {question} --json through {way}, p95");
        figures.push(judged(&what("status"), p95(&status), 100.0, "ms"));
        figures.push(judged(&what("attester list"), p95(&list), 100.0, "ms"));
    }
    let (begin, process) = (Instant::now(), stage.start());
    stage
        .until("an answer", async || stage.scrape().await.is_some())
        .await;
    figures.push(judged(
        "restart: from the start of the process to the first scrape answered",
        begin.elapsed().as_secs_f64(),
        2.0,
        "s",
    ));
    process.end();
    figures
}
