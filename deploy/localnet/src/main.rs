//! `localnet`: an Aztec chain on this machine, for people.

use alloy::primitives::Address;
use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};
use localnet::rollup::tokens;
use localnet::{AnvilOptions, Key, Localnet, Profile, ProviderId, Release, stages};
use tokio::signal::unix::{SignalKind, signal};

/// The real Aztec contracts on a local anvil. Needs node and npm, and nothing else.
#[derive(Debug, Parser)]
#[command(name = "localnet")]
struct Options {
    /// The JSON-RPC of a running `localnet up`, for the commands that act on it
    #[arg(
        long,
        global = true,
        env = "LOCALNET_RPC",
        default_value = "http://127.0.0.1:8545"
    )]
    rpc: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a chain with one provider and keep it running until Ctrl-C
    Up(Up),
    /// Run a whole life cycle and print each stage
    Stages {
        #[command(flatten)]
        releases: Releases,
    },
    #[command(flatten)]
    Act(Action),
}

/// What can be done on a chain that somebody else runs.
#[derive(Debug, Subcommand)]
enum Action {
    /// Stake on the head of a provider's queue
    Stake {
        #[command(flatten)]
        batch: Batch,
        /// Stay on this rollup when another becomes canonical
        #[arg(long)]
        stay: bool,
    },
    /// Add new keys to a provider's queue
    AddKeys {
        #[command(flatten)]
        batch: Batch,
        /// The number of the first key; a key can be used once on a chain
        #[arg(long)]
        first: u64,
    },
    /// Remove keys from the head of a provider's queue
    Drip {
        #[command(flatten)]
        batch: Batch,
    },
    /// Flush the entry queue
    Flush,
    /// Slash a sequencer as the Slasher contract does
    Slash {
        /// The sequencer
        attester: Address,
        /// By how many whole tokens
        amount: u64,
    },
    /// Begin the exit of a sequencer
    Exit {
        /// The sequencer
        attester: Address,
    },
    /// Go forward in time
    Warp {
        /// By so many epochs
        #[arg(long, default_value_t = 1)]
        epochs: u64,
        /// By so many seconds instead
        #[arg(long, conflicts_with = "epochs")]
        seconds: Option<u64>,
    },
    /// Replace the newest blocks by empty ones
    Reorg {
        /// How many blocks
        depth: u64,
    },
    /// Make the second rollup canonical
    Upgrade,
}

#[derive(Debug, Args)]
struct Batch {
    /// The provider
    #[arg(long, default_value_t = 1)]
    provider: u64,
    /// How many
    #[arg(long, default_value_t = 1)]
    count: u64,
}

#[derive(Debug, Args)]
struct Up {
    /// The port of the JSON-RPC; 0 takes a free one
    #[arg(long, default_value_t = 8545)]
    port: u16,
    /// The parameters of the rollup
    #[arg(long, value_enum, default_value_t = ProfileName::Small)]
    profile: ProfileName,
    /// How many keys the provider starts with
    #[arg(long, default_value_t = 12)]
    attesters: u64,
    /// Seconds between blocks
    #[arg(long, default_value_t = 12)]
    block_time: u64,
    /// Blocks of L1 in an epoch of L1: `finalized` is two epochs behind the head
    #[arg(long, default_value_t = 32)]
    slots_in_an_epoch: u64,
    #[command(flatten)]
    releases: Releases,
}

#[derive(Debug, Clone, Copy, Args)]
struct Releases {
    /// The release of the first rollup; v5 is v4 compiled with the differences that a watcher meets
    #[arg(long, value_enum, default_value_t = Release::V4)]
    release: Release,
    /// The release of the rollup that `upgrade` makes canonical
    #[arg(long, value_enum, default_value_t = Release::V4)]
    successor: Release,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ProfileName {
    Small,
    Mainnet,
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Small => Self::Small,
            ProfileName::Mainnet => Self::Mainnet,
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    match options.command {
        Command::Up(up) => run(&up).await,
        Command::Stages { releases } => {
            let options = AnvilOptions::default();
            let net = deploy(Profile::Small, releases, &options).await?;
            stages::run(&net, |stage, seen| say(&format!("{stage:<22}{seen}"))).await
        }
        Command::Act(action) => act(&Localnet::attach(&options.rpc).await?, action).await,
    }
}

/// Listens for the request to stop from the first moment: a chain that is being started has to end as well.
async fn run(options: &Up) -> Result<()> {
    tokio::select! {
        stopped = asked_to_stop() => stopped,
        served = serve(options) => served,
    }
}

async fn deploy(profile: Profile, releases: Releases, options: &AnvilOptions) -> Result<Localnet> {
    match (releases.release, releases.successor) {
        // As its own script deploys it.
        (Release::V4, Release::V4) => Localnet::deploy_with(profile, options).await,
        releases => Localnet::deploy_releases_with(profile, releases, options).await,
    }
}

async fn serve(options: &Up) -> Result<()> {
    let anvil = AnvilOptions {
        port: options.port,
        slots_in_an_epoch: options.slots_in_an_epoch,
        ..Default::default()
    };
    let net = deploy(options.profile.into(), options.releases, &anvil).await?;
    let admin = Localnet::account("admin");
    let provider = net
        .register_provider(admin, 500, Localnet::account("provider rewards"))
        .await?;
    let keys = Key::range(0, options.attesters)?;
    // About 80 keys fit into a transaction on a real chain.
    for keys in keys.chunks(50) {
        net.add_keys(provider, keys).await?;
    }
    net.follow_wall_clock(options.block_time).await?;
    say(&table(&net, provider, admin));
    say(&environment(&net, provider));
    say("Running. Ctrl-C ends it, and nothing of it is kept.");
    std::future::pending().await
}

/// Waits for Ctrl-C or a termination. Without this the chain would outlive a supervisor's request to stop.
async fn asked_to_stop() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("waiting for Ctrl-C"),
        _ = terminate.recv() => Ok(()),
    }
}

