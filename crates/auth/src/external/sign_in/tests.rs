//! Which ID tokens are taken, and how a code is redeemed at an issuer of this host.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::identity::{Role, VerifiedToken};
use domain::name::TenantId;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::super::External;
use super::super::tests::{ISSUER, NOW, Realm, claims};
use super::*;
use crate::claims::Present;

const CLIENT: &str = "zona console";
/// A verifier and its challenge. Source: RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn present() -> Present {
    Present { now: NOW, leeway: Duration::from_secs(5) }
}

fn id_claims() -> Value {
    let mut claims = claims();
    claims["aud"] = json!(CLIENT);
    claims["nonce"] = json!(CHALLENGE);
    claims
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = id_claims();
    claims[name] = value;
    claims
}

/// An issuer of this name with a client, for a secret in this file or without one.
fn signing_in(realm: &Realm, issuer: &str, secret: Option<PathBuf>) -> External {
    let sign_in = Config {
        name: "corporate".to_owned(),
        issuer: issuer.to_owned(),
        place: Config::place(issuer).unwrap(),
        client: CLIENT.to_owned(),
        secret,
        redirect: "https://zona.example/console/sign-in/corporate/callback".to_owned(),
    };
    External::new(super::super::Config { issuer: issuer.to_owned(), sign_in: Some(sign_in), ..realm.config() })
}

fn code() -> AuthorizationCode {
    AuthorizationCode { issuer: "corporate".to_owned(), code: Secret::new("a code"), verifier: Secret::new(VERIFIER) }
}

async fn verify(realm: &Realm, token: &str) -> Result<VerifiedToken, Refusal> {
    let external = signing_in(realm, ISSUER, None);
    let client = external.client().unwrap();
    external.verify_id_token(&Compact::read(token).unwrap(), client, &code(), present()).await.unwrap()
}

#[tokio::test]
async fn an_id_token_of_this_sign_in_means_what_a_bearer_token_with_its_claims_means() {
    let realm = Realm::new();
    let verified = verify(&realm, &realm.token(&id_claims())).await.unwrap();
    let bearer = realm.token(&claims());
    let bearer = External::new(realm.config()).verify(&Compact::read(&bearer).unwrap(), present()).await.unwrap().unwrap();
    assert_eq!(verified, bearer);
    assert_eq!((verified.principal.as_str(), verified.role), ("tenants/acme/users/alice", Some(Role::Admin)));
    let mut header = realm.header();
    header.as_object_mut().unwrap().remove("typ");
    assert!(verify(&realm, &realm.signed(&header, &id_claims())).await.is_ok(), "an ID token need not say what it is");
    let mut several = with("aud", json!(["other", CLIENT]));
    several["azp"] = json!(CLIENT);
    assert!(verify(&realm, &realm.token(&several)).await.is_ok());
}

#[tokio::test]
async fn an_id_token_of_another_sign_in_client_issuer_or_time_is_refused() {
    let realm = Realm::new();
    let check = async |claims: Value, refusal: Refusal| {
        assert_eq!(verify(&realm, &realm.token(&claims)).await, Err(refusal), "{claims}");
    };
    // The verifier itself is nobody's to be told.
    for nonce in [json!("another nonce"), json!(VERIFIER), json!(""), json!(null)] {
        check(with("nonce", nonce), Refusal::Claim("nonce")).await;
    }
    check(with("aud", json!("zona")), Refusal::Claim("aud")).await;
    check(with("aud", json!(["other", CLIENT])), Refusal::Claim("azp")).await;
    check(with("azp", json!("other")), Refusal::Claim("azp")).await;
    check(with("iss", json!("https://id.example/other")), Refusal::Claim("iss")).await;
    check(with("exp", json!(1_790_000_000 - 6)), Refusal::Claim("exp")).await;
    let mut old = with("iat", json!(1_789_999_000));
    old["exp"] = json!(1_789_999_900);
    check(old, Refusal::Expired).await;
    check(with("iat", json!(null)), Refusal::Claim("iat")).await;
    let bearer = json!({"alg": "EdDSA", "kid": realm.key_id(), "typ": "at+jwt"});
    let refused = verify(&realm, &realm.signed(&bearer, &id_claims())).await;
    assert_eq!(refused, Err(Refusal::Type), "an access token is no ID token");
    let stranger = Realm::new();
    let forged = stranger.signed(&json!({"alg": "EdDSA", "kid": realm.key_id()}), &id_claims());
    assert_eq!(verify(&realm, &forged).await, Err(Refusal::Signature));
}

