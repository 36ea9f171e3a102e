//! Keys files, broken: a fault is a sentence, and never holds what may be a private key.

use super::{KeysFileName, file::parse, file::tests::GOLDEN};
use crate::fuzz::{Broken, fuzz};

const KEY: &str = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a";
const PRIVATE: &str = r#"{"schemaVersion":1,"validators":[{"attester":{"eth":"0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a","bls":"0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"}}]}"#;
const WORDS: [&str; 12] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "null",
    "\"attester\"",
    "\"coinbase\":\"0x\"",
    "1e999",
    "\u{feff}",
];

#[test]
fn keys_files() {
    let name = KeysFileName::new("fra-1/keys.json");
    fuzz!(|broken: Broken| {
        let content = broken.on(&[GOLDEN.as_bytes(), PRIVATE.as_bytes()], &WORDS);
        match parse(&name, &content) {
            Ok(file) => assert_eq!(parse(&name, &content), Ok(file)),
            Err(fault) => {
                let told = format!("{fault} {fault:?}");
                assert!(!told.contains(KEY.trim_start_matches("0x")), "{told}");
                assert!(!told.chars().any(char::is_control), "{told}");
            }
        }
    });
}