async fn act(net: &Localnet, action: Action) -> Result<()> {
    match action {
        Action::Stake { batch, stay } => {
            for _ in 0..batch.count {
                let mut stake = net.stake_on(ProviderId(batch.provider));
                stake.move_with_latest = !stay;
                let staked = net.stake(&stake).await?;
                say(&format!(
                    "{} waits in the entry queue; its coinbase is to be {}",
                    staked.attester, staked.split
                ));
            }
            Ok(())
        }
        Action::AddKeys { batch, first } => done(
            &net.add_keys(ProviderId(batch.provider), &Key::range(first, batch.count)?)
                .await?,
        ),
        Action::Drip { batch } => done(&net.drip(ProviderId(batch.provider), batch.count).await?),
        Action::Flush => done(&net.flush_entry_queue().await?),
        Action::Slash { attester, amount } => done(&net.slash(attester, tokens(amount)).await?),
        Action::Exit { attester } => {
            let withdrawer = net.attester_view(attester).await?.config.withdrawer;
            done(
                &net.initiate_withdraw(withdrawer, attester, withdrawer)
                    .await?,
            )
        }
        Action::Warp { epochs, seconds } => {
            match seconds {
                Some(seconds) => net.warp(seconds).await?,
                None => net.advance_epochs(epochs).await?,
            }
            say(&format!("epoch {}", net.epoch().await?));
            Ok(())
        }
        Action::Reorg { depth } => {
            net.reorg(depth).await?;
            say(&format!("head is {}", net.head().await?.hash));
            Ok(())
        }
        Action::Upgrade => done(&net.make_successor_canonical().await?),
    }
}

fn done(receipt: &localnet::Receipt) -> Result<()> {
    let block = receipt.block_number.context("the receipt names no block")?;
    say(&format!("block {block}, {} events", receipt.logs().len()));
    Ok(())
}

fn table(net: &Localnet, provider: ProviderId, admin: Address) -> String {
    let addresses = net.addresses;
    let rows = [
        ("JSON-RPC", net.url()),
        ("Registry", addresses.registry.to_string()),
        ("Rollup", addresses.first.rollup.to_string()),
        ("  version", addresses.first.version.to_string()),
        ("  Slasher", addresses.first.slasher.to_string()),
        (
            "  TallySlashingProposer",
            addresses.first.slashing_proposer.to_string(),
        ),
        ("next Rollup", addresses.successor.rollup.to_string()),
        ("GSE", addresses.gse.to_string()),
        ("Governance", addresses.governance.to_string()),
        ("staking asset", addresses.staking_asset.to_string()),
        ("fee asset", addresses.fee_asset.to_string()),
        ("StakingRegistry", addresses.staking_registry.to_string()),
        ("PullSplitFactory", addresses.pull_split_factory.to_string()),
        ("Multicall3", addresses.multicall3.to_string()),
        ("provider", provider.0.to_string()),
        ("  admin", admin.to_string()),
    ];
    rows.map(|(name, value)| format!("{name:<24}{value}\n"))
        .concat()
}

fn environment(net: &Localnet, provider: ProviderId) -> String {
    format!(
        "NETWORK=local\nL1_RPC_URLS={}\nCHAIN_ID=31337\nREGISTRY_ADDRESS={}\nSTAKING_REGISTRY_ADDRESS={}\nFIRST_BLOCK=0\nPROVIDER_ID={}\n",
        net.url(),
        net.addresses.registry,
        net.addresses.staking_registry,
        provider.0
    )
}

#[expect(
    clippy::print_stdout,
    reason = "the one place where this program writes to its standard output"
)]
fn say(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }
}
