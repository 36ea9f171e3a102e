//! The state machine, move by move and at random; the backoff; the queue under a roll-back.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    job::{Action, Job, JobKind, Lane, Lease, Pause, Phase, Priority, State, Verdict},
    policy::Policy,
    queue::{Gate, Jobs, NewJob},
    transition::{Event, Illegal, transition},
};
use crate::{
    outbox::courier::ChannelId,
    store::{Batch, table::Journal},
};

fn job(state: State) -> Job {
    Job {
        id: 7,
        network: "main".to_owned(),
        kind: JobKind::Deliver,
        key: "a".to_owned(),
        state,
        lane: Lane::Send(ChannelId(1)),
        priority: Priority::Normal,
        order: 7,
        available_at_ms: 0,
        give_up_at_ms: None,
        attempts: 3,
        streak: 2,
        faults: 1,
        polls: 1,
        reason: None,
        evidence: Some("message 1".to_owned()),
        created_at_ms: 0,
        updated_at_ms: 0,
    }
}

const fn lease(incarnation: u64) -> Lease {
    Lease {
        incarnation,
        attempt: 3,
        phase: Phase::Process,
    }
}

const STATES: [State; 8] = [
    State::Created,
    State::Processing(lease(1)),
    State::Processing(lease(2)),
    State::PendingVerification,
    State::Done,
    State::Failed,
    State::Cancelled,
    State::Unclear,
];

