//! Exceptions excuse one rule of one utility for a time, and a policy reports every violation.

use super::*;
use crate::code::{COMPILE_RULE, Span};

fn utility(id: &str) -> UtilityId {
    UtilityId::parse("utility", id).expect("a valid id")
}

fn policy() -> CodePolicy {
    let tenant = TenantId::parse("tenant", "acme").expect("a valid tenant");
    let granted_by = PrincipalName::parse("principal", "tenants/acme/users/ada").expect("a valid principal");
    let exception = RuleException {
        utility: utility("backup"),
        rule: "ZPY-FILE-001".to_owned(),
        reason: "reads its own /tmp".to_owned(),
        expires: Timestamp::from_millis(100),
        granted_by,
    };
    CodePolicy { exceptions: vec![exception], ..CodePolicy::default_of(tenant) }
}

fn check(id: &str, rule: &'static str, now: u64, expected: Severity) {
    assert_eq!(excused(&policy(), id, rule, Family::FileAccess, now), expected, "{id} {rule} at {now}");
}

/// How severe an error of `rule` is for the utility under the policy.
fn excused(policy: &CodePolicy, id: &str, rule: &'static str, family: Family, now: u64) -> Severity {
    let span = Span { line: 1, column: 1, end_line: 1, end_column: 2 };
    let (message, suggestion) = ("open() is called".to_owned(), String::new());
    let finding = Finding { rule, family, severity: Severity::Error, span, message, suggestion };
    let mut report = CodeReport { findings: vec![finding], kind: None, parameters: Vec::new(), imports: Vec::new() };
    policy.excuse(&utility(id), &mut report, Timestamp::from_millis(now));
    report.findings[0].severity
}

#[test]
fn an_exception_holds_for_its_utility_its_rule_and_its_time() {
    check("backup", "ZPY-FILE-001", 99, Severity::Warning);
    check("backup", "ZPY-FILE-001", 100, Severity::Error);
    check("backup", "ZPY-FILE-002", 99, Severity::Error);
    check("other", "ZPY-FILE-001", 99, Severity::Error);
}

#[test]
fn a_stored_exception_from_what_ends_the_scan_covers_nothing() {
    let mut stored = policy();
    for (rule, family) in [
        ("ZPY-LIMITS-005", Family::Limits),
        ("ZPY-ENCODING-001", Family::Encoding),
        (COMPILE_RULE, Family::Syntax),
        (KIND_RULE, Family::Quality),
    ] {
        stored.exceptions[0].rule = rule.to_owned();
        assert_eq!(excused(&stored, "backup", rule, family, 1), Severity::Error, "{rule}");
    }
}

#[test]
fn a_rule_that_does_not_exist_or_cannot_be_excepted_is_named_with_its_place() {
    let family = |rule: &str| match rule {
        "ZPY-FILE-001" => Some(Family::FileAccess),
        "ZPY-LIMITS-002" => Some(Family::Limits),
        COMPILE_RULE => Some(Family::Syntax),
        KIND_RULE => Some(Family::Quality),
        _ => None,
    };
    let denied = ["ZPY-FILE-001", "ZPY-LIMITS-002", "ZPY-FILE-999"].map(str::to_owned);
    let excepted = ["ZPY-FILE-001", "", "ZPY-LIMITS-002", "ZPY-FILE-999", COMPILE_RULE, KIND_RULE].map(str::to_owned);
    let found = rule_violations("policy", denied.iter(), excepted.iter(), family);
    let shown: Vec<_> = found.iter().map(|violation| (violation.field.as_str(), violation.reason)).collect();
    assert_eq!(
        shown,
        [
            ("policy.denied_rules[2]", "UNKNOWN_RULE"),
            ("policy.exceptions[2].rule", "NOT_EXCEPTABLE"),
            ("policy.exceptions[3].rule", "UNKNOWN_RULE"),
            ("policy.exceptions[4].rule", "NOT_EXCEPTABLE"),
            ("policy.exceptions[5].rule", "NOT_EXCEPTABLE"),
        ]
    );
}

#[test]
fn every_violation_of_a_policy_is_reported() {
    let mut broken = policy();
    broken.extra_modules = vec!["good.module".to_owned(), "bad module".to_owned()];
    broken.exceptions[0].reason = " ".to_owned();
    broken.exceptions[0].expires = Timestamp::default();
    let fields: Vec<_> = broken.violations("policy", Timestamp::from_millis(1)).into_iter().map(|violation| violation.field).collect();
    assert_eq!(fields, ["policy.extra_modules[1]", "policy.exceptions[0].reason", "policy.exceptions[0].expire_time"]);
}
