//! The compact form of a token, taken apart before anything of it is believed: size, alphabet, canonical base64, strict JSON, and a
//! header that leads nowhere else. It does not look at who signed.
//!
//! The library below reads more than that (a header with a name twice, parameters that nobody looks at), so it is only asked about
//! signatures.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::public_key::PublicKey;
use crate::refusal::Refusal;
use crate::strict;

/// Longest token: everything of a call's metadata has 16 KiB.
const MAX_BYTES: usize = 8 * 1024;

/// Parameters that would have a token say which key verifies it, change how it is read, or demand something that is not understood.
const FORBIDDEN: [&str; 10] = ["crit", "jku", "jwk", "x5u", "x5c", "b64", "enc", "zip", "cty", "epk"];

/// Parameters of a token of our own: exactly these.
const OWN: [&str; 3] = ["alg", "kid", "typ"];

/// A token's parts, well-formed and not verified.
pub(crate) struct Compact<'a> {
    header: Map<String, Value>,
    /// What it claims.
    pub claims: Map<String, Value>,
    signed: &'a str,
    signature: &'a str,
}

impl<'a> Compact<'a> {
    /// Takes a token apart.
    pub(crate) fn read(text: &'a str) -> Result<Self, Refusal> {
        if text.len() > MAX_BYTES {
            return Err(Refusal::Size);
        }
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(Refusal::Form);
        };
        // Kept as text, but canonical: two texts must not be one signature.
        decoded(signature)?;
        let signed = &text[..header.len() + 1 + claims.len()];
        let compact = Compact { header: object(header)?, claims: object(claims)?, signed, signature };
        match FORBIDDEN.iter().any(|name| compact.header.contains_key(*name)) {
            true => Err(Refusal::Header),
            false => Ok(compact),
        }
    }

    /// Refuses a header that has other parameters than we write.
    pub(crate) fn has_own_header(&self) -> Result<(), Refusal> {
        let own = self.header.len() == OWN.len() && OWN.iter().all(|name| self.header.contains_key(*name));
        if own { Ok(()) } else { Err(Refusal::Header) }
    }

    /// Refuses any other type.
    pub(crate) fn has_type(&self, wanted: &str) -> Result<(), Refusal> {
        if self.header.get("typ").and_then(Value::as_str) == Some(wanted) { Ok(()) } else { Err(Refusal::Type) }
    }

    /// Refuses any other type, where it has one; of media types, letters' case says nothing (RFC 7515, 4.1.9).
    pub(crate) fn has_no_type_but(&self, wanted: &str) -> Result<(), Refusal> {
        let fits = |typed: &Value| typed.as_str().is_some_and(|typed| typed.eq_ignore_ascii_case(wanted));
        if self.header.get("typ").is_none_or(fits) { Ok(()) } else { Err(Refusal::Type) }
    }

    /// The algorithm, one of these.
    pub(crate) fn algorithm(&self, allowed: &[Algorithm]) -> Result<Algorithm, Refusal> {
        let named = self.header.get("alg").and_then(Value::as_str).and_then(Algorithm::named);
        named.filter(|algorithm| allowed.contains(algorithm)).ok_or(Refusal::Algorithm)
    }

    /// The name of the key, which every token has.
    pub(crate) fn key_id(&self) -> Result<&str, Refusal> {
        self.header.get("kid").and_then(Value::as_str).ok_or(Refusal::Key)
    }

    /// Refuses what this key has not signed with this algorithm.
    pub(crate) fn is_signed_by(&self, key: &PublicKey, algorithm: Algorithm) -> Result<(), Refusal> {
        if key.has_signed(self.signed, self.signature, algorithm) { Ok(()) } else { Err(Refusal::Signature) }
    }
}

fn object(part: &str) -> Result<Map<String, Value>, Refusal> {
    strict::object(&decoded(part)?).ok_or(Refusal::Json)
}

fn decoded(part: &str) -> Result<Vec<u8>, Refusal> {
    match URL_SAFE_NO_PAD.decode(part) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(Refusal::Form),
    }
}
