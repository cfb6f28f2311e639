//! `zona logout`: ends the session of a context at the server, and forgets its credentials.

use api_proto::zona::identity::v1 as pb;
use tonic::Code;

use crate::choice::Setup;
use crate::client::Client;
use crate::client::repeated::RequestId;
use crate::contexts::{Entry, Kept};
use crate::credential::Credential;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::note;
use crate::pending::Pending;

/// Signs out of the chosen context, which stays there without credentials.
///
/// # Errors
/// There is none; or the server cannot be told, and then nothing is forgotten.
pub fn logout(setup: &Setup) -> Pending<'_> {
    Box::pin(perform(setup))
}

async fn perform(setup: &Setup) -> Result {
    let contexts = setup.store.read()?;
    let Some((name, entry)) = setup.chosen(&contexts)? else {
        return Err(Failure::usage("no context says where to sign out").hint("name one with --context; `zona context list` shows them"));
    };
    match &entry.credential {
        None => note(&format!("{name} is signed out already")),
        Some(Kept::ApiKey(_)) => note("the key itself stays valid; `zona api-key revoke` ends it"),
        Some(Kept::Session(session)) => {
            let credential = Credential::Session { store: setup.store.clone(), context: name.to_owned() };
            end(entry, setup, credential, &session.name).await.map_err(|failure| unreachable(failure, name))?;
        }
    }
    let before = entry.credential.as_ref();
    setup.store.change(|contexts| {
        // Whoever has signed in meanwhile stays so.
        let entry = contexts.get_mut(name)?;
        if kept(entry.credential.as_ref()) == kept(before) {
            entry.credential = None;
        }
        Ok(())
    })?;
    if before.is_some() {
        note(&format!("{} is signed out of {}", entry.principal, entry.server));
    }
    Ok(Exit::Ok)
}

/// What stays the same of a credential while its tokens change.
fn kept(credential: Option<&Kept>) -> Option<&str> {
    credential.map(|kept| match kept {
        Kept::ApiKey(key) => key.expose(),
        Kept::Session(session) => session.name.as_str(),
    })
}

/// Ends a session; one that has ended already is as good.
async fn end(entry: &Entry, setup: &Setup, credential: Credential, session: &str) -> Result<()> {
    let ca = setup.settings.ca.as_deref().or(entry.ca.as_deref());
    let client = match Client::connect(&entry.server, ca, credential).await {
        Err(failure) if failure.exit == Exit::Denied => return Ok(()),
        client => client?,
    };
    let request = |request_id| pb::RevokeRequest { name: session.to_owned(), request_id };
    match RequestId::default().once(request, async |request| client.identity().revoke(request).await).await {
        Ok(_) => Ok(()),
        Err(status) if matches!(status.code(), Code::Unauthenticated | Code::NotFound) => Ok(()),
        Err(status) => Err(status.into()),
    }
}

fn unreachable(failure: Failure, name: &str) -> Failure {
    failure.hint(format!("nothing was forgotten; `zona context remove {name}` forgets the session without ending it"))
}
