//! A world served as JSON-RPC over HTTP on loopback, so that the process that is measured does not hold it.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::post};
use serde_json::{Value, json};
use steward::{
    chain::{BlockTag, Call, CallAnswer, Chain, ChainError, Header, LogFilter},
    units::{B256, BlockNumber},
};

use crate::world::{blocks::SharedWorld, endpoint::WorldEndpoint};

/// The method that seals a block; what ordinary endpoints do not have.
pub const MINE: &str = "bench_mine";

/// The JSON-RPC server of one world.
#[derive(Debug, Clone)]
struct Server {
    world: SharedWorld,
    endpoint: Arc<WorldEndpoint>,
}

/// Serves `world` until the runtime ends; gives the URL.
pub async fn serve(world: &SharedWorld, endpoint: Arc<WorldEndpoint>) -> String {
    let server = Server {
        world: world.clone(),
        endpoint,
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/", post(answer))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(server);
    let (tasks, _ended) = steward::tasks::Tasks::new();
    tasks.spawn("rpc", async move { axum::serve(listener, router).await });
    url
}

async fn answer(State(server): State<Server>, Json(question): Json<Value>) -> Json<Value> {
    let id = question["id"].clone();
    let method = question["method"].as_str().unwrap_or_default().to_owned();
    Json(match server.ask(&method, &question["params"]).await {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(error) => {
            let (code, message) = match error {
                ChainError::TooLarge { detail, .. } => (-32005, detail),
                other => (-32000, other.to_string()),
            };
            json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
        }
    })
}

fn number(value: &Value) -> u64 {
    let digits = value.as_str().unwrap().trim_start_matches("0x");
    u64::from_str_radix(digits, 16).unwrap()
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn wire(header: &Header) -> Value {
    json!({
        "number": format!("{:#x}", header.block.number.value()),
        "hash": header.block.hash,
        "parentHash": header.parent_hash,
        "timestamp": format!("{:#x}", header.timestamp.value()),
        "logsBloom": header.logs_bloom,
    })
}

impl Server {
    async fn ask(&self, method: &str, params: &Value) -> Result<Value, ChainError> {
        match method {
            "eth_chainId" => {
                let id = self.endpoint.chain_id().await?;
                Ok(json!(format!("{id:#x}")))
            }
            "eth_getBlockByNumber" => {
                let tag = match params[0].as_str().unwrap() {
                    "latest" => BlockTag::Latest,
                    "safe" => BlockTag::Safe,
                    "finalized" => BlockTag::Finalized,
                    _ => BlockTag::Number(BlockNumber::new(number(&params[0]))),
                };
                self.header(tag).await
            }
            "eth_getBlockByHash" => self.header(BlockTag::Hash(read(&params[0]))).await,
            "eth_getLogs" => self.logs(&params[0]).await,
            "eth_call" => self.call(params).await,
            "eth_getStorageAt" => {
                let at = self.at(&params[2]).await?;
                let word = self
                    .endpoint
                    .storage(&at, read(&params[0]), read(&params[1]));
                Ok(json!(word.await?))
            }
            "eth_getCode" => Ok(json!(self.endpoint.code(read(&params[0])).await?)),
            MINE => {
                self.world.lock().mine();
                Ok(Value::Null)
            }
            other => Err(ChainError::Refused(format!("{other} is not served"))),
        }
    }

    async fn header(&self, tag: BlockTag) -> Result<Value, ChainError> {
        // Block 0 is the identity of a chain; a world begins later, and answers with its first block.
        if tag == BlockTag::Number(BlockNumber::new(0)) {
            let world = self.world.lock();
            let mut first = world.block(world.setup.first_block).unwrap().header.clone();
            first.block.number = BlockNumber::new(0);
            return Ok(wire(&first));
        }
        let header = self.endpoint.header(tag).await?;
        Ok(header.as_ref().map_or(Value::Null, wire))
    }

    async fn at(&self, pin: &Value) -> Result<Header, ChainError> {
        let hash: B256 = read(&pin["blockHash"]);
        let header = self.endpoint.header(BlockTag::Hash(hash)).await?;
        header.ok_or(ChainError::UnknownBlock)
    }

    async fn logs(&self, question: &Value) -> Result<Value, ChainError> {
        let topics = &question["topics"][0];
        let filter = LogFilter {
            addresses: read(&question["address"]),
            topics: if topics.is_null() {
                Vec::new()
            } else {
                read(topics)
            },
        };
        let logs = if question["blockHash"].is_null() {
            let block = |name: &str| BlockNumber::new(number(&question[name]));
            let range = self
                .endpoint
                .logs_of_range(block("fromBlock"), block("toBlock"), &filter);
            range.await?
        } else {
            let hash = read(&question["blockHash"]);
            self.endpoint.logs_of_block(hash, &filter).await?
        };
        let logs = logs.iter().map(|log| {
            json!({
                "blockHash": log.block.hash,
                "blockNumber": format!("{:#x}", log.block.number.value()),
                "transactionHash": log.transaction,
                "logIndex": format!("{:#x}", log.index),
                "address": log.address,
                "topics": log.topics,
                "data": log.data,
                "removed": false,
            })
        });
        Ok(Value::Array(logs.collect()))
    }

    async fn call(&self, params: &Value) -> Result<Value, ChainError> {
        let at = self.at(&params[1]).await?;
        let call = Call {
            to: read(&params[0]["to"]),
            data: read(&params[0]["data"]),
        };
        let mut answers = self.endpoint.aggregate(&at, &[call]).await?;
        match answers.remove(0) {
            CallAnswer::Returned(bytes) => Ok(json!(bytes)),
            CallAnswer::Reverted(_) => Err(ChainError::Refused("execution reverted".to_owned())),
        }
    }
}
