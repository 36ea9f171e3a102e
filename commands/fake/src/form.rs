//! The hand-written rules for messages: limits that Discord keeps and its OpenAPI document does not tell, or tells wrong.
//!
//! Figures: resources/message.mdx ("Embed Limits", "Allowed Mentions Object") and components/reference.mdx.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::answer::Faults;
use crate::request::File;

const CONTENT_MAX: usize = 2000;
const NONCE_MAX: usize = 25;
const EMBEDS_MAX: usize = 10;
const EMBED_TOTAL_MAX: usize = 6000;
const FIELDS_MAX: usize = 25;
const FILES_MAX: usize = 10;
const FILE_BYTES_MAX: usize = 10 * 1024 * 1024;
const REQUEST_BYTES_MAX: usize = 25 * 1024 * 1024;
const MENTIONS_MAX: usize = 100;
const ROWS_MAX: usize = 5;
const COMPONENTS_V2_MAX: usize = 40;
/// Flag of a message made of components only.
pub(crate) const IS_COMPONENTS_V2: u64 = 1 << 15;

/// Checks the body of a new or edited message, of an interaction answer's `data`, or of a followup.
pub(crate) fn check_message(body: &Value, files: &[File]) -> Faults {
    let mut faults = Faults::default();
    if let Some(content) = body["content"].as_str() {
        faults.length("content", content.trim(), CONTENT_MAX);
    }
    check_nonce(body, &mut faults);
    check_embeds(&body["embeds"], &mut faults);
    check_mentions(&body["allowed_mentions"], &mut faults);
    check_files(body, files, &mut faults);
    check_components(body, &mut faults);
    faults
}

fn check_nonce(body: &Value, faults: &mut Faults) {
    if let Some(nonce) = body["nonce"].as_str() {
        faults.length("nonce", nonce, NONCE_MAX);
    }
    if body["enforce_nonce"] == true && body["nonce"].is_null() {
        faults.add(
            "nonce",
            "BASE_TYPE_REQUIRED",
            "enforce_nonce without a nonce does nothing.",
        );
    }
}

fn check_files(body: &Value, files: &[File], faults: &mut Faults) {
    if files.len() > FILES_MAX {
        faults.add(
            "files",
            "BASE_TYPE_MAX_LENGTH",
            "Must be 10 or fewer in length.",
        );
    }
    for file in files
        .iter()
        .filter(|file| file.bytes.len() > FILE_BYTES_MAX)
    {
        faults.add(
            format!("files.{}", file.index),
            "BASE_TYPE_MAX_SIZE",
            "File exceeds 10 MiB.",
        );
    }
    if files.iter().map(|file| file.bytes.len()).sum::<usize>() > REQUEST_BYTES_MAX {
        faults.add(
            "files",
            "BASE_TYPE_MAX_SIZE",
            "Request entity exceeds 25 MiB.",
        );
    }
    let indices: BTreeSet<u64> = files.iter().map(|file| file.index).collect();
    if indices.len() < files.len() {
        faults.add(
            "files",
            "DUPLICATE_INDEX",
            "Two files carry the same index.",
        );
    }
    for (place, attachment) in list(&body["attachments"]).iter().enumerate() {
        if let Some(text) = attachment["description"].as_str() {
            faults.length(format!("attachments.{place}.description"), text, 1024);
        }
    }
}

fn check_embeds(embeds: &Value, faults: &mut Faults) {
    let embeds = list(embeds);
    if embeds.len() > EMBEDS_MAX {
        faults.add(
            "embeds",
            "BASE_TYPE_MAX_LENGTH",
            "Must be 10 or fewer in length.",
        );
    }
    let mut total = 0;
    for (place, embed) in embeds.iter().enumerate() {
        total += check_embed(&format!("embeds.{place}"), embed, faults);
    }
    if total > EMBED_TOTAL_MAX {
        faults.add(
            "embeds",
            "MAX_EMBED_SIZE_EXCEEDED",
            "Embed size exceeds maximum size of 6000",
        );
    }
}

