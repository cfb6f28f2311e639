//! Tokens that somebody made up: each is refused, with one and the same answer. Most are signed with our own key, so that nothing but
//! what is wrong with each can be the reason.

use jsonwebtoken::EncodingKey;

use super::*;
use crate::signing_key::SigningKey;

/// Makes tokens, right ones and others.
struct Forge {
    key: Arc<SigningKey>,
    stranger: SigningKey,
    header: Value,
    claims: Value,
}

impl Forge {
    fn of(server: &Server) -> Self {
        let issued = server.tokens.issue(&token()).unwrap();
        let parts: Vec<&str> = issued.expose().split('.').collect();
        let stranger = SigningKey::make(NOW).unwrap().0;
        Forge { key: server.ring.signing(NOW), stranger, header: json_of(parts[0]), claims: json_of(parts[1]) }
    }

    /// A token of these bytes with a right signature of ours.
    fn signed(&self, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        format!("{message}.{}", self.key.sign(&message).unwrap())
    }

    fn right(&self) -> String {
        self.signed(self.header.to_string(), self.claims.to_string())
    }

    /// A right token with one parameter of the header set, or taken away.
    fn header(&self, name: &str, value: Option<Value>) -> String {
        self.signed(changed(&self.header, name, value).to_string(), self.claims.to_string())
    }

    /// A right token with one claim set, or taken away.
    fn claim(&self, name: &str, value: Option<Value>) -> String {
        self.signed(self.header.to_string(), changed(&self.claims, name, value).to_string())
    }

    /// A token under another algorithm, signed with a shared secret that everybody knows.
    fn shared(&self, secret: &[u8]) -> String {
        let header = changed(&self.header, "alg", Some("HS256".into())).to_string();
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(self.claims.to_string()));
        let key = EncodingKey::from_secret(secret);
        format!("{message}.{}", jsonwebtoken::crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap())
    }

    /// A right token whose signature was exchanged.
    fn with_signature(&self, signature: &str) -> String {
        format!("{}.{signature}", self.message())
    }

    fn message(&self) -> String {
        self.right().rsplit_once('.').unwrap().0.to_owned()
    }
}

fn changed(object: &Value, name: &str, value: Option<Value>) -> Value {
    let mut object = object.as_object().unwrap().clone();
    match value {
        Some(value) => object.insert(name.to_owned(), value),
        None => object.remove(name),
    };
    object.into()
}

type Cases = Vec<(String, String)>;

