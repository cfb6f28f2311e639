//! The back of signing in at an issuer's page (OpenID Connect Core 1.0, 3.1): a code is redeemed for an ID token, and that is found to be of
//! the sign-in. Whether the issuer has signed it, and what its claims mean, is found out as of any token of the issuer; where the browser
//! is sent and what it brings back is the gateway's.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::identity::{AuthorizationCode, Secret, SignInProblem};
use domain::time::Timestamp;
use domain::{Error, Result};
use form_urlencoded::{Serializer, byte_serialize};
use http::{HeaderValue, StatusCode};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::description::{Description, DescriptionSource, PATH};
use super::fetch::{self, KeyPlace};
use crate::claims::Claims;
use crate::compact::Compact;
use crate::refusal::Refusal;
use crate::strict;

/// The type of an ID token, where it has one.
const TYPE: &str = "JWT";
/// Longest secret of a client, the end of its line included.
const MAX_SECRET: u64 = 4_096;
/// Longest word for an error that is logged.
const MAX_WORD: usize = 64;

/// How people sign in at the page of an issuer.
#[derive(Debug, Clone)]
pub struct Config {
    /// The name that the configuration gives the issuer.
    pub name: String,
    /// The issuer's `iss`, which is an address.
    pub issuer: String,
    /// Where it describes itself: see [`Config::place`].
    pub place: KeyPlace,
    /// What the issuer knows Zona by.
    pub client: String,
    /// The file with the secret that proves it; `None` for a public client.
    pub secret: Option<PathBuf>,
    /// Where the page sends browsers, as the issuer knows it.
    pub redirect: String,
}

/// The sign-in page of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInPage {
    /// Its address, which may have a query.
    pub address: String,
    /// Whether each of its answers names the issuer (RFC 9207).
    pub names_issuer: bool,
}

/// Zona, as an issuer knows it.
pub(super) struct Client {
    config: Config,
    description: DescriptionSource,
}

