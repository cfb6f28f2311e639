//! The gateway as one service: what a request is, by its type and its path, and what becomes of it. Around it lie the rules for pages of other
//! origins, and compression.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method as Verb, Request, Response, StatusCode, Version};
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor};
use tonic::Status;
use tonic::body::Body;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder, ServiceExt as _};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, DefaultPredicate, NotForContentType, Predicate as _, SizeAbove};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::accept::{Coding, EVENT_STREAM, Form, LINES};
use crate::answer::{self, Reading};
use crate::body::{JSON, told};
use crate::console::Console;
use crate::contract::{Contract, Method, Route};
use crate::document::Document;
use crate::gathering::gathered;
use crate::inner::{self, Answered, Calls, Failed};
use crate::origin::{Door, Origin, Turned};
use crate::outside::{self, Outside, SignIn};
use crate::precondition::{self, LAST_EVENT_ID};
use crate::refusal::{self, Refusal};
use crate::request::{self, Asked};
use crate::router::Found;
use crate::session::{self, Sessions};
use crate::stream::{self, Telling};
use crate::{connect, metadata, openapi, page};

const GRPC: &str = "application/grpc";
const GRPC_WEB: &str = "application/grpc-web";
/// Answers that are smaller than this are sent as they are: compressed, they would take as many packets.
const COMPRESSED_FROM: u64 = 1024;
/// Whether the server takes calls.
const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// Settings of the gateway.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Whose pages may ask, beside the gateway's own; nobody's by default.
    pub origins: Vec<Origin>,
    /// Whether it is reached over TLS.
    pub is_encrypted: bool,
    /// Who else signs people in, at pages of their own; nobody by default.
    pub sign_in: Option<SignIn>,
}

/// JSON over HTTP before the services of gRPC. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    stack: Calls,
}

/// What answers requests.
#[derive(Clone)]
struct Handler {
    shared: Arc<Shared>,
    calls: Calls,
    web: Calls,
    sessions: Sessions,
    outside: Outside,
}

struct Shared {
    contract: Contract,
    door: Door,
    description: Document,
    page: Document,
    page_policy: HeaderValue,
    console: Console,
    is_encrypted: bool,
}

/// How an error is written.
type Written = fn(&Status, &prost_reflect::MessageDescriptor) -> Vec<u8>;

// === impl Gateway ===

impl Gateway {
    /// A gateway to `calls`, which take gRPC.
    pub fn new<S>(contract: Contract, calls: S, config: Config) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        let Config { origins, is_encrypted, sign_in } = config;
        let calls = BoxCloneSyncService::new(calls);
        let web = BoxCloneSyncService::new(ServiceBuilder::new().layer(tonic_web::GrpcWebLayer::new()).service(calls.clone()));
        let cors = (!origins.is_empty()).then(|| cors(&origins));
        let shared = Arc::new(Shared {
            contract,
            // Where people sign in under a public address, its pages are the gateway's own.
            door: Door::new(origins.into_iter().chain(sign_in.as_ref().map(|sign_in| sign_in.public.clone())).collect(), is_encrypted),
            description: Document::default(),
            page: Document::default(),
            page_policy: HeaderValue::from_str(&page::policy()).expect("directives and base64 are ASCII"),
            console: Console::built_in(),
            is_encrypted,
        });
        let sessions = Sessions::new(calls.clone(), is_encrypted);
        let outside = Outside::new(sign_in, sessions.clone(), is_encrypted);
        let handler = Handler { shared, calls, web, sessions, outside };
        let compressed = ServiceBuilder::new()
            .map_request(with_one_coding)
            .map_response(|response: Response<_>| response.map(Body::new))
            .layer(CompressionLayer::new().gzip(true).zstd(true).compress_when(worth_it()))
            .service(handler);
        let stack = match cors {
            None => BoxCloneSyncService::new(compressed),
            Some(cors) => BoxCloneSyncService::new(ServiceBuilder::new().layer(cors).service(compressed)),
        };
        Gateway { stack }
    }
}

impl Service<Request<Body>> for Gateway {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = <Calls as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.stack.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.stack.call(request)
    }
}

/// Streams are told as they come, and gRPC has a compression of its own, which the default knows.
fn worth_it() -> And<And<And<DefaultPredicate, SizeAbove>, NotForContentType>, NotForContentType> {
    DefaultPredicate::new()
        .and(SizeAbove::new(COMPRESSED_FROM))
        .and(NotForContentType::const_new(EVENT_STREAM))
        .and(NotForContentType::const_new(LINES))
}

