//! Names that are probably meant for steward, and are none of its variables.
//!
//! The environment is full of other programs' variables, so a name is suspicious only when it begins like one of ours,
//! or is nearly one of ours.

use std::collections::BTreeSet;

use super::{
    problem::{ConfigWarning, NOT_SET, Problem},
    variable::{Scope, all},
};
use crate::network::{BUILT_IN, NetworkName};

/// Beginnings that belong to steward alone. `HTTP_` and `LOG_` are everybody's.
const OUR_PREFIXES: [&str; 7] = [
    "STEWARD_",
    "DISCORD_",
    "L1_",
    "COINBASE_",
    "DELIVERY_",
    "METRICS_PER_",
    "METRICS_ATTESTERS_",
];

/// How many letters a typing error may change; shorter names are not compared at all.
const DISTANCE_MAX: usize = 2;

/// A name must have this many letters before its nearness to another means anything (`LOG` is near to anything).
const COMPARED_LENGTH_MIN: usize = 6;

/// A warning for every suspicious name.
pub(super) fn warnings(names: &[String], networks: &[&NetworkName]) -> Vec<ConfigWarning> {
    let known = known(networks);
    let prefixes: Vec<String> = networks
        .iter()
        .map(|network| format!("{}_", network.variable_prefix()))
        .chain(OUR_PREFIXES.map(str::to_owned))
        .collect();
    names
        .iter()
        .filter(|name| !known.contains(*name))
        .filter_map(|name| {
            if let Some(network) = unnamed_network(name) {
                return Some(ConfigWarning {
                    variable: name.clone(),
                    what: format!("is set, and {network} is not watched"),
                    next_step: format!("Add {network} to NETWORKS, or remove the variable."),
                });
            }
            let is_ours = prefixes.iter().any(|prefix| name.starts_with(prefix));
            let nearest = nearest(name, &known).or_else(|| {
                let longer = format!("{name}_");
                known
                    .iter()
                    .find(|other| is_ours && other.starts_with(&longer))
            });
            (is_ours || nearest.is_some()).then(|| warning(name, nearest))
        })
        .collect()
}

/// Where a variable is missing and a name nearly like it is set, says so.
pub(super) fn explain(problems: &mut [Problem], names: &[String]) {
    let known = known(&[]);
    for problem in problems {
        let near = names
            .iter()
            .find(|name| !known.contains(*name) && is_near(name, &problem.variable))
            .filter(|_near| problem.what == NOT_SET);
        if let Some(near) = near {
            problem.next_step = format!("{near} is set; did you mean {}?", problem.variable);
        }
    }
}

/// The built-in network that an unknown name would belong to.
fn unnamed_network(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().map(|network| network.name).find(|network| {
        let prefix = format!("{}_", network.to_ascii_uppercase());
        let bare = name.strip_prefix(&prefix);
        bare.is_some_and(|bare| {
            let bare = bare.strip_suffix("_FILE").unwrap_or(bare);
            all().any(|variable| variable.scope != Scope::Process && variable.name == bare)
        })
    })
}

fn warning(name: &str, nearest: Option<&String>) -> ConfigWarning {
    ConfigWarning {
        variable: name.to_owned(),
        what: "is set, and steward has no such variable".to_owned(),
        next_step: match nearest {
            Some(nearest) => format!("Did you mean {nearest}?"),
            None => "See docs/CONFIGURATION.md for all variables.".to_owned(),
        },
    }
}

/// Every name that is read, with the prefixes of `networks`.
fn known(networks: &[&NetworkName]) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for variable in all() {
        let mut names = vec![variable.name.to_owned()];
        if variable.scope != Scope::Process {
            let prefixed = networks
                .iter()
                .map(|network| format!("{}_{}", network.variable_prefix(), variable.name));
            names.extend(prefixed);
        }
        for name in names {
            if variable.is_secret {
                known.insert(format!("{name}_FILE"));
            }
            known.insert(name);
        }
    }
    known
}

/// The known name that is nearest, if any is near.
fn nearest<'a>(name: &str, known: &'a BTreeSet<String>) -> Option<&'a String> {
    let bare = name.strip_prefix("STEWARD_").unwrap_or(name);
    if bare != name && known.contains(bare) {
        return known.get(bare);
    }
    known
        .iter()
        .filter(|other| is_near(name, other))
        .min_by_key(|other| distance(name, other))
}

fn is_near(name: &str, other: &str) -> bool {
    name.len().min(other.len()) >= COMPARED_LENGTH_MIN
        && name.len().abs_diff(other.len()) <= DISTANCE_MAX
        && distance(name, other) <= DISTANCE_MAX
}

/// Levenshtein's distance.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut before = line + 1;
        let mut next = vec![before];
        for ((above_left, above), other_letter) in row.iter().zip(row.iter().skip(1)).zip(&other) {
            let replaced = above_left + usize::from(letter != *other_letter);
            before = replaced.min(above + 1).min(before + 1);
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str]) -> Vec<String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mainnet = NetworkName::parse("mainnet").unwrap();
        warnings(&names, &[&mainnet])
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_typing_error_is_recognised() {
        insta::assert_snapshot!(
            check(&[
                "DISCORD_GUILD",
                "DISCORD_TOKN",
                "STEWARD_DATA_DIR",
                "MAINNET_L1_RPC_URL",
                "MAINNET_NODE",
                "PROVIDER_IDS",
                "TESTNET_L1_RPC_URLS",
            ]).join("\n"),
            @r#"
DISCORD_GUILD is set, and steward has no such variable. Did you mean DISCORD_GUILD_ID?
DISCORD_TOKN is set, and steward has no such variable. Did you mean DISCORD_TOKEN?
STEWARD_DATA_DIR is set, and steward has no such variable. Did you mean DATA_DIR?
MAINNET_L1_RPC_URL is set, and steward has no such variable. Did you mean MAINNET_L1_RPC_URLS?
MAINNET_NODE is set, and steward has no such variable. See docs/CONFIGURATION.md for all variables.
PROVIDER_IDS is set, and steward has no such variable. Did you mean PROVIDER_ID?
TESTNET_L1_RPC_URLS is set, and testnet is not watched. Add testnet to NETWORKS, or remove the variable.
"#
        );
    }

    #[test]
    fn what_belongs_to_others_is_left_alone() {
        let none: Vec<String> = Vec::new();
        let names = [
            "PATH",
            "HOME",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "LOG_LEVEL",
            "LANG",
            "RUST_LOG",
            "NETWORK_ID",
            "LOGNAME",
            "KEYS_DIR",
            "MAINNET_KEYS_DIR",
            "DISCORD_TOKEN_FILE",
        ];
        assert_eq!(check(&names), none);
    }

    #[test]
    fn a_missing_variable_is_compared_with_what_is_set() {
        let mut problems = vec![Problem {
            variable: "MAINNET_PROVIDER_ID".to_owned(),
            what: "is not set".to_owned(),
            why: String::new(),
            next_step: "Set it.".to_owned(),
        }];
        explain(
            &mut problems,
            &["PATH".to_owned(), "MAINNET_PROVIDERID".to_owned()],
        );
        insta::assert_snapshot!(problems[0].next_step, @"MAINNET_PROVIDERID is set; did you mean MAINNET_PROVIDER_ID?");
    }

    #[test]
    fn distance_counts_changed_letters() {
        for (one, other, expected) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "abd", 1),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }
}