/// Checks one embed and gives the number of characters that count towards 6000.
fn check_embed(path: &str, embed: &Value, faults: &mut Faults) -> usize {
    let mut total = 0;
    for (name, value, max) in [
        ("title", &embed["title"], 256),
        ("description", &embed["description"], 4096),
        ("footer.text", &embed["footer"]["text"], 2048),
        ("author.name", &embed["author"]["name"], 256),
    ] {
        if let Some(text) = value.as_str().map(str::trim) {
            faults.length(format!("{path}.{name}"), text, max);
            total += text.chars().count();
        }
    }
    let fields = list(&embed["fields"]);
    if fields.len() > FIELDS_MAX {
        faults.add(
            format!("{path}.fields"),
            "BASE_TYPE_MAX_LENGTH",
            "Must be 25 or fewer in length.",
        );
    }
    for (place, field) in fields.iter().enumerate() {
        for (name, max) in [("name", 256), ("value", 1024)] {
            let text = field[name].as_str().unwrap_or_default().trim();
            if text.is_empty() {
                faults.add(
                    format!("{path}.fields.{place}.{name}"),
                    "BASE_TYPE_REQUIRED",
                    "This field is required",
                );
            }
            faults.length(format!("{path}.fields.{place}.{name}"), text, max);
            total += text.chars().count();
        }
    }
    check_embed_links(path, embed, faults);
    let visible = ["image", "thumbnail", "video"]
        .iter()
        .any(|name| embed[*name].is_object());
    if total == 0 && !visible {
        faults.add(
            format!("{path}.description"),
            "BASE_TYPE_REQUIRED",
            "This field is required",
        );
    }
    total
}

fn check_embed_links(path: &str, embed: &Value, faults: &mut Faults) {
    if embed["color"]
        .as_u64()
        .is_some_and(|color| color > 0x00FF_FFFF)
    {
        faults.add(
            format!("{path}.color"),
            "NUMBER_TYPE_MAX",
            "int value should be less than or equal to 16777215.",
        );
    }
    for (name, value, attachment) in [
        ("url", &embed["url"], false),
        ("author.url", &embed["author"]["url"], false),
        ("image.url", &embed["image"]["url"], true),
        ("thumbnail.url", &embed["thumbnail"]["url"], true),
        ("footer.icon_url", &embed["footer"]["icon_url"], true),
        ("author.icon_url", &embed["author"]["icon_url"], true),
    ] {
        if let Some(url) = value.as_str() {
            let known = url.starts_with("http://")
                || url.starts_with("https://")
                || (attachment && url.starts_with("attachment://"));
            if !known || url.contains(char::is_whitespace) {
                faults.add(
                    format!("{path}.{name}"),
                    "URL_TYPE_INVALID_URL",
                    "Not a well formed URL.",
                );
            }
            faults.length(format!("{path}.{name}"), url, 2048);
        }
    }
}

fn check_mentions(mentions: &Value, faults: &mut Faults) {
    for name in ["users", "roles"] {
        let listed = list(&mentions[name]);
        if listed.len() > MENTIONS_MAX {
            faults.add(
                format!("allowed_mentions.{name}"),
                "BASE_TYPE_MAX_LENGTH",
                "Must be 100 or fewer in length.",
            );
        }
        if !listed.is_empty() && list(&mentions["parse"]).iter().any(|kind| kind == name) {
            let message =
                format!("parse:[\"{name}\"] and {name}: [ids...] are mutually exclusive.");
            faults.add(
                "allowed_mentions",
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                message,
            );
        }
    }
}

