//! A host for one test: the service with a runtime directory of its own, programs to run in it, and the check that nothing stays.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use domain::json::JsonText;
use domain::name::{RuntimeId, TenantId};
use domain::sandbox::{
    Attestation, Entry, Failure, Isolation, Job, Limits, Progress, Purpose, Reason, Run, Sandbox as _, Secrets, Stream, Usage,
};
use sandbox::{AgentBinary, Backend, Config, Docker, Namespace, Sandboxes};

#[path = "../../../sandbox-agent/build_support.rs"]
mod build_support;

/// Longer than anything may take, so that a hang fails instead.
pub const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Namespace,
    Docker,
    Landlock,
}

pub struct Host {
    pub config: Config,
    pub sandboxes: Sandboxes,
    directory: tempfile::TempDir,
}

/// Everything that one run reported.
#[derive(Debug)]
pub struct Ran {
    pub pieces: Vec<(Stream, u64, Vec<u8>)>,
    pub values: Vec<Result<JsonText, Failure>>,
    pub outcome: Result<JsonText, Failure>,
    pub usage: Usage,
    pub attestation: Attestation,
    pub took: Duration,
}

/// The agent, built once per test process.
pub fn agent() -> AgentBinary {
    static AGENT: OnceLock<Vec<u8>> = OnceLock::new();
    AgentBinary(AGENT.get_or_init(|| {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let path = build_support::build_agent(&workspace, &workspace.join("target/agent-build")).unwrap();
        std::fs::read(path).unwrap()
    }))
}

pub fn config(kind: Kind, directory: &Path, installation: &str, instance: &str) -> Config {
    let backend = match kind {
        Kind::Namespace => Backend::Namespace(Namespace::default()),
        Kind::Landlock => Backend::Landlock(Namespace::default()),
        Kind::Docker => Backend::Docker(Docker::default()),
    };
    let mut config = Config::new(installation, instance, agent(), backend);
    config.runtime_directory = directory.join("run");
    // The same tests on processes that run one program after the other.
    config.pool.restore = std::env::var_os("ZONA_TEST_RESTORE").is_some();
    config
}

/// A directory of packages with one module, where sandboxes can read it: not below /tmp, which is each sandbox's own.
pub fn packages_of(module: &str, text: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir_in("/var/tmp").unwrap();
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(directory.path().join(format!("{module}.py")), text).unwrap();
    directory
}

/// A name that no other test on this machine uses now.
pub fn unique(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

pub fn job(code: &str, entry: Entry) -> Job {
    Job {
        tenant: TenantId::parse("tenant", "acme").unwrap(),
        purpose: Purpose::Trial,
        isolation: Isolation::TenantWarm,
        runtime: RuntimeId::default(),
        code: code.into(),
        entry,
        params_json: JsonText::read("{}"),
        secrets: Secrets::default(),
        limits: Limits::DEFAULT,
        fresh: false,
    }
}

pub fn script(code: &str) -> Job {
    job(code, Entry::Script)
}

/// A transformer with one JSON value.
pub fn transform(code: &str, value: &str) -> Job {
    job(code, Entry::Transform(vec![JsonText::read(value)]))
}

pub fn limited(job: Job, change: impl FnOnce(&mut Limits)) -> Job {
    let mut job = job;
    change(&mut job.limits);
    job
}

// === impl Host ===

impl Host {
    pub async fn open(kind: Kind) -> Self {
        Self::open_with(kind, |_| {}).await
    }

    pub async fn open_with(kind: Kind, change: impl FnOnce(&mut Config)) -> Self {
        // Shown with a test that fails; a second one in the same process changes nothing.
        let _set_already = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_test_writer().try_init();
        let directory = tempfile::Builder::new().prefix("zona").tempdir().unwrap();
        // Sandboxes run as other users, who must be able to reach their socket.
        std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
        let mut config = config(kind, directory.path(), &unique("t"), "i1");
        change(&mut config);
        let sandboxes = Sandboxes::open(config.clone()).await.unwrap();
        Host { config, sandboxes, directory }
    }

    pub async fn start(&self, job: Job) -> Box<dyn Run> {
        tokio::time::timeout(PATIENCE, self.sandboxes.start(job)).await.expect("a sandbox in time").unwrap()
    }

    pub async fn run(&self, job: Job) -> Ran {
        let began = Instant::now();
        let run = self.start(job).await;
        tokio::time::timeout(PATIENCE, collect(run, began)).await.expect("an end in time")
    }

    /// Runs a script that must succeed; its result.
    pub async fn succeed(&self, code: &str) -> serde_json::Value {
        let ran = self.run(script(code)).await;
        serde_json::from_str(&ran.outcome.unwrap()).unwrap()
    }

    /// Runs a job that must fail for a reason.
    pub async fn fail(&self, job: Job, reason: Reason) -> Failure {
        let ran = self.run(job).await;
        let failure = ran.outcome.expect_err("it must fail");
        assert_eq!(failure.reason, reason, "{failure:?}");
        failure
    }

    /// Shuts down, and checks that nothing stays.
    pub async fn close(self) {
        self.sandboxes.shutdown().await;
        assert_gone(&self.config, &self.config.instance).await;
        drop(self.directory);
    }
}

/// Asserts that an instance left nothing: no process, container, control group or directory.
pub async fn assert_gone(config: &Config, instance: &str) {
    assert_eq!(agents(&config.runtime_directory.join(instance)), Vec::<i32>::new(), "agents");
    assert_eq!(containers(&config.installation, instance), Vec::<String>::new(), "containers");
    assert_eq!(control_groups(&config.installation, instance), Vec::<PathBuf>::new(), "control groups");
    assert!(!config.runtime_directory.join(instance).exists(), "the instance's directory");
}

/// Processes of agents that were started with a socket below a directory.
pub fn agents(directory: &Path) -> Vec<i32> {
    let needle = directory.display().to_string();
    let is_agent = |pid: &i32| {
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        (command.contains(" namespace --socket") || command.contains(" landlock --socket")) && command.contains(&needle)
    };
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_agent).collect()
}

