//! What people call an incident: five signs that can be typed from a phone, or a part of its id that only it has.

use sha2::{Digest, Sha256};

use super::Incident;
use crate::alert::button;

/// Signs of a handle: 32^5 tell 33 million apart, and of the few hundred that are remembered two rarely meet.
const HANDLE_SIGNS: usize = 5;
/// Fewest signs of a part of an id: `0x` and two digits, or a word.
const PART_MIN: usize = 4;
/// Most candidates that a refusal names.
pub const CANDIDATES_MAX: usize = 5;

/// The short name of the incident with this id, the same in every list and on its card: `k3f9q`.
///
/// Lower-case base32: neither 0 and o nor 1 and l can be taken for each other.
#[must_use]
pub fn handle(id: &str) -> String {
    let digest = Sha256::digest(id.as_bytes());
    let mut text = data_encoding::BASE32_NOPAD
        .encode(&digest)
        .to_ascii_lowercase();
    text.truncate(HANDLE_SIGNS);
    text
}

/// What a name may mean.
#[derive(Debug, PartialEq)]
pub enum Named<T> {
    /// This one.
    One(T),
    /// Nothing.
    Nobody,
    /// Several; those that are open where any is.
    Several(Vec<T>),
}

/// Finds what `name` means among `all`: an id, the reference of a button, a handle, or the beginning of an id or of one
/// of its parts (subject, class). Where that fits open and resolved ones, the open ones are meant.
pub fn named<'a, T>(
    all: impl IntoIterator<Item = T>,
    incident: impl Fn(&T) -> &'a Incident,
    name: &str,
) -> Named<T> {
    let name = name.trim().to_lowercase();
    let short = name.trim_start_matches('#');
    let rank = |one: &T| {
        let id = incident(one).id.as_str();
        let is_part = |part: &str| part.to_lowercase().starts_with(short);
        if id.to_lowercase() == name || button::short(id) == name {
            Some(0)
        } else if handle(id) == short {
            Some(1)
        } else if short.len() >= PART_MIN && (is_part(id) || id.split('/').any(is_part)) {
            Some(if incident(one).is_open() { 2 } else { 3 })
        } else {
            None
        }
    };
    let mut found: Vec<(u8, T)> = all
        .into_iter()
        .filter_map(|one| Some((rank(&one)?, one)))
        .collect();
    let best = found.iter().map(|(rank, _)| *rank).min();
    found.retain(|(rank, _)| Some(*rank) == best);
    let mut found: Vec<T> = found.into_iter().map(|(_, one)| one).collect();
    match found.len() {
        0 | 1 => found.pop().map_or(Named::Nobody, Named::One),
        _ => Named::Several(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alert::{class::Class, incident::State, notice::NoticeId, text::incident::samples},
        units::UnixSeconds,
    };

    fn incident(subject: &str, class: Class, occurrence: u64, state: State) -> Incident {
        let (_, facts) = samples::every().remove(0);
        let at = UnixSeconds::new(1);
        Incident {
            id: NoticeId::new("mainnet", subject, class, occurrence, ""),
            class,
            subject: subject.to_owned(),
            scope: String::new(),
            occurrence,
            state,
            severity: class.severity(),
            facts,
            opened_at: at,
            updated_at: at,
            absent_since: None,
            rungs: Vec::new(),
            rung_at: None,
            replies: 0,
            has_woken: false,
            timeline: Vec::new(),
        }
    }

    fn all() -> Vec<Incident> {
        vec![
            incident("0x12ab", Class::CoinbaseMissing, 1, State::Resolved),
            incident("0x12ab", Class::CoinbaseMissing, 2, State::Open),
            incident("0x12cd", Class::CoinbaseMismatch, 1, State::Acknowledged),
            incident("rpc-1", Class::EndpointUnhealthy, 7, State::Resolved),
        ]
    }

    /// What a name means, by the places in the list above.
    fn meant(name: &str) -> Vec<usize> {
        let all = all();
        match named(all.iter().enumerate(), |(_, incident)| *incident, name) {
            Named::One((place, _)) => vec![place],
            Named::Nobody => Vec::new(),
            Named::Several(several) => several.into_iter().map(|(place, _)| place).collect(),
        }
    }

    #[test]
    fn an_incident_is_named_by_id_handle_or_part() {
        for (place, incident) in all().iter().enumerate() {
            let (id, handle) = (incident.id.as_str(), handle(incident.id.as_str()));
            assert_eq!(handle.len(), HANDLE_SIGNS);
            for name in [
                id.to_owned(),
                id.to_uppercase(),
                handle.clone(),
                format!("#{handle}"),
                format!(" {} ", handle.to_uppercase()),
                button::short(id),
            ] {
                assert_eq!(meant(&name), [place], "{name}");
            }
        }
        assert_eq!(meant("0x12ab"), [1], "the open one is meant");
        assert_eq!(meant("coinbase_mis"), [1, 2]);
        assert_eq!(meant("coinbase_mism"), [2]);
        assert_eq!(meant("rpc-1"), [3]);
        assert_eq!(meant("mainnet/0x12"), [1, 2]);
        assert_eq!(meant("0x1"), [0; 0], "too short a part");
        assert_eq!(meant(""), [0; 0]);
    }
}
