//! Exceptions excuse one rule of one utility for a time, and a policy reports every violation.

use super::*;
use crate::finding::{Family, Finding, Span};

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
    let span = Span { line: 1, column: 1, end_line: 1, end_column: 2 };
    let (message, suggestion) = ("open() is called".to_owned(), String::new());
    let finding = Finding { rule, family: Family::FileAccess, severity: Severity::Error, span, message, suggestion };
    let mut report = CodeReport { findings: vec![finding], kind: None, parameters: Vec::new(), imports: Vec::new() };
    policy().excuse(&utility(id), &mut report, Timestamp::from_millis(now));
    assert_eq!(report.findings[0].severity, expected, "{id} {rule} at {now}");
}

#[test]
fn an_exception_holds_for_its_utility_its_rule_and_its_time() {
    check("backup", "ZPY-FILE-001", 99, Severity::Warning);
    check("backup", "ZPY-FILE-001", 100, Severity::Error);
    check("backup", "ZPY-FILE-002", 99, Severity::Error);
    check("other", "ZPY-FILE-001", 99, Severity::Error);
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
