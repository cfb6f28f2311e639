//! What a server says of its work: `[log]` and `[otlp]`.

use settings::{Place, section, value};
use telemetry::Format;

section! {
    /// What is logged, and how.
    pub struct Log in Place::table("log");

    /// levels by target, e.g. `info,sandbox=debug`
    filter: String = "info" => value::text(filter);
    /// `auto` (text on a terminal, else JSON), `text`, `json`; standard error
    format: Format = "auto" => value::choice(&[("auto", Format::Auto), ("text", Format::Text), ("json", Format::Json)]);
}

section! {
    /// Where spans go.
    pub struct Otlp in Place::table("otlp");

    /// OTLP collector (gRPC), e.g. `http://127.0.0.1:4317`; not set: no spans are sent
    endpoint: Option<String> => value::optional(value::http_address);
}

impl Log {
    /// The configuration of telemetry.
    pub fn config(&self, otlp: &Otlp, instance: &str) -> telemetry::Config {
        telemetry::Config {
            filter: self.filter.clone(),
            format: self.format,
            otlp_endpoint: otlp.endpoint.clone(),
            instance: instance.to_owned(),
        }
    }
}

fn filter(text: &str) -> Result<String, String> {
    telemetry::logs::check_filter(text).map(|()| text.to_owned()).map_err(|error| error.to_string())
}
