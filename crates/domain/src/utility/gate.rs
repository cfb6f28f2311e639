//! The one way by which code becomes executable: static checks under the tenant's policy, and the runtime's own compiler. Both are
//! for one runtime as it is installed: what was stored for another, or while it was not known, is judged again.

use std::sync::Arc;
use std::time::Duration;

use crate::access::TenantScope;
use crate::admission::Admission;
use crate::code::{COMPILE_RULE, Code, CodeReport, Family, Finding, KIND_RULE, Kind, Severity, Span};
use crate::code_policy::{CodeChecker, CodePolicy, CodePolicyRepository, policy_in_force};
use crate::error::{Error, Result};
use crate::name::{RuntimeId, TenantId, UtilityId, VersionName};
use crate::runtime::{Compiler, Package, RuntimeCatalog, RuntimeModule, Verdict, VulnerableImport};
use crate::sandbox;
use crate::tenant::TenantStates;
use crate::time::Clock;
use crate::utility::{UtilityRepository, Version};
use crate::violation::Violation;

const RUNTIME_FIELD: &str = "utility.runtime";
/// Findings that a refused execution names: it is for the reader to see why; ValidateCode shows all of them.
const MOST_NAMED: usize = 5;

/// How long a compilation waits for its turn: who creates a utility waits with it.
const COMPILE_PATIENCE: Duration = Duration::from_secs(10);

/// What the gate asks.
#[derive(Clone)]
pub struct GatePorts {
    /// Policies of tenants.
    pub policies: Arc<dyn CodePolicyRepository>,
    /// Static checks.
    pub checker: Arc<dyn CodeChecker>,
    /// The runtimes of this server.
    pub runtimes: Arc<dyn RuntimeCatalog>,
    /// Their compilers.
    pub compiler: Arc<dyn Compiler>,
    /// Places among what runs: compilations take them like executions.
    pub admission: Admission,
    /// What was settled for tenants.
    pub tenants: Arc<dyn TenantStates>,
    /// Time, for exceptions that end.
    pub clock: Arc<dyn Clock>,
}

/// The gate. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    ports: GatePorts,
}

/// Code that passed.
pub struct Passed {
    /// The source.
    pub code: Code,
    /// What was said of it.
    pub report: CodeReport,
    /// Digest of the runtime whose compiler accepted it, and for which it was scanned; `None` when no sandbox could be had: it cannot execute until it is.
    pub compiled_on: Option<String>,
}

impl Gate {
    /// A gate that asks these.
    pub fn new(ports: GatePorts) -> Self {
        Gate { ports }
    }

