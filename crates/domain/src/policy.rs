//! A tenant's code policy: which imports its utilities may use, which rules it takes more seriously, and the exceptions that an
//! administrator has granted.

use crate::error::{Error, Violation};
use crate::finding::{CodeReport, Severity};
use crate::name::{PrincipalName, TenantId, UtilityId};
use crate::time::Timestamp;
use crate::utility::Isolation;

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

/// The policy of one tenant. A tenant without a stored one has the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodePolicy {
    /// Whose it is.
    pub tenant: TenantId,
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
    /// Grows by one with each change; 0 is the default that was never stored.
    pub revision: u64,
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
            only_modules: None,
            extra_modules: Vec::new(),
            denied_rules: Vec::new(),
            exceptions: Vec::new(),
            minimum_isolation: Isolation::TenantWarm,
            revision: 0,
            updated: Timestamp::default(),
        }
    }

    /// Resource name: `tenants/{tenant}/codePolicy`.
    pub fn name(&self) -> String {
        format!("tenants/{}/codePolicy", self.tenant)
    }

    /// The opaque mark of this revision.
    pub fn etag(&self) -> String {
        format!("\"p{}\"", self.revision)
    }

    /// Refuses a change that was made against another revision; an empty etag matches all.
    ///
    /// # Errors
    /// [`Error::Stale`].
    pub fn check_etag(&self, etag: &str) -> Result<(), Error> {
        if etag.is_empty() || etag == self.etag() { Ok(()) } else { Err(Error::Stale { resource: self.name() }) }
    }

    /// Every rule that the policy itself breaks; `prefix` is its path in the request.
    pub fn violations(&self, prefix: &str, now: Timestamp) -> Vec<Violation> {
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
        for (index, exception) in self.exceptions.iter().enumerate() {
            let at = |leaf: &str| format!("{prefix}.exceptions[{index}].{leaf}");
            if exception.rule.is_empty() || exception.rule.chars().count() > MAX_NAME {
                found.push(Violation::new(at("rule"), "MALFORMED", "must be a rule id, e.g. `ZPY-IMPORT-001`"));
            }
            let length = exception.reason.trim().chars().count();
            if length == 0 || length > MAX_REASON {
                found.push(Violation::new(at("reason"), "MALFORMED", format!("must say why, in 1 to {MAX_REASON} characters")));
            }
            if exception.expires == Timestamp::default() {
                found.push(Violation::new(at("expire_time"), "MISSING", "an exception has an end"));
            } else if exception.expires <= now {
                found.push(Violation::new(at("expire_time"), "OUT_OF_RANGE", "lies in the past"));
            }
        }
        found
    }

    /// Turns findings that an exception covers into warnings, and says so in them.
    pub fn excuse(&self, utility: &UtilityId, report: &mut CodeReport, now: Timestamp) {
        let in_force = |rule: &str| {
            self.exceptions.iter().find(|exception| exception.utility == *utility && exception.rule == rule && exception.expires > now)
        };
        for finding in report.findings.iter_mut().filter(|finding| finding.severity == Severity::Error) {
            if let Some(exception) = in_force(finding.rule) {
                finding.severity = Severity::Warning;
                finding.message = format!("{} (allowed by {}: {})", finding.message, exception.granted_by, exception.reason);
            }
        }
    }
}

#[cfg(test)]
mod tests;
