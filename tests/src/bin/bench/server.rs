//! The server processes under load: `zona dev` with an empty data directory, and the yardstick that this binary serves itself.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use e2e::server::{Backend, Server};
use tonic::transport::{Channel, Endpoint};

use crate::context::Context;
use crate::rpc::Client;

const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

/// A running `zona dev`.
pub struct Zona {
    server: Server,
    channel: Channel,
}

/// The yardstick's process; killed when dropped.
pub struct Echo {
    process: Child,
    channel: Channel,
}

// === impl Zona ===

impl Zona {
    /// Starts it and waits until it is healthy.
    ///
    /// # Errors
    /// When it does not become healthy.
    pub async fn start(context: &Context<'_>) -> anyhow::Result<Self> {
        Self::on(context.scratch.join("data")).await
    }

    /// Starts it on this data directory, with the default backend and configuration, and waits until it is healthy.
    ///
    /// # Errors
    /// When it does not become healthy.
    pub async fn on(data: PathBuf) -> anyhow::Result<Self> {
        Self::configured(data, Backend::Namespace, String::new()).await
    }

    /// As [`Zona::on`], of another build.
    ///
    /// # Errors
    /// When it does not become healthy.
    pub async fn of_build(binary: PathBuf, data: PathBuf) -> anyhow::Result<Self> {
        let server = tokio::task::spawn_blocking(move || Server::of_build(&binary, &data)).await?;
        Self::connected(server).await
    }

    /// Starts it on this data directory, with this backend and configuration file, and waits until it is healthy.
    ///
    /// # Errors
    /// When it does not become healthy.
    pub async fn configured(data: PathBuf, backend: Backend, toml: String) -> anyhow::Result<Self> {
        let server = tokio::task::spawn_blocking(move || Server::configured_on(&data, backend, &toml)).await?;
        Self::connected(server).await
    }

    async fn connected(server: Server) -> anyhow::Result<Self> {
        let channel = Endpoint::from_shared(format!("http://{}", server.address()))?.connect().await?;
        Ok(Zona { server, channel })
    }

    /// A client, sharing one connection with its clones.
    pub fn client(&self) -> Client {
        Client::new(self.channel.clone())
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.server.address()
    }

    /// Where JSON over HTTP is served.
    pub fn gateway(&self) -> String {
        self.server.gateway()
    }

    /// The API key of whoever has started it.
    pub fn developer_key(&self) -> String {
        self.server.developer_key()
    }

    /// What it has printed so far.
    pub fn printed(&self) -> Vec<String> {
        self.server.printed()
    }

    /// Ends it, and checks that it ended well.
    ///
    /// # Errors
    /// When it logged a warning, did not end in time, or left something behind.
    pub async fn stop(self) -> anyhow::Result<()> {
        let Zona { server, channel } = self;
        // An open connection would make the server wait for it.
        drop(channel);
        tokio::task::spawn_blocking(move || server.stop()).await.context("the server did not end well")?;
        Ok(())
    }
}

// === impl Echo ===

impl Echo {
    /// Starts this binary again, answering every GetUtility with the given message.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn start(message: &[u8]) -> anyhow::Result<Self> {
        // A port that was free a moment ago: good enough for a yardstick.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--echo").arg(address.to_string()).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut process = command.spawn().context("failed to start the yardstick")?;
        process.stdin.take().context("standard input is piped")?.write_all(message)?;
        let channel = Endpoint::from_shared(format!("http://{address}"))?.connect_lazy();
        let echo = Echo { process, channel };
        echo.answers().await?;
        Ok(echo)
    }

    /// A client, sharing one connection with its clones.
    pub fn client(&self) -> Client {
        Client::new(self.channel.clone())
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    async fn answers(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = self.client().get("tenants/demo/utilities/any").await {
            anyhow::ensure!(Instant::now() < deadline, "the yardstick does not answer: {error:#}");
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // Both fail only for a process that is gone already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
