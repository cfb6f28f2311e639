//! Calls of which a peer does half: requests that never end, and answers that it does not read.

use std::future::poll_fn;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api_proto::zona::utility::v1::GetUtilityRequest;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::Request;
use prost::Message as _;
use prost::bytes::{BufMut as _, Bytes, BytesMut};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const UTILITIES: &str = "/zona.utility.v1.UtilityService";
/// Requests on one connection, and how much each of them sends.
const REQUESTS: usize = 64;
const REQUEST: usize = 8_000_000;
/// Whole frames of the usual size.
const PIECE: usize = 16 * 1024;
/// What is refused sooner counts as refused at once.
const AT_ONCE: Duration = Duration::from_secs(2);
/// Calls on one connection; a server takes 256 at a time.
const ANSWERS: usize = 250;
const TIMEOUT: &str = "2S";
/// The usual size.
const WINDOW: u32 = 65_535;

/// Begins requests that send nearly all of what they announce, and never the rest.
pub(super) async fn requests(address: &str) -> anyhow::Result<String> {
    let client = connect(address, WINDOW).await?;
    let begun = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..REQUESTS {
        calls.spawn(request(client.clone()));
    }
    told(calls, begun).await
}

/// Asks for large answers and lets none of their bytes come.
pub(super) async fn answers(address: &str, utility: &str) -> anyhow::Result<String> {
    let client = connect(address, 0).await?;
    let begun = Instant::now();
    let message = framed(&GetUtilityRequest { name: utility.to_owned() }.encode_to_vec());
    let mut calls = JoinSet::new();
    for _ in 0..ANSWERS {
        calls.spawn(answer(client.clone(), message.clone()));
    }
    told(calls, begun).await
}

/// How many have ended at once, and when the last one has.
async fn told(mut calls: JoinSet<anyhow::Result<()>>, begun: Instant) -> anyhow::Result<String> {
    let (mut at_once, all) = (0, calls.len());
    while let Some(ended) = calls.join_next().await {
        ended??;
        at_once += usize::from(begun.elapsed() < AT_ONCE);
    }
    Ok(format!("{at_once} of {all} ended within {} s, all within {:.1} s", AT_ONCE.as_secs(), begun.elapsed().as_secs_f64()))
}

async fn connect(address: &str, window: u32) -> anyhow::Result<SendRequest<Bytes>> {
    let connection = TcpStream::connect(address).await?;
    let (client, connection) = Builder::new().initial_window_size(window).handshake(connection).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn begin(client: SendRequest<Bytes>, method: &str, timeout: Option<&str>) -> anyhow::Result<(ResponseFuture, SendStream<Bytes>)> {
    let request = Request::post(format!("http://server{UTILITIES}/{method}"));
    let mut request = request.header("content-type", "application/grpc").header("te", "trailers");
    if let Some(timeout) = timeout {
        request = request.header("grpc-timeout", timeout);
    }
    Ok(client.ready().await?.send_request(request.body(())?, false)?)
}

/// Ends when the server ends it.
async fn request(client: SendRequest<Bytes>) -> anyhow::Result<()> {
    let (answer, mut body) = begin(client, "ValidateCode", None).await?;
    let sending = async {
        let mut first = BytesMut::zeroed(PIECE);
        first[..5].copy_from_slice(&header(REQUEST + PIECE)?);
        let mut piece = first.freeze();
        for _ in 0..REQUEST / PIECE {
            if !send(&mut body, piece).await {
                return Ok(());
            }
            piece = Bytes::from_static(&[b' '; PIECE]);
        }
        std::future::pending::<anyhow::Result<()>>().await
    };
    tokio::select! {
        // An answer is a refusal, an error a reset: each is the end.
        _refused = answer => Ok(()),
        ended = sending => ended,
    }
}

/// Sends a piece as the window lets it; says whether the stream is still there.
async fn send(body: &mut SendStream<Bytes>, mut piece: Bytes) -> bool {
    while !piece.is_empty() {
        body.reserve_capacity(piece.len());
        let Some(Ok(room)) = poll_fn(|context| body.poll_capacity(context)).await else { return false };
        if body.send_data(piece.split_to(room.min(piece.len())), false).is_err() {
            return false;
        }
    }
    true
}

/// Ends when the server ends it: no byte of the answer can come.
async fn answer(client: SendRequest<Bytes>, message: Bytes) -> anyhow::Result<()> {
    let (answer, mut body) = begin(client, "GetUtility", Some(TIMEOUT)).await?;
    body.send_data(message, true)?;
    let Ok(answer) = answer.await else { return Ok(()) };
    let mut body: RecvStream = answer.into_body();
    match body.data().await {
        Some(Ok(bytes)) if !bytes.is_empty() => anyhow::bail!("{} bytes came although none may", bytes.len()),
        _ => Ok(()),
    }
}

fn framed(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::new();
    framed.put_slice(&header(message.len()).unwrap_or_default());
    framed.put_slice(message);
    framed.freeze()
}

/// Of a message that is not compressed.
fn header(length: usize) -> anyhow::Result<[u8; 5]> {
    let [a, b, c, d] = u32::try_from(length).context("a message is shorter than 4 GiB")?.to_be_bytes();
    Ok([0, a, b, c, d])
}
