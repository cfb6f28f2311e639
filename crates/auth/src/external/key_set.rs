//! The public keys of another issuer, as it publishes them (RFC 7517).

use serde_json::Value;

use crate::public_key::PublicKey;
use crate::strict;

/// Most keys that one issuer has at a time.
const MAX_KEYS: usize = 64;

/// Why a set of keys is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// It is something else.
    #[error("it is no JSON Web Key Set")]
    Form,
    /// There is nothing in it to verify with, or too much.
    #[error("it has no key that verifies, or more than {MAX_KEYS} keys")]
    Number,
    /// Which key a token means could not be told.
    #[error("it has two keys of one name")]
    Twice,
}

/// Reads the keys that verify; others are left out.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<PublicKey>, Fault> {
    let set = strict::object(bytes).ok_or(Fault::Form)?;
    let Some(Value::Array(published)) = set.get("keys") else { return Err(Fault::Form) };
    if published.len() > MAX_KEYS {
        return Err(Fault::Number);
    }
    let keys: Vec<PublicKey> = published.iter().filter_map(Value::as_object).filter_map(PublicKey::read).collect();
    let twice = keys.iter().enumerate().any(|(index, key)| keys[..index].iter().any(|other| other.id() == key.id()));
    match (keys.is_empty(), twice) {
        (true, _) => Err(Fault::Number),
        (false, true) => Err(Fault::Twice),
        (false, false) => Ok(keys),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn fault(set: &Value) -> Option<Fault> {
        read(set.to_string().as_bytes()).err()
    }

    #[test]
    fn keys_that_verify_are_read_and_others_left_out() {
        let set = json!({"keys": [
            {"kty": "OKP", "crv": "Ed25519", "x": X, "kid": "good"},
            {"kty": "OKP", "crv": "Ed25519", "x": X, "kid": "said", "alg": "EdDSA", "use": "sig", "key_ops": ["verify"]},
            {"kty": "OKP", "crv": "Ed25519", "x": X},
            {"kty": "OKP", "crv": "X25519", "x": X, "kid": "exchange"},
            {"kty": "OKP", "crv": "Ed25519", "x": X, "kid": "encrypts", "use": "enc"},
            {"kty": "OKP", "crv": "Ed25519", "x": X, "kid": "signs", "key_ops": ["sign"]},
            {"kty": "OKP", "crv": "Ed25519", "x": X, "d": X, "kid": "private"},
            {"kty": "OKP", "crv": "Ed25519", "x": X, "kid": "another family's", "alg": "ES256"},
            {"kty": "OKP", "crv": "Ed25519", "x": X, "kid": "unknown", "alg": "HS256"},
            {"kty": "oct", "k": X, "kid": "shared"},
            {"kty": "EC", "crv": "secp256k1", "x": X, "y": X, "kid": "curve"},
            "no key",
        ]});
        let names: Vec<String> = read(set.to_string().as_bytes()).unwrap().iter().map(|key| key.id().to_owned()).collect();
        assert_eq!(names, ["good", "said"]);
    }

    #[test]
    fn a_set_without_keys_with_too_many_or_with_one_name_twice_is_not_taken() {
        let key = |id: &str| json!({"kty": "OKP", "crv": "Ed25519", "x": X, "kid": id});
        assert_eq!(fault(&json!({"keys": []})), Some(Fault::Number));
        assert_eq!(fault(&json!({"keys": vec![key("a"); 65]})), Some(Fault::Number));
        assert_eq!(fault(&json!({"keys": [key("a"), key("b"), key("a")]})), Some(Fault::Twice));
        assert_eq!(fault(&json!({"key": []})), Some(Fault::Form));
        assert_eq!(read(b"<html>").err(), Some(Fault::Form));
        assert_eq!(read(br#"{"keys":[],"keys":[]}"#).err(), Some(Fault::Form));
    }
}
