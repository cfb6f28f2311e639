//! A tenant's code policy from a file, for checks without a server: what `zona policy show -o yaml` or `-o json` prints, or the
//! parts of it that somebody writes by hand. What it means is the domain's and python-check's business.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::ValueEnum as _;
use cli::command::Preset;
use cli::input::read;
use cli::{Failure, Result};
use domain::code::CodeReport;
use domain::code_policy::{self, CodePolicy, RuleException, rule_violations};
use domain::name::{CodePolicyName, PrincipalName, TenantId, UtilityId};
use domain::revision::Revision;
use domain::sandbox::Isolation;
use domain::time::Timestamp;
use python_check::{CheckPolicy, rule};
use serde::Deserialize;

use crate::refusal::refused;

/// The tenant of a policy that names none; it shows nowhere.
const NO_TENANT: &str = "local";
/// Who granted an exception that does not say so.
const NOBODY: &str = "tenants/local/users/local";

/// A policy as it is printed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "members of a policy such as `extra_modules: [acme_tools]`")]
struct PolicyFile {
    name: Option<String>,
    preset: Option<String>,
    #[serde(default)]
    only_modules: Vec<String>,
    #[serde(default)]
    extra_modules: Vec<String>,
    #[serde(default)]
    denied_rules: Vec<String>,
    #[serde(default)]
    exceptions: Vec<ExceptionFile>,
    // Of executions and of the store, and printed all the same.
    #[serde(default, rename = "minimum_isolation")]
    _minimum_isolation: Option<String>,
    #[serde(default, rename = "fresh_processes")]
    _fresh_processes: Option<bool>,
    #[serde(default, rename = "etag")]
    _etag: Option<String>,
    #[serde(default, rename = "update_time")]
    _update_time: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an exception: `utility`, `rule`, `reason` and `expire_time`")]
struct ExceptionFile {
    utility: String,
    rule: String,
    reason: String,
    expire_time: String,
    granted_by: Option<String>,
}

/// Reads a policy, less the exceptions that have ended.
///
/// # Errors
/// When the file cannot be read, is no policy, or names rules that do not exist or cannot be excepted.
pub fn load(path: &Path) -> Result<CodePolicy> {
    let bytes = read(path)?;
    let now = now();
    // JSON is YAML, too.
    let file: PolicyFile = serde_yaml_ng::from_slice(&bytes).map_err(|error| {
        Failure::usage(format!("{} is not a code policy: {error}", path.display())).hint("`zona policy show -o yaml` prints one")
    })?;
    let policy = file.policy(now)?;
    let excepted = policy.exceptions.iter().map(|exception| &exception.rule);
    let mut violations = rule_violations("policy", policy.denied_rules.iter(), excepted, rule::family);
    violations.extend(policy.violations("policy", now));
    if violations.is_empty() { Ok(policy) } else { Err(refused(domain::Error::Invalid(violations))) }
}

/// Puts what `policy` says of modules and rules into `checked`.
pub fn apply(policy: &CodePolicy, checked: &mut CheckPolicy) {
    checked.preset = policy.preset;
    checked.only_modules.clone_from(&policy.only_modules);
    checked.extra_modules.clone_from(&policy.extra_modules);
    checked.denied_rules.clone_from(&policy.denied_rules);
}

/// Turns what the exceptions of `utility` cover into warnings.
pub fn excuse(policy: &CodePolicy, utility: &UtilityId, report: &mut CodeReport) {
    policy.excuse(utility, report, now());
}

impl PolicyFile {
    fn policy(self, now: Timestamp) -> Result<CodePolicy> {
        let tenant = match &self.name {
            Some(name) => CodePolicyName::parse("name", name).map_err(refused)?.tenant,
            None => TenantId::parse("name", NO_TENANT).map_err(refused)?,
        };
        let mut exceptions = Vec::new();
        for (index, exception) in self.exceptions.into_iter().enumerate() {
            exceptions.push(exception.exception(&format!("exceptions[{index}]"))?);
        }
        let preset = self.preset.as_deref().map(|name| Preset::from_str(name, true));
        let preset = preset.transpose().map_err(|_| Failure::usage("preset: must be STRICT or COMPATIBLE"))?;
        exceptions.retain(|exception| exception.expires > now);
        Ok(CodePolicy {
            tenant,
            preset: preset.map(domain_preset).unwrap_or_default(),
            only_modules: Some(self.only_modules).filter(|only| !only.is_empty()),
            extra_modules: self.extra_modules,
            denied_rules: self.denied_rules,
            exceptions,
            minimum_isolation: Isolation::TenantWarm,
            fresh_processes: false,
            revision: Revision::NONE,
            updated: Timestamp::default(),
        })
    }
}

impl ExceptionFile {
    fn exception(self, at: &str) -> Result<RuleException> {
        let expires = humantime::parse_rfc3339(&self.expire_time)
            .map_err(|error| Failure::usage(format!("{at}.expire_time: {error}")).hint("a time is written 2030-01-31T12:00:00Z"))?;
        Ok(RuleException {
            utility: UtilityId::parse(&format!("{at}.utility"), &self.utility).map_err(refused)?,
            rule: self.rule,
            reason: self.reason,
            expires: timestamp(expires),
            granted_by: PrincipalName::parse(&format!("{at}.granted_by"), self.granted_by.as_deref().unwrap_or(NOBODY)).map_err(refused)?,
        })
    }
}

/// The preset that a flag or a file names.
pub fn domain_preset(preset: Preset) -> code_policy::Preset {
    match preset {
        Preset::Strict => code_policy::Preset::Strict,
        Preset::Compatible => code_policy::Preset::Compatible,
    }
}

fn now() -> Timestamp {
    timestamp(SystemTime::now())
}

fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
