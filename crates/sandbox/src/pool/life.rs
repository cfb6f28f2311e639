//! The life of one sandbox, as one task that owns all of it: user id, directory, socket, container. However it ends, everything is
//! given back in reverse order.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use domain::name::RuntimeId;
use domain::sandbox::{Attestation, Network, Seccomp};
use rustix::process::Signal;
use sandbox_protocol::VERSION;
use sandbox_protocol::control::{Command, Configure, Exit, Left, MEANS_STAGE, PRELOAD_STAGE, RESTORE_STAGE, Report};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::ledger::{Ended, SandboxId};
use super::{Pool, SandboxGroup, Shelf, micros};
use crate::backend::{Container, Order, RuntimeFacts};
use crate::failure::{RUNTIME_UNUSABLE, StartFailure, chain};
use crate::instance::SandboxDirectory;
use crate::live::{Anomaly, End, Home, How, LiveSandbox, Notice};
use crate::users::UidLease;
use crate::wire::{Channel, Listener, Packet};

/// Everything outside this process that a sandbox consists of.
struct Estate {
    container: Box<dyn Container>,
    directory: SandboxDirectory,
    _uid: UidLease,
}

/// What a sandbox is told from outside.
pub(super) struct Orders {
    pub(super) close: CancellationToken,
    /// Among how many sandboxes its tenant's share of the processor is divided.
    pub(super) among: watch::Receiver<usize>,
}

/// A sandbox to be.
struct Plan<'a> {
    id: SandboxId,
    name: &'a str,
    group: SandboxGroup,
    /// Whether its children are put back.
    restore: bool,
}

/// Runs a sandbox from start to end.
pub(super) async fn run(pool: Arc<Pool>, id: SandboxId, group: SandboxGroup, orders: Orders) {
    let Orders { close, mut among } = orders;
    let name = format!("{}-{id}", pool.config.instance);
    let plan = Plan { id, name: &name, group, restore: pool.restores(group) };
    let mut failure = live_through(&pool, &plan, &close, &mut among).await;
    if let Some(StartFailure::CannotRestore { why, of_host }) = &failure {
        pool.forgo_restoring(id, group, why, *of_host);
        let group = SandboxGroup { restored: false, ..group };
        let plan = Plan { name: &format!("{name}-f"), group, restore: false, ..plan };
        failure = live_through(&pool, &plan, &close, &mut among).await;
    }
    if let Some(failure) = failure.as_ref().filter(|_| !close.is_cancelled()) {
        pool.counters.start_failures.fetch_add(1, Relaxed);
        tracing::warn!(sandbox = name, %failure, "failed to start a sandbox");
    }
    pool.gone(id, failure);
}

/// One sandbox with its estate, until that is given back. Answers why it never came to be.
async fn live_through(
    pool: &Arc<Pool>,
    plan: &Plan<'_>,
    close: &CancellationToken,
    among: &mut watch::Receiver<usize>,
) -> Option<StartFailure> {
    let began = Instant::now();
    let (mut estate, uid, runtime) = match prepare(pool, plan).await {
        Err(failure) => return Some(failure),
        Ok(prepared) => prepared,
    };
    let failure = match bring_up(pool, &mut estate, plan, uid, &runtime, close).await {
        // Another one has found out meanwhile, and the books count on this one for programs that get fresh children.
        Ok(live) if !pool.started(plan.id, live.clone()) => {
            Some(StartFailure::CannotRestore { why: "another sandbox cannot".to_owned(), of_host: false })
        }
        Ok(live) => {
            pool.counters.started.fetch_add(1, Relaxed);
            pool.counters.start_micros.fetch_add(micros(began.elapsed()), Relaxed);
            tracing::debug!(sandbox = plan.name, tier = plan.group.isolation.tier(), took = ?began.elapsed(), "a sandbox is ready");
            serve(pool, plan.id, &live, &mut estate, close, among).await
        }
        Err(failure) => Some(failure),
    };
    estate.container.destroy().await;
    pool.counters.destroyed.fetch_add(1, Relaxed);
    failure
}

