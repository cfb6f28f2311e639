//! A tenant's code policy: which imports its utilities may use, which rules it takes more seriously, and the exceptions that an
//! administrator has granted.

use crate::access::{Resource, Target};
use crate::code::{CodeReport, Family, Finding, KIND_RULE, Severity};
use crate::error::Error;
use crate::name::{PrincipalName, TenantId, UtilityId};
use crate::revision::{Etag, Revision};
use crate::sandbox::Isolation;
use crate::time::Timestamp;
use crate::violation::Violation;

/// Highest number of module names in each list.
pub const MAX_MODULES: usize = 500;
/// Highest number of rule ids.
pub const MAX_RULES: usize = 200;
/// Highest number of exceptions, expired ones included.
pub const MAX_EXCEPTIONS: usize = 1_000;
/// Longest reason of an exception in characters.
pub const MAX_REASON: usize = 500;
/// Longest module name or rule id in characters.
const MAX_NAME: usize = 200;

/// What of the modules that are refused is open all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    /// Nothing.
    #[default]
    Strict,
    /// Members that existing scripts use and that lead nowhere, and files below the private `/tmp`.
    Compatible,
}

/// The policy of one tenant. A tenant without a stored one has the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodePolicy {
    /// Whose it is.
    pub tenant: TenantId,
    /// What of the refused modules is open.
    pub preset: Preset,
    /// When given, only these of the reviewed modules may be imported.
    pub only_modules: Option<Vec<String>>,
    /// Modules that may be imported beside the reviewed ones.
    pub extra_modules: Vec<String>,
    /// Rules whose warnings block.
    pub denied_rules: Vec<String>,
    /// Rules that are allowed for one utility each.
    pub exceptions: Vec<RuleException>,
    /// The weakest isolation that executions of this tenant may have.
    pub minimum_isolation: Isolation,
    /// Whether every execution of this tenant gets a process that was forked for it alone.
    pub fresh_processes: bool,
    /// Grows by one with each change; 0 is the default that was never stored.
    pub revision: Revision,
    /// When it last changed.
    pub updated: Timestamp,
}

/// A rule that is allowed for one utility, for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleException {
    /// The utility; it need not exist yet.
    pub utility: UtilityId,
    /// Rule id.
    pub rule: String,
    /// Why, for auditors.
    pub reason: String,
    /// From when on the rule holds again.
    pub expires: Timestamp,
    /// Who granted it.
    pub granted_by: PrincipalName,
}

impl CodePolicy {
    /// The policy of a tenant that has stored none.
    pub fn default_of(tenant: TenantId) -> Self {
        CodePolicy {
            tenant,
            preset: Preset::Strict,
            only_modules: None,
            extra_modules: Vec::new(),
            denied_rules: Vec::new(),
            exceptions: Vec::new(),
            minimum_isolation: Isolation::TenantWarm,
            fresh_processes: false,
            revision: Revision::NONE,
            updated: Timestamp::default(),
        }
    }

    /// Resource name: `tenants/{tenant}/codePolicy`.
    pub fn name(&self) -> String {
        format!("tenants/{}/codePolicy", self.tenant)
    }

    /// The opaque mark of this revision.
    pub fn etag(&self) -> Etag {
        Etag::new(format!("\"p{}\"", self.revision))
    }

    /// Refuses a change that was made against another revision; an empty etag matches all.
    ///
    /// # Errors
    /// [`Error::Stale`].
    pub fn check_etag(&self, etag: &Etag) -> Result<(), Error> {
        if etag.admits(&self.etag()) { Ok(()) } else { Err(Error::Stale { resource: self.name() }) }
    }

    /// Every rule that the policy itself breaks; `prefix` is its path in the request.
    pub fn violations(&self, prefix: &str, now: Timestamp) -> Vec<Violation> {
        let mut found = self.list_violations(prefix);
        for (index, exception) in self.exceptions.iter().enumerate() {
            let at = |leaf: &str| format!("{prefix}.exceptions[{index}].{leaf}");
            check_exception(at, &exception.rule, &exception.reason, exception.expires, now, &mut found);
        }
        found
    }

