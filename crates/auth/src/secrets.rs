//! Secrets that are shown once and kept as digests: API keys, refresh tokens, secrets of browsers' sessions and the bootstrap code, each with
//! 256 random bits. So many bits cannot be guessed, which is why a fast digest of them is enough, and why comparing digests tells nobody anything.
//!
//! Each ends with a checksum of what stands before it, so that a scanner tells one from any other text without asking a server.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::hash::Hash;
use domain::identity::{API_KEY_PREFIX, BROWSER_PREFIX, REFRESH_PREFIX, Secret, SecretSource};
use domain::name::{ApiKeyId, SessionId};
use sha2::{Digest as _, Sha256};

/// What the bootstrap code starts with.
const BOOTSTRAP_PREFIX: &str = "zona_bootstrap_";
/// Random bytes of a secret.
const BYTES: usize = 32;
/// Random bytes of an API key's id: 16 characters of base32.
const ID_BYTES: usize = 10;
/// Characters of a checksum: 36 bits.
const CHECKSUM: usize = 6;
/// RFC 4648, in lower case.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Secrets from the random numbers of the system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomSecrets;

impl RandomSecrets {
    fn secret(self, prefix: &str) -> (Secret, Hash) {
        let mut text = format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random::<BYTES>()));
        text.push_str(&checksum(&text));
        let digest = self.digest(&text);
        (Secret::new(text), digest)
    }
}

impl SecretSource for RandomSecrets {
    fn api_key(&self) -> (ApiKeyId, Secret, Hash) {
        let id = base32(random());
        let (secret, digest) = self.secret(&format!("{API_KEY_PREFIX}{id}_"));
        (ApiKeyId::parse("api_key", &id).expect("16 characters of base32 are an id"), secret, digest)
    }

    fn family(&self) -> (Secret, Hash) {
        let family = Secret::new(URL_SAFE_NO_PAD.encode(random::<BYTES>()));
        let digest = self.digest(family.expose());
        (family, digest)
    }

    fn refresh(&self, session: &SessionId, family: &str) -> (Secret, Hash) {
        self.secret(&format!("{REFRESH_PREFIX}{session}_{family}"))
    }

    fn browser(&self, session: &SessionId) -> (Secret, Hash) {
        self.secret(&format!("{BROWSER_PREFIX}{session}_"))
    }

    fn bootstrap(&self) -> (Secret, Hash) {
        self.secret(BOOTSTRAP_PREFIX)
    }

    fn digest(&self, secret: &str) -> Hash {
        Hash::from_bytes(Sha256::digest(secret).into())
    }
}

/// The first characters of the digest of what stands before it, in base64url.
fn checksum(text: &str) -> String {
    let mut checksum = URL_SAFE_NO_PAD.encode(Sha256::digest(text));
    checksum.truncate(CHECKSUM);
    checksum
}

/// Each group of five bytes is eight characters.
fn base32(bytes: [u8; ID_BYTES]) -> String {
    let group = |five: &[u8]| {
        let bits = five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        (0..8).rev().map(move |index| char::from(BASE32[(bits >> (5 * index) & 31) as usize])).collect::<String>()
    };
    bytes.chunks_exact(5).map(group).collect()
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without them nothing here may go on: whatever was handed out could be guessed.
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use domain::identity::{ApiKey, Session};

    use super::*;

    fn session() -> SessionId {
        SessionId::parse("session", "0197fd40-0000-7000-8000-000000000000").unwrap()
    }

    /// The secret and the checksum, behind a prefix.
    fn parts<'a>(text: &'a str, prefix: &str) -> (&'a str, &'a str) {
        text.strip_prefix(prefix).unwrap().split_at(43)
    }

    #[test]
    fn an_api_key_shows_its_id_and_is_known_by_the_digest_of_all_of_it() {
        let (id, key, digest) = RandomSecrets.api_key();
        assert_eq!(ApiKey::id_of(key.expose()).as_ref(), Some(&id));
        let (secret, _) = parts(key.expose(), &format!("zona_key_{id}_"));
        assert_eq!(URL_SAFE_NO_PAD.decode(secret).unwrap().len(), 32);
        assert_eq!(RandomSecrets.digest(key.expose()), digest);
        assert_ne!(RandomSecrets.digest(&key.expose()[..key.expose().len() - 1]), digest);
    }

    #[test]
    fn a_refresh_token_shows_its_session_and_a_bootstrap_code_what_it_is() {
        let (family, family_digest) = RandomSecrets.family();
        let (refresh, digest) = RandomSecrets.refresh(&session(), family.expose());
        assert_eq!(Session::id_of(refresh.expose()), Some(session()));
        let (of_family, own) = parts(refresh.expose(), &format!("zona_refresh_{}_", session()));
        assert_eq!(RandomSecrets.digest(of_family), family_digest);
        assert_eq!(URL_SAFE_NO_PAD.decode(&own[..43]).unwrap().len(), 32);
        assert_ne!(of_family, &own[..43]);
        assert_ne!(RandomSecrets.family().0.expose(), family.expose());
        assert_eq!(RandomSecrets.digest(refresh.expose()), digest);
        let (of_browser, digest) = RandomSecrets.browser(&session());
        assert_eq!((Session::id_of_browser(of_browser.expose()), Session::id_of(of_browser.expose())), (Some(session()), None));
        assert_eq!(RandomSecrets.digest(of_browser.expose()), digest);
        let (code, digest) = RandomSecrets.bootstrap();
        assert_eq!(parts(code.expose(), "zona_bootstrap_").0.len(), 43);
        assert_eq!(RandomSecrets.digest(code.expose()), digest);
    }

    #[test]
    fn every_secret_ends_with_a_checksum_that_a_typing_error_breaks() {
        let refresh = RandomSecrets.refresh(&session(), RandomSecrets.family().0.expose()).0;
        let secrets = [RandomSecrets.api_key().1, refresh, RandomSecrets.browser(&session()).0, RandomSecrets.bootstrap().0];
        for secret in secrets {
            let text = secret.expose();
            let (body, sum) = text.split_at(text.len() - CHECKSUM);
            assert_eq!(checksum(body), sum);
            for index in 0..body.len() {
                let mut typed = body.as_bytes().to_vec();
                typed[index] = if typed[index] == b'A' { b'B' } else { b'A' };
                assert_ne!(checksum(std::str::from_utf8(&typed).unwrap()), sum, "a mistake at {index} of {body}");
            }
        }
    }

    #[test]
    fn no_two_secrets_are_the_same() {
        let made: HashSet<String> = (0..1_000).map(|_| RandomSecrets.api_key().1.expose().to_owned()).collect();
        assert_eq!(made.len(), 1_000);
    }

    #[test]
    fn an_id_is_the_base32_of_rfc_4648() {
        assert_eq!(base32(*b"foobarbazq"), "mzxw6ytbojrgc6tr");
        assert_eq!((base32([0; 10]).as_str(), base32([255; 10]).as_str()), ("aaaaaaaaaaaaaaaa", "7777777777777777"));
    }
}
