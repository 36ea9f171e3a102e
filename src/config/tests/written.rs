//! What is written of the configuration: the table of variables, `.env.example`, the reference.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::read_with;
use crate::config::{
    Config, Need, reference,
    variable::{Presence, Scope, all},
};

/// Every example is accepted, alone, by the code that reads the variable.
#[test]
fn every_example_and_every_default_is_valid() {
    for variable in all() {
        let mut changes = vec![(variable.name, variable.example)];
        match variable.name {
            "DISCORD_TOKEN" => continue,
            "PROVIDER_ADMIN" => changes.push(("PROVIDER_ID", "")),
            "DEAD_MAN_URL" => changes.push(("DISCORD_CHANNEL_CANARY", "3")),
            _ => (),
        }
        if let Err(problems) = read_with(&changes) {
            panic!("{}: {problems}", variable.name);
        }
        if let Presence::Default(text) = variable.presence {
            assert!(
                read_with(&[(variable.name, text)]).is_ok(),
                "{}",
                variable.name
            );
        }
    }
}

/// Reads with one network and with two, and compares every name that was asked for with the table.
#[test]
fn the_code_reads_exactly_the_variables_of_the_table() {
    let asked = RefCell::new(BTreeSet::new());
    for networks in ["mainnet", "mainnet,testnet"] {
        let lookup = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            (name == "NETWORKS").then(|| networks.to_owned())
        };
        let _problems = Config::read(&lookup, Need::Service);
    }
    // systemd sets it, and no operator.
    let mut expected = BTreeSet::from(["CREDENTIALS_DIRECTORY".to_owned()]);
    for variable in all() {
        let mut names = vec![variable.name.to_owned()];
        if variable.scope != Scope::Process {
            names
                .extend(["MAINNET", "TESTNET"].map(|prefix| format!("{prefix}_{}", variable.name)));
        }
        for name in names {
            if variable.is_secret {
                assert!(expected.insert(format!("{name}_FILE")));
            }
            assert!(
                expected.insert(name.clone()),
                "{name} is in the table twice"
            );
        }
    }
    assert_eq!(asked.into_inner(), expected);
}

#[test]
fn the_written_reference_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (file, text) in [
        (".env.example", reference::env_example()),
        ("docs/CONFIGURATION.md", reference::markdown()),
    ] {
        let path = root.join(file);
        #[expect(
            clippy::disallowed_methods,
            reason = "the switch of a test, not configuration"
        )]
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == text,
            "{file} is outdated: run UPDATE_DOCS=1 cargo test config::"
        );
    }
}

/// Whoever takes the `# ` away from any line has a file that can still be read.
#[test]
fn every_line_of_the_example_file_can_be_uncommented() {
    let text: String = reference::env_example()
        .lines()
        .map(|line| line.trim_start_matches("# "))
        .filter(|line| {
            line.split('=')
                .next()
                .is_some_and(|name| all().any(|v| v.name == name))
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let read: Vec<_> = dotenvy::from_read_iter(text.as_bytes()).collect();
    assert_eq!(read.len(), all().count());
    for (line, variable) in read.into_iter().zip(all()) {
        assert_eq!(line.unwrap().0, variable.name);
    }
}

/// Copying `.env.example` and filling in the token is a working configuration.
#[test]
fn the_example_file_is_complete() {
    let text = reference::env_example();
    let variables: BTreeMap<&str, &str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .collect();
    let lookup = |name: &str| match name {
        "DISCORD_TOKEN" => Some("token".to_owned()),
        _ => variables.get(name).map(|text| (*text).to_owned()),
    };
    let config = Config::read(&lookup, Need::Service);
    assert!(config.is_ok(), "{config:?}");
}
