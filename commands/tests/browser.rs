//! The page of the demo in a real browser: everything is drawn, nothing runs off sideways, and others' words do nothing.
//!
//! It needs Chromium on the PATH and says so where there is none.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};

/// Longest that the demo or the browser may take here.
const PATIENCE: Duration = Duration::from_secs(60);

/// The browser, by the name that it goes by here.
fn browser() -> Option<&'static str> {
    let has = |name: &&str| {
        let asked = Command::new(name).arg("--version").output();
        asked.is_ok_and(|answer| answer.status.success())
    };
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| has(name));
    if found.is_none() {
        // Straight to the terminal: what a test prints is not shown where it passes.
        let words =
            b"NOT CHECKED: there is no Chromium on the PATH, so the page is not looked at\n";
        std::io::stderr().write_all(words).unwrap();
    }
    found
}

/// What a browser makes of a page: its DOM after everything has run, and a picture in `picture`.
fn look(browser: &str, url: &str, width: u32, is_dark: bool, picture: &Path) -> String {
    let profile = tempfile::tempdir().unwrap();
    let scheme = if is_dark { 0 } else { 1 };
    let run = |what: &str| {
        let output = Command::new(browser)
            .args([
                "--headless=old",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--virtual-time-budget=5000",
                &format!("--user-data-dir={}", profile.path().display()),
                &format!("--window-size={width},2000"),
                &format!("--blink-settings=preferredColorScheme={scheme}"),
                what,
                url,
            ])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    run(&format!("--screenshot={}", picture.display()));
    run("--dump-dom")
}

/// The demo with its page, and the page's address.
struct Demo {
    _process: tokio::process::Child,
    _lines: Lines<BufReader<tokio::process::ChildStdout>>,
    address: String,
}

impl Demo {
    /// Plays it to its end.
    async fn played() -> Self {
        let mut process = tokio::process::Command::new(env!("CARGO_BIN_EXE_steward"))
            .args(["demo", "--fast", "--open"])
            .env("PATH", "")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (begin, mut address) = (Instant::now(), None);
        while begin.elapsed() < PATIENCE {
            let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
            let line = line.unwrap().unwrap().unwrap();
            let url = line
                .split_whitespace()
                .find(|word| word.starts_with("http://"));
            address = address.or_else(|| url.map(str::to_owned));
            if line.contains("The page stays at") {
                return Self {
                    _process: process,
                    _lines: lines,
                    address: address.unwrap(),
                };
            }
        }
        panic!("the demo does not end");
    }
}

/// How many of these there are in a DOM.
fn count(dom: &str, what: &str) -> usize {
    dom.matches(what).count()
}

/// Goal: the page is whole on a desk and on a phone, in light and in dark. Method: a real browser, and its DOM.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_the_demo_is_whole_in_a_browser_wide_and_narrow_light_and_dark() {
    let Some(browser) = browser() else { return };
    let demo = Demo::played().await;
    let url = format!("{}?still", demo.address);
    let pictures = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    for (width, is_dark) in [(1280, true), (1280, false), (320, true), (320, false)] {
        let picture = pictures.path().join(format!("{width}-{is_dark}.png"));
        let (browser, url, at) = (browser.to_owned(), url.clone(), picture.clone());
        let dom = tokio::task::spawn_blocking(move || look(&browser, &url, width, is_dark, &at));
        let dom = dom.await.unwrap();
        assert!(dom.contains("data-sideways=\"0\""), "{width}: {dom}");
        assert_eq!(count(&dom, "<article"), 16, "{dom}");
        assert_eq!(count(&dom, "aria-pressed=\"true\""), 1);
        assert!(count(&dom, "disabled") >= 5, "{dom}");
        assert_eq!(count(&dom, "<script"), 1, "{dom}");
        assert!(dom.contains("(edited)") && dom.contains("reply to message"));
        let picture = std::fs::read(picture).unwrap();
        assert!(picture.starts_with(b"\x89PNG"));
        let drawn = u32::from_be_bytes(picture[16..20].try_into().unwrap());
        assert_eq!(
            drawn, width,
            "the browser drew another width than it was asked for"
        );
        seen.push(picture);
    }
    seen.sort();
    seen.dedup();
    assert_eq!(
        seen.len(),
        4,
        "light, dark, wide and narrow do not look alike"
    );
}