async fn prepare(pool: &Pool, plan: &Plan<'_>) -> Result<(Estate, u32, Arc<RuntimeFacts>), StartFailure> {
    let group = plan.group;
    let runtime = pool.backend.runtime(group.runtime).await?;
    let uid = pool.backend.lease_uid().map_err(|error| StartFailure::unavailable("failed to lease a user id", &error))?;
    let directory =
        pool.instance.sandbox_directory().map_err(|error| StartFailure::unavailable("failed to make a sandbox's directory", &error))?;
    let number = uid.uid;
    let order = Order {
        name: format!("zona-{}-{}", pool.config.installation, plan.name),
        agent: pool.instance.agent().to_owned(),
        directory: directory.path().to_owned(),
        uid: number,
        envelope: group.envelope(&pool.config.pool),
        tmpfs: group.class(&pool.config.pool).tmpfs,
        restore: plan.restore,
    };
    Ok((Estate { container: pool.backend.container(order, group.runtime), directory, _uid: uid }, number, runtime))
}

async fn bring_up(
    pool: &Arc<Pool>,
    estate: &mut Estate,
    plan: &Plan<'_>,
    uid: u32,
    runtime: &RuntimeFacts,
    close: &CancellationToken,
) -> Result<Arc<LiveSandbox>, StartFailure> {
    let group = plan.group;
    let listener =
        Listener::bind(estate.directory.socket()).map_err(|error| StartFailure::unavailable("failed to listen for an agent", &error))?;
    estate.container.start().await?;
    let deadline = tokio::time::Instant::now() + pool.config.pool.start_deadline;
    let peer = estate.container.peer_uid();
    let (channel, pid) = bounded(deadline, close, "connect", async {
        listener.accept(peer).await.map_err(|error| StartFailure::unavailable("failed to accept the agent", &error))
    })
    .await?;
    estate.container.connected(pid)?;
    let mut buffer = Vec::new();
    match bounded(deadline, close, "say hello", next_report(&channel, &mut buffer)).await? {
        Report::Hello { version: VERSION } => {}
        other => return Err(StartFailure::Unavailable(format!("the agent does not speak version {VERSION} of the protocol: {other:?}"))),
    }
    let configure = Configure {
        layout: runtime.layout.clone(),
        class: group.class(&pool.config.pool),
        seal: group.seal(),
        preload: group.preload(&pool.config, runtime),
        restore: plan.restore,
    };
    let sent = channel.send(&Command::Configure(Box::new(configure)));
    sent.map_err(|error| StartFailure::unavailable("failed to configure the agent", &error))?;
    let python_version = match bounded(deadline, close, "become ready", next_report(&channel, &mut buffer)).await? {
        Report::Ready { python_version } => python_version,
        other => return Err(StartFailure::Unavailable(format!("the agent answered its configuration with {other:?}"))),
    };
    let facts = Attestation {
        tier: group.isolation,
        backend: pool.backend.kind(),
        runtime: RuntimeId::new(pool.config.runtime_name(group.runtime)),
        runtime_digest: runtime.digest.clone(),
        python_version,
        sandbox: plan.name.to_owned(),
        namespaces: Vec::new(),
        seccomp: Seccomp::Disabled,
        no_new_privileges: false,
        capabilities: u64::MAX,
        uid,
        network: Network::None,
        resource_control: estate.container.resource_control(),
        battery: None,
        restored: 0,
    };
    let home = || -> Box<dyn Home> { Box::new(Shelf { pool: Arc::downgrade(pool), sandbox: plan.id }) };
    Ok(Arc::new(LiveSandbox::new(facts, channel, close.clone(), plan.restore.then(home))))
}

/// One step of a start, within the deadline and until the sandbox is no longer wanted.
async fn bounded<T>(
    deadline: tokio::time::Instant,
    close: &CancellationToken,
    step: &str,
    work: impl Future<Output = Result<T, StartFailure>>,
) -> Result<T, StartFailure> {
    tokio::select! {
        done = tokio::time::timeout_at(deadline, work) => match done {
            Ok(done) => done,
            Err(_elapsed) => Err(StartFailure::Unavailable(format!("the agent did not {step} in time"))),
        },
        () = close.cancelled() => Err(StartFailure::ShuttingDown),
    }
}

