//! A gateway before services that answer the bytes they are sent, so that an answer shows what a request meant.

use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use prost_reflect::DynamicMessage;
use serde_json::Value;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use tower::ServiceExt as _;

use super::identity::Identity;
use crate::body::full;
use crate::{Config, Contract, Gateway};

/// The contract of the tests.
pub fn contract() -> Contract {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let includes = [here.join("src/tests"), here.join("../../proto")];
    let mut compiler = protox::Compiler::new(includes).unwrap();
    compiler.include_imports(true).include_source_info(true).open_file("things.proto").unwrap();
    Contract::of(&compiler.encode_file_descriptor_set()).unwrap()
}

/// A gateway, and what its services were asked.
pub struct Harness {
    gateway: Gateway,
    pub asked: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    /// Bodies of answers that are not at their end and not dropped.
    pub open: Arc<()>,
    /// The IdentityService.
    pub identity: Arc<Identity>,
}

/// An answer that is there.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Harness {
    pub fn new() -> Self {
        Self::with(Config::default())
    }

    pub fn with(config: Config) -> Self {
        let (asked, open) = (Arc::new(Mutex::new(Vec::new())), Arc::new(()));
        let (noted, held) = (Arc::clone(&asked), Arc::clone(&open));
        let identity = Arc::new(Identity::default());
        let known = Arc::clone(&identity);
        let services = tower::service_fn(move |request: Request<Body>| {
            let (noted, held, identity) = (Arc::clone(&noted), Arc::clone(&held), Arc::clone(&identity));
            async move {
                noted.lock().unwrap().push((request.uri().path().to_owned(), request.headers().clone()));
                Ok::<_, Infallible>(serve(request, held, &identity).await)
            }
        });
        Harness { gateway: Gateway::new(contract(), services, config), asked, open, identity: known }
    }

    pub async fn send(&self, request: Request<Body>) -> Response<Body> {
        match self.gateway.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    pub async fn ask(&self, request: http::request::Builder, body: &str) -> Answer {
        self.answer(request.body(full(body.to_owned())).unwrap()).await
    }

    pub async fn answer(&self, request: Request<Body>) -> Answer {
        let response = self.send(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, uri: &str) -> Answer {
        self.ask(Request::get(uri), "").await
    }

    pub async fn post(&self, uri: &str, body: &str) -> Answer {
        self.ask(Request::post(uri).header("content-type", "application/json"), body).await
    }
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{self:?}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The fields that it complains about, each with its reason.
    #[track_caller]
    pub fn violations(&self) -> Vec<(String, String)> {
        let json = self.json();
        let details = json["details"].as_array().unwrap_or_else(|| panic!("{json}"));
        let bad = details.iter().find(|detail| detail["@type"] == "type.googleapis.com/google.rpc.BadRequest");
        let listed = bad.and_then(|bad| bad["fieldViolations"].as_array()).unwrap_or_else(|| panic!("{json}"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        listed.iter().map(|violation| (text(&violation["field"]), text(&violation["reason"]))).collect()
    }
}

async fn serve(request: Request<Body>, held: Arc<()>, identity: &Identity) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let framed = body.collect().await.unwrap().to_bytes();
    if let Some(method) = path.strip_prefix("/zona.identity.v1.IdentityService/") {
        return match identity.answer(method, &parts.headers, &framed[5..]) {
            Ok(frame) => answered(vec![frame], false, false, held),
            Err(status) => status.into_http(),
        };
    }
    match path.rsplit('/').next().unwrap_or_default() {
        "Follow" => answered(events("racks/a", 0), false, false, held),
        "Fail" => failure().into_http(),
        "Watch" => {
            let contract = contract();
            let asked = contract.pool.get_message_by_name("things.v1.WatchRequest").unwrap();
            let asked = DynamicMessage::decode(asked, &framed[5..]).unwrap();
            let after = asked.get_field_by_name("after_sequence").unwrap().as_i64().unwrap();
            let name = asked.get_field_by_name("name").unwrap().as_str().unwrap().to_owned();
            answered(events(&name, after), name == "racks/endless", name == "racks/broken", held)
        }
        _ => answered(vec![framed], false, false, held),
    }
}

/// The error that everything which fails fails with.
fn failure() -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info("THING_GONE", "zona.dev", std::collections::HashMap::new());
    details.set_retry_info(Some(std::time::Duration::from_millis(1_200)));
    Status::with_error_details(Code::Unavailable, "it is gone", details)
}

/// The events behind a place: a heartbeat, and those up to the third.
fn events(name: &str, after: i64) -> Vec<Bytes> {
    let event = contract().pool.get_message_by_name("things.v1.Event").unwrap();
    let behind = (after + 1..=3).map(|sequence| (sequence, format!("{name} {sequence}")));
    let heartbeat = (after < 3).then(|| (0, "still here".to_owned()));
    let told = heartbeat.into_iter().chain(behind).map(|(sequence, text)| {
        let mut message = DynamicMessage::new(event.clone());
        message.set_field_by_name("sequence", prost_reflect::Value::I64(sequence));
        message.set_field_by_name("text", prost_reflect::Value::String(text));
        let encoded = prost::Message::encode_to_vec(&message);
        let mut frame = BytesMut::new();
        frame.put_u8(0);
        frame.put_u32(encoded.len() as u32);
        frame.extend_from_slice(&encoded);
        frame.freeze()
    });
    told.collect()
}

/// An answer of these frames, cut where it is worst: in the middle of each.
fn answered(frames: Vec<Bytes>, endless: bool, broken: bool, held: Arc<()>) -> Response<Body> {
    let cut = frames.into_iter().flat_map(|frame| {
        let middle = frame.len() / 2;
        [frame.slice(..middle), frame.slice(middle..)]
    });
    let mut trailers = HeaderMap::new();
    if broken {
        failure().add_header(&mut trailers).unwrap();
    } else {
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
    }
    let frames: Vec<_> = cut.map(Frame::data).chain((!endless).then(|| Frame::trailers(trailers))).collect();
    let told = stream::unfold((frames.into_iter(), held), move |(mut frames, held)| async move {
        match frames.next() {
            Some(frame) => Some((Ok::<_, Status>(frame), (frames, held))),
            None if endless => std::future::pending().await,
            None => None,
        }
    });
    let mut response = Response::new(Body::new(StreamBody::new(told)));
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response.headers_mut().insert("x-request-id", HeaderValue::from_static("the-id"));
    response
}
