//! What is logged, and how.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
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

const OTLP_ENDPOINT: Variable = Variable {
    name: "OTEL_EXPORTER_OTLP_ENDPOINT",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Optional("nothing is pushed"),
    doc: "The collector that metrics and traces are pushed to by OTLP (HTTP, protobuf): metrics every 30 s, one trace from each block to its messages. Needs a build with this feature (cargo build --release --features steward-commands/otlp).",
    example: "http://127.0.0.1:4318",
};

const OTLP_HEADERS: Variable = Variable {
    name: "OTEL_EXPORTER_OTLP_HEADERS",
    scope: Scope::Process,
    is_secret: true,
    presence: Presence::Optional("the collector is sent no header"),
    doc: "Headers for the collector, as name=value, separated by commas: where it asks for a key.",
    example: "authorization=Basic dXNlcjprZXk",
};

pub(super) const SECTION: Section = Section {
    title: "Logs and collectors",
    intro: "Neither logs nor what is pushed ever hold secrets.",
    variables: &[&LOG, &LOG_FORMAT, &OTLP_ENDPOINT, &OTLP_HEADERS],
};

/// Where metrics and traces are pushed to.
#[derive(Debug, Clone)]
pub struct OtlpConfig {
    /// Address of the collector, without a slash at its end.
    pub endpoint: String,
    headers: Option<SecretString>,
}

impl OtlpConfig {
    /// The headers that it asks for.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        let headers = self
            .headers
            .as_ref()
            .map(|text| parse_headers(text.expose_secret()));
        headers.flatten().unwrap_or_default()
    }
}

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    /// A filter as `tracing_subscriber::EnvFilter` takes it; checked.
    pub filter: String,
    /// How lines look.
    pub format: LogFormat,
    /// Where metrics and traces are pushed to; `None` = nowhere.
    pub otlp: Option<OtlpConfig>,
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
    let endpoint = reader.value(&OTLP_ENDPOINT, parse_endpoint);
    let headers = reader.secret(&OTLP_HEADERS, |text| match parse_headers(text) {
        Some(_) => Ok(()),
        None => Err(Fault::new(
            "is no list of headers (the value is not shown)",
            format!(
                "Write name=value, separated by commas, such as {}",
                OTLP_HEADERS.example
            ),
        )),
    });
    if let (Some(endpoint), Some(_)) = (&endpoint, &headers)
        && value::http_url(endpoint).is_some_and(|url| value::is_unencrypted(&url))
    {
        let fault = Fault::new(
            "is set, and OTEL_EXPORTER_OTLP_ENDPOINT would send it unencrypted over the network",
            "Use https:// there, or a collector on this machine.",
        );
        reader.problem(OTLP_HEADERS.name.to_owned(), &OTLP_HEADERS, fault);
    }
    Some(TelemetryConfig {
        filter: filter?,
        format: format?,
        otlp: endpoint.map(|endpoint| OtlpConfig { endpoint, headers }),
    })
}

fn parse_endpoint(text: &str) -> Result<String, Fault> {
    let hint = " A key belongs into OTEL_EXPORTER_OTLP_HEADERS.";
    let url = value::bare_url(text, OTLP_ENDPOINT.example, hint)?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// `name=value,name=value`; no header of it is ever shown.
fn parse_headers(text: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let name: HeaderName = name.trim().parse().ok()?;
        let mut value: HeaderValue = value.trim().replace("%20", " ").parse().ok()?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_collectors_document_them_and_shown_nowhere() {
        let headers = parse_headers("Authorization=Basic%20dXNlcjprZXk==, x-team = chain").unwrap();
        assert_eq!(headers["authorization"], "Basic dXNlcjprZXk==");
        assert_eq!(headers["x-team"], "chain");
        assert!(!format!("{headers:?}").contains("dXNl"), "{headers:?}");
        assert!(parse_headers("Authorization").is_none());
        assert!(parse_headers("a b=c").is_none());
    }

    #[test]
    fn an_endpoint_is_an_address_without_a_key() {
        assert_eq!(
            parse_endpoint("https://otlp.example/otlp/").unwrap(),
            "https://otlp.example/otlp"
        );
        for wrong in [
            "127.0.0.1:4318",
            "https://key@otlp.example",
            "https://otlp.example/?key=1",
        ] {
            let fault = parse_endpoint(wrong).unwrap_err();
            assert!(!fault.what.contains("key"), "{}", fault.what);
        }
    }
}
