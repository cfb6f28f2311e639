//! Public keys, read from JSON Web Keys (RFC 7517): which algorithms each is for follows from the key, never from a token.

use std::sync::Arc;

use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};

use crate::algorithm::{Algorithm, Family};
use crate::known::KnownSignatures;

/// A key that verifies.
#[derive(Clone)]
pub(crate) struct PublicKey {
    id: String,
    family: Family,
    /// Where the key says it is for one algorithm only.
    only: Option<Algorithm>,
    key: DecodingKey,
    /// With the key, what is known of it is forgotten.
    known: Arc<KnownSignatures>,
}

impl PublicKey {
    /// Reads a key; `None` for one that does not verify signatures as we take them: shared secrets, private keys, keys without a name,
    /// other curves, keys for encryption.
    pub(crate) fn read(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        if jwk.contains_key("d") || jwk.contains_key("k") || text("use").is_some_and(|usage| usage != "sig") || !verifies(jwk) {
            return None;
        }
        let (family, key) = match (text("kty")?, text("crv")) {
            ("OKP", Some("Ed25519")) => (Family::Ed25519, DecodingKey::from_ed_components(text("x")?)),
            ("EC", Some("P-256")) => (Family::P256, DecodingKey::from_ec_components(text("x")?, text("y")?)),
            ("EC", Some("P-384")) => (Family::P384, DecodingKey::from_ec_components(text("x")?, text("y")?)),
            ("RSA", None) => (Family::Rsa, DecodingKey::from_rsa_components(text("n")?, text("e")?)),
            _ => return None,
        };
        let only = match jwk.get("alg") {
            None => None,
            Some(name) => Some(Algorithm::named(name.as_str()?).filter(|algorithm| algorithm.family() == family)?),
        };
        Some(PublicKey { id: text("kid")?.to_owned(), family, only, key: key.ok()?, known: Arc::default() })
    }

    /// Its name.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Whether this key made the signature with this algorithm.
    pub(crate) fn has_signed(&self, message: &str, signature: &str, algorithm: Algorithm) -> bool {
        let fits = self.family == algorithm.family() && self.only.is_none_or(|only| only == algorithm);
        let verify = || matches!(jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.key, algorithm.of_library()), Ok(true));
        fits && self.known.is_own(message, signature, algorithm, verify)
    }
}

fn verifies(jwk: &Map<String, Value>) -> bool {
    match jwk.get("key_ops") {
        None => true,
        Some(Value::Array(operations)) => operations.iter().any(|operation| operation == "verify"),
        Some(_) => false,
    }
}
