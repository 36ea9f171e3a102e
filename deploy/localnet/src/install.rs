//! The tools, from npm alone: anvil, forge, solc and the rollup's Foundry project.
//!
//! Versions are pinned in `package.json` and `package-lock.json`; no install script is run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use anyhow::{Context as _, Result, bail};

use crate::build::{self, Lock};

/// The paths of the installed tools.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The anvil program itself, not npm's wrapper: killing a wrapper would leave the chain running.
    pub anvil: PathBuf,
    /// The forge program itself.
    pub forge: PathBuf,
    /// The Foundry project of the rollup, with its compiled contracts.
    pub l1_contracts: PathBuf,
}

/// Installs what `package-lock.json` pins, unless that very file is installed already.
///
/// Needs `node` (20 or newer) and `npm` on the path.
pub fn install() -> Result<Tools> {
    let folder = build::package_folder();
    packages(
        folder,
        "npm comes with Node.js and brings anvil, forge and the contracts",
    )?;
    tools(&folder.join("node_modules"))
}

/// Installs the contracts of other releases (13 MB), which only chains with several releases need.
pub(crate) fn install_releases() -> Result<()> {
    install()?;
    let folder = build::package_folder().join("releases");
    packages(
        &folder,
        "npm comes with Node.js and brings the contracts of other releases",
    )
}

/// Installs what the `package-lock.json` of a folder pins.
fn packages(folder: &Path, purpose: &str) -> Result<()> {
    let _lock = Lock::acquire("install")?;
    let wanted = fs::read(folder.join("package-lock.json")).context("reading package-lock.json")?;
    let stamp = folder.join("node_modules").join(".localnet-lock.json");
    if fs::read(&stamp).ok().as_deref() != Some(wanted.as_slice()) {
        run(
            folder,
            "node",
            &["--version"],
            "Node.js 20 or newer (https://nodejs.org) runs the Solidity compiler",
        )?;
        run(folder, "npm", &["ci", "--ignore-scripts"], purpose)?;
        fs::write(&stamp, &wanted).with_context(|| format!("writing {}", stamp.display()))?;
    }
    Ok(())
}

fn tools(modules: &Path) -> Result<Tools> {
    let os = match std::env::consts::OS {
        "linux" => "linux",
        "macos" => "darwin",
        other => bail!("no anvil is known here for the operating system {other}"),
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => bail!("no anvil is known here for the processor {other}"),
    };
    let tool = |name: &str| {
        present(
            modules,
            &format!("@foundry-rs/{name}-{os}-{arch}"),
            &format!("bin/{name}"),
        )
    };
    Ok(Tools {
        anvil: tool("anvil")?,
        forge: tool("forge")?,
        l1_contracts: present(modules, "@aztec/l1-artifacts", "l1-contracts")?,
    })
}

fn present(modules: &Path, package: &str, within: &str) -> Result<PathBuf> {
    let path = modules.join(package).join(within);
    if !path.exists() {
        bail!(
            "{} is missing: the npm package {package} brings it; remove node_modules and try again",
            path.display()
        );
    }
    Ok(path)
}

fn run(folder: &Path, program: &str, arguments: &[&str], purpose: &str) -> Result<()> {
    let output = match Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
    {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("`{program}` is not on the path: {purpose}")
        }
        Err(error) => return Err(error).with_context(|| format!("starting `{program}`")),
    };
    if !output.status.success() {
        bail!(
            "`{program} {}` failed ({}): {}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
