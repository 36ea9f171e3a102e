//! The table of variables as text: `.env.example` and `docs/CONFIGURATION.md`.
//!
//! Both files are written from the table and never by hand; a test compares them, and
//! `UPDATE_DOCS=1 cargo test config::` writes them anew.

use std::fmt::Write as _;

use super::variable::{Presence, Scope, Section, VARIABLES, Variable};

/// How wide comments in `.env.example` are.
const WIDTH: usize = 100;

/// `.env.example`, complete.
#[must_use]
pub fn env_example() -> String {
    let mut text = String::from(
        "# steward reads this file as .env, from the directory it is started in. The real environment wins over it.\n\
         # Copy it, fill in what is not commented out, and leave the rest until you need it.\n\
         # Every secret can come from a file instead: DISCORD_TOKEN_FILE=/run/secrets/token, or from a credential of systemd.\n",
    );
    for section in VARIABLES {
        text.push_str("\n# ");
        text.push_str(&"-".repeat(WIDTH - 2));
        let _infallible = writeln!(text, "\n# {}", section.title);
        comment(&mut text, section.intro);
        for variable in section.variables {
            text.push('\n');
            comment(&mut text, variable.doc);
            comment(&mut text, &absence(variable));
            let mark = if is_to_fill_in(variable) { "" } else { "# " };
            let value = match variable.presence {
                Presence::Default(value) => value,
                Presence::Required | Presence::RequiredUnless(_) | Presence::Optional(_) => {
                    variable.example
                }
            };
            // A value with spaces has to be quoted in such a file.
            let quote = if value.contains(' ') { "\"" } else { "" };
            let _infallible = writeln!(text, "{mark}{}={quote}{value}{quote}", variable.name);
        }
    }
    text
}

/// `docs/CONFIGURATION.md`, complete.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from(
        "# Configuration\n\n\
         steward is configured by environment variables, and by a file `.env` in the directory it is started in.\n\
         The real environment wins over the file.\n\
         A variable that is empty counts as not set.\n\
         At start everything is checked, and all problems are listed together.\n\n\
         A secret is never shown, and can come from a file: set `NAME_FILE` to its path in place of `NAME`.\n\
         Under systemd it can also be a credential with the variable's name: `LoadCredential=NAME:/path`.\n\
         Durations are written as `7d`, `6h`, `90m`, `30s` or `250ms`.\n\n\
         This page is written from the table in `src/config`: `UPDATE_DOCS=1 cargo test config::`.\n",
    );
    for section in VARIABLES {
        let _infallible = write!(text, "\n## {}\n\n", section.title);
        if !section.intro.is_empty() {
            let _infallible = write!(text, "{}\n\n", section.intro);
        }
        table(&mut text, section);
    }
    text
}

fn table(text: &mut String, section: &Section) {
    text.push_str("| variable | without it | what it is for |\n|---|---|---|\n");
    for variable in section.variables {
        let secret = if variable.is_secret { " (secret)" } else { "" };
        let scope = match variable.scope {
            Scope::Process => "",
            Scope::Network => ", per network",
            Scope::Shared => ", for all networks or per network",
        };
        let without = match variable.presence {
            Presence::Required => "**required**".to_owned(),
            Presence::RequiredUnless(unless) => format!("**required**, unless {unless}"),
            Presence::Default(value) => format!("`{value}`"),
            Presence::Optional(without) => without.to_owned(),
        };
        let _infallible = writeln!(
            text,
            "| `{}`{secret}{scope} | {without} | {} |",
            variable.name, variable.doc
        );
    }
}

/// Whether an operator has to fill it in to start on mainnet.
const fn is_to_fill_in(variable: &Variable) -> bool {
    match variable.presence {
        Presence::Required => true,
        Presence::RequiredUnless(_) => is_usual(variable.name),
        Presence::Default(_) | Presence::Optional(_) => false,
    }
}

/// The usual one of several ways to say the same.
const fn is_usual(name: &str) -> bool {
    matches!(
        name.as_bytes(),
        b"NETWORKS" | b"PROVIDER_ID" | b"DISCORD_CHANNEL"
    )
}

fn absence(variable: &Variable) -> String {
    match variable.presence {
        Presence::Required => "Required.".to_owned(),
        Presence::RequiredUnless(unless) => format!("Required, unless {unless}."),
        Presence::Default(value) => format!("Default: {value}"),
        Presence::Optional(without) => format!("Without it: {without}."),
    }
}

/// Adds `sentence` as comment lines of limited width.
fn comment(text: &mut String, sentence: &str) {
    let mut line = String::new();
    for word in sentence.split_whitespace() {
        if !line.is_empty() && line.len() + word.len() + 3 > WIDTH {
            let _infallible = writeln!(text, "# {line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        let _infallible = writeln!(text, "# {line}");
    }
}
