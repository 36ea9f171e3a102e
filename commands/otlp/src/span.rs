//! Spans of `steward::trace` as OTLP's.
//!
//! A span that names a trace belongs to the root of that trace; one that names none belongs to the span around it. The root
//! itself, `block`, is written when a block is committed, with the id that its trace was given: however often a block was
//! tried before, it is there once.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value},
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::SpanKind, status::StatusCode},
};
use tokio::sync::mpsc;
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use crate::{attribute, now_ns, resource, scope, text};

/// Spans that wait to be pushed: some minutes of a long catch-up.
const WAITING_MAX: usize = 4_096;
/// Hexadecimal digits of a trace's id; its root's follow.
const TRACE_DIGITS: usize = 32;

/// Hears spans, and hands those that ended to an exporter.
#[derive(Debug, Clone)]
pub struct Spans {
    ended: mpsc::Sender<Span>,
    dropped: Arc<AtomicU64>,
    next: Arc<AtomicU64>,
}

/// Where ended spans come out.
#[derive(Debug)]
pub struct Ended {
    /// The spans.
    pub spans: mpsc::Receiver<Span>,
    dropped: Arc<AtomicU64>,
}

impl Ended {
    /// How many spans found no room since it was asked last.
    #[must_use]
    pub fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }
}

/// A span that goes on.
#[derive(Debug)]
struct Open {
    span: Span,
    /// The id of its trace's root.
    root: Vec<u8>,
    is_committed: bool,
}

impl Spans {
    /// A layer, and where its spans come out.
    #[must_use]
    pub fn new() -> (Self, Ended) {
        let (ended, spans) = mpsc::channel(WAITING_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let layer = Self {
            ended,
            dropped: Arc::clone(&dropped),
            // Ids of two processes must not meet: they count on from the moment of start.
            next: Arc::new(AtomicU64::new(now_ns())),
        };
        (layer, Ended { spans, dropped })
    }

    fn next_id(&self) -> Vec<u8> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        next.to_be_bytes().to_vec()
    }

    fn hand_over(&self, span: Span) {
        if self.ended.try_send(span).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let Some(this) = ctx.span(id) else { return };
        let mut told = Told::default();
        attributes.record(&mut told);
        let named = told.trace.as_deref().and_then(read);
        let around = this.parent().and_then(|around| {
            let extensions = around.extensions();
            let open = extensions.get::<Open>()?;
            let place = (open.span.trace_id.clone(), open.root.clone());
            Some((place, open.span.span_id.clone()))
        });
        let ((trace, root), parent) = match (named, around) {
            (Some((trace, root)), _) => ((trace, root.clone()), root),
            (None, Some(around)) => around,
            (None, None) => return,
        };
        let span = Span {
            trace_id: trace,
            span_id: self.next_id(),
            parent_span_id: parent,
            name: told.name.unwrap_or_else(|| this.name().to_owned()),
            kind: SpanKind::Internal.into(),
            start_time_unix_nano: now_ns(),
            attributes: told.attributes,
            ..Span::default()
        };
        this.extensions_mut().insert(Open {
            span,
            root,
            is_committed: false,
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        let Some(this) = ctx.span(id) else { return };
        let mut extensions = this.extensions_mut();
        let Some(open) = extensions.get_mut::<Open>() else {
            return;
        };
        let mut told = Told::default();
        values.record(&mut told);
        open.span.attributes.extend(told.attributes);
        open.is_committed |= told.is_committed;
        if let Some(message) = told.error {
            open.span.status = Some(Status {
                message,
                code: StatusCode::Error.into(),
            });
        }
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        let Some(this) = ctx.span(&id) else { return };
        let Some(open) = this.extensions_mut().remove::<Open>() else {
            return;
        };
        let mut span = open.span;
        span.end_time_unix_nano = now_ns();
        if open.is_committed {
            self.hand_over(Span {
                span_id: open.root,
                parent_span_id: Vec::new(),
                name: "block".to_owned(),
                kind: SpanKind::Consumer.into(),
                ..span.clone()
            });
        }
        self.hand_over(span);
    }
}

/// Reads the name of a trace: its id, and that of its root.
fn read(name: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let bytes = |digits: &str| -> Option<Vec<u8>> {
        let pairs = (0..digits.len()).step_by(2);
        pairs
            .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
            .collect()
    };
    let (trace, root) = name.split_at_checked(TRACE_DIGITS)?;
    (root.len() == 16).then_some((bytes(trace)?, bytes(root)?))
}

/// What the fields of a span say.
#[derive(Debug, Default)]
struct Told {
    trace: Option<String>,
    name: Option<String>,
    error: Option<String>,
    is_committed: bool,
    attributes: Vec<KeyValue>,
}

impl Told {
    fn words(&mut self, field: &Field, value: &str) {
        match field.name() {
            "trace" => self.trace = Some(value.to_owned()),
            "otel.name" => self.name = Some(value.to_owned()),
            "error" => self.error = Some(value.to_owned()),
            name => self.attributes.push(attribute(name, text(value))),
        }
    }
}

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.words(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.words(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        let value = match i64::try_from(value) {
            Ok(value) => any_value::Value::IntValue(value),
            // An id of Discord may need the last bit, which OTLP has not.
            Err(_) => text(&value.to_string()),
        };
        self.attributes.push(attribute(field.name(), value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.is_committed |= value && field.name() == "committed";
        let value = any_value::Value::BoolValue(value);
        self.attributes.push(attribute(field.name(), value));
    }
}

/// The request that carries spans.
#[must_use]
pub fn request(spans: &[Span]) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: resource(),
            scope_spans: vec![ScopeSpans {
                scope: scope(),
                spans: spans.to_vec(),
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}
