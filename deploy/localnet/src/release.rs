//! Releases of Aztec's contracts, and rollups of each on one chain: what mainnet has become.
//!
//! [`Release::V2`] and [`Release::V4`] are real, from npm. [`Release::V5`] is in no registry: it is v4 compiled with the
//! differences of v5 that a watcher meets (`releases/v5.mjs` says which). v3 is in no registry either.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use alloy::primitives::{Address, Bytes, U256, keccak256};
use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;
use serde::Deserialize;

use crate::build::{self, Lock};
use crate::contracts::{GSE, Owned, Registry, Rollup, Slasher};
use crate::deploy::{self, Addresses, DEPLOYER, RollupAddresses, rollup_addresses};
use crate::install;
use crate::localnet::Localnet;
use crate::profile::Profile;
use crate::rpc::{Receipt, Rpc};

/// A release of the rollup and of what belongs to it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Release {
    /// What mainnet began with, version 0 included.
    V2,
    /// The release of `@aztec/l1-artifacts` 4.1.2.
    V4,
    /// What mainnet runs since July 2026, as nearly as npm allows.
    V5,
}

impl Release {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V4 => "v4",
            Self::V5 => "v5",
        }
    }

    /// The version that mainnet's rollup of this release has.
    pub fn mainnet_version(self) -> u32 {
        match self {
            Self::V2 => 0,
            Self::V4 => 2_934_756_905,
            Self::V5 => 4_248_422_647,
        }
    }
}

/// `SlasherFlavor.NONE`: the slasher is put in afterwards.
const FLAVOR_NONE: u64 = 0;
/// `SlasherFlavor.TALLY`.
const FLAVOR_TALLY: u64 = 1;

/// One contract as `releases/artifacts.mjs` prints it.
#[derive(Debug, Deserialize)]
struct Artifact {
    bytecode: String,
    links: BTreeMap<String, Vec<usize>>,
}

/// The contracts of a release.
#[derive(Debug)]
struct Artifacts(BTreeMap<String, Artifact>);

impl Artifacts {
    /// Those of `release`; v5 is compiled at the first use and kept.
    fn of(release: Release) -> Result<Self> {
        install::install_releases()?;
        let file =
            build::folder()?.join(format!("artifacts-{}-{}.json", release.name(), inputs()?));
        let _lock = Lock::acquire("artifacts")?;
        if !file.exists() {
            let output = Command::new("node")
                .args(["artifacts.mjs", release.name()])
                .current_dir(build::package_folder().join("releases"))
                .output()
                .context("starting `node`, which reads and compiles the contracts")?;
            if !output.status.success() {
                let told = String::from_utf8_lossy(&output.stderr);
                bail!("artifacts.mjs failed: {}", told.trim());
            }
            build::write_whole(&file, &output.stdout)?;
        }
        let text = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        let contracts =
            serde_json::from_slice(&text).context("reading what artifacts.mjs printed")?;
        Ok(Self(contracts))
    }

    fn get(&self, name: &str) -> Result<&Artifact> {
        self.0
            .get(name)
            .with_context(|| format!("artifacts.mjs printed no {name}"))
    }

    /// Puts a contract on the chain, with the libraries it calls.
    async fn create(&self, rpc: &Rpc, name: &str, arguments: &[u8]) -> Result<Address> {
        let artifact = self.get(name)?;
        let mut code = artifact.bytecode.trim_start_matches("0x").to_owned();
        for (library, places) in &artifact.links {
            let library = &self.get(library)?.bytecode;
            let address = rpc.create(DEPLOYER, library.parse()?).await?;
            for place in places {
                let (from, to) = (place * 2, place * 2 + 40);
                ensure!(
                    code.is_char_boundary(from) && to <= code.len(),
                    "{name} has a link outside of it"
                );
                code.replace_range(from..to, &format!("{address:x}"));
            }
        }
        let mut code = code.parse::<Bytes>()?.to_vec();
        code.extend_from_slice(arguments);
        rpc.create(DEPLOYER, code.into())
            .await
            .with_context(|| format!("creating {name}"))
    }
}

