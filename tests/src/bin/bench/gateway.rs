//! GetUtility and Transform in JSON over HTTP/1.1 beside the same calls of gRPC, slice by slice, against one server. Both show the same key.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;

use crate::context::Context;
use crate::load::{self, Slice, Subject};
use crate::peers::CODE;
use crate::promises;
use crate::report::{Report, Table};
use crate::samples::{Samples, median};
use crate::server::Zona;
use crate::{get_utility, transform};

const PART: &str = "gateway";
const CALLERS: usize = 8;
/// Of one slice, what is called one by one.
const SEQUENTIAL: usize = 100;
/// The size of an ordinary utility.
const ORDINARY: &str = include_str!("../../../../examples/extract_iocs.py");

type Http = HttpClient<HttpConnector, Full<Bytes>>;

/// A call in one protocol, and what was measured of it.
struct Measured {
    name: &'static str,
    subject: Subject,
    total: Slice,
    sequential: Samples,
}

/// Measures the gateway.
///
/// # Errors
/// When the server does not start or a call fails.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let server = Zona::start(context).await?;
    let (base, key) = (server.gateway(), server.developer_key());
    let signed_in = server.client().showing(&key)?;
    let get = signed_in.create("bench-gateway-get", ORDINARY, Vec::new()).await?;
    let run = signed_in.create("bench-gateway-transform", CODE, Vec::new()).await?;
    let asked = Asked { http: HttpClient::builder(TokioExecutor::new()).build_http(), base: base.into(), key: key.into() };

    let values = json!({ "valuesJson": ["\"value-0\""] }).to_string();
    let pairs = [
        ("GetUtility", get_utility::subject(signed_in.clone(), &get), asked.subject(Method::GET, format!("/v1/{get}"), "")),
        ("Transform", transform::subject(signed_in.clone(), &run, 1), asked.subject(Method::POST, format!("/v1/{run}:transform"), &values)),
    ];
    let columns = ["call", "per second", "p50 ms", "p95 ms", "p99 ms", "one by one p50 ms"];
    let mut table = Table::new(PART, format!("JSON over HTTP/1.1 beside gRPC, {CALLERS} callers"), &columns);
    for (method, grpc, json) in pairs {
        let mut both = [Measured::new("gRPC", grpc), Measured::new("JSON", json)];
        let (mut shares, mut added) = (Vec::new(), Vec::new());
        for _ in 0..context.effort.slices * 2 {
            let (mut rates, mut medians) = (Vec::new(), Vec::new());
            for measured in &mut both {
                let (rate, one_by_one) = measured.slice(context).await?;
                rates.push(rate);
                medians.push(one_by_one);
            }
            shares.push(rates[1] / rates[0] * 100.0);
            added.push(medians[1] - medians[0]);
        }
        for measured in &both {
            measured.row(method, &mut table);
        }
        table.note(format!("{method}: {:.1} % of gRPC's throughput, {:+.3} ms one by one.", median(&shares), median(&added)));
        if method == "GetUtility" {
            report.judge(&promises::GATEWAY_SHARE, median(&shares));
            report.judge(&promises::GATEWAY_ADDED, median(&added));
        }
    }
    table.note("Shares and differences are medians over slices, each against its neighbor. Client and server share the processors.");
    report.add(table);
    server.stop().await
}

/// Whoever asks in JSON.
struct Asked {
    http: Http,
    base: Arc<str>,
    key: Arc<str>,
}

// === impl Asked ===

impl Asked {
    fn subject(&self, method: Method, path: String, body: &str) -> Subject {
        let (http, key, uri) = (self.http.clone(), Arc::clone(&self.key), format!("{}{path}", self.base));
        let body = Bytes::copy_from_slice(body.as_bytes());
        Arc::new(move || {
            let request = Request::builder().method(method.clone()).uri(&uri).header("authorization", format!("Bearer {key}"));
            let request = request.header("content-type", "application/json").body(Full::new(body.clone()));
            let http = http.clone();
            Box::pin(async move {
                let response = http.request(request.context("the address is valid")?).await?;
                let status = response.status();
                let body = response.into_body().collect().await?.to_bytes();
                anyhow::ensure!(status == StatusCode::OK, "{status}: {}", String::from_utf8_lossy(&body));
                // As a client of gRPC has its message, so this one has read its JSON.
                let _read: serde_json::Value = serde_json::from_slice(&body)?;
                Ok(Instant::now())
            })
        })
    }
}

// === impl Measured ===

impl Measured {
    fn new(name: &'static str, subject: Subject) -> Self {
        Measured { name, subject, total: Slice::default(), sequential: Samples::default() }
    }

    /// One slice; answers the calls a second, and the median of those one by one in milliseconds.
    async fn slice(&mut self, context: &Context<'_>) -> anyhow::Result<(f64, f64)> {
        let one_by_one = load::sequential(&self.subject, SEQUENTIAL).await?;
        self.sequential.extend(&one_by_one);
        let slice = load::closed_loop(&self.subject, CALLERS, context.effort.slice / 2).await?;
        anyhow::ensure!(slice.failed == 0, "{}: {:?}", self.name, slice.failure);
        let rate = slice.rate();
        self.total.absorb(slice);
        Ok((rate, one_by_one.median()))
    }

    fn row(&self, method: &str, table: &mut Table) {
        let latencies = &self.total.latencies;
        table.row([
            format!("{method}, {}", self.name).into(),
            self.total.rate().into(),
            latencies.median().into(),
            latencies.millis(0.95).into(),
            latencies.millis(0.99).into(),
            self.sequential.median().into(),
        ]);
    }
}
