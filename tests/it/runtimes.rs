//! Two runtimes on one server, from the command line and through gRPC: what is in them, what a utility of each may use, and what
//! becomes of one when its runtime does not have what it needs.

use std::{fs, process::Command};

use api_proto::zona::utility::v1::{ValidateCodeRequest, utility_service_client::UtilityServiceClient};
use e2e::{
    command::{Ended, run},
    server::{Backend, Server},
    workspace,
};
use serde_json::{Value, json};

const OK: i32 = 0;
const USAGE: i32 = 2;
const IMAGE: &str = "zona/runtime-security:1.1.0";
const CODE: &str = "import yaml\n\n\ndef transform(value):\n    return yaml.safe_load(value)\n";

struct Person {
    server: Server,
    files: tempfile::TempDir,
}

impl Person {
    /// With a server that has the runtime `security`, beside the default one.
    fn on(backend: Backend) -> Self {
        // Not below /tmp, which is each sandbox's own; and sandboxes run as somebody else.
        let files = tempfile::tempdir_in("/var/tmp").expect("a temporary directory can be made");
        fs::set_permissions(files.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("it is ours");
        let packages = files.path().join("security");
        let copied = run(Command::new("cp").arg("-r").arg(workspace::runtime("security")).arg(&packages));
        assert_eq!(copied.code, Some(0), "{}", copied.errors());
        let toml = format!("[runtimes.security]\nimage = \"{IMAGE}\"\npackages = \"{}\"\n", packages.display());
        let server = Server::configured_on(&files.path().join("data"), backend, &toml);
        fs::write(files.path().join("code.py"), CODE).expect("the directory is writable");
        Person { server, files }
    }

    fn zona(&self, words: &[&str]) -> Ended {
        run(self.server.zona().current_dir(self.files.path()).args(words))
    }

    #[track_caller]
    fn answer(&self, words: &[&str]) -> Value {
        self.zona(&[words, &["-o", "json"]].concat()).with_code(OK).json()
    }

    fn create(&self, id: &str, runtime: &str) -> Ended {
        self.zona(&["utility", "create", id, "--file", "code.py", "--runtime", runtime])
    }
}

fn a_utility_lives_on_the_runtime_that_it_names(backend: Backend) {
    let person = Person::on(backend);
    let listed = person.answer(&["runtime", "list"]);
    let names: Vec<_> = listed.as_array().into_iter().flatten().map(|runtime| (&runtime["name"], &runtime["version"])).collect();
    let version = if backend == Backend::Docker { json!("3.11") } else { json!("") };
    assert_eq!(
        names,
        [(&json!("tenants/demo/runtimes/python"), &version), (&json!("tenants/demo/runtimes/security"), &json!("1.1.0"))],
        "{listed}"
    );
    let shown = person.answer(&["runtime", "show", "security"]);
    let packages = shown["packages"].as_array().expect("it has packages");
    let yaml = packages.iter().find(|package| package["name"] == json!("PyYAML")).expect("it has PyYAML");
    assert!(yaml["hashes"][0].as_str().is_some_and(|hash| hash.starts_with("sha256:")), "{yaml}");
    let allowed = |runtime: &Value| runtime["allowed_modules"].as_array().into_iter().flatten().any(|module| module == "yaml");
    assert!(allowed(&shown) && !allowed(&person.answer(&["runtime", "show", "python"])));
    let table = person.zona(&["runtime", "show", "security"]).with_code(OK).text();
    assert!(table.contains("PyYAML") && table.contains("sha256:3ad2a3decf9a") && table.contains("lock"), "{table}");

    let refused = person.create("parse", "python").with_code(USAGE);
    assert!(refused.errors().contains("the runtime does not have `yaml`"), "{}", refused.errors());
    let refused = person.create("parse", "cobol").with_code(USAGE);
    assert!(
        refused.errors().contains("utility.runtime: there is no runtime `cobol`; this server has `python`, `security`"),
        "{}",
        refused.errors()
    );
    person.create("parse", "security").with_code(OK);
    let stored = person.answer(&["utility", "get", "parse", "--version", "1"]);
    assert_eq!((&stored["runtime"], &stored["compiled_on"]), (&json!("security"), &shown["digest"]), "{stored}");
    let parsed = person.zona(&["transform", "parse", "--value", r#""a: [1, 2]""#]).with_code(OK).text();
    assert_eq!(parsed.split_whitespace().collect::<String>(), r#"{"a":[1,2]}"#);
    let moved = person.zona(&["utility", "update", "parse", "--runtime", "python"]).with_code(USAGE);
    assert!(moved.errors().contains("the runtime does not have `yaml`"), "{}", moved.errors());

    // What a package carries along, or is known to do with data, is not part of its interface.
    for (module, attempt, words) in [
        ("yaml", "yaml.load(value, yaml.Loader)", "`yaml.load`"),
        ("yaml", "yaml.io.open", "`yaml.io`"),
        ("jinja2", "jinja2.Template(value).render()", "`jinja2.Template`"),
        ("jinja2", "jinja2.FileSystemLoader('/')", "`jinja2.FileSystemLoader`"),
        ("pydantic", "pydantic.TypeAdapter(value)", "`pydantic.TypeAdapter`"),
        ("pydantic", "pydantic.ImportString", "`pydantic.ImportString`"),
        ("pytz", "pytz.open_resource(value)", "`pytz.open_resource`"),
        ("tldextract", "tldextract.remote", "`tldextract.remote`"),
        ("cffi", "cffi.FFI()", "`cffi`"),
    ] {
        let code = format!("import {module}\n\n\ndef transform(value):\n    return {attempt}\n");
        fs::write(person.files.path().join("code.py"), code).expect("the directory is writable");
        let refused = person.create("worse", "security").with_code(USAGE);
        assert!(refused.errors().contains(words), "{attempt}: {}", refused.errors());
    }
    let code = include_str!("runtimes/parse.py");
    fs::write(person.files.path().join("code.py"), code).expect("the directory is writable");
    person.create("wide", "security").with_code(OK);
    let parsed = person.zona(&["transform", "wide", "--value", r#""http://a.bbc.co.uk/""#]).with_code(OK).text();
    assert_eq!(parsed.split_whitespace().collect::<String>(), r#"{"domain":"bbc","page":"a","ok":true}"#);
    person.server.stop();
}

#[test]
fn a_utility_lives_on_the_runtime_that_it_names_without_a_daemon() {
    a_utility_lives_on_the_runtime_that_it_names(Backend::Namespace);
}

#[test]
fn a_utility_lives_on_the_runtime_that_it_names_in_containers() {
    a_utility_lives_on_the_runtime_that_it_names(Backend::Docker);
}

#[tokio::test(flavor = "multi_thread")]
async fn code_is_validated_for_the_runtime_of_the_request() {
    let person = Person::on(Backend::Namespace);
    let url = format!("http://{}", person.server.address());
    let mut client = UtilityServiceClient::connect(url).await.expect("the server answers");
    let mut validate = async |runtime: &str| {
        let request = ValidateCodeRequest {
            parent: "tenants/demo".to_owned(),
            code: CODE.as_bytes().to_vec(),
            runtime: runtime.to_owned(),
            ..Default::default()
        };
        client.validate_code(request).await
    };
    assert!(validate("security").await.expect("it is validated").into_inner().accepted);
    let found = validate("").await.expect("it is validated").into_inner().findings;
    assert_eq!(found.iter().map(|finding| finding.rule.as_str()).collect::<Vec<_>>(), ["ZPY-DEPENDENCY-002"]);
    let unknown = validate("cobol").await.expect_err("there is none");
    assert_eq!(unknown.code(), tonic::Code::InvalidArgument);
    person.server.stop();
}

#[test]
fn a_runtime_that_is_not_there_is_listed_with_the_reason_and_the_others_work() {
    let files = tempfile::tempdir().expect("a temporary directory can be made");
    let toml = "[runtimes.gone]\nimage = \"zona/no-such-image:1\"\n";
    let person = Person { server: Server::configured_on(&files.path().join("data"), Backend::Docker, toml), files };
    let listed = person.answer(&["runtime", "list"]);
    assert!(listed[0]["problem"].as_str().is_some_and(|problem| problem.contains("zona/no-such-image:1")), "{listed}");
    assert_eq!(listed[1]["problem"], json!(""), "{listed}");
    let environment = [("ZONA_RUNTIMES__GONE__IMAGE", "zona/no-such-image:1"), ("ZONA_SANDBOX__BACKEND", "docker")];
    let doctor = run(person.server.zona().args(["doctor", "-o", "json"]).envs(environment));
    let checks = doctor.json()["checks"].clone();
    let gone =
        |check: &&Value| check["detail"].as_str().is_some_and(|detail| detail.contains("gone: ") && detail.contains("no-such-image"));
    assert!(checks.as_array().into_iter().flatten().find(gone).is_some_and(|check| check["verdict"] != json!("good")), "{checks}");
    person.server.stop();
}
