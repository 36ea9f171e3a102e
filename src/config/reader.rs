//! Looks variables up, and collects every fault on the way.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::{
    problem::{Fault, NOT_SET, Problem},
    variable::{Presence, Scope, Variable},
};
use crate::network::NetworkName;

/// Where systemd puts the credentials of a unit (`LoadCredential=`): one file for each, named like its variable.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// The largest file that may hold a secret; the longest secret is a list of URLs.
const SECRET_FILE_BYTES_MAX: u64 = 64 * 1024;

/// For whom a variable is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// The whole process.
    Process,
    /// One network.
    Network {
        /// Which.
        name: &'a NetworkName,
        /// Whether it is the only one, so that names without prefix are its own.
        is_single: bool,
    },
}

impl Place<'_> {
    /// The names under which `variable` is looked up here, the most telling first.
    pub(super) fn names(self, variable: &Variable) -> Vec<String> {
        let bare = variable.name.to_owned();
        match self {
            Self::Process => vec![bare],
            Self::Network { name, is_single } => {
                let prefixed = format!("{}_{bare}", name.variable_prefix());
                match variable.scope {
                    Scope::Process => vec![bare],
                    Scope::Shared => vec![prefixed, bare],
                    Scope::Network if is_single => vec![prefixed, bare],
                    Scope::Network => vec![prefixed],
                }
            }
        }
    }

    /// The name that the operator is told to set.
    pub(super) fn name_to_set(self, variable: &Variable) -> String {
        let mut names = self.names(variable);
        match (self, variable.scope) {
            (
                Self::Network {
                    is_single: true, ..
                },
                Scope::Network,
            ) => names.pop(),
            _ => (!names.is_empty()).then(|| names.swap_remove(0)),
        }
        .unwrap_or_else(|| variable.name.to_owned())
    }
}

/// A value, and where it was found. Has no `Debug`: the text may be a secret.
struct Found {
    name: String,
    text: String,
}

/// Reads variables, and remembers what was wrong.
pub(super) struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// Reads through `lookup`.
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            lookup,
            problems: Vec::new(),
        }
    }

    /// The value of the whole process.
    pub(super) fn value<T>(
        &mut self,
        variable: &Variable,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        self.value_at(Place::Process, variable, parse)
    }

    /// The value for `place`; `None` where it is optional and not set, or where a problem was noted.
    pub(super) fn value_at<T>(
        &mut self,
        place: Place<'_>,
        variable: &Variable,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        let (name, text) = match self.find(place, variable) {
            Err(()) => return None,
            Ok(Some(found)) => (found.name, found.text),
            Ok(None) => match variable.presence {
                Presence::Default(text) => (variable.name.to_owned(), text.to_owned()),
                Presence::Required => {
                    self.missing(place, variable);
                    return None;
                }
                Presence::RequiredUnless(_) | Presence::Optional(_) => return None,
            },
        };
        match parse(&text) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.problem(name, variable, fault);
                None
            }
        }
    }

    /// A secret, as it is.
    pub(super) fn secret(
        &mut self,
        variable: &Variable,
        check: impl Fn(&str) -> Result<(), Fault>,
    ) -> Option<SecretString> {
        self.value(variable, |text| {
            check(text).map(|()| SecretString::from(text.to_owned()))
        })
    }

    /// Whether a value is set under exactly this name: in the environment, as a file, or as a credential.
    pub(super) fn is_set(&self, variable: &Variable, name: &str) -> bool {
        let from_file = format!("{name}_FILE");
        self.text(name).is_some()
            || (variable.is_secret
                && (self.text(&from_file).is_some() || self.credential(name).is_some()))
    }

    /// The file of systemd's credential with this name, where there is one.
    fn credential(&self, name: &str) -> Option<PathBuf> {
        let path = Path::new(&self.text(CREDENTIALS_DIRECTORY)?).join(name);
        path.exists().then_some(path)
    }

    /// Notes that a value is needed and not there.
    pub(super) fn missing(&mut self, place: Place<'_>, variable: &Variable) {
        let name = place.name_to_set(variable);
        let next_step = format!("Set it, for example: {name}={}", variable.example);
        self.problem(name, variable, Fault::new(NOT_SET, next_step));
    }

    /// Notes a problem.
    pub(super) fn problem(&mut self, name: String, variable: &Variable, fault: Fault) {
        self.problems.push(Problem {
            variable: name,
            what: fault.what,
            why: variable.purpose().to_owned(),
            next_step: fault.next_step,
        });
    }

    /// A variable's text; one that holds nothing but spaces counts as not set, as in a template that is not filled in.
    fn text(&self, name: &str) -> Option<String> {
        let text = (self.lookup)(name)?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Looks under every name; `Err` after a problem was noted.
    fn find(&mut self, place: Place<'_>, variable: &Variable) -> Result<Option<Found>, ()> {
        let mut all = Vec::new();
        for name in place.names(variable) {
            if let Some(text) = self.text(&name) {
                all.push(Found {
                    name: name.clone(),
                    text,
                });
            }
            if variable.is_secret {
                let from_file = format!("{name}_FILE");
                let path = self.text(&from_file).map(PathBuf::from);
                let file = path.map(|path| (from_file, "names the file", path));
                let credential = self.credential(&name);
                let credential = credential.map(|path| {
                    let name = format!("the credential {name}");
                    (name, "is the file", path)
                });
                for (name, how, path) in file.into_iter().chain(credential) {
                    let text = self.secret_of_file(&name, how, variable, &path)?;
                    all.push(Found { name, text });
                }
            }
        }
        let is_overriding = variable.scope == Scope::Shared;
        if let [first, .., last] = all.as_slice()
            && !is_overriding
            && all.iter().any(|found| found.text != first.text)
        {
            let what = format!("and {} are both set, and differ", last.name);
            let name = first.name.clone();
            self.problem(name, variable, Fault::new(what, "Remove one of them."));
            return Err(());
        }
        Ok(all.into_iter().next())
    }

    /// The content of a file that holds a secret; `how` joins its name and its path in a sentence.
    fn secret_of_file(
        &mut self,
        name: &str,
        how: &str,
        variable: &Variable,
        path: &Path,
    ) -> Result<String, ()> {
        let text = std::fs::metadata(path).and_then(|metadata| {
            if metadata.len() > SECRET_FILE_BYTES_MAX {
                return Err(std::io::Error::other("it is too large for a secret"));
            }
            std::fs::read_to_string(path)
        });
        let shown = path.display();
        let fault = match text {
            Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
            Ok(_) => Fault::new(
                format!("{how} {shown}, which is empty"),
                "Put the value into the file.",
            ),
            Err(error) => Fault::new(
                format!("{how} {shown}, which cannot be read: {error}"),
                "Check the path, and that the user steward runs as may read it.",
            ),
        };
        self.problem(name.to_owned(), variable, fault);
        Err(())
    }
}
