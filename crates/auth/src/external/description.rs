//! What an issuer says of itself (OpenID Connect Discovery 1.0): where its pages are and what they promise. It is kept and asked for anew
//! as its keys are; what it says of keys is not used, since the configuration names them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::time::Timestamp;
use http::Uri;
use serde_json::{Map, Value};

use super::fetch::{self, KeyPlace};
use super::key_source::{ASK_EVERY, USABLE, is_younger};
use crate::strict;

/// Where it is, behind the issuer's name.
pub(super) const PATH: &str = "/.well-known/openid-configuration";
/// A description of this age is asked for anew: pages move rarely, and who moves them leaves the old ones for a while.
const FRESH: Duration = Duration::from_secs(3_600);
/// Longest address of a page.
const MAX_ADDRESS: usize = 2_048;

/// What is used of a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Description {
    /// Where people sign in.
    pub authorization: String,
    /// Where codes are redeemed.
    pub token: KeyPlace,
    /// Whether a client's secret stands in the form, and not in a header.
    pub secret_in_form: bool,
    /// Whether each answer of the page names the issuer (RFC 9207).
    pub names_itself: bool,
}

/// Why a description is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// It is something else.
    #[error("it describes no issuer")]
    Form,
    /// It is of somebody else.
    #[error("it describes another issuer than the one of this name, letter by letter")]
    Issuer,
    /// An address is missing, or leads where nothing may be asked.
    #[error("its `{0}` is missing, or no address that may be asked")]
    Address(&'static str),
    /// The issuer cannot do what is needed.
    #[error("the issuer does not support {0}")]
    Unsupported(&'static str),
}

/// Why a description cannot be had.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Unanswered(#[from] fetch::Error),
    #[error("what is there cannot be used")]
    Fault(#[from] Fault),
}

/// The description of an issuer over time.
pub(super) struct DescriptionSource {
    issuer: String,
    place: KeyPlace,
    is_public: bool,
    known: Mutex<Known>,
    /// Held by the one who asks.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    description: Option<(Timestamp, Arc<Description>)>,
    asked: Option<Timestamp>,
}

// === impl Description ===

impl Description {
    /// Reads what is said at `place` of the issuer of this name, for a client that has no secret or has one.
    fn read(bytes: &[u8], issuer: &str, place: &KeyPlace, is_public: bool) -> Result<Self, Fault> {
        let said = strict::object(bytes).ok_or(Fault::Form)?;
        if said.get("issuer").and_then(Value::as_str) != Some(issuer) {
            return Err(Fault::Issuer);
        }
        if !supports(&said, "response_types_supported", "code").unwrap_or(true) {
            return Err(Fault::Unsupported("codes"));
        }
        // Many who check it do not say so. Where nobody does, the `nonce` keeps codes from others here; at the issuer, only a secret does.
        if !supports(&said, "code_challenge_methods_supported", "S256").unwrap_or(!is_public) {
            return Err(Fault::Unsupported("PKCE by S256"));
        }
        let takes = |method: &str| supports(&said, "token_endpoint_auth_methods_supported", method);
        // Where it says nothing, a secret stands in the header (OpenID Connect Discovery 1.0, 3).
        let in_header = takes("client_secret_basic").unwrap_or(true);
        if !is_public && !in_header && takes("client_secret_post") != Some(true) {
            return Err(Fault::Unsupported("secrets of clients, in a header or in a form"));
        }
        Ok(Description {
            authorization: address(&said, "authorization_endpoint", place)?.to_string(),
            token: address(&said, "token_endpoint", place)?,
            secret_in_form: !in_header,
            names_itself: said.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
        })
    }
}

/// Whether a list has this value; `None` where there is no list.
fn supports(said: &Map<String, Value>, list: &str, value: &str) -> Option<bool> {
    Some(said.get(list)?.as_array()?.iter().any(|supported| supported == value))
}

/// An address that is as protected as the description: over TLS, believing the same authorities, or on this host where that is, too.
fn address(said: &Map<String, Value>, name: &'static str, place: &KeyPlace) -> Result<KeyPlace, Fault> {
    let text = said.get(name).and_then(Value::as_str).filter(|text| text.len() <= MAX_ADDRESS).ok_or(Fault::Address(name))?;
    let clean = text.parse::<Uri>().is_ok() && !text.contains('#');
    let read = KeyPlace::parse(text).ok().filter(|_| clean).ok_or(Fault::Address(name))?;
    match (read, place) {
        (KeyPlace::Encrypted { address, .. }, KeyPlace::Encrypted { trust, .. }) => {
            Ok(KeyPlace::Encrypted { address, trust: trust.clone() })
        }
        (read @ (KeyPlace::Encrypted { .. } | KeyPlace::Local(_)), KeyPlace::Local(_)) => Ok(read),
        _ => Err(Fault::Address(name)),
    }
}

// === impl DescriptionSource ===

impl DescriptionSource {
    /// The issuer of this name, which describes itself at `place`, for a client that has no secret or has one.
    pub(super) fn new(issuer: String, place: KeyPlace, is_public: bool) -> Self {
        DescriptionSource { issuer, place, is_public, known: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    /// The description.
    ///
    /// # Errors
    /// [`domain::Error::Unavailable`] while none is known that could be used.
    pub(super) async fn current(&self, now: Timestamp) -> domain::Result<Arc<Description>> {
        if let Some(fresh) = self.younger(FRESH, now) {
            return Ok(fresh);
        }
        let _turn = match self.younger(USABLE, now) {
            // Nobody waits for who asks where one is known that may be used.
            Some(known) => match self.asking.try_lock() {
                Ok(turn) => turn,
                Err(_held) => return Ok(known),
            },
            None => self.asking.lock().await,
        };
        // The answer that was waited for.
        if let Some(fresh) = self.younger(FRESH, now) {
            return Ok(fresh);
        }
        self.ask_if_due(now).await;
        self.younger(USABLE, now).ok_or_else(|| domain::Error::unavailable("issuer", "it does not say where its pages are"))
    }

    async fn ask_if_due(&self, now: Timestamp) {
        {
            let mut known = self.known();
            if known.asked.is_some_and(|asked| is_younger(asked, ASK_EVERY, now)) {
                return;
            }
            known.asked = Some(now);
        }
        match self.ask().await {
            Ok(description) => self.known().description = Some((now, Arc::new(description))),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(place = %self.place, error, "the description of an issuer cannot be had; the known one is used for a day");
            }
        }
    }

    async fn ask(&self) -> Result<Description, Error> {
        let bytes = fetch::document(&self.place).await?;
        Ok(Description::read(&bytes, &self.issuer, &self.place, self.is_public)?)
    }

    fn younger(&self, age: Duration, now: Timestamp) -> Option<Arc<Description>> {
        self.known().description.as_ref().filter(|(fetched, _)| is_younger(*fetched, age, now)).map(|(_, said)| Arc::clone(said))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A panic elsewhere cannot leave half of it behind.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
