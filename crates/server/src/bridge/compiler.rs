//! The domain's compiler port: the runtime's own CPython, asked by a small program of ours in a sandbox of the tenant. Code is
//! compiled there and never run; what the runtime holds is read from the sandbox's facts.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::code::Code;
use domain::json::JsonText;
use domain::name::{RuntimeId, TenantId};
use domain::runtime::{Compiler, Package, Runtime, RuntimeCatalog, Verdict};
use domain::sandbox::{Entry, Error, Failure, Isolation, Job, Limits, Progress, Purpose, Reason, Sandbox as _, Secrets};
use python_check::{CheckPolicy, Checker};
use sandbox::{RuntimeFacts, Sandboxes};
use serde::Deserialize;

use super::advisories::Feed;
use super::checker::checked_runtime;

/// What runs in the sandbox; the source is its value.
const PROGRAM: &str = include_str!("compile.py");
/// How long compiling may take: 256 KiB of code need a fraction of a second.
const WALL: Duration = Duration::from_secs(5);
/// How long a caller waits for a sandbox and the answer together.
const PATIENCE: Duration = Duration::from_secs(15);

/// Compilers of the runtimes that sandboxes offer.
pub(crate) struct SandboxCompiler {
    sandboxes: Sandboxes,
    backend: &'static str,
    advisories: Arc<Feed>,
}

/// What the program answers.
#[derive(Deserialize)]
struct Answer {
    refused: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    line: u32,
    column: u32,
    message: String,
}

impl SandboxCompiler {
    pub(crate) fn new(sandboxes: Sandboxes, backend: &'static str, advisories: Arc<Feed>) -> Self {
        SandboxCompiler { sandboxes, backend, advisories }
    }

    /// The fastest tier that can be had: code that is only compiled cannot reach out of any of them.
    fn isolation(&self, runtime: &RuntimeId) -> Result<Isolation, Error> {
        let mut refusal = None;
        for isolation in [Isolation::TenantWarm, Isolation::SingleUse, Isolation::OneShot] {
            match self.sandboxes.ready(isolation, runtime) {
                Ok(()) => return Ok(isolation),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        Err(refusal.unwrap_or(Error::Busy { retry_after: Duration::from_secs(1) }))
    }

    fn job(&self, tenant: &TenantId, runtime: &RuntimeId, code: &Code) -> Result<Job, Error> {
        let source = serde_json::to_string(&**code.text()).map_err(|error| Error::Unavailable(error.into()))?;
        Ok(Job {
            tenant: tenant.clone(),
            purpose: Purpose::Compilation,
            isolation: self.isolation(runtime)?,
            runtime: runtime.clone(),
            code: PROGRAM.into(),
            entry: Entry::Transform(vec![JsonText::read(source)]),
            params_json: JsonText::read("{}"),
            secrets: Secrets::default(),
            limits: Limits { wall: WALL, cpu: WALL, ..Limits::DEFAULT },
            fresh: false,
        })
    }

    async fn run(&self, job: Job) -> Result<Verdict, Error> {
        let mut run = self.sandboxes.start(job).await?;
        let digest = run.attestation().runtime_digest.clone();
        let mut outcome = None;
        while let Some(progress) = run.next().await {
            if let Progress::Outcome(result) = progress {
                outcome = Some(result);
            }
        }
        verdict(outcome, digest)
    }

    async fn runtime(&self, name: &str) -> Runtime {
        match self.sandboxes.runtime(name).await {
            Ok(facts) => self.describe(name, &facts),
            Err(error) => Runtime {
                name: RuntimeId::new(name),
                version: String::new(),
                lock: String::new(),
                python_version: String::new(),
                digest: String::new(),
                packages: Vec::new(),
                allowed_modules: Vec::new(),
                backend: self.backend.to_owned(),
                problem: Some(error.cause()),
            },
        }
    }

    fn describe(&self, name: &str, facts: &RuntimeFacts) -> Runtime {
        let checker = Checker::new(CheckPolicy { runtime: checked_runtime(facts), ..CheckPolicy::default() });
        Runtime {
            name: RuntimeId::new(name),
            version: facts.version.clone(),
            lock: facts.lock.clone(),
            python_version: facts.python_version.clone(),
            digest: facts.digest.clone(),
            packages: facts.packages.iter().map(|package| self.package(package)).collect(),
            allowed_modules: checker.allowed_modules(),
            backend: self.backend.to_owned(),
            problem: None,
        }
    }

    fn package(&self, package: &sandbox::Package) -> Package {
        Package {
            name: package.name.clone(),
            version: package.version.clone(),
            modules: package.modules.clone(),
            hashes: package.hashes.clone(),
            advisories: self.advisories.current().of(package),
        }
    }
}

#[async_trait]
impl RuntimeCatalog for SandboxCompiler {
    fn names(&self) -> Vec<RuntimeId> {
        self.sandboxes.runtime_names().map(RuntimeId::new).collect()
    }

    async fn runtimes(&self) -> Result<Vec<Runtime>, Error> {
        let mut found = Vec::new();
        for name in self.sandboxes.runtime_names() {
            found.push(self.runtime(name).await);
        }
        Ok(found)
    }

    fn packages_of(&self, runtime: &RuntimeId, modules: &[String]) -> Option<Vec<Package>> {
        let facts = self.sandboxes.known_runtime(runtime)?;
        let brings = |package: &&sandbox::Package| package.modules.iter().any(|module| modules.contains(module));
        Some(facts.packages.iter().filter(brings).map(|package| self.package(package)).collect())
    }

    fn digest(&self, runtime: &RuntimeId) -> Option<Arc<str>> {
        let facts = self.sandboxes.known_runtime(runtime)?;
        Some(facts.digest.as_str().into())
    }
}

#[async_trait]
impl Compiler for SandboxCompiler {
    async fn compile(&self, tenant: &TenantId, runtime: &RuntimeId, code: &Code) -> Result<Verdict, Error> {
        let job = self.job(tenant, runtime, code)?;
        let late = |_| Error::Unavailable(format!("the compiler did not answer within {PATIENCE:?}").into());
        tokio::time::timeout(PATIENCE, self.run(job)).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
    }
}

fn verdict(outcome: Option<Result<JsonText, Failure>>, digest: String) -> Result<Verdict, Error> {
    match outcome {
        Some(Ok(json)) => match serde_json::from_str(&json) {
            Ok(Answer { refused: None }) => Ok(Verdict::Compiles { digest }),
            Ok(Answer { refused: Some(Refusal { line, column, message }) }) => Ok(Verdict::Refused { line, column, message }),
            Err(error) => Err(Error::Unavailable(error.into())),
        },
        Some(Err(failure)) => match failure.reason {
            // The code, and nothing else, made the compiler end like this: it would again.
            Reason::OutOfMemory | Reason::CpuLimit | Reason::Signal => {
                let message = format!("the compiler ended with {}: {}", failure.reason.as_str(), failure.message);
                Ok(Verdict::Refused { line: 0, column: 0, message })
            }
            reason => Err(Error::Unavailable(format!("the compiler ended with {}: {}", reason.as_str(), failure.message).into())),
        },
        None => Err(Error::Unavailable("the compiler's sandbox ended without an answer".into())),
    }
}

#[cfg(test)]
mod tests;