#[test]
fn an_issuer_stands_by_what_it_said_for_as_long_as_the_configuration_has_it_say_so() {
    let realm = Realm::new();
    let tenant = |id: &str| TenantId::parse("tenant", id).unwrap();
    let external = signing_in(&realm, ISSUER, None);
    for (id, role, expected) in [
        ("acme", Some(Role::Admin), true),
        ("umbrella", None, true),
        ("acme", Some(Role::Creator), false),
        ("other", None, false),
        ("system", None, false),
    ] {
        assert_eq!(external.stands_by(&tenant(id), role), expected, "{id} {role:?}");
    }
    assert!(!External::new(realm.config()).stands_by(&tenant("acme"), None), "nobody signs in there");
}

/// What is asked of an issuer's token endpoint: the head and the form.
type Asked = Arc<Mutex<Vec<(String, String)>>>;

/// An issuer on this host that answers codes with this.
async fn issuer(method: &'static str, status: &'static str, answer: String) -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    serve(listener, method, status, answer)
}

/// One that answers with what may depend on its name.
async fn issuer_of(answer: impl FnOnce(&str) -> String) -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let answer = answer(&format!("http://{}", listener.local_addr().unwrap()));
    serve(listener, "none", "200 OK", answer)
}

fn serve(listener: TcpListener, method: &'static str, status: &'static str, answer: String) -> (String, Asked) {
    let name = format!("http://{}", listener.local_addr().unwrap());
    let said = json!({
        "issuer": name, "authorization_endpoint": format!("{name}/a"), "token_endpoint": format!("{name}/t"),
        "token_endpoint_auth_methods_supported": [method], "code_challenge_methods_supported": ["S256"],
    });
    let asked = Asked::default();
    let kept = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut text = String::new();
            let mut part = [0; 4_096];
            // A form comes behind its head, in one piece with it or not.
            while !text.contains("\r\n\r\n") || (text.starts_with("POST") && !text.contains("code_verifier=")) {
                let read = stream.read(&mut part).await.unwrap();
                text.push_str(std::str::from_utf8(&part[..read]).unwrap());
            }
            let (head, form) = text.split_once("\r\n\r\n").unwrap();
            let (status, body) = if head.starts_with("GET ") { ("200 OK", said.to_string()) } else { (status, answer.clone()) };
            if !head.starts_with("GET ") {
                kept.lock().unwrap().push((head.to_lowercase(), form.to_owned()));
            }
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).await.unwrap();
        }
    });
    (name, asked)
}

/// What becomes of a code at an issuer of this name, for a client with a secret or without.
async fn redeem(realm: &Realm, issuer: &str, secret: Option<&str>) -> Result<VerifiedToken> {
    let directory = tempfile::tempdir().unwrap();
    let file = secret.map(|secret| {
        let path = directory.path().join("secret");
        std::fs::write(&path, format!("{secret}\n")).unwrap();
        path
    });
    let external = signing_in(realm, issuer, file);
    assert!(external.signs_in_as("corporate") && !external.signs_in_as("other"));
    external.redeem(&code(), present()).await
}

#[tokio::test]
async fn a_code_is_redeemed_with_the_verifier_and_with_the_clients_secret_where_the_issuer_takes_it() {
    let realm = Realm::new();
    let check = async |method: &'static str, secret: Option<&str>, header: Option<&str>, in_form: &[&str]| {
        let (name, asked) = issuer(method, "200 OK", String::new()).await;
        drop(redeem(&realm, &name, secret).await);
        let asked = asked.lock().unwrap();
        let (head, form) = &asked[0];
        assert!(head.starts_with("post /t http/1.1") && head.contains("application/x-www-form-urlencoded"), "{head}");
        let wanted = "grant_type=authorization_code&code=a+code&redirect_uri=https%3A%2F%2Fzona.example%2Fconsole%2Fsign-in%2Fcorporate\
                      %2Fcallback";
        let verifier = format!("code_verifier={VERIFIER}");
        assert_eq!(*form, [&[wanted, verifier.as_str()], in_form].concat().join("&"));
        assert_eq!(head.lines().find_map(|line| line.strip_prefix("authorization: ")), header, "{head}");
    };
    let basic = format!("basic {}", STANDARD.encode("zona+console:p%26w").to_lowercase());
    check("client_secret_basic", Some("p&w"), Some(&basic), &[]).await;
    check("client_secret_post", Some("p&w"), None, &["client_id=zona+console", "client_secret=p%26w"]).await;
    check("none", None, None, &["client_id=zona+console"]).await;
}

