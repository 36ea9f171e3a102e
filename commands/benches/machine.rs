//! What the kernel says about this machine and this process.

use std::{fs, path::Path, process::Command};

/// Processor time of all threads of this process so far, in nanoseconds; threads that ended are not in it.
pub fn cpu_ns() -> u64 {
    cpu_ns_of(Path::new("/proc/self/task"))
}

/// The same of the process whose `task` directory this is.
pub fn cpu_ns_of(tasks: &Path) -> u64 {
    let threads = fs::read_dir(tasks).unwrap().flatten();
    threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok())
        .filter_map(|line| line.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()))
        .sum()
}

/// A line of a `/proc/PID/status`, in MiB.
pub fn mib_in(status: &str, field: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|rest| {
        rest.trim_start_matches(':')
            .split_whitespace()
            .next()?
            .parse::<f64>()
            .ok()
    });
    kib.unwrap_or_default() / 1024.0
}

fn output(program: &str, arguments: &[&str]) -> String {
    let run = Command::new(program).args(arguments).output();
    run.map(|run| String::from_utf8_lossy(&run.stdout).trim().to_owned())
        .unwrap_or_default()
}

/// Machine, commit and date, as a sentence without its end.
pub fn description() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown", |rest| rest.trim_start_matches(['\t', ':', ' ']));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let date = jiff::Zoned::now().date();
    let commit = output("git", &["describe", "--always", "--dirty", "--abbrev=12"]);
    let compiler = output("rustc", &["--version"]);
    let profile = if cfg!(debug_assertions) {
        "dev profile, which says nothing about the product"
    } else {
        "release profile"
    };
    format!("Measured on {date} at commit {commit}: {cores} cores ({model}); {compiler}, {profile}")
}

/// The value below which `percent` of a hundred lie.
pub fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(place).copied().unwrap_or_default()
}
