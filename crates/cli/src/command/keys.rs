//! `zona keys status|rotate`: the keys that wrap the data keys of an installation.

use api_proto::zona::server::v1 as pb;
use clap::{Args, Subcommand};

use super::execution::moment;
use crate::client::repeated::RequestId;
use crate::client::{Client, soon};
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::Result;
use crate::pending::Pending;

const HEADINGS: &[&str] = &["KEY", "CREATED", "WRAPS"];

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Show the keys that wrap data keys, the newest first, and how many each wraps
    Status,
    /// Make a new key and have it wrap every data key
    Rotate(Rotate),
}

#[derive(Debug, Args)]
pub struct Rotate {
    #[command(flatten)]
    request: RequestId,
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
        let client = context.connect().await?;
        if let Keys::Rotate(rotate) = self {
            let request = |request_id| pb::RotateKeysRequest { request_id };
            rotate.request.once(request, async |request| client.servers().rotate_keys(request).await).await?;
        }
        show(context, &client).await
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
