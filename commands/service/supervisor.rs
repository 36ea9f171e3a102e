//! What systemd is told of a service of `Type=notify`: that it is up, how far it is, that it gets on, that it stops.
//!
//! The watchdog is fed by the watchers' progress and not by a timer: where one of them stands still (`steward::service::pulse`
//! says what that is), nothing is fed, and systemd starts steward anew. Without systemd nothing here does anything.

use std::{sync::Arc, time::Duration};

use sd_notify::NotifyState;
use steward::{
    config::has_supervisor,
    service::{
        Service,
        pulse::{Standing, Vigil},
        run::RunError,
    },
    tasks::Tasks,
    watcher::NEAR_BLOCKS,
};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// How often the line of `systemctl status` is renewed: an L1 slot.
const STATUS_EVERY: Duration = Duration::from_secs(12);

/// Feedings per interval of the watchdog: one may come late, and a second one.
const FEEDINGS: u32 = 3;

/// How long a line may take to be made; a commit that hangs holds the state for ever.
const LINE_WITHIN: Duration = Duration::from_secs(1);

/// Says that steward is up, and goes on saying how it fares.
pub fn report(service: &Arc<Service>, tasks: &Tasks) {
    if !has_supervisor() {
        return;
    }
    tell(&[NotifyState::Ready]);
    let watchdog = sd_notify::watchdog_enabled();
    let (service, token) = (Arc::clone(service), tasks.token());
    tasks.spawn("supervisor", async move {
        go_on(&service, watchdog, &token).await;
        Ok::<_, RunError>(())
    });
}

/// Says that steward stops.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

async fn go_on(service: &Service, watchdog: Option<Duration>, token: &CancellationToken) {
    let begun = Instant::now();
    let every = watchdog.map_or(STATUS_EVERY, |every| STATUS_EVERY.min(every / FEEDINGS));
    let mut guard = Guard::default();
    loop {
        if guard.lets_feed(begun.elapsed(), &service.beats()) && watchdog.is_some() {
            tell(&[NotifyState::Watchdog]);
        }
        if let Ok(standings) = timeout(LINE_WITHIN, service.standings()).await {
            tell(&[NotifyState::Status(&line(&standings))]);
        }
        tokio::select! {
            () = token.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// Decides whether the watchdog is fed, and says once when it is not any more.
#[derive(Debug, Default)]
struct Guard {
    vigil: Vigil,
    still: Vec<String>,
}

impl Guard {
    fn lets_feed(&mut self, now: Duration, beats: &[steward::service::pulse::Beat]) -> bool {
        let still = self.vigil.standing_still(now, beats);
        for network in still.iter().filter(|name| !self.still.contains(name)) {
            tracing::error!(
                network,
                "the watcher stands still: systemd is not told any more that steward gets on"
            );
        }
        self.still = still;
        self.still.is_empty()
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the supervisor cannot be told");
    }
}

/// The line of `systemctl status`: every network with its block and what is left to read.
fn line(standings: &[Standing]) -> String {
    let of = |standing: &Standing| {
        let name = &standing.network;
        if let Some(reason) = &standing.stopped {
            return format!("{name} is stopped: {reason}");
        }
        if standing.head.value() == 0 {
            return format!("{name}: no block seen yet");
        }
        let block = standing.cursor;
        match standing.head.since(standing.cursor) {
            0 => format!("{name}: block {block}, at the head"),
            lag if lag <= NEAR_BLOCKS => format!("{name}: block {block}, {lag} behind the head"),
            lag => format!("{name}: block {block}, catching up, {lag} to read"),
        }
    };
    let lines: Vec<String> = standings.iter().map(of).collect();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use steward::{service::pulse::Beat, units::BlockNumber};

    use super::*;

    #[test]
    fn a_watcher_that_stands_still_is_not_covered_up() {
        let mut guard = Guard::default();
        let beats = |a, b| {
            [("a", a), ("b", b)].map(|(network, progress)| Beat {
                network: network.to_owned(),
                progress,
                patience: Duration::from_secs(60),
            })
        };
        let at = Duration::from_secs;
        assert!(guard.lets_feed(at(0), &beats(0, 0)));
        assert!(guard.lets_feed(at(60), &beats(1, 0)));
        assert!(!guard.lets_feed(at(61), &beats(2, 0)));
        assert!(!guard.lets_feed(at(600), &beats(3, 0)));
        assert!(guard.lets_feed(at(601), &beats(4, 1)));
    }

    #[test]
    fn the_line_says_how_far_every_network_is() {
        let standing = |network: &str, cursor, head, stopped: Option<&str>| Standing {
            network: network.to_owned(),
            cursor: BlockNumber::new(cursor),
            head: BlockNumber::new(head),
            stopped: stopped.map(str::to_owned),
        };
        insta::assert_snapshot!(line(&[
            standing("mainnet", 23_900_123, 23_900_123, None),
            standing("testnet", 9_500_100, 9_500_102, None),
            standing("new", 1_000, 9_500_000, None),
            standing("gone", 0, 0, None),
            standing("odd", 5, 9, Some("the reorg is deeper than what is final")),
        ]).replace("; ", "\n"), @r"
        mainnet: block 23900123, at the head
        testnet: block 9500100, 2 behind the head
        new: block 1000, catching up, 9499000 to read
        gone: no block seen yet
        odd is stopped: the reorg is deeper than what is final
        ");
    }
}
