//! Checks requests and answers against Discord's own OpenAPI document, when its path is told.
//!
//! The path comes from the environment variable [`VARIABLE`]. Without it the check is off, and that is said once on
//! stderr. The document is loosened in two places, as its README allows: integers may be strings of digits
//! (permissions are sent so), and ids may be numbers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::Validator;
use serde_json::{Value, json};

/// The environment variable with the path of the document.
pub const VARIABLE: &str = "STEWARD_DISCORD_OPENAPI";

type Compiled = HashMap<(usize, String), Option<Arc<Validator>>>;

/// The loaded document with its compiled validators, shared by the whole process.
pub(crate) struct OpenApi {
    components: Value,
    operations: Vec<Operation>,
    compiled: Mutex<Compiled>,
}

struct Operation {
    method: String,
    steps: Vec<String>,
    value: Value,
}

/// The document of this process, loaded on first use; `None` when the check is off.
pub(crate) fn document() -> Option<&'static OpenApi> {
    static DOCUMENT: OnceLock<Option<OpenApi>> = OnceLock::new();
    DOCUMENT.get_or_init(load).as_ref()
}

fn load() -> Option<OpenApi> {
    let Some(path) = std::env::var_os(VARIABLE) else {
        eprintln!(
            "fake: {VARIABLE} is not set: requests are NOT checked against Discord's OpenAPI document"
        );
        return None;
    };
    match std::fs::read(&path)
        .map_err(|error| error.to_string())
        .and_then(|bytes| OpenApi::parse(&bytes))
    {
        Ok(document) => Some(document),
        // A path that is set and wrong must not pass as "checked".
        Err(error) => panic!("{VARIABLE} = {}: {error}", path.display()),
    }
}

impl OpenApi {
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut document: Value =
            serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        loosen(&mut document);
        let snowflake = &mut document["components"]["schemas"]["SnowflakeType"];
        if let Some(object) = snowflake.as_object_mut() {
            object.insert("type".to_owned(), json!(["string", "integer"]));
        }
        let mut operations = Vec::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for (method, value) in item.as_object().into_iter().flatten() {
                operations.push(Operation {
                    method: method.to_uppercase(),
                    steps: path.split('/').map(ToOwned::to_owned).collect(),
                    value: value.clone(),
                });
            }
        }
        if operations.is_empty() {
            return Err("no paths in it".to_owned());
        }
        let components = document["components"].take();
        Ok(Self {
            components,
            operations,
            compiled: Mutex::default(),
        })
    }

    /// Whether the document has this operation.
    pub(crate) fn knows(&self, method: &str, path: &str) -> bool {
        self.operation(method, path).is_some()
    }

    /// What is wrong with the JSON body of a request; an empty list is fine.
    pub(crate) fn check_request(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Vec<String> {
        let (Some(number), Some(body)) = (self.operation(method, path), body) else {
            return Vec::new();
        };
        self.check(number, "request", body, |operation| {
            operation["requestBody"]["content"]["application/json"].get("schema")
        })
    }

    /// What is wrong with an answer of the fake; an empty list is fine.
    pub(crate) fn check_answer(
        &self,
        method: &str,
        path: &str,
        status: u16,
        body: Option<&Value>,
    ) -> Vec<String> {
        let (Some(number), Some(body)) = (self.operation(method, path), body) else {
            return Vec::new();
        };
        self.check(number, &status.to_string(), body, |operation| {
            operation["responses"][status.to_string()]["content"]["application/json"].get("schema")
        })
    }

    fn check(
        &self,
        number: usize,
        part: &str,
        body: &Value,
        schema: impl Fn(&Value) -> Option<&Value>,
    ) -> Vec<String> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let validator = compiled
            .entry((number, part.to_owned()))
            .or_insert_with(|| {
                let schema = schema(&self.operations.get(number)?.value)?;
                let whole = json!({ "components": self.components, "allOf": [schema] });
                let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012);
                match options.should_validate_formats(true).build(&whole) {
                    Ok(validator) => Some(Arc::new(validator)),
                    Err(error) => {
                        panic!("the schema of operation {number} does not compile: {error}")
                    }
                }
            });
        let Some(validator) = validator.clone() else {
            return Vec::new();
        };
        drop(compiled);
        validator
            .iter_errors(body)
            .map(|error| {
                let text: String = error.to_string().chars().take(400).collect();
                format!("{}: {text}", error.instance_path())
            })
            .collect()
    }

    /// The operation of a concrete path: of those that fit, the one with the fewest parameters.
    fn operation(&self, method: &str, path: &str) -> Option<usize> {
        let steps: Vec<&str> = path.split('/').collect();
        let fits = |operation: &Operation| {
            operation.method == method
                && operation.steps.len() == steps.len()
                && operation
                    .steps
                    .iter()
                    .zip(&steps)
                    .all(|(known, step)| known.starts_with('{') || known == step)
        };
        let parameters = |operation: &Operation| {
            operation
                .steps
                .iter()
                .filter(|step| step.starts_with('{'))
                .count()
        };
        let found = self
            .operations
            .iter()
            .enumerate()
            .filter(|(_, operation)| fits(operation));
        found
            .min_by_key(|(_, operation)| parameters(operation))
            .map(|(number, _)| number)
    }
}

/// Lets every integer also be a string of digits.
fn loosen(value: &mut Value) {
    match value {
        Value::Object(object) => {
            let kind = object.get("type").cloned();
            let mut kinds = match kind {
                Some(Value::String(one)) => vec![Value::String(one)],
                Some(Value::Array(many)) => many,
                _ => Vec::new(),
            };
            if kinds.contains(&json!("integer")) && !kinds.contains(&json!("string")) {
                kinds.push(json!("string"));
                object.insert("type".to_owned(), Value::Array(kinds));
                object.insert("pattern".to_owned(), json!("^-?[0-9]+$"));
            }
            object.values_mut().for_each(loosen);
        }
        Value::Array(items) => items.iter_mut().for_each(loosen),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> OpenApi {
        let amount = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] });
        let id = json!({ "$ref": "#/components/schemas/SnowflakeType" });
        let body = |schema: &Value| json!({ "requestBody": { "content": { "application/json": { "schema": schema } } } });
        let paths = json!({ "/a/{b}": { "post": body(&amount) }, "/a/@me": { "post": body(&id) } });
        let snowflake = json!({ "type": "string", "pattern": "^[0-9]+$" });
        let components = json!({ "schemas": { "SnowflakeType": snowflake } });
        let whole = json!({ "paths": paths, "components": components });
        OpenApi::parse(whole.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn integers_may_be_digits_and_ids_may_be_numbers() {
        let document = document();
        let wrong =
            |path: &str, body: Value| document.check_request("POST", path, Some(&body)).len();
        assert_eq!(
            (
                wrong("/a/1", json!({ "n": 1 })),
                wrong("/a/1", json!({ "n": "8" }))
            ),
            (0, 0)
        );
        assert_eq!(
            (
                wrong("/a/1", json!({ "n": "eight" })),
                wrong("/a/1", json!({}))
            ),
            (1, 1)
        );
        assert_eq!(
            (wrong("/a/@me", json!(5)), wrong("/a/@me", json!("x"))),
            (0, 1)
        );
    }

    #[test]
    fn the_path_with_the_fewest_parameters_rules() {
        let document = document();
        assert!(
            document.knows("POST", "/a/7")
                && !document.knows("GET", "/a/7")
                && !document.knows("POST", "/a")
        );
        assert_eq!(
            document.check_request("POST", "/a/@me", Some(&json!("5"))),
            Vec::<String>::new()
        );
    }
}