fn about_headers(forge: &Forge) -> Cases {
    let own = forge.key.id();
    let mut cases: Cases = [
        ("alg", None),
        ("alg", Some(json!("none"))),
        ("alg", Some(json!("None"))),
        ("alg", Some(json!(""))),
        ("alg", Some(json!("eddsa"))),
        ("alg", Some(json!("Ed25519"))),
        ("alg", Some(json!("ES256"))),
        ("alg", Some(json!("RS256"))),
        ("alg", Some(json!(["EdDSA"]))),
        ("alg", Some(json!(5))),
        ("kid", None),
        ("kid", Some(json!(""))),
        ("kid", Some(json!("unknown"))),
        ("kid", Some(json!(7))),
        ("kid", Some(json!([own]))),
        ("kid", Some(json!("../../../../dev/null"))),
        ("kid", Some(json!("' OR '1'='1"))),
        ("kid", Some(json!(format!("{own}\u{0}")))),
        ("kid", Some(json!(format!("{own}.key")))),
        ("kid", Some(json!(format!("./{own}")))),
        ("kid", Some(json!(forge.stranger.id()))),
        ("typ", None),
        ("typ", Some(json!("JWT"))),
        ("typ", Some(json!("AT+JWT"))),
        ("typ", Some(json!("application/at+jwt"))),
        ("typ", Some(json!(["at+jwt"]))),
        ("jku", Some(json!("http://127.0.0.1:1/keys"))),
        ("x5u", Some(json!("http://127.0.0.1:1/chain"))),
        ("x5c", Some(json!(["MIIB"]))),
        ("jwk", Some(forge.key.jwk().clone())),
        ("crit", Some(json!([]))),
        ("crit", Some(json!(["exp"]))),
        ("b64", Some(json!(false))),
        ("zip", Some(json!("DEF"))),
        ("cty", Some(json!("JWT"))),
        ("enc", Some(json!("A256GCM"))),
        ("anything", Some(json!("else"))),
    ]
    .into_iter()
    .map(|(name, value)| (format!("header {name} {value:?}"), forge.header(name, value)))
    .collect();
    let claims = forge.claims.to_string();
    for header in [
        format!(r#"{{"alg":"none","alg":"EdDSA","kid":"{own}","typ":"at+jwt"}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{own}","k\u0069d":"{own}","typ":"at+jwt"}}"#),
        format!(r#"[{{"alg":"EdDSA","kid":"{own}","typ":"at+jwt"}}]"#),
        format!(r#"{{"alg":"EdDSA","kid":"{own}","typ":"at+jwt"}}{{}}"#),
        format!("\u{feff}{{\"alg\":\"EdDSA\",\"kid\":\"{own}\",\"typ\":\"at+jwt\"}}"),
        "null".to_owned(),
    ] {
        cases.push((format!("header {header}"), forge.signed(header, &claims)));
    }
    let embedded = changed(&forge.header, "jwk", Some(forge.stranger.jwk().clone()));
    let embedded = changed(&embedded, "kid", Some(json!(forge.stranger.id()))).to_string();
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(embedded), URL_SAFE_NO_PAD.encode(&claims));
    cases.push(("a key that the token brings along".to_owned(), format!("{message}.{}", forge.stranger.sign(&message).unwrap())));
    let unsigned = changed(&forge.header, "alg", Some(json!("none"))).to_string();
    let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(unsigned), URL_SAFE_NO_PAD.encode(&claims));
    cases.push(("no algorithm and no signature".to_owned(), unsigned));
    cases
}

fn about_claims(forge: &Forge) -> Cases {
    let now = NOW.as_millis() / 1_000;
    let late = now + LEEWAY.as_secs() + 1;
    let mut cases: Cases = [
        ("exp", None),
        ("exp", Some(json!(null))),
        ("exp", Some(json!("1790000600"))),
        ("exp", Some(json!(1_790_000_600.5))),
        ("exp", Some(json!(1_790_000_600.0))),
        ("exp", Some(json!(-1))),
        ("exp", Some(json!(u64::MAX))),
        ("exp", Some(json!(true))),
        ("exp", Some(json!([now + 600]))),
        ("exp", Some(json!(now))),
        ("exp", Some(json!(now - 1))),
        ("exp", Some(json!(now + 901))),
        ("exp", Some(json!((now + 600) * 1_000))),
        ("nbf", None),
        ("nbf", Some(json!(late))),
        ("nbf", Some(json!("1790000000"))),
        ("nbf", Some(json!(1_790_000_000.5))),
        ("nbf", Some(json!(null))),
        ("iat", None),
        ("iat", Some(json!(late))),
        ("iat", Some(json!("1790000000"))),
        ("aud", None),
        ("aud", Some(json!(""))),
        ("aud", Some(json!("zon"))),
        ("aud", Some(json!("Zona"))),
        ("aud", Some(json!("zona "))),
        ("aud", Some(json!("another"))),
        ("aud", Some(json!(["zona"]))),
        ("aud", Some(json!(["another", "zona"]))),
        ("iss", None),
        ("iss", Some(json!("https://zona.example/"))),
        ("iss", Some(json!("https://ZONA.example"))),
        ("iss", Some(json!("http://zona.example"))),
        ("iss", Some(json!(["https://zona.example"]))),
        ("iss", Some(json!("https://elsewhere.example"))),
        ("sub", None),
        ("sub", Some(json!(""))),
        ("sub", Some(json!("alice"))),
        ("sub", Some(json!(7))),
        ("sub", Some(json!("tenants/acme/users/"))),
        ("sub", Some(json!("tenants/acme/users/../users/root"))),
        ("sub", Some(json!("tenants/other/users/alice"))),
        ("sub", Some(json!("tenants/acme/users/alice".repeat(50)))),
        ("tenant", None),
        ("tenant", Some(json!("other"))),
        ("tenant", Some(json!("system"))),
        ("tenant", Some(json!(["acme"]))),
        ("role", None),
        ("role", Some(json!("root"))),
        ("role", Some(json!(["admin"]))),
        ("sid", None),
        ("sid", Some(json!("1"))),
        ("sid", Some(json!(null))),
        ("jti", None),
        ("jti", Some(json!(1))),
    ]
    .into_iter()
    .map(|(name, value)| (format!("claim {name} {value:?}"), forge.claim(name, value)))
    .collect();
    let (header, claims) = (forge.header.to_string(), forge.claims.to_string());
    let past = |seconds: u64| Some(json!(now - seconds));
    let old = changed(&changed(&forge.claims, "iat", past(600)), "nbf", past(600));
    for (name, claims) in [
        ("expired a moment ago", changed(&old, "exp", past(LEEWAY.as_secs())).to_string()),
        ("expired by a second", changed(&old, "exp", past(LEEWAY.as_secs() + 1)).to_string()),
        ("a claim twice", claims.replacen('{', r#"{"sub":"tenants/acme/users/root","#, 1)),
        ("a claim twice within another", claims.replacen('{', r#"{"more":{"a":1,"a":2},"#, 1)),
        ("something behind the claims", format!("{claims}{{}}")),
        ("a list of claims", format!("[{claims}]")),
        ("another token as claims", forge.right()),
        ("a text as claims", json!(forge.right()).to_string()),
        ("no claims", "{}".to_owned()),
    ] {
        cases.push((name.to_owned(), forge.signed(&header, claims)));
    }
    cases.push(("bytes that are no text".to_owned(), forge.signed(&header, b"{\"sub\":\"\xff\"}")));
    cases
}

fn about_form(forge: &Forge) -> Cases {
    let (right, message) = (forge.right(), forge.message());
    let (header, claims) = message.split_once('.').unwrap();
    let signature = right.rsplit_once('.').unwrap().1;
    let public = forge.key.jwk()["x"].as_str().unwrap();
    // Of the last of 86 characters four bits count, so its neighbor in the alphabet stands for the same 64 bytes.
    let (head, last) = right.split_at(right.len() - 1);
    let neighbor = char::from(last.as_bytes()[0] + 1);
    [
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("one part", "abc".to_owned()),
        ("two parts", message.clone()),
        ("four parts", format!("{right}.")),
        ("five parts, like an encrypted token", format!("{right}.AAAA.AAAA")),
        ("no signature", format!("{message}.")),
        ("no claims", format!("{header}..{signature}")),
        ("no header", format!(".{claims}.{signature}")),
        ("a line end behind it", format!("{right}\n")),
        ("a space before it", format!(" {right}")),
        ("a zero byte behind it", format!("{right}\0")),
        ("padding", format!("{right}==")),
        ("padding of the header", format!("{header}=.{claims}.{signature}")),
        ("the other alphabet of base64", forge.with_signature(&format!("+/{}", &signature[2..]))),
        ("bits that nobody reads", format!("{head}{neighbor}")),
        ("a shorter signature", forge.with_signature(&signature[..signature.len() - 4])),
        ("a longer signature", forge.with_signature(&format!("AAAA{signature}"))),
        ("a signature of zeros", forge.with_signature(&URL_SAFE_NO_PAD.encode([0; 64]))),
        ("a signature of something else", forge.with_signature(&forge.key.sign("something else").unwrap())),
        ("a signature of a stranger", forge.with_signature(&forge.stranger.sign(&message).unwrap())),
        ("a signature that is encoded twice", forge.with_signature(&URL_SAFE_NO_PAD.encode(signature))),
        ("other claims under a right signature", format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(r#"{"sub":"root"}"#))),
        ("a megabyte", "A".repeat(1 << 20)),
        ("a megabyte in the claims", forge.claim("more", Some(json!("x".repeat(1 << 20))))),
        ("longer than allowed by little", forge.claim("more", Some(json!("x".repeat(6 * 1024))))),
        ("nested without end", forge.signed(forge.header.to_string(), "{\"a\":".repeat(1_000))),
        ("the other serialization", json!({"protected": header, "payload": claims, "signature": signature}).to_string()),
        ("the scheme once more", format!("Bearer {right}")),
        ("letters of another case", right.to_lowercase()),
        ("other dots", right.replace('.', "\u{ff0e}")),
        ("a public key as a shared secret", forge.shared(public.as_bytes())),
        ("its bytes as a shared secret", forge.shared(&URL_SAFE_NO_PAD.decode(public).unwrap())),
        ("a published key as a shared secret", forge.shared(forge.key.jwk().to_string().as_bytes())),
        ("an empty shared secret", forge.shared(b"")),
        ("an API key", "zona_key_aaaaaaaaaaaaaaaa_AAAA".to_owned()),
    ]
    .map(|(name, token)| (name.to_owned(), token))
    .into()
}

#[tokio::test]
async fn every_hostile_token_is_refused_with_one_answer() {
    let data = TempDir::new().unwrap();
    let server = Server::on(&data);
    let forge = Forge::of(&server);
    let cases: Cases = [about_headers(&forge), about_claims(&forge), about_form(&forge)].concat();
    assert!(cases.len() >= 140, "{} tokens", cases.len());
    for (name, token) in cases {
        match server.verify(&token, NOW).await {
            Err(error @ Error::Unauthenticated) => assert_eq!(error.to_string(), "the caller is not authenticated", "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_same_forge_makes_tokens_that_are_accepted() {
    let data = TempDir::new().unwrap();
    let server = Server::on(&data);
    let forge = Forge::of(&server);
    let now = NOW.as_millis() / 1_000;
    let spaced = |json: &Value| serde_json::to_string_pretty(json).unwrap();
    let system = changed(&forge.claims, "sub", Some(json!("tenants/system/users/alice")));
    let system = changed(&system, "tenant", Some(json!("system"))).to_string();
    for (name, token) in [
        ("as issued", forge.right()),
        ("with spaces", forge.signed(spaced(&forge.header), spaced(&forge.claims))),
        ("as long as allowed", forge.claim("exp", Some(json!(now + 900)))),
        ("as large as allowed", forge.claim("more", Some(json!("x".repeat(5 * 1024))))),
        ("begins within the leeway", forge.claim("nbf", Some(json!(now + LEEWAY.as_secs())))),
        ("with a claim of somebody else", forge.claim("more", Some(json!({"a": [1, {"b": null}]})))),
        ("of the installation's tenant", forge.signed(forge.header.to_string(), system)),
    ] {
        let verified = server.verify(&token, NOW).await;
        assert!(verified.is_ok(), "{name}: {verified:?}");
    }
}

#[tokio::test]
async fn names_of_keys_that_nobody_has_make_a_server_look_once_a_second_at_most() {
    let data = TempDir::new().unwrap();
    let server = Server::on(&data);
    let forge = Forge::of(&server);
    let unknown = |name: String| forge.header("kid", Some(json!(name)));
    let later = NOW.plus(SECOND);
    assert!(server.verify(&unknown("the first of this second".to_owned()), later).await.is_err());
    // A key that turns up now is not found by any of the next 10,000 tokens, however many keys they name.
    let (hidden, text) = SigningKey::make(NOW).unwrap();
    std::fs::write(data.path().join(format!("identity/{}.key", hidden.id())), text).unwrap();
    for number in 0..10_000 {
        assert!(server.verify(&unknown(number.to_string()), later).await.is_err());
    }
    let message = unknown(hidden.id().to_owned()).rsplit_once('.').unwrap().0.to_owned();
    let token = format!("{message}.{}", hidden.sign(&message).unwrap());
    assert!(server.verify(&token, later).await.is_err());
    assert!(server.verify(&token, later.plus(SECOND)).await.is_ok());
}
