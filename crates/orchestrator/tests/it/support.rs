//! What tests share: images of the service under test, an installation of its own on the daemon for each test, and manifests.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use domain::lease::{InstanceId, Tenure};
use domain::process::PLATFORM_JOB;
use domain::time::{Clock, Timestamp};
use orchestrator::apply::{Applier, Ear, Ending, News, Patience};
use orchestrator::content::Contents;
use orchestrator::docker::{Config, DockerEngine};
use orchestrator::engine::{Engine, Order};
use orchestrator::factory::{Calls, Factory, Seat};
use orchestrator::sight::{Seen, Sight, Watch};
use process::manifest::{File, Manifest, Notation};
use process::revision::revisions;
use test_support::InMemoryExecutionRepository;
use tokio_util::sync::CancellationToken;

/// Longer than anything may take, so that a hang fails instead.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// The daemon's socket.
pub const SOCKET: &str = "/var/run/docker.sock";
/// The images of the service under test: `1` to `3` are the same program under other names, `bad` ends at once, `checked` has a health
/// check of its own.
const IMAGE: &str = "zona-orchestrator-test";
const TAGS: [(&str, &[&str]); 5] = [
    ("1", &["ENTRYPOINT [\"/service\"]"]),
    ("2", &["ENTRYPOINT [\"/service\"]"]),
    ("3", &["ENTRYPOINT [\"/service\"]"]),
    ("bad", &["ENTRYPOINT [\"/service\", \"--complain\", \"no such setting\", \"--end-after\", \"0\", \"1\"]"]),
    ("checked", &["ENTRYPOINT [\"/service\"]", "HEALTHCHECK --interval=1s --retries=1 CMD [\"/service\", \"--probe\", \"80\"]"]),
];

/// An image of the service under test; the first test that asks makes all of them.
pub fn image(tag: &str) -> String {
    static MADE: OnceLock<()> = OnceLock::new();
    MADE.get_or_init(make_images);
    format!("{IMAGE}:{tag}")
}

