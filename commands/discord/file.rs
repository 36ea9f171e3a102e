//! Files of a message, in one order: the body that names them, and the request that carries them, count by it.

use serde_json::{Value, json};
use steward::alert::card::Attachment;

use super::picture::Picture;

/// Files of a message, Discord's most.
pub const FILES_MAX: usize = 10;

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name, unlike every other in the message.
    pub name: String,
    /// What it shows, for those who cannot see it.
    pub description: Option<String>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The files of a message: its attachments, then its pictures.
#[must_use]
pub fn files(attachments: &[Attachment], pictures: Vec<Picture>) -> Vec<File> {
    let attachments = attachments.iter().take(FILES_MAX).map(|file| File {
        name: file.name.clone(),
        description: None,
        bytes: file.text.clone().into_bytes(),
    });
    let pictures = pictures.into_iter().map(|picture| File {
        name: picture.name,
        description: Some(picture.alt),
        bytes: picture.png,
    });
    attachments.chain(pictures).collect()
}

/// `attachments` of a body. What is named there and comes with no request stays in the message as it is.
#[must_use]
pub fn named(files: &[File]) -> Vec<Value> {
    let named = files.iter().enumerate();
    let named = named.map(|(place, file)| match &file.description {
        Some(words) => json!({ "id": place, "filename": file.name, "description": words }),
        None => json!({ "id": place, "filename": file.name }),
    });
    named.collect()
}

/// Content type of a file by its name.
#[must_use]
pub fn mime(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("csv") => "text/csv",
        Some("json") => "application/json",
        Some("png") => "image/png",
        _ => "text/plain",
    }
}
