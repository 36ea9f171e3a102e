//! Every answer over a small hand-made state.

use serde::Serialize;

use super::{
    attester,
    attesters::{self, AttesterFilter},
    coinbase::{self, CoinbaseFilter, Verdict},
    delivery::{self, DeliveryFilter},
    find::{Completed, complete},
    history,
    incident::{self, IncidentFilter},
    job::{self, JobFilter},
    provider, queue, readiness,
    refusal::RefusalKind,
    sample::Sample,
    standing::AttesterState,
    status, why,
};
use crate::alert::notice::NoticeId;

fn json(answer: &impl Serialize) -> String {
    serde_json::to_string_pretty(answer).unwrap()
}

/// Snapshots the JSON form of an answer under its name; the command line's tests read the same files.
macro_rules! snapshot {
    ($name:literal, $answer:expr) => {
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!($name, json(&$answer));
        })
    };
}

#[test]
fn every_view_keeps_its_form() {
    let sample = Sample::new();
    let glance = sample.glance();
    snapshot!("status", status::show(&glance, None).unwrap());
    snapshot!(
        "attesters",
        attesters::list(&glance, &AttesterFilter::default()).unwrap()
    );
    snapshot!(
        "attester",
        attester::show(&glance, None, "fra-1/17").unwrap()
    );
    snapshot!(
        "attester-active",
        attester::show(&glance, None, "0x1414").unwrap()
    );
    snapshot!(
        "attester-leaving",
        attester::show(&glance, None, "0x1515").unwrap()
    );
    snapshot!(
        "history",
        history::show(&glance, None, "0x1212", None).unwrap()
    );
    snapshot!("why", why::explain(&glance, None, "0x1212").unwrap());
    snapshot!("queue", queue::show(&glance, None).unwrap());
    snapshot!(
        "coinbases",
        coinbase::missing(&glance, &CoinbaseFilter::default()).unwrap()
    );
    snapshot!("coinbase", coinbase::show(&glance, None, "0x1313").unwrap());
    snapshot!("provider", provider::show(&glance, None).unwrap());
    snapshot!(
        "incidents",
        incident::list(&glance, &IncidentFilter::default()).unwrap()
    );
    snapshot!("incident", incident::show(&glance, "mainnet/0x12").unwrap());
    snapshot!("jobs", job::list(&glance, &JobFilter::default()).unwrap());
    snapshot!("job", job::show(&glance, "1").unwrap());
    snapshot!(
        "deliveries",
        delivery::list(&glance, &DeliveryFilter::default()).unwrap()
    );
    snapshot!("readiness", readiness::show(&glance));
}

#[test]
fn a_list_is_filtered_and_paged_without_loss() {
    let sample = Sample::new();
    let glance = sample.glance();
    let all = attesters::list(&glance, &AttesterFilter::default()).unwrap();
    let mut paged = Vec::new();
    let mut after = None;
    loop {
        let filter = AttesterFilter {
            after,
            limit: Some(2),
            ..AttesterFilter::default()
        };
        let page = attesters::list(&glance, &filter).unwrap();
        assert_eq!(page.total, all.total);
        paged.extend(page.attesters);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(paged, all.attesters);
    let count = |filter: AttesterFilter| attesters::list(&glance, &filter).unwrap().total;
    let of = AttesterFilter::default;
    assert_eq!(
        count(AttesterFilter {
            state: Some(AttesterState::RollupEntryQueue),
            ..of()
        }),
        2
    );
    assert_eq!(
        count(AttesterFilter {
            host: Some("fra-2".to_owned()),
            ..of()
        }),
        3
    );
    assert_eq!(
        count(AttesterFilter {
            coinbase: Some(Verdict::Missing),
            ..of()
        }),
        1
    );
    assert_eq!(
        count(AttesterFilter {
            text: Some("FRA-1/1".to_owned()),
            ..of()
        }),
        1
    );
    assert_eq!(
        count(AttesterFilter {
            network: Some("testnet".to_owned()),
            ..of()
        }),
        0
    );
}

#[test]
fn what_cannot_be_found_is_refused_with_a_way_out() {
    let sample = Sample::new();
    let glance = sample.glance();
    let unknown = attester::show(&glance, None, "0xdead").unwrap_err();
    assert_eq!(unknown.kind, RefusalKind::NotFound);
    let short = attester::show(&glance, None, "0x12").unwrap_err();
    assert_eq!(short.kind, RefusalKind::Invalid);
    let elsewhere = attester::show(&glance, Some("sepolia"), "0x1212").unwrap_err();
    assert_eq!(elsewhere.why, "this service watches mainnet, testnet");
    let class = IncidentFilter {
        class: Some("nonsense".to_owned()),
        ..IncidentFilter::default()
    };
    assert_eq!(
        incident::list(&glance, &class).unwrap_err().kind,
        RefusalKind::NotFound
    );
    assert_eq!(
        job::show(&glance, "two").unwrap_err().kind,
        RefusalKind::NotFound
    );
}

#[test]
fn the_beginning_of_an_address_that_two_share_is_refused_with_both() {
    let mut sample = Sample::new();
    let mut other = super::sample::attester(0x12).address();
    other.0[19] = 0x77;
    let other = crate::units::AttesterAddress::new(other);
    let keys = &mut sample.networks.get_mut("mainnet").unwrap().keys;
    let mut named = crate::keys::Keys::clone(keys.as_ref().unwrap());
    let deployed = named.attesters.values().next().unwrap().clone();
    named.attesters.insert(other, deployed);
    *keys = Some(std::sync::Arc::new(named));
    let refusal = attester::show(&sample.glance(), None, "0x1212").unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Ambiguous);
    assert!(refusal.why.contains(&other.to_string()), "{}", refusal.why);
    assert!(attester::show(&sample.glance(), None, &other.to_string()).is_ok());
}

