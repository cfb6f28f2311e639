//! The domain's checker port on python-check: under the tenant's policy, for the runtime that the code is for, on a thread
//! of its own, as many at once as there are cores.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::code::{CodeReport, Family};
use domain::code_policy::{CodeChecker, CodePolicy};
use domain::name::{RuntimeId, TenantId};
use domain::revision::Revision;
use domain::{Error, Result};
use python_check::{CheckPolicy, CheckedRuntime, Checker, Package, RuntimeInterface};
use sandbox::{RuntimeFacts, Sandboxes};
use tokio::sync::Semaphore;

/// How long a check waits for the facts about the runtime; without them the newest Python without packages is assumed. Code that is
/// stored on such a check is checked again before it executes.
const FACTS_PATIENCE: Duration = Duration::from_secs(2);
/// Checkers that are kept: as many policies as are in use at once.
const MAX_KEPT: usize = 64;

/// Checks off the threads that serve.
pub(crate) struct BlockingChecker {
    sandboxes: Sandboxes,
    kept: Mutex<HashMap<Key, Arc<Checker>>>,
    turns: Arc<Semaphore>,
}

/// What a checker depends on. Every policy that was never stored is the same: the default.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    stored: Option<(TenantId, Revision)>,
    digest: String,
}

impl BlockingChecker {
    pub(crate) fn new(sandboxes: Sandboxes) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        BlockingChecker { sandboxes, kept: Mutex::default(), turns: Arc::new(Semaphore::new(cores)) }
    }

    async fn facts(&self, runtime: &str) -> Option<Arc<RuntimeFacts>> {
        if let Some(known) = self.sandboxes.known_runtime(runtime) {
            return Some(known);
        }
        let unknown = match tokio::time::timeout(FACTS_PATIENCE, self.sandboxes.runtime(runtime)).await {
            Ok(Ok(facts)) => return Some(facts),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no sandbox told within {} s", FACTS_PATIENCE.as_secs()),
        };
        tracing::info!(runtime, unknown, "code is checked for the newest Python, and again before it executes");
        None
    }

    fn checker(&self, policy: &CodePolicy, facts: Option<&RuntimeFacts>) -> Arc<Checker> {
        let stored = (policy.revision > Revision::NONE).then(|| (policy.tenant.clone(), policy.revision));
        let key = Key { stored, digest: facts.map(|facts| facts.digest.clone()).unwrap_or_default() };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(checker) = kept.get(&key) {
            return Arc::clone(checker);
        }
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        let checker = Arc::new(Checker::new(checked_policy(policy, facts)));
        kept.insert(key, Arc::clone(&checker));
        checker
    }
}

#[async_trait]
impl CodeChecker for BlockingChecker {
    async fn check(&self, policy: &CodePolicy, runtime: &RuntimeId, source: Vec<u8>) -> Result<CodeReport> {
        let facts = self.facts(runtime).await;
        let checker = self.checker(policy, facts.as_deref());
        in_turn(&self.turns, move || checker.check(&source)).await
    }

    fn family(&self, rule: &str) -> Option<Family> {
        python_check::rule::family(rule)
    }
}

/// Does `work` when it is its turn. That lasts as long as the work, whether or not the call that asked for it still waits: no thread of a
/// call that was given up runs beside those that have a turn.
async fn in_turn<T: Send + 'static>(turns: &Arc<Semaphore>, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let turn = Arc::clone(turns).acquire_owned().await.expect("nobody closes the semaphore");
    let held = move || {
        let _turn = turn;
        work()
    };
    tokio::task::spawn_blocking(held).await.map_err(|error| Error::internal("checking code", error))
}

/// What the scan is to know of a runtime.
pub(crate) fn checked_runtime(facts: &RuntimeFacts) -> CheckedRuntime {
    let packages = facts.packages.iter().filter(|package| !package.modules.is_empty()).map(|package| Package {
        name: package.name.clone(),
        version: package.version.clone(),
        modules: package.modules.clone(),
    });
    let default = CheckedRuntime::default();
    // The sandboxes refuse a runtime whose interface cannot be read; what it says of the standard library is committed, too.
    let interface = facts.interface.as_deref().and_then(|text| RuntimeInterface::parse(text).ok()).map(Arc::new);
    CheckedRuntime { python: python_version(&facts.python_version).unwrap_or(default.python), packages: packages.collect(), interface }
}

/// Exceptions are not among it: the domain turns their findings into warnings, which stay visible.
fn checked_policy(policy: &CodePolicy, facts: Option<&RuntimeFacts>) -> CheckPolicy {
    CheckPolicy {
        runtime: facts.map(checked_runtime).unwrap_or_default(),
        preset: policy.preset,
        only_modules: policy.only_modules.clone(),
        extra_modules: policy.extra_modules.clone(),
        denied_rules: policy.denied_rules.clone(),
        ..CheckPolicy::default()
    }
}

