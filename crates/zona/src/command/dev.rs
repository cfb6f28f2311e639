//! `zona dev`: a server on this machine with everything embedded, until a signal ends it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::Context;
use crate::config::{BackendKind, Flag};
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::{fields, note, write_out};
use crate::server::{self, Options, Running};

/// Where a server listens unless somebody says otherwise; a test compares these to the defaults of the configuration.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7070);
const DEFAULT_ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7071);

#[derive(Debug, Args)]
#[command(after_help = "SIGTERM or Ctrl-C ends running executions as CANCELLED and leaves nothing behind; a second Ctrl-C exits at once.")]
pub struct Dev {
    /// Loopback address and port to serve on; port 0 takes a free one [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Loopback address and port of metrics and health [default: 127.0.0.1:7071, or a free port where --listen is another]
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<String>,
    /// Data directory [default: $XDG_DATA_HOME/zona]
    #[arg(long, value_name = "DIRECTORY")]
    data: Option<PathBuf>,
    /// What contains executions [default: namespace]
    #[arg(long, value_enum)]
    backend: Option<BackendKind>,
}

impl Dev {
    pub fn flags(&self) -> Vec<Flag> {
        let texts = [
            ("listen", self.listen.clone()),
            ("admin_listen", self.admin_listen.clone()),
            ("data", self.data.as_ref().map(|path| path.display().to_string())),
            ("sandbox.backend", self.backend.map(|backend| backend.as_str().to_owned())),
        ];
        texts.into_iter().filter_map(|(key, value)| Some(Flag { key, value: value? })).collect()
    }

    pub async fn run(self, mut context: Context) -> Result {
        if context.config.admin_listen == DEFAULT_ADMIN && context.config.listen != DEFAULT_LISTEN {
            // Two servers beside each other should not need two flags each.
            context.config.admin_listen.set_port(0);
        }
        let mut terminate = handler(SignalKind::terminate())?;
        let mut interrupt = handler(SignalKind::interrupt())?;
        let running = server::start(&context.config, &context.surroundings, Options { seeds: true, installation: None }).await?;
        write_out(&banner(&context, &running).await)?;
        let broken = running.broken.clone();
        let exit = tokio::select! {
            _ = terminate.recv() => Exit::Ok,
            _ = interrupt.recv() => Exit::Ok,
            () = broken.cancelled() => Exit::Unavailable,
        };
        tokio::select! {
            clean = running.stop() => {
                if !clean {
                    note("not everything ended in time; the next start sweeps what is left");
                }
                Ok(exit)
            }
            _ = interrupt.recv() => Ok(Exit::Interrupted),
        }
    }
}

fn handler(kind: SignalKind) -> Result<tokio::signal::unix::Signal> {
    signal(kind).map_err(|error| Failure::new(Exit::Unavailable, format!("cannot handle signals: {error}")))
}

async fn banner(context: &Context, running: &Running) -> String {
    let config = &context.config;
    let sandbox = match running.sandboxes.runtime(running.sandboxes.default_runtime()).await {
        Ok(runtime) => format!("{}, tier T1, Python {}", config.sandbox.backend.as_str(), runtime.python_version),
        Err(error) => format!("not available: {error} (`zona doctor` says more)"),
    };
    let recovered =
        if running.recovered > 0 { format!("{} executions of the last server are LOST", running.recovered) } else { String::new() };
    let seeded = if running.seeded > 0 { format!("{} created for tenant demo", running.seeded) } else { String::new() };
    let facts = fields(&[
        ("  serving", format!("http://{} (gRPC, reflection, health)", running.address)),
        ("  metrics", format!("http://{}/metrics", running.admin_address)),
        ("  data", config.data.display().to_string()),
        ("  sandbox", sandbox),
        ("  examples", seeded),
        ("  recovered", recovered),
    ]);
    let server = if running.address == DEFAULT_LISTEN { String::new() } else { format!(" --server http://{}", running.address) };
    format!(
        "Zona is ready.\n{facts}\nTry, in another terminal:\n  zona{server} utility list\n  zona{server} transform extract-iocs --value \
         '\"see hxxp://evil[.]example\"'\n  zona{server} run summarize-events\n  zona{server} execution list\n\nCtrl-C stops.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Surroundings, load};

    #[test]
    fn the_usual_addresses_are_those_of_the_configuration() {
        let config = load(None, Vec::new(), &Surroundings::default()).map(|loaded| loaded.config);
        let config = config.unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!((config.listen, config.admin_listen), (DEFAULT_LISTEN, DEFAULT_ADMIN));
    }
}
