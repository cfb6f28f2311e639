//! What environments change, and what is refused of them.

use super::*;

const ENVIRONMENTS: &str = "
parameters: {LEVEL: info}
environments:
  test: {}
  production:
    parameters: {LEVEL: warn}
    services:
      web:
        replicas: 4
        context: {image: 'web:2', environment: {MODE: fast}}
      db: {health: null}
";

#[test]
fn an_environment_is_laid_over_the_rest_and_says_how_it_differs() {
    let file = read(&format!("{BASE}{ENVIRONMENTS}")).unwrap_or_else(|problems| panic!("{}", shown(&problems)));
    let (manifest, differences) = file.environment("production").unwrap();
    let web = &manifest.services[1];
    assert_eq!((web.replicas, web.context.image.as_str(), web.context.environment["MODE"].as_str()), (4, "web:2", "fast"));
    assert_eq!(manifest.services[0].health, None);
    assert_eq!(manifest.parameters["LEVEL"], "warn");
    let shown: Vec<_> = differences.iter().map(|d| (d.path.as_str(), d.before.as_deref(), d.after.as_deref())).collect();
    assert_eq!(
        shown,
        [
            ("services.db.health", Some(r#"{"tcp": 5432}"#), None),
            ("services.web.context.image", Some(r#""web:1""#), Some(r#""web:2""#)),
            ("services.web.context.environment", None, Some(r#"{"MODE": "fast"}"#)),
            ("services.web.replicas", Some("2"), Some("4")),
            ("parameters.LEVEL", Some(r#""info""#), Some(r#""warn""#)),
        ]
    );
}

#[test]
fn an_environment_that_says_nothing_differs_in_nothing() {
    let file = read(&format!("{BASE}{ENVIRONMENTS}")).unwrap();
    assert_eq!(file.environment("test"), Some((file.manifest(), Vec::new())));
    assert_eq!(file.environment("nowhere"), None);
}

#[test]
fn what_an_environment_breaks_is_told_at_its_place() {
    let text = format!(
        "{BASE}environments:\n  small:\n    services:\n      web: {{update: {{min_available: 3}}}}\n      nobody: {{replicas: 1}}\n      db: {{enabled: false}}\n"
    );
    let problems = read(&text).expect_err("three things are wrong");
    let rules = rules_of(&problems);
    assert!(rules.is_superset(&["min-available", "unknown-service", "dependency-disabled"].into()), "{}", shown(&problems));
    let broken = problems.list().iter().find(|problem| problem.rule == "min-available").and_then(|problem| problem.place);
    assert_eq!(broken.map(|place| place.line), Some(16), "{}", shown(&problems));
}

#[test]
fn fields_of_an_environment_are_checked_like_others() {
    let problems =
        read(&format!("{BASE}environments: {{p: {{services: {{web: {{replicas: many, name: x}}}}}}}}\n")).expect_err("two are wrong");
    assert!(rules_of(&problems).is_superset(&["wrong-kind", "unknown-field"].into()), "{}", shown(&problems));
}
