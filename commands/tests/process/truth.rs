//! What is to be told, from the chain's own logs, by a fold that is not the product's.

use std::collections::BTreeMap;

use localnet::Localnet;
use serde_json::{Value, json};

use super::stage::Stage;

/// A change of ours that holds on the canonical chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    /// The id of its notice.
    pub(super) notice: String,
    /// The block that caused it.
    pub(super) block: u64,
}

/// Every change of our attesters in blocks after `floor`, in canonical order.
pub(super) async fn facts(stage: &Stage, floor: u64) -> Vec<Fact> {
    let logs = logs(&stage.net).await;
    let topics = Topics::of(&stage.net).await;
    let provider = format!("{:064x}", stage.provider.0);
    let mut counts: BTreeMap<(String, &str), u64> = BTreeMap::new();
    let mut facts = Vec::new();
    for log in &logs {
        let topic = |index: usize| word(&log["topics"][index]);
        let block = quantity(&log["blockNumber"]);
        let mut tell = |subject: String, class: &'static str| {
            let count = counts.entry((subject.clone(), class)).or_default();
            *count += 1;
            if block > floor {
                facts.push(Fact {
                    notice: format!("local/{subject}/{class}/{count}"),
                    block,
                });
            }
        };
        let name = topics.name(&topic(0));
        match name {
            "AttestersAddedToProvider" if topic(1) == provider => {
                for attester in addresses(&log["data"]) {
                    tell(attester, "attester_transition");
                }
            }
            "ProviderRegistered" | "ProviderTakeRateUpdated" if topic(1) == provider => {
                tell(format!("provider-{}", stage.provider.0), "provider_changed");
            }
            // Nobody else stakes on these stages.
            "ProviderQueueDripped" if topic(1) == provider => {
                tell(address(&topic(2)), "attester_transition");
            }
            "ValidatorQueued" | "Deposit" | "FailedDeposit" => {
                tell(address(&topic(1)), "attester_transition");
            }
            "Slashed" => tell(address(&topic(1)), "attester_slashed"),
            _ => {}
        }
    }
    facts
}

async fn logs(net: &Localnet) -> Vec<Value> {
    let addresses = [net.addresses.staking_registry, net.addresses.first.rollup];
    let filter = json!([{ "fromBlock": "0x0", "toBlock": "latest", "address": addresses }]);
    let mut logs: Vec<Value> = net.rpc.request("eth_getLogs", filter).await.unwrap();
    logs.sort_by_key(|log| (quantity(&log["blockNumber"]), quantity(&log["logIndex"])));
    logs
}

/// The events that count, by the hash of their signature.
struct Topics(BTreeMap<String, &'static str>);

impl Topics {
    async fn of(net: &Localnet) -> Self {
        let signatures = [
            "AttestersAddedToProvider(uint256,address[])",
            "ProviderRegistered(uint256,address,uint16)",
            "ProviderTakeRateUpdated(uint256,uint16)",
            "ProviderQueueDripped(uint256,address)",
            "ValidatorQueued(address,address)",
            "Deposit(address,address,(uint256,uint256),(uint256,uint256,uint256,uint256),(uint256,uint256),uint256)",
            "FailedDeposit(address,address,(uint256,uint256),(uint256,uint256,uint256,uint256),(uint256,uint256))",
            "Slashed(address,uint256)",
        ];
        let mut names = BTreeMap::new();
        for signature in signatures {
            let bytes: String = signature
                .bytes()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let hash: Value = net
                .rpc
                .request("web3_sha3", json!([format!("0x{bytes}")]))
                .await
                .unwrap();
            let name = signature.split('(').next().unwrap_or_default();
            names.insert(word(&hash), name);
        }
        Self(names)
    }

    fn name(&self, topic: &str) -> &'static str {
        self.0.get(topic).copied().unwrap_or_default()
    }
}

/// 64 digits without their 0x.
fn word(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    text.trim_start_matches("0x").to_lowercase()
}

fn address(word: &str) -> String {
    format!("0x{}", word.get(24..).unwrap_or_default())
}

fn quantity(value: &Value) -> u64 {
    let text = value.as_str().unwrap_or_default();
    u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
}

/// The only argument of an event, a list of addresses: its offset, its length, its members.
fn addresses(data: &Value) -> Vec<String> {
    let data = word(data);
    let words: Vec<&str> = (0..data.len() / 64)
        .map(|index| &data[index * 64..(index + 1) * 64])
        .collect();
    words.iter().skip(2).map(|word| address(word)).collect()
}