/// Containers of an instance, whatever their state.
pub fn containers(installation: &str, instance: &str) -> Vec<String> {
    listed(installation, instance, &["--all"])
}

/// Containers of an instance in which something runs.
pub fn running_containers(installation: &str, instance: &str) -> Vec<String> {
    listed(installation, instance, &[])
}

fn listed(installation: &str, instance: &str, options: &[&str]) -> Vec<String> {
    let filters = [format!("label=zona.installation={installation}"), format!("label=zona.instance={instance}")];
    let output = std::process::Command::new("docker")
        .args(["ps", "--quiet", "--filter", &filters[0], "--filter", &filters[1]])
        .args(options)
        .output()
        .unwrap();
    assert!(output.status.success(), "docker ps: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn control_groups(installation: &str, instance: &str) -> Vec<PathBuf> {
    let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids"];
    let groups = roots.map(|root| Path::new(root).join("zona").join(installation).join(instance));
    groups.into_iter().filter(|group| group.exists()).collect()
}

pub async fn collect(mut run: Box<dyn Run>, began: Instant) -> Ran {
    let attestation = run.attestation().clone();
    let (mut pieces, mut values, mut outcome) = (Vec::new(), Vec::new(), None);
    loop {
        match run.next().await.expect("the exit comes before the end") {
            Progress::Output { stream, offset, data } => {
                assert!(outcome.is_none(), "output after the outcome");
                assert!(!data.is_empty() && data.len() <= domain::sandbox::MAX_CHUNK);
                pieces.push((stream, offset, data));
            }
            Progress::Value(value) => values.push(value),
            Progress::Outcome(result) => assert!(outcome.replace(result).is_none(), "a second outcome"),
            Progress::Exited(usage) => {
                assert!(run.next().await.is_none());
                let outcome = outcome.expect("the outcome comes before the exit");
                return Ran { pieces, values, outcome, usage, attestation, took: began.elapsed() };
            }
        }
    }
}

// === impl Ran ===

impl Ran {
    fn of(&self, stream: Stream) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (_, offset, data) in self.pieces.iter().filter(|(other, ..)| *other == stream) {
            assert_eq!(*offset, bytes.len() as u64, "a gap in {stream:?}");
            bytes.extend_from_slice(data);
        }
        bytes
    }

    pub fn stdout(&self) -> Vec<u8> {
        self.of(Stream::Stdout)
    }

    pub fn stderr(&self) -> Vec<u8> {
        self.of(Stream::Stderr)
    }
}
