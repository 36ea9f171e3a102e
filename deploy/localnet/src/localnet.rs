//! A chain with everything on it, and what the people on it have agreed on.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use alloy::primitives::{Address, U256, keccak256};
use alloy::sol_types::SolCall;
use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::anvil::{Anvil, AnvilOptions};
use crate::build::{self, Lock};
use crate::contracts::StakingAsset;
use crate::deploy::{self, Addresses, DEPLOYER, Releases};
use crate::install;
use crate::key::Key;
use crate::profile::Profile;
use crate::release::Release;
use crate::rpc::{Receipt, Rpc};

/// The contracts on a chain, and actions on them.
///
/// The actions are in the files `provider`, `rollup`, `slashing`, `rewards` and `chain`.
#[derive(Debug)]
pub struct Localnet {
    anvil: Option<Anvil>,
    /// The connection to the chain.
    pub rpc: Rpc,
    /// Where everything is.
    pub addresses: Addresses,
    /// Sequencers whose keys were used through this value: only they can vote.
    keys: Mutex<BTreeMap<Address, Key>>,
}

impl Localnet {
    /// A chain of its own, with the contracts deployed and nothing staked.
    ///
    /// The first deployment with given inputs takes seconds and its state is kept; later ones load it.
    pub async fn deploy(profile: Profile) -> Result<Self> {
        Self::deploy_with(profile, &AnvilOptions::default()).await
    }

    /// The same, on an anvil with these options. `load_state` replaces the deployment.
    pub async fn deploy_with(profile: Profile, options: &AnvilOptions) -> Result<Self> {
        Self::start(profile, None, options).await
    }

    /// A chain whose first rollup is of one release and whose successor is of another, with the small profile.
    pub async fn deploy_releases(first: Release, successor: Release) -> Result<Self> {
        let options = AnvilOptions::default();
        Self::deploy_releases_with(Profile::Small, (first, successor), &options).await
    }

    /// The same with any profile, on an anvil with these options.
    pub async fn deploy_releases_with(
        profile: Profile,
        releases: (Release, Release),
        options: &AnvilOptions,
    ) -> Result<Self> {
        Self::start(profile, Some(releases), options).await
    }

    async fn start(profile: Profile, releases: Releases, options: &AnvilOptions) -> Result<Self> {
        let tools = install::install()?;
        let state = match &options.load_state {
            Some(path) => path.clone(),
            None => {
                let state = deploy::state_file(profile, releases)?;
                let _lock = Lock::acquire_aside("deploy").await?;
                if !state.exists() {
                    let anvil = Anvil::start(&AnvilOptions::default())?;
                    let rpc = Rpc::new(&anvil.url())?;
                    deploy::deploy(&rpc, &tools, profile, releases).await?;
                    dump(&rpc, &state).await?;
                }
                state
            }
        };
        let anvil = Anvil::start(options)?;
        let rpc = Rpc::new(&anvil.url())?;
        load(&rpc, &state).await?;
        let localnet = Self::over(Some(anvil), rpc).await?;
        localnet.keep_own_time().await?;
        Ok(localnet)
    }

    /// Connects to a chain that somebody else runs, for example `localnet up`.
    pub async fn attach(url: &str) -> Result<Self> {
        Self::over(None, Rpc::new(url)?).await
    }

    async fn over(anvil: Option<Anvil>, rpc: Rpc) -> Result<Self> {
        let addresses = deploy::addresses(&rpc).await?;
        Ok(Self {
            anvil,
            rpc,
            addresses,
            keys: Mutex::default(),
        })
    }

    /// The address of its JSON-RPC.
    pub fn url(&self) -> String {
        self.rpc.url().to_owned()
    }

    /// The process, when it was started here.
    pub fn anvil(&self) -> Option<&Anvil> {
        self.anvil.as_ref()
    }

    /// Writes the whole state, with its blocks and logs, for [`AnvilOptions::load_state`].
    pub async fn dump_state(&self, path: &Path) -> Result<()> {
        dump(&self.rpc, path).await
    }

    /// An account of this name, always the same. anvil signs for it like for any other.
    pub fn account(name: &str) -> Address {
        Address::from_word(keccak256(format!("steward localnet account {name}")))
    }

    /// Gives an account staking asset.
    pub async fn mint(&self, to: Address, amount: U256) -> Result<Receipt> {
        self.rpc
            .send(
                DEPLOYER,
                self.addresses.staking_asset,
                StakingAsset::mintCall { to, amount },
            )
            .await
    }

    /// What an account has of the staking asset.
    pub async fn staking_balance(&self, account: Address) -> Result<U256> {
        self.call(
            self.addresses.staking_asset,
            StakingAsset::balanceOfCall { account },
        )
        .await
    }

    /// Reads from a contract at the head.
    pub async fn call<C: SolCall>(&self, to: Address, call: C) -> Result<C::Return> {
        self.rpc.call(to, call).await
    }

    /// Gives an account exactly what it needs for one stake, and lets `spender` take it.
    pub(crate) async fn provision(
        &self,
        account: Address,
        spender: Address,
        amount: U256,
    ) -> Result<()> {
        self.mint(account, amount).await?;
        let approve = StakingAsset::approveCall { spender, amount };
        self.rpc
            .send(account, self.addresses.staking_asset, approve)
            .await?;
        Ok(())
    }

    pub(crate) fn remember(&self, keys: &[Key]) {
        let mut known = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(keys.iter().map(|key| (key.attester, key.clone())));
    }

    pub(crate) fn key_of(&self, attester: Address) -> Result<Key> {
        let known = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&attester)
            .cloned()
            .with_context(|| format!("the keys of {attester} were not used here"))
    }
}

async fn dump(rpc: &Rpc, path: &Path) -> Result<()> {
    let state: String = rpc.request("anvil_dumpState", json!([])).await?;
    build::write_whole(path, state.as_bytes())
}

async fn load(rpc: &Rpc, path: &Path) -> Result<()> {
    let state = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let is_loaded: bool = rpc.request("anvil_loadState", json!([state])).await?;
    ensure!(is_loaded, "anvil refused the state in {}", path.display());
    Ok(())
}
