//! Use cases of code policies.

use std::sync::Arc;

use crate::access::Permit;
use crate::audit::FieldChange;
use crate::code_policy::entity::check_exception;
use crate::code_policy::{CodeChecker, CodePolicy, CodePolicyRepository, Preset, RuleException, actions, policy_in_force, rule_violations};
use crate::error::{Error, Result};
use crate::name::UtilityId;
use crate::revision::Etag;
use crate::sandbox::Isolation;
use crate::time::{Clock, Timestamp};
use crate::violation::Violation;

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct CodePolicies {
    repository: Arc<dyn CodePolicyRepository>,
    checker: Arc<dyn CodeChecker>,
    clock: Arc<dyn Clock>,
}

/// Parts of a policy to change; `None` leaves a part as it is.
#[derive(Debug, Clone, Default)]
pub struct PolicyPatch {
    /// New preset.
    pub preset: Option<Preset>,
    /// `Some(None)` allows all reviewed modules again.
    pub only_modules: Option<Option<Vec<String>>>,
    /// New extra modules.
    pub extra_modules: Option<Vec<String>>,
    /// New denied rules.
    pub denied_rules: Option<Vec<String>>,
    /// New exceptions; those that stand unchanged keep who granted them.
    pub exceptions: Option<Vec<ExceptionDraft>>,
    /// New weakest isolation.
    pub minimum_isolation: Option<Isolation>,
    /// Whether executions get fresh processes from now on.
    pub fresh_processes: Option<bool>,
    /// What is wrong with the request already.
    pub violations: Vec<Violation>,
}

/// An exception as asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExceptionDraft {
    /// The utility; `None` where what was given is no id, which is among the violations of the patch.
    pub utility: Option<UtilityId>,
    /// Rule id.
    pub rule: String,
    /// Why.
    pub reason: String,
    /// Its end.
    pub expires: Timestamp,
}

impl CodePolicies {
    /// Wires the use cases to their ports.
    pub fn new(repository: Arc<dyn CodePolicyRepository>, checker: Arc<dyn CodeChecker>, clock: Arc<dyn Clock>) -> Self {
        CodePolicies { repository, checker, clock }
    }

    /// The policy in force; the default when none was stored.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn get(&self, permit: &Permit<actions::GetCodePolicy>) -> Result<CodePolicy> {
        permit.open(policy_in_force(self.repository.as_ref(), &permit.scope()).await?, permit.target())
    }

    /// Changes parts of the policy. Exceptions that have ended are dropped with the next change.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every violation; [`Error::Stale`].
    pub async fn update(&self, permit: &Permit<actions::UpdateCodePolicy>, patch: PolicyPatch, etag: &Etag) -> Result<CodePolicy> {
        let scope = permit.scope();
        let now = self.clock.now();
        let old = permit.open(policy_in_force(self.repository.as_ref(), &scope).await?, permit.target())?;
        old.check_etag(etag)?;
        let mut violations = patch.violations.clone();
        violations.extend(self.wrong_rules(&patch));
        let mut of_exceptions = Vec::new();
        for (index, draft) in patch.exceptions.iter().flatten().enumerate() {
            let at = |leaf: &str| format!("policy.exceptions[{index}].{leaf}");
            check_exception(at, &draft.rule, &draft.reason, draft.expires, now, &mut of_exceptions);
        }
        let granted = |draft: ExceptionDraft| {
            let utility = draft.utility?;
            let same = |old: &&RuleException| {
                old.utility == utility && old.rule == draft.rule && old.reason == draft.reason && old.expires == draft.expires
            };
            let granted_by = old.exceptions.iter().find(same).map_or_else(|| permit.principal().clone(), |old| old.granted_by.clone());
            Some(RuleException { utility, rule: draft.rule, reason: draft.reason, expires: draft.expires, granted_by })
        };
        let kept = || old.exceptions.iter().filter(|exception| exception.expires > now).cloned().collect();
        let policy = CodePolicy {
            tenant: scope.tenant().clone(),
            preset: patch.preset.unwrap_or(old.preset),
            only_modules: patch.only_modules.unwrap_or_else(|| old.only_modules.clone()),
            extra_modules: patch.extra_modules.unwrap_or_else(|| old.extra_modules.clone()),
            denied_rules: patch.denied_rules.unwrap_or_else(|| old.denied_rules.clone()),
            exceptions: patch.exceptions.map_or_else(kept, |drafts| drafts.into_iter().filter_map(granted).collect()),
            minimum_isolation: patch.minimum_isolation.unwrap_or(old.minimum_isolation),
            fresh_processes: patch.fresh_processes.unwrap_or(old.fresh_processes),
            revision: old.revision.next(),
            updated: now,
        };
        violations.extend(policy.list_violations("policy"));
        violations.extend(of_exceptions);
        if !violations.is_empty() {
            return Err(Error::Invalid(violations));
        }
        if self.repository.commit(&scope, old.revision, &policy).await? {
            permit.note_changes(changed_fields(&old, &policy));
            Ok(policy)
        } else {
            Err(Error::Stale { resource: policy.name() })
        }
    }

    fn wrong_rules(&self, patch: &PolicyPatch) -> Vec<Violation> {
        let excepted = patch.exceptions.iter().flatten().map(|draft| &draft.rule);
        rule_violations("policy", patch.denied_rules.iter().flatten(), excepted, |rule| self.checker.family(rule))
    }
}

/// The fields that differ, for the record of the change.
fn changed_fields(before: &CodePolicy, after: &CodePolicy) -> Vec<FieldChange> {
    let joined = |rules: &[String]| rules.join("\n");
    let only = |policy: &CodePolicy| policy.only_modules.as_deref().map(joined);
    let exceptions = |policy: &CodePolicy| {
        let line = |one: &RuleException| format!("{} {} {} {}\n", one.utility, one.rule, one.expires.as_millis(), one.granted_by);
        policy.exceptions.iter().map(line).collect::<String>()
    };
    let text = |field, old: &str, new: &str| FieldChange::of(field, Some(old), Some(new));
    let all = [
        text("preset", &format!("{:?}", before.preset), &format!("{:?}", after.preset)),
        FieldChange::of("only_modules", only(before).as_deref(), only(after).as_deref()),
        text("extra_modules", &joined(&before.extra_modules), &joined(&after.extra_modules)),
        text("denied_rules", &joined(&before.denied_rules), &joined(&after.denied_rules)),
        text("exceptions", &exceptions(before), &exceptions(after)),
        text("minimum_isolation", &format!("{:?}", before.minimum_isolation), &format!("{:?}", after.minimum_isolation)),
        text("fresh_processes", &before.fresh_processes.to_string(), &after.fresh_processes.to_string()),
    ];
    all.into_iter().flatten().collect()
}
