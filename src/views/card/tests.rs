//! Every answer over the small hand-made state, as Discord's Markdown writes it.

use super::*;
use crate::{
    alert::{
        fit::{TABLE_ROWS_MAX, fit_message},
        render::markdown::{bare, description, markdown, table, title},
    },
    units::{BlockNumber, UnixSeconds},
    views::{
        Gateway, attesters::AttesterFilter, coinbase::CoinbaseFilter, incident::IncidentFilter,
        job::JobFilter, refusal::RefusalKind, sample::Sample,
    },
    watcher::resume::Resumption,
};

/// The message as it is shown, within its limits, with its buttons and the names of its files.
fn shown(message: &Message) -> String {
    let message = fit_message(message.clone());
    let mut lines = Vec::new();
    for card in &message.cards {
        lines.push(format!("== {} | {}", title(card), bare(&card.author)));
        lines.push(description(card));
        for field in &card.fields {
            lines.push(format!("{}: {}", field.name, markdown(&field.value)));
        }
        let buttons: Vec<String> = card
            .buttons
            .iter()
            .map(|button| {
                format!(
                    "[{} {}]",
                    button.label,
                    custom_id(&button.action).unwrap_or_default()
                )
            })
            .collect();
        lines.extend((!buttons.is_empty()).then(|| buttons.join(" ")));
        if let Some(chart) = &card.chart {
            lines.push(format!("[{}: {}]", chart.file_name(), chart.alt()));
        }
        lines.push(format!("-- {}", card.footer));
    }
    lines.extend(table(&message));
    lines.extend(
        message
            .attachments
            .iter()
            .map(|file| format!("<{}>", file.name)),
    );
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

fn asked(question: &Question) -> String {
    let sample = Sample::new();
    shown(&answer(&sample.glance(), question).unwrap())
}

fn of(attester: &str) -> OfAttester {
    OfAttester {
        network: None,
        attester: attester.to_owned(),
    }
}

#[test]
fn status_says_first_whether_it_can_work() {
    insta::assert_snapshot!(asked(&Question::Status { network: None }), @r"
    == 🟠 steward cannot do all of its work | 
    head testnet: nothing was read yet.
    Discord: connected since <t:1763696412:f> (<t:1763696412:R>)
    Deliveries: 1 pending · oldest waits since <t:1763699952:f> (<t:1763699952:R>)
    Jobs: 1 created
    Incidents: 1 coinbase missing
    Started: <t:1763696407:R> (<t:1763696407:f>)
    Canary: seen <t:1763699892:f> (<t:1763699892:R>)
    -- steward 0.1.0
    == 🔵 mainnet: at the head | 
    Attesters: 1 NEW, 1 IN\_STAKING\_PROVIDER\_QUEUE, 2 ROLLUP\_ENTRY\_QUEUE, 1 ACTIVE, 1 NO\_LONGER\_ACTIVE
    Coinbases: 1 right, 1 missing, 1 mismatch, 2 unknown
    Provider: 7 \(Example Staking\)
    Head: 25,533,401, 0 s old · final: 25,533,330
    History: from block 23,700,000, missing 24,000,001 to 24,000,100; the fold agrees with the contracts: nothing is missing
    [attesters.png: Attesters by state between 19 Nov 2025 22:40 UTC and 21 Nov 2025 04:40 UTC: NEW from 1 to 1, IN_STAKING_PROVIDER_QUEUE from 3 to 1, ROLLUP_ENTRY_QUEUE from 0 to 2, ACTIVE from 1 to 1, NO_LONGER_ACTIVE from 0 to 1.]
    -- at block 25,533,400, 12 s ago · steward 0.1.0
    == 🟠 testnet: no block was read yet | 
    The counts may miss attesters: nothing of this network was read yet.
    Attesters: 0 NEW, 0 IN\_STAKING\_PROVIDER\_QUEUE, 0 ROLLUP\_ENTRY\_QUEUE, 0 ACTIVE, 0 NO\_LONGER\_ACTIVE
    Coinbases: none
    Provider: unknown: its id is not resolved yet
    Head: unknown: no endpoint told one yet · unknown: no endpoint has told a final block
    History: unknown: nothing was read yet
    -- nothing was read yet · steward 0.1.0
    ```
    endpoint       state    head        last error
    rpc-1 (leads)  healthy  25,533,400  none
    rpc-2          down     25,533,400  it did not answer within 10 s
    ```
    ");
}

#[test]
fn an_attester_is_shown_with_all_that_matters_now() {
    insta::assert_snapshot!(asked(&Question::Attester(of("fra-1/17"))), @r"
    == 🟠 Attester fra-1/17: ROLLUP\_ENTRY\_QUEUE | mainnet
    Waits in the entry queue of rollup 1, since <t:1763697600:f> (<t:1763697600:R>).
    `0x1212121212121212121212121212121212121212` [explorer](https://etherscan.io/address/0x1212121212121212121212121212121212121212)
    Entry queue of rollup 1: position 2 · expected <t:1763704960:R> (<t:1763704960:f>) · earliest <t:1763704960:R> (<t:1763704960:f>)
    Host: fra-1
    Coinbase: missing · expected `0xC1C1c1c1C1C1C1c1c1C1C1C1c1C1C1C1c1C1c1c1`
    -- at block 25,533,400, 12 s ago · steward 0.1.0
    ");
    insta::assert_snapshot!(asked(&Question::Attester(of("0x1515"))), @r"
    == 🟠 Attester 0x1515…1515: NO\_LONGER\_ACTIVE | mainnet
    On its way out, since <t:1763613600:f> (<t:1763613600:R>).
    `0x1515151515151515151515151515151515151515` [explorer](https://etherscan.io/address/0x1515151515151515151515151515151515151515)
    Registration: exiting on rollup 1 with 200,000 AZTEC · free not before <t:1763950012:R> (<t:1763950012:f>)
    Host: fra-2
    Coinbase: conflict · configured `0xc5C5C5c5c5c5c5c5c5c5c5C5c5c5C5C5C5c5c5C5, 0xC6C6C6c6c6c6C6c6C6C6c6c6C6C6c6c6C6C6c6c6`
    -- at block 25,533,400, 12 s ago · steward 0.1.0
    ");
}

#[test]
fn a_page_is_a_whole_table() {
    assert_eq!(usize::try_from(PAGE_ROWS), Ok(TABLE_ROWS_MAX));
}

#[test]
fn attesters_are_listed_in_a_table() {
    insta::assert_snapshot!(asked(&Question::Attesters(AttesterFilter::default())), @r#"
== 🔵 6 attesters | 
-- mainnet: at block 25,533,400, 12 s ago; testnet: nothing was read yet · steward 0.1.0
```
attester              host     state                      coinbase
0x1111…1111           unknown  IN_STAKING_PROVIDER_QUEUE  unknown
fra-1/17 0x1212…1212  fra-1    ROLLUP_ENTRY_QUEUE 2       missing
0x1313…1313           fra-2    ROLLUP_ENTRY_QUEUE 4       mismatch
0x1414…1414           fra-2    ACTIVE                     right
0x1515…1515           fra-2    NO_LONGER_ACTIVE           conflict
0x1616…1616           fra-3    NEW                        unknown
```
"#);
}

#[test]
fn a_history_and_a_why_carry_their_files() {
    insta::assert_snapshot!(asked(&Question::History(of("0x1212"))), @r#"
== 🔵 2 changes of attester fra-1/17 | mainnet
`0x1212121212121212121212121212121212121212`
What happened before block 23,700,000 is not known.
-- at block 25,533,400, 12 s ago · steward 0.1.0
```
block       when        what
25,526,200  1 day ago   NEW → IN_STAKING_PROVIDER_QUEUE
25,533,200  40 min ago  IN_STAKING_PROVIDER_QUEUE → ROLLUP_ENTRY_QUEUE
```
<history-0x1212121212121212121212121212121212121212.csv>
"#);
    insta::assert_snapshot!(asked(&Question::Why(of("0x1212"))), @r#"
== 🔵 Attester fra-1/17: ROLLUP\_ENTRY\_QUEUE | mainnet
Waits in the entry queue of rollup 1.
Rule: without a registration, a place in an entry queue decides.
Since: IN\_STAKING\_PROVIDER\_QUEUE → ROLLUP\_ENTRY\_QUEUE: waits in the entry queue of rollup 1, Rollup.ValidatorQueued, transaction [0x51515151…](https://etherscan.io/tx/0x5151515151515151515151515151515151515151515151515151515151515151), block [25,533,200](https://etherscan.io/block/25533200), <t:1763697600:R> (<t:1763697600:f>).
The file holds 1 earlier change, and the hashes.
`0x1212121212121212121212121212121212121212`
Registration: none
Entries: index 6 on rollup 1
Provider queue: has left the queue of provider 7
Refused deposit: none
Latest rollup: 1 at 0xA1A1a1a1A1A1A1A1A1a1a1a1a1a1A1A1a1A1a1a1
-- at block 25,533,400, 12 s ago · steward 0.1.0
<why-0x1212121212121212121212121212121212121212.json>
"#);
}

#[test]
fn the_queue_and_the_provider_are_shown() {
    insta::assert_snapshot!(asked(&Question::Queue { network: None }), @r#"
== 🔵 2 of 4 in the entry queue are ours | mainnet · rollup 1, the latest
Admits: 1 an epoch of 38 min
Left of this epoch: 0 in epoch 737
Validators: 3,200
[entry-queue.png: 4 attesters wait in the entry queue; position 4 is expected to become a validator on 21 Nov 2025 07:19 UTC; the first of ours at position 2 on 21 Nov 2025 06:02 UTC, the last at position 4 on 21 Nov 2025 07:19 UTC.]
-- at block 25,533,400, 12 s ago · steward 0.1.0
```
position  attester     host   expected
2         fra-1/17     fra-1  in 1 h 22 min, earliest in 1 h 22 min
4         0x1313…1313  fra-2  in 2 h 39 min, earliest in 2 h 39 min
```
"#);
    insta::assert_snapshot!(asked(&Question::Provider { network: None }), @r#"
== 🔵 The provider is not known yet | testnet
unknown: the provider's id is not resolved yet
-- nothing was read yet · steward 0.1.0
== 🔵 1 key is left to stake | mainnet · provider 7 (Example Staking)
Admin: `0xadADADadAdADAdadADADADadadADAdAdadaDAdAD`
Rewards recipient: unknown: no event told it
Take rate: 5.00 %
Keys: 41 added, 40 staked, 0 dripped
-- at block 25,533,400, 12 s ago · steward 0.1.0
```
next  attester     host
1     0x1111…1111  unknown
```
"#);
}

#[test]
fn coinbases_are_shown_with_what_to_set() {
    insta::assert_snapshot!(asked(&Question::Coinbases(CoinbaseFilter::default())), @r#"
== 🟠 2 coinbases are wrong | 
Set the expected one in the keys file and reload the keystore; the most urgent comes first.
Of 2 attesters it is unknown: they are in no keys file, or no stake tells.
-- mainnet: at block 25,533,400, 12 s ago; testnet: nothing was read yet · steward 0.1.0
```
attester     host   coinbase                   until
fra-1/17     fra-1  missing, set 0xC1C1…c1c1   in 1 h 22 min
0x1313…1313  fra-2  mismatch, set 0xC1C1…c1c1  in 2 h 39 min
```
"#);
    insta::assert_snapshot!(asked(&Question::Coinbase(of("0x1313"))), @r#"
== 🟠 Coinbase of attester 0x1313…1313 is not the expected one | mainnet
Set it on host fra-2 and reload the keystore.
`0x1313131313131313131313131313131313131313`
Expected: `0xC1C1c1c1C1C1C1c1c1C1C1C1c1C1C1C1c1C1c1c1`
Configured: `0xC9C9c9c9C9C9c9C9c9C9C9c9c9C9c9c9c9C9c9c9`
State: ROLLUP\_ENTRY\_QUEUE
Costs rewards: <t:1763709568:R> (<t:1763709568:f>)
Keys files: mainnet-keys-fra-2-v3.json
-- at block 25,533,400, 12 s ago · steward 0.1.0
"#);
}

#[test]
fn incidents_are_listed_shown_and_explained() {
    let id = "mainnet/0x1212121212121212121212121212121212121212/coinbase_missing/1";
    insta::assert_snapshot!(asked(&Question::Incidents(IncidentFilter::default())), @r"
    == 🟠 1 incident is open | 
    -- steward 0.1.0
    ```
    id     incident                                matters  state
    g5it6  Coinbase missing for attester fra-1/17  warning  acknowledged
    ```
    ");
    insta::assert_snapshot!(asked(&Question::Incident(id.to_owned())), @r"
    == 🟠 Coinbase missing for attester fra-1/17 | mainnet · Example Staking
    It can enter the active set <t:1763704012:R> (<t:1763704012:f>). Once it is in, rewards go to the node's default address.
    Set its coinbase to [0xC1C1…c1c1](https://etherscan.io/address/0xC1C1c1c1C1C1C1c1c1C1C1C1c1C1C1C1c1C1c1c1) on host fra-1 and reload the keystore.
    · <t:1763697612:R> opened
    · <t:1763699412:R> acknowledged by maria
    Attester: fra-1/17 · `0x1212121212121212121212121212121212121212` [explorer](https://etherscan.io/address/0x1212121212121212121212121212121212121212) · host fra-1
    Coinbase: expected `0xC1C1c1c1C1C1C1c1c1C1C1C1c1C1C1C1c1C1c1c1` · configured none
    Entry queue: position 2 of 4 · earliest activation <t:1763704012:R> (<t:1763704012:f>) · expected <t:1763708012:R>
    Stake: transaction [0x51515151…](https://etherscan.io/tx/0x5151515151515151515151515151515151515151515151515151515151515151), block [25,533,200](https://etherscan.io/block/25533200)
    Incident: acknowledged by maria
    [Snooze 1 h v1:snooze:3600:mainnet/0x1212121212121212121212121212121212121212/coinbase_missing/1] [Snooze 8 h v1:snooze:28800:mainnet/0x1212121212121212121212121212121212121212/coinbase_missing/1] [Snooze until changed v1:snooze:change:mainnet/0x1212121212121212121212121212121212121212/coinbase_missing/1] [Why v1:why:mainnet/0x1212121212121212121212121212121212121212/coinbase_missing/1]
    -- g5it6 · mainnet/0x1212121212121212121212121212121212121212/coinbase_missing/1 · steward 0.1.0
    ");
    insta::assert_snapshot!(asked(&Question::WhySubject(id.to_owned())), @r"
    == 🟠 Coinbase missing for attester fra-1/17 | mainnet · Example Staking
    It can enter the active set <t:1763704012:R> (<t:1763704012:f>). Once it is in, rewards go to the node's default address.
    Set its coinbase to [0xC1C1…c1c1](https://etherscan.io/address/0xC1C1c1c1C1C1C1c1c1C1C1C1c1C1C1C1c1C1c1c1) on host fra-1 and reload the keystore.
    · <t:1763697612:R> opened
    · <t:1763699412:R> acknowledged by maria
    Attester: fra-1/17 · `0x1212121212121212121212121212121212121212` [explorer](https://etherscan.io/address/0x1212121212121212121212121212121212121212) · host fra-1
    Coinbase: expected `0xC1C1c1c1C1C1C1c1c1C1C1C1c1C1C1C1c1C1c1c1` · configured none
    Entry queue: position 2 of 4 · earliest activation <t:1763704012:R> (<t:1763704012:f>) · expected <t:1763708012:R>
    Stake: transaction [0x51515151…](https://etherscan.io/tx/0x5151515151515151515151515151515151515151515151515151515151515151), block [25,533,200](https://etherscan.io/block/25533200)
    Incident: acknowledged by maria
    [Snooze 1 h v1:snooze:3600:mainnet/0x1212121212121212121212121212121212121212/coinbase_missing/1] [Snooze 8 h v1:snooze:28800:mainnet/0x1212121212121212121212121212121212121212/coinbase_missing/1] [Snooze until changed v1:snooze:change:mainnet/0x1212121212121212121212121212121212121212/coinbase_missing/1] [Why v1:why:mainnet/0x1212121212121212121212121212121212121212/coinbase_missing/1]
    -- g5it6 · mainnet/0x1212121212121212121212121212121212121212/coinbase_missing/1 · steward 0.1.0
    == 🟠 What happened | 
    · <t:1763697612:R> opened
    · <t:1763699412:R> acknowledged by maria
    `mainnet/0x1212121212121212121212121212121212121212/coinbase_missing/1`
    -- steward 0.1.0
    <incident.json>
    ");
}

#[test]
fn jobs_are_listed_and_shown() {
    insta::assert_snapshot!(asked(&Question::Jobs(JobFilter::default())), @r#"
== 🔵 1 job | 
-- steward 0.1.0
```
job  what                                             state    changed
1    deliver mainnet/0x1212…1212/coinbase_missing/1…  created  1 min ago
```
"#);
    insta::assert_snapshot!(asked(&Question::Job("1".to_owned())), @r#"
== 🔵 Job 1 is created | mainnet
It does: deliver `mainnet/0x1212121212121212121212121212121212121212/coinbase_missing/1|1002|0`
Attempts: 0
Created: 1 min ago
Due: 1 min ago
-- steward 0.1.0
```
attempt  phase    began     outcome
1        process  50 s ago  rejected: the channel answers 503
2        process  1 s ago   none yet
```
"#);
}

#[test]
fn why_of_a_notice_explains_its_attester() {
    let notice = "mainnet/0x1414141414141414141414141414141414141414/attester_transition/3";
    let why = asked(&Question::WhySubject(notice.to_owned()));
    assert!(why.contains("Attester 0x1414…1414: ACTIVE"), "{why}");
}

#[test]
fn a_reference_that_nothing_has_is_refused_with_a_next_step() {
    let sample = Sample::new();
    for reference in ["#00000000000000000000000000000000", "mainnet/x/y/1", "odd"] {
        let question = Question::WhySubject(reference.to_owned());
        let refusal = answer(&sample.glance(), &question).unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::NotFound, "{reference}");
        assert!(!refusal.next.is_empty());
    }
}

#[test]
fn what_was_done_is_said_with_its_subject() {
    let sample = Sample::new();
    let message = done(&sample.glance(), "Job 7 is tried again.", "7");
    insta::assert_snapshot!(shown(&message), @r#"
== 🟢 Done | 
Job 7 is tried again.
`7`
-- steward 0.1.0
"#);
}

/// Goal: the buttons of pages reach every row once. Method: pages of one row are followed as presses would.
#[test]
fn following_the_buttons_shows_every_attester_once() {
    let sample = Sample::new();
    let glance = sample.glance();
    let mut after = None;
    let mut seen = Vec::new();
    loop {
        let filter = AttesterFilter {
            after,
            limit: Some(2),
            ..AttesterFilter::default()
        };
        let view = crate::views::attesters::list(&glance, &filter).unwrap();
        seen.extend(view.attesters.iter().map(|row| row.attester.clone()));
        let question = Question::Attesters(AttesterFilter::default());
        let page = Page {
            question: &question,
            after: filter.after.as_ref(),
            next: view.next.as_ref(),
            shown: view.attesters.len(),
            total: view.total,
        };
        let mut card = card(&glance, Severity::Info, Text::default(), None);
        page.put(&mut card);
        let next = card
            .buttons
            .into_iter()
            .find(|button| button.label == "Next page");
        let Some(ButtonAction::Ask { question }) = next.map(|button| button.action) else {
            break;
        };
        let Some(Question::Attesters(filter)) = Question::parse(&question) else {
            panic!("another question: {question}");
        };
        after = filter.after;
    }
    let all = crate::views::attesters::list(&glance, &AttesterFilter::default()).unwrap();
    let all: Vec<String> = all.attesters.into_iter().map(|row| row.attester).collect();
    assert_eq!(seen, all);
}

/// Impaired: connected, and yet something is to be done. Read again: who ordered it, and why.
#[test]
fn status_says_what_is_wrong_at_discord_and_who_had_a_network_read_again() {
    let mut sample = Sample::new();
    sample.gateway = Gateway::Impaired {
        since: UnixSeconds::new(1_763_696_412),
        reason: "the role 77 does not exist".to_owned(),
    };
    sample.state.change_progress("mainnet", |progress| {
        progress.resumptions = vec![Resumption {
            at: UnixSeconds::new(1_763_696_412),
            by: "ada".to_owned(),
            reason: "rpc-1 was right".to_owned(),
            stopped: None,
            floor: BlockNumber::new(24_000_000),
        }];
    });
    let question = Question::Status { network: None };
    let text = shown(&answer(&sample.glance(), &question).unwrap());
    let lines = text.lines().filter(|line| {
        ["gateway:", "Discord:", "Read again:"]
            .iter()
            .any(|start| line.starts_with(start))
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r"
    gateway: the role 77 does not exist.
    Discord: connected since <t:1763696412:f> (<t:1763696412:R>), but the role 77 does not exist
    Read again: <t:1763696412:R> (<t:1763696412:f>), by ada: rpc-1 was right
    ");
}
