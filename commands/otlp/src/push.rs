//! Pushing: every few seconds what there is, until the process ends.

use std::{convert::Infallible, fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceResponse, trace::v1::ExportTraceServiceResponse},
    trace::v1::Span,
};
use prometheus::proto::MetricFamily;
use prost::Message as _;
use reqwest::{Client, StatusCode, header::CONTENT_TYPE};
use steward::config::OtlpConfig;
use thiserror::Error;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::{
    metric, now_ns,
    span::{self, Ended, Spans},
};

/// Between two pushes of metrics.
const METRICS_EVERY: Duration = Duration::from_secs(30);
/// Between two pushes of spans.
const SPANS_EVERY: Duration = Duration::from_secs(5);
/// Spans of one request.
const BATCH_MAX: usize = 512;
/// Spans that are kept while the collector does not answer; the oldest are given up first.
const KEPT_MAX: usize = 4_096;
/// Longest wait for the collector; the specification's default.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest wait when the process ends.
const LAST_PATIENCE: Duration = Duration::from_secs(3);
/// Most of an answer that is read: it holds a number and a sentence.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The families of metrics as they stand; `None` where they cannot be had.
pub type Families =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Option<Vec<MetricFamily>>> + Send>> + Send + Sync>;

/// Why a push failed. Addresses are left out: they may hold a key.
#[derive(Debug, Error)]
pub enum PushError {
    /// Nothing came back.
    #[error("the collector does not answer: {0}")]
    Lost(String),
    /// It refuses for now.
    #[error("the collector refuses for now: {0}")]
    Later(StatusCode),
    /// It refuses for good.
    #[error("the collector refuses what is sent: {0}")]
    Refused(StatusCode),
    /// It took only a part.
    #[error("the collector rejected {rejected}: {words}")]
    Partly {
        /// How many.
        rejected: i64,
        /// Its words.
        words: String,
    },
}

impl PushError {
    /// Whether the same may be tried again.
    const fn is_passing(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Later(_))
    }
}

/// Pushes to one collector.
pub struct Exporter {
    client: Client,
    config: OtlpConfig,
    ended: Ended,
    kept: Vec<Span>,
    began_ns: u64,
    is_failing: bool,
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter").finish_non_exhaustive()
    }
}

impl Exporter {
    /// An exporter, and the layer whose spans it pushes.
    ///
    /// # Errors
    /// [`PushError::Lost`] where no client can be made.
    pub fn new(config: &OtlpConfig) -> Result<(Self, Spans), PushError> {
        let client = Client::builder()
            .timeout(PATIENCE)
            .default_headers(config.headers())
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| PushError::Lost(error.without_url().to_string()))?;
        let (layer, ended) = Spans::new();
        let exporter = Self {
            client,
            config: config.clone(),
            ended,
            kept: Vec::new(),
            began_ns: now_ns(),
            is_failing: false,
        };
        Ok((exporter, layer))
    }

    /// Pushes until `token` is cancelled, then once more what is there.
    ///
    /// # Errors
    /// Never: a collector that fails is no reason to end.
    pub async fn run(
        mut self,
        families: Families,
        token: CancellationToken,
    ) -> Result<(), Infallible> {
        let mut spans = tokio::time::interval(SPANS_EVERY);
        let mut metrics = tokio::time::interval(METRICS_EVERY);
        spans.set_missed_tick_behavior(MissedTickBehavior::Delay);
        metrics.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = token.cancelled() => break,
                _ = spans.tick() => self.push_spans().await,
                _ = metrics.tick() => self.push_metrics(&families).await,
            }
        }
        let last = async {
            self.push_spans().await;
            self.push_metrics(&families).await;
        };
        // What is not taken by then is not missed by anybody.
        drop(tokio::time::timeout(LAST_PATIENCE, last).await);
        Ok(())
    }

    async fn push_metrics(&mut self, families: &Families) {
        let Some(families) = families().await else {
            return;
        };
        let over = metric::Span {
            from_ns: self.began_ns,
            to_ns: now_ns(),
        };
        let request = metric::request(&families, over);
        let pushed = self.post("v1/metrics", request.encode_to_vec()).await;
        let pushed = pushed.and_then(|answer| {
            let told = ExportMetricsServiceResponse::decode(answer.as_slice()).unwrap_or_default();
            partly(
                told.partial_success
                    .map(|of| (of.rejected_data_points, of.error_message)),
            )
        });
        self.note("metrics", pushed);
    }

    async fn push_spans(&mut self) {
        while let Ok(span) = self.ended.spans.try_recv() {
            self.kept.push(span);
        }
        let over = self.kept.len().saturating_sub(KEPT_MAX);
        self.kept.drain(..over);
        let given_up = self
            .ended
            .take_dropped()
            .saturating_add(over.try_into().unwrap_or(u64::MAX));
        if given_up > 0 {
            tracing::warn!(
                spans = given_up,
                "spans were given up: the collector takes too few"
            );
        }
        while !self.kept.is_empty() {
            let many = self.kept.len().min(BATCH_MAX);
            let batch = self.kept.get(..many).unwrap_or_default();
            let request = span::request(batch);
            let pushed = self.post("v1/traces", request.encode_to_vec()).await;
            let pushed = pushed.and_then(|answer| {
                let told =
                    ExportTraceServiceResponse::decode(answer.as_slice()).unwrap_or_default();
                partly(
                    told.partial_success
                        .map(|of| (of.rejected_spans, of.error_message)),
                )
            });
            let is_kept = pushed.as_ref().is_err_and(PushError::is_passing);
            self.note("spans", pushed);
            if is_kept {
                return;
            }
            self.kept.drain(..many);
        }
    }

    async fn post(&self, path: &str, body: Vec<u8>) -> Result<Vec<u8>, PushError> {
        let lost =
            |error: reqwest::Error| PushError::Lost(steward::tasks::chain_of(&error.without_url()));
        let url = format!("{}/{path}", self.config.endpoint);
        let request = self.client.post(url).body(body);
        let request = request.header(CONTENT_TYPE, "application/x-protobuf");
        let mut response = request.send().await.map_err(lost)?;
        match response.status() {
            status if status.is_success() => {}
            status @ (StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => return Err(PushError::Later(status)),
            status => return Err(PushError::Refused(status)),
        }
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if answer.len() + chunk.len() > ANSWER_BYTES_MAX {
                break;
            }
            answer.extend_from_slice(&chunk);
        }
        Ok(answer)
    }

    /// Says once that pushing fails, and once that it works again.
    fn note(&mut self, what: &str, pushed: Result<(), PushError>) {
        match pushed {
            Ok(()) if self.is_failing => {
                self.is_failing = false;
                tracing::info!("the collector takes metrics and traces again");
            }
            Err(error) if !self.is_failing => {
                self.is_failing = true;
                tracing::warn!(%error, what, "not pushed by OTLP; see OTEL_EXPORTER_OTLP_ENDPOINT");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

fn partly(told: Option<(i64, String)>) -> Result<(), PushError> {
    match told {
        Some((rejected, words)) if rejected > 0 => Err(PushError::Partly { rejected, words }),
        _ => Ok(()),
    }
}
