//! The backends without a daemon: the agent is started directly and makes its own container of namespaces, or holds itself and its
//! children by Landlock where it is told to; a control group bounds it where this process may make one.

use std::io::{self, ErrorKind};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::sandbox::{BackendKind, Isolation, ResourceControl};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::OnceCell;

use super::cgroup::{ControlGroup, ControlGroups};
use super::layout::{self, Located};
use super::{Backend, Container, Order, RuntimeFacts};
use crate::config::{Config, InterfaceCheck, Namespace, RuntimeKey};
use crate::failure::{RUNTIME_UNUSABLE, StartFailure};
use crate::instance::Dead;
use crate::tasks;
use crate::users::{UidLease, Users};

/// Most of an agent's own words that are kept for the log.
const MAX_STDERR: usize = 16 * 1024;
/// How often and how long a start is retried while another thread's fork still holds the fresh binary open for writing.
const BUSY_ATTEMPTS: u32 = 50;
const BUSY_PAUSE: Duration = Duration::from_millis(10);
/// How long the end of an agent is awaited after its kill.
const REAP_DEADLINE: Duration = Duration::from_secs(2);

/// What an agent contains itself with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Walls {
    Namespaces,
    /// Weaker, for hosts that grant no user namespaces.
    Landlock,
}

/// Starts agents as processes of this one.
pub(crate) struct NamespaceBackend {
    walls: Walls,
    runtimes: Vec<HostRuntime>,
    installation: String,
    users: Users,
    is_root: bool,
    interface_check: InterfaceCheck,
    groups: Result<ControlGroups, String>,
}

/// A runtime of this host: where the configuration says it is, and what was found there.
struct HostRuntime {
    /// `None` where the configuration says nothing for this backend.
    settings: Option<Namespace>,
    located: OnceCell<Located>,
}

struct AgentProcess {
    order: Order,
    walls: Walls,
    drop_privileges: bool,
    groups: Option<ControlGroups>,
    group: Option<ControlGroup>,
    child: Option<Child>,
}

// === impl NamespaceBackend ===

impl NamespaceBackend {
    /// `live` says whether sandboxes are going to be started; otherwise nothing is made.
    pub(crate) fn new(settings: &Namespace, walls: Walls, config: &Config, live: bool) -> Self {
        let groups = if live {
            ControlGroups::open(&config.installation, &config.instance).map_err(|error| error.to_string())
        } else {
            Err("not opened".to_owned())
        };
        NamespaceBackend {
            walls,
            runtimes: config.namespace_runtimes(settings).into_iter().map(HostRuntime::new).collect(),
            installation: config.installation.clone(),
            users: Users::new(config.uids.clone()),
            is_root: rustix::process::geteuid().is_root(),
            interface_check: config.interface_check,
            groups,
        }
    }

    fn at(&self, key: RuntimeKey) -> &HostRuntime {
        self.runtimes.get(key.index()).expect("keys come from the configuration that listed the runtimes")
    }
}

impl HostRuntime {
    fn new(settings: Option<Namespace>) -> Self {
        HostRuntime { settings, located: OnceCell::new() }
    }
}

#[async_trait]
impl Backend for NamespaceBackend {
    fn kind(&self) -> BackendKind {
        match self.walls {
            Walls::Namespaces => BackendKind::Namespace,
            Walls::Landlock => BackendKind::Landlock,
        }
    }

    async fn runtime(&self, key: RuntimeKey) -> Result<Arc<RuntimeFacts>, StartFailure> {
        let runtime = self.at(key);
        let settings = runtime.settings.as_ref().ok_or_else(|| StartFailure::Refused {
            reason: RUNTIME_UNUSABLE,
            message: "without a daemon this runtime needs packages or an interpreter, and the configuration names neither".to_owned(),
        })?;
        let find = async || layout::find(settings, self.is_root, self.interface_check).await;
        let located = runtime.located.get_or_try_init(find).await?;
        match located.witness.replaced() {
            None => Ok(located.facts.clone()),
            Some(file) => Err(StartFailure::Refused {
                reason: RUNTIME_UNUSABLE,
                message: format!(
                    "the runtime was replaced while the server ran: {} is another file now; restart the server",
                    file.display()
                ),
            }),
        }
    }

    fn known_runtime(&self, key: RuntimeKey) -> Option<Arc<RuntimeFacts>> {
        self.at(key).located.get().map(|located| located.facts.clone())
    }

    fn supports(&self, isolation: Isolation) -> Result<(), StartFailure> {
        match (isolation, &self.groups) {
            (Isolation::TenantWarm, _) => Ok(()),
            (Isolation::SingleUse | Isolation::OneShot, _) if self.walls == Walls::Landlock => {
                Err(StartFailure::tier_unavailable(format!(
                    "isolation {} needs namespaces, and this server was told to do without them; set sandbox.backend to `namespace` or \
                     `docker`",
                    isolation.tier()
                )))
            }
            (_, Ok(_)) => Ok(()),
            (Isolation::SingleUse | Isolation::OneShot, Err(why)) => Err(StartFailure::tier_unavailable(format!(
                "isolation {} needs a control group that this process may write ({why}); run the server as root, or delegate one: \
                 systemd-run --user --scope -p Delegate=yes zona ...",
                isolation.tier()
            ))),
        }
    }

    fn lease_uid(&self) -> io::Result<UidLease> {
        if self.is_root { self.users.lease() } else { Ok(UidLease::own()) }
    }