/// A request that names the one coding in which it is answered, or none: whoever takes no coding of ours nor what is not compressed gets the
/// latter, since what was asked may have happened by then.
fn with_one_coding(mut request: Request<Body>) -> Request<Body> {
    match Coding::of(request.headers()) {
        Some(coding) => request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static(coding.name())),
        None => request.headers_mut().remove(ACCEPT_ENCODING),
    };
    request
}

/// What pages of other origins may send and see. The session of a browser is none of theirs.
fn cors(origins: &[Origin]) -> CorsLayer {
    let named = |names: &'static [&'static str]| names.iter().map(|name| HeaderName::from_static(name));
    let sent =
        ["content-type", "if-match", "if-none-match", "idempotency-key", LAST_EVENT_ID, "connect-protocol-version", "connect-timeout-ms"];
    let sent: Vec<HeaderName> = metadata::PASSED.into_iter().chain(sent.map(HeaderName::from_static)).collect();
    let web = named(&["x-grpc-web", "x-user-agent"]);
    let shown = named(&["etag", "retry-after", "x-request-id", "grpc-status", "grpc-message", "grpc-status-details-bin"]);
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().map(|origin| origin.0.clone())))
        .allow_methods([Verb::GET, Verb::POST, Verb::PUT, Verb::PATCH, Verb::DELETE])
        .allow_headers(sent.into_iter().chain(web).collect::<Vec<_>>())
        .expose_headers(shown.collect::<Vec<_>>())
}

// === impl Handler ===

impl Service<Request<Body>> for Handler {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Each call has a clone of the services of its own, which is asked then.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let handler = self.clone();
        Box::pin(async move { Ok(handler.answer(request).await) })
    }
}

impl Handler {
    async fn answer(self, mut request: Request<Body>) -> Response<Body> {
        let is_head = request.method() == Verb::HEAD;
        let id = metadata::identify(request.headers_mut());
        let mut response = self.of_request(request, &id).await;
        response.headers_mut().entry(metadata::REQUEST_ID).or_insert(id);
        if is_head { response.map(|_unsaid| Body::empty()) } else { response }
    }

    async fn of_request(self, mut request: Request<Body>, id: &HeaderValue) -> Response<Body> {
        let (door, comes_back) = (&self.shared.door, outside::is_way_back(request.method(), request.uri().path()));
        let let_in = if comes_back { Door::lets_back } else { Door::lets_in };
        if let Err(turned) = let_in(door, request.uri(), request.headers()) {
            let refused = match turned {
                Turned::ForeignPage => Refusal::foreign_origin(),
                Turned::ForeignHost => Refusal::foreign_host(),
            };
            return self.refuse(refused, id, refusal::to_json);
        }
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
        let is_web = kind.starts_with(GRPC_WEB);
        if !is_web && kind.starts_with(GRPC) && request.version() == Version::HTTP_2 {
            return pass(self.calls, request).await;
        }
        if session::is_at(request.uri().path()) {
            return self.sessions.answer(request).await.unwrap_or_else(|refused| self.refuse(refused, id, refusal::to_json));
        }
        if outside::is_at(request.uri().path()) {
            let failed = match self.outside.answer(request).await {
                Ok(answer) => return answer,
                Err(failed) => failed,
            };
            let (refused, shown) = failed.apart();
            return shown.over(self.refuse(refused, id, refusal::to_json));
        }
        let spoken_for = session::speak_for(&mut request, self.shared.is_encrypted);
        if is_web {
            return match spoken_for {
                Ok(()) => pass(self.web, request).await,
                Err(refused) => session::to_grpc_web(refused.status, &request.headers()[CONTENT_TYPE]),
            };
        }
        let method = self.shared.contract.methods.get(request.uri().path()).cloned();
        let written: Written = if method.is_some() { connect::to_json } else { refusal::to_json };
        let answered = match (spoken_for, method) {
            (Err(refused), _) => Err(refused),
            (Ok(()), Some(method)) => self.by_name(method, request).await,
            (Ok(()), None) => self.by_path(request).await,
        };
        answered.unwrap_or_else(|refused| self.refuse(refused, id, written))
    }

    fn refuse(&self, refused: Refusal, id: &HeaderValue, written: Written) -> Response<Body> {
        // What the services behind have refused, they have logged, and named the request by themselves.
        if !refused.headers.contains_key(metadata::REQUEST_ID) {
            let status = &refused.status;
            tracing::debug!(request_id = ?id, http = refused.http.as_u16(), code = ?status.code(), message = status.message(), "refused over HTTP");
        }
        refused.answer(|status| written(status, &self.shared.contract.status))
    }

    /// A call by the name of its method.
    async fn by_name(&self, method: Arc<Method>, request: Request<Body>) -> Result<Response<Body>, Refusal> {
        if request.method() != Verb::POST {
            return Err(Refusal::method_not_allowed(Verb::POST.as_str()));
        }
        let begun = Instant::now();
        let (parts, body) = request.into_parts();
        let body = gathered(body).await?;
        let message = request::whole(&method, &parts.headers, &body)?;
        self.call(&method, None, message, parts, begun).await
    }

