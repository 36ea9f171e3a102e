//! How far history is read: a bar in a terminal, lines of the log otherwise.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use steward::{
    alert::text::catch_up::{line, shares},
    desk::catch_up_facts,
    service::Readings,
    units::UnixSeconds,
    watcher::stretch::Stretch,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::MakeWriter;

/// A log wants to be read later: one line in so long.
const LINE_EVERY: Duration = Duration::from_secs(15);
/// Network, bar, and the words; the bar takes what the words leave.
const TEMPLATE: &str = "{prefix} {wide_bar} {msg}";

/// The bars on standard error, and the log above them.
#[derive(Debug, Clone, Default)]
pub struct Bars(MultiProgress);

/// Writes one line of the log while the bars are out of the way.
#[derive(Debug)]
pub struct Above(MultiProgress);

impl Write for Above {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().lock().write_all(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

impl<'a> MakeWriter<'a> for Bars {
    type Writer = Above;

    fn make_writer(&'a self) -> Above {
        Above(self.0.clone())
    }
}

/// Shows every catch-up until `token` is cancelled.
pub async fn show(
    mut readings: watch::Receiver<Readings>,
    bars: Option<Bars>,
    token: CancellationToken,
) {
    let (mut drawn, mut lines) = (BTreeMap::new(), Lines::default());
    loop {
        let now = readings.borrow_and_update().clone();
        for (network, line) in lines.of(&now, bars.is_some()) {
            tracing::info!(network, "{line}");
        }
        if let Some(bars) = &bars {
            draw(bars, &mut drawn, &now);
        }
        let is_over = tokio::select! {
            () = token.cancelled() => true,
            changed = readings.changed() => changed.is_err(),
        };
        if is_over {
            // Whoever looks at the terminal afterwards finds the log, and no bar that stands still.
            draw(
                bars.as_ref().unwrap_or(&Bars::default()),
                &mut drawn,
                &Readings::new(),
            );
            return;
        }
    }
}

fn draw(bars: &Bars, drawn: &mut BTreeMap<String, ProgressBar>, now: &Readings) {
    drawn.retain(|network, bar| {
        let goes_on = now.contains_key(network);
        if !goes_on {
            bar.finish_and_clear();
        }
        goes_on
    });
    for (network, stretch) in now {
        let bar = drawn.entry(network.clone()).or_insert_with(|| {
            let bar = bars.0.add(ProgressBar::new(stretch.blocks()));
            bar.set_style(style());
            bar.set_prefix(network.clone());
            bar
        });
        bar.set_length(stretch.blocks());
        bar.set_position(stretch.read());
        bar.set_message(shares(&facts(stretch)));
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template(TEMPLATE)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}

/// What is said does not depend on who is told when.
fn facts(stretch: &Stretch) -> steward::alert::text::catch_up::CatchUp {
    catch_up_facts(stretch, 0, UnixSeconds::default())
}

/// Which catch-ups are due to be told in the log.
#[derive(Debug, Default)]
struct Lines {
    /// Per network, for how long it had been read when it was told last.
    told: BTreeMap<String, Duration>,
}

impl Lines {
    /// The lines that are due: the first range, one in [`LINE_EVERY`], and the end; beside a bar, the end alone.
    fn of(&mut self, now: &Readings, has_bar: bool) -> Vec<(String, String)> {
        let mut due = Vec::new();
        self.told.retain(|network, _| {
            let goes_on = now.contains_key(network);
            if !goes_on {
                due.push((network.clone(), "history is read to the head".to_owned()));
            }
            goes_on
        });
        for (network, stretch) in now {
            let told = self.told.get(network);
            if told.is_none_or(|told| stretch.elapsed >= *told + LINE_EVERY) {
                self.told.insert(network.clone(), stretch.elapsed);
                if !has_bar {
                    due.push((network.clone(), line(&facts(stretch))));
                }
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressDrawTarget;
    use steward::units::BlockNumber;

    use super::*;

    fn stretch(reached: u64, seconds: u64) -> Stretch {
        Stretch {
            from: BlockNumber::new(23_699_999),
            reached: BlockNumber::new(reached),
            head: BlockNumber::new(25_533_400),
            elapsed: Duration::from_secs(seconds),
            speed: Some((60_000, 50_000)),
        }
    }

    fn readings(stretch: Stretch) -> Readings {
        Readings::from([("mainnet".to_owned(), stretch)])
    }

    #[test]
    fn a_bar_says_how_far_how_fast_and_how_long_and_goes_away() {
        let bars = Bars(MultiProgress::with_draw_target(ProgressDrawTarget::hidden()));
        let mut drawn = BTreeMap::new();
        draw(&bars, &mut drawn, &readings(stretch(24_300_000, 60)));
        let bar = drawn.get("mainnet").cloned().unwrap();
        assert_eq!((bar.position(), bar.length()), (600_001, Some(1_833_401)));
        insta::assert_snapshot!(format!("{} {}", bar.prefix(), bar.message()), @r"mainnet 32 % · 1,200 blocks/s · 17 min left");
        draw(&bars, &mut drawn, &Readings::new());
        assert!(bar.is_finished() && drawn.is_empty());
    }

    #[test]
    fn a_log_has_the_first_range_a_line_in_a_while_and_the_end() {
        let ranges = [
            (23_700_100, 0),
            (23_700_900, 5),
            (23_712_000, 14),
            (23_713_200, 15),
            (23_720_000, 29),
            (24_300_000, 60),
        ];
        let story = |has_bar| {
            let mut lines = Lines::default();
            let mut seen = Vec::new();
            for (reached, seconds) in ranges {
                seen.extend(lines.of(&readings(stretch(reached, seconds)), has_bar));
            }
            seen.extend(lines.of(&Readings::new(), has_bar));
            seen.extend(lines.of(&Readings::new(), has_bar));
            let seen = seen
                .into_iter()
                .map(|(network, line)| format!("{network}: {line}"));
            seen.collect::<Vec<String>>().join("\n")
        };
        insta::assert_snapshot!(story(false), @r"
        mainnet: reading history: block 23,700,100 of 25,533,400 · 0 % · 1,200 blocks/s · 25 min left
        mainnet: reading history: block 23,713,200 of 25,533,400 · 0 % · 1,200 blocks/s · 25 min left
        mainnet: reading history: block 24,300,000 of 25,533,400 · 32 % · 1,200 blocks/s · 17 min left
        mainnet: history is read to the head
        ");
        insta::assert_snapshot!(story(true), @r"mainnet: history is read to the head");
    }
}
