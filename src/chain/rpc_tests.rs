//! `HttpEndpoint` against a server that answers whatever it is told to.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Response, StatusCode},
};

use super::*;
use crate::units::{BlockRef, UnixSeconds};

/// What the server does with the next request.
#[derive(Clone)]
enum Answering {
    /// A body with a status and headers; `ID` in it becomes the request's id.
    Body(u16, Vec<(&'static str, &'static str)>, String),
    /// Never.
    Never,
}

struct Server {
    url: SecretString,
    asked: Arc<Mutex<Vec<Value>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test's own server, ended with the test"
)]
async fn server(answering: Answering) -> Server {
    let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
    let seen = asked.clone();
    let app = Router::new().fallback(move |body: String| {
        let (answering, seen) = (answering.clone(), seen.clone());
        async move {
            let question: Value = serde_json::from_str(&body).unwrap();
            let id = question["id"].to_string();
            seen.lock().unwrap().push(question);
            match answering {
                Answering::Never => std::future::pending().await,
                Answering::Body(status, headers, text) => {
                    let mut response = Response::new(Body::from(text.replace("ID", &id)));
                    *response.status_mut() = StatusCode::from_u16(status).unwrap();
                    for (name, value) in headers {
                        response
                            .headers_mut()
                            .insert(name, HeaderValue::from_static(value));
                    }
                    response
                }
            }
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    Server {
        url: SecretString::from(format!("http://{address}/v2/sesame-open-up")),
        asked,
        task,
    }
}

fn endpoint(server: &Server) -> HttpEndpoint {
    endpoint_within(server, Duration::from_secs(30))
}

fn endpoint_within(server: &Server, timeout: Duration) -> HttpEndpoint {
    let options = HttpOptions {
        timeout,
        answer_bytes_max: 4096,
        ..HttpOptions::default()
    };
    HttpEndpoint::new(EndpointName::new("rpc-1"), &server.url, &options).unwrap()
}

async fn serving(status: u16, headers: Vec<(&'static str, &'static str)>, body: &str) -> Server {
    server(Answering::Body(status, headers, body.to_owned())).await
}

async fn result(json: &str) -> Server {
    serving(
        200,
        vec![],
        &format!(r#"{{"jsonrpc":"2.0","id":ID,"result":{json}}}"#),
    )
    .await
}

async fn chain_id_of(
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: &str,
) -> Result<u64, ChainError> {
    let server = serving(status, headers, body).await;
    endpoint(&server).chain_id().await
}

fn at() -> Header {
    Header {
        block: BlockRef {
            number: BlockNumber::new(16),
            hash: B256::repeat_byte(0xb1),
        },
        parent_hash: B256::repeat_byte(0xb0),
        timestamp: UnixSeconds::new(1000),
        logs_bloom: Bytes::new(),
    }
}

fn filter() -> LogFilter {
    LogFilter {
        addresses: vec![Address::repeat_byte(0xaa)],
        topics: vec![B256::repeat_byte(0x11), B256::repeat_byte(0x22)],
    }
}

fn log(number: u64, hash: u8, index: u64, address: u8, topic: u8) -> Value {
    json!({
        "blockHash": B256::repeat_byte(hash), "blockNumber": wire::quantity(number),
        "transactionHash": B256::repeat_byte(1), "transactionIndex": "0x0", "logIndex": wire::quantity(index),
        "address": Address::repeat_byte(address), "topics": [B256::repeat_byte(topic)], "data": "0x01", "removed": false,
    })
}

#[tokio::test]
async fn a_number_is_read_whatever_its_form() {
    for text in [r#""0x1""#, r#""0x01""#, r#""1""#, "1"] {
        let server = result(text).await;
        assert_eq!(endpoint(&server).chain_id().await, Ok(1), "{text}");
    }
}

#[tokio::test]
async fn a_rate_limit_is_told_with_its_waiting_time() {
    let limited = |seconds: Option<u64>| {
        Err(ChainError::RateLimited {
            retry_after: seconds.map(Duration::from_secs),
        })
    };
    let said = chain_id_of(429, vec![("retry-after", "7")], "slow down").await;
    assert_eq!(said, limited(Some(7)));
    let said = chain_id_of(503, vec![("retry-after", "2")], "<html></html>").await;
    assert_eq!(said, limited(Some(2)));
    let dates = vec![
        ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"),
    ];
    assert_eq!(chain_id_of(429, dates, "").await, limited(Some(30)));
    let packet = r#"{"jsonrpc":"2.0","id":ID,"error":{"code":-32000,"message":"whatever"}}"#;
    assert_eq!(chain_id_of(429, vec![], packet).await, limited(None));
    let packet = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"rate limited"}}"#;
    assert_eq!(chain_id_of(200, vec![], packet).await, limited(None));
}

#[tokio::test]
async fn a_refusal_is_told_from_a_failure() {
    let refused = |said: Result<u64, ChainError>| matches!(said, Err(ChainError::Refused(_)));
    let unavailable = |said| matches!(said, Err(ChainError::Unavailable(_)));
    assert!(refused(chain_id_of(401, vec![], "").await));
    assert!(refused(chain_id_of(403, vec![], "<html>no</html>").await));
    assert!(refused(chain_id_of(404, vec![], "not here").await));
    assert!(refused(
        chain_id_of(302, vec![("location", "http://127.0.0.1:1/")], "").await
    ));
    assert!(unavailable(
        chain_id_of(502, vec![], "<html>bad gateway</html>").await
    ));
    assert!(unavailable(chain_id_of(503, vec![], "").await));
    let packet =
        r#"{"jsonrpc":"2.0","id":ID,"error":{"code":-32601,"message":"Method not found"}}"#;
    assert!(refused(chain_id_of(400, vec![], packet).await));
}

#[tokio::test]
async fn an_answer_that_is_none_is_malformed() {
    let bodies = [
        "<!doctype html><p>hello</p>",
        "",
        r#"{"jsonrpc":"2.0","id":ID}"#,
        r#"{"jsonrpc":"2.0","id":999999,"result":"0x1"}"#,
        r#"{"jsonrpc":"2.0","id":ID,"result":"many"}"#,
        r#"{"jsonrpc":"2.0","id":ID,"result":null}"#,
    ];
    for body in bodies {
        let said = chain_id_of(200, vec![], body).await;
        assert!(
            matches!(said, Err(ChainError::Malformed(_))),
            "{body}: {said:?}"
        );
    }
}

#[tokio::test]
async fn silence_and_a_closed_port_are_unavailable_and_name_no_url() {
    let silent = server(Answering::Never).await;
    let said = endpoint_within(&silent, Duration::from_millis(100))
        .chain_id()
        .await;
    assert_eq!(
        said,
        Err(ChainError::Unavailable("no answer in time".to_owned()))
    );
    let url = SecretString::from("http://127.0.0.1:1/v2/sesame-open-up");
    let gone = HttpEndpoint::new(EndpointName::new("gone"), &url, &HttpOptions::default()).unwrap();
    let Err(ChainError::Unavailable(why)) = gone.chain_id().await else {
        panic!("a closed port answered");
    };
    assert!(why.to_lowercase().contains("refused"), "{why}");
    assert!(
        !why.contains("sesame") && !why.contains("127.0.0.1"),
        "{why}"
    );
    assert!(!format!("{gone:?}").contains("sesame"));
}

#[tokio::test]
async fn an_echoed_key_is_blotted_out() {
    let packet = r#"{"jsonrpc":"2.0","id":ID,"error":{"code":-32000,"message":"no app sesame-open-up at http://x/y"}}"#;
    let said = chain_id_of(500, vec![], packet).await;
    assert_eq!(
        said,
        Err(ChainError::Unavailable(
            "no app *** at (URL) (-32000)".to_owned()
        ))
    );
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let said = chain_id_of(200, vec![], &"x".repeat(5000)).await;
    assert!(matches!(said, Err(ChainError::TooLarge { .. })), "{said:?}");
}

#[tokio::test]
async fn a_header_is_read_leniently_and_must_be_the_one_asked_for() {
    let header = json!({
        "number": "0x10", "hash": at().block.hash, "parentHash": at().parent_hash, "timestamp": "0x3e8",
        "logsBloom": "0x", "withdrawals": [], "somethingNew": {"a": 1},
    });
    let server = result(&header.to_string()).await;
    let rpc = endpoint(&server);
    assert_eq!(rpc.header(BlockTag::Latest).await, Ok(Some(at())));
    assert_eq!(
        rpc.header(BlockTag::Hash(at().block.hash)).await,
        Ok(Some(at()))
    );
    let other = rpc.header(BlockTag::Number(BlockNumber::new(17))).await;
    assert!(matches!(other, Err(ChainError::Malformed(_))));
    let asked = server.asked.lock().unwrap().clone();
    assert_eq!(asked[1]["method"], "eth_getBlockByHash");
    assert_eq!(asked[2]["params"], json!(["0x11", false]));
}

#[tokio::test]
async fn an_absent_block_is_none() {
    let server = result("null").await;
    assert_eq!(endpoint(&server).header(BlockTag::Latest).await, Ok(None));
    for message in ["finalized block not found", "invalid block tag"] {
        let packet = format!(
            r#"{{"jsonrpc":"2.0","id":ID,"error":{{"code":-32602,"message":"{message}"}}}}"#
        );
        let server = serving(400, vec![], &packet).await;
        assert_eq!(
            endpoint(&server).header(BlockTag::Finalized).await,
            Ok(None),
            "{message}"
        );
    }
    let forbidden = serving(401, vec![], "").await;
    let said = endpoint(&forbidden).header(BlockTag::Finalized).await;
    assert!(matches!(said, Err(ChainError::Refused(_))), "{said:?}");
}

#[tokio::test]
async fn logs_are_asked_by_hash_or_by_range_and_read() {
    let server =
        result(&json!([log(16, 0xb1, 3, 0xaa, 0x11), log(16, 0xb1, 4, 0xaa, 0x22)]).to_string())
            .await;
    let rpc = endpoint(&server);
    let filter = filter();
    let logs = rpc.logs_of_block(at().block.hash, &filter).await.unwrap();
    assert_eq!(logs.iter().map(|log| log.index).collect::<Vec<_>>(), [3, 4]);
    let (from, to) = (BlockNumber::new(16), BlockNumber::new(300));
    assert_eq!(rpc.logs_of_range(from, to, &filter).await.unwrap(), logs);
    let asked = server.asked.lock().unwrap().clone();
    assert_eq!(asked[0]["params"][0]["blockHash"], json!(at().block.hash));
    assert_eq!(asked[1]["params"][0]["fromBlock"], "0x10");
    assert_eq!(asked[1]["params"][0]["toBlock"], "0x12c");
    assert_eq!(asked[1]["params"][0]["topics"], json!([filter.topics]));
}

#[tokio::test]
async fn logs_that_were_not_asked_about_are_malformed() {
    let mut removed = log(16, 0xb1, 0, 0xaa, 0x11);
    removed["removed"] = json!(true);
    let answers = [
        json!([log(16, 0xb2, 0, 0xaa, 0x11)]),
        json!([log(16, 0xb1, 0, 0xab, 0x11)]),
        json!([log(16, 0xb1, 0, 0xaa, 0x33)]),
        json!([log(16, 0xb1, 2, 0xaa, 0x11), log(16, 0xb1, 1, 0xaa, 0x11)]),
        json!([log(16, 0xb1, 1, 0xaa, 0x11), log(16, 0xb1, 1, 0xaa, 0x11)]),
        json!([removed]),
    ];
    for answer in answers {
        let server = result(&answer.to_string()).await;
        let said = endpoint(&server)
            .logs_of_block(at().block.hash, &filter())
            .await;
        assert!(
            matches!(said, Err(ChainError::Malformed(_))),
            "{answer}: {said:?}"
        );
    }
    for answer in [
        json!([log(9, 1, 0, 0xaa, 0x11)]),
        json!([log(12, 2, 0, 0xaa, 0x11), log(11, 1, 0, 0xaa, 0x11)]),
    ] {
        let server = result(&answer.to_string()).await;
        let (from, to) = (BlockNumber::new(10), BlockNumber::new(20));
        let said = endpoint(&server).logs_of_range(from, to, &filter()).await;
        assert!(
            matches!(said, Err(ChainError::Malformed(_))),
            "{answer}: {said:?}"
        );
    }
}

#[tokio::test]
async fn an_unknown_block_is_an_error_and_never_an_empty_answer() {
    let packet = r#"{"jsonrpc":"2.0","id":ID,"error":{"code":-32000,"message":"unknown block"}}"#;
    let server = serving(200, vec![], packet).await;
    let said = endpoint(&server)
        .logs_of_block(at().block.hash, &filter())
        .await;
    assert_eq!(said, Err(ChainError::UnknownBlock));
    let none = LogFilter::default();
    let said = endpoint(&server)
        .logs_of_block(at().block.hash, &none)
        .await;
    assert!(matches!(said, Err(ChainError::Refused(_))));
}

fn aggregate(results: &[(bool, Bytes)]) -> String {
    let results: Vec<Multicall3::Result> = results
        .iter()
        .map(|(success, data)| Multicall3::Result {
            success: *success,
            returnData: data.clone(),
        })
        .collect();
    let bytes: Bytes = Multicall3::aggregate3Call::abi_encode_returns(&results).into();
    format!("\"{bytes}\"")
}

fn word(bytes: B256) -> (bool, Bytes) {
    (true, Bytes::copy_from_slice(bytes.as_slice()))
}

fn number(number: u64) -> (bool, Bytes) {
    word(B256::from(U256::from(number)))
}

async fn aggregate_of(results: &[(bool, Bytes)]) -> Result<Vec<CallAnswer>, ChainError> {
    let server = result(&aggregate(results)).await;
    let call = Call {
        to: Address::repeat_byte(0xaa),
        data: Bytes::from_static(&[1, 2, 3, 4]),
    };
    let answers = endpoint(&server).aggregate(&at(), &[call]).await;
    let asked = server.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0]["params"][1],
        json!({"blockHash": at().block.hash, "requireCanonical": true})
    );
    answers
}

