//! Values as operators write them: durations, numbers, switches, addresses, URLs, lists.

use std::{collections::BTreeSet, ops::RangeInclusive, path::PathBuf, time::Duration};

use reqwest::Url;

use super::problem::Fault;
use crate::units::{
    Address,
    address::{self, AddressFault},
};

/// How much of a wrong value is repeated.
const SHOWN_LENGTH_MAX: usize = 60;

/// Characters of an address.
const ADDRESS_LENGTH: usize = 42;

/// The most members of a list; the longest real one is a list of coinbases, one per contract.
const LIST_LENGTH_MAX: usize = 1000;

/// A wrong value in quotes, cut; not what may be a secret that was put into the wrong variable.
pub(super) fn quoted(text: &str) -> String {
    if may_be_secret(text) {
        return "a value that is not shown, for it may be a secret".to_owned();
    }
    let mut shown: String = text.chars().take(SHOWN_LENGTH_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("\"{}\"", shown.escape_debug())
}

/// Tokens and keys are longer than an address; the address of a node holds a password or a path.
fn may_be_secret(text: &str) -> bool {
    let mut words = text.split(|sign: char| sign.is_whitespace() || sign == ',');
    words.any(|word| {
        let path = word.split_once("://").map(|(_, rest)| rest);
        let holds_more =
            path.is_some_and(|rest| rest.trim_end_matches('/').contains(['/', '@', '?']));
        holds_more || word.chars().count() > ADDRESS_LENGTH
    })
}

/// An HTTP address of scheme, host, port and path; `hint` says where anything more belongs.
pub(super) fn bare_url(text: &str, example: &str, hint: &str) -> Result<Url, Fault> {
    let next_step = format!("Write one such as {example}.");
    let Some(url) = http_url(text) else {
        let what = format!("is {}, which is no HTTP address", quoted(text));
        return Err(Fault::new(what, next_step));
    };
    if url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(Fault::new(
            "holds more than scheme, host, port and path (the value is not shown)",
            format!("{next_step}{hint}"),
        ));
    }
    Ok(url)
}

/// Whether what is sent there can be read on the way.
pub(super) fn is_unencrypted(url: &Url) -> bool {
    url.scheme() == "http" && !is_loopback(url)
}

/// `7d`, `6h`, `90m`, `30s`, `250ms`, `1d 12h`, within `range`.
pub(super) fn duration(text: &str, range: RangeInclusive<Duration>) -> Result<Duration, Fault> {
    let next_step = || {
        let (least, most) = (duration_text(*range.start()), duration_text(*range.end()));
        format!("Write a number and a unit (d, h, m, s, ms), such as 6h, from {least} to {most}.")
    };
    let value = parse_duration(text).ok_or_else(|| {
        Fault::new(
            format!("is {}, which is no duration", quoted(text)),
            next_step(),
        )
    })?;
    if range.contains(&value) {
        Ok(value)
    } else {
        let what = format!("is {}, which is out of range", quoted(text));
        Err(Fault::new(what, next_step()))
    }
}

/// A sum of whole numbers with units; `None` when it is none, or too large.
fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim_start();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let number: u64 = number.parse().ok()?;
        let tail = tail.trim_start();
        let letters = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(letters)?;
        let unit_ms: u64 = match unit {
            "ms" => 1,
            "s" | "sec" | "second" | "seconds" => 1000,
            "m" | "min" | "minute" | "minutes" => 60_000,
            "h" | "hour" | "hours" => 3_600_000,
            "d" | "day" | "days" => 86_400_000,
            "w" | "week" | "weeks" => 604_800_000,
            _ => return None,
        };
        total = total.checked_add(Duration::from_millis(number.checked_mul(unit_ms)?))?;
        rest = tail.trim_start();
    }
    Some(total)
}

/// The duration in its largest whole unit.
pub(super) fn duration_text(duration: Duration) -> String {
    let ms = duration.as_millis();
    let units = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1000, "s"),
    ];
    units
        .iter()
        .find(|(unit_ms, _)| ms > 0 && ms.is_multiple_of(*unit_ms))
        .map_or_else(
            || format!("{ms}ms"),
            |(unit_ms, unit)| format!("{}{unit}", ms / unit_ms),
        )
}

