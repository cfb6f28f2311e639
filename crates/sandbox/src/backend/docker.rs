//! The Docker backend: one hardened container per sandbox, made through the daemon's API.
//!
//! Every call has a deadline, and a breaker makes calls fail at once while the daemon is known to be down. It deliberately uses
//! no verb but inspect, create, start, list and remove.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bollard::errors::Error as DockerError;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
};
use bollard::{API_DEFAULT_VERSION, Docker};
use domain::sandbox::{BackendKind, Isolation, ResourceControl};
use resilience::Breaker;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::time::Instant;

use super::manifest::{Found, INTERFACE_LABEL, MANIFEST_LABEL, Origin};
use super::{Backend, Container, Order, RuntimeFacts, packages, parse_layout};
use crate::config::{Config, ContainerRuntime, Docker as Settings, InterfaceCheck, RuntimeKey};
use crate::failure::{RUNTIME_IMAGE_MISSING, RUNTIME_UNUSABLE, StartFailure, chain};
use crate::instance::Dead;
use crate::users::{UidLease, Users};

pub(crate) mod spec;
mod streams;

use spec::{INSTALLATION_LABEL, INSTANCE_LABEL};
use streams::Streams;

/// The client's own limit for a connection, beyond any deadline of ours.
const LONGEST_CALL: Duration = Duration::from_secs(120);
/// Failures in a row after which the daemon is not asked for a while, and for how long.
const FAILURES: u32 = 2;
const PAUSE: Duration = Duration::from_secs(3);
/// How long a removal that is already under way may take.
const REMOVAL_DEADLINE: Duration = Duration::from_secs(5);
const REMOVAL_POLL: Duration = Duration::from_millis(25);

/// Makes containers.
pub(crate) struct DockerBackend {
    client: Arc<Client>,
    settings: Settings,
    images: Vec<Arc<Image>>,
    installation: String,
    instance: String,
    users: Users,
    interface_check: InterfaceCheck,
}

/// The image of a runtime, and what was found in it.
struct Image {
    /// `None` where the configuration names none.
    name: Option<String>,
    facts: Mutex<Option<Arc<RuntimeFacts>>>,
}

/// The daemon, behind deadline and breaker.
pub(crate) struct Client {
    settings: Settings,
    connection: Mutex<Option<Docker>>,
    breaker: Breaker,
    /// What was wrong last.
    trouble: Mutex<String>,
    /// Containers whose removal the daemon did not answer.
    unremoved: Mutex<Vec<String>>,
}

struct DockerContainer {
    client: Arc<Client>,
    settings: Settings,
    installation: String,
    instance: String,
    order: Order,
    image: Arc<Image>,
    created: bool,
    /// The agent, which is the container's first process, or the process that opens gVisor's files: what ends it ends all of them.
    agent: Option<OwnedFd>,
    /// Where gVisor runs it, until its child has come.
    streams: Option<Streams>,
}

// === impl Client ===

impl Client {
    pub(crate) fn new(settings: &Settings) -> Self {
        Client {
            settings: settings.clone(),
            connection: Mutex::new(None),
            breaker: Breaker::new(FAILURES, PAUSE, settings.deadline),
            trouble: Mutex::default(),
            unremoved: Mutex::default(),
        }
    }

    /// Calls the daemon.
    pub(crate) async fn call<T, F>(&self, what: &str, call: impl FnOnce(Docker) -> F) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, DockerError>>,
    {
        let pass = self.breaker.admit(Instant::now()).ok_or_else(|| CallError::Down(self.trouble().clone()))?;
        self.trust().map_err(|error| CallError::Down(chain(&error)))?;
        let answer = match self.connection() {
            Ok(docker) => tokio::time::timeout(self.settings.deadline, call(docker)).await,
            Err(error) => Ok(Err(error)),
        };
        let error = match answer {
            Ok(Ok(value)) => {
                self.breaker.succeeded(pass);
                return Ok(value);
            }
            Ok(Err(DockerError::DockerResponseServerError { status_code, message })) => {
                self.breaker.succeeded(pass);
                return Err(CallError::Answered { status: status_code, message: format!("{what}: {message}") });
            }
            Ok(Err(error)) => format!("{what}: {}", chain(&error)),
            Err(_elapsed) => format!("{what}: no answer within {:?}", self.settings.deadline),
        };
        let socket = self.settings.socket.display();
        let text = format!("the Docker daemon at {socket} does not answer ({error}); start it, or set `sandbox.docker_socket`");
        self.trouble().clone_from(&text);
        self.breaker.failed(pass, Instant::now());
        Err(CallError::Down(text))
    }