    /// The policy in force.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn policy(&self, scope: &TenantScope) -> Result<CodePolicy> {
        // Code is judged under it whoever asks; nobody gets to see it.
        let found = policy_in_force(self.ports.policies.as_ref(), scope).await?.open_for_system();
        Ok(found.unwrap_or_else(|| CodePolicy::default_of(scope.tenant().clone())))
    }

    /// Top-level modules of packages with known vulnerabilities, of every runtime.
    ///
    /// # Errors
    /// Those of the sandbox.
    pub async fn vulnerable_modules(&self) -> Result<Vec<RuntimeModule>> {
        let runtimes = self.ports.runtimes.runtimes().await?;
        if let Some((name, problem)) = runtimes.iter().find_map(|runtime| Some((&runtime.name, runtime.problem.as_ref()?))) {
            return Err(sandbox::Error::Unavailable(format!("the packages of runtime `{name}` are not known: {problem}").into()).into());
        }
        let mut found = Vec::new();
        for runtime in runtimes {
            let modules = runtime.packages.iter().flat_map(Package::vulnerable_modules);
            found.extend(modules.map(|module| RuntimeModule { runtime: runtime.name.clone(), module: module.clone() }));
        }
        Ok(found)
    }

    /// What of `imports` comes from packages of the runtime with known vulnerabilities; `None` while it is not known what it holds.
    pub fn vulnerable_imports(&self, runtime: &RuntimeId, imports: &[String]) -> Option<Vec<VulnerableImport>> {
        Some(VulnerableImport::among(imports, &self.ports.runtimes.packages_of(runtime, imports)?))
    }

    /// That this server does not have the runtime, as a violation of `field`: then there is nothing to check code against.
    pub fn unknown_runtime(&self, field: &str, runtime: &RuntimeId) -> Option<Violation> {
        let known = self.ports.runtimes.names();
        if known.iter().any(|name| name == runtime) {
            return None;
        }
        let listed: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        let text = format!("there is no runtime `{runtime}`; this server has {}", listed.join(", "));
        Some(Violation::new(field, "RUNTIME_UNKNOWN", text))
    }

    /// Static checks for a runtime under the tenant's policy, with its exceptions for `utility`.
    ///
    /// # Errors
    /// Those of the checker and the store; findings are the answer.
    pub async fn check(
        &self,
        scope: &TenantScope,
        utility: Option<&UtilityId>,
        source: Vec<u8>,
        kind: Option<Kind>,
        runtime: &RuntimeId,
    ) -> Result<CodeReport> {
        let policy = self.policy(scope).await?;
        let mut report = self.ports.checker.check(&policy, runtime, source).await?;
        if let Some(utility) = utility {
            policy.excuse(utility, &mut report, self.ports.clock.now());
        }
        if let Some(mismatch) = kind_mismatch(kind, &report) {
            report.findings.insert(0, mismatch);
        }
        Ok(report)
    }

    /// Everything that stands before a version is stored. Adds a violation for each blocking finding; `None` when there is one.
    ///
    /// # Errors
    /// Those of the checker and the store, and of admission.
    pub async fn pass(
        &self,
        scope: &TenantScope,
        utility: Option<&UtilityId>,
        source: &[u8],
        kind: Option<Kind>,
        runtime: &RuntimeId,
        violations: &mut Vec<Violation>,
    ) -> Result<Option<Passed>> {
        if let Some(unknown) = self.unknown_runtime(RUNTIME_FIELD, runtime) {
            // A name that cannot be one was reported already.
            if !violations.iter().any(|violation| violation.field == RUNTIME_FIELD) {
                violations.push(unknown);
            }
            return Ok(None);
        }
        let settings = self.ports.tenants.settings(scope.tenant()).await?;
        if !settings.allows(runtime) {
            violations.push(Violation::new(RUNTIME_FIELD, "RUNTIME_NOT_ALLOWED", settings.not_allowed(runtime)));
            return Ok(None);
        }
        let scanned_for = self.ports.runtimes.digest(runtime);
        let mut report = self.check(scope, utility, source.to_vec(), kind, runtime).await?;
        if !report.accepted() {
            violations.extend(errors(&report).map(violation));
            return Ok(None);
        }
        let code = match Code::parse("utility.code", source.to_vec()) {
            Ok(code) => code,
            Err(violation) => {
                violations.push(violation);
                return Ok(None);
            }
        };
        let compiled_on = match self.compile(scope.tenant(), runtime, &code).await? {
            Ok(Verdict::Compiles { digest }) => Some(digest),
            Ok(Verdict::Refused { line, column, message }) => {
                let text = format!("line {line}, column {column}: the runtime's compiler says: {message}");
                violations.push(Violation::new("utility.code", COMPILE_RULE, text));
                return Ok(None);
            }
            Err(_) => None,
        };
        // The scan did not know the runtime yet, or another one; the compiler has made it known.
        if compiled_on.is_some() && compiled_on.as_deref() != scanned_for.as_deref() {
            report = self.check(scope, utility, source.to_vec(), kind, runtime).await?;
            if !report.accepted() {
                violations.extend(errors(&report).map(violation));
                return Ok(None);
            }
        }
        Ok(Some(Passed { code, report, compiled_on }))
    }

    /// Whether a version was judged for its runtime as it is installed now.
    pub fn is_compiled(&self, version: &Version) -> bool {
        let present = self.ports.runtimes.digest(&version.definition.runtime);
        present.is_some() && version.compiled_on.as_deref() == present.as_deref()
    }

    /// Refuses to execute a version that was not judged for its runtime as it is installed now; tries to have that done first,
    /// under the present policy of its tenant, and on the account of the tenant that wants to run it.
    ///
    /// # Errors
    /// [`Error::Precondition`] when the compiler or the scan refuses it; those of the sandbox when the compiler cannot be asked.
    pub async fn require_compiled(
        &self,
        (scope, account): (&TenantScope, &TenantScope),
        utilities: &dyn UtilityRepository,
        name: &VersionName,
        version: &Version,
    ) -> Result<()> {
        let runtime = &version.definition.runtime;
        if self.is_compiled(version) {
            return Ok(());
        }
        // First the compiler: once it has answered, the scan knows the runtime, too, and refuses nothing for want of that.
        let digest = match self.compile(account.tenant(), runtime, &version.code).await?? {
            Verdict::Compiles { digest } => digest,
            Verdict::Refused { line, column, message } => {
                return Err(Error::Precondition {
                    reason: "CODE_DOES_NOT_COMPILE",
                    subject: name.to_string(),
                    description: format!("{name} does not compile on the runtime {runtime}: line {line}, column {column}: {message}"),
                });
            }
        };
        let report = self.check(scope, Some(&name.utility.utility), version.code.text().as_bytes().to_vec(), None, runtime).await?;
        if !report.accepted() {
            return Err(match scope.tenant() == account.tenant() {
                true => refused_now(name, runtime, &report),
                false => refused_at_home(name, runtime),
            });
        }
        utilities.mark_compiled(scope, &name.utility.utility, version.number, &digest).await
    }

    /// Refuses to execute another tenant's version, which that shares, where the policy of the tenant that would run it refuses its code.
    ///
    /// # Errors
    /// [`Error::Precondition`] when it does.
    pub async fn require_admitted(&self, scope: &TenantScope, name: &VersionName, version: &Version) -> Result<()> {
        let runtime = &version.definition.runtime;
        let report = self.check(scope, None, version.code.text().as_bytes().to_vec(), None, runtime).await?;
        if report.accepted() { Ok(()) } else { Err(refused_now(name, runtime, &report)) }
    }

    /// Compiles in a sandbox of the tenant when its turn has come. What the sandbox answers is the inner result.
    async fn compile(&self, tenant: &TenantId, runtime: &RuntimeId, code: &Code) -> Result<Result<Verdict, sandbox::Error>> {
        let most = self.ports.tenants.settings(tenant).await?.quota.running;
        let _turn = self.ports.admission.turn(tenant, most, self.ports.clock.as_ref(), COMPILE_PATIENCE).await?;
        Ok(self.ports.compiler.compile(tenant, runtime, code).await)
    }
}