fn check_components(body: &Value, faults: &mut Faults) {
    let rows = list(&body["components"]);
    let version_two = body["flags"]
        .as_u64()
        .is_some_and(|flags| flags & IS_COMPONENTS_V2 != 0);
    let mut custom_ids = BTreeSet::new();
    if version_two {
        if !body["content"].as_str().unwrap_or_default().is_empty()
            || !list(&body["embeds"]).is_empty()
        {
            faults.add(
                "components",
                "COMPONENTS_V2_EXCLUSIVE",
                "content and embeds cannot be used with these components.",
            );
        }
        let count = count_components(rows);
        if count > COMPONENTS_V2_MAX {
            faults.add(
                "components",
                "BASE_TYPE_MAX_LENGTH",
                "Must be 40 or fewer components in total.",
            );
        }
        check_custom_ids("components", rows, &mut custom_ids, faults);
        return;
    }
    if rows.len() > ROWS_MAX {
        faults.add(
            "components",
            "BASE_TYPE_BAD_LENGTH",
            "Must be between 1 and 5 in length.",
        );
    }
    for (place, row) in rows.iter().enumerate() {
        let path = format!("components.{place}");
        if row["type"] != 1 {
            faults.add(
                format!("{path}.type"),
                "UNION_TYPE_CHOICES",
                "Value of field \"type\" must be one of (1,).",
            );
        }
        check_row(
            &format!("{path}.components"),
            list(&row["components"]),
            faults,
        );
    }
    check_custom_ids("components", rows, &mut custom_ids, faults);
}

fn count_components(list_of: &[Value]) -> usize {
    list_of
        .iter()
        .map(|part| 1 + count_components(list(&part["components"])))
        .sum()
}

fn check_custom_ids(path: &str, parts: &[Value], seen: &mut BTreeSet<String>, faults: &mut Faults) {
    for (place, part) in parts.iter().enumerate() {
        let here = format!("{path}.{place}");
        if let Some(custom_id) = part["custom_id"].as_str() {
            if custom_id.is_empty() || custom_id.chars().count() > 100 {
                faults.add(
                    format!("{here}.custom_id"),
                    "BASE_TYPE_BAD_LENGTH",
                    "Must be between 1 and 100 in length.",
                );
            }
            if !seen.insert(custom_id.to_owned()) {
                let message = "Component custom id cannot be duplicated";
                faults.add(
                    format!("{here}.custom_id"),
                    "COMPONENT_CUSTOM_ID_DUPLICATED",
                    message,
                );
            }
        }
        check_custom_ids(
            &format!("{here}.components"),
            list(&part["components"]),
            seen,
            faults,
        );
    }
}

fn check_row(path: &str, parts: &[Value], faults: &mut Faults) {
    let selects = parts.iter().filter(|part| part["type"] != 2).count();
    let room = if selects > 0 { 1 } else { 5 };
    if parts.is_empty() || parts.len() > room {
        faults.add(
            path,
            "BASE_TYPE_BAD_LENGTH",
            format!("Must be between 1 and {room} in length."),
        );
    }
    for (place, part) in parts.iter().enumerate() {
        let here = format!("{path}.{place}");
        match part["type"].as_u64() {
            Some(2) => check_button(&here, part, faults),
            Some(3) => check_select(&here, part, faults),
            Some(5..=8) => {
                if part["custom_id"].as_str().is_none() {
                    faults.add(
                        format!("{here}.custom_id"),
                        "BASE_TYPE_REQUIRED",
                        "This field is required",
                    );
                }
            }
            _ => faults.add(
                format!("{here}.type"),
                "UNION_TYPE_CHOICES",
                "Not a component of a message row.",
            ),
        }
    }
}

