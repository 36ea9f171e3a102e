//! Deployment: the rollup by its own script, the doubles by us, and the whole state kept for the next start.
//!
//! The addresses are written onto the chain itself, as the code of an account that nothing else uses: whoever
//! connects to a running chain, or loads its state, finds them there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use alloy::primitives::{Address, Bytes, address, keccak256};
use alloy::sol_types::SolValue as _;
use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::build;
use crate::contracts::{GSE, Registry, Rollup, Slasher};
use crate::install::Tools;
use crate::profile::Profile;
use crate::release::{self, Infrastructure, Release};
use crate::rpc::{Receipt, Rpc};

/// anvil's first account: it deploys everything and may mint the staking asset.
pub const DEPLOYER: Address = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");

/// The well-known key behind [`DEPLOYER`]: forge signs by itself.
const DEPLOYER_SECRET: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// The releases of the first rollup and of its successor; `None`: both v4, as its own script deploys them.
pub(crate) type Releases = Option<(Release, Release)>;

/// Where Multicall3 is on every chain.
pub const MULTICALL3: Address = address!("cA11bde05977b3631167028862bE2a173976CA11");

/// Where this chain keeps its own [`Addresses`].
const DIRECTORY: Address = address!("000000000000000000000000000000000000d14e");

/// Part of the name of a kept state: raise it when the deployment itself changes.
const DEPLOYMENT_VERSION: u32 = 2;

/// One rollup with what belongs to it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollupAddresses {
    /// The rollup contract.
    pub rollup: Address,
    /// Its version, by which the Registry knows it.
    pub version: u64,
    /// The contract that may slash on it.
    pub slasher: Address,
    /// The `TallySlashingProposer`, where votes are cast.
    pub slashing_proposer: Address,
}

/// Where everything is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// The Registry of rollups.
    pub registry: Address,
    /// The rollup that is canonical at the start.
    pub first: RollupAddresses,
    /// A second rollup, deployed but not registered: [`crate::Localnet::make_successor_canonical`] registers it.
    pub successor: RollupAddresses,
    /// The Governance Staking Escrow.
    pub gse: Address,
    /// Governance, which owns the Registry and the GSE.
    pub governance: Address,
    /// The token that is staked.
    pub staking_asset: Address,
    /// The token that rewards are paid in.
    pub fee_asset: Address,
    /// The double of the StakingRegistry.
    pub staking_registry: Address,
    /// The double of the factory of splits.
    pub pull_split_factory: Address,
    /// Multicall3, where every chain has it.
    pub multicall3: Address,
}

/// What the deployment script prints.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScriptResult {
    rollup_address: Address,
    rollup_version: u64,
    registry_address: Option<Address>,
    gse_address: Option<Address>,
    governance_address: Option<Address>,
    staking_asset_address: Option<Address>,
    fee_asset_address: Option<Address>,
}

/// One contract as `compile.mjs` prints it.
#[derive(Debug, Deserialize)]
pub(crate) struct Compiled {
    pub(crate) bytecode: Bytes,
    runtime: Bytes,
}

/// The file of the deployed state for these inputs: any change of a pinned version, a contract or a parameter
/// gives another name.
pub(crate) fn state_file(profile: Profile, releases: Releases) -> Result<PathBuf> {
    let package = build::package_folder();
    let mut inputs = format!("{DEPLOYMENT_VERSION} {:?}", profile.environment()).into_bytes();
    if releases.is_some() {
        inputs.extend(release::inputs()?.into_bytes());
    }
    let contracts = ["Multicall3.sol", "Splits.sol", "StakingRegistry.sol"]
        .map(|name| package.join("contracts").join(name));
    for path in [
        package.join("package-lock.json"),
        package.join("compile.mjs"),
    ]
    .iter()
    .chain(&contracts)
    {
        inputs.extend(fs::read(path).with_context(|| format!("reading {}", path.display()))?);
    }
    let hash = keccak256(inputs).to_string();
    let short = hash.get(2..14).unwrap_or_default();
    let releases = releases.map_or_else(String::new, |(first, successor)| {
        format!("-{}-{}", first.name(), successor.name())
    });
    Ok(build::folder()?.join(format!("state-{}{releases}-{short}.hex", profile.name())))
}

