//! What is logged, and how.

use tracing_subscriber::EnvFilter;

use super::{
    problem::Fault,
    reader::Reader,
    value,
    variable::{Presence, Scope, Section, Variable},
};

const LOG: Variable = Variable {
    name: "LOG",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Default("info,serenity=warn"),
    doc: "What is logged: error, warn, info, debug or trace, or a filter per module such as info,steward::chain=debug. Of the Discord library, only warnings are by default. Logs go to standard error.",
    example: "info",
};

const LOG_FORMAT: Variable = Variable {
    name: "LOG_FORMAT",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Default("text"),
    doc: "How it is logged: text for people, json for collectors.",
    example: "json",
};

pub(super) const SECTION: Section = Section {
    title: "Logs",
    intro: "Logs never hold secrets.",
    variables: &[&LOG, &LOG_FORMAT],
};

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryConfig {
    /// A filter as `tracing_subscriber::EnvFilter` takes it; checked.
    pub filter: String,
    /// How lines look.
    pub format: LogFormat,
}

/// How lines of the log look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Reads the whole topic.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<TelemetryConfig> {
    let filter = reader.value(&LOG, |text| match EnvFilter::builder().parse(text) {
        Ok(_filter) => Ok(text.to_owned()),
        Err(error) => Err(Fault::new(
            format!("is {}, which is no filter: {error}", value::quoted(text)),
            "Write error, warn, info, debug or trace.",
        )),
    });
    let format = reader.value(&LOG_FORMAT, |text| match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(Fault::new(
            format!("is {}", value::quoted(text)),
            "Write text or json.",
        )),
    });
    Some(TelemetryConfig {
        filter: filter?,
        format: format?,
    })
}
