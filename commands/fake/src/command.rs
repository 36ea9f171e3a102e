//! Application commands: the registered sets and the rules for them (interactions/application-commands.mdx).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::answer::{Answer, Faults, Outcome};
use crate::form::list;
use crate::request::Request;
use crate::snowflake::Snowflake;
use crate::world::World;

/// Most characters in names, descriptions and values of one command.
const COMMAND_CHARS_MAX: usize = 8000;

/// Commands by scope: `None` is global, `Some` a guild.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    sets: BTreeMap<Option<Snowflake>, Vec<Value>>,
    created: u32,
    /// Number of bulk PUTs so far.
    pub(crate) puts: u32,
}

impl Commands {
    pub(crate) fn set(&self, scope: Option<Snowflake>) -> &[Value] {
        self.sets.get(&scope).map_or(&[], Vec::as_slice)
    }

    /// The chat command a person in the guild sees under this name.
    pub(crate) fn named(&self, guild: Snowflake, name: &str) -> Option<&Value> {
        let all = self.set(Some(guild)).iter().chain(self.set(None));
        all.clone()
            .find(|command| command["name"] == name && command["type"] == 1)
    }
}

impl World {
    pub(crate) fn commands_route(
        &mut self,
        request: &Request,
        scope: Option<Snowflake>,
        rest: &[&str],
    ) -> Option<Outcome> {
        Some(match (request.method.as_str(), rest) {
            ("GET", []) => Ok(Answer::ok(json!(self.commands.set(scope)))),
            ("PUT", []) => self.put_commands(request, scope),
            ("POST", []) => self.post_command(request, scope),
            ("GET", [id]) => self.one_command(scope, id).map(Answer::ok),
            ("DELETE", [id]) => self.delete_command(scope, id),
            _ => return None,
        })
    }

    fn one_command(&self, scope: Option<Snowflake>, id: &str) -> Result<Value, Answer> {
        let found = self
            .commands
            .set(scope)
            .iter()
            .find(|command| command["id"] == id);
        found
            .cloned()
            .ok_or_else(|| Answer::refusal(404, 10063, "Unknown application command"))
    }

    fn delete_command(&mut self, scope: Option<Snowflake>, id: &str) -> Outcome {
        self.one_command(scope, id)?;
        if let Some(set) = self.commands.sets.get_mut(&scope) {
            set.retain(|command| command["id"] != id);
        }
        self.touch();
        Ok(Answer::empty())
    }

    fn put_commands(&mut self, request: &Request, scope: Option<Snowflake>) -> Outcome {
        let body = request.body();
        self.form(request, check_commands(list(&body)))?;
        let old = self.commands.sets.remove(&scope).unwrap_or_default();
        let mut set = Vec::new();
        for command in list(&body) {
            let twin = old
                .iter()
                .find(|old| old["name"] == command["name"] && old["type"] == kind_of(command));
            let stored = self.stored_command(command, scope, twin);
            set.push(stored);
        }
        let fresh = set
            .iter()
            .filter(|new| old.iter().all(|old| old["id"] != new["id"]))
            .count();
        self.commands.created += u32::try_from(fresh).unwrap_or(u32::MAX);
        if self.commands.created > self.rules.command_creates {
            self.commands.sets.insert(scope, old);
            return Err(Answer::refusal(
                400,
                30034,
                "Max number of daily application command creates has been reached (200)",
            ));
        }
        self.commands.puts += 1;
        let names: Vec<&str> = set
            .iter()
            .filter_map(|command| command["name"].as_str())
            .collect();
        self.say(format!("commands   {}", names.join(" ")));
        let answer = json!(set);
        self.commands.sets.insert(scope, set);
        self.touch();
        Ok(Answer::ok(answer))
    }

    fn post_command(&mut self, request: &Request, scope: Option<Snowflake>) -> Outcome {
        let command = request.body();
        let mut set = self.commands.set(scope).to_vec();
        let twin = set
            .iter()
            .position(|old| old["name"] == command["name"] && old["type"] == kind_of(&command));
        let old = twin.map(|place| set.remove(place));
        set.push(command.clone().into_owned());
        self.form(request, check_commands(&set))?;
        let stored = self.stored_command(&command, scope, old.as_ref());
        set.pop();
        set.push(stored.clone());
        self.commands.sets.insert(scope, set);
        self.touch();
        Ok(if old.is_some() {
            Answer::ok(stored)
        } else {
            Answer::created(stored)
        })
    }

