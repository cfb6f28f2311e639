//! A server that knows the contract and nothing else: it answers each method with what a test has told it, with an empty message where
//! that was nothing, and remembers what it was asked.

use std::collections::HashMap;
use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};

use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor, SerializeOptions};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tonic::{Code, Status};

static CONTRACT: LazyLock<DescriptorPool> = LazyLock::new(|| DescriptorPool::decode(api_proto::DESCRIPTOR_SET).unwrap());

/// What stands before each message: a byte that says whether it is compressed, and its length.
const PREFIX: usize = 5;

/// The server. It ends with the runtime of its test.
pub struct Peer {
    address: SocketAddr,
    told: Arc<Told>,
}

#[derive(Default)]
struct Told {
    answers: Mutex<HashMap<String, Vec<Answer>>>,
    asked: Mutex<Vec<Asked>>,
}

/// A call: its method, what it said, and what it showed.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    pub method: String,
    pub request: Value,
    pub authorization: Option<String>,
}

#[derive(Clone)]
struct Answer {
    messages: Vec<Value>,
    end: Status,
}

impl Peer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, told) = (listener.local_addr().unwrap(), Arc::new(Told::default()));
        let shared = Arc::clone(&told);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, Arc::clone(&shared)));
            }
        });
        Peer { address, told }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next call of a method is answered so; the last that was told, again and again.
    pub fn answers(&self, method: &str, message: Value) {
        self.streams(method, vec![message], Status::ok(""));
    }

    /// Likewise with several messages, and how they end.
    pub fn streams(&self, method: &str, messages: Vec<Value>, end: Status) {
        self.told.answers.lock().unwrap().entry(method.to_owned()).or_default().push(Answer { messages, end });
    }

    pub fn refuses(&self, method: &str, status: Status) {
        self.streams(method, Vec::new(), status);
    }

    /// What it was asked since this was called last.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.told.asked.lock().unwrap())
    }
}

impl Told {
    fn answer(&self, method: &str) -> Answer {
        let mut answers = self.answers.lock().unwrap();
        let told = answers.entry(method.to_owned()).or_default();
        match told.len() {
            0 => Answer { messages: vec![Value::Object(serde_json::Map::new())], end: Status::ok("") },
            1 => told[0].clone(),
            _ => told.remove(0),
        }
    }
}

async fn connection(stream: TcpStream, told: Arc<Told>) {
    let mut connection = h2::server::Builder::new().handshake::<_, Cursor<Vec<u8>>>(stream).await.unwrap();
    // A client that has what it wants goes, in whatever way.
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::spawn(call(request, respond, Arc::clone(&told)));
    }
}

async fn call(request: Request<RecvStream>, mut respond: SendResponse<Cursor<Vec<u8>>>, told: Arc<Told>) {
    let method = method(request.uri().path());
    let authorization = request.headers().get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    let mut body = request.into_body();
    let mut bytes = Vec::new();
    while let Some(part) = body.data().await {
        let part = part.unwrap();
        body.flow_control().release_capacity(part.len()).unwrap();
        bytes.extend_from_slice(&part);
    }
    let asked = Asked { method: method.name().to_owned(), request: read(&method.input(), &bytes[PREFIX..]), authorization };
    told.asked.lock().unwrap().push(asked);
    let Answer { messages, end } = told.answer(method.name());
    let response = Response::builder().header(header::CONTENT_TYPE, "application/grpc").body(()).unwrap();
    // From here on the client may have gone.
    let Ok(mut stream) = respond.send_response(response, false) else { return };
    for message in messages {
        if send(&mut stream, &method.output(), message).is_err() {
            return;
        }
    }
    drop(stream.send_trailers(trailers(end)));
}

fn method(path: &str) -> MethodDescriptor {
    let (service, name) = path.trim_start_matches('/').split_once('/').unwrap();
    let service = CONTRACT.get_service_by_name(service).unwrap();
    service.methods().find(|method| method.name() == name).unwrap()
}

/// A message as JSON with the names of the contract; without the id of the request, which is new with each.
fn read(descriptor: &MessageDescriptor, bytes: &[u8]) -> Value {
    let message = DynamicMessage::decode(descriptor.clone(), bytes).unwrap();
    let options = SerializeOptions::new().use_proto_field_name(true).stringify_64_bit_integers(false);
    let mut json = message.serialize_with_options(serde_json::value::Serializer, &options).unwrap();
    json.as_object_mut().unwrap().remove("request_id");
    json
}

fn send(stream: &mut SendStream<Cursor<Vec<u8>>>, descriptor: &MessageDescriptor, json: Value) -> Result<(), h2::Error> {
    let message = DynamicMessage::deserialize(descriptor.clone(), &json).unwrap_or_else(|error| panic!("{error} in {json}"));
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.encoded_len()).unwrap().to_be_bytes());
    message.encode(&mut frame).unwrap();
    stream.send_data(Cursor::new(frame), false)
}

fn trailers(end: Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if end.code() == Code::Ok {
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
    } else {
        end.add_header(&mut trailers).unwrap();
    }
    trailers
}
