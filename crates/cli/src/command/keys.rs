//! `zona keys status|rotate|shred`: the keys that wrap the data keys of an installation, and destroying those of a tenant.

use api_proto::zona::server::v1 as pb;
use api_proto::zona::tenant::v1::ShredTenantRequest;
use clap::{Args, Subcommand};

use super::agreed::agreed;
use super::execution::moment;
use crate::client::repeated::RequestId;
use crate::client::{Client, names, soon};
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::pending::Pending;

const HEADINGS: &[&str] = &["KEY", "CREATED", "WRAPS"];

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Show the keys that wrap data keys, the newest first, and how many each wraps
    #[command(visible_alias = "list")]
    Status,
    /// Make a new key and have it wrap every data key
    Rotate(Rotate),
    /// Destroy the keys of a deleted tenant, for good: nothing brings back what they have sealed
    Shred(Shred),
}

#[derive(Debug, Args)]
pub struct Rotate {
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
pub struct Shred {
    /// Tenant: its code, or its full name
    code: String,
    /// Only when the tenant still has this etag
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
    /// Do not ask back
    #[arg(long)]
    yes: bool,
}

impl Keys {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result {
        match self {
            Keys::Status => show(context, &context.connect().await?).await,
            Keys::Rotate(rotate) => {
                let client = context.connect().await?;
                let request = |request_id| pb::RotateKeysRequest { request_id };
                rotate.request.once(request, async |request| client.servers().rotate_keys(request).await).await?;
                show(context, &client).await
            }
            Keys::Shred(shred) => shred.run(context).await,
        }
    }
}

impl Shred {
    async fn run(&self, context: &Context) -> Result {
        let name = names::tenant(&self.code)?;
        if !self.yes && !agreed(&format!("Everything of {name}"), names::id(&name), "destroy its keys")? {
            return Err(Failure::usage("nothing was destroyed"));
        }
        let request = ShredTenantRequest { name, etag: self.etag.clone() };
        let shredded = context.connect().await?.tenants().shred_tenant(soon(request)).await;
        let hint = "`zona tenant list --deleted` shows what there is";
        let tenant = shredded.map_err(|status| Failure::from(status).hint_on(Exit::NotFound, hint))?.into_inner();
        context.output.one(|| document(&tenant), || format!("the keys of {} are destroyed\n", tenant.resource_name))?;
        Ok(Exit::Ok)
    }
}

async fn show(context: &Context, client: &Client) -> Result {
    let status = client.servers().get_key_status(soon(pb::GetKeyStatusRequest {})).await?.into_inner();
    context.output.list(&status.keys, document, HEADINGS, row)?;
    Ok(Exit::Ok)
}

fn row(key: &pb::WrappingKey) -> Vec<String> {
    vec![key.id.clone(), moment(key.create_time.as_ref()), key.wraps.to_string()]
}