/// Major and minor of `3.11.2`.
pub(crate) fn python_version(text: &str) -> Option<(u8, u8)> {
    let mut parts = text.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use domain::code_policy::RuleException;
    use domain::time::Timestamp;

    use super::*;

    fn facts(python_version: &str) -> RuntimeFacts {
        let layout = sandbox::Layout { python: String::new(), read_only: Vec::new(), links: Vec::new(), packages: Vec::new() };
        let package = |name: &str, modules: &[&str]| sandbox::Package {
            name: name.to_owned(),
            version: "1.0".to_owned(),
            modules: modules.iter().map(|module| (*module).to_owned()).collect(),
            hashes: Vec::new(),
        };
        let packages = vec![package("acme-tools", &["acme_tools"]), package("libc6", &[])];
        let (version, lock) = (String::new(), String::new());
        RuntimeFacts {
            layout,
            python_version: python_version.to_owned(),
            digest: "d".to_owned(),
            packages,
            version,
            lock,
            preload: Vec::new(),
            interface: None,
        }
    }

    fn rules(policy: &CodePolicy, facts: &RuntimeFacts, source: &str) -> Vec<&'static str> {
        let report = Checker::new(checked_policy(policy, Some(facts))).check(source.as_bytes());
        report.findings.iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn findings_fit_the_runtime_and_the_policy() {
        let policy = CodePolicy::default_of(TenantId::parse("tenant", "acme").unwrap());
        let newer = "def transform(value):\n    return f\"{\"x\"}\"\n";
        assert_eq!(rules(&policy, &facts("3.11.2"), newer), ["ZPY-SYNTAX-003"]);
        assert!(rules(&policy, &facts("3.12.1"), newer).is_empty());

        let imports = "import acme_tools\n\n\ndef transform(value):\n    return acme_tools.clean(value)\n";
        assert!(rules(&policy, &facts("3.11.2"), imports).is_empty(), "a package of the runtime");
        let narrow = CodePolicy { only_modules: Some(vec!["json".to_owned()]), ..policy.clone() };
        assert!(!rules(&narrow, &facts("3.11.2"), imports).is_empty());
        let other = imports.replace("acme_tools", "other_tools");
        assert!(!rules(&policy, &facts("3.11.2"), &other).is_empty());
        let text = "python 3.11\nstdlib json\nbuiltins len\nacme_tools + tidy\n";
        let described = RuntimeFacts { interface: Some(text.into()), ..facts("3.11.2") };
        assert_eq!(rules(&policy, &described, imports), ["ZPY-API-001"], "`clean` is not in the interface of the runtime");
        let wide = CodePolicy { extra_modules: vec!["other_tools".to_owned()], ..policy };
        assert!(rules(&wide, &facts("3.11.2"), &other).is_empty());
    }

    #[tokio::test]
    async fn a_call_that_is_dropped_keeps_its_turn_until_its_work_has_ended() {
        let turns = Arc::new(Semaphore::new(1));
        let (began, begins) = tokio::sync::oneshot::channel();
        let (end, ends) = std::sync::mpsc::channel::<()>();
        let shared = Arc::clone(&turns);
        let call = tokio::spawn(async move {
            let work = move || {
                began.send(()).unwrap();
                ends.recv().unwrap();
            };
            in_turn(&shared, work).await
        });
        begins.await.unwrap();
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        assert_eq!(turns.available_permits(), 0, "its thread goes on");
        end.send(()).unwrap();
        assert_eq!(in_turn(&turns, || 1).await.unwrap(), 1);
    }

    /// Nothing of the code is looked at behind such nesting.
    #[test]
    fn an_exception_from_a_limit_that_ends_the_scan_accepts_no_code() {
        let utility = domain::name::UtilityId::parse("utility", "esc").unwrap();
        let (granted_by, expires) =
            (domain::name::PrincipalName::parse("by", "tenants/acme/users/ada").unwrap(), Timestamp::from_millis(2));
        let code = format!("import os\nf = {}1\ndef transform(value):\n    return os.getcwd()\n", "lambda: ".repeat(300));
        let mut policy = CodePolicy::default_of(TenantId::parse("tenant", "acme").unwrap());
        let mut report = Checker::new(checked_policy(&policy, None)).check(code.as_bytes());
        policy.exceptions = report
            .findings
            .iter()
            .map(|finding| RuleException {
                utility: utility.clone(),
                rule: finding.rule.to_owned(),
                reason: "reviewed".to_owned(),
                expires,
                granted_by: granted_by.clone(),
            })
            .collect();
        policy.excuse(&utility, &mut report, Timestamp::from_millis(1));
        assert!(!report.accepted(), "{report:#?}");
    }
}
