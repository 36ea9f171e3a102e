//! `steward health`.

use anyhow::Result;
use clap::Args;
use steward::views::readiness::Readiness;

use super::{
    Ask, Desk, Outcome, Paper,
    paper::{Sheet, Tone},
};

/// Whether steward can do its work; exits with 4 where it cannot, and with 3 where none runs.
#[derive(Debug, Clone, Args)]
pub(crate) struct Health {}

impl Health {
    pub(super) async fn run(&self, desk: &Desk<'_>) -> Result<Outcome> {
        let Self {} = self;
        let ask = Ask::view(&["readiness"], &());
        desk.answer(&ask, |view: &Readiness, paper| {
            Outcome::answered(render(view, paper)).urgent(!view.is_ready)
        })
        .await
    }
}

pub(super) fn render(view: &Readiness, paper: &Paper) -> String {
    let mut sheet = Sheet::new(&["NEEDS", "IS", "REASON"]);
    for dependency in &view.dependencies {
        let (word, tone) = if dependency.is_ok {
            ("there", Tone::Good)
        } else {
            ("missing", Tone::Bad)
        };
        sheet.toned([
            (dependency.name.clone(), Tone::Plain),
            (word.to_owned(), tone),
            (dependency.reason.clone(), Tone::Plain),
        ]);
    }
    paper.table(&sheet)
}
