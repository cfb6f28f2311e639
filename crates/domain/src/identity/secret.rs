//! Secrets in memory: texts that no log line, error or debug output shows, and the port that makes new ones.

use std::fmt;
use std::hint::black_box;
use std::mem;

use crate::hash::Hash;
use crate::name::{ApiKeyId, SessionId};

/// A password, a key or a token. Neither `Debug` nor `Display` shows anything of it.
pub struct Secret(String);

/// Port: new secrets, each of at least 256 random bits, and the hash that a store keeps instead of one. A plain SHA-256 is enough
/// for what nobody can guess.
pub trait SecretSource: Send + Sync {
    /// A new API key, `zona_key_{id}_{43 characters of base64url}`, with its id and its [`SecretSource::digest`].
    fn api_key(&self) -> (ApiKeyId, Secret, Hash);
    /// What all refresh tokens of one session have in common: 43 random characters of base64url, with their digest.
    fn family(&self) -> (Secret, Hash);
    /// A new refresh token of a session, `zona_refresh_{session}_{family}{43 characters of base64url}`, with its digest.
    fn refresh(&self, session: &SessionId, family: &str) -> (Secret, Hash);
    /// A new secret of a browser's session, `zona_session_{session}_{43 characters of base64url}`, with its digest.
    fn browser(&self, session: &SessionId) -> (Secret, Hash);
    /// A new code for the first super administrator, with its digest.
    fn bootstrap(&self) -> (Secret, Hash);
    /// The hash by which the store knows the secret with this whole text.
    fn digest(&self, secret: &str) -> Hash;
}

impl Secret {
    /// Takes a text for a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text, for whoever checks it or hands it to its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Secret {
    /// Overwrites the text as far as safe code can: copies that were made of it elsewhere stay.
    fn drop(&mut self) {
        let mut bytes = mem::take(&mut self.0).into_bytes();
        bytes.fill(0);
        black_box(&bytes);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing_of_itself() {
        let secret = Secret::new("hunter2");
        let shown = format!("{secret} {secret:?} {secret:#?} {secret:>20} {:?}", Some(&secret));
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(secret.expose(), "hunter2");
    }
}
