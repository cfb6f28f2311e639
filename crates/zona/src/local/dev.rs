//! `zona dev`: a server on this machine with everything embedded, until a signal ends it.

use clap::Args;
use cli::Result;
use cli::output::{fields, write_out};
use server::config::DEFAULT_LISTEN;
use server::{Options, Running};
use settings::Flag;

use super::serving::{Place, STOPPING, Signals, part_from_others, show_bootstrap_code};
use crate::context::Context;
use crate::refusal::not_started;

#[derive(Debug, Args)]
#[command(after_help = STOPPING)]
pub struct Dev {
    #[command(flatten)]
    place: Place,
}

impl Dev {
    pub fn flags(&self) -> Vec<Flag> {
        self.place.flags()
    }

    pub async fn run(self, mut context: Context) -> Result {
        part_from_others(&mut context.config);
        let signals = Signals::listen()?;
        let options = Options { seeds: true, warnings: std::mem::take(&mut context.warnings), ..Options::default() };
        let running = server::start(&context.config, &context.surroundings, options).await.map_err(not_started)?;
        show_bootstrap_code(&running);
        write_out(&banner(&context, &running).await)?;
        signals.end(running).await
    }
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
        ("  data", config.listening.data.display().to_string()),
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
