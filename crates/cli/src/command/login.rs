//! `zona login`: proves once who somebody is, and keeps what the server gives for it in a context.

use std::path::PathBuf;

use api_proto::zona::identity::v1 as pb;
use clap::Args;

use super::execution::moment;
use crate::choice::Setup;
use crate::client::names::{self, Tenant};
use crate::client::{Client, address, soon};
use crate::contexts::{Contexts, Entry, Kept};
use crate::credential::Credential;
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::input;
use crate::interrupt::until_interrupted;
use crate::output::note;
use crate::pending::Pending;
use crate::secret::{self, Secret};
use crate::settings::DEFAULT_SERVER;

/// The tenant of super administrators.
const SYSTEM: &str = "system";
/// The first super administrator, unless `--user` names one.
const FIRST_USER: &str = "admin";

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Args)]
#[command(
    after_help = "Passwords are asked for without showing them. What the server gives is kept in a context, which becomes the current one:\n\
                  that of --context, else the one for this server and user, else USER@TENANT. See also `zona context list`. With --ca, the\n\
                  context keeps where the file is, too."
)]
pub struct Login {
    /// User: an id of the tenant, or a full name [default: that of the context, else asked for]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Read the password from a file; `-` is standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Sign in as the service account of the API key in a file; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["user", "password_file", "bootstrap_code_file"])]
    api_key_file: Option<PathBuf>,
    /// Make the first super administrator by the code that the server printed [default user: admin]
    #[arg(long, value_name = "FILE")]
    bootstrap_code_file: Option<PathBuf>,
}

/// Where somebody signs in.
#[derive(Clone)]
struct There {
    server: String,
    /// The authority of its certificate, where that is none of the system's.
    ca: Option<PathBuf>,
}

/// Who was found to be signed in, and what proves it from now on.
struct SignedIn {
    principal: String,
    kept: Kept,
    ends: Option<prost_types::Timestamp>,
}

impl Login {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, setup: &'a Setup) -> Pending<'a> {
        Box::pin(self.perform(setup))
    }

    async fn perform(&self, setup: &Setup) -> Result {
        // Whatever would waste a password that was typed is found before.
        let contexts = setup.store.read()?;
        let (there, replaced) = There::of(setup, &contexts)?;
        address::keeps_secrets(&there.server)?;
        if self.api_key_file.is_none() && both_are_stdin(&self.password_file, &self.bootstrap_code_file) {
            return Err(Failure::usage("standard input cannot be both the code and the password"));
        }
        let user = self.user(setup, replaced)?;
        until_interrupted(self.sign_in(setup, &there, &user)).await
    }

    async fn sign_in(&self, setup: &Setup, there: &There, user: &str) -> Result {
        let server = there.server.as_str();
        let signed_in = match &self.api_key_file {
            Some(file) => by_key(there, secret::read(file, "API key")?).await?,
            None => {
                let client = there.connect(Credential::Absent).await?;
                let password = match &self.bootstrap_code_file {
                    Some(code) => self.bootstrap(&client, user, secret::read(code, "bootstrap code")?).await?,
                    None => self.password(|| secret::ask(&format!("password of {user}")))?,
                };
                by_password(&client, user, &password).await?
            }
        };
        let context = keep(setup, there, &signed_in)?;
        let document = || {
            let mut document = Document::object([
                ("context", context.as_str().into()),
                ("server", server.into()),
                ("principal", Document::from(signed_in.principal.as_str())),
            ]);
            if signed_in.ends.is_some() {
                document.push("session_expire_time", moment(signed_in.ends.as_ref()).into());
            }
            document
        };
        setup.output().one(document, || format!("{} is signed in at {server}; context {context}\n", signed_in.principal))?;
        Ok(Exit::Ok)
    }

    /// Full name of who signs in; empty where a key says it.
    fn user(&self, setup: &Setup, replaced: Option<&Entry>) -> Result<String> {
        let tenant = || setup.settings.tenant.clone().or_else(|| replaced.and_then(Entry::tenant)).unwrap_or_else(Tenant::usual);
        match (&self.user, &self.bootstrap_code_file, &self.api_key_file) {
            (_, _, Some(_)) => Ok(String::new()),
            (user, Some(_), None) => {
                let system = Tenant::parse(SYSTEM).map_err(Failure::usage)?;
                names::user(&system, user.as_deref().unwrap_or(FIRST_USER))
            }
            (Some(user), None, None) => names::user(&tenant(), user),
            (None, None, None) => match replaced {
                // The same person again, whose session has ended.
                Some(entry) if setup.settings.tenant.is_none() && entry.principal.contains("/users/") => Ok(entry.principal.clone()),
                _ => names::user(&tenant(), &input::line("User")?),
            },
        }
    }

