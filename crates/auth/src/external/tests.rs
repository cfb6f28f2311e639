//! Tokens of issuers that are trusted, and of those that pretend to be: whom they may speak for, and with which keys.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Error;
use domain::time::Timestamp;
use jsonwebtoken::EncodingKey;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::signing_key::SigningKey;

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
pub(super) const ISSUER: &str = "https://id.example/realm";

/// An issuer with two keys, whose public halves lie in a file.
pub(super) struct Realm {
    directory: TempDir,
    key: SigningKey,
    elliptic: EncodingKey,
}

impl Realm {
    pub(super) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let key = SigningKey::make(NOW).unwrap().0;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let set = json!({"keys": [key.jwk(), {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "elliptic"}]});
        std::fs::write(directory.path().join("keys.json"), set.to_string()).unwrap();
        Realm { directory, key, elliptic: EncodingKey::from_ec_der(pkcs8.as_ref()) }
    }

    pub(super) fn config(&self) -> Config {
        Config {
            issuer: ISSUER.to_owned(),
            audience: "zona".to_owned(),
            token_type: "JWT".to_owned(),
            algorithms: vec![Algorithm::EdDsa, Algorithm::Es256],
            keys: KeyPlace::File(self.directory.path().join("keys.json")),
            tenants: vec![TenantId::parse("tenant", "acme").unwrap(), TenantId::parse("tenant", "umbrella").unwrap()],
            tenant_claim: Some("org".to_owned()),
            subject_claim: "preferred_username".to_owned(),
            role_claim: Some("realm_access.roles".to_owned()),
            roles: vec![("zona-user".to_owned(), Role::User), ("zona-admin".to_owned(), Role::Admin)],
            sign_in: None,
        }
    }

    pub(super) fn header(&self) -> Value {
        json!({"alg": "EdDSA", "kid": self.key.id(), "typ": "JWT"})
    }

    pub(super) fn signed(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = match header["alg"].as_str() {
            Some("ES256") => jsonwebtoken::crypto::sign(message.as_bytes(), &self.elliptic, jsonwebtoken::Algorithm::ES256).unwrap(),
            _ => self.key.sign(&message).unwrap(),
        };
        format!("{message}.{signature}")
    }

    pub(super) fn key_id(&self) -> &str {
        self.key.id()
    }

    pub(super) fn token(&self, claims: &Value) -> String {
        self.signed(&self.header(), claims)
    }
}

pub(super) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "zona", "sub": "5f1c", "preferred_username": "alice", "org": "acme",
        "realm_access": {"roles": ["offline", "zona-user", "zona-admin"]}, "iat": 1_790_000_000, "exp": 1_790_000_300,
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

async fn verify(config: Config, token: &str) -> Result<VerifiedToken, Refusal> {
    let compact = Compact::read(token)?;
    External::new(config).verify(&compact, Present { now: NOW, leeway: Duration::from_secs(5) }).await.unwrap()
}

#[tokio::test]
async fn a_token_of_a_trusted_issuer_speaks_for_a_user_of_a_tenant() {
    let realm = Realm::new();
    let verified = verify(realm.config(), &realm.token(&claims())).await.unwrap();
    assert_eq!(verified.principal.as_str(), "tenants/acme/users/alice");
    assert_eq!((verified.session, verified.role), (None, Some(Role::Admin)));
    assert_eq!(verified.issuer, Issuer::External(ISSUER.into()));
    let elliptic = json!({"alg": "ES256", "kid": "elliptic", "typ": "JWT"});
    assert!(verify(realm.config(), &realm.signed(&elliptic, &claims())).await.is_ok());
    let several = with("aud", json!(["account", "zona"]));
    assert!(verify(realm.config(), &realm.token(&several)).await.is_ok());
}

