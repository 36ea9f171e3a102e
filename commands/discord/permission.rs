//! Who may do what, by the roles that the person has at the moment of asking.
//!
//! Discord's own settings for commands are only a default that a server's admins can change; so every command and every
//! button asks here. Roles come with each interaction, and are never remembered.

use serenity::all::{Member, Permissions};

use super::errors::UserError;

/// How much a person may do; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Nothing.
    Nobody,
    /// Ask.
    Viewer,
    /// Acknowledge, snooze, note, send a test.
    Operator,
    /// Retry and cancel jobs.
    Admin,
}

impl Rank {
    /// Its word in sentences.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Whether this is enough.
    ///
    /// # Errors
    /// When it is not.
    pub fn require(self, needed: Self) -> Result<(), UserError> {
        if self >= needed {
            return Ok(());
        }
        Err(UserError {
            what: format!("This needs the rank of {}.", needed.name()),
            why: format!("Your roles give you the rank of {}.", self.name()),
            next: "Ask an administrator of this server for a role that is configured for it."
                .to_owned(),
        })
    }
}

/// Which roles give which rank, by Discord id.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Roles {
    /// Roles that may ask. Empty = every member of the server may.
    pub viewers: Vec<u64>,
    /// Roles that may act. Empty = admins only.
    pub operators: Vec<u64>,
    /// Roles that may do everything; administrators of the server may besides.
    pub admins: Vec<u64>,
}

impl Roles {
    /// The rank of a member; who comes without a member (in a direct message) has none.
    #[must_use]
    pub fn rank_of(&self, member: Option<&Member>) -> Rank {
        let Some(member) = member else {
            return Rank::Nobody;
        };
        let roles: Vec<u64> = member.roles.iter().map(|role| role.get()).collect();
        let is_administrator = member
            .permissions
            .is_some_and(|permissions| permissions.contains(Permissions::ADMINISTRATOR));
        self.rank(&roles, is_administrator)
    }

    /// The rank that these roles give.
    #[must_use]
    pub fn rank(&self, roles: &[u64], is_administrator: bool) -> Rank {
        let has_any = |wanted: &[u64]| wanted.iter().any(|role| roles.contains(role));
        if is_administrator || has_any(&self.admins) {
            Rank::Admin
        } else if has_any(&self.operators) {
            Rank::Operator
        } else if self.viewers.is_empty() || has_any(&self.viewers) {
            Rank::Viewer
        } else {
            Rank::Nobody
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_role_counts_and_administrators_are_admins() {
        let roles = Roles {
            viewers: vec![1],
            operators: vec![2],
            admins: vec![3],
        };
        assert_eq!(roles.rank(&[], false), Rank::Nobody);
        assert_eq!(roles.rank(&[9, 1], false), Rank::Viewer);
        assert_eq!(roles.rank(&[1, 2], false), Rank::Operator);
        assert_eq!(roles.rank(&[2, 3], false), Rank::Admin);
        assert_eq!(roles.rank(&[], true), Rank::Admin);
    }

    #[test]
    fn without_configured_roles_everybody_may_ask_and_only_administrators_act() {
        let roles = Roles::default();
        assert_eq!(roles.rank(&[7], false), Rank::Viewer);
        assert!(roles.rank(&[7], false).require(Rank::Operator).is_err());
        assert!(roles.rank(&[], true).require(Rank::Admin).is_ok());
        assert_eq!(roles.rank_of(None), Rank::Nobody);
    }
}
