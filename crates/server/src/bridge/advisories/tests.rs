//! Which versions an advisory affects, what real exports look like, and how newer files take the place of older ones.

mod files;
mod format;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use domain::runtime::Advisory;
use sandbox::Package;
use serde_json::{Value, json};

use super::*;
use crate::system::SystemClock;

fn package(name: &str, version: &str) -> Package {
    Package { name: name.to_owned(), version: version.to_owned(), modules: vec!["module".to_owned()], hashes: Vec::new() }
}

fn advisory(ranges: Value, versions: &[&str]) -> Value {
    let package = json!({"ecosystem": "PyPI", "name": "Ruamel.YAML"});
    json!({"id": "GHSA-1", "summary": "it leaks", "affected": [{"package": package, "ranges": ranges, "versions": versions}]})
}

fn range(events: Value) -> Value {
    json!([{"type": "ECOSYSTEM", "events": events}])
}

fn open(path: &Path) -> Result<Feed, Error> {
    Feed::open(Some(path), Arc::new(SystemClock))
}

fn read(text: impl AsRef<[u8]>) -> Feed {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.json"), text).unwrap();
    open(directory.path()).unwrap()
}

fn known(feed: &Feed, name: &str, version: &str) -> Vec<Advisory> {
    feed.current().of(&package(name, version))
}

fn ids(feed: &Feed, name: &str, version: &str) -> Vec<String> {
    known(feed, name, version).into_iter().map(|advisory| advisory.id).collect()
}

#[track_caller]
fn check(advisory: &Value, affected: &[&str], safe: &[&str]) {
    let feed = read(advisory.to_string());
    let hits = |version: &&&str| !known(&feed, "ruamel_yaml", version).is_empty();
    assert_eq!(affected.iter().filter(hits).collect::<Vec<_>>(), affected.iter().collect::<Vec<_>>(), "affected");
    assert_eq!(safe.iter().filter(hits).collect::<Vec<_>>(), Vec::<&&str>::new(), "safe");
}

#[test]
fn versions_are_compared_as_python_does() {
    let fixed = advisory(range(json!([{"introduced": "0"}, {"fixed": "1.10"}])), &[]);
    check(&fixed, &["0.1", "1.9", "1.10rc1", "1.10.dev3", "0.dev0"], &["1.10", "1.10.0", "1.10.post1", "2", "1!0.1"]);
    let last = advisory(range(json!([{"introduced": "1.2"}, {"last_affected": "1.4"}])), &[]);
    check(&last, &["1.2", "1.4", "1.4.0"], &["1.1", "1.2rc1", "1.4.1"]);
}

#[test]
fn a_range_may_open_again_and_ranges_add_up() {
    let events = json!([{"fixed": "1.5"}, {"introduced": "0"}, {"introduced": "2.0"}, {"fixed": "2.1"}]);
    check(&advisory(range(events), &["3.0"]), &["1.4", "2.0", "3.0", "3.0.0"], &["1.5", "1.9", "2.1", "3.1"]);
    let same = json!([{"introduced": "1"}, {"fixed": "2"}, {"introduced": "2"}, {"fixed": "3"}]);
    check(&advisory(range(same), &[]), &["1", "2", "2.5"], &["3"]);
}

#[test]
fn versions_at_or_above_every_limit_are_outside_a_range() {
    let limited = json!([{"introduced": "1"}, {"limit": "2"}, {"limit": "1.5"}]);
    check(&advisory(range(limited), &["3"]), &["1", "1.7", "3"], &["0.9", "2", "2.1"]);
    let endless = json!([{"introduced": "1"}, {"limit": "1.5"}, {"limit": "*"}]);
    check(&advisory(range(endless), &[]), &["1", "7"], &["0.9"]);
}

#[test]
fn what_is_withdrawn_of_another_ecosystem_or_of_commits_affects_nothing() {
    let everything = range(json!([{"introduced": "0"}]));
    let mut withdrawn = advisory(everything.clone(), &[]);
    withdrawn["withdrawn"] = json!("2026-01-01T00:00:00Z");
    check(&withdrawn, &[], &["1"]);
    for ecosystem in ["npm", "PyPIX", "pypi", "Debian:12"] {
        let mut other = advisory(everything.clone(), &[]);
        other["affected"][0]["package"]["ecosystem"] = json!(ecosystem);
        check(&other, &[], &["1"]);
    }
    check(&advisory(json!([{"type": "GIT", "repo": "x", "events": [{"introduced": "0"}]}]), &[]), &[], &["1"]);
    let feed = read(advisory(everything, &[]).to_string());
    let system = Package { modules: Vec::new(), ..package("ruamel.yaml", "1") };
    assert_eq!(feed.current().of(&system), [], "a package of the system");
}

#[test]
fn an_ecosystem_may_have_a_suffix() {
    let mut suffixed = advisory(range(json!([{"introduced": "0"}])), &[]);
    suffixed["affected"][0]["package"]["ecosystem"] = json!("PyPI:https://wheels.example.org/simple");
    check(&suffixed, &["1"], &[]);
}

#[test]
fn a_range_with_a_bound_that_is_no_version_is_judged_by_the_listed_versions_and_says_so() {
    for events in [
        json!([{"introduced": "0"}, {"fixed": "2019-09-12"}]),
        json!([{"introduced": "0.7.10p1"}]),
        json!([{"introduced": "what"}, {"fixed": "2"}]),
        json!([{"introduced": "0"}, {"limit": "later"}]),
        json!([{"introduced": "0"}, {"superseded": "2"}]),
    ] {
        let odd = advisory(range(events.clone()), &["0.7.10", "2004-beta!"]);
        check(&odd, &["0.7.10", "0.7.10.0", "2004-beta!"], &["0.1", "0.7.9", "1", "3", "other!"]);
        let feed = read(odd.to_string());
        assert_eq!(feed.standing().unjudged, 1, "{events}");
    }
    let odd = advisory(range(json!([{"introduced": "0"}, {"fixed": "2019-09-12"}])), &["0.7.10"]);
    let said = &known(&read(odd.to_string()), "ruamel.yaml", "0.7.10")[0].summary;
    assert_eq!(said, "it leaks [judged by its listed versions: it has the bound \"2019-09-12\"]");
    // The other ranges of the advisory count as ever.
    let events = |events: Value| json!({"type": "ECOSYSTEM", "events": events});
    let both = json!([events(json!([{"introduced": "1"}, {"fixed": "2"}])), events(json!([{"introduced": "0.7.10p1"}]))]);
    check(&advisory(both, &[]), &["1.5"], &["0.8", "2"]);
}
