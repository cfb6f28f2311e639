//! A key that signs: how it is made, what its file holds, and its public half. The file's mode and place are the ring's business.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::time::Timestamp;
use jsonwebtoken::EncodingKey;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::algorithm::Algorithm;
use crate::public_key::PublicKey;

/// An Ed25519 key.
pub(crate) struct SigningKey {
    /// When it was made.
    pub created: Timestamp,
    /// Its public half.
    pub public: PublicKey,
    jwk: Value,
    secret: EncodingKey,
}

/// What a key's file holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Milliseconds since the Unix epoch.
    created_ms: u64,
    /// The private key as PKCS#8, in base64.
    pkcs8: String,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The system has no random numbers.
    #[error("no key can be made")]
    Made,
    /// A file holds something else.
    #[error("it does not hold a key; restore it from a backup, or remove it: what it signed is void then")]
    Held,
}

impl SigningKey {
    /// A new key, and what its file holds.
    pub(crate) fn make(created: Timestamp) -> Result<(Self, String), Error> {
        // The library says nothing of the cause.
        let Ok(pkcs8) = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()) else { return Err(Error::Made) };
        let file = File { created_ms: created.as_millis(), pkcs8: STANDARD.encode(pkcs8.as_ref()) };
        let text = serde_json::to_string(&file).unwrap_or_default();
        Ok((SigningKey::of(created, pkcs8.as_ref()).ok_or(Error::Made)?, text))
    }

    /// The key that a file holds.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        // Neither cause is told: it could quote the key.
        let Ok(file) = serde_json::from_str::<File>(text) else { return Err(Error::Held) };
        let Ok(pkcs8) = STANDARD.decode(&file.pkcs8) else { return Err(Error::Held) };
        SigningKey::of(Timestamp::from_millis(file.created_ms), &pkcs8).ok_or(Error::Held)
    }

    fn of(created: Timestamp, pkcs8: &[u8]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).ok()?;
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        // RFC 7638: the required members in the order of their names, without spaces.
        let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)));
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": thumbprint, "alg": "EdDSA", "use": "sig"});
        let public = PublicKey::read(jwk.as_object()?)?;
        Some(SigningKey { created, public, jwk, secret: EncodingKey::from_ed_der(pkcs8) })
    }

    /// Its name: the thumbprint of its public half (RFC 7638).
    pub(crate) fn id(&self) -> &str {
        self.public.id()
    }

    /// Its public half as a JSON Web Key.
    pub(crate) fn jwk(&self) -> &Value {
        &self.jwk
    }

    /// The signature of a message as it stands in a token.
    pub(crate) fn sign(&self, message: &str) -> Result<String, jsonwebtoken::errors::Error> {
        jsonwebtoken::crypto::sign(message.as_bytes(), &self.secret, Algorithm::EdDsa.of_library())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_from_its_file() {
        let (made, text) = SigningKey::make(Timestamp::from_millis(7)).unwrap();
        let read = SigningKey::read(&text).unwrap();
        assert_eq!((read.id(), read.created), (made.id(), made.created));
        assert!(made.public.has_signed("message", &read.sign("message").unwrap(), Algorithm::EdDsa));
        assert!(!made.public.has_signed("another", &read.sign("message").unwrap(), Algorithm::EdDsa));
    }

    #[test]
    fn a_key_is_named_by_the_thumbprint_of_rfc_8037() {
        // RFC 8037, appendix A: the private key, its public half and the thumbprint of that.
        let mut pkcs8 = vec![0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
        pkcs8.extend(URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap());
        let key = SigningKey::of(Timestamp::default(), &pkcs8).unwrap();
        assert_eq!(key.jwk()["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_file_of_something_else_is_refused_and_not_quoted() {
        for text in ["", "{}", "secret", r#"{"created_ms":1,"pkcs8":"c2VjcmV0"}"#, r#"{"created_ms":1,"pkcs8":"","more":1}"#] {
            let error = SigningKey::read(text).err().unwrap();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    }
}
