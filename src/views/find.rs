//! What a question names: networks, attesters by address, label or beginning, pages of a list, and completions.

use itertools::{
    EitherOrBoth::{Both, Left, Right},
    Itertools as _,
};

use super::{
    glance::{Glance, NetworkGlance},
    refusal::{Refusal, RefusalKind, quoted},
};
use crate::{
    attester::Attester,
    book::Book,
    keys::Configured,
    provider::coinbase::{CoinbaseVerdict, judge},
    units::{Address, AttesterAddress},
};

/// Rows a page where nobody says otherwise.
pub const PAGE_DEFAULT: u64 = 100;
/// Most rows a page: an answer stays below a megabyte.
pub const PAGE_MAX: u64 = 1_000;
/// Fewest hex digits that name an attester: 4 digits tell 65,536 apart.
pub const PREFIX_DIGITS_MIN: usize = 4;
/// Most candidates that a refusal names.
const CANDIDATES_MAX: usize = 5;

/// One network with what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Its name.
    pub name: &'a str,
    /// What is in no store.
    pub network: &'a NetworkGlance,
    /// Its book; `None` where nothing was read yet.
    pub book: Option<&'a Book>,
}

/// An attester of ours, as the chain and the keys files tell it.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// Its address.
    pub address: AttesterAddress,
    /// What the chain tells; `None` = no event ever named it.
    pub attester: Option<&'a Attester>,
    /// What the keys files tell; `None` = none names it.
    pub deployed: Option<&'a Configured>,
}

impl Member<'_> {
    /// The hosts that run it, as the keys files tell.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        let hosts = self.deployed.iter().flat_map(|deployed| &deployed.hosts);
        hosts.map(|host| host.as_str().to_owned()).collect()
    }

    /// The keys files that name it.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        let files = self.deployed.iter().flat_map(|deployed| &deployed.files);
        files.map(|file| file.as_str().to_owned()).collect()
    }
}

impl<'a> Place<'a> {
    /// The place of an entry in its queue, 1 = next; `None` where it has left.
    #[must_use]
    pub fn queue_place(&self, entry: &crate::attester::Entry) -> Option<u64> {
        let position = self.book?.position(entry.rollup, entry.index)?;
        Some(position.saturating_add(1))
    }

    /// The attester at an address, ours or not.
    #[must_use]
    pub fn member(&self, address: AttesterAddress) -> Member<'a> {
        Member {
            address,
            attester: self.book.and_then(|book| book.attesters.row(&address)),
            deployed: self.network.deployed(address),
        }
    }

    /// Whether an attester is ours: its provider added it, or a keys file names it.
    #[must_use]
    pub fn is_ours(&self, member: &Member<'_>) -> bool {
        let is_added = |attester: &Attester| {
            let provider = self.network.provider;
            provider.is_some_and(|provider| attester.membership_in(provider).is_some())
        };
        member.deployed.is_some() || member.attester.is_some_and(is_added)
    }

    /// Every attester of ours, by address.
    #[must_use]
    pub fn ours(&self) -> Vec<Member<'a>> {
        let rows = self.book.into_iter().flat_map(|book| book.attesters.rows());
        let keys = self.network.keys.iter();
        let named = keys.flat_map(|keys| &keys.attesters);
        // Both are in order of address and walked side by side: a search per attester would cost ten times as much.
        rows.merge_join_by(named, |(known, _), (named, _)| known.cmp(named))
            .map(|one| {
                let (Left((address, _)) | Right((address, _)) | Both((address, _), _)) = &one;
                Member {
                    address: **address,
                    attester: one.as_ref().left().map(|(_, attester)| *attester),
                    deployed: one.as_ref().right().map(|(_, deployed)| *deployed),
                }
            })
            .filter(|member| self.is_ours(member))
            .collect()
    }

    /// What people call an attester.
    #[must_use]
    pub fn label(&self, address: AttesterAddress) -> Option<&'a str> {
        self.network.labels.get(&address).map(String::as_str)
    }

    /// What to think of its coinbase.
    #[must_use]
    pub fn verdict(&self, member: &Member<'_>) -> CoinbaseVerdict {
        let expected = member.attester.and_then(Attester::expected_stake);
        judge(
            expected.map(|stake| stake.split),
            &Configured::coinbase_of(member.deployed),
            &self.network.common_coinbases,
        )
    }
}

