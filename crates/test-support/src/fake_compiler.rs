//! A compiler that compiles nothing: it refuses code with a mark in it. It has three runtimes, of which `python` can be replaced,
//! and it can be down. Each has a package with a known vulnerability, which came later than the version of `old`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::code::Code;
use domain::name::{RuntimeId, TenantId};
use domain::runtime::{Advisory, Compiler, Package, Runtime, RuntimeCatalog, Verdict};
use domain::sandbox::Error;

/// A line with this text does not compile.
pub const BROKEN: &str = "#! does not compile";

/// The name of [`RuntimeId::default`].
const DEFAULT: &str = "python";
const RUNTIMES: [&str; 3] = [DEFAULT, "extra", "old"];

/// The compiler of its runtimes.
pub struct FakeCompiler {
    state: Mutex<State>,
    asked: AtomicUsize,
    compiled_for: Mutex<Vec<TenantId>>,
}

struct State {
    digest: Arc<str>,
    down: bool,
    is_host_refused: bool,
}

impl Default for FakeCompiler {
    fn default() -> Self {
        FakeCompiler {
            state: Mutex::new(State { digest: "sha256:first".into(), down: false, is_host_refused: false }),
            asked: AtomicUsize::new(0),
            compiled_for: Mutex::default(),
        }
    }
}

impl FakeCompiler {
    /// Another runtime of the name `python`.
    pub fn replace_runtime(&self, digest: &str) {
        self.state().digest = digest.into();
    }

    /// Answers nothing from now on, or answers again.
    pub fn set_down(&self, down: bool) {
        self.state().down = down;
    }

    /// Compiles nothing from now on, as its host contains nothing; or compiles again.
    pub fn refuse_host(&self, refused: bool) {
        self.state().is_host_refused = refused;
    }

    /// How often code was compiled, or was to be.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// In whose sandboxes it was.
    pub fn compiled_for(&self) -> Vec<TenantId> {
        self.compiled_for.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The digest of a runtime.
    fn check(&self, runtime: &str) -> Result<Arc<str>, Error> {
        let state = self.state();
        match runtime {
            _ if state.down => Err(Error::Unavailable("connection refused".into())),
            DEFAULT => Ok(Arc::clone(&state.digest)),
            other if RUNTIMES.contains(&other) => Ok(format!("sha256:{other}").into()),
            other => Err(Error::Refused { reason: "RUNTIME_UNKNOWN", message: format!("there is no runtime `{other}`") }),
        }
    }
}

#[async_trait]
impl RuntimeCatalog for FakeCompiler {
    fn names(&self) -> Vec<RuntimeId> {
        RUNTIMES.map(RuntimeId::new).to_vec()
    }

    async fn runtimes(&self) -> Result<Vec<Runtime>, Error> {
        RUNTIMES.into_iter().map(|name| Ok(runtime(name, &self.check(name)?))).collect()
    }

    fn packages_of(&self, runtime: &RuntimeId, modules: &[String]) -> Option<Vec<Package>> {
        self.check(runtime).ok()?;
        let package = package(runtime);
        Some(if package.modules.iter().any(|module| modules.contains(module)) { vec![package] } else { Vec::new() })
    }

    fn digest(&self, runtime: &RuntimeId) -> Option<Arc<str>> {
        self.check(runtime).ok()
    }
}

#[async_trait]
impl Compiler for FakeCompiler {
    async fn compile(&self, tenant: &TenantId, runtime: &RuntimeId, code: &Code) -> Result<Verdict, Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.compiled_for.lock().unwrap_or_else(PoisonError::into_inner).push(tenant.clone());
        if self.state().is_host_refused {
            return Err(Error::Refused { reason: "TIER_UNSAFE", message: "the probes of this host got through".to_owned() });
        }
        let digest = self.check(runtime)?;
        let broken = code.text().lines().zip(1..).find(|(line, _)| line.contains(BROKEN));
        Ok(match broken {
            Some((_, line)) => Verdict::Refused { line, column: 1, message: "invalid syntax".to_owned() },
            None => Verdict::Compiles { digest: digest.to_string() },
        })
    }
}

fn runtime(name: &str, digest: &str) -> Runtime {
    Runtime {
        name: RuntimeId::new(name),
        version: "1.0.0".to_owned(),
        lock: "sha256:lock".to_owned(),
        python_version: "3.11.2".to_owned(),
        digest: digest.to_owned(),
        packages: vec![package(name)],
        allowed_modules: vec!["json".to_owned(), "re".to_owned()],
        backend: "namespace".to_owned(),
        problem: None,
    }
}

fn package(runtime: &str) -> Package {
    let advisory = Advisory { id: "GHSA-0000".to_owned(), summary: "it leaks".to_owned() };
    let (version, advisories) = if runtime == "old" { ("0.9", Vec::new()) } else { ("1.0", vec![advisory]) };
    Package {
        name: "Leaky".to_owned(),
        version: version.to_owned(),
        modules: vec!["leaky".to_owned()],
        hashes: vec!["sha256:00".to_owned()],
        advisories,
    }
}
