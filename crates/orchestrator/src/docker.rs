//! Docker Engine on one machine. It is told what to do in single steps, each of which can be done twice; what it says is not believed where
//! measurements have shown better (the facts stand beside the code, and a test of this crate holds each of them on a real daemon).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bollard::models::{
    EndpointIpamConfig, EndpointSettings, EventMessage, ExecConfig, Ipam, IpamConfig, NetworkConnectRequest, NetworkCreateRequest,
    NetworkDisconnectRequest, NetworkInspect, VolumeCreateRequest,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, CreateImageOptionsBuilder, EventsOptionsBuilder, ListContainersOptionsBuilder, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder, StopContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use futures_util::{StreamExt as _, TryStreamExt as _};

use crate::docker::client::{Answer, Client};
use crate::engine::{Change, Engine, Error, Feed, Instance, Line, LogAsk, NetworkOrder, Order, VolumeOrder};
use crate::labels::SCOPE;

mod archive;
mod client;
mod logs;
mod spec;
mod view;

/// The oldest interface that everything here is tried on: that of Engine 20.10.
const OLDEST_API: (u32, u32) = (1, 41);
/// What the daemon has for an answer that needs nobody else.
const QUICK: Duration = Duration::from_secs(30);
/// What it has for a start or a removal, which wait for the disk and for processes.
const SLOW: Duration = Duration::from_secs(120);
/// What it has for an image that comes from a registry.
const FETCH: Duration = Duration::from_secs(30 * 60);
/// Containers that are looked at at the same time.
const LOOKS: usize = 8;
/// Tries to take a range of addresses that nobody else has taken in between.
const RANGE_TRIES: usize = 5;

/// How the daemon is reached.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its socket.
    pub socket: PathBuf,
    /// The installation, whose containers, networks and volumes are named after it.
    pub scope: String,
}

/// Docker Engine.
pub struct DockerEngine {
    client: Client,
    scope: String,
    /// The last command in each container that was not seen to end. The daemon cannot end one.
    commands: Mutex<HashMap<String, String>>,
}

// === impl DockerEngine ===

impl DockerEngine {
    /// The engine behind a socket. Nobody is asked yet.
    pub fn new(config: Config) -> Self {
        DockerEngine { client: Client::new(config.socket), scope: config.scope, commands: Mutex::default() }
    }

    fn filters(&self) -> HashMap<String, Vec<String>> {
        HashMap::from([("label".to_owned(), vec![format!("{SCOPE}={}", self.scope)])])
    }

