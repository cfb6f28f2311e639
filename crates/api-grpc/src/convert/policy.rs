//! Code policies, and the request that changes one.

use api_proto::zona::utility::v1 as pb;
use domain::Result;
use domain::code_policy::{CodePolicy, ExceptionDraft, PolicyPatch, Preset, RuleException};
use domain::name::UtilityId;
use domain::revision::{Etag, Revision};
use domain::time::Timestamp;

use crate::convert::mask::Mask;
use crate::convert::{Violations, WireViolations as _, isolation, time};

/// Reads UpdateCodePolicy: what changes, and the etag.
pub(crate) fn read_update(body: pb::UpdateCodePolicyRequest) -> Result<(PolicyPatch, Etag)> {
    let mut violations = Violations::default();
    let policy = body.policy.unwrap_or_default();
    let mask = Mask::read_policy(body.update_mask, &policy, &mut violations);
    let exceptions = match mask.names("exceptions") {
        true => Some(read_exceptions(policy.exceptions, &mut violations)?),
        false => None,
    };
    let minimum = policy.minimum_isolation;
    let patch = PolicyPatch {
        only_modules: mask.names("only_modules").then(|| Some(policy.only_modules).filter(|only| !only.is_empty())),
        extra_modules: mask.names("extra_modules").then_some(policy.extra_modules),
        denied_rules: mask.names("denied_rules").then_some(policy.denied_rules),
        exceptions,
        minimum_isolation: mask.names("minimum_isolation").then(|| isolation::read("policy.minimum_isolation", minimum, &mut violations)),
        fresh_processes: mask.names("fresh_processes").then_some(policy.fresh_processes),
        preset: mask.names("preset").then(|| read_preset(policy.preset, &mut violations)),
        violations: violations.into_inner(),
    };
    Ok((patch, Etag::new(policy.etag)))
}

/// A policy.
pub(crate) fn to_wire(policy: &CodePolicy) -> pb::CodePolicy {
    pb::CodePolicy {
        name: policy.name(),
        only_modules: policy.only_modules.clone().unwrap_or_default(),
        extra_modules: policy.extra_modules.clone(),
        denied_rules: policy.denied_rules.clone(),
        exceptions: policy.exceptions.iter().map(exception_to_wire).collect(),
        minimum_isolation: isolation::to_wire(policy.minimum_isolation).into(),
        fresh_processes: policy.fresh_processes,
        preset: preset_to_wire(policy.preset).into(),
        etag: policy.etag().as_str().to_owned(),
        update_time: (policy.revision > Revision::NONE).then(|| time::timestamp(policy.updated)),
    }
}

/// Reads a preset; unspecified is the default.
fn read_preset(number: i32, violations: &mut Violations) -> Preset {
    match violations.known::<pb::PolicyPreset>("policy.preset", number) {
        pb::PolicyPreset::Unspecified | pb::PolicyPreset::Strict => Preset::Strict,
        pb::PolicyPreset::Compatible => Preset::Compatible,
    }
}

fn preset_to_wire(preset: Preset) -> pb::PolicyPreset {
    match preset {
        Preset::Strict => pb::PolicyPreset::Strict,
        Preset::Compatible => pb::PolicyPreset::Compatible,
    }
}

fn exception_to_wire(exception: &RuleException) -> pb::RuleException {
    pb::RuleException {
        utility: exception.utility.to_string(),
        rule: exception.rule.clone(),
        reason: exception.reason.clone(),
        expire_time: Some(time::timestamp(exception.expires)),
        granted_by: exception.granted_by.to_string(),
    }
}

fn read_exceptions(wire: Vec<pb::RuleException>, violations: &mut Violations) -> Result<Vec<ExceptionDraft>> {
    let read = |(index, exception): (usize, pb::RuleException)| {
        let field = |leaf: &str| format!("policy.exceptions[{index}].{leaf}");
        let utility = violations.take(UtilityId::parse(&field("utility"), &exception.utility))?;
        let expires = match exception.expire_time {
            // The domain says that it is missing.
            None => Timestamp::default(),
            // A time that is refused already is not to be refused once more.
            given => time::read_bound(&field("expire_time"), given, violations).unwrap_or(Timestamp::from_millis(u64::MAX)),
        };
        Ok(ExceptionDraft { utility, rule: exception.rule, reason: exception.reason, expires })
    };
    wire.into_iter().enumerate().map(read).collect()
}
