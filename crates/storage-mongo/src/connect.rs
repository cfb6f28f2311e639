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

/// Connects; no server need answer yet.
pub(crate) async fn connect(config: &Config) -> Result<(Client, Database)> {
    let mut options = ClientOptions::parse(&config.uri).await.map_err(during("reading the address of the database"))?;
    if let Some(credential) = &options.credential
        && credential.password.is_some()
    {
        return Err(Error::Unsafe("the address holds a password; name a file with it instead"));
    }
    if let Some(credential) = credential(config)? {
        options.credential = Some(credential);
    }
    if !is_encrypted(&options) && !options.hosts.iter().all(is_loopback) {
        return Err(Error::Unsafe("connections to other machines must be encrypted: add tls=true to the address"));
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
    let client = Client::with_options(options).map_err(during("connecting to the database"))?;
    let database = client.database(&config.database);
    Ok((client, database))
}

fn credential(config: &Config) -> Result<Option<Credential>> {
    let (user, password) = match (&config.user_file, &config.password_file) {
        (None, None) => return Ok(None),
        (Some(user), Some(password)) => (line(user)?, line(password)?),
        _ => return Err(Error::Unsafe("a user needs a password, and a password a user: name both files")),
    };
    Ok(Some(Credential::builder().username(user.to_string()).password(password.to_string()).build()))
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
        assert_eq!(refusal("mongodb://127.0.0.1:1,[::1]:2,localhost:3/?replicaSet=a").await, None);
        for uri in ["mongodb://db.example.com/", "mongodb://127.0.0.1,10.0.0.1/", "mongodb://10.0.0.1/?tls=true&tlsInsecure=true"] {
            assert!(refusal(uri).await.expect(uri).contains("encrypted"), "{uri}");
        }
        assert_eq!(refusal("mongodb://db.example.com/?tls=true").await, None);
    }

    #[tokio::test]
    async fn a_password_comes_from_a_file() {
        assert!(refusal("mongodb://ann:secret@127.0.0.1/").await.expect("it is refused").contains("file"));
    }
}
