//! What a scrape shows.

use super::*;

#[test]
fn a_scrape_shows_what_was_counted() {
    let metrics = Metrics::new();
    metrics.request_finished("/zona.utility.v1.UtilityService/GetUtility", "OK", Duration::from_millis(3));
    metrics.request_finished("/zona.utility.v1.UtilityService/GetUtility", "NOT_FOUND", Duration::from_millis(3));
    metrics.execution_finished("FAILED", "TIMEOUT", Duration::from_secs(2));
    metrics.incident("not-stored");
    metrics.commit_finished("save", false, Duration::from_micros(900));
    metrics.observe(|| vec![Reading::gauge(names::EXECUTIONS_RUNNING, "Executions that run", 7), Reading::counter("forks", "Forks", 9)]);
    let text = metrics.encode().unwrap();
    for line in [
        r#"zona_requests_total{method="/zona.utility.v1.UtilityService/GetUtility",code="NOT_FOUND"} 1"#,
        r#"zona_request_duration_seconds_count{method="/zona.utility.v1.UtilityService/GetUtility"} 2"#,
        r#"zona_executions_total{state="FAILED",reason="TIMEOUT"} 1"#,
        r#"zona_incidents_total{kind="not-stored"} 1"#,
        r#"zona_store_commits_total{operation="save",outcome="error"} 1"#,
        r#"zona_store_commit_duration_seconds_bucket{le="0.001",operation="save"} 1"#,
        "zona_executions_running 7",
        "zona_forks_total 9",
        "# EOF",
    ] {
        assert!(text.lines().any(|seen| seen == line), "no line {line} in\n{text}");
    }
}

#[test]
fn names_made_up_by_callers_cannot_fill_the_memory() {
    let metrics = Metrics::new();
    for index in 0..2 * MAX_LABEL_SETS {
        metrics.request_finished(&format!("/made.up/Method{index}"), "UNIMPLEMENTED", Duration::ZERO);
    }
    let text = metrics.encode().unwrap();
    let series = text.lines().filter(|line| line.starts_with("zona_requests_total{")).count();
    assert_eq!(series, MAX_LABEL_SETS + 1);
    assert!(text.contains(&format!("zona_requests_total{{method=\"other\",code=\"UNIMPLEMENTED\"}} {MAX_LABEL_SETS}")));
}

#[test]
fn every_name_is_documented_for_operators() {
    let document = include_str!("../../../../docs/operations.md");
    for name in names::METRICS {
        assert!(document.contains(&format!("`{}_{name}", names::PREFIX)), "docs/operations.md does not name {name}");
    }
    for field in [names::REQUEST_ID, names::TRACE_ID, names::METHOD, names::EXECUTION, names::TASK] {
        assert!(document.contains(&format!("`{field}`")), "docs/operations.md does not name {field}");
    }
}
