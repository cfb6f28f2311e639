//! `zona whoami` and `zona token`: who a server takes the caller for, and a token that others can use as the same.

use api_proto::zona::identity::v1 as pb;
use pb::issue_token_request::Credential as Shown;

use super::execution::moment;
use crate::client::soon;
use crate::context::Context;
use crate::contexts::Session;
use crate::credential::Credential;
use crate::document::Document;
use crate::document::message::{document, short, time};
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::fields;
use crate::pending::Pending;
use crate::secret::Secret;

/// Seconds that a token still serves that is handed to others.
const HANDED_ON: u64 = 300;

/// Shows who calls, as the server knows it.
///
/// # Errors
/// No server answers, or it knows nobody.
pub fn whoami(context: &Context) -> Pending<'_> {
    Box::pin(async move {
        let known = context.connect().await?.identity().who_am_i(soon(pb::WhoAmIRequest {})).await?.into_inner();
        let shown = || {
            let mut shown = document(&known);
            shown.push("server", context.server.as_str().into());
            shown
        };
        context.output.one(shown, || human(context, &known))?;
        Ok(Exit::Ok)
    })
}

fn human(context: &Context, known: &pb::WhoAmIResponse) -> String {
    fields(&[
        ("principal", known.principal.clone()),
        ("display name", known.display_name.clone()),
        ("role", short("Role", known.role().as_str_name()).to_owned()),
        ("known by", short("CredentialKind", known.credential().as_str_name()).to_lowercase().replace('_', " ")),
        ("session", known.session.clone()),
        ("API key", known.api_key.clone()),
        ("issuer", known.issuer.clone()),
        ("until", moment(known.expire_time.as_ref())),
        ("server", context.server.clone()),
    ])
}

/// Prints an access token that serves for five minutes at least, for programs such as curl and grpcurl.
///
/// # Errors
/// Nobody is signed in.
pub fn token(context: &Context) -> Pending<'_> {
    Box::pin(async move {
        let (token, expires) = fetched(context).await?;
        let shown = || {
            let expires = time(i64::try_from(expires).unwrap_or_default(), 0);
            Document::object([("access_token", token.expose().into()), ("expire_time", Document::from(expires))])
        };
        context.output.one(shown, || format!("{}\n", token.expose()))?;
        Ok(Exit::Ok)
    })
}

async fn fetched(context: &Context) -> Result<(Secret, u64)> {
    let client = context.connect().await?;
    let session = match &context.credential {
        Credential::Absent => {
            return Err(Failure::new(Exit::Denied, format!("nobody is signed in at {}", context.server)).hint("sign in with `zona login`"));
        }
        Credential::Session { .. } => client.session(HANDED_ON).await?,
        Credential::Key(key) => {
            let request = pb::IssueTokenRequest { credential: Some(Shown::ApiKey(key.expose().to_owned())), browser: false };
            Session::from(client.identity().issue_token(soon(request)).await?.into_inner())
        }
    };
    Ok((session.access_token, session.access_expires))
}
