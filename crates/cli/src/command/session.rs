//! `zona session ...`: what signing in began.

use api_proto::zona::identity::v1 as pb;
use clap::{Args, Subcommand};

use crate::client::names;
use crate::client::repeated::RequestId;
use crate::context::Context;
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::pending::Pending;

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum Session {
    /// End a session, or everything that was issued to somebody, at once and on every server
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub struct Revoke {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Session: its full name, as `zona whoami` shows it
    name: Option<String>,
    /// All that was issued to this user: an id of the tenant, or a full name
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// All that was issued to this service account, API keys included: an id of the tenant, or a full name
    #[arg(long, value_name = "NAME")]
    service_account: Option<String>,
}

impl Session {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        let Session::Revoke(revoke) = self;
        Box::pin(revoke.run(context))
    }
}

impl Revoke {
    async fn run(&self, context: &Context) -> Result {
        let name = self.what.target(context)?;
        let request = |request_id| pb::RevokeRequest { name, request_id };
        let client = context.connect().await?;
        let answer = self.request.once(request, async |request| client.identity().revoke(request).await).await;
        let revoked = answer.map_err(|status| Failure::from(status).hint_on(Exit::NotFound, "`zona whoami` names one's own session"))?;
        let name = revoked.name;
        context.output.one(|| Document::object([("name", name.as_str().into())]), || format!("{name} revoked\n"))?;
        Ok(Exit::Ok)
    }
}

impl What {
    fn target(&self, context: &Context) -> Result<String> {
        match (&self.name, &self.user, &self.service_account) {
            (Some(name), _, _) if name.contains("/sessions/") => Ok(name.clone()),
            (_, Some(user), _) => names::user(&context.tenant, user),
            (_, _, Some(account)) => names::service_account(&context.tenant, account),
            (named, None, None) => {
                let named = named.as_deref().unwrap_or_default();
                let refused = format!("`{named}` is no full name of a session, which is {{principal}}/sessions/{{session}}");
                Err(Failure::usage(refused).hint("`zona whoami` names one's own session"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(subcommand)]
        session: Session,
    }

    #[test]
    fn one_of_three_says_what_is_revoked_with_or_without_an_id_of_the_request() {
        let read = |words: &[&str]| Line::try_parse_from([&["session", "revoke"], words].concat());
        for what in [&["tenants/acme/users/ann/sessions/s"][..], &["--user", "ann"], &["--service-account", "ci"]] {
            read(what).unwrap();
            read(&[what, &["--request-id", "once"]].concat()).unwrap();
        }
        for wrong in [&[][..], &["--request-id", "once"], &["--user", "ann", "--service-account", "ci"], &["s", "--user", "ann"]] {
            read(wrong).unwrap_err();
        }
    }
}