    fn stored_command(
        &mut self,
        command: &Value,
        scope: Option<Snowflake>,
        twin: Option<&Value>,
    ) -> Value {
        let id = twin.map_or_else(|| json!(self.next_id()), |twin| twin["id"].clone());
        let mut stored = json!({
            "id": id,
            "application_id": self.application,
            "version": self.next_id(),
            "type": kind_of(command),
            "name": command["name"],
            "name_localizations": command["name_localizations"],
            "description": command["description"].as_str().unwrap_or_default(),
            "description_localizations": command["description_localizations"],
            "default_member_permissions": command["default_member_permissions"].as_u64().map_or_else(
                || command["default_member_permissions"].clone(), |bits| json!(bits.to_string())),
            "nsfw": command["nsfw"].as_bool().unwrap_or(false),
        });
        if let Some(guild) = scope {
            stored["guild_id"] = json!(guild);
        }
        for name in ["contexts", "integration_types", "dm_permission"] {
            if !command[name].is_null() {
                stored[name] = command[name].clone();
            }
        }
        let options = list(&command["options"]);
        if !options.is_empty() {
            stored["options"] = options.iter().map(stored_option).collect();
        }
        stored
    }
}

/// An option without its nulls and empty lists, as Discord gives it back.
fn stored_option(option: &Value) -> Value {
    let mut stored = option.clone();
    if let Some(object) = stored.as_object_mut() {
        object.retain(|_, value| {
            !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty())
        });
        if let Some(options) = object.get_mut("options").and_then(Value::as_array_mut) {
            *options = options.iter().map(stored_option).collect();
        }
    }
    stored
}

fn kind_of(command: &Value) -> u64 {
    command["type"].as_u64().unwrap_or(1)
}

fn check_commands(commands: &[Value]) -> Faults {
    let mut faults = Faults::default();
    let mut seen = BTreeSet::new();
    for (kind, max) in [(1, 100), (2, 15), (3, 15)] {
        if commands
            .iter()
            .filter(|command| kind_of(command) == kind)
            .count()
            > max
        {
            faults.add(
                "_",
                "APPLICATION_COMMANDS_MAX",
                format!("Must be {max} or fewer commands of type {kind}."),
            );
        }
    }
    for (place, command) in commands.iter().enumerate() {
        let path = place.to_string();
        let name = command["name"].as_str().unwrap_or_default().to_owned();
        if !seen.insert((kind_of(command), name)) {
            faults.add(
                format!("{path}.name"),
                "APPLICATION_COMMANDS_DUPLICATE_NAME",
                "Application command names must be unique",
            );
        }
        if kind_of(command) == 1 {
            check_named(&path, command, &mut faults);
            check_options(&path, command, 0, &mut faults);
        }
        if characters(command) > COMMAND_CHARS_MAX {
            faults.add(
                path,
                "APPLICATION_COMMAND_TOO_LARGE",
                "Command exceeds maximum size (8000)",
            );
        }
    }
    faults
}

fn check_named(path: &str, part: &Value, faults: &mut Faults) {
    let name = part["name"].as_str().unwrap_or_default();
    let good = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '\'');
    let length = name.chars().count();
    if !(1..=32).contains(&length) || !name.chars().all(good) || name.to_lowercase() != name {
        faults.add(
            format!("{path}.name"),
            "APPLICATION_COMMAND_INVALID_NAME",
            "Command name is invalid",
        );
    }
    let length = part["description"]
        .as_str()
        .unwrap_or_default()
        .chars()
        .count();
    if !(1..=100).contains(&length) {
        faults.add(
            format!("{path}.description"),
            "BASE_TYPE_BAD_LENGTH",
            "Must be between 1 and 100 in length.",
        );
    }
}