    /// A call by a route, or one of the few addresses that are no calls.
    async fn by_path(&self, request: Request<Body>) -> Result<Response<Body>, Refusal> {
        let begun = Instant::now();
        let (parts, body) = request.into_parts();
        let (segments, route): (Vec<&str>, &Route) = match self.shared.contract.find(&parts.method, parts.uri.path()) {
            Found::Route(number, segments) => (segments, &self.shared.contract.routes[number]),
            Found::Methods(methods) => return Err(Refusal::method_not_allowed(&methods.into_iter().collect::<Vec<_>>().join(", "))),
            Found::Nothing => return self.own(&parts).await,
        };
        let body = gathered(body).await?;
        let asked = Asked { segments, query: parts.uri.query(), headers: &parts.headers, body: &body };
        let message = request::message(route, &asked)?;
        let (method, answered) = (Arc::clone(&route.method), route.answered.clone());
        self.call(&method, answered.as_ref(), message, parts, begun).await
    }

    async fn call(
        &self,
        method: &Method,
        answered: Option<&FieldDescriptor>,
        message: DynamicMessage,
        asked: http::request::Parts,
        begun: Instant,
    ) -> Result<Response<Body>, Refusal> {
        let passed = metadata::of_call(&asked.headers, begun.elapsed());
        let called = inner::call(self.calls.clone(), &method.path, passed, asked.extensions, &message.encode_to_vec()).await;
        let Answered { headers, messages } = called.map_err(|Failed { headers, status }| Refusal::of_call(status, &headers))?;
        let mut response = match method.streams {
            false => {
                let message = messages.only().await.map_err(|status| Refusal::of_call(status, &headers))?;
                answer::of(&message, method, answered, &Reading { verb: &asked.method, headers: &asked.headers })?
            }
            true => {
                let telling = Telling {
                    form: Form::of(&asked.headers),
                    output: method.output.clone(),
                    status: self.shared.contract.status.clone(),
                    resumption: precondition::resumption(method),
                };
                let resumed = asked.headers.contains_key(LAST_EVENT_ID);
                stream::of(messages, telling, resumed).await.map_err(|status| Refusal::of_call(status, &headers))?
            }
        };
        response.headers_mut().extend(metadata::of_answer(&headers));
        Ok(response)
    }

    /// What the gateway answers by itself.
    async fn own(&self, asked: &http::request::Parts) -> Result<Response<Body>, Refusal> {
        let (verb, path, shared) = (&asked.method, asked.uri.path(), &self.shared);
        let is_read = matches!(*verb, Verb::GET | Verb::HEAD);
        if !is_read && (["/healthz", "/openapi.json", "/docs"].contains(&path) || shared.console.has(path)) {
            return Err(Refusal::method_not_allowed("GET, HEAD"));
        }
        match path {
            "/healthz" => Ok(self.health().await),
            "/openapi.json" => {
                let write = || openapi::describe(&shared.contract).to_string().into();
                Ok(shared.description.answer(&asked.headers, JSON, write).await)
            }
            "/docs" => {
                let kind = "text/html; charset=utf-8";
                let mut response =
                    shared.page.answer(&asked.headers, kind, || page::render(&openapi::describe(&shared.contract)).into()).await;
                response.headers_mut().insert("content-security-policy", shared.page_policy.clone());
                Ok(response)
            }
            _ if is_read => shared.console.answer(verb, path, &asked.headers).await.ok_or_else(|| Refusal::no_such_path(path)),
            _ => Err(Refusal::no_such_path(path)),
        }
    }

    /// Whether the server takes calls, as health checks of gRPC answer.
    async fn health(&self) -> Response<Body> {
        let asked = HealthCheckRequest::default().encode_to_vec();
        let called =
            inner::call(self.calls.clone(), HEALTH, metadata::of_call(&HeaderMap::new(), Duration::ZERO), http::Extensions::new(), &asked)
                .await;
        let answer = match called {
            Ok(Answered { messages, .. }) => messages.only().await.ok(),
            Err(_unhealthy) => None,
        };
        let answer = answer.and_then(|answer| HealthCheckResponse::decode(answer).ok());
        if answer.is_some_and(|answer| answer.status() == ServingStatus::Serving) {
            return told(Bytes::from_static(b"ok\n"), "text/plain");
        }
        let mut response = told(Bytes::from_static(b"not serving\n"), "text/plain");
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response
    }
}

async fn pass(calls: Calls, request: Request<Body>) -> Response<Body> {
    match calls.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
