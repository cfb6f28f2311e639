//! Which versions an advisory affects, and which files are none.

use serde_json::json;

use super::*;

fn package(name: &str, version: &str) -> Package {
    Package { name: name.to_owned(), version: version.to_owned(), modules: vec!["module".to_owned()], hashes: Vec::new() }
}

fn advisory(ranges: serde_json::Value, versions: &[&str]) -> serde_json::Value {
    let package = json!({"ecosystem": "PyPI", "name": "Ruamel.YAML"});
    json!({"id": "GHSA-1", "summary": "it leaks", "affected": [{"package": package, "ranges": ranges, "versions": versions}]})
}

fn read(text: &str) -> Result<Advisories, Error> {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.json"), text).unwrap();
    fs::write(directory.path().join("notes.txt"), "no JSON").unwrap();
    Advisories::read(directory.path())
}

#[track_caller]
fn check(advisory: &serde_json::Value, affected: &[&str], safe: &[&str]) {
    let advisories = read(&advisory.to_string()).unwrap();
    let hits = |version: &&&str| !advisories.of(&package("ruamel_yaml", version)).is_empty();
    assert_eq!(affected.iter().filter(hits).collect::<Vec<_>>(), affected.iter().collect::<Vec<_>>(), "affected");
    assert_eq!(safe.iter().filter(hits).collect::<Vec<_>>(), Vec::<&&str>::new(), "safe");
}

fn range(events: serde_json::Value) -> serde_json::Value {
    json!([{"type": "ECOSYSTEM", "events": events}])
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
fn what_is_withdrawn_of_another_ecosystem_or_of_commits_affects_nothing() {
    let everything = range(json!([{"introduced": "0"}]));
    let mut withdrawn = advisory(everything.clone(), &[]);
    withdrawn["withdrawn"] = json!("2026-01-01T00:00:00Z");
    check(&withdrawn, &[], &["1"]);
    let mut other = advisory(everything.clone(), &[]);
    other["affected"][0]["package"]["ecosystem"] = json!("npm");
    check(&other, &[], &["1"]);
    check(&advisory(json!([{"type": "GIT", "repo": "x", "events": [{"introduced": "0"}]}]), &[]), &[], &["1"]);
    let advisories = read(&advisory(everything, &[]).to_string()).unwrap();
    let system = Package { modules: Vec::new(), ..package("ruamel.yaml", "1") };
    assert_eq!(advisories.of(&system), [], "a package of the system");
}

#[test]
fn a_version_that_is_none_is_matched_by_its_text_only() {
    let strange = advisory(range(json!([{"introduced": "what"}, {"fixed": "2"}])), &["2004-beta!"]);
    check(&strange, &["2004-beta!"], &["1", "3", "other!"]);
}

#[test]
fn a_file_holds_one_advisory_or_many_and_each_is_listed_once() {
    let one = advisory(range(json!([{"introduced": "0"}])), &["1.0"]);
    let mut two = one.clone();
    two["id"] = json!("GHSA-0");
    let advisories = read(&json!([one, two, one]).to_string()).unwrap();
    assert_eq!(advisories.len(), 3);
    let ids: Vec<_> = advisories.of(&package("ruamel.yaml", "1.0")).into_iter().map(|advisory| advisory.id).collect();
    assert_eq!(ids, ["GHSA-0", "GHSA-1"]);
}

#[test]
fn a_file_that_holds_something_else_is_named() {
    for broken in ["", "7", "{\"name\": \"no id\"}", "[{\"id\": 3}]"] {
        let error = read(broken).unwrap_err();
        assert!(matches!(&error, Error::Format { path, .. } if path.ends_with("a.json")), "{broken}: {error}");
    }
    assert!(matches!(Advisories::read(Path::new("/nowhere")), Err(Error::Read { .. })));
}

#[test]
fn what_is_wrong_with_a_file_is_said_in_words_of_the_format() {
    for (broken, said) in [
        ("7", "expected an advisory, an object with `id` and `affected`, or a list of such at line 1 column 1"),
        ("{\"affected\": []}", "missing field `id` at line 1 column 16"),
        ("[{\"id\": \"A-1\"}, {\"id\": \"A-2\", \"affected\": [3]}]", "expected an item of `affected`, an object with `package`"),
    ] {
        let error = read(broken).unwrap_err();
        assert!(error.to_string().contains("osv-schema"), "{error}");
        let Error::Format { source, .. } = error else { panic!("{broken}: {error}") };
        assert!(source.to_string().contains(said), "{broken}: {source}");
    }
}
