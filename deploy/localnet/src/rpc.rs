//! JSON-RPC to anvil: calls, transactions with their receipts, and the reasons of what was refused.

use std::borrow::Cow;
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::{Provider as _, RootProvider};
use alloy::rpc::types::TransactionReceipt;
use alloy::sol_types::{SolCall, SolInterface as _};
use alloy::transports::TransportError;
use anyhow::{Context as _, Result, anyhow, bail};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::contracts::{Rollup, StakingRegistry, TallySlashingProposer};

/// The receipt of a transaction that succeeded.
pub type Receipt = TransactionReceipt;

/// Enough for the largest action here and below the block's limit. Never estimated: an estimate looks for the least
/// gas with which the *outer* call succeeds, and a flush succeeds although the deposits in it failed.
const GAS: u64 = 16_000_000;

/// anvil now and then leaves a transaction in the pool until the next block; after this long, we make that block.
const STRANDED_AFTER: Duration = Duration::from_millis(50);

/// Between two looks at a receipt; automine takes about as long.
const RECEIPT_POLL: Duration = Duration::from_millis(2);

/// How often a block is made for one transaction before giving up.
const MINE_ATTEMPTS: u32 = 40;

/// A connection to one anvil.
#[derive(Debug, Clone)]
pub struct Rpc {
    provider: RootProvider,
    url: String,
}

impl Rpc {
    /// A connection to the anvil at `url`. Connects on first use.
    pub fn new(url: &str) -> Result<Self> {
        let parsed = url.parse().with_context(|| format!("{url} is not a URL"))?;
        Ok(Self {
            provider: RootProvider::new_http(parsed),
            url: url.to_owned(),
        })
    }

    /// The address it talks to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The provider underneath, for what this type does not offer.
    pub fn provider(&self) -> &RootProvider {
        &self.provider
    }

    /// Any JSON-RPC request.
    pub async fn request<T>(&self, method: &'static str, params: Value) -> Result<T>
    where
        T: DeserializeOwned + std::fmt::Debug + Send + Sync + Unpin + 'static,
    {
        self.raw(method, params)
            .await
            .map_err(|error| refusal(method, error))
    }

    /// A JSON-RPC request whose answer does not matter.
    pub async fn tell(&self, method: &'static str, params: Value) -> Result<()> {
        self.request::<Value>(method, params).await.map(drop)
    }

    /// Reads from a contract at the head.
    pub async fn call<C: SolCall>(&self, to: Address, call: C) -> Result<C::Return> {
        let transaction = json!({ "to": to, "data": Bytes::from(call.abi_encode()) });
        let answer: Bytes = self
            .request("eth_call", json!([transaction, "latest"]))
            .await
            .context(C::SIGNATURE)?;
        C::abi_decode_returns(&answer)
            .with_context(|| format!("decoding what {} returned", C::SIGNATURE))
    }

    /// Sends a transaction and waits for its receipt. A transaction that reverts is an error with the reason.
    pub async fn send<C: SolCall>(&self, from: Address, to: Address, call: C) -> Result<Receipt> {
        let data = Bytes::from(call.abi_encode());
        let receipt = self
            .send_raw(from, Some(to), data.clone())
            .await
            .context(C::SIGNATURE)?;
        if receipt.status() {
            return Ok(receipt);
        }
        // The same call on the state that the block left behind names the reason.
        let transaction = json!({ "from": from, "to": to, "data": data });
        let block = format!("0x{:x}", receipt.block_number.unwrap_or_default());
        match self
            .raw::<Bytes>("eth_call", json!([transaction, block]))
            .await
        {
            Err(error) => Err(refusal(C::SIGNATURE, error)),
            Ok(_) => bail!("{} reverted, for a reason that is gone", C::SIGNATURE),
        }
    }

    /// Puts a contract on the chain and gives its address.
    pub async fn create(&self, from: Address, code: Bytes) -> Result<Address> {
        let receipt = self.send_raw(from, None, code).await?;
        match receipt.contract_address {
            Some(address) if receipt.status() => Ok(address),
            _ => bail!("the constructor reverted"),
        }
    }

    /// Sends a transaction and waits for its receipt, whether it succeeded or not.
    pub async fn send_raw(
        &self,
        from: Address,
        to: Option<Address>,
        data: Bytes,
    ) -> Result<Receipt> {
        self.fund(from).await?;
        let mut transaction = json!({ "from": from, "data": data, "gas": format!("0x{GAS:x}") });
        if let (Some(to), Some(fields)) = (to, transaction.as_object_mut()) {
            fields.insert("to".to_owned(), json!(to));
        }
        let hash: B256 = self
            .request("eth_sendTransaction", json!([transaction]))
            .await?;
        for _ in 0..MINE_ATTEMPTS {
            let polled = tokio::time::timeout(STRANDED_AFTER, self.receipt(hash)).await;
            match polled {
                Ok(receipt) => return receipt,
                Err(_elapsed) => self.tell("evm_mine", json!([])).await?,
            }
        }
        bail!("transaction {hash} was not mined")
    }

    async fn receipt(&self, hash: B256) -> Result<Receipt> {
        loop {
            if let Some(receipt) = self
                .request("eth_getTransactionReceipt", json!([hash]))
                .await?
            {
                return Ok(receipt);
            }
            tokio::time::sleep(RECEIPT_POLL).await;
        }
    }

    /// Gives an account enough ether to pay for gas, unless it has it.
    async fn fund(&self, account: Address) -> Result<()> {
        let ether = U256::from(10).pow(U256::from(18));
        let balance: U256 = self
            .request("eth_getBalance", json!([account, "latest"]))
            .await?;
        if balance < ether {
            self.tell(
                "anvil_setBalance",
                json!([account, ether * U256::from(100)]),
            )
            .await?;
        }
        Ok(())
    }

    async fn raw<T>(&self, method: &'static str, params: Value) -> Result<T, TransportError>
    where
        T: DeserializeOwned + std::fmt::Debug + Send + Sync + Unpin + 'static,
    {
        self.provider
            .raw_request(Cow::Borrowed(method), params)
            .await
    }
}

/// An error that names the contract's error, if the contract gave one.
fn refusal(what: &str, error: TransportError) -> anyhow::Error {
    let data = error
        .as_error_resp()
        .and_then(|answer| answer.as_revert_data());
    match data {
        Some(data) if !data.is_empty() => anyhow!("{what} was refused: {}", reason(&data)),
        _ => anyhow::Error::new(error).context(what.to_owned()),
    }
}

fn reason(data: &[u8]) -> String {
    if let Ok(error) = StakingRegistry::StakingRegistryErrors::abi_decode(data) {
        format!("{error:?}")
    } else if let Ok(error) = Rollup::RollupErrors::abi_decode(data) {
        format!("{error:?}")
    } else if let Ok(error) = TallySlashingProposer::TallySlashingProposerErrors::abi_decode(data) {
        format!("{error:?}")
    } else {
        alloy::sol_types::decode_revert_reason(data)
            .unwrap_or_else(|| Bytes::copy_from_slice(data).to_string())
    }
}
