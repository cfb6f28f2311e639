//! `zona server`: a server for others. What a server says of itself, `zona server info`, is a client command.

use clap::{Args, Subcommand};
use cli::Result;
use cli::output::{fields, write_out};
use server::config::BackendKind;
use server::{Options, Running};
use settings::Flag;

use super::serving::{Place, STOPPING, Signals, gateway, part_from_others, show_bootstrap_code};
use crate::context::Context;
use crate::refusal::not_started;

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

    /// Whether it starts a server instead of asking one.
    pub fn starts(&self) -> bool {
        self.ask.is_none()
    }

    /// A server for others contains executions in containers, and does not keep everything by itself, unless somebody says otherwise.
    pub fn defaults(&self) -> Vec<Flag> {
        let defaults = [("sandbox.backend", BackendKind::Docker.as_str()), ("store.embedded", "false")];
        let of_server = |(key, value): (&'static str, &str)| Flag { key, value: value.to_owned() };
        defaults.into_iter().filter(|_| self.starts()).map(of_server).collect()
    }

    pub async fn run(self, mut context: Context) -> Result {
        match self.ask {
            None => {
                part_from_others(&mut context.config, context.gateway_is_set);
                let signals = Signals::listen()?;
                let options = Options {
                    proves_itself_first: true,
                    drains: true,
                    warnings: std::mem::take(&mut context.warnings),
                    ..Options::default()
                };
                let running = server::start(&context.config, &context.surroundings, options).await.map_err(not_started)?;
                show_bootstrap_code(&running);
                write_out(&banner(&context, &running))?;
                signals.end(running).await
            }
            Some(Ask::Info) => cli::command::info(&context.client.context()?).await,
        }
    }
}

fn banner(context: &Context, running: &Running) -> String {
    let config = &context.config;
    let facts = fields(&[
        ("  serving", format!("{} (gRPC, reflection, health)", running.serving())),
        ("  gateway", gateway(running)),
        ("  metrics", format!("http://{}/metrics", running.admin_address)),
        ("  data", config.listening.data.display().to_string()),
        ("  store", config.store.mongodb.clone().unwrap_or_default()),
        ("  sandbox", config.sandbox.backend.as_str().to_owned()),
    ]);
    format!("Zona is ready once the sandbox has withstood its self-test: health says so, and the log.\n{facts}\nCtrl-C stops.\n")
}
