//! Sessions of browsers: signing in, what a page may know of its session, and signing out. They are IdentityService's, which is asked as
//! anybody asks it; here stands only what makes them safe in a browser: a cookie that no page reads, and a text that a change has to show.

use std::time::{Duration, Instant};

use api_proto::zona::identity::v1 as pb;
use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method as Verb, Request, Response, StatusCode, request::Parts};
use prost::Message;
use serde::{Deserialize, Serialize};
use tonic::body::Body;
use tonic::{Code, Status};

use crate::body::{JSON, full, keep_private, told};
use crate::gathering::gathered;
use crate::inner::{self, Answered, Calls, Failed};
use crate::refusal::{Refusal, Violation};
use crate::{cookie, csrf, metadata, request};

const SIGN_IN: &str = "/console/sign-in";
const SESSION: &str = "/console/session";
const SIGN_OUT: &str = "/console/sign-out";
/// What a request to sign out says where all sessions of the person are meant.
const EVERYWHERE: &str = "everywhere";

const ISSUE: &str = "/zona.identity.v1.IdentityService/IssueToken";
const WHO: &str = "/zona.identity.v1.IdentityService/WhoAmI";
const REVOKE: &str = "/zona.identity.v1.IdentityService/Revoke";

/// Sessions of browsers.
#[derive(Clone)]
pub(crate) struct Sessions {
    calls: Calls,
    is_encrypted: bool,
}

/// What somebody signs in with.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SignIn {
    #[serde(default)]
    tenant: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    password: String,
    api_key: Option<String>,
}

/// What a page may know of its session.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    principal: String,
    display_name: String,
    tenant: String,
    role: &'static str,
    /// To be shown in `x-zona-csrf`.
    csrf_token: String,
    expire_time: Option<String>,
    /// Not where an API key has begun it: that is a program's, whose keys would be void. Nor where only an issuer vouches for them: then there is
    /// nobody here whose all could be ended.
    can_sign_out_everywhere: bool,
}

/// Has the session of a browser speak for a request that shows nothing else: what its cookie holds becomes what the call shows. The cookie
/// itself goes no further.
///
/// # Errors
/// The request is no mere read and does not show that a page of ours has made it.
pub(crate) fn speak_for(request: &mut Request<Body>, is_encrypted: bool) -> Result<(), Refusal> {
    let is_read = matches!(*request.method(), Verb::GET | Verb::HEAD);
    let headers = request.headers_mut();
    let secret = cookie::find(headers, is_encrypted).filter(|_| !headers.contains_key(AUTHORIZATION));
    let checked = match &secret {
        Some(secret) if is_read || csrf::is_shown(secret, headers) => {
            headers.insert(AUTHORIZATION, bearer(secret));
            Ok(())
        }
        Some(_) => Err(Refusal::csrf()),
        None => Ok(()),
    };
    headers.remove(COOKIE);
    headers.remove(csrf::HEADER);
    checked
}

fn bearer(secret: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(&format!("Bearer {secret}")).expect("it was part of a header");
    value.set_sensitive(true);
    value
}

/// Whether a path is one of those here.
pub(crate) fn is_at(path: &str) -> bool {
    [SIGN_IN, SESSION, SIGN_OUT].contains(&path)
}

// === impl Sessions ===

impl Sessions {
    /// Sessions of the service behind `calls`, before which there is TLS or not.
    pub(crate) fn new(calls: Calls, is_encrypted: bool) -> Self {
        Sessions { calls, is_encrypted }
    }

