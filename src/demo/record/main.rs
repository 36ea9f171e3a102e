//! `cargo run --example record`: plays the demo's story on the real contracts and writes down what they answer.
//!
//! It needs what `deploy/localnet` needs (node and npm) and takes about a minute. The recording is made by the
//! production watcher over a recording endpoint, so that it holds exactly the questions that the watcher asks.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a tool for the people who work on the demo; what fails here fails on their screen"
)]

mod recorder;
mod stagehand;
mod story;

use std::path::PathBuf;

/// Whatever went wrong.
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args_os().skip(1);
    let out = match (arguments.next(), arguments.next()) {
        (None, _) => PathBuf::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src/demo/recording.jsonl"
        )),
        (Some(flag), Some(path)) if flag == "--out" => PathBuf::from(path),
        _ => return Err("usage: record [--out FILE]".into()),
    };
    let recording = story::play().await?;
    let text = recording.write()?;
    std::fs::write(&out, &text)?;
    println!(
        "{}: {} blocks, {} answers, {} scenes, {} bytes",
        out.display(),
        recording.blocks.len(),
        recording.answers.len(),
        recording.scenes.len(),
        text.len()
    );
    Ok(())
}