    /// That it is worth asking, or what was wrong last.
    fn check(&self) -> Result<(), String> {
        match self.breaker.would_admit(Instant::now()) {
            true => Ok(()),
            false => Err(self.trouble().clone()),
        }
    }

    fn trouble(&self) -> MutexGuard<'_, String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose daemon it is decides whose containers run: nobody else's is spoken to. One that is absent does not answer, and that is said
    /// elsewhere.
    fn trust(&self) -> Result<(), file_trust::Error> {
        if self.connection.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            return Ok(());
        }
        match file_trust::trusted_socket(&self.settings.socket) {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    fn connection(&self) -> Result<Docker, DockerError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(docker) = &*connection {
            return Ok(docker.clone());
        }
        let path = self.settings.socket.to_string_lossy();
        let docker = Docker::connect_with_unix(&path, LONGEST_CALL.as_secs(), API_DEFAULT_VERSION)?;
        *connection = Some(docker.clone());
        Ok(docker)
    }

    /// What an image's labels say about the runtime in it.
    pub(crate) async fn runtime_in(&self, image: &str, check: InterfaceCheck) -> Result<RuntimeFacts, StartFailure> {
        let inspected = self.call("inspect image", async |docker| docker.inspect_image(image).await).await;
        let found = inspected.map_err(|error| image_failure(image, error))?;
        let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
        runtime_of(image, found.id.unwrap_or_default(), &labels, check)
    }

    /// Removes a container; says whether the daemon has answered. Where it has not, [`Client::catch_up`] tries again.
    async fn remove(&self, container: &str) -> bool {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let removed = self.call("remove container", async |docker| docker.remove_container(container, Some(options)).await).await;
        match removed {
            Ok(()) | Err(CallError::Answered { status: 404, .. }) => {}
            // The daemon's own automatic removal is under way.
            Err(CallError::Answered { status: 409, .. }) => self.await_removal(container).await,
            Err(error @ CallError::Answered { .. }) => {
                tracing::warn!(%error, container, "failed to remove a container; the next start sweeps it");
            }
            Err(CallError::Down(error)) => {
                tracing::warn!(error, container, "failed to remove a container; it is removed once the daemon answers");
                self.unremoved().push(container.to_owned());
                return false;
            }
        }
        true
    }

    /// Removes what could not be removed while the daemon was down. Called when it has just answered.
    async fn catch_up(&self) {
        let containers = std::mem::take(&mut *self.unremoved());
        for container in containers {
            self.remove(&container).await;
        }
    }

    fn unremoved(&self) -> MutexGuard<'_, Vec<String>> {
        self.unremoved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn await_removal(&self, container: &str) {
        let deadline = tokio::time::Instant::now() + REMOVAL_DEADLINE;
        while tokio::time::Instant::now() < deadline {
            let inspected =
                self.call("inspect container", async |docker| docker.inspect_container(container, None::<InspectContainerOptions>).await);
            if inspected.await.is_err() {
                return;
            }
            tokio::time::sleep(REMOVAL_POLL).await;
        }
        tracing::warn!(container, "a container's removal takes long");
    }
}

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The daemon refused it.
    #[error("{message}")]
    Answered {
        /// HTTP status.
        status: u16,
        /// What was asked, and the daemon's words.
        message: String,
    },
    /// The daemon does not answer.
    #[error("{0}")]
    Down(String),
}

impl From<CallError> for StartFailure {
    fn from(error: CallError) -> Self {
        StartFailure::Unavailable(error.to_string())
    }
}

