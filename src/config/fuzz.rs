//! The environment, broken: every problem names its variable, and no secret is in it.

use std::collections::BTreeMap;

use super::{Config, Need};
use crate::fuzz::{Broken, fuzz};

const KEY: &str = "GcAnary-of-a-key-that-is-as-long-as-keys-of-nodes-are";
const SECRET: &str = "MTAxMjM0NTY3ODkwMTIzNDU2.GcAnary.of-a-token-that-nobody-has";
const RIGHT: &str = "NETWORKS=mainnet\nL1_RPC_URLS=https://user:pass@one.example/v3/GcAnary-of-a-key-that-is-as-long-as-keys-of-nodes-are,https://two.example\n\
                     PROVIDER_ID=7\nDISCORD_TOKEN=MTAxMjM0NTY3ODkwMTIzNDU2.GcAnary.of-a-token-that-nobody-has\n\
                     DISCORD_GUILD_ID=1\nDISCORD_CHANNEL_ALERTS=2\nDISCORD_CHANNEL_TRANSITIONS=3\nHTTP_BIND=127.0.0.1:9090\n\
                     COINBASE_LADDER=7d,48h,6h\nDATA_DIR=/var/lib/steward\nLOG=info\n";
const WORDS: [&str; 12] = [
    "=",
    "\n",
    ",",
    "-1",
    "18446744073709551616",
    "7d",
    "off",
    "https://",
    "\u{202e}",
    "0x",
    "::1",
    "NaN",
];

fn variables(text: &str) -> BTreeMap<String, String> {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    // Which files may be read is not up to a random machine.
    let pairs = pairs.filter(|(name, _)| !name.ends_with("_FILE"));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn configurations() {
    let whole = include_str!("../../.env.example");
    // Every setting that is commented out, set.
    let set: String = whole
        .lines()
        .filter_map(|line| line.strip_prefix("# ").or_else(|| line.strip_prefix('#')))
        .filter(|line| line.contains('='))
        .map(|line| format!("{line}\n"))
        .collect();
    fuzz!(|broken: Broken| {
        let text = broken.text(&[RIGHT, whole, &set], &WORDS);
        let variables = variables(&text);
        let lookup = |name: &str| variables.get(name).cloned();
        for need in [Need::Service, Need::NoDiscord, Need::DryRun] {
            // What is accepted may be called whatever somebody likes.
            let Err(problems) = Config::read(&lookup, need) else {
                continue;
            };
            let names_all = problems
                .0
                .iter()
                .all(|problem| !problem.variable.is_empty());
            let told = format!("{problems} {problems:?}");
            assert!(names_all, "{told}");
            assert!(!told.contains(SECRET), "{told}");
            assert!(!told.contains(KEY), "{told}");
        }
    });
}
