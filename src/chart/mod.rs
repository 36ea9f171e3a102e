//! Charts: what people would rather look at than read.
//!
//! A [`Chart`] is plain facts that stay with their card; it becomes a picture only where a message leaves the house, so
//! what is kept and compared is small. Drawn in process: plotters lays it out as SVG, resvg fills the pixels with the one
//! font that lies in `font`. The same facts give the same bytes. A chart holds numbers and moments, never words of others.
//!
//! Not here: which card has a chart (`views::card`, `alert::text`), and how a picture travels (`commands::discord`).

mod axis;
mod census;
mod entry_queue;
mod frame;
mod picture;
mod tally;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use self::{
    census::{CensusChart, Count},
    entry_queue::{EntryQueueChart, OurPlace, QueuePoint},
    tally::TallyChart,
};

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "of")]
pub enum Chart {
    /// When each position of an entry queue becomes a validator.
    EntryQueue(EntryQueueChart),
    /// How many attesters were in each state, over time.
    Census(CensusChart),
    /// Votes to slash against the votes that it needs.
    Tally(TallyChart),
}

/// A chart could not be drawn. Its card is sent without.
#[derive(Debug, Error)]
pub enum ChartError {
    /// It could not be laid out.
    #[error("the chart could not be laid out: {0}")]
    Layout(String),
    /// Its pixels could not be filled.
    #[error("the chart's pixels could not be filled: {0}")]
    Pixels(String),
}

impl Chart {
    /// Name of its file.
    #[must_use]
    pub const fn file_name(&self) -> &'static str {
        match self {
            Self::EntryQueue(_) => "entry-queue.png",
            Self::Census(_) => "attesters.png",
            Self::Tally(_) => "tally.png",
        }
    }

    /// What it shows, in words, for people who do not see it.
    #[must_use]
    pub fn alt(&self) -> String {
        match self {
            Self::EntryQueue(chart) => chart.alt(),
            Self::Census(chart) => chart.alt(),
            Self::Tally(chart) => chart.alt(),
        }
    }

    /// Lays it out.
    ///
    /// # Errors
    /// [`ChartError::Layout`].
    pub fn svg(&self) -> Result<String, ChartError> {
        match self {
            Self::EntryQueue(chart) => chart.svg(),
            Self::Census(chart) => chart.svg(),
            Self::Tally(chart) => chart.svg(),
        }
    }

    /// Draws it as PNG.
    ///
    /// # Errors
    /// [`ChartError`] where it cannot be laid out or its pixels cannot be filled.
    pub fn png(&self) -> Result<Vec<u8>, ChartError> {
        picture::png(&self.svg()?)
    }
}
