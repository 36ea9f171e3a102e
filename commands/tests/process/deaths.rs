//! Power cuts: the process is killed again and again while the chain goes on, is reorganised, and Discord loses answers.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fake::Fault;
use localnet::{
    Key, Localnet,
    rollup::{VALIDATING, tokens},
};
use tokio::time::Instant;

use super::stage::{Stage, TRANSITIONS};

/// How long it is killed for, in seconds.
const SECONDS: &str = "STEWARD_TEST_KILL_SECONDS";
/// Enough for some dozens of lives.
const SECONDS_DEFAULT: u64 = 30;
/// How many lives there are, whatever time they take.
const ROUNDS: &str = "STEWARD_TEST_KILL_ROUNDS";
/// Repeats the choices of an earlier run; the moments of death still depend on the machine.
const SEED: &str = "STEWARD_TEST_KILL_SEED";
/// The longest life: long enough to catch up, tell, and be caught in the middle of either.
const LIFE_MAX: u64 = 2_500;
/// Keys that are added in the course of the story, a few at a time.
const KEYS: u64 = 240;

/// Choices (xorshift64*); the seed is printed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is no number: {value}")),
    )
}

/// Goal: every change of ours that is canonical in the end stands in exactly one message, whether as card or as row;
/// whatever was told and is not canonical reads as taken back; nothing is told twice.
/// Method: kill -9 at random moments while a second task changes the chain; then the logs of the chain are folded here
/// and compared with what people read.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_tells_every_change_in_exactly_one_message() {
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .subsec_nanos();
    let seed = number(SEED).unwrap_or_else(|| u64::from(nanos) | 1);
    let seconds = number(SECONDS).unwrap_or(SECONDS_DEFAULT);
    println!("{SEED}={seed} {SECONDS}={seconds}");
    let stage = Stage::unlimited().await;
    stage.add_keys(0, 8).await;
    stage.stake(6).await;
    let floor = stage.start_first().await;
    let until = match number(ROUNDS) {
        Some(rounds) => Until::Deaths(rounds),
        None => Until::Moment(Instant::now() + Duration::from_secs(seconds)),
    };
    let is_over = AtomicBool::new(false);
    let (deeds, deaths) = tokio::join!(change_the_chain(&stage, Dice(seed), &is_over), async {
        let deaths = kill(&stage, Dice(seed ^ 0x5DEE_CE66), &until).await;
        is_over.store(true, Ordering::SeqCst);
        deaths
    });
    stage.see_the_truth(floor).await;
    stage.see_that_nothing_follows(floor).await;
    let messages = stage.discord.messages(TRANSITIONS).len();
    println!("{deaths} deaths, {deeds} deeds, {messages} messages");
    assert!(deaths >= 5 && deeds >= 10, "{deaths} deaths, {deeds} deeds");
    stage.assert_rules_were_kept();
}

/// When it is enough.
enum Until {
    Moment(Instant),
    Deaths(u64),
}

impl Until {
    fn is_reached(&self, deaths: u64) -> bool {
        match self {
            Self::Moment(end) => Instant::now() >= *end,
            Self::Deaths(most) => deaths >= *most,
        }
    }
}

async fn kill(stage: &Stage, mut dice: Dice, until: &Until) -> u64 {
    let mut deaths = 0;
    while !until.is_reached(deaths) {
        let life = Duration::from_millis(20 + dice.roll(LIFE_MAX));
        tokio::time::sleep(life).await;
        stage.assert_is_running();
        stage.kill().await;
        deaths += 1;
        stage.discord.clear_faults();
        match dice.roll(6) {
            0 => stage.discord.fault(Fault::on_send().accept_then_drop()),
            1 => stage
                .discord
                .fault(Fault::on_send().skip(1).accept_then_status(500)),
            2 => stage.discord.fault(Fault::on_edit().accept_then_drop()),
            _ => {}
        }
        stage.start();
    }
    stage.discord.clear_faults();
    deaths
}

/// What cannot be done now - a stake without a key, say - is left out.
async fn change_the_chain(stage: &Stage, mut dice: Dice, is_over: &AtomicBool) -> u32 {
    let net = &stage.net;
    let mut deeds = 0;
    let mut next_key = 8;
    while !is_over.load(Ordering::SeqCst) {
        let done = match dice.roll(12) {
            0..=2 => net.stake(&net.stake_on(stage.provider)).await.is_ok(),
            3 | 4 => {
                net.next_epoch().await.unwrap();
                net.flush_entry_queue().await.is_ok()
            }
            5 => slash(net, Key::from_index(dice.roll(next_key)).unwrap()).await,
            6 | 7 if next_key < KEYS => {
                let count = 1 + dice.roll(3);
                stage.add_keys(next_key, count).await;
                next_key += count;
                true
            }
            8 => net.drip(stage.provider, 1).await.is_ok(),
            9 => {
                let rate = 100 + u16::try_from(dice.roll(400)).unwrap();
                net.update_take_rate(stage.provider, rate).await.is_ok()
            }
            10 => net.reorg(1 + dice.roll(3)).await.is_ok(),
            _ => net.mine(1).await.is_ok(),
        };
        deeds += u32::from(done);
        tokio::time::sleep(Duration::from_millis(dice.roll(250))).await;
    }
    deeds
}

/// A slash that leaves the attester in the set.
async fn slash(net: &Localnet, key: Key) -> bool {
    let view = net.attester_view(key.attester).await.unwrap();
    let is_far_from_ejection = view.effectiveBalance >= tokens(194_000);
    view.status == VALIDATING
        && is_far_from_ejection
        && net.slash(key.attester, tokens(2_000)).await.is_ok()
}
