//! `zona server`: a server for others, and what a server says of itself.

use api_proto::zona::server::v1 as pb;
use clap::{Args, Subcommand};

use super::Context;
use super::execution::moment;
use super::serving::{Place, STOPPING, Signals, part_from_others};
use crate::client::soon;
use crate::config::{BackendKind, Flag};
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::{fields, table, write_out};
use crate::server::{self, Options, Running};

#[derive(Debug, Args)]
#[command(after_help = STOPPING, args_conflicts_with_subcommands = true)]
pub struct Server {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    ask: Option<Ask>,
}

#[derive(Debug, Subcommand)]
enum Ask {
    /// Show version, backend, load, and what the self-test of each isolation tier found
    Info,
}

impl Server {
    pub fn flags(&self) -> Vec<Flag> {
        self.place.flags()
    }

    /// A server for others contains executions in containers, unless somebody says otherwise.
    pub fn defaults(&self) -> Option<Flag> {
        self.ask.is_none().then(|| Flag { key: "sandbox.backend", value: BackendKind::Docker.as_str().to_owned() })
    }

    pub async fn run(self, mut context: Context) -> Result {
        match self.ask {
            None => {
                part_from_others(&mut context.config);
                let signals = Signals::listen()?;
                let options = Options { proves_itself_first: true, ..Options::default() };
                let running = server::start(&context.config, &context.surroundings, options).await?;
                write_out(&banner(&context, &running))?;
                signals.end(running).await
            }
            Some(Ask::Info) => {
                let request = soon(pb::GetServerInfoRequest {});
                let info = context.connect().await?.servers().get_server_info(request).await?.into_inner();
                context.output.one(|| document(&info), || human(&info))?;
                Ok(Exit::Ok)
            }
        }
    }
}

fn banner(context: &Context, running: &Running) -> String {
    let config = &context.config;
    let facts = fields(&[
        ("  serving", format!("http://{} (gRPC, reflection, health)", running.address)),
        ("  metrics", format!("http://{}/metrics", running.admin_address)),
        ("  data", config.data.display().to_string()),
        ("  sandbox", config.sandbox.backend.as_str().to_owned()),
    ]);
    format!("Zona is ready once the sandbox has withstood its self-test: health says so, and the log.\n{facts}\nCtrl-C stops.\n")
}

fn human(info: &pb::ServerInfo) -> String {
    let mut text = fields(&[
        ("version", info.version.clone()),
        ("instance", info.instance.clone()),
        ("started", moment(info.start_time.as_ref())),
        ("backend", info.backend.clone()),
        ("executions", format!("{} running, {} waiting", info.running_executions, info.queued_executions)),
    ]);
    text.push('\n');
    text.push_str(&table(&["TIER", "ACCEPTED", "SELF-TEST"], info.tiers.iter().map(tier)));
    for failure in info.tiers.iter().flat_map(|tier| &tier.failures) {
        text.push_str(&format!("\n{} ({}): {}\n  {}\n", failure.probe, failure.defence, failure.detail, failure.hint));
    }
    text
}

fn tier(report: &pb::TierReport) -> Vec<String> {
    let accepted = if report.accepted { "yes" } else { "no" };
    let tested = match report.battery_version.as_str() {
        "" => "did not run".to_owned(),
        version => format!(
            "battery {version} at {}: {} of {} probes stopped",
            moment(report.battery_time.as_ref()),
            report.probes - i32::try_from(report.failures.len()).unwrap_or(report.probes),
            report.probes
        ),
    };
    vec![report.tier.clone(), accepted.to_owned(), tested]
}