/// Deploys everything onto an empty chain.
pub(crate) async fn deploy(
    rpc: &Rpc,
    tools: &Tools,
    profile: Profile,
    releases: Releases,
) -> Result<Addresses> {
    let (base, first, successor) = match releases {
        None => deploy_by_script(rpc, tools, profile).await?,
        Some(releases) => deploy_releases(rpc, profile, releases).await?,
    };
    deploy_doubles(rpc, base, first, successor).await
}

/// v2's shared contracts, and a rollup of each release.
async fn deploy_releases(
    rpc: &Rpc,
    profile: Profile,
    (first, successor): (Release, Release),
) -> Result<(Infrastructure, RollupAddresses, RollupAddresses)> {
    let base = Infrastructure::deploy(rpc, profile).await?;
    let version = first.mainnet_version();
    let first = release::deploy_rollup(rpc, &base, profile, (first, version)).await?;
    register(rpc, base.governance, base.registry, base.gse, first.rollup).await?;
    // Two of the same release are of two versions.
    let other = successor.mainnet_version();
    let other = if other == version {
        version.wrapping_add(1)
    } else {
        other
    };
    let successor = release::deploy_rollup(rpc, &base, profile, (successor, other)).await?;
    Ok((base, first, successor))
}

/// Makes a rollup canonical in the Registry and the latest in the GSE, as a governance proposal does.
///
/// Returns the receipt of the Registry's change.
pub(crate) async fn register(
    rpc: &Rpc,
    governance: Address,
    registry: Address,
    gse: Address,
    rollup: Address,
) -> Result<Receipt> {
    let receipt = rpc
        .send(governance, registry, Registry::addRollupCall { rollup })
        .await?;
    rpc.send(governance, gse, GSE::addRollupCall { rollup })
        .await?;
    Ok(receipt)
}

/// Everything of v4, by the script that the package brings along.
async fn deploy_by_script(
    rpc: &Rpc,
    tools: &Tools,
    profile: Profile,
) -> Result<(Infrastructure, RollupAddresses, RollupAddresses)> {
    let project = project(tools)?;
    let forge = |script: &str, environment: &[(&str, String)]| {
        run_script(tools, &project, rpc.url(), script, profile, environment)
    };
    let base = forge("DeployAztecL1Contracts", &[])?;
    let missing = || "the deployment script did not name every contract";
    let registry = base.registry_address.with_context(missing)?;
    let staking_asset = base.staking_asset_address.with_context(missing)?;
    // A rollup's version is a hash of its parameters without its address: some parameter has to differ.
    let next = [
        ("REGISTRY_ADDRESS", registry.to_string()),
        ("VK_TREE_ROOT", "1".to_owned()),
    ];
    let next = forge("DeployRollupForUpgrade", &next)?;
    let first = rollup_addresses(rpc, base.rollup_address, base.rollup_version).await?;
    let successor = rollup_addresses(rpc, next.rollup_address, next.rollup_version).await?;
    let base = Infrastructure {
        registry,
        gse: base.gse_address.with_context(missing)?,
        governance: base.governance_address.with_context(missing)?,
        staking_asset,
        fee_asset: base.fee_asset_address.with_context(missing)?,
    };
    Ok((base, first, successor))
}

/// The contracts that no package carries, and the addresses of everything.
async fn deploy_doubles(
    rpc: &Rpc,
    base: Infrastructure,
    first: RollupAddresses,
    successor: RollupAddresses,
) -> Result<Addresses> {
    let compiled = compile()?;
    let contract = |name: &str| {
        compiled
            .get(name)
            .with_context(|| format!("compile.mjs printed no {name}"))
    };
    rpc.tell(
        "anvil_setCode",
        json!([MULTICALL3, contract("Multicall3")?.runtime]),
    )
    .await?;
    let pull_split_factory = rpc
        .create(DEPLOYER, contract("PullSplitFactory")?.bytecode.clone())
        .await?;
    let mut code = contract("StakingRegistry")?.bytecode.to_vec();
    code.extend((base.staking_asset, pull_split_factory, base.registry).abi_encode_params());
    let staking_registry = rpc.create(DEPLOYER, code.into()).await?;

    let addresses = Addresses {
        registry: base.registry,
        first,
        successor,
        gse: base.gse,
        governance: base.governance,
        staking_asset: base.staking_asset,
        fee_asset: base.fee_asset,
        staking_registry,
        pull_split_factory,
        multicall3: MULTICALL3,
    };
    rpc.tell(
        "anvil_setCode",
        json!([DIRECTORY, Bytes::from(serde_json::to_vec(&addresses)?)]),
    )
    .await?;
    Ok(addresses)
}

