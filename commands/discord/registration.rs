//! Telling Discord which commands there are: only when they changed, and never because a connection was lost.
//!
//! Discord counts new commands (200 a day and guild); a registration without need also makes every client of the guild
//! load them again.

use anyhow::{Context as _, bail};
use futures::future::BoxFuture;
use serde_json::Value;
use serenity::{
    all::{ApplicationId, Command, CreateCommand, GuildId},
    http::Http,
};
use sha2::{Digest as _, Sha256};
use steward::units::UnixSeconds;

use crate::slash;

/// What is kept across restarts: the hash of the registered set, and when we introduced ourselves.
pub trait Memory: Send + Sync + std::fmt::Debug {
    /// When this process and earlier ones introduced themselves, as it was kept last; oldest first.
    fn recall_identifies(&self) -> BoxFuture<'_, anyhow::Result<Vec<UnixSeconds>>>;

    /// Keeps when we introduced ourselves.
    fn keep_identifies(&self, at: Vec<UnixSeconds>) -> BoxFuture<'_, anyhow::Result<()>>;

    /// The hash that was kept last.
    fn recall(&self) -> BoxFuture<'_, anyhow::Result<Option<String>>>;

    /// Keeps a hash.
    fn keep(&self, hash: String) -> BoxFuture<'_, anyhow::Result<()>>;
}

/// What a registration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The set is the one that was registered before.
    Unchanged,
    /// So many commands were registered, and Discord has exactly these.
    Registered(usize),
}

/// Registers the commands for a guild, unless this very set is registered.
///
/// # Errors
/// When Discord cannot be asked, refuses, or answers another set; when the hash cannot be read or kept.
pub async fn register(http: &Http, guild: GuildId, memory: &dyn Memory) -> anyhow::Result<Outcome> {
    let application = http
        .get_current_application_info()
        .await
        .context("cannot ask which application this is")?
        .id;
    http.set_application_id(application);
    let commands = poise::builtins::create_application_commands(&slash::commands());
    let hash = hash(application, guild, &commands)?;
    if memory.recall().await?.as_deref() == Some(&hash) {
        return Ok(Outcome::Unchanged);
    }
    let registered = guild
        .set_commands(http, commands.clone())
        .await
        .context("Discord refuses the commands")?;
    verify(&commands, &registered)?;
    memory.keep(hash).await?;
    Ok(Outcome::Registered(registered.len()))
}

/// A hash of what is registered, and where.
fn hash(
    application: ApplicationId,
    guild: GuildId,
    commands: &[CreateCommand],
) -> anyhow::Result<String> {
    let text = serde_json::to_string(&(application, guild, commands))
        .context("the commands have no JSON form")?;
    let digest = Sha256::digest(text.as_bytes());
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whether Discord has what was sent: names, descriptions, and options with theirs.
fn verify(sent: &[CreateCommand], registered: &[Command]) -> anyhow::Result<()> {
    let outline = |commands: Value| {
        let mut outlines: Vec<String> = list(&commands).iter().map(outline).collect();
        outlines.sort();
        outlines
    };
    let sent = outline(serde_json::to_value(sent)?);
    let registered = outline(serde_json::to_value(registered)?);
    if sent != registered {
        bail!("Discord has other commands than were sent: {registered:?} instead of {sent:?}");
    }
    Ok(())
}

/// A command or option: its name, its description and its parts.
fn outline(one: &Value) -> String {
    let text = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default();
    let options = one.get("options").unwrap_or(&Value::Null);
    let options: Vec<String> = list(options).iter().map(outline).collect();
    format!("{}: {} {options:?}", text("name"), text("description"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
