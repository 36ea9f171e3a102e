//! `steward demo`: a recorded history, replayed through everything that `steward run` is made of.

use std::{
    collections::BTreeMap,
    io::{IsTerminal as _, stdout},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use steward::demo::{self, ALERTS, SCENE_SHOWN, TRANSITIONS, recording::Recording};

use crate::terminal::{Page, TerminalCourier};

/// `steward demo`
#[derive(Debug, Args)]
pub struct Demo {
    /// Does not wait between scenes
    #[arg(long)]
    fast: bool,
}

/// Plays the demo.
///
/// # Errors
/// When the recording does not fit the program.
pub async fn run(options: &Demo, no_colour: bool) -> anyhow::Result<ExitCode> {
    let page = Arc::new(Page::new(
        Box::new(stdout()),
        comfy_table::Table::new().width(),
        stdout().is_terminal() && !no_colour,
        jiff::tz::TimeZone::system(),
    ));
    let shown = if options.fast {
        Duration::ZERO
    } else {
        SCENE_SHOWN
    };
    play(page, shown).await?;
    Ok(ExitCode::SUCCESS)
}

async fn play(page: Arc<Page>, shown: Duration) -> anyhow::Result<()> {
    let recording = Recording::shipped().context("the demo cannot be played")?;
    let demo = demo::Demo::new(recording, shown);
    let channels = BTreeMap::from([(TRANSITIONS, "transitions"), (ALERTS, "alerts")]);
    let courier = Arc::new(TerminalCourier::new(page.clone(), demo.clock(), channels));
    page.say(
        "This is a recording of the real Aztec contracts on a local chain, and the cards are those that Discord would \
         get. Nothing here uses the network. Time runs faster: four days pass in about a minute.",
    );
    let narrator = |scene: &demo::recording::Scene, _at| page.say(&format!("▶ {}", scene.says));
    demo.run(courier.clone(), &narrator)
        .await
        .context("the demo ended early")?;
    page.say(&format!(
        "That was all: {} messages, each said once, and edited where something changed. To watch a provider of your \
         own, copy .env.example to .env, fill it in, and start steward run.",
        courier.posted_count()
    ));
    Ok(())
}