    fn password(&self, ask: impl FnOnce() -> Result<Secret>) -> Result<Secret> {
        self.password_file.as_deref().map_or_else(ask, |file| secret::read(file, "password"))
    }

    /// Makes the first super administrator; answers the password that was chosen.
    async fn bootstrap(&self, client: &Client, user: &str, code: Secret) -> Result<Secret> {
        let password = self.password(|| secret::ask_new(&format!("new password of {user}")))?;
        let request = pb::BootstrapRequest {
            code: code.expose().to_owned(),
            user_id: names::id(user).to_owned(),
            password: password.expose().to_owned(),
            display_name: String::new(),
        };
        client.identity().bootstrap(soon(request)).await.map_err(|status| match status.code() {
            tonic::Code::Unauthenticated => Failure::from(status)
                .hint("the code serves once, until the server stops; one that has no super administrator prints a new code when it starts"),
            _ => status.into(),
        })?;
        Ok(password)
    }
}

impl There {
    /// Where it is, and the context of before. What that says of its server, it says of no other one: neither whom to believe there nor
    /// who somebody is there.
    fn of<'a>(setup: &Setup, contexts: &'a Contexts) -> Result<(Self, Option<&'a Entry>)> {
        let replaced = replaced(setup, contexts)?;
        let server = setup.settings.server.clone().or_else(|| replaced.map(|entry| entry.server.clone()));
        let server = server.unwrap_or_else(|| DEFAULT_SERVER.to_owned());
        let replaced = replaced.filter(|entry| address::same(&entry.server, &server));
        let named = setup.settings.ca.as_deref().map(std::path::absolute).transpose();
        let ca = named.map_err(|error| Failure::usage(format!("--ca: {error}")))?;
        let ca = ca.or_else(|| replaced.and_then(|entry| entry.ca.clone()));
        Ok((There { server, ca }, replaced))
    }

    async fn connect(&self, credential: Credential) -> Result<Client> {
        Client::connect(&self.server, self.ca.as_deref(), credential).await
    }
}

/// The context that signing in puts something else into, if there is one already.
fn replaced<'a>(setup: &Setup, contexts: &'a Contexts) -> Result<Option<&'a Entry>> {
    match &setup.settings.context {
        Some(name) => Ok(contexts.contexts.get(name)),
        // Where several fit, the name that is made says which.
        None => Ok(setup.chosen(contexts).unwrap_or_default().map(|(_, entry)| entry)),
    }
}

fn both_are_stdin(one: &Option<PathBuf>, other: &Option<PathBuf>) -> bool {
    [one, other].into_iter().all(|path| path.as_deref().is_some_and(input::is_stdin))
}

async fn by_key(there: &There, key: Secret) -> Result<SignedIn> {
    let client = there.connect(Credential::Key(key.clone())).await?;
    let known = client.identity().who_am_i(soon(pb::WhoAmIRequest {})).await.map_err(refused)?.into_inner();
    Ok(SignedIn { principal: known.principal, kept: Kept::ApiKey(key), ends: known.expire_time })
}

async fn by_password(client: &Client, user: &str, password: &Secret) -> Result<SignedIn> {
    let password = pb::PasswordCredential { user: user.to_owned(), password: password.expose().to_owned() };
    let request = pb::IssueTokenRequest { credential: Some(pb::issue_token_request::Credential::Password(password)), browser: false };
    let answer = client.identity().issue_token(soon(request)).await.map_err(refused)?.into_inner();
    let (principal, ends) = (answer.principal.clone(), answer.session_expire_time);
    Ok(SignedIn { principal, kept: Kept::Session(answer.into()), ends })
}

/// Whoever signs in needs no advice to sign in.
fn refused(status: tonic::Status) -> Failure {
    match status.code() {
        tonic::Code::Unauthenticated => Failure::from(status).hint("nobody was signed in; what was kept before is still there"),
        _ => status.into(),
    }
}

/// Keeps it, as the current context; answers the context's name.
fn keep(setup: &Setup, there: &There, signed_in: &SignedIn) -> Result<String> {
    let There { server, ca } = there.clone();
    let entry = Entry { server, ca, principal: signed_in.principal.clone(), credential: Some(signed_in.kept.clone()) };
    setup.store.change(|contexts| {
        let name = setup.settings.context.clone().unwrap_or_else(|| name_of(contexts, &entry));
        if contexts.contexts.insert(name.clone(), entry).is_none() {
            note(&format!("made context {name}"));
        }
        contexts.current = Some(name.clone());
        Ok(name)
    })
}