/// A whole number within `range`; `_` and `,` between digits are allowed.
pub(super) fn number(text: &str, range: RangeInclusive<u64>) -> Result<u64, Fault> {
    let next_step = || {
        let (least, most) = (*range.start(), *range.end());
        if most == u64::MAX {
            format!("Write a whole number, {least} or more.")
        } else {
            format!("Write a whole number from {least} to {most}.")
        }
    };
    let digits = text.replace(['_', ','], "");
    let value: u64 = digits.parse().map_err(|_error| {
        let what = format!("is {}, which is no whole number", quoted(text));
        Fault::new(what, next_step())
    })?;
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(Fault::new(format!("is {value}"), next_step()))
    }
}

/// `true`, `yes`, `on`, `1`, and their opposites.
pub(super) fn switch(text: &str) -> Result<bool, Fault> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(Fault::new(
            format!("is {}, which is neither true nor false", quoted(text)),
            "Write true or false.",
        )),
    }
}

/// An address of a contract or account.
pub(super) fn address(text: &str) -> Result<Address, Fault> {
    address::parse(text).map_err(|fault| {
        // What is longer than an address may be a private key, and is not repeated.
        let what = if text.len() > ADDRESS_LENGTH {
            fault.to_string()
        } else {
            format!("is {}, which {fault}", quoted(text))
        };
        let next_step = match fault {
            AddressFault::Zero => "Write the address that is meant, or remove the variable.",
            AddressFault::Checksum => "Copy the address again, as a whole.",
            AddressFault::Word => "Write the address, and never a key.",
            AddressFault::Prefix | AddressFault::Digits | AddressFault::Length { .. } => {
                "Write 0x and 40 hex digits."
            }
        };
        Fault::new(what, next_step)
    })
}

/// A path.
#[expect(
    clippy::unnecessary_wraps,
    reason = "has the shape of every other reading"
)]
pub(super) fn path(text: &str) -> Result<PathBuf, Fault> {
    Ok(PathBuf::from(text))
}

/// A comma list of distinct members; empty members are passed over.
pub(super) fn list<T: Ord>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, Fault>,
) -> Result<BTreeSet<T>, Fault> {
    let members: Vec<&str> = members(text).collect();
    if members.len() > LIST_LENGTH_MAX {
        let what = format!("has {} members", members.len());
        return Err(Fault::new(
            what,
            format!("Write at most {LIST_LENGTH_MAX}."),
        ));
    }
    members.into_iter().map(parse).collect()
}

/// The members of a comma list.
pub(super) fn members(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

/// An HTTP address; `None` when it is none.
pub(super) fn http_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// Whether the host of `url` is this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: RangeInclusive<Duration> = Duration::ZERO..=Duration::MAX;

    #[test]
    fn durations_are_written_as_people_write_them() {
        for (text, seconds) in [
            ("7d", 604_800),
            ("48h", 172_800),
            ("1d 12h", 129_600),
            ("1h30m", 5_400),
            ("2 hours", 7_200),
            ("30s", 30),
            ("1w", 604_800),
        ] {
            assert_eq!(
                duration(text, ANY),
                Ok(Duration::from_secs(seconds)),
                "{text}"
            );
        }
        for text in [
            "",
            "7",
            "d",
            "7x",
            "-1h",
            "1.5h",
            "99999999999999999999d",
            "18446744073709551615d",
            "6h,",
        ] {
            assert!(duration(text, ANY).is_err(), "{text}");
        }
    }

    #[test]
    fn a_duration_out_of_range_names_the_range() {
        let range = Duration::from_secs(1)..=Duration::from_secs(3600);
        let fault = duration("2h", range).unwrap_err();
        assert_eq!(fault.what, "is \"2h\", which is out of range");
        assert!(
            fault.next_step.contains("from 1s to 1h"),
            "{}",
            fault.next_step
        );
    }

    #[test]
    fn what_may_be_a_private_key_is_not_repeated() {
        for digits in [63, 64, 65] {
            let fault = address(&format!("0x{}", "5".repeat(digits))).unwrap_err();
            assert!(!fault.what.contains("555"), "{}", fault.what);
        }
        assert!(address("0x5555").unwrap_err().what.contains("5555"));
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (text, expected) in [
            ("http://localhost:80", true),
            ("http://127.0.0.1:3", true),
            ("http://[::1]:3", true),
            ("http://127.0.0.1.example.org", false),
            ("http://10.0.0.1", false),
            ("http://localhost.example.org", false),
        ] {
            assert_eq!(is_loopback(&http_url(text).unwrap()), expected, "{text}");
        }
        assert!(http_url("ftp://localhost").is_none());
        assert!(http_url("localhost:80").is_none());
    }
}