/// A name for everything that the artifacts are made of.
pub(crate) fn inputs() -> Result<String> {
    let mut bytes = Vec::new();
    let package = build::package_folder();
    for name in [
        "package-lock.json",
        "releases/package-lock.json",
        "releases/artifacts.mjs",
        "releases/v5.mjs",
    ] {
        let path = package.join(name);
        bytes.extend(fs::read(&path).with_context(|| format!("reading {}", path.display()))?);
    }
    let hash = keccak256(bytes).to_string();
    Ok(hash.get(2..14).unwrap_or_default().to_owned())
}

/// Constructor arguments without anything of dynamic size are their words, one after another.
fn encoded(words: &[U256]) -> Vec<u8> {
    words
        .iter()
        .flat_map(|word| word.to_be_bytes::<32>())
        .collect()
}

fn word(address: Address) -> U256 {
    U256::from_be_bytes(address.into_word().0)
}

/// The contracts that all rollups of a chain share, of the release v2 as on mainnet, owned by the deployer.
pub(crate) struct Infrastructure {
    pub(crate) registry: Address,
    pub(crate) gse: Address,
    pub(crate) governance: Address,
    pub(crate) staking_asset: Address,
    pub(crate) fee_asset: Address,
}

impl Infrastructure {
    pub(crate) async fn deploy(rpc: &Rpc, profile: Profile) -> Result<Self> {
        let artifacts = Artifacts::of(Release::V2)?;
        let token = |name: &str, symbol: &str| {
            use alloy::sol_types::SolValue as _;
            (name.to_owned(), symbol.to_owned(), DEPLOYER).abi_encode_params()
        };
        let create =
            async |name: &str, words: &[U256]| artifacts.create(rpc, name, &encoded(words)).await;
        let staking_asset = artifacts
            .create(rpc, "TestERC20", &token("Staking", "STK"))
            .await?;
        let fee_asset = artifacts
            .create(rpc, "TestERC20", &token("FeeJuice", "FEE"))
            .await?;
        let deployer = word(DEPLOYER);
        let thresholds = [
            profile.number("AZTEC_ACTIVATION_THRESHOLD")?,
            profile.number("AZTEC_EJECTION_THRESHOLD")?,
        ];
        let gse = create(
            "GSE",
            &[deployer, word(staking_asset), thresholds[0], thresholds[1]],
        )
        .await?;
        let registry = create("Registry", &[deployer, word(fee_asset)]).await?;
        let round = profile.number("AZTEC_GOVERNANCE_PROPOSER_ROUND_SIZE")?;
        let quorum = round / U256::from(2) + U256::ONE;
        let proposer = create(
            "GovernanceProposer",
            &[word(registry), word(gse), quorum, round],
        )
        .await?;
        let mut words = vec![word(staking_asset), word(proposer), U256::ZERO];
        words.extend(governance_configuration());
        let governance = create("Governance", &words).await?;
        rpc.send(DEPLOYER, gse, GSE::setGovernanceCall { governance })
            .await?;
        for new_owner in [registry, gse].map(|contract| (contract, governance)) {
            let (contract, governance) = new_owner;
            rpc.send(
                DEPLOYER,
                contract,
                Owned::transferOwnershipCall { owner: governance },
            )
            .await?;
        }
        Ok(Self {
            registry,
            gse,
            governance,
            staking_asset,
            fee_asset,
        })
    }
}

/// As the deployment script of v4 has it for a local chain: lock, votes, delays (60 s, 1 h, 60 s, 7 d), majorities.
fn governance_configuration() -> [U256; 9] {
    let ether = U256::from(10).pow(U256::from(18));
    let milli = ether / U256::from(1_000);
    [
        U256::from(30 * 24 * 3_600),
        ether * U256::from(10_000),
        U256::from(60),
        U256::from(3_600),
        U256::from(60),
        U256::from(7 * 24 * 3_600),
        milli * U256::from(300),
        milli * U256::from(40),
        ether * U256::from(10_000_000),
    ]
}

