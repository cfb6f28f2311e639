//! A host that grants no user namespaces: what says so, and the backend for it. The host is this one, seen by a user without a single
//! right from a user namespace in which no further one may be made, or from an ordinary container.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Done, Source, zona};

/// Forbids user namespaces below its own, gives up every capability, and becomes what follows.
const FORBID: &str = "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --ambient-caps=-all --inh-caps=-all -- \"$@\"";
const USER: &str = "4242";

struct Forbidding {
    directory: TempDir,
}

impl Forbidding {
    fn new() -> Self {
        Forbidding { directory: tempfile::Builder::new().prefix("zona").tempdir().unwrap() }
    }

    fn run(&self, arguments: &[&str]) -> Done {
        let binary = zona();
        let mut command = Command::new("unshare");
        command.args(["--user", "--keep-caps", &format!("--map-user={USER}"), &format!("--map-group={USER}"), "sh", "-c", FORBID, "sh"]);
        command.arg(binary.get_program()).args(arguments);
        command.env("ZONA_SANDBOX__RUNTIME_DIRECTORY", self.directory.path().join("run"));
        // A daemon sees other users than this namespace does.
        command.env("ZONA_SANDBOX__DOCKER_SOCKET", "/nonexistent");
        command.env("XDG_CONFIG_HOME", "/nonexistent").env("XDG_DATA_HOME", self.directory.path());
        command.output().unwrap().into()
    }

    fn exec(&self, backend: &str) -> Done {
        let source = Source::new("program.py", "def transform(value):\n    return value * 2\n");
        self.run(&["sandbox", "exec", source.path(), "--backend", backend, "--params", r#"{"value": 21}"#, "-o", "json"])
    }
}

#[test]
fn without_user_namespaces_a_program_is_refused_until_landlock_is_chosen() {
    let host = Forbidding::new();
    let refused = host.exec("namespace").expect(5);
    assert!(refused.stderr.contains("user.max_user_namespaces"), "{refused:?}");
    let json = host.exec("landlock").expect(0).json();
    assert_eq!((&json["status"], &json["result"]), (&"SUCCEEDED".into(), &42.into()));
    let attestation = &json["attestation"];
    assert_eq!(
        (&attestation["backend"], &attestation["tier"], &attestation["namespaces"]),
        (&"landlock".into(), &"T1".into(), &Value::Array(Vec::new()))
    );
    assert_eq!(attestation["uid"], 4242);
}

#[test]
fn the_doctor_says_what_is_forbidden_and_which_backend_works() {
    let json = Forbidding::new().run(&["doctor", "-o", "json"]).expect(6).json();
    let check = |name: &str| json["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap()["verdict"].clone();
    assert_eq!((check("user namespaces"), check("landlock")), ("bad".into(), "good".into()));
    let works: Vec<_> = json["tiers"].as_array().unwrap().iter().filter(|tier| tier["works"] == true).collect();
    assert!(works.iter().any(|tier| (&tier["backend"], &tier["tier"]) == (&"landlock".into(), &"T1".into())), "{json:#}");
    assert!(works.iter().all(|tier| tier["backend"] != "namespace"), "{json:#}");
}

#[test]
fn the_battery_holds_for_a_server_without_any_right() {
    let json = Forbidding::new().run(&["doctor", "--attack", "--backend", "landlock", "--tier", "T1", "-o", "json"]).expect(0).json();
    assert_eq!(json["holds"], true);
    let probes = json["tiers"][0]["probes"].as_array().unwrap();
    let open: Vec<_> = probes.iter().filter(|probe| probe["outcome"] != "stopped").collect();
    assert!(open.iter().all(|probe| probe["outcome"] == "open") && open.len() < 6 && probes.len() > 90, "{open:#?}");
}

/// Docker's own profile refuses namespaces; this one refuses Landlock.
const WITHOUT_LANDLOCK: &str = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}"#;

/// What the doctor says of T1 on Landlock, and of the kernel, in a container with no network, no rights and a read-only root.
fn doctor_in_a_container(options: &[&str], code: i32) -> (Value, Value) {
    let binary = format!("{}:/zona:ro", zona().get_program().display());
    let done: Done = Command::new("docker")
        .args(["run", "--rm", "--network=none", "--read-only", "--user=65534:65534", "--tmpfs=/tmp:exec"])
        .args(["--env=XDG_DATA_HOME=/tmp/data", "--env=ZONA_SANDBOX__RUNTIME_DIRECTORY=/tmp/run", "--env=ZONA_SANDBOX__BACKEND=landlock"])
        // The binary needs it, and the runtime image does not have it.
        .args(["--volume=/lib/x86_64-linux-gnu/libgcc_s.so.1:/lib/x86_64-linux-gnu/libgcc_s.so.1:ro", "--volume", &binary])
        .args(options)
        .args(["--entrypoint=/zona", "zona/runtime-python:3.11", "doctor", "-o", "json"])
        .output()
        .unwrap()
        .into();
    let json = done.expect(code).json();
    let find = |list: &str, key: &str, name: &str| json[list].as_array().unwrap().iter().find(|item| item[key] == name).unwrap().clone();
    (find("tiers", "backend", "landlock"), find("checks", "name", "landlock"))
}

#[test]
fn an_ordinary_container_is_enough_for_landlock() {
    let (tier, check) = doctor_in_a_container(&[], 0);
    assert_eq!((&tier["works"], &check["verdict"]), (&true.into(), &"good".into()), "{tier:#}");
}

#[test]
fn a_kernel_without_landlock_is_named_with_what_it_lacks() {
    let profile = Source::new("seccomp.json", WITHOUT_LANDLOCK);
    let (tier, check) = doctor_in_a_container(&[&format!("--security-opt=seccomp={}", profile.path())], 6);
    assert_eq!((&tier["works"], &check["verdict"]), (&false.into(), &"limited".into()), "{tier:#}");
    for words in [&tier["problem"], &check["advice"]] {
        assert!(words.as_str().unwrap().contains("lsm="), "{words}");
    }
}
