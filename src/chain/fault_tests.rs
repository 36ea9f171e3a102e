//! Sentences of real clients and providers, and what they mean.

use super::*;

/// Meaning, then the error object.
const SENTENCES: &str = r#"
TooLarge(16)     | {"code": -32005, "message": "query returned more than 10000 results. Try with this block range [0x10, 0x1F].", "data": {"from": "0x10", "limit": 10000, "to": "0x1F"}}
TooLarge(?)      | {"code": -32005, "message": "query returned more than 10000 results"}
TooLarge(10)     | {"code": -32600, "message": "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range. Based on your parameters, this block range should work: [0x1, 0xa]. Upgrade to PAYG for expanded block range."}
TooLarge(2000)   | {"code": -32602, "message": "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the response size, or you can request any block range with a cap of 10K logs in the response."}
TooLarge(10000)  | {"code": -32614, "message": "eth_getLogs is limited to a 10,000 range"}
TooLarge(100000) | {"code": -32602, "message": "query exceeds max block range 100000"}
TooLarge(50)     | {"code": -32602, "message": "query exceeds max results 20000, retry with the range 100-149"}
TooLarge(10000)  | {"code": 35, "message": "ranges over 10000 blocks are not supported on free tier"}
TooLarge(?)      | {"code": -32600, "message": "block range is too wide"}
TooLarge(50000)  | {"code": -32000, "message": "exceed maximum block range: 50000"}
TooLarge(?)      | {"code": -32000, "message": "Requested range exceeds maximum RPC range limit"}
TooLarge(?)      | {"code": -32008, "message": "Response is too big", "data": "Exceeded max limit of 167772160"}
TooLarge(?)      | {"code": -32002, "message": "request timed out"}
TooLarge(?)      | {"code": -32000, "message": "execution aborted (timeout = 5s)"}
TooLarge(?)      | {"code": -32000, "message": "out of gas"}
TooLarge(?)      | {"code": -32000, "message": "err: gas required exceeds allowance (50000000)"}
TooLarge(?)      | {"code": -32003, "message": "EVM error: OutOfGas"}
TooLarge(?)      | {"code": 3, "message": "execution reverted", "data": "0x"}
UnknownBlock     | {"code": -32000, "message": "header not found"}
UnknownBlock     | {"code": -32000, "message": "unknown block"}
UnknownBlock     | {"code": -32000, "message": "hash 0x12 is not currently canonical"}
UnknownBlock     | {"code": -32602, "message": "block range extends beyond current head block"}
UnknownBlock     | {"code": -32001, "message": "Block 0xabc could not be found"}
UnknownBlock     | {"code": -32001, "message": "block not found: hash 0x00"}
UnknownBlock     | {"code": -32602, "message": "BlockOutOfRangeError: block height is 5 but requested was 9"}
UnknownBlock     | {"code": -32602, "message": "invalid argument 0: hex string without 0x prefix"}
UnknownBlock     | {"code": -32000, "message": "'finalized' tag not supported on pre-merge network"}
UnknownBlock     | {"code": -39001, "message": "safe block not found"}
Pruned           | {"code": -32000, "message": "missing trie node 12ab (path ) state 0x12 is not available"}
Pruned           | {"code": 4444, "message": "pruned history unavailable"}
Pruned           | {"code": -32000, "message": "required historical state unavailable (reexec=128)"}
Pruned           | {"code": -32002, "message": "No state available for block 0x12"}
Pruned           | {"code": -32000, "message": "distance to target block exceeds maximum proof window"}
RateLimited(30)  | {"code": -32005, "message": "daily request count exceeded, request rate limited", "data": {"rate": {"backoff_seconds": 30.0}}}
RateLimited(?)   | {"code": 429, "message": "Your app has exceeded its compute units per second capacity."}
RateLimited(?)   | {"code": -32007, "message": "50/second request limit reached - reduce calls per second or upgrade"}
RateLimited(?)   | {"code": "-32005", "message": "limit exceeded"}
Refused          | {"code": -32601, "message": "the method eth_getLogs does not exist/is not available"}
Refused          | {"code": -32601, "message": "method could not be found"}
Refused          | {"code": -32000, "message": "Unauthorized: You must authenticate your request with an API key."}
Refused          | {"code": -32602, "message": "invalid argument 1: json: cannot unmarshal object into Go value of type string"}
Unavailable      | {"code": -32603, "message": "Internal error"}
Unavailable      | {"message": {"odd": 1}}
"#;

fn meaning(error: &ChainError) -> String {
    let or_unknown = |number: Option<u64>| number.map_or("?".to_owned(), |n| n.to_string());
    match error {
        ChainError::TooLarge { blocks_max, .. } => format!("TooLarge({})", or_unknown(*blocks_max)),
        ChainError::RateLimited { retry_after } => {
            format!(
                "RateLimited({})",
                or_unknown(retry_after.map(|wait| wait.as_secs()))
            )
        }
        ChainError::UnknownBlock => "UnknownBlock".to_owned(),
        ChainError::Unavailable(_) => "Unavailable".to_owned(),
        ChainError::Refused(_) => "Refused".to_owned(),
        ChainError::Pruned(_) => "Pruned".to_owned(),
        ChainError::Malformed(_) => "Malformed".to_owned(),
        ChainError::PinIgnored => "PinIgnored".to_owned(),
    }
}

#[test]
fn each_client_and_provider_is_understood() {
    for line in SENTENCES.lines().filter(|line| !line.is_empty()) {
        let (expected, packet) = line.split_once('|').unwrap();
        let packet: ErrorPacket = serde_json::from_str(packet).unwrap();
        let error = of_packet(&packet, None, &Redaction::default());
        assert_eq!(meaning(&error), expected.trim(), "{line}");
    }
}

#[test]
fn a_key_never_reaches_an_error() {
    let url = reqwest::Url::parse(
        "https://bobby:pa55word@node.example.org/v3/0123456789abcdef?token=sesame99",
    )
    .unwrap();
    let redaction = Redaction::of(&url);
    let said = "no project 0123456789abcdef for bobby pa55word sesame99; see\nhttps://node.example.org/v3/x";
    let clean = redaction.clean(said);
    assert_eq!(clean, "no project *** for bobby *** ***; see (URL)");
    let long = redaction.clean(&"x ".repeat(500));
    assert!(long.chars().count() <= DETAIL_CHARS_MAX + 1);
    assert_eq!(format!("{redaction:?}"), "Redaction { .. }");
}