    /// What there is of a container. None where it is gone, is going, or is not ours.
    async fn look(&self, id: &str) -> Result<Option<Instance>, Error> {
        match self.client.call("inspect container", QUICK, async |docker| docker.inspect_container(id, None).await).await {
            Ok(found) => Ok(view::instance(&found)),
            Err(Answer::Status { status: 404, .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What it means that a name is taken: by a container of ours, or by somebody else's, which is nobody's here to adopt.
    async fn taken(&self, name: &str, message: String) -> Result<Error, Error> {
        let found = self.client.call("inspect container", QUICK, async |docker| docker.inspect_container(name, None).await).await;
        match found {
            Ok(found) => {
                let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
                let is_ours = labels.get(SCOPE) == Some(&self.scope);
                Ok(if is_ours { Error::Taken(message) } else { foreign("container", name) })
            }
            // It has gone in between.
            Err(Answer::Status { status: 404, .. }) => Ok(Error::Taken(message)),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the last command that was run in a container runs on.
    async fn runs_a_command(&self, id: &str) -> Result<bool, Error> {
        let last = self.commands().get(id).cloned();
        let Some(command) = last else { return Ok(false) };
        match self.client.call("inspect a command", QUICK, async |docker| docker.inspect_exec(&command).await).await {
            Ok(found) => Ok(found.running.unwrap_or_default()),
            Err(Answer::Status { status: 404, .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn commands(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A range of addresses that the daemon would choose for a network now.
    async fn free_range(&self, name: &str) -> Result<Option<Ipam>, Error> {
        let trial = format!("{name}.trial");
        self.remove_network(&trial).await?;
        let request = NetworkCreateRequest { name: trial.clone(), ..self.network_request(&trial, false) };
        self.client.call("create network", QUICK, async |docker| docker.create_network(request).await).await?;
        let found = self.client.call("inspect network", QUICK, async |docker| docker.inspect_network(&trial, None).await).await?;
        self.remove_network(&trial).await?;
        let subnet = found.ipam.and_then(|ipam| ipam.config).into_iter().flatten().find_map(|config| config.subnet);
        let config = |subnet| vec![IpamConfig { subnet: Some(subnet), ..IpamConfig::default() }];
        Ok(subnet.map(|subnet| Ipam { config: Some(config(subnet)), ..Ipam::default() }))
    }

    /// Whether a network that is there is what was ordered. It cannot be changed, and others may be in it.
    fn is_as_ordered(&self, order: &NetworkOrder, found: &NetworkInspect) -> Result<(), Error> {
        let name = &order.name;
        if found.labels.as_ref().and_then(|labels| labels.get(SCOPE)) != Some(&self.scope) {
            return Err(foreign("network", name));
        }
        match (order.internal, found.internal.unwrap_or_default()) {
            (true, false) => Err(Error::Refused(format!("network `{name}` is there and is not internal; remove it first"))),
            (false, true) => Err(Error::Refused(format!("network `{name}` is there and is internal; remove it first"))),
            (true, true) | (false, false) => Ok(()),
        }
    }

    async fn remove_network(&self, name: &str) -> Result<(), Error> {
        match self.client.call("remove network", QUICK, async |docker| docker.remove_network(name).await).await {
            Ok(()) | Err(Answer::Status { status: 404, .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn network_request(&self, name: &str, internal: bool) -> NetworkCreateRequest {
        NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            internal: Some(internal),
            labels: Some(HashMap::from([(SCOPE.to_owned(), self.scope.clone())])),
            ..NetworkCreateRequest::default()
        }
    }

    /// Gives a container that was created what its creation cannot: further networks, and its files.
    async fn furnish(&self, id: &str, order: &Order) -> Result<(), Error> {
        for network in order.identity.networks.iter().skip(1) {
            let endpoint_config = Some(spec::endpoint(order));
            let request = NetworkConnectRequest { container: id.to_owned(), endpoint_config };
            self.client.call("join network", QUICK, async |docker| docker.connect_network(network, request).await).await?;
        }
        if order.files.is_empty() {
            return Ok(());
        }
        let archive = archive::of(&order.files).map_err(|error| Error::Refused(format!("failed to pack configs: {error}")))?;
        let options = UploadToContainerOptionsBuilder::default().path("/").build();
        let body = bollard::body_full(archive.into());
        self.client.call("hand over configs", QUICK, async |docker| docker.upload_to_container(id, Some(options), body).await).await?;
        Ok(())
    }

    /// Connects a container with a network under the service's name, or without. Where it was in the network, it keeps its address: then
    /// its connections outlast the moment without network.
    async fn reconnect(&self, instance: &Instance, network: &str, before: Option<EndpointSettings>, alias: bool) -> Result<(), Error> {
        if before.is_some() {
            let request = NetworkDisconnectRequest { container: instance.id.clone(), force: Some(true) };
            let left = self.client.call("leave network", QUICK, async |docker| docker.disconnect_network(network, request).await).await;
            left.map_err(Error::from)?;
        }
        let address = before.and_then(|endpoint| endpoint.ip_address).filter(|address| !address.is_empty());
        let kept = address.map(|address| EndpointIpamConfig { ipv4_address: Some(address), ..EndpointIpamConfig::default() });
        let aliases = alias.then(|| vec![instance.identity.service.clone()]);
        let request = |ipam_config| NetworkConnectRequest {
            container: instance.id.clone(),
            endpoint_config: Some(EndpointSettings { aliases: aliases.clone(), ipam_config, ..EndpointSettings::default() }),
        };
        if kept.is_some() {
            let joined = self.client.call("join network", QUICK, async |docker| docker.connect_network(network, request(kept)).await).await;
            match joined {
                Ok(()) => return Ok(()),
                // The network takes no wishes, or somebody else has the address by now.
                Err(Answer::Status { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.client.call("join network", QUICK, async |docker| docker.connect_network(network, request(None)).await).await?;
        Ok(())
    }
}

#[async_trait]
impl Engine for DockerEngine {
    async fn check(&self) -> Result<(), Error> {
        let version = self.client.call("ask for the version", QUICK, async |docker| docker.version().await).await?;
        let api = version.api_version.unwrap_or_default();
        let parsed = api.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        // The client asks without a version, and the daemon ignores fields that it does not know.
        match parsed {
            Some(parsed) if parsed >= OLDEST_API => Ok(()),
            _ => Err(Error::Refused(format!("the engine's interface is {api}; {}.{} is needed", OLDEST_API.0, OLDEST_API.1))),
        }
    }

    async fn list(&self) -> Result<Vec<Instance>, Error> {
        let options = ListContainersOptionsBuilder::default().all(true).filters(&self.filters()).build();
        let listed = self.client.call("list containers", QUICK, async |docker| docker.list_containers(Some(options)).await).await?;
        let ids: Vec<String> = listed.into_iter().filter_map(|summary| summary.id).collect();
        self.commands().retain(|id, _| ids.contains(id));
        // The list has neither what a container ended with nor under which names others find it.
        let looks: Vec<_> = ids.iter().map(|id| self.look(id)).collect();
        let found: Vec<Option<Instance>> = futures_util::stream::iter(looks).buffered(LOOKS).try_collect().await?;
        let mut instances: Vec<Instance> = found.into_iter().flatten().collect();
        instances.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(instances)
    }

    async fn fetch(&self, image: &str) -> Result<(), Error> {
        let found = self.client.call("inspect image", QUICK, async |docker| docker.inspect_image(image).await).await;
        match found {
            Ok(_) => return Ok(()),
            Err(Answer::Status { status: 404, .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let options = CreateImageOptionsBuilder::default().from_image(image).build();
        let what = format!("fetch `{image}`");
        let fetched = self
            .client
            .call(&what, FETCH, async |docker| docker.create_image(Some(options), None, None).try_for_each(async |_progress| Ok(())).await);
        fetched.await.map_err(|error| match error {
            Answer::Status { message, .. } => Error::Missing(format!("the image is not there, and no registry has it: {message}")),
            Answer::None(message) => Error::Unavailable(message),
        })
    }

    async fn network(&self, network: &NetworkOrder) -> Result<(), Error> {
        match self.client.call("inspect network", QUICK, async |docker| docker.inspect_network(&network.name, None).await).await {
            Ok(found) => return self.is_as_ordered(network, &found),
            Err(Answer::Status { status: 404, .. }) => {}
            Err(error) => return Err(error.into()),
        }
        // Only in a range that was asked for, a container can ask for an address, and so keep its own.
        let mut last = Error::Refused(format!("no range of addresses is left for network `{}`", network.name));
        for _ in 0..RANGE_TRIES {
            let ipam = self.free_range(&network.name).await?;
            let request = NetworkCreateRequest { ipam, ..self.network_request(&network.name, network.internal) };
            match self.client.call("create network", QUICK, async |docker| docker.create_network(request).await).await {
                Ok(_) => return Ok(()),
                // Somebody else has made one of the name in between.
                Err(Answer::Status { status: 409, .. }) => {
                    let ask = self.client.call("inspect network", QUICK, async |docker| docker.inspect_network(&network.name, None).await);
                    return self.is_as_ordered(network, &ask.await?);
                }
                // Somebody else has taken the range in between.
                Err(error @ Answer::Status { .. }) => last = error.into(),
                Err(error) => return Err(error.into()),
            }
        }
        Err(last)
    }

    async fn volume(&self, volume: &VolumeOrder) -> Result<(), Error> {
        let request = VolumeCreateRequest {
            name: Some(volume.name.clone()),
            labels: Some(HashMap::from([(SCOPE.to_owned(), self.scope.clone())])),
            ..VolumeCreateRequest::default()
        };
        // One that is there is answered as it is, whoever made it.
        let volume = self.client.call("create volume", QUICK, async |docker| docker.create_volume(request).await).await?;
        match volume.labels.get(SCOPE) {
            Some(scope) if *scope == self.scope => Ok(()),
            _ => Err(foreign("volume", &volume.name)),
        }
    }

    async fn create(&self, order: &Order) -> Result<String, Error> {
        let options = CreateContainerOptionsBuilder::default().name(&order.name).build();
        let body = spec::container(order, &self.scope);
        let created = self.client.call("create container", SLOW, async |docker| docker.create_container(Some(options), body).await).await;
        let id = match created {
            Ok(created) => created.id,
            Err(Answer::Status { status: 409, message }) => return Err(self.taken(&order.name, message).await?),
            Err(error) => return Err(error.into()),
        };
        if let Err(error) = self.furnish(&id, order).await {
            // What is half made must not be started. Where it cannot be taken away either, whoever finds the name taken does so.
            if let Err(left) = self.remove(&id).await {
                tracing::warn!(error = %left, container = order.name, "failed to take away a container that is half made");
            }
            return Err(error);
        }
        Ok(id)
    }

    async fn start(&self, id: &str) -> Result<(), Error> {
        Ok(self.client.call("start container", SLOW, async |docker| docker.start_container(id, None).await).await?)
    }

    async fn stop(&self, id: &str, grace: Duration) -> Result<(), Error> {
        let seconds = i32::try_from(grace.as_millis().div_ceil(1_000)).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        match self.client.call("stop container", SLOW + grace, async |docker| docker.stop_container(id, Some(options)).await).await {
            Ok(()) | Err(Answer::Status { status: 304 | 404, .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn remove(&self, id: &str) -> Result<(), Error> {
        // Volumes without a name are those of the image, which nobody finds again.
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        match self.client.call("remove container", SLOW, async |docker| docker.remove_container(id, Some(options)).await).await {
            // 409: somebody else removes it at the moment.
            Ok(()) | Err(Answer::Status { status: 404 | 409, .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn serve(&self, id: &str, serving: bool) -> Result<(), Error> {
        let found = self.client.call("inspect container", QUICK, async |docker| docker.inspect_container(id, None).await).await?;
        let Some(instance) = view::instance(&found) else {
            return Err(Error::Missing(format!("container {id} is not one of ours")));
        };
        let mut endpoints = found.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
        for network in &instance.identity.networks {
            let endpoint = endpoints.remove(network);
            let has_alias = endpoint.as_ref().is_some_and(|endpoint| view::has_alias(endpoint, &instance.identity.service));
            if endpoint.is_none() || has_alias != serving {
                self.reconnect(&instance, network, endpoint, serving).await?;
            }
        }
        Ok(())
    }

    async fn run(&self, id: &str, command: &[String], limit: Duration) -> Result<i64, Error> {
        let config =
            ExecConfig { attach_stdout: Some(true), attach_stderr: Some(true), cmd: Some(command.to_vec()), ..ExecConfig::default() };
        // Who does not wait for its end leaves it behind; without this, one that hangs would be joined by another at each question.
        if self.runs_a_command(id).await? {
            return Err(Error::Refused("the last command that was run in it has not ended".to_owned()));
        }
        let ended = self.client.call("run a command", limit, async |docker| {
            let exec = docker.create_exec(id, config).await?;
            self.commands().insert(id.to_owned(), exec.id.clone());
            if let bollard::exec::StartExecResults::Attached { output, .. } = docker.start_exec(&exec.id, None).await? {
                output.try_for_each(async |_output| Ok(())).await?;
            }
            docker.inspect_exec(&exec.id).await
        });
        let ended = ended.await?;
        self.commands().remove(id);
        Ok(ended.exit_code.unwrap_or(-1))
    }

    async fn logs(&self, id: &str, ask: LogAsk) -> Result<Feed<Result<Line, Error>>, Error> {
        let mut options = LogsOptionsBuilder::default().stdout(true).stderr(true).timestamps(true).follow(ask.follow);
        if let Some(since) = ask.since {
            // Whole seconds; what is too old within the first one is left out below.
            options = options.since(i32::try_from(since.as_millis() / 1_000).unwrap_or(i32::MAX));
        }
        if let Some(tail) = ask.tail {
            options = options.tail(&tail.to_string());
        }
        let docker = self.client.docker().map_err(Error::from)?;
        let pieces = docker.logs(id, Some(options.build()));
        let earliest = ask.since.map_or(0, |since| i128::from(since.as_millis()) * 1_000_000);
        let lines = logs::lines(pieces).try_filter(move |line| std::future::ready(line.nanos >= earliest));
        Ok(lines.boxed())
    }

    async fn changes(&self) -> Result<Feed<Result<Change, Error>>, Error> {
        let mut filters = self.filters();
        filters.insert("type".to_owned(), vec!["container".to_owned()]);
        let options = EventsOptionsBuilder::default().filters(&filters).build();
        let docker = self.client.docker().map_err(Error::from)?;
        let events = docker.events(Some(options)).map_err(|error| Error::from(client::failed("listen", &error)));
        Ok(events.try_filter_map(async |event| Ok(change(event))).boxed())
    }
}

fn foreign(kind: &str, name: &str) -> Error {
    Error::Refused(format!("{kind} `{name}` is there and is not of this installation; remove it first"))
}

fn change(event: EventMessage) -> Option<Change> {
    let actor = event.actor?;
    let service = actor.attributes?.remove(crate::labels::SERVICE)?;
    Some(Change { id: actor.id?, service, action: event.action? })
}