fn check_options(path: &str, part: &Value, depth: usize, faults: &mut Faults) {
    let options = list(&part["options"]);
    if options.len() > 25 {
        faults.add(
            format!("{path}.options"),
            "BASE_TYPE_MAX_LENGTH",
            "Must be 25 or fewer in length.",
        );
    }
    let mut names = BTreeSet::new();
    let mut optional_seen = false;
    let groups = options
        .iter()
        .filter(|option| matches!(option["type"].as_u64(), Some(1 | 2)))
        .count();
    if groups > 0 && groups < options.len() {
        faults.add(
            format!("{path}.options"),
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
            "Sub-commands and options cannot be mixed",
        );
    }
    for (place, option) in options.iter().enumerate() {
        let here = format!("{path}.options.{place}");
        check_named(&here, option, faults);
        if !names.insert(option["name"].as_str().unwrap_or_default().to_owned()) {
            faults.add(
                format!("{here}.name"),
                "APPLICATION_COMMAND_OPTIONS_NAME_DUPLICATE",
                "Option names must be unique",
            );
        }
        match option["type"].as_u64() {
            Some(kind @ (1 | 2)) => {
                // group (2) > sub-command (1) > options, and a sub-command may stand at the top.
                if depth > 1 || (kind == 2 && depth > 0) {
                    faults.add(
                        format!("{here}.type"),
                        "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
                        "Nested too deeply",
                    );
                }
                check_options(&here, option, if kind == 2 { 1 } else { 2 }, faults);
            }
            _ => check_value_option(&here, option, &mut optional_seen, faults),
        }
    }
}

fn check_value_option(path: &str, option: &Value, optional_seen: &mut bool, faults: &mut Faults) {
    let required = option["required"] == true;
    if required && *optional_seen {
        let message = "Required options must be placed before non-required options";
        faults.add(
            path,
            "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
            message,
        );
    }
    *optional_seen |= !required;
    let choices = list(&option["choices"]);
    if choices.len() > 25 {
        faults.add(
            format!("{path}.choices"),
            "BASE_TYPE_MAX_LENGTH",
            "Must be 25 or fewer in length.",
        );
    }
    if !choices.is_empty() && option["autocomplete"] == true {
        faults.add(
            path,
            "APPLICATION_COMMAND_OPTIONS_CHOICES_AUTOCOMPLETE",
            "Choices and autocomplete exclude each other",
        );
    }
    for (place, choice) in choices.iter().enumerate() {
        let length = choice["name"].as_str().unwrap_or_default().chars().count();
        if !(1..=100).contains(&length) {
            faults.add(
                format!("{path}.choices.{place}.name"),
                "BASE_TYPE_BAD_LENGTH",
                "Must be between 1 and 100 in length.",
            );
        }
    }
}

/// Characters of names, descriptions and string values, the longest localisation of each.
fn characters(part: &Value) -> usize {
    let longest = |name: &str| {
        let localised = part[format!("{name}_localizations")]
            .as_object()
            .into_iter()
            .flatten();
        let lengths = localised
            .filter_map(|(_, text)| text.as_str())
            .map(|text| text.chars().count());
        lengths
            .chain(part[name].as_str().map(|text| text.chars().count()))
            .max()
            .unwrap_or(0)
    };
    let value = part["value"]
        .as_str()
        .map_or(0, |text| text.chars().count());
    let inner = list(&part["options"])
        .iter()
        .chain(list(&part["choices"]))
        .map(characters);
    longest("name") + longest("description") + value + inner.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(commands: &Value) -> Vec<&'static str> {
        check_commands(list(commands))
            .0
            .iter()
            .map(|fault| fault.code)
            .collect()
    }

    #[test]
    fn a_plain_command_is_fine() {
        assert!(codes(&json!([{ "name": "status", "description": "How things are" }])).is_empty());
    }

    #[test]
    fn capital_letters_duplicates_and_empty_descriptions_are_found() {
        let commands = json!([{ "name": "Status", "description": "a" }, { "name": "a", "description": "" }, { "name": "a", "description": "b" }]);
        assert_eq!(
            codes(&commands),
            [
                "APPLICATION_COMMAND_INVALID_NAME",
                "BASE_TYPE_BAD_LENGTH",
                "APPLICATION_COMMANDS_DUPLICATE_NAME"
            ]
        );
    }

    #[test]
    fn required_options_come_first() {
        let options = json!([{ "type": 3, "name": "a", "description": "a" }, { "type": 3, "name": "b", "description": "b", "required": true }]);
        assert_eq!(
            codes(&json!([{ "name": "x", "description": "x", "options": options }])),
            ["APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID"]
        );
    }
}
