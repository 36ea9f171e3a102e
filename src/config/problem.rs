//! What is wrong with a configuration, said so that the operator can put it right.
//!
//! Reading never stops at the first fault: all of them are listed at once. No text here ever holds a secret.

use std::fmt;

use thiserror::Error;

/// What is wrong with a variable that is needed and not there.
pub(super) const NOT_SET: &str = "is not set";

/// One thing that keeps steward from starting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The variable, as the operator has to write it.
    pub variable: String,
    /// What is wrong: `is not set`, `is "abc", which is no number`.
    pub what: String,
    /// What the variable is for, so that the operator sees why it matters.
    pub why: String,
    /// What to do about it.
    pub next_step: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}. {} {}",
            self.variable, self.what, self.why, self.next_step
        )
    }
}

/// Every [`Problem`] of a configuration; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct ConfigProblems(pub Vec<Problem>);

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("the configuration has 1 problem:")?,
            count => write!(f, "the configuration has {count} problems:")?,
        }
        for (position, problem) in self.0.iter().enumerate() {
            let number = position + 1;
            write!(f, "\n{number:>3}. {} {}.", problem.variable, problem.what)?;
            for line in [&problem.why, &problem.next_step] {
                if !line.is_empty() {
                    write!(f, "\n     {line}")?;
                }
            }
        }
        Ok(())
    }
}

/// Something that does not keep steward from starting, but is hardly what the operator meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigWarning {
    /// The variable.
    pub variable: String,
    /// What is odd about it.
    pub what: String,
    /// What to do about it.
    pub next_step: String,
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}. {}", self.variable, self.what, self.next_step)
    }
}

/// Why a text is not what a variable takes; the reader adds which variable it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Continues the sentence that begins with the variable's name.
    pub(super) what: String,
    /// What to do about it.
    pub(super) next_step: String,
}

impl Fault {
    /// A fault of a value.
    pub(super) fn new(what: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            next_step: next_step.into(),
        }
    }
}