fn image_failure(image: &str, error: CallError) -> StartFailure {
    match error {
        CallError::Answered { status: 404, .. } => StartFailure::Refused {
            reason: RUNTIME_IMAGE_MISSING,
            message: format!("the runtime image `{image}` is missing; build it with `cargo xtask image`, or with deploy/runtimes/build.py"),
        },
        error => error.into(),
    }
}

// === impl Image ===

impl Image {
    fn new(name: Option<String>) -> Arc<Self> {
        Arc::new(Image { name, facts: Mutex::new(None) })
    }

    fn remembered(&self) -> MutexGuard<'_, Option<Arc<RuntimeFacts>>> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl DockerBackend ===

impl DockerBackend {
    pub(crate) fn new(settings: &Settings, config: &Config) -> Self {
        DockerBackend {
            client: Arc::new(Client::new(settings)),
            images: config.images(settings).into_iter().map(Image::new).collect(),
            settings: settings.clone(),
            installation: config.installation.clone(),
            instance: config.instance.clone(),
            users: Users::new(config.uids.clone()),
            interface_check: config.interface_check,
        }
    }

    fn image(&self, key: RuntimeKey) -> &Arc<Image> {
        self.images.get(key.index()).expect("keys come from the configuration that listed the runtimes")
    }
}

/// What an image's labels say about the runtime in it.
fn runtime_of(image: &str, id: String, labels: &HashMap<String, String>, check: InterfaceCheck) -> Result<RuntimeFacts, StartFailure> {
    let label = |name: &str| {
        labels.get(name).ok_or_else(|| StartFailure::Refused {
            reason: RUNTIME_UNUSABLE,
            message: format!("the image `{image}` has no label `{name}`; build it with `cargo xtask image`"),
        })
    };
    let layout = parse_layout(label("zona.layout")?, &format!("label `zona.layout` of image `{image}`"))?;
    let mut packages = labels.get("zona.packages").map_or(Ok(Vec::new()), |json| packages::of_label(json, image))?;
    let python_version = label("zona.python")?.clone();
    let origin = Origin { place: &format!("image `{image}`"), remedy: "cargo xtask image" };
    let found = Found { manifest: labels.get(MANIFEST_LABEL).cloned(), interface: labels.get(INTERFACE_LABEL).cloned() };
    let (mut version, mut lock, mut preload) = (String::new(), String::new(), Vec::new());
    if let Some(manifest) = found.manifest(&origin, &python_version)? {
        packages = packages::sorted([packages, manifest.packages].concat());
        (version, lock, preload) = (manifest.version, manifest.lock, manifest.preload);
    }
    let interface = found.interface(&origin, &python_version, check)?;
    Ok(RuntimeFacts { layout, python_version, digest: id, packages, version, lock, preload, interface })
}

#[async_trait]
impl Backend for DockerBackend {
    fn kind(&self) -> BackendKind {
        self.settings.runtime.backend()
    }

    async fn runtime(&self, key: RuntimeKey) -> Result<Arc<RuntimeFacts>, StartFailure> {
        let image = self.image(key);
        if let Some(runtime) = image.remembered().clone() {
            return Ok(runtime);
        }
        let name = image.name.as_deref().ok_or_else(|| StartFailure::Refused {
            reason: RUNTIME_UNUSABLE,
            message: "the docker backend needs an image for this runtime, and the configuration names none".to_owned(),
        })?;
        let runtime = Arc::new(self.client.runtime_in(name, self.interface_check).await?);
        *image.remembered() = Some(runtime.clone());
        Ok(runtime)
    }

    fn known_runtime(&self, key: RuntimeKey) -> Option<Arc<RuntimeFacts>> {
        self.image(key).remembered().clone()
    }

    fn supports(&self, isolation: Isolation) -> Result<(), StartFailure> {
        if self.settings.runtime == ContainerRuntime::Runsc && isolation == Isolation::TenantWarm {
            return Err(StartFailure::tier_unavailable(format!(
                "isolation {} shares a sandbox between programs, and a container of gVisor runs one; ask for T2 or T3, or take \
                 sandbox.container_runtime out of the configuration",
                isolation.tier()
            )));
        }
        self.client.check().map_err(StartFailure::Unavailable)
    }

