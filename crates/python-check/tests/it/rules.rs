//! The rule table: ids are unique, examples are true, pages are current.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use python_check::rule;
use python_check::{CheckPolicy, Checker, compatible_page};

fn pages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules")
}

#[test]
fn ids_are_unique_and_well_formed() {
    let mut seen = HashSet::new();
    for rule in rule::all().iter().chain(rule::of_server()) {
        assert!(seen.insert(rule.id), "{} appears twice", rule.id);
        let number = rule.id.rsplit('-').next().unwrap();
        assert!(rule.id.starts_with("ZPY-") && number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit()), "{}", rule.id);
    }
}

#[test]
fn every_bad_example_is_found_and_every_good_one_passes() {
    let checker = Checker::new(CheckPolicy::default());
    for rule in rule::all() {
        let bad = checker.check(&rule.bad.bytes());
        let found: Vec<_> = bad.findings.iter().map(|finding| finding.rule).collect();
        let hit = bad
            .findings
            .iter()
            .find(|finding| finding.rule == rule.id)
            .unwrap_or_else(|| panic!("{} does not find its bad example: {found:?}", rule.id));
        assert_eq!((hit.family, hit.severity), (rule.family, rule.severity), "{}", rule.id);
        let good = checker.check(rule.good.as_bytes());
        assert!(good.findings.is_empty(), "{}: {:#?}", rule.id, good.findings);
    }
}

/// Otherwise the checker should find them, and a policy could except them.
#[test]
fn what_only_the_server_finds_passes_the_checker() {
    let checker = Checker::new(CheckPolicy::default());
    for rule in rule::of_server() {
        for code in [rule.bad.bytes(), rule.good.as_bytes().to_vec()] {
            let report = checker.check(&code);
            assert!(report.findings.is_empty(), "{}: {:#?}", rule.id, report.findings);
        }
        assert!(rule::find(rule.id).is_none(), "{}", rule.id);
    }
}

/// `ZONA_BLESS=1 cargo test -p python-check` writes the pages anew.
#[test]
fn pages_are_current() {
    let documented = rule::all().into_iter().chain(rule::of_server().iter().copied());
    let mut expected: Vec<(String, String)> = documented.map(|rule| (format!("{}.md", rule.id), rule::page(rule))).collect();
    expected.push(("README.md".to_owned(), rule::index()));
    expected.push(("compatible.md".to_owned(), compatible_page()));
    if std::env::var_os("ZONA_BLESS").is_some() {
        std::fs::create_dir_all(pages()).unwrap();
        for (name, text) in &expected {
            std::fs::write(pages().join(name), text).unwrap();
        }
    }
    for (name, text) in &expected {
        let page = std::fs::read_to_string(pages().join(name)).unwrap_or_default();
        assert_eq!(&page, text, "docs/rules/{name} is not current: run with ZONA_BLESS=1");
    }
    let mut names: Vec<String> =
        std::fs::read_dir(pages()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let mut wanted: Vec<String> = expected.into_iter().map(|(name, _)| name).collect();
    names.sort();
    wanted.sort();
    assert_eq!(names, wanted, "a page without a rule");
}
