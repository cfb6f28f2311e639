//! The operators' port: `/metrics`, `/healthz` (the process lives) and `/readyz` (it takes requests). Plain HTTP without
//! authentication, so it is bound to loopback; binding is the caller's.
//!
//! A page in somebody's browser can lead a name of its own to a loopback address and ask there (DNS rebinding). Such a request names
//! itself by that name; it is refused, since who asks rightly names an address, `localhost`, or what an operator has allowed.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::metrics::Metrics;

/// The name that every system has for its own loopback address; no answer of a name server is asked for it.
const LOCALHOST: &str = "localhost";

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether the process takes requests. Cheap to clone; starts with no.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    ready: Arc<AtomicBool>,
}

impl Readiness {
    /// Says so from now on.
    pub fn set(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }

    /// What was said last.
    pub fn get(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }
}

#[derive(Clone)]
struct Admin {
    metrics: Arc<Metrics>,
    readiness: Readiness,
}

/// The names by which a request may name the port, besides addresses and `localhost`.
#[derive(Debug, Clone, Default)]
pub struct Names(Arc<[String]>);

impl Names {
    /// These, whatever their case and without ports.
    pub fn new(names: &[String]) -> Self {
        Names(names.iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    /// Whether a request may name the port so. An address cannot be led elsewhere.
    fn allow(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else { return false };
        let name = authority.host();
        let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        address.parse::<IpAddr>().is_ok() || name == LOCALHOST || self.0.contains(&name)
    }
}

/// Refuses what names the port by a name that is not its own. Without a name there is nothing that a browser could have sent.
async fn named_rightly(State(names): State<Names>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    // A request may name the whole address in its first line, which counts before the header (RFC 9112, 3.2.2).
    let host = request.uri().authority().map(Authority::as_str).or(host);
    if host.is_none_or(|host| names.allow(host)) {
        return next.run(request).await;
    }
    let text = "this port answers to addresses, to localhost and to the names in `admin_names`\n";
    (StatusCode::MISDIRECTED_REQUEST, text).into_response()
}

/// The routes of the port.
pub fn router(metrics: Arc<Metrics>, readiness: Readiness, names: Names) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(Admin { metrics, readiness })
        .layer(middleware::from_fn_with_state(names, named_rightly))
}

async fn scrape(State(admin): State<Admin>) -> Response {
    match admin.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn ready(State(admin): State<Admin>) -> Response {
    match admin.readiness.get() {
        true => "ready\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    async fn get_path(router: &Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn asked_as(host: Option<&str>, path: &str) -> StatusCode {
        let names = Names::new(&["Metrics.internal".to_owned()]);
        let router = router(Arc::new(Metrics::new()), Readiness::default(), names);
        let mut request = Request::get(path);
        if let Some(host) = host {
            request = request.header(header::HOST, host);
        }
        router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    }

    #[tokio::test]
    async fn the_port_answers_to_addresses_localhost_and_the_names_that_were_allowed() {
        let own = ["127.0.0.1:7071", "127.0.0.1", "[::1]:7071", "10.1.2.3:80", "localhost:7071", "LOCALHOST.", "metrics.INTERNAL:7071"];
        for host in own.into_iter().map(Some).chain([None]) {
            assert_eq!(asked_as(host, "/metrics").await, StatusCode::OK, "{host:?}");
        }
    }

    #[tokio::test]
    async fn a_name_that_somebody_led_to_this_address_is_refused_on_every_path() {
        let foreign = ["rebound.example:7071", "localhost.example", "127.0.0.1.example", "metrics.internal.example", "", "::1", "a b"];
        for path in ["/metrics", "/healthz", "/readyz", "/absent"] {
            for host in foreign {
                assert_eq!(asked_as(Some(host), path).await, StatusCode::MISDIRECTED_REQUEST, "{host:?} {path}");
            }
            assert_eq!(asked_as(Some("127.0.0.1"), "http://rebound.example/metrics").await, StatusCode::MISDIRECTED_REQUEST);
        }
    }

    #[tokio::test]
    async fn a_process_is_healthy_before_it_is_ready() {
        let readiness = Readiness::default();
        let router = router(Arc::new(Metrics::new()), readiness.clone(), Names::default());
        assert_eq!(get_path(&router, "/healthz").await.0, StatusCode::OK);
        assert_eq!(get_path(&router, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
        readiness.set(true);
        assert_eq!(get_path(&router, "/readyz").await, (StatusCode::OK, "ready\n".to_owned()));
    }

    #[tokio::test]
    async fn a_scrape_ends_with_the_end_mark() {
        let router = router(Arc::new(Metrics::new()), Readiness::default(), Names::default());
        let (status, text) = get_path(&router, "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