    fn lease_uid(&self) -> io::Result<UidLease> {
        self.users.lease()
    }

    fn container(&self, order: Order, runtime: RuntimeKey) -> Box<dyn Container> {
        Box::new(DockerContainer {
            client: self.client.clone(),
            settings: self.settings.clone(),
            installation: self.installation.clone(),
            instance: self.instance.clone(),
            order,
            image: self.image(runtime).clone(),
            created: false,
            agent: None,
            streams: None,
        })
    }

    async fn sweep(&self, dead: &Dead) -> Result<(), StartFailure> {
        let filter = HashMap::from([("label".to_owned(), vec![format!("{INSTALLATION_LABEL}={}", self.installation)])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filter).build();
        let listed = self.client.call("list containers", async |docker| docker.list_containers(Some(options)).await).await;
        for container in listed? {
            let instance = container.labels.as_ref().and_then(|labels| labels.get(INSTANCE_LABEL));
            if let (Some(instance), Some(id)) = (instance, &container.id)
                && *instance != self.instance
                && dead.includes(instance)
            {
                tracing::info!(container = id, instance, "removing a dead server's container");
                self.client.remove(id).await;
            }
        }
        Ok(())
    }
}

// === impl DockerContainer ===

#[async_trait]
impl Container for DockerContainer {
    async fn start(&mut self) -> Result<(), StartFailure> {
        let image = self.image.remembered().as_ref().map(|runtime| runtime.digest.clone());
        let image = image.ok_or_else(|| StartFailure::Unavailable("the runtime image is not known yet".to_owned()))?;
        if self.settings.runtime == ContainerRuntime::Runsc {
            let made = Streams::make(&self.order.directory, self.order.uid);
            self.streams = Some(made.map_err(|error| StartFailure::unavailable("failed to make a child's pipes", &error))?);
        }
        let body = spec::container(&self.order, &image, &self.settings, &self.installation, &self.instance);
        let options = CreateContainerOptionsBuilder::default().name(&self.order.name).build();
        // Removed even when the answer is lost: the daemon may have made it.
        self.created = true;
        let created = self.client.call("create container", async |docker| docker.create_container(Some(options), body).await).await;
        if let Err(CallError::Answered { status: 404, .. }) = &created {
            // The image was removed or replaced since it was looked up: the next start looks again.
            *self.image.remembered() = None;
            return Err(image_failure(
                self.image.name.as_deref().unwrap_or(&image),
                CallError::Answered { status: 404, message: String::new() },
            ));
        }
        created?;
        let name = &self.order.name;
        self.client.call("start container", async |docker| docker.start_container(name, None).await).await?;
        self.client.catch_up().await;
        Ok(())
    }

    fn peer_uid(&self) -> u32 {
        match self.settings.runtime {
            ContainerRuntime::Default => self.order.uid,
            // The process that connects for the container is gVisor's own, which opens its files.
            ContainerRuntime::Runsc => 0,
        }
    }

    fn connected(&mut self, pid: Pid) -> Result<(), StartFailure> {
        // A container runtime may hide its processes from us; then only the daemon can end them.
        self.agent = pidfd_open(pid, PidfdFlags::empty()).ok();
        Ok(())
    }

    fn streams(&mut self) -> io::Result<Option<Vec<OwnedFd>>> {
        self.streams.take().map(Streams::into_ends).transpose()
    }

    fn oom_kills(&self) -> Option<u64> {
        None
    }

    fn resource_control(&self) -> ResourceControl {
        super::cgroup::host_version()
    }

    async fn destroy(&mut self) {
        // First, because a daemon that hangs keeps its caller waiting, and the program must not go on meanwhile.
        if let Some(agent) = self.agent.take() {
            // It may have ended by itself.
            let _ended = pidfd_send_signal(&agent, Signal::KILL);
        }
        if !std::mem::take(&mut self.created) {
            return;
        }
        if self.client.remove(&self.order.name).await {
            self.client.catch_up().await;
        }
    }
}

#[cfg(test)]
mod tests;
