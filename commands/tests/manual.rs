//! What a packager takes out of the binary, without any setting.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

fn steward(arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_steward"))
        .args(arguments)
        .env_clear()
        .current_dir(home.path())
        .output()
        .unwrap()
}

/// Goal: there is a manual page for every command that `--help` knows. Method: the binary writes them.
#[test]
fn every_command_has_its_manual_page() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("man").display().to_string();
    let done = steward(&["manual", "--out", &out]);
    assert!(done.status.success(), "{done:?}");
    assert!(done.stdout.is_empty(), "data only");
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(said.contains("pages to "), "{said}");
    let mut pages: Vec<String> = std::fs::read_dir(&out)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    insta::assert_snapshot!(pages.join("\n"), @r"
    steward-alert-test.1
    steward-alert.1
    steward-attester-history.1
    steward-attester-list.1
    steward-attester-show.1
    steward-attester-why.1
    steward-attester.1
    steward-backup.1
    steward-check.1
    steward-coinbase-missing.1
    steward-coinbase-show.1
    steward-coinbase.1
    steward-completions.1
    steward-demo.1
    steward-export.1
    steward-health.1
    steward-import.1
    steward-incident-ack.1
    steward-incident-list.1
    steward-incident-note.1
    steward-incident-show.1
    steward-incident-snooze.1
    steward-incident.1
    steward-job-cancel.1
    steward-job-list.1
    steward-job-retry.1
    steward-job-show.1
    steward-job-verify.1
    steward-job.1
    steward-manual.1
    steward-migrate.1
    steward-network-resume.1
    steward-network.1
    steward-provider.1
    steward-queue.1
    steward-restore.1
    steward-run.1
    steward-status.1
    steward-verify.1
    steward.1
    ");
    for page in &pages {
        let text = std::fs::read_to_string(format!("{out}/{page}")).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{page}: {text}");
    }
    let one = String::from_utf8(steward(&["manual"]).stdout).unwrap();
    assert!(
        one.contains(".SH SUBCOMMANDS") && one.contains("steward\\-run"),
        "{one}"
    );
}

/// Goal: the shells take their completions. Method: bash reads them, and completes a command.
#[test]
fn bash_takes_its_completions_and_completes_a_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = steward(&["completions", shell]);
        assert!(script.status.success(), "{script:?}");
        assert!(script.stdout.len() > 1_000, "{shell}");
    }
    let script = steward(&["completions", "bash"]).stdout;
    let mut bash = Command::new("bash")
        .args(["--norc", "-s"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = bash.stdin.take().unwrap();
    input.write_all(&script).unwrap();
    let ask = "\nCOMP_WORDS=(steward att); COMP_CWORD=1; _steward steward att steward; echo \"${COMPREPLY[@]}\"\n";
    input.write_all(ask.as_bytes()).unwrap();
    drop(input);
    let said = bash.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(said.stdout).unwrap(), "attester\n");
}
