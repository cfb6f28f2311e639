//! What stands between code and its execution, from the command line: the tenant's policy, the compiler of the runtime, the
//! isolation of executions, and packages with known vulnerabilities.

use std::{fs, path::PathBuf, time::Duration};

use e2e::{
    command::{Ended, run},
    host,
    server::{FRESH, Server},
};
use serde_json::{Value, json};

const OK: i32 = 0;
const USAGE: i32 = 2;
const NOT_FOUND: i32 = 4;

const SCRIPT: &str = "def main():\n    return 1\n";

struct Person {
    server: Server,
    files: tempfile::TempDir,
}

impl Person {
    fn of(server: Server) -> Self {
        Person { server, files: tempfile::tempdir().expect("a temporary directory can be made") }
    }

    fn zona(&self, words: &[&str]) -> Ended {
        run(self.server.zona().current_dir(self.files.path()).args(words))
    }

    /// What `zona` answers as JSON.
    #[track_caller]
    fn answer(&self, words: &[&str]) -> Value {
        self.zona(&[words, &["-o", "json"]].concat()).with_code(OK).json()
    }

    fn create(&self, id: &str, code: &str) -> Ended {
        let path: PathBuf = self.files.path().join(format!("{id}.py"));
        fs::write(&path, code).expect("the directory is writable");
        self.zona(&["utility", "create", id, "--file", path.to_str().expect("a temporary path is UTF-8"), "-o", "json"])
    }
}