    /// Those of its lists, without a look into the exceptions.
    pub(super) fn list_violations(&self, prefix: &str) -> Vec<Violation> {
        let mut found = Vec::new();
        let names = |field: &str, list: &[String], limit: usize, found: &mut Vec<Violation>| {
            if list.len() > limit {
                found.push(Violation::new(format!("{prefix}.{field}"), "TOO_MANY", format!("{}; the limit is {limit}", list.len())));
            }
            for (index, name) in list.iter().enumerate() {
                let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
                if name.is_empty() || name.chars().count() > MAX_NAME || !name.chars().all(fits) {
                    let rule = format!("must have 1 to {MAX_NAME} letters, digits, `_`, `.` or `-`");
                    found.push(Violation::new(format!("{prefix}.{field}[{index}]"), "MALFORMED", rule));
                }
            }
        };
        names("only_modules", self.only_modules.as_deref().unwrap_or_default(), MAX_MODULES, &mut found);
        names("extra_modules", &self.extra_modules, MAX_MODULES, &mut found);
        names("denied_rules", &self.denied_rules, MAX_RULES, &mut found);
        if self.exceptions.len() > MAX_EXCEPTIONS {
            let text = format!("{}; the limit is {MAX_EXCEPTIONS}", self.exceptions.len());
            found.push(Violation::new(format!("{prefix}.exceptions"), "TOO_MANY", text));
        }
        found
    }

    /// Turns findings that an exception covers into warnings, and says so in them. An exception from a rule that cannot be
    /// excepted covers nothing, however it came to be stored.
    pub fn excuse(&self, utility: &UtilityId, report: &mut CodeReport, now: Timestamp) {
        let in_force = |rule: &str| {
            self.exceptions.iter().find(|exception| exception.utility == *utility && exception.rule == rule && exception.expires > now)
        };
        let excusable = |finding: &&mut Finding| finding.severity == Severity::Error && is_exceptable(finding.rule, finding.family);
        for finding in report.findings.iter_mut().filter(excusable) {
            if let Some(exception) = in_force(finding.rule) {
                finding.severity = Severity::Warning;
                finding.message = format!("{} (allowed by {}: {})", finding.message, exception.granted_by, exception.reason);
            }
        }
    }
}

/// What is wrong with an exception but for the utility that it names; `at` gives the path of one of its fields.
pub(super) fn check_exception(
    at: impl Fn(&str) -> String,
    rule: &str,
    reason: &str,
    expires: Timestamp,
    now: Timestamp,
    found: &mut Vec<Violation>,
) {
    if rule.is_empty() || rule.chars().count() > MAX_NAME {
        found.push(Violation::new(at("rule"), "MALFORMED", "must be a rule id, e.g. `ZPY-IMPORT-001`"));
    }
    let length = reason.trim().chars().count();
    if length == 0 || length > MAX_REASON {
        found.push(Violation::new(at("reason"), "MALFORMED", format!("must say why, in 1 to {MAX_REASON} characters")));
    }
    if expires == Timestamp::default() {
        found.push(Violation::new(at("expire_time"), "MISSING", "an exception has an end"));
    } else if expires <= now {
        found.push(Violation::new(at("expire_time"), "OUT_OF_RANGE", "lies in the past"));
    }
}

/// Whether a utility can be excepted from a rule. Code that breaks one of the families here is looked at no further, or not as what
/// runs: an exception would let through all that was not looked at. Its kind is what the version is stored as.
pub fn is_exceptable(rule: &str, family: Family) -> bool {
    rule != KIND_RULE && !matches!(family, Family::Encoding | Family::Limits | Family::Syntax)
}

/// What is wrong with the rule ids of a policy: a slip of the pen would do nothing, silently. `prefix` is the policy's path in the
/// request, `family` tells the family of a rule that exists. Empty ids are left to [`CodePolicy::violations`].
pub fn rule_violations<'a>(
    prefix: &str,
    denied: impl Iterator<Item = &'a String>,
    excepted: impl Iterator<Item = &'a String>,
    family: impl Fn(&str) -> Option<Family>,
) -> Vec<Violation> {
    let denied = denied.enumerate().map(|(index, rule)| (format!("{prefix}.denied_rules[{index}]"), rule, false));
    let excepted = excepted.enumerate().map(|(index, rule)| (format!("{prefix}.exceptions[{index}].rule"), rule, true));
    let wrong = |(field, rule, excepts): (String, &String, bool)| match family(rule) {
        None => Some(Violation::new(field, "UNKNOWN_RULE", format!("there is no rule `{rule}`; see docs/rules"))),
        Some(family) if excepts && !is_exceptable(rule, family) => {
            let text = format!("`{rule}` cannot be excepted: it decides whether the code can be looked at and stored at all");
            Some(Violation::new(field, "NOT_EXCEPTABLE", text))
        }
        Some(_) => None,
    };
    denied.chain(excepted).filter(|(_, rule, _)| !rule.is_empty()).filter_map(wrong).collect()
}

impl Resource for CodePolicy {
    fn owner(&self) -> Option<&PrincipalName> {
        None
    }

    fn lies_in(&self, target: Target<'_>) -> bool {
        matches!(target, Target::CodePolicy(tenant) | Target::Tenant(tenant) if *tenant == self.tenant)
    }
}

#[cfg(test)]
mod tests;
