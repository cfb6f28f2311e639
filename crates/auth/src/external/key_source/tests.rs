//! How often an issuer is asked, by how many at once, and what is used while it does not answer.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const START: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const MILLISECOND: Duration = Duration::from_millis(1);

/// An issuer that counts how often it is asked.
struct Issuer {
    source: KeySource,
    asked: Arc<AtomicUsize>,
    answer: Arc<Mutex<String>>,
}

impl Issuer {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = KeyPlace::parse(&format!("http://{}/keys?of=zona", listener.local_addr().unwrap())).unwrap();
        let (asked, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(String::new())));
        let (count, text) = (Arc::clone(&asked), Arc::clone(&answer));
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(connection.read_u8().await.unwrap());
                }
                assert!(request.starts_with(b"GET /keys?of=zona HTTP/1.1\r\n"), "{}", String::from_utf8_lossy(&request));
                let answer = text.lock().unwrap().clone();
                connection.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let issuer = Issuer { source: KeySource::new(place), asked, answer };
        issuer.has(&["one"]);
        issuer
    }

    fn answers(&self, status: &str, body: &str) {
        *self.answer.lock().unwrap() = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    }

    fn has(&self, names: &[&str]) {
        let keys: Vec<_> = names.iter().map(|name| json!({"kty": "OKP", "crv": "Ed25519", "x": X, "kid": name})).collect();
        self.answers("200 OK", &json!({"keys": keys}).to_string());
    }

    /// Whether it has a key, as far as is known.
    async fn knows(&self, name: &str, now: Timestamp) -> bool {
        self.source.find(name, now).await.unwrap().is_some()
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn ten_thousand_unknown_keys_cost_one_question() {
    let issuer = Issuer::new().await;
    for number in 0..10_000 {
        assert!(!issuer.knows(&number.to_string(), START).await);
    }
    assert_eq!(issuer.asked(), 1);
    assert!(issuer.knows("one", START).await);
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn those_who_come_at_once_share_one_question() {
    let issuer = Issuer::new().await;
    let all = futures_util::future::join_all((0..1_000).map(|_| issuer.knows("one", START))).await;
    assert!(all.into_iter().all(|known| known), "who waited for the answer has it");
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_and_questions_are_half_a_minute_apart() {
    let issuer = Issuer::new().await;
    assert!(issuer.knows("one", START).await);
    issuer.has(&["one", "two"]);
    assert!(!issuer.knows("two", START.plus(ASK_EVERY).minus(MILLISECOND)).await);
    assert_eq!(issuer.asked(), 1);
    assert!(issuer.knows("two", START.plus(ASK_EVERY)).await);
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn a_key_that_was_withdrawn_verifies_for_minutes_at_most() {
    let issuer = Issuer::new().await;
    assert!(issuer.knows("one", START).await);
    issuer.has(&["two"]);
    assert!(issuer.knows("one", START.plus(FRESH).minus(MILLISECOND)).await);
    assert!(!issuer.knows("one", START.plus(FRESH)).await);
}

#[tokio::test]
async fn known_keys_are_used_for_a_day_when_nobody_answers() {
    let issuer = Issuer::new().await;
    assert!(issuer.knows("one", START).await);
    for (status, body) in [("500 Oh", ""), ("200 OK", "<html>"), ("200 OK", "{\"keys\":[]}"), ("302 Found", "{}")] {
        issuer.answers(status, body);
        assert!(issuer.knows("one", START.plus(FRESH * 2)).await, "{status} {body}");
    }
    assert!(issuer.knows("one", START.plus(USABLE).minus(MILLISECOND)).await);
    let gone = issuer.source.find("one", START.plus(USABLE)).await;
    assert!(matches!(gone, Err(Error::Unavailable { dependency: "issuer", .. })));
    let asked = issuer.asked();
    assert!(issuer.source.find("one", START.plus(USABLE).plus(MILLISECOND)).await.is_err());
    assert_eq!(issuer.asked(), asked, "failures are half a minute apart, too");
    issuer.has(&["one"]);
    assert!(issuer.knows("one", START.plus(USABLE).plus(ASK_EVERY)).await);
}

#[tokio::test]
async fn a_clock_that_was_set_back_keeps_no_withdrawn_key() {
    let issuer = Issuer::new().await;
    assert!(issuer.knows("one", START.plus(USABLE)).await);
    issuer.has(&["two"]);
    assert!(!issuer.knows("one", START).await, "how old it is, nobody knows");
    assert!(issuer.knows("two", START).await);
    assert_eq!(issuer.asked(), 2);
    issuer.answers("500 Oh", "");
    let earlier = START.minus(USABLE);
    assert!(issuer.source.find("two", earlier).await.is_err());
    issuer.has(&["two"]);
    assert!(issuer.knows("two", earlier.plus(ASK_EVERY)).await);
}

#[tokio::test]
async fn an_answer_that_is_too_large_or_ends_early_is_not_taken() {
    let issuer = Issuer::new().await;
    issuer.answers("200 OK", &format!("{{\"keys\":[],\"more\":\"{}\"}}", "x".repeat(256 * 1024)));
    assert!(issuer.source.find("one", START).await.is_err());
    *issuer.answer.lock().unwrap() = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"keys\":".to_owned();
    assert!(issuer.source.find("one", START.plus(ASK_EVERY)).await.is_err());
    assert_eq!(issuer.asked(), 2);
}