#[test]
fn code_is_compiled_by_its_runtime_before_it_is_stored() {
    let person = Person::of(Server::start());
    // A character that Unicode has had since version 15; Python 3.11 knows those of version 14.
    let refused = person.create("newer", "def transform(value):\n    return '\\N{KAKTOVIK NUMERAL ZERO}'\n").with_code(USAGE);
    assert!(refused.errors().contains("utility.code: line 2, column"), "{}", refused.errors());
    assert!(refused.errors().contains("the runtime's compiler says: (unicode error)"), "{}", refused.errors());
    person.zona(&["utility", "get", "newer"]).with_code(NOT_FOUND);

    person.create("plain", SCRIPT).with_code(OK);
    let version = person.answer(&["utility", "get", "plain", "--version", "1"]);
    let runtimes = person.answer(&["runtime", "list"]);
    assert_eq!(runtimes.as_array().map(Vec::len), Some(1), "{runtimes}");
    assert_eq!(version["compiled_on"], runtimes[0]["digest"], "{version}");
    let runtime = person.answer(&["runtime", "show", "python"]);
    let modules: Vec<&str> = runtime["allowed_modules"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert!(modules.contains(&"json") && !modules.contains(&"os"), "{runtime}");
    person.zona(&["runtime", "show", "cobol"]).with_code(NOT_FOUND);

    let info = person.answer(&["server", "info"]);
    assert_eq!(
        (&info["backend"], &info["tiers"][0]["tier"], &info["tiers"][0]["accepted"]),
        (&json!("namespace"), &json!("T1"), &json!(true))
    );
    person.server.stop();
}

#[test]
fn a_policy_excepts_rules_and_raises_the_isolation() {
    let person = Person::of(Server::start());
    let code = format!("import os\n\n\n{SCRIPT}");
    let refused = person.create("backup", &code).with_code(USAGE);
    assert!(refused.errors().contains("line 1"), "{}", refused.errors());
    let allow = ["policy", "update", "--allow-rule", "backup:ZPY-IMPORT-001", "--reason", "reads its own name", "--expires", "1d"];
    let policy = person.answer(&allow);
    let exception = &policy["exceptions"][0];
    assert_eq!((&exception["utility"], &exception["granted_by"]), (&json!("backup"), &json!("tenants/demo/users/local")));
    person.create("backup", &code).with_code(OK);
    let shown = person.zona(&["utility", "get", "backup", "--version", "1"]).with_code(OK).text();
    assert!(shown.contains("warning ZPY-IMPORT-001") && shown.contains("reads its own name"), "{shown}");
    person.create("other", &code).with_code(USAGE);
    person.zona(&["policy", "update", "--deny-rule", "ZPY-TYPO-001"]).with_code(USAGE);

    let policy = person.answer(&["policy", "update", "--revoke-rule", "backup:ZPY-IMPORT-001", "--minimum-isolation", "single-use"]);
    assert_eq!((&policy["exceptions"], &policy["minimum_isolation"]), (&json!([]), &json!("SINGLE_USE")));
    assert_eq!(person.answer(&["policy", "update", "--fresh-processes", "true"])["fresh_processes"], json!(true));
    assert_eq!(person.answer(&["policy", "update", "--fresh-processes", "false"])["fresh_processes"], json!(false));
    person.create("plain", SCRIPT).with_code(OK);
    person.zona(&["run", "plain"]).with_code(OK);
    let execution = &person.answer(&["execution", "list", "--utility", "plain"])[0];
    let id = execution["name"].as_str().expect("an execution has a name");
    assert_eq!(person.answer(&["execution", "get", id])["attestation"]["tier"], json!("SINGLE_USE"));
    person.server.stop();
}

#[test]
fn a_utility_that_asks_for_fresh_processes_runs_in_no_other_beside_those_that_are_put_back() {
    let person = Person::of(Server::start());
    person.create("plain", SCRIPT).with_code(OK);
    let careful = person.files.path().join("plain.py");
    let create = ["utility", "create", "careful", "--file", careful.to_str().expect("a temporary path is UTF-8")];
    person.zona(&[&create[..], &["--fresh-processes=maybe"]].concat()).with_code(USAGE);
    person.zona(&[&create[..], &["--fresh-processes"]].concat()).with_code(OK);
    let shown = person.zona(&["utility", "get", "careful"]).with_code(OK).text();
    assert!(shown.contains("always fresh"), "{shown}");
    for _ in 0..4 {
        person.zona(&["run", "plain"]).with_code(OK);
        person.zona(&["run", "careful"]).with_code(OK);
    }
    // How often its process had been put back, and the sandbox, of each execution.
    let ran = |utility: &str| -> Vec<(u64, Value)> {
        let listed = person.answer(&["execution", "list", "--utility", utility]);
        let names = listed.as_array().into_iter().flatten().filter_map(|execution| execution["name"].as_str());
        let attestation = |name| person.answer(&["execution", "get", name])["attestation"].clone();
        names.map(attestation).map(|told| (told["restored"].as_u64().unwrap_or(0), told["sandbox"].clone())).collect()
    };
    let (plain, careful) = (ran("plain"), ran("careful"));
    assert_eq!((plain.len(), careful.len()), (4, 4));
    assert!(careful.iter().all(|(restored, _)| *restored == 0), "{careful:?}");
    if std::env::var_os(FRESH).is_none() {
        assert!(plain.iter().any(|(restored, _)| *restored > 0), "this host puts processes back: {plain:?}");
        assert!(careful.iter().all(|(_, sandbox)| plain.iter().all(|(_, other)| sandbox != other)), "{plain:?} {careful:?}");
    }

    let update = person.answer(&["utility", "update", "careful", "--fresh-processes", "false"]);
    assert_eq!((&update["fresh_processes"], &update["latest_version"]), (&json!(false), &json!(2)));
    person.server.stop();
}

#[test]
fn utilities_with_vulnerable_packages_are_found() {
    // Not below /tmp, which is each sandbox's own.
    let files = tempfile::tempdir_in("/var/tmp").expect("a temporary directory can be made");
    let write = |file: &str, text: &str| {
        let path = files.path().join(file);
        fs::create_dir_all(path.parent().expect("it lies in a directory")).expect("directories can be made");
        fs::write(path, text).expect("the directory is writable");
    };
    write("packages/leaky.py", "def pour(value):\n    return value\n");
    write("packages/leaky-1.9.dist-info/METADATA", "Metadata-Version: 2.1\nName: Leaky\nVersion: 1.9\n");
    write("packages/leaky-1.9.dist-info/RECORD", "leaky.py,,\n");
    let package = json!({"ecosystem": "PyPI", "name": "leaky"});
    let range = json!({"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.10"}]});
    let advisory = json!({"id": "GHSA-leak", "summary": "it pours", "affected": [{"package": package, "ranges": [range]}]});
    write("advisories/leak.json", &advisory.to_string());
    // A sandbox runs as somebody else.
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(files.path(), everybody).expect("it is ours");
    let place = files.path().display();
    let toml = format!("advisories = \"{place}/advisories\"\n[sandbox]\npackages = \"{place}/packages\"\n");

    let person = Person::of(Server::configured(&toml));
    let code = "import leaky\n\n\ndef transform(value):\n    return leaky.pour(value)\n";
    let made = person.create("pourer", code).with_code(OK).json();
    assert_eq!(made["imports"], json!(["leaky"]));
    assert_eq!(made["vulnerable_imports"]["imports"], json!([{"module": "leaky", "advisories": ["GHSA-leak"]}]));
    let got = person.zona(&["utility", "get", "pourer"]).with_code(OK).text();
    assert!(got.contains("leaky (vulnerable: GHSA-leak)"), "{got}");
    person.create("plain", SCRIPT).with_code(OK);
    let listed = person.answer(&["utility", "list", "--vulnerable"]);
    let names: Vec<&str> = listed.as_array().into_iter().flatten().filter_map(|utility| utility["name"].as_str()).collect();
    assert_eq!(names, ["tenants/demo/utilities/pourer"]);
    let shown = person.zona(&["runtime", "show", "python"]).with_code(OK).text();
    assert!(shown.contains("Leaky") && shown.contains("GHSA-leak in Leaky 1.9: it pours"), "{shown}");
    let poured = person.zona(&["transform", "pourer", "--value", "7"]).with_code(OK).text();
    assert_eq!(poured.trim(), "7");

    // Another database's words on the same fault, while the server runs.
    let mut known = advisory.clone();
    known["id"] = json!("PYSEC-leak");
    known["aliases"] = json!(["GHSA-leak"]);
    write("advisories/pypi/leak.json", &known.to_string());
    let shown = || person.zona(&["runtime", "show", "python"]).with_code(OK).text();
    let merged = || shown().contains("GHSA-leak in Leaky 1.9: it pours (also PYSEC-leak)");
    assert!(host::eventually(Duration::from_secs(60), merged), "{}", shown());
    person.server.stop();
}