/// The constructor's words after the genesis, in the order of the release.
fn rollup_configuration(
    release: Release,
    profile: Profile,
    distributor: Address,
    version: u32,
) -> Result<Vec<U256>> {
    let number = |name: &str| profile.number(name);
    let mut words = vec![
        number("AZTEC_SLOT_DURATION")?,
        number("AZTEC_EPOCH_DURATION")?,
        number("AZTEC_TARGET_COMMITTEE_SIZE")?,
        number("AZTEC_LAG_IN_EPOCHS_FOR_VALIDATOR_SET")?,
    ];
    if release != Release::V2 {
        words.push(number("AZTEC_LAG_IN_EPOCHS_FOR_RANDAO")?);
    }
    words.push(number("AZTEC_PROOF_SUBMISSION_EPOCHS")?);
    words.extend(slashing_configuration(profile)?);
    words.push(number("AZTEC_SLASHING_OFFSET_IN_ROUNDS")?);
    let flavor = if release == Release::V2 {
        FLAVOR_NONE
    } else {
        FLAVOR_TALLY
    };
    words.extend([U256::from(flavor), number("AZTEC_SLASHING_VETOER")?]);
    words.extend([
        number("AZTEC_SLASHING_DISABLE_DURATION")?,
        number("AZTEC_MANA_TARGET")?,
        number("AZTEC_EXIT_DELAY_SECONDS")?,
        U256::from(version),
        number("AZTEC_PROVING_COST_PER_MANA")?,
    ]);
    if release != Release::V2 {
        words.push(number("AZTEC_INITIAL_ETH_PER_FEE_ASSET")?);
    }
    let reward = U256::from(500) * U256::from(10).pow(U256::from(18));
    words.extend([word(distributor), U256::from(7_000), U256::ZERO, reward]);
    // The reward booster of the deployment script.
    words.extend([125_000_u64, 15_000_000, 1_000, 100_000, 1_000_000].map(U256::from));
    for name in [
        "AZTEC_ENTRY_QUEUE_BOOTSTRAP_VALIDATOR_SET_SIZE",
        "AZTEC_ENTRY_QUEUE_BOOTSTRAP_FLUSH_SIZE",
        "AZTEC_ENTRY_QUEUE_FLUSH_SIZE_MIN",
        "AZTEC_ENTRY_QUEUE_FLUSH_SIZE_QUOTIENT",
        "AZTEC_ENTRY_QUEUE_MAX_FLUSH_SIZE",
        "AZTEC_LOCAL_EJECTION_THRESHOLD",
    ] {
        words.push(number(name)?);
    }
    // Rewards may be claimed from the beginning.
    words.push(U256::ZERO);
    if release != Release::V2 {
        words.push(number("AZTEC_INBOX_LAG")?);
    }
    Ok(words)
}

/// Quorum, round, lifetime, delay and the three amounts, as the rollup and the slashing proposer both take them.
fn slashing_configuration(profile: Profile) -> Result<[U256; 7]> {
    let number = |name: &str| profile.number(name);
    let round = number("AZTEC_SLASHING_ROUND_SIZE_IN_EPOCHS")? * number("AZTEC_EPOCH_DURATION")?;
    Ok([
        round / U256::from(2) + U256::ONE,
        round,
        number("AZTEC_SLASHING_LIFETIME_IN_ROUNDS")?,
        number("AZTEC_SLASHING_EXECUTION_DELAY_IN_ROUNDS")?,
        number("AZTEC_SLASH_AMOUNT_SMALL")?,
        number("AZTEC_SLASH_AMOUNT_MEDIUM")?,
        number("AZTEC_SLASH_AMOUNT_LARGE")?,
    ])
}

