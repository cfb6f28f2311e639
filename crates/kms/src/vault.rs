//! A key of the transit secrets engine of HashiCorp Vault: `POST /v1/{mount}/encrypt/{key}` and `decrypt`, with the id of the
//! wrapping key as associated data. <https://developer.hashicorp.com/vault/api-docs/secret/transit>

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use keys::{GuardError, KEY_BYTES, KeyGuard};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::credentials;
use crate::endpoint::{Answer, Endpoint};
use crate::error::Error;

/// What ciphertexts begin with.
const PREFIX: &str = "vault:v";

/// Which key, and how it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultConfig {
    /// Where Vault is.
    pub endpoint: Endpoint,
    /// The path of the engine, usually `transit`.
    pub mount: String,
    /// The name of the key, of a type that authenticates (`aes256-gcm96`, `chacha20-poly1305`).
    pub key: String,
    /// A file with a token that may encrypt and decrypt by it, and nothing else. Read anew each time.
    pub token: PathBuf,
}

/// Vault's transit engine as what protects wrapping keys.
#[derive(Debug)]
pub struct VaultTransit {
    config: VaultConfig,
}

#[derive(Serialize)]
struct Encrypt<'a> {
    plaintext: &'a str,
    associated_data: &'a str,
}

#[derive(Serialize)]
struct Decrypt<'a> {
    ciphertext: &'a str,
    associated_data: &'a str,
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

#[derive(Deserialize)]
struct Encrypted {
    ciphertext: String,
}

#[derive(Deserialize)]
struct Decrypted {
    plaintext: String,
}

impl VaultTransit {
    /// Asks nobody yet.
    pub fn new(config: VaultConfig) -> Self {
        VaultTransit { config }
    }

    fn ask(&self, verb: &str, body: Vec<u8>) -> Result<Answer, Error> {
        let VaultConfig { endpoint, mount, key, token } = &self.config;
        let token = credentials::read(token)?;
        let request = Request::post(endpoint.at(&format!("/v1/{mount}/{verb}/{key}")))
            .header(http::header::CONTENT_TYPE, "application/json")
            .header("x-vault-request", "true")
            .header("x-vault-token", token.trim())
            .body(body);
        let answer = endpoint.ask(request.map_err(|_names_it| Error::Request("its token or path has other characters".to_owned()))?)?;
        match answer.status {
            200 => Ok(answer),
            status => Err(Error::Refused { status, code: String::new() }),
        }
    }

    fn protect(&self, id: &str, key: &[u8; KEY_BYTES]) -> Result<String, Error> {
        let (plaintext, associated_data) = (Zeroizing::new(STANDARD.encode(key)), STANDARD.encode(id));
        let body = serde_json::to_vec(&Encrypt { plaintext: &plaintext, associated_data: &associated_data });
        let answer = self.ask("encrypt", body.expect("texts are JSON"))?;
        let answer: Data<Encrypted> = serde_json::from_slice(&answer.body).map_err(|_quotes_it| Error::Malformed)?;
        let text = answer.data.ciphertext;
        let is_one = text.starts_with(PREFIX) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_one { Ok(text) } else { Err(Error::Malformed) }
    }

    fn open(&self, id: &str, protected: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        let associated_data = STANDARD.encode(id);
        let body = serde_json::to_vec(&Decrypt { ciphertext: protected, associated_data: &associated_data });
        let answer = self.ask("decrypt", body.expect("texts are JSON"))?;
        let answer: Data<Decrypted> = serde_json::from_slice(&answer.body).map_err(|_quotes_it| Error::Malformed)?;
        let plaintext = Zeroizing::new(answer.data.plaintext);
        STANDARD.decode(plaintext.as_bytes()).map(Zeroizing::new).map_err(|_quotes_it| Error::Malformed)
    }
}

impl KeyGuard for VaultTransit {
    fn name(&self) -> &str {
        "vault-transit"
    }

    fn protect(&self, id: &str, key: &[u8; KEY_BYTES]) -> Result<String, GuardError> {
        Ok(VaultTransit::protect(self, id, key)?)
    }

    fn open(&self, id: &str, protected: &str) -> Result<Zeroizing<Vec<u8>>, GuardError> {
        Ok(VaultTransit::open(self, id, protected)?)
    }
}