    fn container(&self, order: Order, _runtime: RuntimeKey) -> Box<dyn Container> {
        let walls = self.walls;
        Box::new(AgentProcess { order, walls, drop_privileges: self.is_root, groups: self.groups.clone().ok(), group: None, child: None })
    }

    async fn sweep(&self, dead: &Dead) -> Result<(), StartFailure> {
        for instance in dead.names() {
            ControlGroups::sweep(&self.installation, instance).await;
        }
        Ok(())
    }

    fn close(&self) {
        if let Ok(groups) = &self.groups {
            groups.remove();
        }
    }
}

impl Drop for NamespaceBackend {
    fn drop(&mut self) {
        self.close();
    }
}

// === impl Walls ===

impl Walls {
    /// The backend's name, and the agent's word for it.
    const fn name(self) -> &'static str {
        match self {
            Walls::Namespaces => "namespace",
            Walls::Landlock => "landlock",
        }
    }
}

// === impl AgentProcess ===

impl AgentProcess {
    async fn spawn(&self) -> io::Result<Child> {
        let uid = self.order.uid.to_string();
        let mut command = Command::new(&self.order.agent);
        command.arg(self.walls.name()).arg("--socket").arg(self.order.directory.join("s"));
        if self.drop_privileges {
            command.args(["--uid", &uid, "--gid", &uid]);
        }
        // A group of its own, so that a terminal's Ctrl-C reaches the server only, and a kill reaches the whole agent.
        command.env_clear().current_dir("/").process_group(0).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        for _ in 0..BUSY_ATTEMPTS {
            match command.spawn() {
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => tokio::time::sleep(BUSY_PAUSE).await,
                spawned => return spawned,
            }
        }
        command.spawn()
    }

    fn pid(&self) -> Option<Pid> {
        self.child.as_ref().and_then(pid_of)
    }

    fn cannot_exec(&self, error: &io::Error) -> StartFailure {
        let agent = self.order.agent.display();
        if error.kind() == ErrorKind::PermissionDenied {
            return StartFailure::tier_unavailable(format!(
                "{agent} cannot be executed ({error}); its file system may be mounted noexec: configure another agent directory"
            ));
        }
        StartFailure::unavailable("failed to start the agent", error)
    }
}

#[async_trait]
impl Container for AgentProcess {
    async fn start(&mut self) -> Result<(), StartFailure> {
        if let Some(groups) = &self.groups {
            let group = groups.create(&self.order.name, self.order.envelope);
            self.group = Some(group.map_err(|error| StartFailure::unavailable("failed to make a control group", &error))?);
        }
        let mut child = self.spawn().await.map_err(|error| self.cannot_exec(&error))?;
        if let Some(stderr) = child.stderr.take() {
            tasks::detach("agent-words", log_words(self.order.name.clone(), stderr));
        }
        self.child = Some(child);
        // Before it is configured the agent starts nothing, so nothing escapes.
        let pid = self.pid().ok_or_else(|| StartFailure::Unavailable("the agent ended at once".to_owned()))?;
        match &self.group {
            Some(group) => group.add(pid).map_err(|error| StartFailure::unavailable("failed to bound the agent", &error)),
            None => Ok(()),
        }
    }

    fn peer_uid(&self) -> u32 {
        // It connects first, and gives up its identity afterwards.
        rustix::process::geteuid().as_raw()
    }

    fn connected(&mut self, pid: Pid) -> Result<(), StartFailure> {
        if self.pid() == Some(pid) {
            return Ok(());
        }
        Err(StartFailure::Unavailable(format!("process {} connected instead of the agent", pid.as_raw_nonzero())))
    }

    fn oom_kills(&self) -> Option<u64> {
        self.group.as_ref()?.oom_kills()
    }

    fn share(&self, among: usize) {
        if let Some(Err(error)) = self.group.as_ref().map(|group| group.share(among)) {
            tracing::warn!(sandbox = self.order.name, %error, "failed to divide a tenant's share of the processor");
        }
    }

    fn resource_control(&self) -> ResourceControl {
        self.groups.as_ref().map_or(ResourceControl::Process, ControlGroups::resource_control)
    }

    async fn destroy(&mut self) {
        if let Some(mut child) = self.child.take() {
            if let Some(group) = pid_of(&child) {
                // It may have ended by itself.
                let _ended = kill_process_group(group, Signal::KILL);
            }
            match tokio::time::timeout(REAP_DEADLINE, child.wait()).await {
                Ok(Ok(_status)) => {}
                failed => tracing::error!(sandbox = self.order.name, ?failed, "an agent survives its kill"),
            }
        }
        if let Some(group) = self.group.take() {
            group.destroy().await;
        }
        if let Some(groups) = &self.groups {
            groups.remove();
        }
    }
}

/// The process id, until the process is reaped.
fn pid_of(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()?).ok()?)
}

/// Logs what an agent says, bounded; reads on silently so that it never blocks.
async fn log_words(sandbox: String, mut stderr: ChildStderr) {
    let mut words = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(count) = stderr.read(&mut buffer).await
        && count > 0
    {
        let room = MAX_STDERR.saturating_sub(words.len());
        words.extend_from_slice(&buffer[..count.min(room)]);
    }
    if !words.is_empty() {
        tracing::debug!(sandbox, words = %String::from_utf8_lossy(&words), "an agent wrote to its stderr");
    }
}