    /// Answers a request for which [`is_at`] holds.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, Refusal> {
        let begun = Instant::now();
        let (parts, body) = request.into_parts();
        match (parts.uri.path(), &parts.method) {
            (SIGN_IN, &Verb::POST) => self.sign_in(&parts, &gathered(body).await?, begun).await,
            (SESSION, &Verb::GET | &Verb::HEAD) => self.show(&parts, begun).await,
            (SIGN_OUT, &Verb::POST) => self.sign_out(&parts, begun).await,
            (SESSION, _) => Err(Refusal::method_not_allowed("GET, HEAD")),
            _ => Err(Refusal::method_not_allowed("POST")),
        }
    }

    async fn sign_in(&self, asked: &Parts, body: &[u8], begun: Instant) -> Result<Response<Body>, Refusal> {
        let credential = read(&asked.headers, body)?;
        let is_secure = cookie::is_secure(&asked.headers, self.is_encrypted);
        let (secret, given) = self.begin(credential, is_secure, asked, begun).await?;
        let mut response = shown(self.who(&secret, asked, begun).await?, &secret)?;
        response.headers_mut().insert(SET_COOKIE, given);
        Ok(response)
    }

    /// Begins a session for whoever shows this, in the place of the one that the browser brings; and says by which secret and cookie it goes on.
    /// Of whom an issuer's page sends back, a browser brings none: see [`cookie::give`].
    pub(crate) async fn begin(
        &self,
        credential: pb::issue_token_request::Credential,
        is_secure: bool,
        asked: &Parts,
        begun: Instant,
    ) -> Result<(String, HeaderValue), Refusal> {
        let question = pb::IssueTokenRequest { credential: Some(credential), browser: true };
        let issued: pb::IssueTokenResponse = self.ask(ISSUE, &question, None, asked, begun).await?;
        let secret = issued.session_secret;
        let life = issued.expires_in.and_then(|life| Duration::try_from(life).ok()).unwrap_or_default();
        let given = cookie::give(&secret, life, is_secure);
        let given = given.ok_or_else(|| Refusal::internal("the secret of a session fits into no header"))?;
        // The browser forgets what it had before. Where that does not work, it ends by itself.
        if let Some(before) = cookie::find(&asked.headers, self.is_encrypted).filter(|before| *before != secret)
            && let Err(refused) = self.end(&before, asked, begun).await
        {
            tracing::debug!(code = ?refused.status.code(), "the session that a browser had before was not ended");
        }
        Ok((secret, given))
    }

    /// Ends the session of this secret.
    async fn end(&self, secret: &str, asked: &Parts, begun: Instant) -> Result<(), Refusal> {
        let name = self.who(secret, asked, begun).await?.session;
        let question = pb::RevokeRequest { name, request_id: String::new() };
        self.ask::<pb::RevokeResponse>(REVOKE, &question, Some(secret), asked, begun).await.map(drop)
    }

    async fn show(&self, asked: &Parts, begun: Instant) -> Result<Response<Body>, Refusal> {
        let secret = self.secret(&asked.headers)?;
        shown(self.who(&secret, asked, begun).await?, &secret)
    }

    /// Ends the session, or all of the person's. A cookie of a session that has ended is taken away, too.
    async fn sign_out(&self, asked: &Parts, begun: Instant) -> Result<Response<Body>, Refusal> {
        let everywhere = everywhere(asked.uri.query())?;
        let secret = self.secret(&asked.headers)?;
        if !csrf::is_shown(&secret, &asked.headers) {
            return Err(Refusal::csrf());
        }
        let known = match self.who(&secret, asked, begun).await {
            Err(refused) if refused.status.code() == Code::Unauthenticated => return Ok(signed_out()),
            known => known?,
        };
        if everywhere && !is_of_person(&known) {
            let text = "all that was issued ends for users whom Zona keeps, not for an account, whose keys are of programs, nor for whom an issuer vouches";
            return Err(Refusal::invalid(vec![Violation::conflict(EVERYWHERE.to_owned(), text)]));
        }
        let name = if everywhere { known.principal } else { known.session };
        let question = pb::RevokeRequest { name, request_id: String::new() };
        self.ask::<pb::RevokeResponse>(REVOKE, &question, Some(&secret), asked, begun).await?;
        Ok(signed_out())
    }

    /// The secret of the session that a request is of. What shows a credential otherwise is of none.
    fn secret(&self, headers: &HeaderMap) -> Result<String, Refusal> {
        let found = cookie::find(headers, self.is_encrypted).filter(|_| !headers.contains_key(AUTHORIZATION));
        found.ok_or_else(Refusal::signed_out)
    }

    async fn who(&self, secret: &str, asked: &Parts, begun: Instant) -> Result<pb::WhoAmIResponse, Refusal> {
        self.ask(WHO, &pb::WhoAmIRequest {}, Some(secret), asked, begun).await
    }

    /// One call, as whoever has this secret, or as nobody.
    async fn ask<A: Message + Default>(
        &self,
        method: &str,
        question: &impl Message,
        secret: Option<&str>,
        asked: &Parts,
        begun: Instant,
    ) -> Result<A, Refusal> {
        let mut passed = metadata::of_call(&asked.headers, begun.elapsed());
        passed.remove(AUTHORIZATION);
        passed.extend(secret.map(|secret| (AUTHORIZATION, bearer(secret))));
        let called = inner::call(self.calls.clone(), method, passed, asked.extensions.clone(), &question.encode_to_vec()).await;
        let Answered { headers, messages } = called.map_err(|Failed { headers, status }| Refusal::of_call(status, &headers))?;
        let answer = messages.only().await.map_err(|status| Refusal::of_call(status, &headers))?;
        A::decode(answer).map_err(|error| Refusal::internal(&error.to_string()))
    }
}