/// Every state against every request, as one table: what is not listed as a move is refused with a sentence.
#[test]
fn the_legal_moves_are_these() {
    let mut lines = Vec::new();
    for state in STATES {
        let ask = |action| Event::Ask {
            action,
            reason: "because".to_owned(),
        };
        let events = [
            ("claim", Event::Claim { incarnation: 2 }),
            ("retry", ask(Action::Retry)),
            ("cancel", ask(Action::Cancel)),
            ("verify", ask(Action::Verify)),
        ];
        for (name, event) in events {
            let mut moved = job(state);
            let told = match transition(&mut moved, event, &Policy::deliver(), 5) {
                Ok(()) => moved.state.name().to_owned(),
                Err(illegal) => {
                    assert_eq!(moved, job(state), "a refusal changes nothing");
                    format!("refused: {illegal}")
                }
            };
            let whose = match state {
                State::Processing(lease) if lease.incarnation < 2 => " (dead)",
                _ => "",
            };
            lines.push(format!("{}{whose} + {name} -> {told}", state.name()));
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    created + claim -> processing
    created + retry -> refused: job 7 is waiting for its turn already (created)
    created + cancel -> cancelled
    created + verify -> refused: job 7 is waiting for its turn already (created)
    processing (dead) + claim -> processing
    processing (dead) + retry -> refused: job 7 is being processed right now; ask again when this attempt has ended
    processing (dead) + cancel -> refused: job 7 is being processed right now; ask again when this attempt has ended
    processing (dead) + verify -> refused: job 7 is being processed right now; ask again when this attempt has ended
    processing + claim -> refused: job 7 is being processed right now; ask again when this attempt has ended
    processing + retry -> refused: job 7 is being processed right now; ask again when this attempt has ended
    processing + cancel -> refused: job 7 is being processed right now; ask again when this attempt has ended
    processing + verify -> refused: job 7 is being processed right now; ask again when this attempt has ended
    pending_verification + claim -> processing
    pending_verification + retry -> refused: job 7 is waiting for its turn already (pending_verification)
    pending_verification + cancel -> cancelled
    pending_verification + verify -> refused: job 7 is waiting for its turn already (pending_verification)
    done + claim -> refused: job 7 is done: message 1
    done + retry -> refused: job 7 is done: message 1
    done + cancel -> refused: job 7 is done: message 1
    done + verify -> refused: job 7 is done: message 1
    failed + claim -> refused: job 7 is failed; retry it, or look into it
    failed + retry -> created
    failed + cancel -> cancelled
    failed + verify -> pending_verification
    cancelled + claim -> refused: job 7 was cancelled; it comes back only when what caused it does
    cancelled + retry -> refused: job 7 was cancelled; it comes back only when what caused it does
    cancelled + cancel -> refused: job 7 was cancelled; it comes back only when what caused it does
    cancelled + verify -> refused: job 7 was cancelled; it comes back only when what caused it does
    unclear + claim -> refused: job 7 is unclear; retry it, or look into it
    unclear + retry -> created
    unclear + cancel -> cancelled
    unclear + verify -> pending_verification
    ");
}

#[test]
fn a_report_under_a_lost_lease_is_refused() {
    let report = Event::Report {
        lease: lease(1),
        verdict: Verdict::Done {
            evidence: String::new(),
        },
        jitter: 0.0,
    };
    for state in STATES
        .into_iter()
        .filter(|state| *state != State::Processing(lease(1)))
    {
        let mut moved = job(state);
        let refused = transition(&mut moved, report.clone(), &Policy::deliver(), 5);
        assert!(matches!(refused, Err(Illegal::NoLease(7, _))), "{state:?}");
    }
}

fn verdict() -> impl Strategy<Value = Verdict> {
    let text = || "x".to_owned();
    prop_oneof![
        Just(Verdict::Done { evidence: text() }),
        Just(Verdict::Verify {
            after: Duration::from_secs(1)
        }),
        Just(Verdict::Rejected { reason: text() }),
        (any::<bool>(), 0..100_u64).prop_map(move |(is_counted, after)| Verdict::Later {
            after: Some(Duration::from_secs(after)),
            reason: "x".to_owned(),
            is_counted,
            pause: Pause::Nobody,
        }),
        Just(Verdict::Again),
        Just(Verdict::Failed { reason: text() }),
        Just(Verdict::Unclear { reason: text() }),
        Just(Verdict::Abandoned { reason: text() }),
    ]
}

proptest! {
    #[test]
    fn attempts_are_bounded_and_counted(verdicts in prop::collection::vec(verdict(), 1..200)) {
        let policy = Policy::deliver();
        let mut job = job(State::Created);
        let (mut attempts, mut now_ms) = (job.attempts, 0_u64);
        for verdict in verdicts {
            if transition(&mut job, Event::Claim { incarnation: 1 }, &policy, now_ms).is_err() {
                prop_assert!(!job.state.is_live());
                break;
            }
            attempts += 1;
            prop_assert_eq!(job.attempts, attempts);
            let State::Processing(lease) = job.state else {
                return Err(TestCaseError::fail("a claim leads to a lease"));
            };
            let event = Event::Report { lease, verdict: verdict.clone(), jitter: 0.5 };
            prop_assert!(transition(&mut job, event, &policy, now_ms).is_ok());
            prop_assert!(!matches!(job.state, State::Processing(_)));
            prop_assert!(job.faults <= policy.attempts_max);
            if let (Verdict::Later { after: Some(after), .. }, true) = (verdict, job.state.is_live()) {
                let least = now_ms + u64::try_from(after.as_millis()).unwrap();
                prop_assert!(job.available_at_ms >= least);
            }
            now_ms = now_ms.max(job.available_at_ms);
        }
    }

    #[test]
    fn waits_grow_up_to_their_cap(streak in 1..10_000_u32, random in 0.0..1.0_f64) {
        let policy = Policy::deliver();
        let wait = policy.backoff(streak, random);
        prop_assert!(wait <= policy.backoff_max.mul_f64(1.1 + f64::EPSILON));
        prop_assert!(wait >= policy.backoff_base.mul_f64(0.9 - f64::EPSILON));
        prop_assert!(policy.backoff(streak, 0.5) <= policy.backoff(streak + 1, 0.5));
    }
}

fn wanted(key: &str, lane: Lane) -> NewJob {
    NewJob {
        network: "main".to_owned(),
        kind: JobKind::Deliver,
        key: key.to_owned(),
        lane,
        priority: Priority::Normal,
        give_up_at_ms: None,
    }
}

fn open() -> Gate {
    Gate {
        free: JobKind::ALL.map(|kind| (kind, 9)).into(),
        ..Gate::default()
    }
}

#[test]
fn a_rolled_back_decision_leaves_the_queue_as_it_was() {
    let mut jobs = Jobs::new(1);
    let lane = Lane::Send(ChannelId(1));
    let first = jobs.want(wanted("a", lane), 0);
    jobs.drain(&mut Batch::default(), None).unwrap();
    jobs.withdraw(first, "no", 1);
    jobs.want(wanted("b", lane), 1);
    jobs.roll_back();
    assert_eq!(jobs.claimable(1, &open()), Some(first));
    assert_eq!(jobs.find("main", JobKind::Deliver, "b"), None);
    assert_eq!(jobs.counts().values().sum::<usize>(), 1);
    assert_eq!(jobs.want(wanted("a", lane), 2), first, "one job per key");
}

#[test]
fn an_edit_waits_while_a_new_message_is_ready() {
    let mut jobs = Jobs::new(1);
    let edit = NewJob {
        kind: JobKind::Edit,
        ..wanted("a", Lane::Edit(ChannelId(1)))
    };
    let edit = jobs.want(edit, 0);
    let send = jobs.want(wanted("b", Lane::Send(ChannelId(1))), 0);
    assert_eq!(jobs.claimable(0, &open()), Some(send));
    let policy = Policy::deliver();
    jobs.step_job(send, Event::Claim { incarnation: 1 }, &policy, 0)
        .unwrap()
        .unwrap();
    assert_eq!(jobs.claimable(0, &open()), None);
    let Some(State::Processing(lease)) = jobs.job(send).map(|job| job.state) else {
        panic!("claimed");
    };
    let verdict = Verdict::Later {
        after: None,
        reason: "down".to_owned(),
        is_counted: false,
        pause: Pause::Nobody,
    };
    let report = Event::Report {
        lease,
        verdict,
        jitter: 0.5,
    };
    jobs.step_job(send, report, &policy, 0).unwrap().unwrap();
    assert_eq!(
        jobs.claimable(0, &open()),
        Some(edit),
        "nothing is ready to go"
    );
    assert_eq!(jobs.claimable(1_000, &open()), Some(send));
    assert_eq!(jobs.wakes_at(0, &open()), Some(1_000));
}

/// A message waited a minute for a new token, although the process had been started again with it.
#[test]
fn what_an_earlier_process_left_waiting_is_tried_at_once() {
    let store = crate::store::memory::MemoryStore::new();
    let mut jobs = Jobs::new(1);
    let policy = Policy::deliver();
    let id = jobs.want(wanted("a", Lane::Send(ChannelId(1))), 0);
    let claim = |incarnation| Event::Claim { incarnation };
    jobs.step_job(id, claim(1), &policy, 0).unwrap().unwrap();
    let wait = |jobs: &mut Jobs, now_ms| {
        let Some(State::Processing(lease)) = jobs.job(id).map(|job| job.state) else {
            panic!("claimed");
        };
        let verdict = Verdict::Later {
            after: Some(Duration::from_mins(1)),
            reason: "the token is refused".to_owned(),
            is_counted: false,
            pause: Pause::Everybody,
        };
        let report = Event::Report {
            lease,
            verdict,
            jitter: 0.5,
        };
        jobs.step_job(id, report, &policy, now_ms).unwrap().unwrap();
    };
    wait(&mut jobs, 0);
    assert_eq!(jobs.claimable(1, &open()), None);
    let mut batch = Batch::default();
    jobs.drain(&mut batch, None).unwrap();
    crate::store::Store::commit(&store, &batch).unwrap();

    let mut jobs = Jobs::load(&store, 2).unwrap();
    assert_eq!(jobs.claimable(1, &open()), Some(id));
    jobs.step_job(id, claim(2), &policy, 1).unwrap().unwrap();
    wait(&mut jobs, 1);
    assert_eq!(jobs.claimable(2, &open()), None, "once, and then as ever");
}
