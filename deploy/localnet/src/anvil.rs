//! One anvil process: started on a free port, ready when it answers, killed when dropped.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::install;

/// anvil is up in a tenth of a second; on a machine busy with other tests it may wait for its turn.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// What can be chosen about the chain.
#[derive(Debug, Clone)]
pub struct AnvilOptions {
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// Slots of L1 in an epoch of L1: `safe` is one epoch behind the head and `finalized` two.
    pub slots_in_an_epoch: u64,
    /// A state written by [`Localnet::dump_state`](crate::Localnet::dump_state) to start from.
    pub load_state: Option<PathBuf>,
}

impl Default for AnvilOptions {
    fn default() -> Self {
        Self {
            port: 0,
            slots_in_an_epoch: 32,
            load_state: None,
        }
    }
}

/// A running anvil. Dropping it ends the process.
#[derive(Debug)]
pub struct Anvil {
    child: Child,
    port: u16,
}

impl Anvil {
    /// Starts anvil and waits until it listens. The state of the options is loaded by [`crate::Localnet`].
    pub fn start(options: &AnvilOptions) -> Result<Self> {
        let program = install::install()?.anvil;
        let mut child = Command::new(&program)
            .args(["--host", "127.0.0.1", "--port", &options.port.to_string()])
            .args([
                "--slots-in-an-epoch",
                &options.slots_in_an_epoch.to_string(),
            ])
            // prague: later rules cap a transaction at 2^24 gas, which a big deployment exceeds.
            .args([
                "--hardfork",
                "prague",
                "--auto-impersonate",
                "--no-request-size-limit",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // What anvil has to complain about (a taken port, say) is for whoever started us.
            .stderr(Stdio::inherit())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let port = listening_port(&mut child);
        // From here on dropping `anvil` ends the process, also on failure.
        let mut anvil = Self { child, port: 0 };
        anvil.port = port?;
        Ok(anvil)
    }

    /// The address of its JSON-RPC.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // A process that has already ended needs neither.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Reads the port that anvil announces, and goes on reading for as long as it writes: a full pipe would stop it.
fn listening_port(child: &mut Child) -> Result<u16> {
    let stdout = child
        .stdout
        .take()
        .ok_or_else(|| anyhow!("anvil has no standard output"))?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(address) = line.strip_prefix("Listening on ") {
                let port = address
                    .rsplit(':')
                    .next()
                    .and_then(|port| port.trim().parse::<u16>().ok());
                // Once the start was given up nobody waits for this, and reading goes on all the same.
                let _ = sender.send(port);
            }
        }
    });
    match receiver.recv_timeout(START_TIMEOUT) {
        Ok(Some(port)) => Ok(port),
        Ok(None) => bail!("anvil announced an address without a port"),
        Err(mpsc::RecvTimeoutError::Disconnected) => bail!("anvil ended before it listened"),
        Err(mpsc::RecvTimeoutError::Timeout) => {
            bail!("anvil did not listen within {START_TIMEOUT:?}")
        }
    }
}
