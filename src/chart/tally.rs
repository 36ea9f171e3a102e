//! Votes to slash against the votes that it needs.

use plotters::{
    element::{PathElement, Rectangle},
    style::Color as _,
};
use serde::{Deserialize, Serialize};

use super::{
    ChartError,
    frame::{INK, ORANGE, RED, sheet, words},
};
use crate::{alert::text::count, units::Round};

/// Size of the picture, and of the bar in it.
const SIZE: (u32, u32) = (880, 190);
const BAR: (i32, i32) = (16, 848);
const TEXT_SIZE: i32 = 22;

/// The votes of one round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallyChart {
    /// The round.
    pub round: Round,
    /// Votes cast in it.
    pub votes: u64,
    /// Votes that a slash needs (`QUORUM`).
    pub quorum: u64,
}

impl TallyChart {
    pub(super) fn alt(&self) -> String {
        format!(
            "{} votes were cast in round {}; a slash needs {}.",
            count(self.votes),
            count(self.round.value()),
            count(self.quorum)
        )
    }

    pub(super) fn svg(&self) -> Result<String, ChartError> {
        let most = self.votes.max(self.quorum);
        let most = most.saturating_add(most / 8).saturating_add(1);
        let place = |votes: u64| {
            let width = u128::from(BAR.1.unsigned_abs()) * u128::from(votes) / u128::from(most);
            BAR.0.saturating_add(i32::try_from(width).unwrap_or(BAR.1))
        };
        let colour = if self.votes >= self.quorum {
            RED
        } else {
            ORANGE
        };
        sheet(SIZE, |sheet| {
            let title = format!("Votes to slash in round {}", count(self.round.value()));
            words(sheet, &title, (16, 14), TEXT_SIZE, INK)?;
            let whole = [(BAR.0, 66), (BAR.0 + BAR.1, 112)];
            sheet.draw(&Rectangle::new(whole, INK.mix(0.08).filled()))?;
            let cast = [(BAR.0, 66), (place(self.votes), 112)];
            sheet.draw(&Rectangle::new(cast, colour.filled()))?;
            let quorum = place(self.quorum);
            let line = vec![(quorum, 54), (quorum, 124)];
            sheet.draw(&PathElement::new(line, INK.stroke_width(3)))?;
            let said = format!(
                "{} of {} votes: {}",
                count(self.votes),
                count(self.quorum),
                match self.quorum.saturating_sub(self.votes) {
                    0 => "the quorum is reached".to_owned(),
                    1 => "1 is missing to the quorum".to_owned(),
                    missing => format!("{} are missing to the quorum", count(missing)),
                }
            );
            words(sheet, &said, (16, 140), TEXT_SIZE, INK)
        })
    }
}