#[tokio::test]
async fn an_issuer_without_mappings_speaks_for_its_one_tenant_and_gives_no_roles() {
    let realm = Realm::new();
    let tenants = vec![TenantId::parse("tenant", "acme").unwrap()];
    let config = Config { tenants, tenant_claim: None, role_claim: None, subject_claim: "sub".to_owned(), ..realm.config() };
    let verified = verify(config, &realm.token(&claims())).await.unwrap();
    assert_eq!((verified.principal.as_str(), verified.role), ("tenants/acme/users/5f1c", None));
}

#[tokio::test]
async fn nobody_speaks_for_other_tenants_or_becomes_a_super_administrator() {
    let realm = Realm::new();
    for org in [json!("other"), json!("system"), json!(""), json!(["acme"]), json!(null), json!("acme/users/root")] {
        assert_eq!(verify(realm.config(), &realm.token(&with("org", org))).await, Err(Refusal::Claim("tenant")));
    }
    let careless = Config { tenants: vec![TenantId::system()], tenant_claim: None, ..realm.config() };
    assert_eq!(verify(careless, &realm.token(&claims())).await, Err(Refusal::Claim("tenant")));
    let careless = Config { roles: vec![("zona-admin".to_owned(), Role::SuperAdmin)], ..realm.config() };
    assert_eq!(verify(careless, &realm.token(&claims())).await, Err(Refusal::Claim("role")));
}

#[tokio::test]
async fn what_the_claims_do_not_say_is_not_made_up() {
    let realm = Realm::new();
    for (name, value, cause) in [
        ("preferred_username", json!("../users/root"), Refusal::Claim("sub")),
        ("preferred_username", json!(""), Refusal::Claim("sub")),
        ("preferred_username", json!(7), Refusal::Claim("sub")),
        ("realm_access", json!({"roles": ["offline"]}), Refusal::Claim("role")),
        ("realm_access", json!({}), Refusal::Claim("role")),
        ("realm_access", json!("zona-admin"), Refusal::Claim("role")),
        ("aud", json!("account"), Refusal::Claim("aud")),
        ("aud", json!(["zona", 7]), Refusal::Claim("aud")),
        ("aud", json!([]), Refusal::Claim("aud")),
        ("exp", json!(1_790_000_300.5), Refusal::Claim("exp")),
        ("exp", json!(1_790_000_000 + 86_401), Refusal::Claim("exp")),
        ("nbf", json!(1_790_000_006), Refusal::Early),
        ("jti", json!({}), Refusal::Claim("jti")),
    ] {
        assert_eq!(verify(realm.config(), &realm.token(&with(name, value.clone()))).await, Err(cause), "{name} {value}");
    }
}

#[tokio::test]
async fn a_key_verifies_only_what_it_is_for() {
    let realm = Realm::new();
    let header = |alg: &str, kid: &str, typ: &str| json!({"alg": alg, "kid": kid, "typ": typ});
    let own = realm.key.id();
    for (header, cause) in [
        (header("ES256", own, "JWT"), Refusal::Signature),
        (header("EdDSA", "elliptic", "JWT"), Refusal::Signature),
        (header("RS256", "elliptic", "JWT"), Refusal::Algorithm),
        (header("HS256", own, "JWT"), Refusal::Algorithm),
        (header("none", own, "JWT"), Refusal::Algorithm),
        (header("EdDSA", "unknown", "JWT"), Refusal::Key),
        (header("EdDSA", own, "at+jwt"), Refusal::Type),
    ] {
        assert_eq!(verify(realm.config(), &realm.signed(&header, &claims())).await, Err(cause), "{header}");
    }
    let narrowed = Config { algorithms: vec![Algorithm::Es256], ..realm.config() };
    assert_eq!(verify(narrowed, &realm.token(&claims())).await, Err(Refusal::Algorithm));
}

#[tokio::test]
async fn keys_that_others_can_exchange_are_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let realm = Realm::new();
    let file = realm.directory.path().join("keys.json");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let token = realm.token(&claims());
    let external = External::new(realm.config());
    let answer = external.verify(&Compact::read(&token).unwrap(), Present { now: NOW, leeway: Duration::ZERO }).await;
    assert!(matches!(answer, Err(Error::Unavailable { dependency: "issuer", .. })), "{answer:?}");
}