/// What somebody signs in with, out of a body.
fn read(headers: &HeaderMap, body: &[u8]) -> Result<pb::issue_token_request::Credential, Refusal> {
    use pb::issue_token_request::Credential;

    if !request::is_json(headers) {
        return Err(Refusal::unsupported_media_type());
    }
    let SignIn { tenant, user, password, api_key } = serde_json::from_slice(body).map_err(|error| match error.is_data() {
        // Not in its own words, which may repeat a password.
        true => Refusal::invalid(vec![Violation::malformed(String::new(), "it must have the texts tenant, user and password, or apiKey")]),
        false => Refusal::malformed_json(&error),
    })?;
    let given = [("tenant", &tenant), ("user", &user), ("password", &password)];
    if let Some(key) = api_key {
        let beside = given.into_iter().filter(|(_, text)| !text.is_empty());
        let violations: Vec<_> = beside.map(|(name, _)| Violation::conflict(name.to_owned(), "an API key says who signs in")).collect();
        return if violations.is_empty() { Ok(Credential::ApiKey(key)) } else { Err(Refusal::invalid(violations)) };
    }
    let missing = given.into_iter().filter(|(_, text)| text.is_empty());
    let violations: Vec<_> = missing.map(|(name, _)| Violation::missing(name.to_owned())).collect();
    if !violations.is_empty() {
        return Err(Refusal::invalid(violations));
    }
    Ok(Credential::Password(pb::PasswordCredential { user: format!("tenants/{tenant}/users/{user}"), password }))
}

/// Whether a request to sign out is about all sessions.
fn everywhere(query: Option<&str>) -> Result<bool, Refusal> {
    let mut everywhere = false;
    for (name, text) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        everywhere = match (&*name, &*text) {
            (EVERYWHERE, "true") => true,
            (EVERYWHERE, "false") => false,
            (EVERYWHERE, _) => return Err(Refusal::invalid(vec![Violation::malformed(name.into_owned(), "it must be true or false")])),
            _ => return Err(Refusal::invalid(vec![Violation::unknown(name.into_owned())])),
        };
    }
    Ok(everywhere)
}

fn is_of_person(known: &pb::WhoAmIResponse) -> bool {
    known.api_key.is_empty() && known.issuer.is_empty()
}

fn shown(known: pb::WhoAmIResponse, secret: &str) -> Result<Response<Body>, Refusal> {
    let shown = Shown {
        role: known.role().as_str_name(),
        can_sign_out_everywhere: is_of_person(&known),
        tenant: known.principal.split('/').nth(1).unwrap_or_default().to_owned(),
        principal: known.principal,
        display_name: known.display_name,
        csrf_token: csrf::token(secret),
        expire_time: known.expire_time.map(|time| time.to_string()),
    };
    let written = serde_json::to_vec(&shown).map_err(|error| Refusal::internal(&error.to_string()))?;
    let mut response = told(Bytes::from(written), JSON);
    keep_private(response.headers_mut());
    Ok(response)
}

fn signed_out() -> Response<Body> {
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    keep_private(response.headers_mut());
    for taken in cookie::take_away() {
        response.headers_mut().append(SET_COOKIE, taken);
    }
    response
}

/// A refusal as gRPC-Web tells one: in headers, under the status of what went well.
pub(crate) fn to_grpc_web(status: Status, kind: &HeaderValue) -> Response<Body> {
    let mut response = status.into_http::<Body>();
    response.headers_mut().insert(http::header::CONTENT_TYPE, kind.clone());
    keep_private(response.headers_mut());
    response
}