#[test]
fn a_secret_is_the_one_line_of_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let read = |text: &str| {
        let path = directory.path().join("secret");
        std::fs::write(&path, text).unwrap();
        read(&path).map(|secret| secret.expose().to_owned())
    };
    for (text, secret) in [("p&w", "p&w"), ("p w\n", "p w"), ("pw\r\n", "pw")] {
        assert_eq!(read(text).unwrap(), secret);
    }
    for none in ["", "\n", "\r\n", "one\ntwo\n", "one\n\n", &"x".repeat(4_097)] {
        assert!(matches!(read(none), Err(Unredeemed::Lines)), "{none:.9}");
    }
}

#[tokio::test]
async fn an_issuer_that_refuses_and_one_that_fails_are_told_apart() {
    let realm = Realm::new();
    let check = async |status: &'static str, answer: Value| {
        let (name, _) = issuer("none", status, answer.to_string()).await;
        redeem(&realm, &name, None).await
    };
    for (status, word) in [("400 Bad Request", "invalid_grant"), ("400 Bad Request", "Ha ha"), ("401 No", "invalid_grant")] {
        let refused = check(status, json!({"error": word, "error_description": "for the log of nobody"})).await;
        assert!(matches!(refused, Err(Error::SignIn { reason: "SIGN_IN_REFUSED", .. })), "{refused:?}");
    }
    for (status, answer) in [
        ("400 Bad Request", json!({"error": "invalid_client"})),
        ("401 No", json!({"error": "invalid_client"})),
        ("403 No", json!({"error": "invalid_grant"})),
        ("404 Not Found", json!([])),
        ("429 Too Many Requests", json!({})),
        ("500 No", json!({})),
        ("302 Found", json!({})),
        ("200 OK", json!({"access_token": "x"})),
        ("200 OK", json!([])),
    ] {
        let failed = check(status, answer.clone()).await;
        assert!(matches!(failed, Err(Error::Unavailable { dependency: "issuer", .. })), "{status} {answer}: {failed:?}");
    }
    let odd = check("200 OK", json!({"id_token": "e30.e30.AAAA"})).await;
    assert!(matches!(odd, Err(Error::SignIn { reason: "ID_TOKEN_REFUSED", .. })), "{odd:?}");
    assert_eq!(word("invalid_grant: code=abc123\n"), "invalid_grantcodeabc");
}

#[tokio::test]
async fn claims_that_mean_nobody_are_told_apart_from_a_token_that_is_wrong() {
    let realm = Realm::new();
    let check = async |spoil: fn(&mut Value), reason: &str| {
        // The issuer must be named in the token, so it has its address before it has an answer.
        let (name, _) = issuer_of(|name| {
            let mut claims = with("iss", json!(name));
            spoil(&mut claims);
            json!({"id_token": realm.token(&claims)}).to_string()
        })
        .await;
        match redeem(&realm, &name, None).await {
            Ok(verified) => assert_eq!((verified.principal.as_str(), reason), ("tenants/acme/users/alice", "")),
            Err(error) => assert_eq!(error.reason(), reason),
        }
    };
    check(|_right| (), "").await;
    check(|claims| claims["org"] = json!("other"), "SIGN_IN_OF_NOBODY").await;
    check(|claims| claims["preferred_username"] = json!("a/b"), "SIGN_IN_OF_NOBODY").await;
    check(|claims| claims["realm_access"] = json!({}), "SIGN_IN_OF_NOBODY").await;
    check(|claims| claims["nonce"] = json!("another nonce"), "ID_TOKEN_REFUSED").await;
}

#[tokio::test]
async fn the_token_of_an_issuer_that_names_itself_otherwise_is_refused() {
    let realm = Realm::new();
    let token = realm.token(&id_claims());
    let (name, _) = issuer("none", "200 OK", json!({"id_token": token}).to_string()).await;
    assert_ne!(name, ISSUER);
    let refused = redeem(&realm, &name, None).await;
    assert!(matches!(refused, Err(Error::SignIn { reason: "ID_TOKEN_REFUSED", .. })), "{refused:?}");
}

#[test]
fn an_issuer_signs_people_in_at_an_address_over_tls_or_on_this_host() {
    for right in ["https://id.example", "https://id.example/realms/a/", "http://127.0.0.1:8080"] {
        let place = Config::place(right).unwrap().to_string();
        assert!(place.ends_with("/.well-known/openid-configuration") && !place.contains("//.well"), "{place}");
    }
    for wrong in ["corporate", "http://id.example", "https://id.example?x=y", "/etc/issuer", "https://user@id.example"] {
        assert!(Config::place(wrong).is_err(), "{wrong}");
    }
}
