//! What is issued is verified, by whom, and until when. Tokens that somebody else made up are in `hostile`.

use domain::identity::MAX_TOKEN_LIFE;
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::ring;

mod hostile;

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_250);
const LEEWAY: Duration = Duration::from_secs(5);
const SECOND: Duration = Duration::from_secs(1);
const SESSION: &str = "0197fd40-0000-7000-8000-000000000001";

/// A server with its keys.
struct Server {
    ring: Arc<KeyRing>,
    tokens: Tokens,
}

impl Server {
    fn on(data: &TempDir) -> Self {
        let config = ring::Config {
            directory: data.path().join("identity"),
            rotate_after: Duration::from_secs(30 * 24 * 3600),
            outlives: MAX_TOKEN_LIFE + LEEWAY,
        };
        let ring = Arc::new(KeyRing::open(config, NOW).unwrap());
        let config = Config { issuer: "https://zona.example".to_owned(), audience: "zona".to_owned(), leeway: LEEWAY };
        Server { tokens: Tokens::new(config, Arc::clone(&ring), []), ring }
    }

    async fn verify(&self, token: &str, now: Timestamp) -> Result<VerifiedToken> {
        self.tokens.verify(token, now).await
    }
}

fn token() -> AccessToken {
    AccessToken {
        principal: PrincipalName::parse("principal", "tenants/acme/users/alice").unwrap(),
        session: SessionId::parse("session", SESSION).unwrap(),
        role: Role::Creator,
        issued: NOW,
        expires: NOW.plus(Duration::from_secs(600)),
        id: "one".to_owned(),
    }
}

fn json_of(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn what_is_issued_is_verified() {
    let data = TempDir::new().unwrap();
    let server = Server::on(&data);
    let issued = server.tokens.issue(&token()).unwrap();
    let verified = server.verify(issued.expose(), NOW).await.unwrap();
    let to_the_second = |time: Timestamp| Timestamp::from_millis(time.as_millis() / 1_000 * 1_000);
    assert_eq!(
        verified,
        VerifiedToken {
            issuer: Issuer::Own,
            principal: token().principal,
            session: Some(token().session),
            role: None,
            issued: to_the_second(NOW),
            expires: to_the_second(token().expires),
            id: "one".to_owned(),
        }
    );
}

#[test]
fn a_token_says_everything_that_is_documented_and_nothing_more() {
    let data = TempDir::new().unwrap();
    let server = Server::on(&data);
    let issued = server.tokens.issue(&token()).unwrap();
    let parts: Vec<&str> = issued.expose().split('.').collect();
    assert_eq!(json_of(parts[0]), json!({"alg": "EdDSA", "kid": server.ring.signing(NOW).id(), "typ": "at+jwt"}));
    assert_eq!(
        json_of(parts[1]),
        json!({
            "iss": "https://zona.example", "aud": "zona", "sub": "tenants/acme/users/alice", "tenant": "acme", "role": "creator",
            "sid": SESSION, "jti": "one", "iat": 1_790_000_000, "nbf": 1_790_000_000, "exp": 1_790_000_600,
        })
    );
}

#[tokio::test]
async fn a_token_holds_to_its_last_second_and_the_leeway_of_clocks() {
    let data = TempDir::new().unwrap();
    let server = Server::on(&data);
    let issued = server.tokens.issue(&token()).unwrap();
    let end = Timestamp::from_millis(1_790_000_600_000).plus(LEEWAY);
    assert!(server.verify(issued.expose(), end.minus(Duration::from_millis(1))).await.is_ok());
    assert!(matches!(server.verify(issued.expose(), end).await, Err(Error::Unauthenticated)));
    let begin = Timestamp::from_millis(1_790_000_000_000).minus(LEEWAY);
    assert!(server.verify(issued.expose(), begin).await.is_ok());
    assert!(matches!(server.verify(issued.expose(), begin.minus(Duration::from_millis(1))).await, Err(Error::Unauthenticated)));
}

#[tokio::test]
async fn no_token_is_issued_for_longer_than_a_quarter_of_an_hour() {
    let data = TempDir::new().unwrap();
    let server = Server::on(&data);
    let issued = server.tokens.issue(&AccessToken { expires: NOW.plus(Duration::from_secs(3_600)), ..token() }).unwrap();
    let verified = server.verify(issued.expose(), NOW).await.unwrap();
    assert!(verified.expires.since(verified.issued) <= MAX_TOKEN_LIFE);
}

#[tokio::test]
async fn a_server_verifies_what_another_on_its_directory_signs_with_a_new_key() {
    let data = TempDir::new().unwrap();
    let (one, other) = (Server::on(&data), Server::on(&data));
    let later = NOW.plus(Duration::from_secs(31 * 24 * 3600));
    one.ring.tend(later).unwrap();
    let settled = later.plus(Duration::from_secs(3_600));
    let issued = one.tokens.issue(&AccessToken { issued: settled, expires: settled.plus(SECOND * 60), ..token() }).unwrap();
    let kid = json_of(issued.expose().split('.').next().unwrap())["kid"].as_str().unwrap().to_owned();
    assert!(other.ring.find(&kid).is_none(), "the other server has not looked yet");
    assert!(other.verify(issued.expose(), settled).await.is_ok());
}

#[tokio::test]
async fn a_token_outlives_the_rotation_of_its_key_and_dies_with_its_file() {
    let data = TempDir::new().unwrap();
    let server = Server::on(&data);
    let later = NOW.plus(Duration::from_secs(30 * 24 * 3600));
    let issued = server.tokens.issue(&AccessToken { issued: later, expires: later.plus(SECOND * 600), ..token() }).unwrap();
    server.ring.tend(later).unwrap();
    assert!(server.verify(issued.expose(), later.plus(SECOND * 599)).await.is_ok());
    let kid = json_of(issued.expose().split('.').next().unwrap())["kid"].as_str().unwrap().to_owned();
    std::fs::remove_file(data.path().join(format!("identity/{kid}.key"))).unwrap();
    server.ring.tend(later.plus(SECOND)).unwrap();
    assert!(matches!(server.verify(issued.expose(), later.plus(SECOND)).await, Err(Error::Unauthenticated)));
}

#[test]
fn the_published_set_verifies_by_anybodys_library() {
    let data = TempDir::new().unwrap();
    let server = Server::on(&data);
    let issued = server.tokens.issue(&token()).unwrap();
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&server.tokens.key_set()).unwrap();
    let header = jsonwebtoken::decode_header(issued.expose()).unwrap();
    let key = jsonwebtoken::DecodingKey::from_jwk(set.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
    validation.set_audience(&["zona"]);
    // The library reads the clock of the machine.
    validation.validate_exp = false;
    assert!(jsonwebtoken::decode::<Value>(issued.expose(), &key, &validation).is_ok());
    assert!(!server.tokens.key_set().contains("\"d\""), "no private part is published");
}