/// A name for a context: that of the same user at the same server, else `USER@TENANT`, with the server where that is taken.
fn name_of(contexts: &Contexts, entry: &Entry) -> String {
    let same = |found: &Entry| address::same(&found.server, &entry.server) && found.principal == entry.principal;
    if let Some((name, _)) = contexts.contexts.iter().find(|(_, found)| same(found)) {
        return name.clone();
    }
    let tenant = entry.tenant().unwrap_or_else(Tenant::usual);
    let word = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric() && !"-_.@:".contains(c), "-");
    let short = format!("{}@{tenant}", word(names::id(&entry.principal)));
    match contexts.contexts.contains_key(&short) {
        true => {
            format!("{short}@{}", word(entry.server.split_once("://").map_or(entry.server.as_str(), |(_, place)| place).trim_matches('/')))
        }
        false => short,
    }
}

#[cfg(test)]
mod tests {
    use ::settings::Surroundings;
    use clap::Parser;

    use super::*;
    use crate::contexts::Store;
    use crate::output::Format;
    use crate::settings::Client as Settings;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        login: Login,
    }

    fn entry(server: &str, principal: &str) -> Entry {
        Entry { server: server.to_owned(), ca: None, principal: principal.to_owned(), credential: None }
    }

    #[test]
    fn a_context_is_named_after_who_is_signed_in_and_no_other_is_overwritten() {
        let ann = entry("http://127.0.0.1:7070", "tenants/acme/users/ann");
        let mut contexts = Contexts::default();
        assert_eq!(name_of(&contexts, &ann), "ann@acme");
        contexts.contexts.insert("mine".to_owned(), ann.clone());
        assert_eq!(name_of(&contexts, &ann), "mine", "the same user at the same server");
        let elsewhere = entry("http://[::1]:9090/", "tenants/acme/users/ann");
        contexts.contexts.insert("ann@acme".to_owned(), ann);
        let name = name_of(&contexts, &elsewhere);
        assert_eq!(name, "ann@acme@---1-:9090".replace("---1-:9090", "-::1-:9090"));
        assert!(crate::contexts::name(&name).is_ok());
    }

    #[test]
    fn what_a_context_says_of_its_server_it_says_of_no_other() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::of(&Surroundings { config_home: Some(root.path().to_owned()), ..Surroundings::default() });
        let kept = Entry { ca: Some("/ca.pem".into()), ..entry("https://zona.example", "tenants/acme/users/ann") };
        let mut contexts = Contexts::default();
        contexts.contexts.insert("work".to_owned(), kept.clone());
        let there = |server: Option<&str>, ca: Option<&str>| {
            let (server, ca) = (server.map(str::to_owned), ca.map(PathBuf::from));
            let context = Some("work".to_owned());
            let settings = Settings { server, tenant: None, context, api_key_file: None, ca, output: Format::Table };
            let setup = Setup { settings, store: store.clone() };
            let (there, replaced) = There::of(&setup, &contexts).unwrap();
            (there.server, there.ca, replaced.cloned())
        };
        let (ours, other) = ("https://ZONA.example:443".to_owned(), "https://other.example".to_owned());
        let ca = |path: &str| Some(PathBuf::from(path));
        assert_eq!(there(None, None), (kept.server.clone(), ca("/ca.pem"), Some(kept.clone())));
        assert_eq!(there(Some(&ours), None), (ours.clone(), ca("/ca.pem"), Some(kept)));
        assert_eq!(there(Some(&other), None), (other.clone(), None, None));
        assert_eq!(there(Some(&other), Some("/other.pem")), (other.clone(), ca("/other.pem"), None));
    }

    #[test]
    fn no_flag_takes_a_secret() {
        let command = <Line as clap::CommandFactory>::command();
        let secret = |id: &str| ["password", "key", "code", "token", "secret"].iter().any(|word| id.contains(word));
        let wrong: Vec<_> = command.get_arguments().map(|argument| argument.get_id().as_str()).filter(|id| secret(id)).collect();
        assert!(!wrong.is_empty() && wrong.iter().all(|id| id.ends_with("_file")), "{wrong:?}");
    }

    #[test]
    fn a_key_and_a_password_exclude_each_other() {
        assert!(Line::try_parse_from(["login", "--api-key-file", "k", "--user", "ann"]).is_err());
        assert!(Line::try_parse_from(["login", "--api-key-file", "k", "--password-file", "p"]).is_err());
        assert!(Line::try_parse_from(["login", "--bootstrap-code-file", "-", "--password-file", "p", "--user", "root"]).is_ok());
    }
}
