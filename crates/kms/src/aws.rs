//! A symmetric key of AWS KMS: Encrypt and Decrypt, signed by Signature Version 4, with the id of the wrapping key as encryption context.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/>

use std::path::PathBuf;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use keys::{GuardError, KEY_BYTES, KeyGuard};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::credentials::AwsCredentials;
use crate::endpoint::{Answer, Endpoint};
use crate::error::Error;

/// What the media type of its messages is.
const JSON: &str = "application/x-amz-json-1.1";
/// Stands between the key and what it has encrypted; no ARN has it.
const BEHIND_KEY: char = ',';
/// Longest code of a refusal that is shown.
const MAX_CODE: usize = 80;

/// Which key, and how it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsConfig {
    /// Where KMS is.
    pub endpoint: Endpoint,
    /// The region that requests are signed for.
    pub region: String,
    /// Id, ARN or alias of the key.
    pub key: String,
    /// A file of credentials as programs of AWS have it, for who may encrypt and decrypt by the key and nothing else. Read anew each time.
    pub credentials: PathBuf,
    /// The section of that file.
    pub profile: String,
}

/// AWS KMS as what protects wrapping keys.
#[derive(Debug)]
pub struct AwsKms {
    config: AwsConfig,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypt<'a> {
    key_id: &'a str,
    plaintext: &'a str,
    encryption_context: Context<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypt<'a> {
    key_id: &'a str,
    ciphertext_blob: &'a str,
    encryption_context: Context<'a>,
}

/// What must be the same when it is opened. Shown in the logs of AWS.
#[derive(Serialize)]
struct Context<'a> {
    #[serde(rename = "zona:key")]
    key: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypted {
    key_id: String,
    ciphertext_blob: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypted {
    plaintext: String,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "__type", default)]
    code: String,
}

impl AwsKms {
    /// Asks nobody yet.
    pub fn new(config: AwsConfig) -> Self {
        AwsKms { config }
    }

    fn ask(&self, action: &str, body: Vec<u8>) -> Result<Answer, Error> {
        let target = format!("TrentService.{action}");
        let request = self.signed(&target, body, SystemTime::now())?;
        let answer = self.config.endpoint.ask(request)?;
        match answer.status {
            200 => Ok(answer),
            status => Err(Error::Refused { status, code: code(&answer.body) }),
        }
    }

    /// The request with its signature.
    pub(crate) fn signed(&self, target: &str, body: Vec<u8>, now: SystemTime) -> Result<Request<Vec<u8>>, Error> {
        let AwsConfig { endpoint, region, credentials, profile, .. } = &self.config;
        let failed = |error: &dyn std::fmt::Display| Error::Request(error.to_string());
        let AwsCredentials { id, secret, session } = AwsCredentials::read(credentials, profile)?;
        let identity = Credentials::new(id, secret.as_str(), session, None, "file").into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("kms")
            .time(now)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| failed(&error))?;
        let uri = endpoint.at("/");
        let headers = [("host", endpoint.authority()), ("content-type", JSON), ("x-amz-target", target)];
        let signable =
            SignableRequest::new("POST", &uri, headers.into_iter(), SignableBody::Bytes(&body)).map_err(|error| failed(&error))?;
        let (instructions, _signature) = sign(signable, &parameters.into()).map_err(|error| failed(&error))?.into_parts();
        let request = Request::post(&uri).header(http::header::CONTENT_TYPE, JSON).header("x-amz-target", target).body(body);
        let mut request = request.map_err(|error| failed(&error))?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }

    fn protect(&self, id: &str, key: &[u8; KEY_BYTES]) -> Result<String, Error> {
        let plaintext = Zeroizing::new(STANDARD.encode(key));
        let body = Encrypt { key_id: &self.config.key, plaintext: &plaintext, encryption_context: Context { key: id } };
        let answer = self.ask("Encrypt", serde_json::to_vec(&body).expect("texts are JSON"))?;
        let answer: Encrypted = serde_json::from_slice(&answer.body).map_err(|_quotes_it| Error::Malformed)?;
        let is_one = STANDARD.decode(&answer.ciphertext_blob).is_ok_and(|bytes| !bytes.is_empty());
        // By the very key, and not by an alias of it, which may lead to another one when it is opened.
        let is_key = !answer.key_id.is_empty() && answer.key_id.bytes().all(|byte| byte.is_ascii_graphic() && byte != BEHIND_KEY as u8);
        if is_one && is_key { Ok(format!("{}{BEHIND_KEY}{}", answer.key_id, answer.ciphertext_blob)) } else { Err(Error::Malformed) }
    }

    fn open(&self, id: &str, protected: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (key_id, ciphertext_blob) = protected.split_once(BEHIND_KEY).ok_or(Error::Malformed)?;
        let body = Decrypt { key_id, ciphertext_blob, encryption_context: Context { key: id } };
        let answer = self.ask("Decrypt", serde_json::to_vec(&body).expect("texts are JSON"))?;
        let answer: Decrypted = serde_json::from_slice(&answer.body).map_err(|_quotes_it| Error::Malformed)?;
        let plaintext = Zeroizing::new(answer.plaintext);
        STANDARD.decode(plaintext.as_bytes()).map(Zeroizing::new).map_err(|_quotes_it| Error::Malformed)
    }
}

impl KeyGuard for AwsKms {
    fn name(&self) -> &str {
        "aws-kms"
    }

    fn protect(&self, id: &str, key: &[u8; KEY_BYTES]) -> Result<String, GuardError> {
        Ok(AwsKms::protect(self, id, key)?)
    }

    fn open(&self, id: &str, protected: &str) -> Result<Zeroizing<Vec<u8>>, GuardError> {
        Ok(AwsKms::open(self, id, protected)?)
    }
}

/// The code of a refusal, such as `AccessDeniedException`: letters only, so that nothing else of the answer is quoted.
fn code(body: &[u8]) -> String {
    let code = serde_json::from_slice::<Refusal>(body).map(|refusal| refusal.code).unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    let is_one = !code.is_empty() && code.len() <= MAX_CODE && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_one { format!(": {code}") } else { String::new() }
}