async fn next_report(channel: &Channel, buffer: &mut Vec<u8>) -> Result<Report, StartFailure> {
    match channel.receive(buffer).await {
        Ok(Some(Packet { report: Report::Fault { stage, message, hint }, .. })) => Err(fault(&stage, &message, &hint)),
        Ok(Some(packet)) if packet.descriptors.is_empty() => Ok(packet.report),
        Ok(Some(packet)) => Err(StartFailure::Unavailable(format!("unexpected descriptors with {:?}", packet.report))),
        Ok(None) => Err(StartFailure::Unavailable("the agent ended before it was ready".to_owned())),
        Err(error) => Err(StartFailure::unavailable("failed to hear the agent", &error)),
    }
}

/// A fault of what is preloaded is the runtime's; another one with a hint is the host's configuration; one without may pass.
fn fault(stage: &str, message: &str, hint: &str) -> StartFailure {
    if stage == PRELOAD_STAGE {
        let message = format!("no program can run on this runtime: {message}; {hint}");
        StartFailure::Refused { reason: RUNTIME_UNUSABLE, message }
    } else if stage == RESTORE_STAGE || stage == MEANS_STAGE {
        StartFailure::CannotRestore { why: message.to_owned(), of_host: stage == MEANS_STAGE }
    } else if hint.is_empty() {
        StartFailure::Unavailable(format!("the sandbox failed at {stage}: {message}"))
    } else {
        StartFailure::tier_unavailable(format!("this host cannot contain a sandbox: {stage}: {message}; {hint}"))
    }
}

/// Passes reports on until the sandbox ends or must go. Answers why, when it never had a child: then it might as well not have
/// started, and whoever waits for it is told instead of waiting for the next one to end like it.
async fn serve(
    pool: &Arc<Pool>,
    id: SandboxId,
    live: &Arc<LiveSandbox>,
    estate: &mut Estate,
    close: &CancellationToken,
    among: &mut watch::Receiver<usize>,
) -> Option<StartFailure> {
    let mut buffer = Vec::new();
    let mut reader = Reader { pool, id, live, oom_kills: estate.container.oom_kills(), had_child: false, refused: None };
    let anomaly = loop {
        let received = tokio::select! {
            received = live.channel().receive(&mut buffer) => received,
            Ok(()) = among.changed() => {
                estate.container.share(*among.borrow_and_update());
                continue;
            }
            () = close.cancelled() => break None,
        };
        let handled = match received {
            Ok(Some(packet)) => reader.handle(packet, estate.container.as_mut()),
            Ok(None) => Err(Anomaly::HungUp),
            Err(error) => Err(error.into()),
        };
        if let Err(anomaly) = handled {
            break Some(anomaly);
        }
    };
    if let Some(Anomaly::Fault { stage, message }) = &anomaly
        && stage == RESTORE_STAGE
        && live.restores()
        && !reader.had_child
    {
        // Nobody has had a child of it: it starts again without, and what it was asked for is asked for again then.
        pool.starts_again(id);
        live.lost(How::SandboxLost);
        return Some(StartFailure::CannotRestore { why: message.clone(), of_host: false });
    }
    if let Some(anomaly) = &anomaly {
        pool.counters.anomalies.fetch_add(1, Relaxed);
        tracing::warn!(sandbox = live.name(), anomaly = chain(anomaly), "destroying a sandbox that misbehaves");
    }
    pool.retire(id);
    let how = match (pool.closed.is_cancelled(), reader.oom_rose(estate.container.as_ref())) {
        (true, _) => How::Shutdown,
        (false, true) => How::OutOfMemory,
        (false, false) => How::SandboxLost,
    };
    close.cancel();
    estate.container.destroy().await;
    live.lost(how);
    let why = anomaly.map(|anomaly| StartFailure::Unavailable(format!("a sandbox ended before it had a child: {}", chain(&anomaly))));
    reader.refused.or(why).filter(|_| !reader.had_child)
}