fn check_button(path: &str, button: &Value, faults: &mut Faults) {
    let label = button["label"].as_str().unwrap_or_default();
    faults.length(format!("{path}.label"), label, 80);
    let style = button["style"].as_u64().unwrap_or(0);
    if label.is_empty() && button["emoji"].is_null() && style != 6 {
        faults.add(
            format!("{path}.label"),
            "BUTTON_COMPONENT_LABEL_REQUIRED",
            "A button needs a label or an emoji",
        );
    }
    let (has_url, has_id) = (button["url"].is_string(), button["custom_id"].is_string());
    let right = match style {
        1..=4 => has_id && !has_url,
        5 => has_url && !has_id,
        6 => true,
        _ => false,
    };
    if !right {
        faults.add(
            path,
            "BUTTON_COMPONENT_INVALID",
            "Styles 1 to 4 need a custom id, style 5 a URL, and never both",
        );
    }
}

fn check_select(path: &str, select: &Value, faults: &mut Faults) {
    let options = list(&select["options"]);
    if options.is_empty() || options.len() > 25 {
        faults.add(
            format!("{path}.options"),
            "BASE_TYPE_BAD_LENGTH",
            "Must be between 1 and 25 in length.",
        );
    }
    faults.length(
        format!("{path}.placeholder"),
        select["placeholder"].as_str().unwrap_or_default(),
        150,
    );
    let mut values = BTreeSet::new();
    for (place, option) in options.iter().enumerate() {
        for name in ["label", "value", "description"] {
            let text = option[name].as_str().unwrap_or_default();
            faults.length(format!("{path}.options.{place}.{name}"), text, 100);
            if name != "description" && text.is_empty() {
                faults.add(
                    format!("{path}.options.{place}.{name}"),
                    "BASE_TYPE_REQUIRED",
                    "This field is required",
                );
            }
        }
        if !values.insert(option["value"].as_str().unwrap_or_default().to_owned()) {
            let message = "The specified option value is already used";
            faults.add(
                format!("{path}.options.{place}.value"),
                "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                message,
            );
        }
    }
}

/// Checks the `data` of a modal answer.
pub(crate) fn check_modal(data: &Value) -> Faults {
    let mut faults = Faults::default();
    let title = data["title"].as_str().unwrap_or_default();
    if title.is_empty() {
        faults.add("data.title", "BASE_TYPE_REQUIRED", "This field is required");
    }
    faults.length("data.title", title, 45);
    let rows = list(&data["components"]);
    if rows.is_empty() || rows.len() > ROWS_MAX {
        faults.add(
            "data.components",
            "BASE_TYPE_BAD_LENGTH",
            "Must be between 1 and 5 in length.",
        );
    }
    check_custom_ids("data.components", rows, &mut BTreeSet::new(), &mut faults);
    for (place, input) in rows
        .iter()
        .flat_map(|row| list(&row["components"]))
        .enumerate()
    {
        let path = format!("data.components.{place}");
        faults.length(
            format!("{path}.label"),
            input["label"].as_str().unwrap_or_default(),
            45,
        );
        faults.length(
            format!("{path}.placeholder"),
            input["placeholder"].as_str().unwrap_or_default(),
            100,
        );
        faults.length(
            format!("{path}.value"),
            input["value"].as_str().unwrap_or_default(),
            4000,
        );
    }
    faults
}

/// Checks autocomplete choices.
pub(crate) fn check_choices(data: &Value) -> Faults {
    let mut faults = Faults::default();
    let choices = list(&data["choices"]);
    if choices.len() > 25 {
        faults.add(
            "data.choices",
            "BASE_TYPE_MAX_LENGTH",
            "Must be 25 or fewer in length.",
        );
    }
    for (place, choice) in choices.iter().enumerate() {
        let name = choice["name"].as_str().unwrap_or_default();
        if name.is_empty() || name.chars().count() > 100 {
            faults.add(
                format!("data.choices.{place}.name"),
                "BASE_TYPE_BAD_LENGTH",
                "Must be between 1 and 100 in length.",
            );
        }
        faults.length(
            format!("data.choices.{place}.value"),
            choice["value"].as_str().unwrap_or_default(),
            100,
        );
    }
    faults
}

/// The elements of a JSON array; nothing for anything else.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
