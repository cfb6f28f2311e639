//! `zona dev`: a server on this machine with everything embedded, until a signal ends it. It signs in whoever starts it.

use clap::Args;
use cli::Result;
use cli::developer::{CONTEXT, SignedIn, sign_in};
use cli::output::{fields, note, write_out};
use cli::secret::Secret;
use server::config::DEFAULT_GATEWAY;
use server::{Developer, Options, Running};
use settings::Flag;

use super::serving::{Place, STOPPING, Signals, gateway, part_from_others};
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

    /// A server on this machine speaks to its browsers, too.
    pub fn defaults(&self) -> Vec<Flag> {
        vec![Flag { key: "gateway.listen", value: DEFAULT_GATEWAY.to_string() }]
    }

    pub async fn run(self, mut context: Context) -> Result {
        part_from_others(&mut context.config, context.gateway_is_set);
        if context.config.embed() {
            context.warnings.push("`zona dev` keeps everything in its data directory: `store.mongodb` is for `zona server`".to_owned());
        }
        let signals = Signals::listen()?;
        let options = Options { seeds: true, developer: true, warnings: std::mem::take(&mut context.warnings), ..Options::default() };
        let running = server::start(&context.config, &context.surroundings, options).await.map_err(not_started)?;
        if let Some(code) = &running.bootstrap_code {
            note(&format!("who is to keep tenants becomes super administrator with this code, once: {}", code.expose()));
        }
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
    let url = running.url();
    let signed_in = running.developer.as_ref().map(|developer| Told::of(context, developer, &url));
    let (identity, prefix) = signed_in.map_or_else(|| (String::new(), "zona".to_owned()), |told| (told.identity, told.prefix));
    let authority = match running.encrypted {
        true => "where the system does not know who signed the certificate, commands need `--ca FILE`".to_owned(),
        false => String::new(),
    };
    let facts = fields(&[
        ("  serving", format!("{} (gRPC, reflection, health)", running.serving())),
        ("  gateway", gateway(running)),
        ("  metrics", format!("http://{}/metrics", running.admin_address)),
        ("  data", config.listening.data.display().to_string()),
        ("  signed in", identity),
        ("  authority", authority),
        ("  closed", running.closed.clone().unwrap_or_default()),
        ("  sandbox", sandbox),
        ("  examples", seeded),
        ("  recovered", recovered),
    ]);
    format!(
        "Zona is ready.\n{facts}\nTry, in another terminal:\n  {prefix} utility list\n  {prefix} transform extract-iocs --value \
         '\"see hxxp://evil[.]example\"'\n  {prefix} run summarize-events\n  {prefix} execution list\n\nCtrl-C stops.\n"
    )
}

/// How somebody asks the server as its developer.
struct Told {
    identity: String,
    /// What the commands begin with.
    prefix: String,
}

impl Told {
    fn of(context: &Context, developer: &Developer, url: &str) -> Self {
        let account = &developer.account;
        let by_file = || format!("ZONA_API_KEY_FILE={} zona --server {url}", developer.file.display());
        let (identity, prefix) = match sign_in(&context.client.store, url, account.as_str(), Secret::new(developer.key.expose())) {
            Ok(SignedIn::Current) => (format!("as {account}, in the current context, `{CONTEXT}`"), "zona".to_owned()),
            Ok(SignedIn::Beside { current }) => (
                format!("as {account}, in the context `{CONTEXT}`; the current one stays `{current}`"),
                format!("zona --context {CONTEXT}"),
            ),
            Ok(SignedIn::Taken { by }) => {
                (format!("in no context: `{CONTEXT}` is for {by} and stays so; {account} has its key in a file"), by_file())
            }
            Err(failure) => (format!("in no context: {failure}; {account} has its key in a file"), by_file()),
        };
        Told { identity, prefix }
    }
}
