//! Signing in at the page of an outside issuer (OpenID Connect, code flow with PKCE), as far as a browser takes part: it is sent there with
//! a sign-in that it keeps itself, and comes back with a code, which IdentityService takes for a session. Nothing of it is kept here, so any
//! server finishes what another has begun.
//!
//! Who the issuers are and where their pages are is asked of [`Issuers`]; codes are redeemed elsewhere.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api_proto::zona::identity::v1 as pb;
use bytes::Bytes;
use form_urlencoded::Serializer;
use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderValue, Method as Verb, Request, Response, StatusCode, request::Parts};
use serde_json::json;
use tonic::body::Body;

use crate::body::{JSON, keep_private, told};
use crate::origin::Origin;
use crate::refusal::{Refusal, Violation};
use crate::session::Sessions;
use crate::{accept, cookie};

mod begun;
mod comeback;
mod shown;

use begun::Begun;
use comeback::Comeback;
pub(crate) use shown::Shown;

/// Who can be signed in with.
const LIST: &str = "/console/issuers";
/// Where signing in begins, in front of the issuer's name.
const BEGIN: &str = "/console/sign-in/";
/// Where an issuer sends browsers back to, behind its name.
const BACK: &str = "/callback";
/// What says where to go once one is signed in.
const TO: &str = "to";
/// How long somebody may take at an issuer's page: enough to look for a second factor, and little for whoever finds an open tab.
const LONGEST: Duration = Duration::from_secs(600);
/// When to ask again an issuer that does not answer.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Who else signs people in.
#[derive(Clone)]
pub struct SignIn {
    /// The gateway's address as browsers know it, which no request says.
    pub public: Origin,
    /// The issuers, in the order in which they are shown.
    pub ways: Vec<Way>,
    /// Where their pages are.
    pub issuers: Arc<dyn Issuers>,
}

/// An issuer at whose page people sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Its name in addresses: lower-case letters, digits and hyphens.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// Its `iss`.
    pub issuer: String,
    /// What it knows Zona by.
    pub client: String,
    /// What it is asked for, separated by blanks.
    pub scopes: String,
}

/// Port: where the pages of issuers are, and what time it is.
pub trait Issuers: Send + Sync {
    /// The page of the issuer of this name.
    fn page<'a>(&'a self, name: &'a str) -> Pin<Box<dyn Future<Output = Result<Page, Unanswered>> + Send + 'a>>;
    /// Seconds since 1970.
    fn now(&self) -> u64;
}

/// The page of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its address.
    pub address: String,
    /// Whether each of its answers names the issuer (RFC 9207).
    pub names_issuer: bool,
}

/// The issuer does not say where its page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unanswered;

/// What answers here. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Outside {
    sign_in: Option<Arc<SignIn>>,
    sessions: Sessions,
    is_encrypted: bool,
}

/// What is told in place of going on, and how.
#[derive(Debug)]
pub(crate) struct Failed {
    refused: Refusal,
    shown: Shown,
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn").field("public", &self.public).field("ways", &self.ways).finish_non_exhaustive()
    }
}

/// Where the issuer of this name sends browsers back to: what is registered there.
pub fn redirect(public: &Origin, name: &str) -> String {
    format!("{}{BEGIN}{name}{BACK}", public.text())
}

/// Whether a path is one of those here.
pub(crate) fn is_at(path: &str) -> bool {
    path == LIST || path.starts_with(BEGIN)
}

/// Whether a request is one with which somebody comes back from an issuer's page.
pub(crate) fn is_way_back(verb: &Verb, path: &str) -> bool {
    *verb == Verb::GET && path.starts_with(BEGIN) && path.ends_with(BACK)
}

// === impl Failed ===

impl Failed {
    /// What is refused, and what a person sees of it.
    pub(crate) fn apart(self) -> (Refusal, Shown) {
        (self.refused, self.shown)
    }

    /// As programs are told.
    fn plain(refused: Refusal) -> Self {
        Failed { refused, shown: Shown::plain() }
    }
}

// === impl Outside ===

impl Outside {
    /// Signing in at these pages, with sessions before which there is TLS or not.
    pub(crate) fn new(sign_in: Option<SignIn>, sessions: Sessions, is_encrypted: bool) -> Self {
        Outside { sign_in: sign_in.map(Arc::new), sessions, is_encrypted }
    }