#[tokio::test]
async fn an_aggregate_is_pinned_and_its_answers_keep_their_order() {
    let answer = (false, Bytes::from_static(&[9]));
    let answers = aggregate_of(&[number(16), answer, word(at().parent_hash)]).await;
    assert_eq!(
        answers,
        Ok(vec![CallAnswer::Reverted(Bytes::from_static(&[9]))])
    );
}

#[tokio::test]
async fn an_endpoint_that_ignores_the_pin_is_found() {
    let other_height = aggregate_of(&[number(17), number(1), word(at().parent_hash)]).await;
    assert_eq!(other_height, Err(ChainError::PinIgnored));
    let other_parent = aggregate_of(&[number(16), number(1), word(B256::ZERO)]).await;
    assert_eq!(other_parent, Err(ChainError::PinIgnored));
}

#[tokio::test]
async fn an_aggregate_without_sense_is_no_answer() {
    let short = aggregate_of(&[number(16), word(at().parent_hash)]).await;
    assert!(matches!(short, Err(ChainError::Malformed(_))), "{short:?}");
    let mute = aggregate_of(&[(false, Bytes::new()), number(1), (false, Bytes::new())]).await;
    assert!(matches!(mute, Err(ChainError::Malformed(_))), "{mute:?}");
    let starved = (false, Bytes::new());
    let gas = aggregate_of(&[number(16), starved.clone(), starved]).await;
    assert!(matches!(gas, Err(ChainError::TooLarge { .. })), "{gas:?}");
    let server = result("\"0x\"").await;
    let absent = endpoint(&server).aggregate(&at(), &[]).await;
    let Err(ChainError::Refused(why)) = absent else {
        panic!("{absent:?}");
    };
    assert!(why.contains("Multicall3"), "{why}");
}

#[tokio::test]
async fn code_and_storage_are_read() {
    let server = result("\"0x6001\"").await;
    let rpc = endpoint(&server);
    assert_eq!(
        rpc.code(MULTICALL3).await,
        Ok(Bytes::from_static(&[0x60, 1]))
    );
    let word = rpc.storage(&at(), MULTICALL3, B256::ZERO).await;
    assert_eq!(word, Ok(B256::from(U256::from(0x6001))));
    let padded = result(&format!("\"{}\"", B256::with_last_byte(7))).await;
    let word = endpoint(&padded)
        .storage(&at(), MULTICALL3, B256::ZERO)
        .await;
    assert_eq!(word, Ok(B256::with_last_byte(7)));
}