/// The networks that a question is about: the one named, or all.
///
/// # Errors
/// A [`Refusal`] that lists the known ones.
pub fn networks<'a>(glance: &Glance<'a>, name: Option<&str>) -> Result<Vec<Place<'a>>, Refusal> {
    let state = glance.state;
    let place = |(name, network): (&'a String, &'a NetworkGlance)| Place {
        name,
        network,
        book: state.book(name),
    };
    let Some(name) = name else {
        return Ok(glance.networks.iter().map(place).collect());
    };
    match glance.networks.get_key_value(name) {
        Some(found) => Ok(vec![place(found)]),
        None => {
            let known: Vec<&str> = glance.networks.keys().map(String::as_str).collect();
            let known = known.join(", ");
            Err(
                Refusal::not_found("network", name, format!("this service watches {known}"))
                    .with_next(format!("Name one of: {known}.")),
            )
        }
    }
}

/// Finds the attester that `name` means: a whole address, its beginning, or a label.
///
/// # Errors
/// A [`Refusal`] where nothing or several match, with the candidates.
pub fn attester<'a>(
    glance: &Glance<'a>,
    network: Option<&str>,
    name: &str,
) -> Result<(Place<'a>, Member<'a>), Refusal> {
    let name = name.trim();
    let places = networks(glance, network)?;
    if let Ok(address) = name.parse::<Address>() {
        return whole(&places, AttesterAddress::new(address), name);
    }
    let digits = name.strip_prefix("0x").or_else(|| name.strip_prefix("0X"));
    let is_prefix = digits.is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()));
    if is_prefix && digits.is_some_and(|digits| digits.len() < PREFIX_DIGITS_MIN) {
        let why = format!("the beginning of an address needs {PREFIX_DIGITS_MIN} digits after 0x");
        return Err(Refusal::new(
            RefusalKind::Invalid,
            format!("{} is too short", quoted(name)),
            why,
        )
        .with_next("Give more digits, the whole address, or a label."));
    }
    let prefix = name.to_ascii_lowercase();
    let mut found = Vec::new();
    for place in &places {
        for member in place.ours() {
            let label = place.label(member.address);
            let is_named = label.is_some_and(|label| label.eq_ignore_ascii_case(name))
                || (is_prefix && lower(member.address).starts_with(&prefix));
            if is_named {
                found.push((*place, member));
            }
        }
    }
    only_one(found, name)
}

fn whole<'a>(
    places: &[Place<'a>],
    address: AttesterAddress,
    name: &str,
) -> Result<(Place<'a>, Member<'a>), Refusal> {
    let known: Vec<_> = places
        .iter()
        .map(|place| (*place, place.member(address)))
        .filter(|(_, member)| member.attester.is_some() || member.deployed.is_some())
        .collect();
    // Ours comes before a stranger of the same address on another network.
    let ours: Vec<_> = known
        .iter()
        .copied()
        .filter(|(place, member)| place.is_ours(member))
        .collect();
    only_one(if ours.is_empty() { known } else { ours }, name)
}

fn only_one<'a>(
    mut found: Vec<(Place<'a>, Member<'a>)>,
    name: &str,
) -> Result<(Place<'a>, Member<'a>), Refusal> {
    match (found.len(), found.pop()) {
        (1, Some(only)) => Ok(only),
        (0, _) | (_, None) => {
            let why = "no event of the watched contracts and no keys file names it";
            Err(Refusal::not_found("attester", name, why)
                .with_next("See `attester list`; check the network and the provider."))
        }
        (count, Some(last)) => {
            found.push(last);
            let candidates: Vec<String> = found
                .iter()
                .take(CANDIDATES_MAX)
                .map(|(place, member)| format!("{} on {}", member.address, place.name))
                .collect();
            let what = format!("{} means {count} attesters", quoted(name));
            let why = format!("among them {}", candidates.join(", "));
            Err(Refusal::new(RefusalKind::Ambiguous, what, why)
                .with_next("Give more digits, or name the network."))
        }
    }
}

