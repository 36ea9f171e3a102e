//! Which program this is.
//!
//! The commit is what whoever builds says in `STEWARD_REVISION` (the container's recipe does). A build script that asks git
//! would build the library anew after every commit, so a plain build says its version and nothing that it does not know.

/// The version of the package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit it was built from; empty where nobody said.
pub const REVISION: &str = match option_env!("STEWARD_REVISION") {
    Some(revision) => revision,
    None => "",
};

/// Version and commit as people read them: `0.1.0 (abcdef0)`, or the version alone.
#[must_use]
pub fn said(version: &str, revision: &str) -> String {
    match revision {
        "" => version.to_owned(),
        revision => format!("{version} ({revision})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_that_is_not_known_is_not_made_up() {
        assert_eq!(said("0.1.0", "abcdef0"), "0.1.0 (abcdef0)");
        assert_eq!(said("0.1.0", ""), "0.1.0");
    }
}
