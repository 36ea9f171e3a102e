//! The canary, and who is told when it falls silent.

use std::time::Duration;

use secrecy::SecretString;

use super::{
    discord::DiscordConfig,
    problem::Fault,
    reader::Reader,
    value,
    variable::{Presence, Scope, Section, Variable},
};

const CANARY_INTERVAL: Variable = Variable {
    name: "CANARY_INTERVAL",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Default("10m"),
    doc: "How often the canary in DISCORD_CHANNEL_CANARY is written and read back.",
    example: "10m",
};

const DEAD_MAN_URL: Variable = Variable {
    name: "DEAD_MAN_URL",
    scope: Scope::Process,
    is_secret: true,
    presence: Presence::Optional("nobody is told when steward falls silent"),
    doc: "An address that is fetched each time the canary was seen in its channel, and never otherwise: the ping URL of a service that raises an alarm when it hears nothing for a while (Healthchecks, Dead Man's Snitch, Uptime Kuma). Set its period to three intervals of the canary.",
    example: "https://hc-ping.com/00000000-0000-0000-0000-000000000000",
};

pub(super) const SECTION: Section = Section {
    title: "Canary",
    intro: "Proves again and again that messages arrive, and tells somebody else when they do not.",
    variables: &[&CANARY_INTERVAL, &DEAD_MAN_URL],
};

/// Discord takes a message every few seconds; a canary that is written more often than this proves nothing more.
const INTERVAL_MIN: Duration = Duration::from_secs(5 * 60);
/// Rarer, and an outage is known too late.
const INTERVAL_MAX: Duration = Duration::from_secs(24 * 3_600);

/// The canary.
#[derive(Debug, Clone)]
pub struct CanaryConfig {
    /// Between two beats.
    pub interval: Duration,
    /// What is fetched when a beat was seen.
    pub dead_man: Option<SecretString>,
}

/// Reads the whole topic; `discord` knows whether there is a channel.
pub(super) fn read(
    reader: &mut Reader<'_>,
    discord: Option<&DiscordConfig>,
    is_dry: bool,
) -> Option<CanaryConfig> {
    let interval = reader.value(&CANARY_INTERVAL, |text| {
        value::duration(text, INTERVAL_MIN..=INTERVAL_MAX)
    });
    let dead_man = reader.secret(&DEAD_MAN_URL, check_url);
    let is_unfed = discord.is_some_and(|discord| discord.channels.canary.is_none());
    if dead_man.is_some() && is_unfed && !is_dry {
        let fault = Fault::new(
            "is set, and DISCORD_CHANNEL_CANARY is not: nothing would ever be fetched",
            "Set DISCORD_CHANNEL_CANARY to a private channel, or remove it.",
        );
        reader.problem(DEAD_MAN_URL.name.to_owned(), &DEAD_MAN_URL, fault);
    }
    Some(CanaryConfig {
        interval: interval?,
        dead_man: dead_man.filter(|_| !is_dry),
    })
}

fn check_url(text: &str) -> Result<(), Fault> {
    match value::http_url(text) {
        Some(_) => Ok(()),
        None => Err(Fault::new(
            "is no HTTP address (the value is not shown)",
            format!("Write one such as {}", DEAD_MAN_URL.example),
        )),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::config::{Config, ConfigProblems, Need};

    const PING: &str = "https://ping.example/key-marker";

    fn read_with(changes: &[(&str, &str)], need: Need) -> Result<Config, ConfigProblems> {
        let minimal = [
            ("DISCORD_TOKEN", "token"),
            ("DISCORD_GUILD_ID", "1"),
            ("DISCORD_CHANNEL", "2"),
            ("NETWORKS", "mainnet"),
            ("L1_RPC_URLS", "https://one.example"),
            ("PROVIDER_ID", "4"),
        ];
        let all = minimal.iter().chain(changes).copied();
        let all: std::collections::BTreeMap<&str, &str> = all.collect();
        Config::read(&|name| all.get(name).map(|text| (*text).to_owned()), need)
    }

    #[test]
    fn without_a_channel_there_is_no_canary() {
        let config = read_with(&[], Need::Service).unwrap();
        assert!(config.discord.unwrap().channels.canary.is_none());
        assert_eq!(config.canary.interval, Duration::from_secs(600));
        assert!(config.canary.dead_man.is_none());
    }

    #[test]
    fn a_canary_has_a_channel_an_interval_and_a_switch() {
        let settings = [
            ("DISCORD_CHANNEL_CANARY", "3"),
            ("CANARY_INTERVAL", "5m"),
            ("DEAD_MAN_URL", PING),
        ];
        let config = read_with(&settings, Need::Service).unwrap();
        let url = config.canary.dead_man.unwrap();
        assert_eq!(url.expose_secret(), PING);
        assert_eq!(config.canary.interval, INTERVAL_MIN);
        // A dry run carries nothing, so nothing arrives, and nobody is told that it did.
        let dry = read_with(&settings, Need::DryRun).unwrap();
        assert!(dry.discord.unwrap().channels.canary.is_none());
        assert!(dry.canary.dead_man.is_none());
    }

    #[test]
    fn what_cannot_work_is_refused_and_no_secret_is_shown() {
        let problems = |changes: &[_]| {
            let problems = read_with(changes, Need::Service).unwrap_err();
            format!("{problems}\n")
        };
        let mut text = problems(&[("DEAD_MAN_URL", PING)]);
        text += &problems(&[("DISCORD_CHANNEL_CANARY", "2"), ("CANARY_INTERVAL", "1m")]);
        text += &problems(&[
            ("DISCORD_CHANNEL_CANARY", "3"),
            ("DEAD_MAN_URL", "ping.example/key-marker"),
        ]);
        assert!(!text.contains("marker"));
        insta::assert_snapshot!(text, @r#"
        the configuration has 1 problem:
          1. DEAD_MAN_URL is set, and DISCORD_CHANNEL_CANARY is not: nothing would ever be fetched.
             An address that is fetched each time the canary was seen in its channel, and never otherwise: the ping URL of a service that raises an alarm when it hears nothing for a while (Healthchecks, Dead Man's Snitch, Uptime Kuma).
             Set DISCORD_CHANNEL_CANARY to a private channel, or remove it.
        the configuration has 2 problems:
          1. DISCORD_CHANNEL_CANARY is also the channel for something else, which the canary would fill.
             A private channel of its own for the canary: one message, edited and now and then replaced, that proves that messages arrive.
             Make a private channel for the canary alone, and write its id.
          2. CANARY_INTERVAL is "1m", which is out of range.
             How often the canary in DISCORD_CHANNEL_CANARY is written and read back.
             Write a number and a unit (d, h, m, s, ms), such as 6h, from 5m to 1d.
        the configuration has 1 problem:
          1. DEAD_MAN_URL is no HTTP address (the value is not shown).
             An address that is fetched each time the canary was seen in its channel, and never otherwise: the ping URL of a service that raises an alarm when it hears nothing for a while (Healthchecks, Dead Man's Snitch, Uptime Kuma).
             Write one such as https://hc-ping.com/00000000-0000-0000-0000-000000000000
        "#);
    }
}