/// An address in lower case, as people compare it.
#[must_use]
pub(super) fn lower(address: AttesterAddress) -> String {
    address.to_string().to_ascii_lowercase()
}

/// A page of matching rows.
#[derive(Debug)]
pub(super) struct Page<T> {
    /// How many match in all.
    pub(super) total: u64,
    /// The rows.
    pub(super) rows: Vec<T>,
    /// The cursor of the next page.
    pub(super) next: Option<String>,
}

/// Cuts a page out of `matching`: after the row whose key is `after`, at most `limit` rows.
pub(super) fn page_of<T>(
    matching: impl Iterator<Item = T>,
    after: Option<&str>,
    limit: Option<u64>,
    key: impl Fn(&T) -> String,
) -> Page<T> {
    let limit = limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut total, mut rows) = (0_u64, Vec::new());
    let (mut is_past, mut next) = (after.is_none(), None);
    for row in matching {
        total = total.saturating_add(1);
        if !is_past {
            is_past = after == Some(key(&row).as_str());
        } else if rows.len() < limit {
            rows.push(row);
        } else if next.is_none() {
            next = rows.last().map(&key);
        }
    }
    Page { total, rows, next }
}

/// What can be completed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Completed {
    /// Attesters of ours, by label or address.
    Attester,
    /// Hosts of the keys files.
    Host,
    /// Incidents that are not resolved.
    Incident,
    /// Networks.
    Network,
}

/// Something that fits what was typed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Completion {
    /// What is put in.
    pub value: String,
    /// What is shown.
    pub text: String,
}

/// What fits `partial`, at most `limit`: first what begins with it, then what holds it.
#[must_use]
pub fn complete(
    glance: &Glance<'_>,
    kind: Completed,
    partial: &str,
    limit: usize,
) -> Vec<Completion> {
    let places = networks(glance, None).unwrap_or_default();
    let plain = |value: String| Completion {
        text: value.clone(),
        value,
    };
    let mut all: Vec<Completion> = match kind {
        Completed::Network => glance.networks.keys().cloned().map(plain).collect(),
        Completed::Host => {
            let members = places.iter().flat_map(Place::ours);
            let hosts = members.flat_map(|member| member.hosts());
            let hosts: std::collections::BTreeSet<String> = hosts.collect();
            hosts.into_iter().map(plain).collect()
        }
        Completed::Attester => places.iter().flat_map(attester_completions).collect(),
        Completed::Incident => {
            let open = super::incident::all(glance).into_iter();
            open.filter(|(_, incident)| incident.is_open())
                .map(|(network, incident)| {
                    let short = crate::alert::incident::handle(incident.id.as_str());
                    let title = super::incident::title(glance, network, incident);
                    Completion {
                        value: incident.id.as_str().to_owned(),
                        text: format!("{short} · {title}"),
                    }
                })
                .collect()
        }
    };
    let partial = partial.trim().to_lowercase();
    let rank = |completion: &Completion| {
        let texts = [
            completion.value.to_lowercase(),
            completion.text.to_lowercase(),
        ];
        if texts.iter().any(|text| text.starts_with(&partial)) {
            Some(0)
        } else {
            texts
                .iter()
                .any(|text| text.contains(&partial))
                .then_some(1)
        }
    };
    all.retain(|completion| rank(completion).is_some());
    all.sort_by_key(|completion| rank(completion));
    all.truncate(limit);
    all
}

fn attester_completions<'a>(place: &Place<'a>) -> Vec<Completion> {
    let place = *place;
    let members = place.ours().into_iter();
    members
        .map(|member| {
            let short = member.address.short();
            let stage = member.attester.map(|attester| attester.standing.stage);
            let stage = stage.unwrap_or_default();
            let name = place.label(member.address);
            Completion {
                value: member.address.to_string(),
                text: name.map_or_else(
                    || format!("{short} · {stage}"),
                    |label| format!("{label} · {short} · {stage}"),
                ),
            }
        })
        .collect()
}