fn make_images() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("service");
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/service/main.rs");
    let mut compiler = Command::new("rustc");
    compiler.args(["--edition", "2024", "-O", "-C", "target-feature=+crt-static", "-C", "strip=symbols", "-o"]).arg(&program).arg(&source);
    assert!(compiler.status().unwrap().success(), "the service under test compiles");
    let archive = directory.path().join("image.tar");
    let mut tar = tar::Builder::new(std::fs::File::create(&archive).unwrap());
    tar.append_path_with_name(&program, "service").unwrap();
    tar.finish().unwrap();
    for (tag, changes) in TAGS {
        let changes = changes.iter().flat_map(|change| ["--change", change]);
        let mut import = Command::new("docker");
        import.arg("import").args(changes).arg(&archive).arg(format!("{IMAGE}:{tag}"));
        let output = import.output().unwrap();
        assert!(output.status.success(), "docker import: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A name that no other test on this machine uses now.
pub fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("t{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// An installation on the daemon, and nothing of it afterwards.
pub struct Installation {
    pub scope: String,
    pub engine: Arc<dyn Engine>,
}

impl Installation {
    pub fn new() -> Self {
        let scope = unique();
        let engine = Arc::new(DockerEngine::new(Config { socket: SOCKET.into(), scope: scope.clone() }));
        // Shown with a test that fails; a second one in the same process changes nothing.
        let _set_already = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_test_writer().try_init();
        Installation { scope, engine }
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        let label = format!("label=zona.ps.scope={}", self.scope);
        for (kind, list, remove) in [
            ("container", vec!["ps", "--all", "--quiet", "--no-trunc"], vec!["rm", "--force", "--volumes"]),
            ("network", vec!["network", "ls", "--quiet"], vec!["network", "rm"]),
            ("volume", vec!["volume", "ls", "--quiet"], vec!["volume", "rm", "--force"]),
        ] {
            let listed = docker(&[&list[..], &["--filter", &label]].concat());
            let ids: Vec<&str> = listed.split_whitespace().collect();
            if !ids.is_empty() {
                let output = Command::new("docker").args(remove).args(ids).output();
                let is_gone = output.is_ok_and(|output| output.status.success());
                assert!(is_gone || std::thread::panicking(), "every {kind} goes");
            }
        }
    }
}

/// What the client says to a command that must succeed.
pub fn docker(words: &[&str]) -> String {
    let output = Command::new("docker").args(words).output().unwrap();
    assert!(output.status.success(), "docker {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Wall time that moves with the runtime's, so that time which a test lets pass passes here, too.
pub struct RuntimeClock;

impl RuntimeClock {
    pub fn new() -> Arc<Self> {
        Arc::new(RuntimeClock)
    }
}

#[async_trait]
impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        // All clocks of a process agree.
        static BASE: OnceLock<(std::time::Instant, Timestamp)> = OnceLock::new();
        let (begun, base) = *BASE.get_or_init(|| {
            let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            (std::time::Instant::now(), Timestamp::from_millis(u64::try_from(wall.as_millis()).unwrap()))
        });
        let now = tokio::time::Instant::now().into_std();
        match now.checked_duration_since(begun) {
            Some(later) => base.plus(later),
            None => base.minus(begun.duration_since(now)),
        }
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// The lease of a server that has its store to itself, for longer than any test.
pub async fn alone() -> Arc<Tenure> {
    let clock = RuntimeClock::new();
    let leases = Arc::new(InMemoryExecutionRepository::new(clock.clone()));
    let tenure = Tenure::of_job(PLATFORM_JOB, leases, clock, InstanceId::new("alone")).lasting(Duration::from_secs(365 * 86_400));
    tenure.keep().await.unwrap().expect("nobody else wants it");
    Arc::new(tenure)
}

/// Everything that was heard.
#[derive(Default)]
pub struct Heard(Mutex<Vec<News>>);

impl Ear for Heard {
    fn hear(&self, news: News) {
        self.0.lock().unwrap().push(news);
    }
}

impl Heard {
    pub fn all(&self) -> Vec<News> {
        self.0.lock().unwrap().clone()
    }
}

/// A manager: it is dropped, and another one goes on.
pub struct Manager {
    pub applier: Arc<Applier>,
    pub watch: Arc<Watch>,
    pub heard: Arc<Heard>,
}

impl Manager {
    pub fn new(engine: Arc<dyn Engine>, scope: &str) -> Self {
        Self::with(engine, scope, None, quick())
    }

    pub fn with(engine: Arc<dyn Engine>, scope: &str, secrets: Option<PathBuf>, patience: Patience) -> Self {
        let clock = RuntimeClock::new();
        let watch = Arc::new(Watch::new(engine.clone(), clock));
        let heard = Arc::new(Heard::default());
        let factory = Factory::new(scope, Contents::new(secrets));
        Manager { applier: Arc::new(Applier::new(engine, watch.clone(), factory, patience, heard.clone())), watch, heard }
    }

    pub async fn apply(&self, wanted: &Manifest, last_good: Option<&Manifest>) -> Ending {
        let let_go = CancellationToken::new();
        let applied = self.applier.apply(wanted, last_good, &let_go);
        tokio::time::timeout(PATIENCE, applied).await.expect("an end in time").expect("the engine answers")
    }

    pub async fn reach(&self, wanted: &Manifest) {
        assert_eq!(self.apply(wanted, None).await, Ending::Reached);
    }

    pub async fn sight(&self) -> Arc<Sight> {
        self.watch.now().await.unwrap()
    }

    /// Looks until what is seen fits.
    pub async fn until(&self, what: &str, fits: impl Fn(&Sight) -> bool) -> Arc<Sight> {
        let begun = tokio::time::Instant::now();
        loop {
            let sight = self.sight().await;
            if fits(&sight) {
                return sight;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {sight:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// What fails in a test shall fail soon.
pub fn quick() -> Patience {
    Patience {
        dependency: Duration::from_secs(30),
        start: Duration::from_secs(20),
        completion: Duration::from_secs(20),
        engine: Duration::from_secs(20),
    }
}

/// A manifest that is right.
pub fn manifest(text: &str) -> Manifest {
    let read = File::read(text, Notation::Yaml).unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"));
    read.manifest()
}

/// What would be created for a service of a manifest.
pub fn order(scope: &str, text: &str) -> Order {
    let manifest = manifest(text);
    let service = &manifest.services[0];
    let revision = revisions(&manifest)[service.name.as_str()].clone();
    let seat = Seat { revision, slot: 1, calls: Calls::AtOnce, restarts: Vec::new() };
    Factory::new(scope, Contents::default()).order(&manifest, service, &seat).unwrap()
}

/// How many containers of each service are well, with the images that they run.
pub fn well(sight: &Sight) -> Vec<(String, usize, Vec<String>)> {
    let mut services: Vec<(String, usize, Vec<String>)> = Vec::new();
    for seen in sight.seen.iter().filter(|seen| seen.is_available()) {
        let (name, image) = (&seen.instance.identity.service, tag(seen));
        match services.iter_mut().find(|(known, ..)| known == name) {
            Some((_, count, images)) => {
                *count += 1;
                images.push(image);
            }
            None => services.push((name.clone(), 1, vec![image])),
        }
    }
    services.iter_mut().for_each(|(.., images)| {
        images.sort();
        images.dedup();
    });
    services.sort();
    services
}

fn tag(seen: &Seen) -> String {
    seen.instance.image.rsplit(':').next().unwrap_or_default().to_owned()
}
