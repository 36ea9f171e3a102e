//! The process's environment, and the file `.env` that adds to it.

use std::{io::ErrorKind, path::Path};

use thiserror::Error;

/// Why `.env` could not be taken over. Never repeats a line of it: it holds secrets.
#[derive(Debug, Error)]
pub enum DotenvFault {
    /// The file cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A line is no `NAME=value`.
    #[error(
        "{path} has a line that is no NAME=value, {place} (quote values that hold spaces, # or $; the line is not shown)"
    )]
    Line {
        /// The file.
        path: String,
        /// After which variable.
        place: String,
    },
}

/// Takes the variables of `path`, usually `.env`, into the environment; what is already set there wins.
///
/// Says whether there was such a file. Has to be called while the process has a single thread, before the runtime is
/// built, because changing the environment is not safe beside other threads.
///
/// # Errors
/// When the file is there and cannot be read or understood; nothing has been taken over then.
pub fn load_dotenv(path: &Path) -> Result<bool, DotenvFault> {
    let shown = path.display().to_string();
    let lines = match dotenvy::from_path_iter(path) {
        Ok(lines) => lines,
        Err(dotenvy::Error::Io(error)) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(fault(shown, "at its beginning".to_owned(), error)),
    };
    let mut place = "before its first variable".to_owned();
    for line in lines {
        match line {
            Ok((name, _value)) => place = format!("after {name}"),
            Err(error) => return Err(fault(shown, place, error)),
        }
    }
    dotenvy::from_path(path).map_err(|error| fault(shown, place, error))?;
    Ok(true)
}

/// Drops what dotenvy says about the line, because it repeats it.
fn fault(path: String, place: String, error: dotenvy::Error) -> DotenvFault {
    match error {
        dotenvy::Error::Io(source) => DotenvFault::Unreadable { path, source },
        _ => DotenvFault::Line { path, place },
    }
}

/// One variable of the process; text that is no UTF-8 counts as wrong text, not as absent.
pub(super) fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    let text = std::env::var_os(name)?;
    Some(text.to_string_lossy().into_owned())
}

/// The names of all variables of the process.
pub(super) fn names() -> Vec<String> {
    let mut names: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _text)| name.into_string().ok())
        .collect();
    names.sort();
    names
}

/// Whether a supervisor wants to be told how the process fares (systemd's `Type=notify`).
#[must_use]
pub fn has_supervisor() -> bool {
    variable("NOTIFY_SOCKET").is_some()
}

/// The account that runs the program, for the audit of orders on the command line.
#[must_use]
pub fn account_name() -> Option<String> {
    variable("USER")
        .or_else(|| variable("LOGNAME"))
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_line_is_placed_and_not_repeated() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".env");
        std::fs::write(&path, "A_FIRST=1\nDISCORD_TOKEN=abc'secret\n").unwrap();
        let fault = load_dotenv(&path).unwrap_err();
        let text = crate::tasks::chain_of(&fault);
        assert!(text.contains("after A_FIRST"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn no_file_is_no_fault() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!load_dotenv(&directory.path().join(".env")).unwrap());
    }
}
