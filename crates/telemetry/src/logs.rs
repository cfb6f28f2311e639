//! Setting up logs and traces, once per process: lines for people on a terminal, JSON elsewhere, spans to a collector only
//! where one is configured.

use std::io::IsTerminal;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use prometheus_client::metrics::counter::Counter;
use tracing_subscriber::filter::{Directive, ParseError};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer};

mod counted_exporter;
mod json_line;

use counted_exporter::CountedExporter;
use json_line::JsonLine;

/// How long a batch of spans may take to reach the collector.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the end of the process waits for the last batch.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);
/// Libraries that would log what is counted or handled elsewhere: a collector that does not answer is a metric, not an
/// ERROR per batch.
const QUIET: [&str; 6] = ["opentelemetry=off", "opentelemetry_sdk=off", "opentelemetry-otlp=off", "h2=warn", "hyper=warn", "tower=warn"];

/// What an operator chooses.
#[derive(Debug, Clone)]
pub struct Config {
    /// Levels by target, e.g. `info` or `info,sandbox=debug`.
    pub filter: String,
    /// How lines look.
    pub format: Format,
    /// Where spans go, e.g. `http://127.0.0.1:4317`; `None` sends none.
    pub otlp_endpoint: Option<String>,
    /// Names this process among others of its service.
    pub instance: String,
}

/// How log lines look. They go to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people on a terminal, else JSON.
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Logs and traces of this process; [`Telemetry::shutdown`] delivers the last spans.
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

/// Why logs and traces could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter cannot be read.
    #[error("`{filter}` is not a log filter; use a level such as `info`, or `info,sandbox=debug`")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: ParseError,
    },
    /// The collector's address cannot be used.
    #[error("`{endpoint}` cannot be used as the address of an OTLP collector")]
    Endpoint {
        /// What was given.
        endpoint: String,
        /// What is wrong with it.
        #[source]
        source: opentelemetry_otlp::ExporterBuildError,
    },
    /// Somebody else has set up logging in this process.
    #[error("logging is set up already")]
    Twice(#[from] TryInitError),
}

/// Checks a filter without using it.
///
/// # Errors
/// [`Error::Filter`].
pub fn check_filter(filter: &str) -> Result<(), Error> {
    parse_filter(filter).map(drop)
}

impl Telemetry {
    /// Sets up logs and traces of the process. With a collector, call it on a tokio runtime.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn start(config: &Config, spans_dropped: Counter) -> Result<Self, Error> {
        let filter = parse_filter(&config.filter)?;
        let provider = config.otlp_endpoint.as_deref().map(|endpoint| provider(endpoint, &config.instance, spans_dropped)).transpose()?;
        let traces = provider.as_ref().map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("zona")));
        tracing_subscriber::registry()
            .with(traces.with_filter(quiet(EnvFilter::new("info"))))
            .with(lines(config.format).with_filter(filter))
            .try_init()?;
        Ok(Telemetry { provider })
    }

    /// Delivers the last spans, within a second. Blocks.
    pub fn shutdown(self) {
        if let Some(provider) = self.provider {
            // A collector that is gone has been counted; the end of the process does not depend on it.
            let _ = provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT);
        }
    }
}

fn lines<S>(format: Format) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a> + Send + Sync,
{
    let on_terminal = std::io::stderr().is_terminal();
    let for_people = match format {
        Format::Auto => on_terminal,
        Format::Text => true,
        Format::Json => false,
    };
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    if for_people {
        layer.with_ansi(on_terminal).with_target(false).boxed()
    } else {
        layer.fmt_fields(JsonFields::new()).event_format(JsonLine).boxed()
    }
}

fn parse_filter(filter: &str) -> Result<EnvFilter, Error> {
    let parsed = EnvFilter::builder().parse(filter).map_err(|source| Error::Filter { filter: filter.to_owned(), source })?;
    Ok(quiet(parsed))
}

fn quiet(filter: EnvFilter) -> EnvFilter {
    let directive = |text: &str| -> Directive { text.parse().expect("the directives are constants, and a test parses them") };
    QUIET.iter().fold(filter, |filter, text| filter.add_directive(directive(text)))
}

fn provider(endpoint: &str, instance: &str, dropped: Counter) -> Result<SdkTracerProvider, Error> {
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(|source| Error::Endpoint { endpoint: endpoint.to_owned(), source })?;
    let resource = Resource::builder()
        .with_service_name("zona")
        .with_attribute(opentelemetry::KeyValue::new("service.instance.id", instance.to_owned()))
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(CountedExporter::new(exporter, dropped)).build())
}

#[cfg(test)]
mod tests;
