//! The sample's own work: an incident with its card, the attempts at that, and the canary.

use super::{BLOCK, NOW, attester, coinbase};
use crate::{
    alert::{
        card::{Card, Message, Severity, Text},
        class::Class,
        facts::{CoinbaseFacts, Configured as Told, Due, Facts, Known, QueueOutlook},
        incident::{Incident, Line, State as IncidentState, Step},
        notice::{Notice, NoticeId},
    },
    canary::{Canary, Seen},
    jobs::{
        attempt::{Attempt, Outcome},
        job::{Lease, Phase, Verdict},
    },
    outbox::{Routes, courier::ChannelId},
    state::State,
    store::Batch,
    units::{B256, BlockNumber, UnixSeconds},
};

pub(super) fn incident() -> Incident {
    let subject = attester(0x12).to_string().to_ascii_lowercase();
    let line = |back: u64, who: Option<&str>, step| Line {
        at: UnixSeconds::new(NOW - back),
        who: who.map(str::to_owned),
        step,
        why: None,
    };
    let outlook = QueueOutlook {
        position: 2,
        length: 4,
        earliest: Due::Is(UnixSeconds::new(NOW + 4_000)),
        expected: Due::Is(UnixSeconds::new(NOW + 8_000)),
    };
    Incident {
        id: NoticeId::new("mainnet", &subject, Class::CoinbaseMissing, 1, ""),
        class: Class::CoinbaseMissing,
        subject,
        scope: String::new(),
        occurrence: 1,
        state: IncidentState::Acknowledged,
        severity: Severity::Warning,
        facts: Facts::Coinbase(CoinbaseFacts {
            attester: attester(0x12),
            expected: Known::Is(coinbase(0xc1)),
            configured: Told::Missing,
            stake_block: Some(BlockNumber::new(BLOCK - 200)),
            stake_transaction: Some(B256::repeat_byte(0x51)),
            is_active: false,
            queue: Some(outlook),
        }),
        opened_at: UnixSeconds::new(NOW - 2_400),
        updated_at: UnixSeconds::new(NOW - 600),
        absent_since: None,
        rungs: Vec::new(),
        rung_at: None,
        replies: 0,
        has_woken: false,
        timeline: vec![
            line(2_400, None, Step::Opened),
            line(600, Some("maria"), Step::Acknowledged),
        ],
    }
}

/// Keeps the incident, and owes its card to a channel.
pub(super) fn tell(state: &mut State, incident: Incident) {
    let card = Card {
        severity: incident.severity,
        author: Text::plain("mainnet"),
        title: Text::plain("Coinbase missing"),
        body: Vec::new(),
        fields: Vec::new(),
        chart: None,
        footer: String::new(),
        at: incident.opened_at,
        buttons: Vec::new(),
    };
    let notice = Notice {
        id: incident.id.clone(),
        class: incident.class,
        route: incident.class.route(),
        message: Message {
            cards: vec![card],
            ..Message::default()
        },
        row: Vec::new(),
        cause: None,
        reply_to: None,
    };
    let key = incident.id.as_str().to_owned();
    state.incidents_or_new("mainnet").rows.put(key, incident);
    let routes = Routes::new(ChannelId(1_001), ChannelId(1_002));
    let now_ms = (NOW - 60) * 1_000;
    state
        .outbox
        .owe(&mut state.jobs, now_ms, vec![notice], &routes);
}

/// Job 1 was tried once, and is being tried again.
pub(super) fn attempts(batch: &mut Batch) {
    let entry = |attempt, back: u64, outcome| Attempt {
        job: 1,
        lease: Lease {
            incarnation: 3,
            attempt,
            phase: Phase::Process,
        },
        at_ms: (NOW - back) * 1_000,
        outcome,
    };
    let later = Outcome::of(&Verdict::Rejected {
        reason: "the channel answers 503".to_owned(),
    });
    for entry in [
        entry(1, 50, None),
        entry(1, 49, Some(later)),
        entry(2, 1, None),
    ] {
        entry.append(batch).unwrap();
    }
}

/// The fifth beat was seen two minutes ago.
pub(super) fn canary() -> Canary {
    let at_ms = (NOW - 120) * 1_000;
    Canary {
        interval_ms: 600_000,
        beat: 5,
        beat_at_ms: at_ms - 3_000,
        looked_for: 5,
        seen: Some(Seen { beat: 5, at_ms }),
        fed_at_ms: Some(at_ms),
        ..Canary::default()
    }
}
