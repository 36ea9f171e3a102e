//! `steward demo`: a recorded history, replayed through everything that `steward run` is made of.

use std::{
    io::{IsTerminal as _, stdout},
    net::Ipv4Addr,
    process::{ExitCode, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use steward::{
    api::{preview, serve},
    demo::{self, ALERTS, SCENE_SHOWN, TRANSITIONS, recording::Recording},
    outbox::courier::{ChannelId, Courier},
    preview::{Board, Onlooker},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::terminal::{Page, TerminalCourier};

/// `steward demo`
#[derive(Debug, Args)]
pub struct Demo {
    /// Does not wait between scenes
    #[arg(long)]
    fast: bool,
    /// Shows the cards in a browser too, and stays until Ctrl-C
    #[arg(long)]
    open: bool,
}

/// The demo's channels, with their names.
const CHANNELS: [(ChannelId, &str); 2] = [(TRANSITIONS, "transitions"), (ALERTS, "alerts")];

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
    let recording = Recording::shipped().context("the demo cannot be played")?;
    let demo = demo::Demo::new(recording, shown);
    if options.open {
        Box::pin(play_openly(page, &demo)).await?;
    } else {
        play(page, &demo, |courier| courier).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Plays the demo beside a page on a free port of the loopback address, and serves it until Ctrl-C.
async fn play_openly(page: Arc<Page>, demo: &demo::Demo) -> anyhow::Result<()> {
    let names = CHANNELS.map(|(channel, name)| (channel, name.to_owned()));
    let board = Arc::new(Board::new(demo.clock(), names.into()));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .context("cannot listen on 127.0.0.1 for the page; run the demo without --open")?;
    let address = format!("http://{}/preview", listener.local_addr()?);
    page.say(&format!("The same cards on a page: {address}"));
    if browse(&address).is_err() {
        page.say("No browser could be started here; open the address yourself.");
    }
    let serving = serve::tcp(
        listener,
        preview::router(Arc::clone(&board)),
        CancellationToken::new(),
    );
    let showing = async {
        play(Arc::clone(&page), demo, |courier| {
            Arc::new(Onlooker::new(courier, board))
        })
        .await?;
        page.say(&format!("The page stays at {address} until Ctrl-C."));
        tokio::signal::ctrl_c()
            .await
            .context("cannot wait for Ctrl-C")
    };
    tokio::select! {
        served = serving => served.context("the page ended early"),
        shown = showing => shown,
    }
}

/// Starts the browser of the desktop, where there is one.
fn browse(address: &str) -> std::io::Result<()> {
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let browser = tokio::process::Command::new(opener)
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    browser.map(drop)
}

async fn play(
    page: Arc<Page>,
    demo: &demo::Demo,
    look: impl FnOnce(Arc<dyn Courier>) -> Arc<dyn Courier>,
) -> anyhow::Result<()> {
    let courier = Arc::new(TerminalCourier::new(
        page.clone(),
        demo.clock(),
        CHANNELS.into(),
    ));
    page.say(
        "This is a recording of the real Aztec contracts on a local chain, and the cards are those that Discord would \
         get. Nothing here uses the network. Time runs faster: four days pass in about a minute.",
    );
    let narrator = |scene: &demo::recording::Scene, _at| page.say(&format!("▶ {}", scene.says));
    demo.run(look(courier.clone()), &narrator)
        .await
        .context("the demo ended early")?;
    page.say(&format!(
        "That was all: {} messages, each said once, and edited where something changed. To watch a provider of your \
         own, copy .env.example to .env, fill it in, and start steward run.",
        courier.posted_count()
    ));
    Ok(())
}
