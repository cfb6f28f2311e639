//! What of a description is taken, and how often it is asked for.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

const ISSUER: &str = "https://id.example/realm";
const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn said() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://id.example/auth?theme=dark",
        "token_endpoint": "https://id.example/token",
        "jwks_uri": "https://elsewhere.example/keys",
        "response_types_supported": ["code", "id_token"],
        "code_challenge_methods_supported": ["plain", "S256"],
        "authorization_response_iss_parameter_supported": true,
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut said = said();
    said[name] = value;
    said
}

fn place() -> KeyPlace {
    KeyPlace::parse(&format!("{ISSUER}{PATH}")).unwrap().believing("/etc/ca.pem".into()).unwrap()
}

#[track_caller]
fn refused(said: &Value, fault: Fault) {
    assert_eq!(Description::read(said.to_string().as_bytes(), ISSUER, &place(), false), Err(fault), "{said}");
}

#[test]
fn a_description_says_where_pages_are_and_what_they_promise() {
    let read = |said: Value| Description::read(said.to_string().as_bytes(), ISSUER, &place(), false).unwrap();
    let full = read(said());
    assert_eq!(full.authorization, "https://id.example/auth?theme=dark");
    assert_eq!(full.token, KeyPlace::parse("https://id.example/token").unwrap().believing("/etc/ca.pem".into()).unwrap());
    assert_eq!((full.names_itself, full.secret_in_form), (true, false));
    let little = json!({"issuer": ISSUER, "authorization_endpoint": "https://id.example/a", "token_endpoint": "https://id.example/t"});
    assert!(!read(little).names_itself);
    assert!(read(with("token_endpoint_auth_methods_supported", json!(["client_secret_post"]))).secret_in_form);
}

#[test]
fn a_client_without_a_secret_goes_only_where_a_verifier_is_promised_to_be_checked() {
    let mut silent = said();
    silent.as_object_mut().unwrap().remove("code_challenge_methods_supported");
    let read = |is_public: bool| Description::read(silent.to_string().as_bytes(), ISSUER, &place(), is_public);
    assert!(read(false).is_ok());
    assert_eq!(read(true), Err(Fault::Unsupported("PKCE by S256")));
    assert!(Description::read(said().to_string().as_bytes(), ISSUER, &place(), true).is_ok());
}

#[test]
fn a_description_of_somebody_else_or_of_what_cannot_be_used_is_not_taken() {
    for other in [json!("https://id.example/realm/"), json!("https://ID.example/realm"), json!(null), json!(7)] {
        refused(&with("issuer", other), Fault::Issuer);
    }
    refused(&with("response_types_supported", json!(["id_token"])), Fault::Unsupported("codes"));
    refused(&with("code_challenge_methods_supported", json!(["plain"])), Fault::Unsupported("PKCE by S256"));
    let signed = with("token_endpoint_auth_methods_supported", json!(["private_key_jwt"]));
    refused(&signed, Fault::Unsupported("secrets of clients, in a header or in a form"));
    for elsewhere in [json!("http://id.example/t"), json!("http://127.0.0.1/t"), json!("/etc/passwd"), json!("javascript:x"), json!(null)] {
        refused(&with("token_endpoint", elsewhere.clone()), Fault::Address("token_endpoint"));
        refused(&with("authorization_endpoint", elsewhere), Fault::Address("authorization_endpoint"));
    }
    assert_eq!(Description::read(b"<html>", ISSUER, &place(), false), Err(Fault::Form));
    assert_eq!(Description::read(br#"{"issuer":"a","issuer":"b"}"#, ISSUER, &place(), false), Err(Fault::Form));
}

#[tokio::test]
async fn nobody_waits_for_who_asks_anew_where_a_description_is_known() {
    // It takes connections and answers none.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = KeyPlace::parse(&format!("http://{}{PATH}", silent.local_addr().unwrap())).unwrap();
    let source = DescriptionSource::new(ISSUER.to_owned(), place, false);
    let known = Arc::new(Description::read(said().to_string().as_bytes(), ISSUER, &self::place(), false).unwrap());
    source.known().description = Some((NOW, Arc::clone(&known)));
    let late = NOW.plus(FRESH);
    let told = tokio::select! {
        biased;
        _answered = source.current(late) => panic!("nobody answers"),
        told = source.current(late) => told,
    };
    assert_eq!(told.unwrap(), known);
}

/// An issuer on this host that describes itself to everybody, and counts.
async fn issuer(asked: Arc<AtomicU32>) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let name = format!("http://{}", listener.local_addr().unwrap());
    let said = json!({"issuer": name, "authorization_endpoint": format!("{name}/a"), "token_endpoint": format!("{name}/t")}).to_string();
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 1024];
            let read = stream.read(&mut head).await.unwrap();
            assert!(head[..read].starts_with(format!("GET {PATH} HTTP/1.1").as_bytes()));
            asked.fetch_add(1, Ordering::SeqCst);
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{said}", said.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (name, serving)
}

#[tokio::test]
async fn one_question_serves_all_who_wait_and_an_old_answer_serves_while_nobody_answers() {
    let asked = Arc::new(AtomicU32::new(0));
    let (name, serving) = issuer(Arc::clone(&asked)).await;
    let source = DescriptionSource::new(name.clone(), KeyPlace::parse(&format!("{name}{PATH}")).unwrap(), false);
    let all = futures_util::future::join_all((0..8).map(|_| source.current(NOW))).await;
    assert!(all.into_iter().all(|known| known.unwrap().authorization == format!("{name}/a")));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    serving.abort();
    let _aborted = serving.await;
    assert!(source.current(NOW.plus(FRESH)).await.is_ok(), "the known one is used");
    let late = source.current(NOW.plus(USABLE)).await;
    assert!(matches!(late, Err(domain::Error::Unavailable { dependency: "issuer", .. })), "{late:?}");
}
