//! A connection that says with each call who calls: with a key, or with the token of a session, which it fetches anew before it ends.
//!
//! Several commands may use one session at once. Whoever fetches the next token holds the lock of the contexts meanwhile, and looks
//! first whether somebody else has fetched it by now: a refresh token is good for once.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use api_proto::zona::identity::v1 as pb;
use pb::identity_service_client::IdentityServiceClient;
use tokio::sync::Mutex;
use tonic::body::Body;
use tonic::codegen::http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use tonic::codegen::{BoxFuture, Service};
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::request::soon;
use crate::contexts::{self, Contexts, Kept, Session, Store};
use crate::credential::Credential;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::secret::Secret;

/// Seconds before its end from when on a token is not used any more: a call takes its time to the server.
const MARGIN: u64 = 30;
/// Most seconds that a token may serve by what is stored of it; servers give 15 minutes.
const LONGEST: u64 = 3600;

/// A channel whose calls carry what proves who calls. Cheap to clone.
#[derive(Clone)]
pub struct Signed {
    channel: Channel,
    bearer: Arc<Bearer>,
}

struct Bearer {
    credential: Credential,
    channel: Channel,
    /// What the session's file held last.
    held: Mutex<Option<Session>>,
}

// === impl Signed ===

impl Signed {
    /// Calls over `channel` carry `credential`.
    pub fn new(channel: Channel, credential: Credential) -> Self {
        let bearer = Bearer { credential, channel: channel.clone(), held: Mutex::new(None) };
        Signed { channel, bearer: Arc::new(bearer) }
    }

    /// Makes sure that what proves who calls is there and serves.
    ///
    /// # Errors
    /// The session has ended, or its next token cannot be fetched.
    pub async fn ready(&self) -> Result<()> {
        self.bearer.current().await.map(|_| ())
    }

    /// The session, whose token still serves for so many seconds.
    ///
    /// # Errors
    /// There is none, it has ended, or its next token cannot be fetched.
    pub async fn session(&self, margin: u64) -> Result<Session> {
        match &self.bearer.credential {
            Credential::Session { store, context } => self.bearer.session(store, context, margin).await,
            Credential::Absent | Credential::Key(_) => Err(Failure::new(Exit::Denied, "there is no session")),
        }
    }
}

impl Service<Request<Body>> for Signed {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<Self::Response, Status>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<std::result::Result<(), Status>> {
        self.channel.poll_ready(cx).map_err(|error| Status::from_error(error.into()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The channel that is ready makes the call.
        let next = self.channel.clone();
        let mut channel = mem::replace(&mut self.channel, next);
        let bearer = Arc::clone(&self.bearer);
        Box::pin(async move {
            if let Some(secret) = bearer.current().await.map_err(as_status)? {
                request.headers_mut().insert(AUTHORIZATION, header(&secret)?);
            }
            channel.call(request).await.map_err(|error| Status::from_error(error.into()))
        })
    }
}

/// As it stands in the metadata; nothing prints it.
fn header(secret: &Secret) -> std::result::Result<HeaderValue, Status> {
    let value = HeaderValue::try_from(format!("Bearer {}", secret.expose()));
    let mut value = value.map_err(|_| Status::unauthenticated("what proves who calls has characters that no key and no token has"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Why a later call of a connection could not be signed: the first one's failure is told as it is.
fn as_status(failure: Failure) -> Status {
    let code = match failure.exit {
        Exit::Denied => Code::Unauthenticated,
        Exit::Unavailable => Code::Unavailable,
        Exit::Timeout => Code::DeadlineExceeded,
        _ => Code::FailedPrecondition,
    };
    Status::new(code, failure.message)
}

// === impl Bearer ===

impl Bearer {
    /// What calls carry now.
    async fn current(&self) -> Result<Option<Secret>> {
        match &self.credential {
            Credential::Absent => Ok(None),
            Credential::Key(key) => Ok(Some(key.clone())),
            Credential::Session { store, context } => Ok(Some(self.session(store, context, MARGIN).await?.access_token)),
        }
    }

    async fn session(&self, store: &Store, context: &str, margin: u64) -> Result<Session> {
        let mut held = self.held.lock().await;
        let session = match held.take().filter(|session| serves(session, margin)) {
            Some(session) => session,
            None => self.renewed(store, context, margin).await?,
        };
        Ok(held.insert(session).clone())
    }

    /// The session as it is stored, or renewed where its token has ended.
    async fn renewed(&self, store: &Store, context: &str, margin: u64) -> Result<Session> {
        let stored = session(&store.read()?, context)?;
        if serves(&stored, margin) {
            return Ok(stored);
        }
        let waiting = store.clone();
        let locked = tokio::task::spawn_blocking(move || waiting.lock()).await;
        let locked = locked.map_err(|error| Failure::new(Exit::Unavailable, format!("cannot wait for the contexts: {error}")))??;
        let mut contexts = locked.read()?;
        let stored = session(&contexts, context)?;
        if serves(&stored, margin) {
            return Ok(stored);
        }
        let fresh = self.refresh(context, &stored).await?;
        contexts.get_mut(context)?.credential = Some(Kept::Session(fresh.clone()));
        locked.write(&contexts)?;
        Ok(fresh)
    }

    async fn refresh(&self, context: &str, session: &Session) -> Result<Session> {
        let request = pb::RefreshTokenRequest { refresh_token: session.refresh_token.expose().to_owned() };
        match IdentityServiceClient::new(self.channel.clone()).refresh_token(soon(request)).await {
            Ok(answer) => Ok(answer.into_inner().into()),
            Err(status) if status.code() == Code::Unauthenticated => Err(ended(context)),
            Err(status) => Err(status.into()),
        }
    }
}

fn serves(session: &Session, margin: u64) -> bool {
    session.serves(contexts::now(), margin, LONGEST)
}

fn session(contexts: &Contexts, name: &str) -> Result<Session> {
    match &contexts.get(name)?.credential {
        Some(Kept::Session(session)) => Ok(session.clone()),
        Some(Kept::ApiKey(_)) | None => Err(ended(name)),
    }
}

fn ended(context: &str) -> Failure {
    Failure::new(Exit::Denied, format!("the session of context {context} has ended"))
        .hint(format!("sign in again with `zona login --context {context}`"))
}