/// A rollup of `release` for the chain of `base`, unknown to its Registry.
pub(crate) async fn deploy_rollup(
    rpc: &Rpc,
    base: &Infrastructure,
    profile: Profile,
    (release, version): (Release, u32),
) -> Result<RollupAddresses> {
    let artifacts = Artifacts::of(release)?;
    let distributor = rpc
        .call(base.registry, Registry::getRewardDistributorCall {})
        .await?;
    let verifier = artifacts.create(rpc, "MockVerifier", &[]).await?;
    let owner = base.governance;
    let mut words = [
        base.fee_asset,
        base.staking_asset,
        base.gse,
        verifier,
        owner,
    ]
    .map(word)
    .to_vec();
    words.extend([U256::ZERO; 3]);
    words.extend(rollup_configuration(
        release,
        profile,
        distributor,
        version,
    )?);
    let rollup = artifacts.create(rpc, "Rollup", &encoded(&words)).await?;
    if release == Release::V2 {
        let slasher = deploy_slasher(rpc, &artifacts, profile, rollup, owner).await?;
        rpc.send(owner, rollup, Rollup::setSlasherCall { slasher })
            .await?;
    }
    rollup_addresses(rpc, rollup, u64::from(version)).await
}

/// A slasher with its proposer, unknown to the rollup.
async fn deploy_slasher(
    rpc: &Rpc,
    artifacts: &Artifacts,
    profile: Profile,
    rollup: Address,
    governance: Address,
) -> Result<Address> {
    let number = |name: &str| profile.number(name);
    let vetoer = number("AZTEC_SLASHING_VETOER")?;
    let disable = number("AZTEC_SLASHING_DISABLE_DURATION")?;
    let words = [vetoer, word(governance), disable];
    let slasher = artifacts.create(rpc, "Slasher", &encoded(&words)).await?;
    let mut words = vec![word(rollup), word(slasher)];
    words.extend(slashing_configuration(profile)?);
    words.extend([
        number("AZTEC_TARGET_COMMITTEE_SIZE")?,
        number("AZTEC_EPOCH_DURATION")?,
        number("AZTEC_SLASHING_OFFSET_IN_ROUNDS")?,
    ]);
    let proposer = artifacts
        .create(rpc, "TallySlashingProposer", &encoded(&words))
        .await?;
    rpc.send(
        DEPLOYER,
        slasher,
        Slasher::initializeProposerCall { proposer },
    )
    .await?;
    Ok(slasher)
}

impl From<Addresses> for Infrastructure {
    fn from(addresses: Addresses) -> Self {
        Self {
            registry: addresses.registry,
            gse: addresses.gse,
            governance: addresses.governance,
            staking_asset: addresses.staking_asset,
            fee_asset: addresses.fee_asset,
        }
    }
}

impl Localnet {
    /// Puts a further rollup on the chain; [`Localnet::make_canonical`] registers it.
    pub async fn deploy_rollup(
        &self,
        profile: Profile,
        release: Release,
        version: u32,
    ) -> Result<RollupAddresses> {
        deploy_rollup(
            &self.rpc,
            &self.addresses.into(),
            profile,
            (release, version),
        )
        .await
    }

    /// Puts a rollup of a release that nobody knows yet on the chain.
    pub async fn deploy_future_rollup(&self, version: u64) -> Result<RollupAddresses> {
        let compiled = deploy::compile()?;
        let contract = compiled
            .get("FutureRollup")
            .context("compile.mjs printed no FutureRollup")?;
        let mut code = contract.bytecode.to_vec();
        code.extend(encoded(&[U256::from(version), word(self.addresses.gse)]));
        Ok(RollupAddresses {
            rollup: self.rpc.create(DEPLOYER, code.into()).await?,
            version,
            slasher: Address::ZERO,
            slashing_proposer: Address::ZERO,
        })
    }

    /// Puts another slasher of the release v4 with its proposer on the chain. A rollup of v5 takes it after sixty days.
    pub async fn deploy_slasher(&self, profile: Profile, rollup: Address) -> Result<Address> {
        let artifacts = Artifacts::of(Release::V4)?;
        deploy_slasher(
            &self.rpc,
            &artifacts,
            profile,
            rollup,
            self.addresses.governance,
        )
        .await
    }

    /// Sends a call as governance, which owns the Registry, the GSE and the rollups.
    pub async fn govern<C: alloy::sol_types::SolCall>(
        &self,
        to: Address,
        call: C,
    ) -> Result<Receipt> {
        self.rpc.send(self.addresses.governance, to, call).await
    }
}
