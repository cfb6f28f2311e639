//! Names: what parses, what does not, and that printing gives the text back.

use super::*;

fn check(text: &str, fits: bool) {
    match UtilityName::parse("name", text) {
        Ok(name) => assert!(fits && name.to_string() == text, "{text} parsed as {name}"),
        Err(Error::Invalid(violations)) => assert!(!fits && violations[0].field == "name", "{text}: {violations:?}"),
        Err(other) => panic!("{text}: {other}"),
    }
}

#[test]
fn a_utility_name_is_strict() {
    check("tenants/acme/utilities/extract-iocs", true);
    check("tenants/acme/utilities/a", true);
    for bad in [
        "",
        "tenants/acme",
        "tenants/acme/utilities/",
        "tenants/acme/utilities/A",
        "tenants/acme/utilities/a-",
        "tenants/acme/utilities/-a",
        "tenants/acme/utilities/a/versions/1",
        "tenants/../utilities/a",
        "tenants/acme/utilities/\u{fc}",
        "/tenants/acme/utilities/a",
    ] {
        check(bad, false);
    }
    check(&format!("tenants/acme/utilities/{}", "a".repeat(MAX_UTILITY)), true);
    check(&format!("tenants/acme/utilities/{}", "a".repeat(MAX_UTILITY + 1)), false);
}

#[test]
fn a_version_number_is_canonical_and_positive() {
    for (number, fits) in [("1", true), ("42", true), ("0", false), ("01", false), ("+1", false), ("-1", false), ("99999999999", false)] {
        let text = format!("tenants/acme/utilities/a/versions/{number}");
        assert_eq!(VersionName::parse("name", &text).is_ok(), fits, "{text}");
    }
}

#[test]
fn an_execution_id_is_a_canonical_uuid() {
    let good = "tenants/acme/executions/0193a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
    assert!(ExecutionName::parse("name", good).is_ok());
    assert!(ExecutionName::parse("name", &good.to_uppercase().replace("TENANTS/ACME/EXECUTIONS", "tenants/acme/executions")).is_err());
    assert!(ExecutionName::parse("name", "tenants/acme/executions/1").is_err());
}
