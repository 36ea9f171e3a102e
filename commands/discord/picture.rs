//! Pictures of charts: drawn when a message leaves, each in the card that it belongs to.

use serde_json::{Value, json};
use steward::alert::card::{Attachment, Message};

use super::body::FILES_MAX;

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

/// `attachments` of a body: what is named there and stands in no file of the request is taken from the message.
#[must_use]
pub fn attachments(files: &[Attachment], pictures: &[Picture]) -> Vec<Value> {
    let files = files.iter().take(FILES_MAX);
    let files = files.map(|file| json!({ "filename": file.name }));
    let pictures = pictures
        .iter()
        .map(|picture| json!({ "filename": picture.name, "description": picture.alt }));
    let mut all: Vec<Value> = files.chain(pictures).collect();
    for (place, file) in all.iter_mut().enumerate() {
        if let Some(file) = file.as_object_mut() {
            file.insert("id".to_owned(), place.into());
        }
    }
    all
}
