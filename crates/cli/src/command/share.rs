//! `zona access share ...` and `zona utility share`: what tenants share with each other.

use std::time::{Duration, SystemTime};

use api_proto::zona::access::v1 as pb;
use clap::{Args, Subcommand, ValueEnum};

use super::execution::moment;
use crate::client::paging::every;
use crate::client::repeated::RequestId;
use crate::client::{PAGE, names, soon};
use crate::context::Context;
use crate::document::message::{document, short};
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::fields;

const HEADINGS: &[&str] = &["UTILITY", "WITH", "ACCESS", "STATE", "UNTIL", "REASON"];

#[derive(Debug, Subcommand)]
pub enum Share {
    /// List what other tenants share with this one, or with --given what it shares with others
    List(List),
    /// Accept what another tenant has offered: everybody here may use it as offered
    Accept(Answer),
    /// Decline what another tenant has offered, or give back what was accepted
    Decline(Answer),
    /// Take back what was offered to another tenant or shared with it
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub struct List {
    /// What this tenant shares with others
    #[arg(long)]
    given: bool,
}

#[derive(Debug, Args)]
pub struct Answer {
    /// The other tenant's utility, by its full name: tenants/{tenant}/utilities/{utility}
    utility: String,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
pub struct Revoke {
    /// Utility: an id of the tenant, or a full name
    name: String,
    /// The tenant that it was offered to
    #[arg(long, value_name = "TENANT")]
    with: String,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
pub struct Offer {
    /// Utility: an id of the tenant, or a full name
    name: String,
    /// The tenant that it is offered to, one of whose administrators has to accept it
    #[arg(long, value_name = "TENANT")]
    with: String,
    /// What they may do with it; execute includes read
    #[arg(long, value_enum, ignore_case = true, default_value = "read")]
    access: Level,
    /// Why, for those who decide about it and for auditors
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// After which time it gives nothing any more, e.g. 30d [default: once it is taken back]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    expires: Option<Duration>,
    #[command(flatten)]
    request: RequestId,
}

/// What is shared, as the contract names it.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Level {
    Read,
    Execute,
}

impl Share {
    pub(super) async fn run(&self, context: &Context) -> Result {
        match self {
            Share::List(list) => list.run(context).await,
            Share::Accept(answer) => {
                let (parent, utility) = answer.parts(context)?;
                let request = |request_id| pb::AcceptShareRequest { parent, utility, request_id };
                let client = context.connect().await?;
                let accepted = answer.request.once(request, async |request| client.access().accept_share(request).await).await;
                shown(context, &accepted.map_err(hinted)?)
            }
            Share::Decline(answer) => {
                let (parent, utility) = answer.parts(context)?;
                let request = |request_id| pb::DeclineShareRequest { parent, utility, request_id };
                let client = context.connect().await?;
                let declined = answer.request.once(request, async |request| client.access().decline_share(request).await).await;
                let declined = declined.map_err(hinted)?;
                context.output.one(|| document(&declined), || format!("{} was declined\n", declined.utility))?;
                Ok(Exit::Ok)
            }
            Share::Revoke(revoke) => revoke.run(context).await,
        }
    }
}

impl Answer {
    fn parts(&self, context: &Context) -> Result<(String, String)> {
        let utility = names::utility(&context.tenant, &self.utility)?.to_string();
        Ok((names::parent(&context.tenant), utility))
    }
}

impl Offer {
    pub(super) async fn run(&self, context: &Context) -> Result {
        let end = |after| SystemTime::now().checked_add(after).ok_or_else(|| Failure::usage("--expires is too long"));
        let offer = pb::OfferShareRequest {
            name: names::utility(&context.tenant, &self.name)?.to_string(),
            tenant: names::other_tenant(&self.with)?,
            access: self.access.proto().into(),
            reason: self.reason.clone(),
            expire_time: self.expires.map(end).transpose()?.map(Into::into),
            request_id: String::new(),
        };
        let request = |request_id| pb::OfferShareRequest { request_id, ..offer };
        let client = context.connect().await?;
        shown(context, &self.request.once(request, async |request| client.access().offer_share(request).await).await?)
    }
}

impl Revoke {
    async fn run(&self, context: &Context) -> Result {
        let name = names::utility(&context.tenant, &self.name)?.to_string();
        let tenant = names::other_tenant(&self.with)?;
        let request = |request_id| pb::RevokeShareRequest { name, tenant, request_id };
        let client = context.connect().await?;
        let revoked = self.request.once(request, async |request| client.access().revoke_share(request).await).await;
        let revoked = revoked.map_err(hinted)?;
        context.output.one(|| document(&revoked), || format!("{} was taken back from {}\n", revoked.utility, revoked.grantee))?;
        Ok(Exit::Ok)
    }
}

impl List {
    async fn run(&self, context: &Context) -> Result {
        let side = if self.given { pb::ShareSide::Given } else { pb::ShareSide::Received };
        let parent = names::parent(&context.tenant);
        let client = context.connect().await?;
        let found = every(|page_token| async {
            let request = pb::ListSharesRequest { parent: parent.clone(), side: side.into(), page_size: PAGE as i32, page_token };
            let page = client.access().list_shares(soon(request)).await?.into_inner();
            Ok((page.shares, page.next_page_token))
        })
        .await?;
        context.output.list(&found, document, HEADINGS, row)?;
        Ok(Exit::Ok)
    }
}

impl Level {
    fn proto(self) -> pb::Access {
        match self {
            Level::Read => pb::Access::Read,
            Level::Execute => pb::Access::Execute,
        }
    }
}

fn shown(context: &Context, share: &pb::Grant) -> Result {
    let text = || {
        fields(&[
            ("utility", share.utility.clone()),
            ("with", share.grantee.clone()),
            ("access", short("Access", share.access().as_str_name()).to_owned()),
            ("state", state(share)),
            ("until", moment(share.expire_time.as_ref())),
            ("reason", share.reason.clone()),
            ("offered by", share.granted_by.clone()),
            ("accepted by", share.accepted_by.clone()),
        ])
    };
    context.output.one(|| document(share), text)?;
    Ok(Exit::Ok)
}

fn row(share: &pb::Grant) -> Vec<String> {
    let access = short("Access", share.access().as_str_name()).to_owned();
    let with = names::id(&share.grantee).to_owned();
    vec![share.utility.clone(), with, access, state(share), moment(share.expire_time.as_ref()), share.reason.clone()]
}

fn state(share: &pb::Grant) -> String {
    short("ShareState", share.share_state().as_str_name()).to_owned()
}

fn hinted(status: tonic::Status) -> Failure {
    Failure::from(status).hint_on(Exit::NotFound, "`zona access share list` shows what is offered here, and with --given what is shared")
}