#[test]
fn a_name_that_fits_several_incidents_is_refused_with_their_short_names() {
    let mut sample = Sample::new();
    let incidents = sample.state.incidents.get_mut("mainnet").unwrap();
    let mut other = incidents.open()[0].clone();
    other.id = NoticeId::new("mainnet", &other.subject, other.class, 2, "");
    incidents.rows.put(other.id.as_str().to_owned(), other);
    let refusal = incident::show(&sample.glance(), "coinbase_missing").unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Ambiguous);
    insta::assert_snapshot!(format!("{refusal}. {}", refusal.next), @r#""coinbase_missing" means 2 incidents: among them g5it6 (Coinbase missing for attester fra-1/17), wtbvz (Coinbase missing for attester fra-1/17). Give the five signs of the one that is meant."#);
    let refusal = incident::show(&sample.glance(), "zzzzz").unwrap_err();
    insta::assert_snapshot!(format!("{refusal}. {}", refusal.next), @r#"there is no incident "zzzzz": no incident that is remembered has this name. Give the five signs that its card and `incident list --all` show."#);
    assert!(incident::show(&sample.glance(), "G5IT6").is_ok());
}

#[test]
fn a_network_that_was_never_read_is_unknown_and_not_empty() {
    let sample = Sample::new();
    let status = status::show(&sample.glance(), Some("testnet")).unwrap();
    let network = &status.networks[0];
    assert_eq!(network.head, None);
    assert_eq!(network.lag_blocks, None);
    assert_eq!(network.cursor.block, None);
    assert_eq!(network.completeness.is_proven, None);
    assert_eq!(network.attesters.len(), 5, "every state, zero included");
    let ready = readiness::show(&sample.glance());
    assert!(!ready.is_ready);
}

#[test]
fn completions_begin_with_what_was_typed() {
    let sample = Sample::new();
    let values = |kind, partial| {
        let found = complete(&sample.glance(), kind, partial, 2);
        found.into_iter().map(|c| c.text).collect::<Vec<_>>()
    };
    assert_eq!(values(Completed::Host, "fra"), ["fra-1", "fra-2"]);
    assert_eq!(values(Completed::Host, "-3"), ["fra-3"]);
    assert_eq!(values(Completed::Network, "test"), ["testnet"]);
    assert_eq!(
        values(Completed::Attester, "0x1111"),
        ["0x1111…1111 · IN_STAKING_PROVIDER_QUEUE"]
    );
    assert_eq!(
        values(Completed::Attester, "fra-1/1"),
        ["fra-1/17 · 0x1212…1212 · ROLLUP_ENTRY_QUEUE"]
    );
    assert_eq!(values(Completed::Incident, "coinbase").len(), 1);
}
