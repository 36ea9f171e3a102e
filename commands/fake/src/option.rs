//! The options of a command as a person fills them in: only what the registered command allows.

use serde_json::{Map, Value, json};

use crate::form::list;
use crate::people::{Impossible, impossible};

/// Builds the options of a command use, down the path of sub-commands.
pub(crate) fn fill(
    part: &Value,
    words: &[&str],
    given: &Value,
    focused: Option<&str>,
) -> Result<Value, Impossible> {
    let options = list(&part["options"]);
    let nested = options
        .iter()
        .any(|option| matches!(option["type"].as_u64(), Some(1 | 2)));
    if let Some((word, rest)) = words.split_first() {
        let Some(option) = options
            .iter()
            .find(|option| option["name"] == *word && nested)
        else {
            return impossible(format!("no sub-command {word:?}"));
        };
        let inner = fill(option, rest, given, focused)?;
        return Ok(json!([{ "name": word, "type": option["type"], "options": inner }]));
    }
    if nested {
        return impossible("a sub-command must be named");
    }
    let empty = Map::new();
    let given = given.as_object().unwrap_or(&empty);
    if let Some(unknown) = given
        .keys()
        .find(|name| options.iter().all(|option| option["name"] != name.as_str()))
    {
        return impossible(format!("no option {unknown:?}"));
    }
    let mut filled = Vec::new();
    for option in options {
        let name = option["name"].as_str().unwrap_or_default();
        let Some(value) = given.get(name) else {
            if option["required"] == true && focused.is_none() {
                return impossible(format!("option {name:?} is required"));
            }
            continue;
        };
        let has_focus = focused == Some(name);
        if !has_focus {
            check_value(option, value)?;
        }
        let mut one = json!({ "name": name, "type": option["type"], "value": value });
        if has_focus {
            if option["autocomplete"] != true {
                return impossible(format!("option {name:?} has no autocomplete"));
            }
            one["focused"] = json!(true);
            // What is being typed is text, whatever the option's type.
            one["value"] = json!(
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), ToOwned::to_owned)
            );
        }
        filled.push(one);
    }
    Ok(Value::Array(filled))
}

fn check_value(option: &Value, value: &Value) -> Result<(), Impossible> {
    let fits = match option["type"].as_u64() {
        Some(3) => value.is_string(),
        Some(4) => value.is_i64() || value.is_u64(),
        Some(5) => value.is_boolean(),
        Some(10) => value.is_number(),
        _ => value.is_string(),
    };
    let name = &option["name"];
    if !fits {
        return impossible(format!("option {name} does not take {value}"));
    }
    let choices = list(&option["choices"]);
    if !choices.is_empty() && choices.iter().all(|choice| choice["value"] != *value) {
        return impossible(format!("{value} is not a choice of {name}"));
    }
    if let Some(number) = value.as_f64() {
        let below = option["min_value"].as_f64().is_some_and(|min| number < min);
        let above = option["max_value"].as_f64().is_some_and(|max| number > max);
        if below || above {
            return impossible(format!("{value} is out of the range of {name}"));
        }
    }
    if let Some(text) = value.as_str() {
        let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        let below = option["min_length"]
            .as_u64()
            .is_some_and(|min| length < min);
        if below || length > option["max_length"].as_u64().unwrap_or(6000) {
            return impossible(format!("{value} has the wrong length for {name}"));
        }
    }
    Ok(())
}
