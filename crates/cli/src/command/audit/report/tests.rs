//! A report in each of its forms: nothing that stands in a log becomes markup, a formula or a script.

use api_proto::zona::execution::v1::ExecutionState;

use super::*;

/// Something that means more than itself wherever it is not escaped.
const HOSTILE: &str = "=1</td><script>alert(\"1\")</script>&'\n";

fn sample() -> pb::AuditReport {
    let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let record = pb::AuditRecord {
        sequence: 41,
        time: time(1_764_547_200),
        action: "user.update".to_owned(),
        resource: HOSTILE.to_owned(),
        outcome: pb::AuditOutcome::Allowed.into(),
        changes: vec![pb::AuditFieldChange { field: "role".to_owned(), ..Default::default() }],
        ..Default::default()
    };
    let day = |date: &str, allowed, denied| pb::AuditDayCount { date: date.to_owned(), allowed, denied, ..Default::default() };
    let denial =
        pb::AuditDenialCount { action: HOSTILE.to_owned(), reason: "PERMISSION_DENIED".to_owned(), calls: 3, ..Default::default() };
    pb::AuditReport {
        parent: "tenants/acme".to_owned(),
        from_date: "2025-12-01".to_owned(),
        to_date: "2025-12-02".to_owned(),
        time_zone: "UTC".to_owned(),
        records: 12,
        calls: 10,
        outcomes: vec![
            pb::AuditOutcomeCount { outcome: pb::AuditOutcome::Intent.into(), records: 2, calls: 0 },
            pb::AuditOutcomeCount { outcome: pb::AuditOutcome::Allowed.into(), records: 10, calls: 10 },
        ],
        days: vec![day("2025-12-01", 7, 3), day("2025-12-02", 0, 0)],
        access: vec![pb::AuditAccessCount {
            role: pb::ActorRole::Admin.into(),
            action: "user.update".to_owned(),
            calls: 7,
            ..Default::default()
        }],
        denials: vec![denial],
        other_denials: 1,
        executions: vec![pb::AuditExecutionCount { state: ExecutionState::Failed.into(), reason: "USER_ERROR".to_owned(), executions: 2 }],
        permission_changes: Some(pb::AuditEvents { total: 300, newest: vec![record] }),
        policy_exceptions: vec![pb::AuditPolicyException {
            reason: HOSTILE.to_owned(),
            expire_time: time(1_764_633_600),
            ..Default::default()
        }],
        retention: Some(pb::AuditRetention { oldest_time: time(1), ..Default::default() }),
        verification: Some(pb::AuditVerification { whole: true, first_sequence: 0, size: 50, checkpoints: 2 }),
        ..Default::default()
    }
}

fn rendered(report: &pb::AuditReport, form: Form) -> Vec<u8> {
    render(report, form, &Figures::of(&Locale::UNKNOWN).unwrap())
}

fn text(form: Form) -> String {
    String::from_utf8(rendered(&sample(), form)).unwrap()
}

/// Reads markup as strictly as XML: every element that is opened is closed in its order, and nothing but text stands between. Answers
/// the elements, each with its attributes.
fn elements(page: &str) -> Vec<(String, String)> {
    const VOID: [&str; 1] = ["meta"];
    let (mut found, mut open) = (Vec::new(), Vec::<String>::new());
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("it says what it is");
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        assert!(!text.contains('>'), "{text}");
        let (tag, behind) = rest[at + 1..].split_once('>').expect("a tag is closed");
        rest = behind;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
            continue;
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name}");
        // Whatever stands between quotes holds no quote, so their number is even.
        assert!(attributes.matches('"').count().is_multiple_of(2), "{attributes}");
        found.push((name.to_owned(), attributes.to_owned()));
        if !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
    found
}

