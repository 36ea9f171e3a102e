//! How many attesters were in each state, over time.

use plotters::{
    series::LineSeries,
    style::{Color as _, RGBColor},
};
use serde::{Deserialize, Serialize};

use super::{
    ChartError,
    axis::{Axis, moment},
    frame::{BLUE, Entry, GREEN, INK, ORANGE, PURPLE, over_time},
};
use crate::{alert::text::count, attester::Stage, units::UnixSeconds};

/// Counts further apart than this are not joined by a line: nobody looked between them. Two days, for a catch-up
/// counts after every range, and a range holds at most some 10,000 blocks of 12 s.
const JOINED_SECONDS: u64 = 2 * 86_400;

/// Counts over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CensusChart {
    /// The counts, oldest first.
    pub counts: Vec<Count>,
}

/// How many attesters were in each state at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// When, by the chain's clock.
    pub at: UnixSeconds,
    /// In the order of [`Stage::ALL`].
    pub of: [u64; 5],
}

const fn colour(stage: Stage) -> RGBColor {
    match stage {
        Stage::New => PURPLE,
        Stage::InStakingProviderQueue => ORANGE,
        Stage::RollupEntryQueue => BLUE,
        Stage::Active => GREEN,
        Stage::NoLongerActive => INK,
    }
}

impl CensusChart {
    /// The states that any attester ever was in, with their place in a count.
    fn stages(&self) -> Vec<(usize, Stage)> {
        let places = Stage::ALL.into_iter().enumerate();
        let is_seen = |place: usize| self.counts.iter().any(|count| in_stage(count, place) > 0);
        places.filter(|(place, _)| is_seen(*place)).collect()
    }

    pub(super) fn alt(&self) -> String {
        let (Some(first), Some(last)) = (self.counts.first(), self.counts.last()) else {
            return "No count of attesters yet.".to_owned();
        };
        let changes: Vec<String> = self
            .stages()
            .into_iter()
            .map(|(place, stage)| {
                let (from, to) = (in_stage(first, place), in_stage(last, place));
                format!("{} from {} to {}", stage.name(), count(from), count(to))
            })
            .collect();
        format!(
            "Attesters by state between {} and {}: {}.",
            moment(first.at),
            moment(last.at),
            changes.join(", ")
        )
    }

    pub(super) fn svg(&self) -> Result<String, ChartError> {
        let stages = self.stages();
        let ends = (self.counts.first(), self.counts.last());
        let end = |count: Option<&Count>| count.map_or_else(UnixSeconds::default, |count| count.at);
        let time = Axis::time(end(ends.0), end(ends.1));
        let most = self.counts.iter().flat_map(|count| count.of).max();
        let number = Axis::number(most.unwrap_or_default());
        let legend: Vec<Entry> = stages
            .iter()
            .map(|(_, stage)| (stage.words().to_owned(), colour(*stage)))
            .collect();
        let title = "Attesters by state (UTC)";
        over_time(title, &legend, (&time, &number), |plane| {
            let is_joined = |a: &Count, b: &Count| b.at.since(a.at) <= JOINED_SECONDS;
            for stretch in self.counts.chunk_by(is_joined) {
                for (place, stage) in &stages {
                    let line = steps(stretch, *place).into_iter();
                    let line = line.map(|(at, of)| (time.clamp(at), number.clamp(of)));
                    let line = LineSeries::new(line, colour(*stage).stroke_width(3));
                    plane.draw_series(line)?;
                }
            }
            Ok(())
        })
    }
}

fn in_stage(count: &Count, place: usize) -> u64 {
    count.of.get(place).copied().unwrap_or_default()
}

/// A count holds until the next one.
fn steps(stretch: &[Count], place: usize) -> Vec<(u64, u64)> {
    let mut line: Vec<(u64, u64)> = Vec::with_capacity(stretch.len() * 2);
    for count in stretch {
        let (at, number) = (count.at.value(), in_stage(count, place));
        if let Some((_, before)) = line.last().copied().filter(|(_, before)| *before != number) {
            line.push((at, before));
        }
        line.push((at, number));
    }
    line
}