/// Why no ID token comes for a code.
#[derive(Debug, thiserror::Error)]
enum Unredeemed {
    #[error(transparent)]
    Unanswered(#[from] fetch::Error),
    #[error("the secret of the client cannot be read")]
    Secret(#[from] std::io::Error),
    #[error("the file with the secret of the client is not to be trusted")]
    Untrusted(#[from] file_trust::Error),
    #[error("the file with the secret of the client is not one line of at most {MAX_SECRET} bytes")]
    Lines,
    #[error("reading the secret of the client failed")]
    Panicked(#[from] tokio::task::JoinError),
    #[error("the secret of the client fits into no header")]
    Header(#[from] http::header::InvalidHeaderValue),
    #[error("the answer has the status {0}")]
    Status(StatusCode),
    #[error("the answer has no ID token")]
    Form,
}

impl Config {
    /// Where an issuer describes itself, whose name is an address.
    ///
    /// # Errors
    /// What is wrong with the name.
    pub fn place(issuer: &str) -> Result<KeyPlace, String> {
        match KeyPlace::parse(&format!("{}{PATH}", issuer.strip_suffix('/').unwrap_or(issuer))) {
            Ok(place @ (KeyPlace::Local(_) | KeyPlace::Encrypted { .. })) if !issuer.contains(['?', '#']) => Ok(place),
            _ => Err("must be an https address, or http://127.0.0.1:PORT/..., to sign in there".to_owned()),
        }
    }
}

// === impl Client ===

impl Client {
    pub(super) fn new(config: Config) -> Self {
        let is_public = config.secret.is_none();
        Client { description: DescriptionSource::new(config.issuer.clone(), config.place.clone(), is_public), config }
    }

    /// The name that the configuration gives the issuer.
    pub(super) fn name(&self) -> &str {
        &self.config.name
    }

    /// The sign-in page.
    pub(super) async fn page(&self, now: Timestamp) -> Result<SignInPage> {
        let said = self.description.current(now).await?;
        Ok(SignInPage { address: said.authorization.clone(), names_issuer: said.names_itself })
    }

    /// Refuses an ID token that is not of this issuer, for this client, and of this sign-in (OpenID Connect Core 1.0, 3.1.3.7).
    /// The `nonce` is the challenge, which the page was given: whoever redeems the code knows what that was made of, also where the issuer
    /// does not look.
    pub(super) fn has_asked_for(&self, token: &Compact<'_>, verifier: &Secret) -> Result<(), Refusal> {
        token.has_no_type_but(TYPE)?;
        let (claims, client) = (Claims(&token.claims), self.config.client.as_str());
        claims.is("iss", &self.config.issuer)?;
        claims.is_for(client)?;
        let others = claims.0.get("aud").and_then(Value::as_array).is_some_and(|audiences| audiences.len() > 1);
        // Where it is for others, too, it must say that this one has asked for it.
        if others || claims.0.contains_key("azp") {
            claims.is("azp", client)?;
        }
        claims.is("nonce", &challenge(verifier))
    }

    /// The ID token that the issuer gives for a code.
    pub(super) async fn id_token(&self, code: &AuthorizationCode, now: Timestamp) -> Result<Secret> {
        let said = self.description.current(now).await?;
        match self.ask(&said, code).await {
            Ok(Ok(token)) => Ok(token),
            Ok(Err((status, word))) => {
                let (issuer, status) = (&self.config.name, status.as_u16());
                if blames_code(status, &word) {
                    tracing::debug!(issuer, status, word, "an issuer refuses a code");
                    return Err(SignInProblem::Refused.into());
                }
                tracing::warn!(issuer, status, word, "an issuer redeems no codes for the client that the configuration names");
                Err(Error::unavailable("issuer", "it redeems no codes for this client now"))
            }
            Err(error) => Err(Error::unavailable("issuer", error)),
        }
    }

    /// The ID token, or the issuer's status and word for why there is none.
    async fn ask(&self, said: &Description, code: &AuthorizationCode) -> Result<Result<Secret, (StatusCode, String)>, Unredeemed> {
        let secret = match self.config.secret.clone() {
            Some(path) => Some(tokio::task::spawn_blocking(move || read(&path)).await??),
            None => None,
        };
        let (authorization, form) = self.form(said, code, secret.as_ref())?;
        let (status, body) = fetch::post(&said.token, authorization, form).await?;
        let answer = strict::object(&body);
        let text = |name: &str| answer.as_ref().and_then(|answer| answer.get(name)).and_then(Value::as_str);
        if status.is_client_error() {
            return Ok(Err((status, word(text("error").unwrap_or_default()))));
        }
        if status != StatusCode::OK {
            return Err(Unredeemed::Status(status));
        }
        text("id_token").map(|token| Ok(Secret::new(token))).ok_or(Unredeemed::Form)
    }

    /// What is asked for a code, and the header that goes with it (RFC 6749, 4.1.3; RFC 7636, 4.5).
    fn form(
        &self,
        said: &Description,
        code: &AuthorizationCode,
        secret: Option<&Secret>,
    ) -> Result<(Option<HeaderValue>, String), Unredeemed> {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code");
        form.append_pair("code", code.code.expose());
        form.append_pair("redirect_uri", &self.config.redirect);
        form.append_pair("code_verifier", code.verifier.expose());
        if let Some(secret) = secret.filter(|_| !said.secret_in_form) {
            return Ok((Some(basic(&self.config.client, secret)?), form.finish()));
        }
        form.append_pair("client_id", &self.config.client);
        if let Some(secret) = secret {
            form.append_pair("client_secret", secret.expose());
        }
        Ok((None, form.finish()))
    }
}

/// What is told of a verifier (RFC 7636, 4.2).
fn challenge(verifier: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose()))
}

/// A client and its secret in a header (RFC 6749, 2.3.1).
fn basic(client: &str, secret: &Secret) -> Result<HeaderValue, Unredeemed> {
    let coded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = STANDARD.encode(format!("{}:{}", coded(client), coded(secret.expose())));
    let mut value = HeaderValue::from_str(&format!("Basic {pair}"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whether an answer is about the code that was shown, and so about who has shown it; otherwise it is about Zona, or the issuer itself (RFC
/// 6749, 5.2). Some answer what is no code with another word than `invalid_grant`.
fn blames_code(status: u16, word: &str) -> bool {
    match status {
        400 => !matches!(word, "invalid_client" | "unauthorized_client" | "unsupported_grant_type"),
        401 => word == "invalid_grant",
        _ => false,
    }
}

/// As much of an issuer's word for an error as is fit for a log (RFC 6749, 5.2).
fn word(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_lowercase() || *c == '_').take(MAX_WORD).collect()
}

/// The secret in a file of one line. It is read each time, so that it may be replaced.
fn read(path: &Path) -> Result<Secret, Unredeemed> {
    let mut text = String::new();
    // A byte more than may be there: a part of a secret is none.
    File::open(file_trust::trusted(path)?)?.take(MAX_SECRET + 1).read_to_string(&mut text)?;
    let line = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    let is_one = !line.is_empty() && text.len() as u64 <= MAX_SECRET && !line.contains(['\r', '\n']);
    is_one.then(|| Secret::new(line)).ok_or(Unredeemed::Lines)
}

#[cfg(test)]
mod tests;
