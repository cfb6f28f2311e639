//! Which server a command asks, and with what it proves who calls: from what the settings name and the contexts that there are.
//!
//! One rule stands above all: what a context keeps goes to the server of that context and nowhere else.

use crate::client::address;
use crate::client::names::Tenant;
use crate::context::Context;
use crate::contexts::{Contexts, Entry, Kept, Store};
use crate::credential::Credential;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::secret;
use crate::settings::{Client, DEFAULT_SERVER};

/// What client commands start from, before it is known which server they ask.
#[derive(Debug, Clone)]
pub struct Setup {
    /// What the configuration says.
    pub settings: Client,
    /// Where contexts are kept.
    pub store: Store,
}

// === impl Setup ===

impl Setup {
    /// The printer.
    pub fn output(&self) -> Output {
        Output::new(self.settings.output)
    }

    /// Whom a command asks, and as whom.
    ///
    /// # Errors
    /// The contexts cannot be read, or leave a choice open.
    pub fn context(&self) -> Result<Context> {
        let contexts = self.store.read()?;
        let chosen = self.chosen(&contexts)?;
        let server = match (&self.settings.server, chosen) {
            (Some(server), _) => server.clone(),
            (None, Some((_, entry))) => entry.server.clone(),
            (None, None) => DEFAULT_SERVER.to_owned(),
        };
        let tenant = self.settings.tenant.clone().or_else(|| chosen.and_then(|(_, entry)| entry.tenant()));
        let tenant = tenant.unwrap_or_else(Tenant::usual);
        let credential = match (&self.settings.api_key_file, chosen) {
            (Some(file), _) => Credential::Key(secret::read(file, "API key")?),
            (None, Some((name, entry))) => self.credential(name, entry),
            (None, None) => Credential::Absent,
        };
        let ca = self.settings.ca.clone().or_else(|| chosen.and_then(|(_, entry)| entry.ca.clone()));
        Ok(Context { server, ca, tenant, output: self.output(), credential })
    }

    /// The context that a command is about, with its name; none where none was named and none fits.
    ///
    /// # Errors
    /// One was named that is not there or is for another server, or several fit equally.
    pub fn chosen<'a>(&self, contexts: &'a Contexts) -> Result<Option<(&'a str, &'a Entry)>> {
        let named = |name: &str| {
            let entry = contexts.get(name)?;
            Ok(contexts.contexts.get_key_value(name).map_or(("", entry), |(name, entry)| (name.as_str(), entry)))
        };
        match (&self.settings.context, &self.settings.server) {
            (None, None) => contexts.current.as_deref().map(named).transpose(),
            (None, Some(server)) => of_server(contexts, server),
            (Some(name), None) => named(name).map(Some),
            (Some(name), Some(server)) => {
                let (name, entry) = named(name)?;
                match address::same(server, &entry.server) {
                    true => Ok(Some((name, entry))),
                    false => Err(Failure::usage(format!("context {name} is for {}, and its credentials go nowhere else", entry.server))
                        .hint(format!("leave out --server and ZONA_SERVER, or the context; {server} was named"))),
                }
            }
        }
    }

    fn credential(&self, name: &str, entry: &Entry) -> Credential {
        match &entry.credential {
            Some(Kept::ApiKey(key)) => Credential::Key(key.clone()),
            Some(Kept::Session(_)) => Credential::Session { store: self.store.clone(), context: name.to_owned() },
            None => Credential::Absent,
        }
    }
}