fn errors(report: &CodeReport) -> impl Iterator<Item = &Finding> {
    report.findings.iter().filter(|finding| finding.severity == Severity::Error)
}

/// A stored version that the scan refuses for the runtime and under the policy of today.
fn refused_now(name: &VersionName, runtime: &RuntimeId, report: &CodeReport) -> Error {
    let said =
        |finding: &Finding| format!("line {}, column {}: {}: {}", finding.span.line, finding.span.column, finding.rule, finding.message);
    let mut found: Vec<String> = errors(report).take(MOST_NAMED).map(said).collect();
    let more = errors(report).count() - found.len();
    if more > 0 {
        found.push(format!("and {more} more"));
    }
    Error::Precondition {
        reason: "CODE_REFUSED",
        subject: name.to_string(),
        description: format!("{name} is refused on the runtime {runtime}: {}", found.join("; ")),
    }
}

/// As [`refused_now`], told to another tenant, with which the version is shared: what the policy refuses is the sharing tenant's to know.
fn refused_at_home(name: &VersionName, runtime: &RuntimeId) -> Error {
    Error::Precondition {
        reason: "CODE_REFUSED",
        subject: name.to_string(),
        description: format!("{name} is refused on the runtime {runtime} by the code policy of the tenant that shares it; ask there"),
    }
}

fn violation(finding: &Finding) -> Violation {
    if finding.rule == KIND_RULE {
        return Violation::new("utility.kind", "KIND_MISMATCH", format!("{}; {}", finding.message, finding.suggestion));
    }
    let text = format!("line {}, column {}: {}. {}", finding.span.line, finding.span.column, finding.message, finding.suggestion);
    Violation::new("utility.code", finding.rule, text)
}

/// Code of another kind than its author says, as a finding about the whole text; nothing while the code is refused anyway.
fn kind_mismatch(declared: Option<Kind>, report: &CodeReport) -> Option<Finding> {
    let (declared, seen) = (declared?, report.kind?);
    (declared != seen && report.accepted()).then(|| Finding {
        rule: KIND_RULE,
        family: Family::Quality,
        severity: Severity::Error,
        span: Span { line: 0, column: 0, end_line: 0, end_column: 0 },
        message: format!("the code is a {}, not a {}", seen.as_str(), declared.as_str()),
        suggestion: "a transformer defines `transform(value, ...)`, a script does not".to_owned(),
    })
}
