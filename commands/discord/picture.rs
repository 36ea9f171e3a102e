//! Pictures of charts: drawn when a message leaves, each in the card that it belongs to.

use steward::alert::card::Message;

use super::file::FILES_MAX;

/// Characters of a file's description, Discord's most.
const DESCRIPTION_MAX: usize = 1_024;

/// A chart, drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The place of its card in the message, from 0.
    pub card: usize,
    /// Name of its file, unlike every other in the message.
    pub name: String,
    /// What it shows, in words.
    pub alt: String,
    /// Its bytes.
    pub png: Vec<u8>,
}

/// Draws the charts of a message, as far as files fit beside its own. What cannot be drawn is left out: a card says all that
/// matters in words.
#[must_use]
pub fn pictures(message: &Message) -> Vec<Picture> {
    let room = FILES_MAX.saturating_sub(message.attachments.len());
    let charts = message.cards.iter().enumerate();
    let charts = charts.filter_map(|(card, of)| of.chart.as_ref().map(|chart| (card, chart)));
    let drawn = charts.filter_map(|(card, chart)| match chart.png() {
        Ok(png) => Some(Picture {
            card,
            name: format!("{}-{}", card + 1, chart.file_name()),
            alt: chart.alt().chars().take(DESCRIPTION_MAX).collect(),
            png,
        }),
        Err(error) => {
            tracing::warn!(%error, chart = chart.file_name(), "sent without its picture");
            None
        }
    });
    drawn.take(room).collect()
}
