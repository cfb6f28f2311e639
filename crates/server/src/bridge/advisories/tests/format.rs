//! What real exports look like: several databases about one fault, nulls, byte order marks, and files that are something else.

use super::*;

/// An advisory as one of the databases publishes it, without what is not read.
fn published(id: &str, aliases: &[&str], texts: (Option<&str>, &str), fixed: &str) -> Value {
    let events = json!([{"introduced": "0"}, {"fixed": fixed}]);
    let mut published = json!({
        "schema_version": "1.7.3", "id": id, "aliases": aliases, "details": texts.1,
        "modified": "2024-09-20T15:55:47Z", "published": "2021-03-25T21:26:26Z", "database_specific": {"severity": "CRITICAL"},
        "references": [{"type": "WEB", "url": "https://example.org/advisory"}],
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected": [{
            "package": {"name": "pyyaml", "ecosystem": "PyPI", "purl": "pkg:pypi/pyyaml"},
            "ranges": [{"type": "ECOSYSTEM", "events": events}], "versions": ["5.1", "5.3.1"],
            "database_specific": {"source": "https://example.org"}
        }]
    });
    if let Some(summary) = texts.0 {
        published["summary"] = json!(summary);
    }
    published
}

#[test]
fn one_fault_is_listed_once_under_the_advisory_that_has_a_summary() {
    let github = published("GHSA-8q59-q68h-6hv4", &["CVE-2020-14343", "PYSEC-2021-142"], (Some("Improper Input Validation"), "..."), "5.4");
    let python = published("PYSEC-2021-142", &["CVE-2020-14343", "GHSA-8q59-q68h-6hv4"], (None, "A flaw."), "5.4");
    for both in [json!([github, python]), json!([python, github])] {
        let feed = read(both.to_string());
        let summary = "Improper Input Validation (also PYSEC-2021-142, CVE-2020-14343)".to_owned();
        assert_eq!(known(&feed, "PyYAML", "5.3.1"), [Advisory { id: "GHSA-8q59-q68h-6hv4".to_owned(), summary }]);
        assert_eq!(feed.standing().known, 1);
        assert_eq!(ids(&feed, "PyYAML", "6.0"), Vec::<String>::new());
    }
    // Affected is what one of them says is affected.
    let wider = published("PYSEC-2021-142", &["CVE-2020-14343"], (None, ""), "6.0");
    assert_eq!(ids(&read(json!([github, wider]).to_string()), "PyYAML", "5.4.1"), ["GHSA-8q59-q68h-6hv4"]);
}

#[test]
fn aliases_of_aliases_count_and_what_shares_none_stays_apart() {
    let of = |id: &str, aliases: &[&str]| published(id, aliases, (None, id), "9");
    let chain = json!([of("A-1", &["CVE-1"]), of("B-1", &["CVE-2"]), of("C-1", &["CVE-2", "CVE-1"]), of("D-1", &["CVE-3"])]);
    let feed = read(chain.to_string());
    assert_eq!(ids(&feed, "pyyaml", "1"), ["A-1", "D-1"]);
    assert_eq!(known(&feed, "pyyaml", "1")[0].summary, "A-1 (also CVE-1, CVE-2, B-1, C-1)");
    // One id in two files is one, too.
    let twice = json!([of("A-1", &[]), of("A-1", &[])]);
    assert_eq!(ids(&read(twice.to_string()), "pyyaml", "1"), ["A-1"]);
}

#[test]
fn a_wrong_alias_does_not_make_one_fault_of_everything() {
    let all: Vec<Value> = (0..500).map(|number| published(&format!("A-{number:03}"), &["CVE-0"], (None, "a"), "9")).collect();
    let listed = ids(&read(json!(all).to_string()), "pyyaml", "1");
    assert!(listed.len() > 400, "{}", listed.len());
    let many: Vec<String> = (0..10_000).map(|number| format!("CVE-{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let summary = &known(&read(published("A-1", &many, (Some("a"), ""), "9").to_string()), "pyyaml", "1")[0].summary;
    assert!(summary.len() < 120 && summary.ends_with(" more)"), "{summary}");
}

#[test]
fn a_summary_that_is_missing_is_the_first_line_of_the_details() {
    let long = "a".repeat(500);
    for (summary, details, shown) in [
        (None, "An issue was found in PyYAML.\nMore of it.", "An issue was found in PyYAML."),
        (None, "\n\n### Impact\n\nAnybody   may\tread.", "Anybody may read."),
        (None, "### Impact", "Impact"),
        (Some("  "), "Said at length.", "Said at length."),
        (Some("one\nline"), "Said at length.", "one line"),
        (None, long.as_str(), &long[..200]),
        (None, "", ""),
    ] {
        let feed = read(published("PYSEC-1", &[], (summary, details), "9").to_string());
        assert_eq!(known(&feed, "pyyaml", "1")[0].summary, shown, "{summary:?} {details:?}");
    }
}

#[test]
fn nulls_and_a_byte_order_mark_are_part_of_the_format() {
    let mut nulls = published("GHSA-1", &[], (None, ""), "9");
    for key in ["aliases", "summary", "details", "withdrawn", "severity"] {
        nulls[key] = Value::Null;
    }
    nulls["affected"][0]["versions"] = Value::Null;
    let nothing = json!({"id": "GHSA-2", "affected": null});
    let empty = json!({"id": "GHSA-3", "affected": [{"package": null, "ranges": null}]});
    let bare = json!({"id": "GHSA-4", "affected": [{"package": {"ecosystem": "PyPI", "name": "x"}, "ranges": [{"type": "ECOSYSTEM", "events": null}]}]});
    let feed = read(format!("\u{feff}{}", json!([nulls, nothing, empty, bare])));
    assert_eq!((ids(&feed, "pyyaml", "1"), feed.standing().refused), (vec!["GHSA-1".to_owned()], 0));
    assert_eq!(ids(&read(format!("\u{feff}\n{nulls}")), "pyyaml", "1"), ["GHSA-1"]);
}

#[test]
fn what_is_wrong_with_a_file_is_said_in_words_of_the_format() {
    for (broken, said) in [
        ("7", "expected an advisory, an object with `id` and `affected`, or a list of such at line 1 column 1"),
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{\"affected\": []}", "missing field `id` at line 1 column 16"),
        (
            "[{\"id\": \"A-1\"}, {\"id\": \"A-2\", \"affected\": [3]}]",
            "in 1 of its 2 items, first: invalid type: integer `3`, expected an item of `affected`",
        ),
        ("PK\u{3}\u{4}...", "is an archive: unpack it"),
    ] {
        let problem = osv::read(broken.as_bytes()).problem.unwrap();
        assert!(problem.contains(said), "{broken}: {problem}");
        assert!(problem.contains("osv-schema") || problem.contains("archive"), "{problem}");
    }
    assert!(osv::read(b"\xff\xfe[\0]\0").problem.unwrap().contains("UTF-16"));
}