#[test]
fn a_page_is_well_formed_and_holds_neither_script_nor_style_nor_anything_from_elsewhere() {
    let page = text(Form::Html);
    let elements = elements(&page);
    let names: std::collections::BTreeSet<&str> = elements.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "body",
        "caption",
        "figcaption",
        "figure",
        "g",
        "h1",
        "h2",
        "head",
        "header",
        "html",
        "line",
        "main",
        "meta",
        "p",
        "rect",
        "section",
        "style",
        "svg",
        "table",
        "tbody",
        "td",
        "text",
        "th",
        "thead",
        "title",
        "tr",
    ];
    assert_eq!(names.into_iter().collect::<Vec<_>>(), expected);
    for (name, attributes) in &elements {
        for refused in ["href", "src=", "style=", " on", "url("] {
            assert!(!format!(" {attributes}").contains(refused), "{name} {attributes}");
        }
    }
    assert!(!page.contains("url(") && !page.contains("@import"));
    let policy = elements.iter().find(|(_, attributes)| attributes.contains("Content-Security-Policy")).unwrap();
    assert!(policy.1.contains("default-src 'none'; style-src 'sha256-") && !policy.1.contains("unsafe"), "{policy:?}");
}

#[test]
fn every_chart_has_a_name_and_a_table_that_says_the_same() {
    let page = text(Form::Html);
    for part in page.split("<section ").skip(1) {
        let charts = part.matches("role=\"img\"").count();
        assert!(part.matches("aria-label=\"").count() == charts && (charts == 0 || part.contains("<table>")), "{part}");
    }
    assert_eq!(page.matches("role=\"img\"").count(), 5);
    assert!(page.contains("<th scope=\"row\">2025-12-01</th><td class=\"number\">7</td><td class=\"number\">3</td>"));
}

#[test]
fn nothing_of_a_log_becomes_markup_or_a_formula() {
    let page = text(Form::Html);
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;alert(&quot;1&quot;)"), "{page}");
    let lines = text(Form::Csv);
    assert!(lines.contains("\"'=1</td>") && !lines.contains("\"=1"), "{lines}");
    let value: serde_json::Value = serde_json::from_str(&text(Form::Json)).unwrap();
    assert_eq!((&value["denials"][0]["action"], &value["calls"]), (&HOSTILE.into(), &10.into()));
}

#[test]
fn the_same_report_is_the_same_bytes_in_every_form() {
    for form in [Form::Html, Form::Json, Form::Csv] {
        assert_eq!(text(form), text(form));
    }
}

#[test]
fn a_log_that_was_changed_is_said_to_be_so_where_nobody_overlooks_it() {
    let mut report = sample();
    report.verification.as_mut().unwrap().whole = false;
    let page = String::from_utf8(rendered(&report, Form::Html)).unwrap();
    assert!(page.contains("class=\"bad\" role=\"alert\"") && page.contains("NOT those that were signed for"));
}

#[test]
fn a_log_that_begins_later_than_it_says_is_said_to_be_so_where_nobody_overlooks_it() {
    let mut report = sample();
    assert!(!was_changed(&report));
    report.verification = None;
    let retention = report.retention.as_mut().unwrap();
    (retention.oldest_sequence, retention.fault) = (200, pb::AuditRetentionFault::NotRecorded.into());
    assert!(was_changed(&report), "also where the period has no record");
    let page = String::from_utf8(rendered(&report, Form::Html)).unwrap();
    assert!(page.contains("class=\"bad\" role=\"alert\"") && page.contains("does NOT say that they were removed"), "{page}");
    let lines = String::from_utf8(rendered(&report, Form::Csv)).unwrap();
    assert!(lines.contains("AUDIT_RETENTION_FAULT_NOT_RECORDED"), "{lines}");
}

#[test]
fn the_numbers_of_a_page_are_those_of_its_locale_and_nothing_else_of_a_report_is() {
    let mut report = sample();
    report.calls = 1_234_567;
    report.access[0].calls = 1_234_567;
    for (tag, written) in [("en", "1,234,567"), ("de", "1.234.567"), ("de-CH", "1'234'567"), ("hi", "12,34,567")] {
        let figures = Figures::of(&tag.parse().unwrap()).unwrap();
        let written_by = |form| String::from_utf8(render(&report, form, &figures)).unwrap();
        let page = written_by(Form::Html);
        // In the sentence at the beginning, in the sum, in the table of roles, and in the chart beside that.
        assert_eq!(page.matches(written).count(), 4, "{tag} {page}");
        assert!(page.contains("<html lang=\"en\">") && page.contains("2025-12-01"), "words are English, and days those of ISO 8601");
        assert!([Form::Json, Form::Csv].into_iter().all(|form| written_by(form).contains("1234567")), "{tag}: these are for programs");
    }
}