    /// Answers a request for which [`is_at`] holds.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, Failed> {
        let begun = Instant::now();
        // What a body says counts for nothing here.
        let (parts, _body) = request.into_parts();
        if !matches!(parts.method, Verb::GET | Verb::HEAD) {
            return Err(Failed::plain(Refusal::method_not_allowed("GET, HEAD")));
        }
        if parts.uri.path() == LIST {
            return Ok(self.list());
        }
        let nothing = || Failed::plain(Refusal::no_such_path(parts.uri.path()));
        let name = parts.uri.path().strip_prefix(BEGIN).ok_or_else(nothing)?;
        let (name, comes_back) = name.strip_suffix(BACK).map_or((name, false), |name| (name, true));
        let sign_in = self.sign_in.as_deref().ok_or_else(nothing)?;
        let way = sign_in.ways.iter().find(|way| way.name == name).ok_or_else(nothing)?;
        let page = accept::takes_html(&parts.headers);
        if !comes_back {
            let begun = self.send_there(sign_in, way, &parts).await;
            return begun.map_err(|refused| Failed { shown: Shown::of(&refused, page), refused });
        }
        if parts.method == Verb::HEAD {
            // A code is redeemed once, and not by who only looks.
            return Err(Failed::plain(Refusal::method_not_allowed("GET")));
        }
        let is_secure = sign_in.public.is_encrypted();
        let answer = Comeback::read(parts.uri.query());
        let kept = cookie::find_sign_in(&parts.headers, is_secure).and_then(Begun::read);
        let Some(kept) = kept.filter(|kept| kept.issuer() == way.name && kept.is_of(answer.state())) else {
            // What is under way stays so: anybody can send a browser here with a state of their own.
            let refused = Refusal::sign_in_unknown();
            return Err(Failed { shown: Shown::of(&refused, page), refused });
        };
        let over = cookie::keep_sign_in("", Duration::ZERO, is_secure);
        match self.finish(sign_in, way, &kept, answer, &parts, begun).await {
            Ok(given) => {
                let mut response = shown::signed_in(kept.to(), &parts.headers);
                response.headers_mut().append(SET_COOKIE, given);
                response.headers_mut().extend(over.map(|over| (SET_COOKIE, over)));
                Ok(response)
            }
            Err(refused) => Err(Failed { shown: Shown::of(&refused, page).taking(over), refused }),
        }
    }

    /// Who can be signed in with, for the console.
    fn list(&self) -> Response<Body> {
        let ways = self.sign_in.as_ref().map(|sign_in| sign_in.ways.as_slice()).unwrap_or_default();
        let ways: Vec<_> = ways.iter().map(|way| json!({ "name": way.name, "label": way.label })).collect();
        let mut response = told(Bytes::from(json!({ "issuers": ways }).to_string()), JSON);
        keep_private(response.headers_mut());
        response
    }

    /// Sends a browser to the issuer's page, with a new sign-in.
    async fn send_there(&self, sign_in: &SignIn, way: &Way, asked: &Parts) -> Result<Response<Body>, Refusal> {
        let to = destination(asked.uri.query())?;
        let page = self.page(sign_in, way).await?;
        let begun = Begun::new(&way.name, &to, sign_in.issuers.now())?;
        let mut query = Serializer::new(String::new());
        query.append_pair("response_type", "code");
        query.append_pair("client_id", &way.client);
        query.append_pair("redirect_uri", &redirect(&sign_in.public, &way.name));
        query.append_pair("scope", &way.scopes);
        query.append_pair("state", &begun.state());
        // The ID token names what follows from the verifier: a code is of no use to who has only seen addresses, also where the issuer
        // does not check.
        query.append_pair("nonce", &begun.challenge());
        query.append_pair("code_challenge", &begun.challenge());
        query.append_pair("code_challenge_method", "S256");
        let joint = if page.address.contains('?') { '&' } else { '?' };
        let address = HeaderValue::from_str(&format!("{}{joint}{}", page.address, query.finish()));
        let address = address.map_err(|error| Refusal::internal(&format!("the address of an issuer's page: {error}")))?;
        let kept = cookie::keep_sign_in(&begun.text(), LONGEST, sign_in.public.is_encrypted());
        let kept = kept.ok_or_else(|| Refusal::internal("a sign-in fits into no header"))?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SEE_OTHER;
        keep_private(response.headers_mut());
        response.headers_mut().insert(LOCATION, address);
        response.headers_mut().insert(SET_COOKIE, kept);
        Ok(response)
    }

    /// Has the code that an issuer's page answers taken for a session, and says by which cookie that goes on.
    async fn finish(
        &self,
        sign_in: &SignIn,
        way: &Way,
        kept: &Begun,
        answer: Comeback,
        asked: &Parts,
        begun: Instant,
    ) -> Result<HeaderValue, Refusal> {
        if !kept.is_of_now(sign_in.issuers.now(), LONGEST) {
            return Err(Refusal::sign_in_too_old());
        }
        // Another issuer's answer, under the address of this one (RFC 9207, 2.4).
        let is_named = match answer.issuer() {
            Some(issuer) => issuer == way.issuer,
            None => !self.page(sign_in, way).await?.names_issuer,
        };
        if !is_named {
            return Err(Refusal::sign_in_unknown());
        }
        let code = pb::CodeCredential { issuer: way.name.clone(), code: answer.code()?, code_verifier: kept.verifier() };
        let is_secure = self.is_encrypted || sign_in.public.is_encrypted();
        let credential = pb::issue_token_request::Credential::Code(code);
        self.sessions.begin(credential, is_secure, asked, begun).await.map(|(_secret, given)| given)
    }

    async fn page(&self, sign_in: &SignIn, way: &Way) -> Result<Page, Refusal> {
        sign_in.issuers.page(&way.name).await.map_err(|Unanswered| Refusal::issuer_unavailable(ASK_AGAIN))
    }
}

/// Where to go once one is signed in, as a query says: a page of the console.
fn destination(query: Option<&str>) -> Result<String, Refusal> {
    let mut to = "/".to_owned();
    for (name, text) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if name != TO {
            return Err(Refusal::invalid(vec![Violation::unknown(name.into_owned())]));
        }
        if !begun::is_page(&text) {
            let description = "it must be the path of a page of the console, such as /executions";
            return Err(Refusal::invalid(vec![Violation::malformed(name.into_owned(), description)]));
        }
        to = text.into_owned();
    }
    Ok(to)
}
