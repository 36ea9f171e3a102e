//! The fake Discord as a process, for bots that run as a process: prints where it listens and logs what the bot does.

use anyhow::Context as _;
use clap::Parser;
use fake::{ChannelSpec, Fake, MemberSpec, Rules, Snowflake, Spec};

/// A Discord server for trying and testing a bot without Discord.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// TCP port on 127.0.0.1; 0 lets the system choose.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The bot's token.
    #[arg(long, default_value = Spec::TOKEN)]
    token: String,
    /// Application id, which is also the bot's user id.
    #[arg(long, default_value_t = Spec::APPLICATION.0)]
    application: u64,
    /// Guild id.
    #[arg(long, default_value_t = Spec::GUILD.0)]
    guild: u64,
    /// A text channel, as `ID:name`; may be repeated. Default: #alerts and #fallback.
    #[arg(long, value_name = "ID:NAME", value_parser = named)]
    channel: Vec<(u64, String)>,
    /// A role, as `ID:name`; may be repeated. Default: on-call.
    #[arg(long, value_name = "ID:NAME", value_parser = named)]
    role: Vec<(u64, String)>,
    /// A member, as `ID:name`; carries all roles given with `--role`. Default: alice (with on-call) and bob.
    #[arg(long, value_name = "ID:NAME", value_parser = named)]
    member: Vec<(u64, String)>,
    /// Switches the rate limits off.
    #[arg(long)]
    unlimited: bool,
    /// Heartbeat interval told to the bot, in milliseconds.
    #[arg(long, default_value_t = 41_250)]
    heartbeat_ms: u64,
}

fn named(text: &str) -> Result<(u64, String), String> {
    let (id, name) = text.split_once(':').ok_or("expected ID:name")?;
    Ok((
        id.parse()
            .map_err(|error| format!("{id:?} is not an id: {error}"))?,
        name.to_owned(),
    ))
}

impl Options {
    fn spec(self) -> Spec {
        let mut spec = Spec {
            port: self.port,
            token: self.token,
            application: self.application.into(),
            guild: self.guild.into(),
            ..Spec::default()
        };
        spec.rules.heartbeat = std::time::Duration::from_millis(self.heartbeat_ms);
        if self.unlimited {
            spec.rules = Rules::unlimited(spec.rules);
        }
        if !self.channel.is_empty() {
            spec.channels = self
                .channel
                .iter()
                .map(|(id, name)| ChannelSpec::text(Snowflake(*id), name))
                .collect();
        }
        if !self.role.is_empty() {
            spec.roles.clear();
        }
        for (id, name) in &self.role {
            spec = spec.role(*id, name, 0);
        }
        let roles: Vec<Snowflake> = spec.roles.iter().map(|role| role.id).collect();
        if !self.member.is_empty() {
            let member = |(id, name): &(u64, String)| MemberSpec {
                id: Snowflake(*id),
                name: name.clone(),
                roles: roles.clone(),
                bot: false,
            };
            spec.members = self.member.iter().map(member).collect();
        }
        spec
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let spec = Options::parse().spec();
    let environment = environment(&spec);
    let fake = Fake::start(spec)
        .await
        .context("the port cannot be bound")?;
    let mut level = fake.level();
    print(&format!("ready {}", fake.url()));
    print(&format!(
        "# paste into .env\nDISCORD_API_URL={}\n{environment}",
        fake.url()
    ));
    print(&format!(
        "# side door: {0}/fake/messages, {0}/fake/violations; the channels as a page: {0}/fake/",
        fake.url()
    ));
    loop {
        tokio::select! {
            lines = fake.next_log(&mut level) => lines.iter().for_each(|line| print(line)),
            stop = tokio::signal::ctrl_c() => return stop.context("no signal handler"),
        }
    }
}

fn environment(spec: &Spec) -> String {
    let mut lines = vec![
        format!("DISCORD_TOKEN={}", spec.token),
        format!("DISCORD_GUILD_ID={}", spec.guild),
    ];
    // One channel is live; the others are there to choose from.
    lines.extend(spec.channels.iter().enumerate().map(|(place, channel)| {
        let mark = if place == 0 { "" } else { "# " };
        format!("{mark}DISCORD_CHANNEL={} # {}", channel.id, channel.name)
    }));
    lines.extend(
        spec.roles
            .iter()
            .map(|role| format!("# role {} {}", role.id, role.name)),
    );
    lines.join("\n")
}

#[expect(
    clippy::print_stdout,
    reason = "this is a program for terminals and pipes; its lines are its answer"
)]
fn print(line: &str) {
    println!("{line}");
}
