//! The connection to the database: what holds for every operation on it, whatever the URI says.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use mongodb::options::{
    Acknowledgment, ClientOptions, Credential, ReadConcern, ReadPreference, SelectionCriteria, ServerAddress, Tls, WriteConcern,
};
use mongodb::{Client, Database};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::error::{Error, Result, during};

/// How this program is called in the logs of the database.
const APPLICATION: &str = "zona";

/// Stands in an address that names no user while it is read: without one, what it says of how to log in is dropped, or refused.
const ANYBODY: &str = "user:password";

/// Connects; no server need answer yet.
pub(crate) async fn connect(config: &Config) -> Result<(Client, Database)> {
    let options = options(config).await?;
    let client = Client::with_options(options).map_err(during("connecting to the database"))?;
    let database = client.database(&config.database);
    Ok((client, database))
}

async fn options(config: &Config) -> Result<ClientOptions> {
    let mut options = login(config).await?;
    if !is_encrypted(&options) {
        if !options.hosts.iter().all(is_loopback) {
            return Err(Error::Unsafe("connections to other machines must be encrypted: add tls=true to the address"));
        }
        if options.hosts.len() != 1 {
            return Err(Error::Unsafe("without tls=true, one server on this machine is reached: name one host"));
        }
        // A replica set may name others, and whom it names would be followed, wherever they are.
        options.direct_connection = Some(true);
    }
    options.app_name = Some(APPLICATION.to_owned());
    options.server_selection_timeout = Some(config.selection);
    options.connect_timeout = Some(config.selection);
    options.max_pool_size = Some(config.connections);
    options.retry_reads = Some(true);
    options.retry_writes = Some(true);
    options.read_concern = Some(ReadConcern::majority());
    options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(config.deadline).build());
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    Ok(options)
}

/// What the address says, with user and password from their files. By what mechanism they are shown, and to which database, the address
/// says.
async fn login(config: &Config) -> Result<ClientOptions> {
    let (files, names_somebody) = (files(config)?, names_somebody(&config.uri));
    let uri = match config.uri.split_once("://") {
        Some((scheme, rest)) if files.is_some() && !names_somebody => format!("{scheme}://{ANYBODY}@{rest}"),
        _ => config.uri.clone(),
    };
    let mut options = ClientOptions::parse(&uri).await.map_err(during("reading the address of the database"))?;
    if names_somebody && options.credential.as_ref().is_some_and(|credential| credential.password.is_some()) {
        return Err(Error::Unsafe("the address holds a password; name a file with it instead"));
    }
    if let Some((user, password)) = files {
        let credential = options.credential.get_or_insert_with(Credential::default);
        credential.username = Some(user.to_string());
        credential.password = Some(password.to_string());
    }
    Ok(options)
}

/// Whether an address holds a user, which stands before its hosts.
fn names_somebody(uri: &str) -> bool {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    rest.split(['/', '?']).next().is_some_and(|before| before.contains('@'))
}

/// User and password.
fn files(config: &Config) -> Result<Option<(Zeroizing<String>, Zeroizing<String>)>> {
    match (&config.user_file, &config.password_file) {
        (None, None) => Ok(None),
        (Some(user), Some(password)) => Ok(Some((line(user)?, line(password)?))),
        _ => Err(Error::Unsafe("a user needs a password, and a password a user: name both files")),
    }
}

/// The first line of a file that nobody else can have written.
fn line(path: &Path) -> Result<Zeroizing<String>> {
    let path = file_trust::trusted(path)?;
    let text = fs::read_to_string(&path).map_err(|source| Error::File { path: path.clone(), source })?;
    let text = Zeroizing::new(text);
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn is_encrypted(options: &ClientOptions) -> bool {
    matches!(&options.tls, Some(Tls::Enabled(tls)) if tls.allow_invalid_certificates != Some(true))
}

fn is_loopback(host: &ServerAddress) -> bool {
    match host {
        ServerAddress::Tcp { host, .. } => {
            host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        ServerAddress::Unix { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use mongodb::options::AuthMechanism;

    use super::*;

    async fn refusal(uri: &str) -> Option<&'static str> {
        match connect(&Config::new(uri, "zona", "keys")).await {
            Ok(_) => None,
            Err(Error::Unsafe(why)) => Some(why),
            Err(other) => panic!("{uri}: {other}"),
        }
    }

    #[tokio::test]
    async fn plain_text_goes_to_this_machine_only() {
        for uri in ["mongodb://127.0.0.1:1/?replicaSet=a", "mongodb://[::1]:2/", "mongodb://localhost/"] {
            assert_eq!(refusal(uri).await, None, "{uri}");
        }
        for uri in ["mongodb://db.example.com/", "mongodb://127.0.0.1,10.0.0.1/", "mongodb://10.0.0.1/?tls=true&tlsInsecure=true"] {
            assert!(refusal(uri).await.expect(uri).contains("encrypted"), "{uri}");
        }
        assert_eq!(refusal("mongodb://db.example.com/?tls=true").await, None);
    }

    #[tokio::test]
    async fn in_plain_text_nobody_is_followed_whom_the_server_names() {
        let direct = async |uri: &str| options(&Config::new(uri, "zona", "keys")).await.unwrap().direct_connection;
        assert_eq!(direct("mongodb://127.0.0.1/?replicaSet=a").await, Some(true));
        assert_eq!(direct("mongodb://127.0.0.1/?directConnection=false").await, Some(true));
        assert_eq!(direct("mongodb://one.example.com,two.example.com/?tls=true&replicaSet=a").await, None);
        assert!(refusal("mongodb://127.0.0.1:1,127.0.0.1:2/?replicaSet=a").await.expect("it is refused").contains("one host"));
    }

    #[tokio::test]
    async fn user_and_password_are_of_files_and_how_to_log_in_of_the_address() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::write(&path, text).unwrap();
            Some(path)
        };
        let (user_file, password_file) = (file("user", "ann\n"), file("password", "hunter2\n"));
        let shown = async |uri: &str| {
            let config = Config::new(uri, "zona", "keys");
            let config = Config { user_file: user_file.clone(), password_file: password_file.clone(), ..config };
            let credential = options(&config).await.unwrap().credential.expect("there is a user");
            assert_eq!((credential.username.as_deref(), credential.password.as_deref()), (Some("ann"), Some("hunter2")), "{uri}");
            (credential.source.expect("there is a database of users"), credential.mechanism)
        };
        let people = || "people".to_owned();
        assert_eq!(shown("mongodb://127.0.0.1/").await, ("admin".to_owned(), None));
        assert_eq!(shown("mongodb://127.0.0.1/?authSource=people").await, (people(), None));
        assert_eq!(shown("mongodb://somebody@127.0.0.1/?authSource=people").await, (people(), None));
        let scram = shown("mongodb://127.0.0.1/?authSource=people&authMechanism=SCRAM-SHA-256").await;
        assert_eq!(scram, (people(), Some(AuthMechanism::ScramSha256)));
    }

    #[tokio::test]
    async fn a_password_comes_from_a_file() {
        assert!(refusal("mongodb://ann:secret@127.0.0.1/").await.expect("it is refused").contains("file"));
    }
}
