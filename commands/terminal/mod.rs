//! The terminal, as a place where messages are posted and edited.

pub mod catch_up;
mod courier;
mod edit;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    io::Write,
    sync::{Mutex, PoisonError},
};

use jiff::tz::TimeZone;
use steward::{alert::render::terminal::Terminal, units::UnixSeconds};

pub use courier::TerminalCourier;

/// Columns where nobody tells how wide the terminal is.
const WIDTH: u16 = 80;
/// Longer lines are hard to read.
const WIDTH_MAX: u16 = 100;

/// Where lines are written, and how they may look.
pub struct Page {
    out: Mutex<Box<dyn Write + Send>>,
    width: usize,
    has_colour: bool,
    zone: TimeZone,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("width", &self.width)
            .field("has_colour", &self.has_colour)
            .finish_non_exhaustive()
    }
}

impl Page {
    /// A page on `out`, so many columns wide; `None` = unknown.
    #[must_use]
    pub fn new(
        out: Box<dyn Write + Send>,
        width: Option<u16>,
        has_colour: bool,
        zone: TimeZone,
    ) -> Self {
        Self {
            out: Mutex::new(out),
            width: usize::from(width.unwrap_or(WIDTH).min(WIDTH_MAX)),
            has_colour,
            zone,
        }
    }

    /// How cards look here, with `margin` columns less.
    fn terminal(&self, now: UnixSeconds, margin: usize) -> Terminal {
        Terminal {
            width: self.width.saturating_sub(margin),
            has_colour: self.has_colour,
            now,
            zone: self.zone.clone(),
        }
    }

    /// Writes whole lines. A reader that went away misses nothing that matters.
    fn write(&self, lines: &str) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let written = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
        if let Err(error) = written {
            tracing::debug!(%error, "nobody reads the output");
        }
    }

    /// Writes one sentence that a person is to read before what follows.
    pub fn say(&self, sentence: &str) {
        let terminal = self.terminal(UnixSeconds::new(0), 0);
        let lines = steward::alert::render::terminal::wrapped(sentence, "", &terminal);
        self.write(&format!("\n{}", self.bold(&lines)));
    }

    fn bold(&self, lines: &str) -> String {
        if self.has_colour {
            format!("\u{1b}[1m{}\u{1b}[0m\n", lines.trim_end())
        } else {
            lines.to_owned()
        }
    }

    fn faint(&self, text: &str) -> String {
        if self.has_colour {
            format!("\u{1b}[2m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}