/// Reads the addresses from a chain that was deployed here.
pub(crate) async fn addresses(rpc: &Rpc) -> Result<Addresses> {
    let code: Bytes = rpc
        .request("eth_getCode", json!([DIRECTORY, "latest"]))
        .await?;
    serde_json::from_slice(&code)
        .with_context(|| format!("{} is not a chain that localnet made", rpc.url()))
}

/// A rollup with its slasher and proposer.
pub(crate) async fn rollup_addresses(
    rpc: &Rpc,
    rollup: Address,
    version: u64,
) -> Result<RollupAddresses> {
    let slasher = rpc.call(rollup, Rollup::getSlasherCall {}).await?;
    Ok(RollupAddresses {
        rollup,
        version,
        slasher,
        slashing_proposer: rpc.call(slasher, Slasher::PROPOSERCall {}).await?,
    })
}

/// A copy of the Foundry project that forge may write to, with its compiler replaced by npm's.
///
/// `cp -a` keeps the file times: with them forge finds its cache valid and compiles nothing.
fn project(tools: &Tools) -> Result<PathBuf> {
    let project = build::folder()?.join("l1-contracts");
    if project.exists() {
        return Ok(project);
    }
    let partial = build::folder()?.join("l1-contracts.partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(|| format!("removing {}", partial.display()))?;
    }
    let copied = Command::new("cp")
        .arg("-a")
        .arg(&tools.l1_contracts)
        .arg(&partial)
        .status()
        .context("running cp")?;
    if !copied.success() {
        bail!("copying {} failed", tools.l1_contracts.display());
    }
    let toml = partial.join("foundry.toml");
    let wanted =
        fs::read_to_string(&toml).with_context(|| format!("reading {}", toml.display()))?;
    let compiler = build::package_folder().join("solc.mjs");
    let replaced = wanted.replace(
        "solc_version = \"0.8.30\"",
        &format!("solc = {:?}", compiler.display().to_string()),
    );
    fs::write(&toml, replaced).with_context(|| format!("writing {}", toml.display()))?;
    fs::rename(&partial, &project).with_context(|| format!("renaming to {}", project.display()))?;
    Ok(project)
}

fn run_script(
    tools: &Tools,
    project: &Path,
    url: &str,
    script: &str,
    profile: Profile,
    environment: &[(&str, String)],
) -> Result<ScriptResult> {
    let output = Command::new(&tools.forge)
        .current_dir(project)
        .args([
            "script",
            &format!("script/deploy/{script}.s.sol"),
            "--sig",
            "run()",
        ])
        .args(["--private-key", DEPLOYER_SECRET, "--rpc-url", url])
        // --slow: without it forge now and then waits for ever for a transaction that anvil left in its pool.
        .args(["--offline", "--broadcast", "--slow"])
        .envs(profile.environment())
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .output()
        .with_context(|| format!("starting {}", tools.forge.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let result = text.lines().find_map(|line| {
        line.split_once("JSON DEPLOY RESULT:")
            .map(|(_, json)| json.trim())
    });
    match result {
        Some(json) if output.status.success() => serde_json::from_str(json)
            .with_context(|| format!("reading what {script} printed: {json}")),
        _ => bail!(
            "{script} failed: {}\n{text}",
            String::from_utf8_lossy(&output.stderr).trim()
        ),
    }
}

pub(crate) fn compile() -> Result<BTreeMap<String, Compiled>> {
    let output = Command::new("node")
        .arg("compile.mjs")
        .current_dir(build::package_folder())
        .output()
        .context(
            "starting `node`: Node.js 20 or newer (https://nodejs.org) runs the Solidity compiler",
        )?;
    if !output.status.success() {
        bail!(
            "compile.mjs failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    serde_json::from_slice(&output.stdout).context("reading what compile.mjs printed")
}
