//! The way to Redis: where it is, how patient we are with it, and what is asked of it. Everything that is asked has a deadline and a place
//! behind a guard, so a Redis that is gone, slow or full costs little and is never waited for.
//!
//! The client (`fred`) would wait for a server for ever by itself: it has a policy for connecting again, a timeout for each command and a
//! bounded buffer, and commands fail at once while there is no connection.

use std::fmt;
use std::time::Duration;

use fred::clients::{Client, SubscriberClient};
use fred::error::{Error as RedisError, ErrorKind};
use fred::interfaces::ClientLike;
use fred::types::Builder;
use fred::types::config::{
    Config as ClientConfig, Options, ReconnectPolicy, ServerConfig, TlsConfig, TlsConnector, TlsHostMapping, UnresponsiveConfig,
};
use resilience::{Config as Patience, Guard, Retries};
use tls::Trust;
use zeroize::Zeroizing;

mod address;

pub use address::{Address, AddressError};

/// After this a command has failed: many times what one takes, and little beside a read of the store that it is to save.
const COMMAND: Duration = Duration::from_millis(50);
/// After this whoever waits for a command goes on without it; the client's own timeout comes first.
const DEADLINE: Duration = Duration::from_millis(60);
/// Failures in a row after which Redis is not asked for a while, and for how long.
const FAILURES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);
/// Commands that wait for an answer at the same time: more would only wait behind one another on the one connection.
const CONCURRENT: usize = 256;
/// Commands that the client holds: more than may ask, so that it never holds one back that a guard let through.
const BUFFER: usize = 4 * CONCURRENT;
/// How long a connection may owe an answer before it is closed and made anew, and how often that is looked at.
const UNRESPONSIVE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(500);
/// Pauses between attempts to connect, without end: the second within which a part is in use again once it is back.
const RECONNECT_FIRST_MS: u32 = 50;
const RECONNECT_MOST_MS: u32 = 1_000;
/// How long a connection may take to be made, its handshake included.
const CONNECT: Duration = Duration::from_secs(2);
/// Messages that wait to be read; whoever falls behind is told that some are lost.
const MESSAGES: usize = 1_024;

/// Where Redis is and who we are there.
#[derive(Clone)]
pub struct Config {
    /// Where.
    pub address: Address,
    /// The user; without one it is Redis's default user.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Zeroizing<String>>,
    /// Whom to believe when they say that they are Redis, with TLS.
    pub trust: Trust,
}

/// Why there is no way to Redis. That it does not answer is no reason: it may come later.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nobody to believe.
    #[error("nobody can say who Redis is")]
    Trust(#[source] tls::Error),
    /// The client refuses its configuration.
    #[error("the client of Redis refuses its configuration")]
    Client(#[source] RedisError),
}

/// Connections to Redis of one use, so that no use waits behind another.
pub(crate) struct Connection {
    client: Client,
    /// What is read, and what is written: a full Redis refuses the second and answers the first.
    pub(crate) reads: Guard,
    pub(crate) writes: Guard,
}

// === impl Config ===

/// Without the password.
impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config { address, user, password: _, trust } = self;
        formatter.debug_struct("Config").field("address", address).field("user", user).field("trust", trust).finish_non_exhaustive()
    }
}

impl Config {
    /// What clients are made by.
    pub(crate) fn builder(&self) -> Result<Builder, Error> {
        let tls = self.address.is_encrypted().then(|| tls::Client::unnamed(&self.trust)).transpose().map_err(Error::Trust)?;
        let server = match self.address.nodes() {
            [(host, port)] if !self.address.is_cluster() => ServerConfig::new_centralized(host.as_str(), *port),
            nodes => ServerConfig::new_clustered(nodes.to_vec()),
        };
        let mut builder = Builder::from_config(ClientConfig {
            // Whether it is there when a server starts is not waited for.
            fail_fast: false,
            server,
            username: self.user.clone(),
            password: self.password.as_ref().map(|password| password.as_str().to_owned()),
            database: self.address.database(),
            // In a cluster, the names of nodes are those of the one that tells of them where it gives addresses.
            tls: tls.map(|tls| TlsConfig { connector: TlsConnector::Rustls(tls.connector()), hostnames: TlsHostMapping::DefaultHost }),
            ..ClientConfig::default()
        });
        builder.set_policy(ReconnectPolicy::new_exponential(0, RECONNECT_FIRST_MS, RECONNECT_MOST_MS, 2));
        builder.with_connection_config(|connection| {
            connection.connection_timeout = CONNECT;
            connection.internal_command_timeout = CONNECT;
            // Whoever asked goes on without the answer; another attempt would answer nobody.
            connection.max_command_attempts = 1;
            connection.max_command_buffer_len = BUFFER;
            connection.unresponsive = UnresponsiveConfig { max_timeout: Some(UNRESPONSIVE), interval: LOOK };
            connection.reconnect_on_auth_error = true;
        });
        builder.with_performance_config(|performance| {
            performance.default_command_timeout = COMMAND;
            performance.broadcast_channel_capacity = MESSAGES;
        });
        Ok(builder)
    }

    /// A client that hears messages, not connected yet.
    pub(crate) fn subscriber(&self) -> Result<SubscriberClient, Error> {
        let mut builder = self.builder()?;
        // Subscribing waits for a connection that is being made.
        builder.with_performance_config(|performance| performance.default_command_timeout = CONNECT);
        // Nothing is sent over it that would be answered, so silence says nothing of it.
        builder.with_connection_config(|connection| connection.unresponsive = UnresponsiveConfig::default());
        builder.build_subscriber_client().map_err(Error::Client)
    }
}

// === impl Connection ===

impl Connection {
    /// Begins to connect, without end, and waits for nothing.
    pub(crate) fn open(config: &Config) -> Result<Self, Error> {
        let client = config.builder()?.build().map_err(Error::Client)?;
        // The task is the client's own: it ends with it.
        drop(client.connect());
        let patience = Patience { deadline: DEADLINE, concurrent: CONCURRENT, failures: FAILURES, pause: PAUSE, retries: Retries::None };
        Ok(Connection { client, reads: Guard::new(patience.clone()), writes: Guard::new(patience) })
    }

    /// Returns once there is a connection.
    pub(crate) async fn is_there(&self) {
        // It fails where an attempt does, and others follow.
        while self.client.wait_for_connect().await.is_err() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The client for one command: it fails at once where there is no connection.
    pub(crate) fn command(&self) -> fred::clients::WithOptions<Client> {
        self.client.with_options(&Options { fail_fast: true, timeout: Some(COMMAND), max_attempts: Some(1), ..Options::default() })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        quit(self.client.clone());
    }
}

/// Has a client close its connections and end its tasks.
pub(crate) fn quit(client: impl ClientLike + 'static) {
    // Without a runtime they have ended already.
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        // It ends by itself, and nobody is left to be told of how.
        drop(runtime.spawn(async move { client.quit().await }));
    }
}

/// Whether an error says that Redis does not do what it should, and not only what is wrong with one key: somebody may have put anything there.
pub(crate) fn speaks_against(error: &RedisError) -> bool {
    // A full Redis answers `OOM ...`, which is not of this kind: it is asked less often then.
    !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidArgument | ErrorKind::Parse)
}