/// The context for a server that was named: the current one if it is for it, else the only one.
fn of_server<'a>(contexts: &'a Contexts, server: &str) -> Result<Option<(&'a str, &'a Entry)>> {
    let fits = contexts.contexts.iter().filter(|(_, entry)| address::same(server, &entry.server));
    let fits: Vec<_> = fits.map(|(name, entry)| (name.as_str(), entry)).collect();
    let current = fits.iter().find(|(name, _)| contexts.current.as_deref() == Some(*name));
    match (current, fits.as_slice()) {
        (Some(current), _) => Ok(Some(*current)),
        (None, []) => Ok(None),
        (None, [only]) => Ok(Some(*only)),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|(name, _)| *name).collect();
            Err(Failure::usage(format!("several contexts are for {server}: {}", names.join(", ")))
                .hint("name one with --context, or make one the current one with `zona context use`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use ::settings::Surroundings;

    use super::*;
    use crate::output::Format;
    use crate::secret::Secret;

    const HERE: &str = "http://127.0.0.1:7070";
    const THERE: &str = "http://127.0.0.1:9090";

    struct Case {
        root: tempfile::TempDir,
        setup: Setup,
    }

    impl Case {
        fn new(current: Option<&str>, contexts: &[(&str, &str)]) -> Self {
            let root = tempfile::tempdir().unwrap();
            let store = Store::of(&Surroundings { config_home: Some(root.path().to_owned()), ..Surroundings::default() });
            let entry = |name: &str, server: &str| Entry {
                server: server.to_owned(),
                ca: Some(format!("/ca-of-{name}").into()),
                principal: format!("tenants/of-{name}/serviceAccounts/{name}"),
                credential: Some(Kept::ApiKey(Secret::new(format!("key of {name}")))),
            };
            let change = |found: &mut Contexts| {
                found.current = current.map(str::to_owned);
                found.contexts = contexts.iter().map(|(name, server)| ((*name).to_owned(), entry(name, server))).collect();
                Ok(())
            };
            store.change(change).unwrap();
            let settings = Client { server: None, tenant: None, context: None, api_key_file: None, ca: None, output: Format::Table };
            Case { root, setup: Setup { settings, store } }
        }

        fn naming(mut self, context: Option<&str>, server: Option<&str>) -> Self {
            self.setup.settings.context = context.map(str::to_owned);
            self.setup.settings.server = server.map(str::to_owned);
            self
        }

        /// Server, tenant and key.
        fn seen(&self) -> std::result::Result<(String, String, Option<String>), String> {
            let context = self.setup.context().map_err(|failure| failure.message)?;
            let key = match context.credential {
                Credential::Key(key) => Some(key.expose().to_owned()),
                _ => None,
            };
            Ok((context.server, context.tenant.to_string(), key))
        }
    }

    fn expected(server: &str, tenant: &str, key: Option<&str>) -> std::result::Result<(String, String, Option<String>), String> {
        Ok((server.to_owned(), tenant.to_owned(), key.map(str::to_owned)))
    }

    #[test]
    fn without_contexts_a_server_is_asked_without_credentials() {
        assert_eq!(Case::new(None, &[]).seen(), expected(DEFAULT_SERVER, "demo", None));
        assert_eq!(Case::new(None, &[("a", HERE)]).seen(), expected(DEFAULT_SERVER, "demo", None), "none is the current one");
        assert_eq!(Case::new(None, &[]).naming(None, Some(THERE)).seen(), expected(THERE, "demo", None));
    }

    #[test]
    fn the_current_context_says_server_tenant_and_key() {
        assert_eq!(Case::new(Some("a"), &[("a", THERE), ("b", HERE)]).seen(), expected(THERE, "of-a", Some("key of a")));
    }

    #[test]
    fn what_a_context_keeps_goes_to_its_server_and_nowhere_else() {
        let case = || Case::new(Some("a"), &[("a", HERE), ("b", THERE)]);
        assert_eq!(case().naming(None, Some("http://127.0.0.1:1")).seen(), expected("http://127.0.0.1:1", "demo", None));
        assert_eq!(case().naming(None, Some(THERE)).seen(), expected(THERE, "of-b", Some("key of b")));
        assert_eq!(case().naming(Some("b"), None).seen(), expected(THERE, "of-b", Some("key of b")));
        let refused = case().naming(Some("a"), Some(THERE)).seen().unwrap_err();
        assert!(refused.contains("go nowhere else"), "{refused}");
    }

    #[test]
    fn the_authority_of_a_context_goes_with_it_and_one_that_is_named_goes_before() {
        let ca = |case: &Case| case.setup.context().unwrap().ca;
        let mut case = Case::new(Some("a"), &[("a", HERE)]);
        assert_eq!(ca(&case), Some("/ca-of-a".into()));
        case.setup.settings.ca = Some("named".into());
        assert_eq!(ca(&case), Some("named".into()));
        assert_eq!(ca(&Case::new(Some("a"), &[("a", HERE)]).naming(None, Some(THERE))), None, "another server's is nobody's here");
    }

    #[test]
    fn a_choice_that_is_open_is_not_guessed() {
        let case = |current| Case::new(current, &[("a", HERE), ("b", HERE)]).naming(None, Some(HERE));
        assert!(case(None).seen().unwrap_err().contains("a, b"));
        assert_eq!(case(Some("b")).seen(), expected(HERE, "of-b", Some("key of b")));
        assert!(Case::new(None, &[]).naming(Some("absent"), None).seen().unwrap_err().contains("no context absent"));
        assert!(Case::new(Some("absent"), &[]).seen().unwrap_err().contains("no context absent"));
    }

    #[test]
    fn a_key_in_a_file_goes_before_that_of_the_context() {
        let mut case = Case::new(Some("a"), &[("a", HERE)]);
        let file = case.root.path().join("key");
        std::fs::write(&file, "zona_key_x\n").unwrap();
        case.setup.settings.api_key_file = Some(file);
        assert_eq!(case.seen(), expected(HERE, "of-a", Some("zona_key_x")));
    }
}
