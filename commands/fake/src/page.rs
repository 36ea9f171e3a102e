//! A plain page of what the channels show, for people who try the bot without Discord.

use serde_json::Value;

use crate::form::list;
use crate::message::Message;
use crate::world::{World, iso};

const STYLE: &str = "body{font:15px system-ui;max-width:46em;margin:2em auto;background:#313338;color:#dbdee1}\
.m{margin:1em 0}.e{border-left:4px solid #5865f2;background:#2b2d31;padding:.6em 1em;margin:.4em 0;white-space:pre-wrap}\
small{color:#949ba4}.b{background:#4e5058;padding:.2em .8em;border-radius:4px;margin-right:.4em}";

/// All channels with their messages, the newest last.
pub(crate) fn render(world: &World) -> String {
    let mut page = format!(
        "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=2><title>fake Discord</title><style>{STYLE}</style>"
    );
    for channel in world.channels.values() {
        page.push_str(&format!("<h2># {}</h2>", escape(&channel.name)));
        let visible = world
            .messages
            .values()
            .filter(|message| message.channel == channel.id && !message.deleted);
        for message in visible {
            page.push_str(&render_message(world, message));
        }
    }
    page
}

fn render_message(world: &World, message: &Message) -> String {
    let mut html = format!(
        "<div class=m><b>{}</b> <small>{}",
        escape(&world.name_of(message.author)),
        iso(message.created_ms)
    );
    if message.edited_ms.is_some() {
        html.push_str(&format!(", edited {} times", message.versions.len() - 1));
    }
    if let Some(only) = message.ephemeral_to {
        html.push_str(&format!(", only for {}", escape(&world.name_of(only))));
    }
    if message.is_loading() {
        html.push_str(", thinking &hellip;");
    }
    html.push_str(&format!("</small><div>{}</div>", escape(&message.content)));
    for embed in &message.embeds {
        html.push_str(&render_embed(embed));
    }
    for file in &message.attachments {
        html.push_str(&format!(
            "<div><a href=\"/attachments/{}/{}/{}\">{}</a></div>",
            message.id,
            file.id,
            escape(&file.name),
            escape(&file.name)
        ));
    }
    for part in message
        .components
        .iter()
        .flat_map(|row| list(&row["components"]))
    {
        let label = part["label"]
            .as_str()
            .or_else(|| part["placeholder"].as_str())
            .unwrap_or("menu");
        html.push_str(&format!("<span class=b>{}</span>", escape(label)));
    }
    html.push_str("</div>");
    html
}

fn render_embed(embed: &Value) -> String {
    let text = |value: &Value| escape(value.as_str().unwrap_or_default());
    let mut html = format!(
        "<div class=e><b>{}</b>\n{}",
        text(&embed["title"]),
        text(&embed["description"])
    );
    for field in list(&embed["fields"]) {
        html.push_str(&format!(
            "\n<b>{}</b>\n{}",
            text(&field["name"]),
            text(&field["value"])
        ));
    }
    html.push_str(&format!(
        "\n<small>{}</small></div>",
        text(&embed["footer"]["text"])
    ));
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
