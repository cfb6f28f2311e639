//! `zona ps apply FILE`: the manifest is checked here, so that what is wrong is told with its places before a server is asked; what its configs
//! hold goes along, because a server sees no files beside it.

use clap::Args;
use cli::Result;

use crate::context::Context;
use crate::local::ps::file::Given;

#[derive(Debug, Args)]
// Its name is that of what it flattens, too.
#[group(skip)]
#[command(after_help = "Exit codes: 0 what runs is what is wanted, 1 a service failed, and everything was taken back or left as it is,\n\
                        2 the manifest is wrong, 5 the platform has another etag, 7 it is still under way when the time is over.")]
pub struct Apply {
    #[command(flatten)]
    given: Given,
    #[command(flatten)]
    apply: cli::command::process::Apply,
}

impl Apply {
    pub async fn run(&self, context: &Context) -> Result {
        let (manifest, environment) = self.given.sendable()?;
        self.apply.run(&context.client.context()?, manifest, environment).await
    }
}