struct Reader<'a> {
    pool: &'a Arc<Pool>,
    id: SandboxId,
    live: &'a Arc<LiveSandbox>,
    oom_kills: Option<u64>,
    /// Whether a child has arrived.
    had_child: bool,
    /// Why a child could not be taken.
    refused: Option<StartFailure>,
}

impl Reader<'_> {
    fn handle(&mut self, packet: Packet, container: &mut dyn Container) -> Result<(), Anomaly> {
        let Packet { report, mut descriptors, cut_short } = packet;
        if !descriptors.is_empty() && !matches!(report, Report::Child { .. }) {
            return Err(Anomaly::Descriptors(descriptors.len()));
        }
        match report {
            Report::Child { child, .. } if cut_short => self.refuse(child),
            Report::Child { child, seal } => {
                if let Some(streams) = container.streams().map_err(Anomaly::Streams)? {
                    if !descriptors.is_empty() {
                        return Err(Anomaly::Descriptors(descriptors.len()));
                    }
                    descriptors = streams;
                }
                let child = self.live.arrived(child, seal, descriptors)?;
                self.had_child = true;
                self.pool.child_ready(self.id, child);
                Ok(())
            }
            Report::Restored { child, usage, count } => {
                let notice = self.live.restored(child, count)?;
                self.count(&notice);
                self.pool.put_back(notice.program.filter(|_| !notice.probe));
                notice.tell(End { how: How::Exit(Exit::Code(0)), usage, at: Instant::now() });
                Ok(())
            }
            Report::Exited { child, exit, usage, oom_killed, left } => {
                let killed = exit == Exit::Signal(Signal::KILL.as_raw());
                let out_of_memory = oom_killed || (killed && self.oom_rose(&*container));
                let how = if out_of_memory { How::OutOfMemory } else { How::Exit(exit) };
                self.exited(child, left, End { how, usage, at: Instant::now() })
            }
            Report::Fault { stage, message, .. } => Err(Anomaly::Fault { stage, message }),
            Report::Hello { .. } => Err(Anomaly::Unexpected("hello")),
            Report::Ready { .. } => Err(Anomaly::Unexpected("ready")),
        }
    }

    /// This process has no free descriptor for a child's pipes. What runs in the sandbox goes on; no further program does.
    fn refuse(&mut self, child: u64) -> Result<(), Anomaly> {
        const WHY: &str = "this server has no free descriptors for the pipes of a program; raise its limit (ulimit -n)";
        tracing::warn!(sandbox = self.live.name(), child, "{WHY}");
        self.refused = Some(StartFailure::Unavailable(WHY.to_owned()));
        self.live.refuse(child)?;
        self.pool.retire(self.id);
        Ok(())
    }

    /// A program has ended.
    fn count(&self, notice: &Notice) {
        if notice.ran && !notice.probe {
            self.pool.counters.executions.fetch_add(1, Relaxed);
        }
    }

    fn exited(&mut self, child: u64, left: Option<Left>, end: End) -> Result<(), Anomaly> {
        let Some(notice) = self.live.ended(child)? else { return Ok(()) };
        if let Some(left) = left.filter(|_| self.live.restores()) {
            self.pool.left_behind(notice.program.filter(|_| !notice.probe), left);
        }
        match self.pool.child_ended(self.id, child) {
            Some(Ended::Running) => self.count(&notice),
            Some(Ended::Leaving) => {}
            Some(Ended::Ready) => {
                self.pool.counters.anomalies.fetch_add(1, Relaxed);
                tracing::warn!(sandbox = self.live.name(), child, how = ?end.how, "a waiting child died; its sandbox is retired");
            }
            None => tracing::debug!(sandbox = self.live.name(), child, "a child of a sandbox that is going has ended"),
        }
        if end.how == How::OutOfMemory {
            self.pool.counters.anomalies.fetch_add(1, Relaxed);
            self.pool.retire(self.id);
        }
        notice.tell(end);
        Ok(())
    }

    fn oom_rose(&mut self, container: &dyn Container) -> bool {
        let now = container.oom_kills();
        let rose = now > self.oom_kills && self.oom_kills.is_some();
        self.oom_kills = now.or(self.oom_kills);
        rose
    }
}
