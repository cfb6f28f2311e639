//! What `zona dev` and `zona server` share: where they serve, and how they end.

use std::path::PathBuf;

use clap::Args;
use cli::output::note;
use cli::{Exit, Failure, Result};
use server::Running;
use server::config::{Config, DEFAULT_ADMIN, DEFAULT_LISTEN};
use settings::Flag;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Backend;

/// How both say what a signal does.
pub const STOPPING: &str =
    "SIGTERM or Ctrl-C ends running executions as CANCELLED and leaves nothing behind; a second Ctrl-C exits at once.";

/// Where a server serves, and on what.
#[derive(Debug, Args)]
pub struct Place {
    /// Address and port to serve on, beyond the loopback interface only with `tls.certificate`; port 0 takes a free one [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Loopback address and port of metrics and health [default: 127.0.0.1:7071, or a free port where --listen is another]
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<String>,
    /// Data directory [default: $XDG_DATA_HOME/zona]
    #[arg(long, value_name = "DIRECTORY")]
    data: Option<PathBuf>,
    /// What contains executions [default: namespace for `zona dev`, docker for `zona server`]
    #[arg(long, value_enum)]
    backend: Option<Backend>,
}

/// The signals that end a server. Taken before it starts, so that none is missed.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Place {
    /// The keys that were set by flags.
    pub fn flags(&self) -> Vec<Flag> {
        let texts = [
            ("listen", self.listen.clone()),
            ("admin_listen", self.admin_listen.clone()),
            ("data", self.data.as_ref().map(|path| path.display().to_string())),
            ("sandbox.backend", self.backend.map(|backend| backend.flag().value)),
        ];
        texts.into_iter().filter_map(|(key, value)| Some(Flag { key, value: value? })).collect()
    }
}

/// Shows what the first super administrator is made with: on the standard error, which is not the log.
pub fn show_bootstrap_code(running: &Running) {
    if let Some(code) = &running.bootstrap_code {
        note(&format!("nobody can sign in yet; the first super administrator is made with this code, once: {}", code.expose()));
    }
}

/// What a banner says of JSON over HTTP; nothing where there is none.
pub fn gateway(running: &Running) -> String {
    match running.gateway_url() {
        url if url.is_empty() => url,
        url => format!("{url} (JSON over HTTP, gRPC-Web; {url}/docs)"),
    }
}

/// Two servers beside each other should not need three flags each: with another port of calls, the others are free ones, but for a gateway's
/// that somebody has set.
pub fn part_from_others(config: &mut Config, gateway_is_set: bool) {
    if let Some(gateway) = &mut config.gateway.listen
        && !gateway_is_set
        && config.listening.listen != DEFAULT_LISTEN
    {
        gateway.set_port(0);
    }
    let listening = &mut config.listening;
    if listening.admin_listen == DEFAULT_ADMIN && listening.listen != DEFAULT_LISTEN {
        listening.admin_listen.set_port(0);
    }
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// The process cannot handle signals.
    pub fn listen() -> Result<Self> {
        Ok(Signals { terminate: handler(SignalKind::terminate())?, interrupt: handler(SignalKind::interrupt())? })
    }

    /// Lets the server run until a signal or a fault of its own, and takes it down.
    ///
    /// # Errors
    /// None so far.
    pub async fn end(mut self, running: Running) -> Result {
        let broken = running.broken.clone();
        let exit = tokio::select! {
            _ = self.terminate.recv() => Exit::Ok,
            _ = self.interrupt.recv() => Exit::Ok,
            () = broken.cancelled() => Exit::Unavailable,
        };
        tokio::select! {
            clean = running.stop() => {
                if !clean {
                    note("not everything ended in time; the next start sweeps what is left");
                }
                Ok(exit)
            }
            _ = self.interrupt.recv() => Ok(Exit::Interrupted),
        }
    }
}

fn handler(kind: SignalKind) -> Result<Signal> {
    signal(kind).map_err(|error| Failure::new(Exit::Unavailable, format!("cannot handle signals: {error}")))
}

#[cfg(test)]
mod tests {
    use server::config::DEFAULT_GATEWAY;
    use settings::Surroundings;

    use super::*;
    use crate::config::load;

    #[test]
    fn the_usual_addresses_are_those_of_the_configuration() {
        let listening = load(None, Vec::new(), Vec::new(), &Surroundings::default()).map(|loaded| loaded.config.server.listening);
        let listening = listening.unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!((listening.listen, listening.admin_listen), (DEFAULT_LISTEN, DEFAULT_ADMIN));
    }

    /// The port of the gateway beside another port of calls.
    fn gateway_beside(set: Vec<Flag>) -> Option<u16> {
        let other = Flag { key: "listen", value: "127.0.0.1:0".to_owned() };
        let usual = Flag { key: "gateway.listen", value: DEFAULT_GATEWAY.to_string() };
        let flags = set.into_iter().chain([other]).collect();
        let loaded = load(None, vec![usual], flags, &Surroundings::default()).unwrap_or_else(|problems| panic!("{problems:?}"));
        let gateway_is_set = loaded.is_set("gateway.listen");
        let mut config = loaded.config.server;
        part_from_others(&mut config, gateway_is_set);
        config.gateway.listen.map(|address| address.port())
    }

    #[test]
    fn a_gateway_leaves_its_usual_port_to_others_unless_somebody_has_set_it() {
        assert_eq!(gateway_beside(Vec::new()), Some(0));
        let set = Flag { key: "gateway.listen", value: DEFAULT_GATEWAY.to_string() };
        assert_eq!(gateway_beside(vec![set]), Some(DEFAULT_GATEWAY.port()));
    }
}
