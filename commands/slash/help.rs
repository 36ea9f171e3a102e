//! `/help`: every command with what it does, from the list itself.

use steward::{
    alert::card::{Card, Message, Severity, Span, Text},
    units::UnixSeconds,
};

use super::{Context, Data, answer, begin};
use crate::discord::{errors::Failure, permission::Rank};

/// Characters of one card: what `fit` leaves of a body (600), less the marks of a list.
const CARD_MAX: usize = 500;

/// Lists everything that can be asked here
#[poise::command(slash_command, guild_only)]
pub(super) async fn help(ctx: Context<'_>) -> Result<(), Failure> {
    begin(ctx, Rank::Viewer).await?;
    let asked = ctx.interaction.id.created_at().unix_timestamp();
    let asked = UnixSeconds::new(u64::try_from(asked).unwrap_or(0));
    answer(ctx, &page(&ctx.framework.options.commands, asked)).await
}

/// As many cards as the list needs.
fn page(commands: &[poise::Command<Data, Failure>], at: UnixSeconds) -> Message {
    let mut entries = Vec::new();
    for command in commands {
        describe(command, command.name.as_ref(), &mut entries);
    }
    let mut pages: Vec<Vec<Text>> = vec![Vec::new()];
    let mut used = 0;
    for (name, about) in entries {
        let length = name.chars().count() + about.chars().count() + 3;
        if used + length > CARD_MAX {
            pages.push(Vec::new());
            used = 0;
        }
        used += length;
        if let Some(page) = pages.last_mut() {
            page.push(Text::from(Span::Code(name)).and(format!(" {about}")));
        }
    }
    let cards = pages.into_iter().map(|page| card(page, at)).collect();
    Message {
        cards,
        ..Message::default()
    }
}

/// A command, or where it has parts, its parts.
fn describe(
    command: &poise::Command<Data, Failure>,
    name: &str,
    entries: &mut Vec<(String, String)>,
) {
    if command.subcommands.is_empty() {
        let about = command.description.as_deref().unwrap_or_default();
        entries.push((format!("/{name}"), about.to_owned()));
    }
    for part in &command.subcommands {
        describe(part, &format!("{name} {}", part.name), entries);
    }
}

fn card(body: Vec<Text>, at: UnixSeconds) -> Card {
    Card {
        severity: Severity::Info,
        author: Text::default(),
        title: Text::plain("What steward can be asked"),
        body,
        fields: Vec::new(),
        chart: None,
        footer: format!("steward {}", steward::version::VERSION),
        at,
        buttons: Vec::new(),
    }
}
