//! Several runtimes of one server: each program has the packages of its own, and no sandbox serves two.
//!
//! The others are those of deploy/runtimes, as `cargo xtask setup` builds them: images, and directories in its cache.

use std::fs;
use std::path::{Path, PathBuf};

use domain::name::RuntimeId;
use domain::sandbox::{Error, Isolation, Job, Reason, Sandbox as _};
use sandbox::{Config, RuntimeConfig, RuntimeFacts};

use crate::support::{Host, Kind, script};

const IMAGE: &str = "zona/runtime-security:1.1.0";
const YAML: &str = "import yaml\ndef main():\n    return yaml.safe_load('a: [1, 2]')";

/// Programs that use every package that a runtime is built for, and answer with what was not as expected.
const USES: [(&str, &str); 2] = [("security", include_str!("runtimes/security.py")), ("data", include_str!("runtimes/data.py"))];

/// The directory of a runtime, where sandboxes can read it.
struct Packages(tempfile::TempDir, &'static str);

impl Packages {
    fn new() -> Self {
        Packages::of("security")
    }

    fn of(runtime: &'static str) -> Self {
        // Not below /tmp, which is each sandbox's own.
        let place = tempfile::tempdir_in("/var/tmp").unwrap();
        fs::set_permissions(place.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let built = cache().join("runtimes").join(runtime);
        assert!(built.is_dir(), "{} is missing: run `cargo xtask setup`", built.display());
        copy(&built, &place.path().join(runtime));
        Packages(place, runtime)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join(self.1)
    }

    async fn host(&self, kind: Kind, change: impl FnOnce(&mut Config)) -> Host {
        let image = Some(IMAGE.to_owned());
        let runtime = RuntimeConfig { name: self.1.to_owned(), packages: vec![self.path()], image, ..RuntimeConfig::default() };
        let configured = |config: &mut Config| {
            config.runtimes = vec![runtime];
            change(config);
        };
        Host::open_with(kind, configured).await
    }
}

fn cache() -> PathBuf {
    let ours = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let user = || ours("XDG_CACHE_HOME").or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    ours("XTASK_CACHE_DIR").or_else(|| Some(user()?.join("zona"))).expect("this user has a home")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn on(runtime: &str, code: &str) -> Job {
    Job { runtime: RuntimeId::new(runtime), ..script(code) }
}

async fn each_program_has_the_packages_of_its_own_runtime(kind: Kind) {
    let packages = Packages::new();
    let host = packages.host(kind, |_| {}).await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let parsed = host.run(on("security", YAML)).await;
        assert_eq!(parsed.outcome.as_deref(), Ok(r#"{"a":[1,2]}"#));
        let missing = host.run(on("python", YAML)).await;
        let failure = missing.outcome.unwrap_err();
        assert_eq!(failure.reason, Reason::UserError);
        assert!(failure.message.contains("No module named 'yaml'"), "{failure:?}");
        assert_eq!(
            (parsed.attestation.runtime.to_string(), missing.attestation.runtime.to_string()),
            ("security".to_owned(), "python".to_owned())
        );
        assert_ne!(parsed.attestation.runtime_digest, missing.attestation.runtime_digest);
        seen.push((parsed.attestation.sandbox, missing.attestation.sandbox));
    }
    assert!(seen.iter().all(|(one, _)| seen.iter().all(|(_, other)| one != other)), "one tenant, two runtimes, one sandbox: {seen:?}");
    assert_eq!(seen[0], seen[1], "each stays the tenant's");
    let loaded = host.run(on("security", "import sys\ndef main():\n    return ['yaml' in sys.modules, 'smtplib' in sys.modules]")).await;
    assert_eq!(loaded.outcome.as_deref(), Ok("[true,false]"), "imported before the program, as the runtime says");
    let single = host.run(Job { isolation: Isolation::OneShot, ..on("security", YAML) }).await;
    assert_eq!((single.outcome.as_deref(), single.attestation.runtime.to_string()), (Ok(r#"{"a":[1,2]}"#), "security".to_owned()));
    host.close().await;
}

async fn a_runtime_says_what_it_was_built_of(kind: Kind) {
    let packages = Packages::new();
    let host = packages.host(kind, |_| {}).await;
    let facts = host.sandboxes.runtime("security").await.unwrap();
    let RuntimeFacts { version, lock, interface, .. } = &*facts;
    assert!(version == "1.1.0" && lock.starts_with("sha256:"), "{version} {lock}");
    let yaml = facts.packages.iter().find(|package| package.name == "PyYAML").unwrap();
    assert!(yaml.modules.contains(&"yaml".to_owned()), "{yaml:?}");
    assert!(matches!(yaml.hashes.as_slice(), [hash] if hash.starts_with("sha256:") && hash.len() == 71), "{yaml:?}");
    let interface = interface.as_deref().unwrap();
    assert!(interface.lines().any(|line| line.starts_with("yaml + ") && line.contains(" safe_load ")), "{interface}");
    assert!(interface.lines().any(|line| line.starts_with("yaml - ") && line.contains(" load:deserialization ")), "{interface}");
    let names: Vec<&str> = host.sandboxes.runtime_names().collect();
    assert_eq!(names, ["python", "security"]);
    let Err(Error::Refused { reason, message }) = host.sandboxes.start(on("cobol", YAML)).await else { panic!("it started") };
    assert!(reason == "RUNTIME_UNKNOWN" && message.contains("`python`, `security`"), "{message}");
    host.close().await;
}

async fn a_runtime_that_cannot_be_used_leaves_the_others_alone(kind: Kind) {
    let packages = Packages::new();
    fs::write(packages.path().join("zona-runtime.api"), "garbage").unwrap();
    let broken = |config: &mut Config| {
        // As the image has a good one, there it is the image that is missing.
        config.runtimes[0].image = Some("zona/no-such-image:1".to_owned());
        config.interface_check = |text, _| if text.starts_with("garbage") { Err("line 1".to_owned()) } else { Ok(()) };
    };
    let host = packages.host(kind, broken).await;
    let expected = if kind == Kind::Docker { "RUNTIME_IMAGE_MISSING" } else { "RUNTIME_UNUSABLE" };
    for _ in 0..2 {
        let Err(Error::Refused { reason, message }) = host.sandboxes.start(on("security", YAML)).await else { panic!("it started") };
        assert!(reason == expected && message.contains("cargo xtask"), "{reason}: {message}");
        host.sandboxes.ready(Isolation::TenantWarm, &RuntimeId::default()).unwrap();
        assert_eq!(host.run(on("python", "def main():\n    return 1")).await.outcome.as_deref(), Ok("1"));
    }
    host.close().await;
}

async fn packages_that_were_changed_after_the_build_are_refused(kind: Kind) {
    let packages = Packages::new();
    let metadata = packages.path().join("PyYAML-6.0.2.dist-info/METADATA");
    let changed = fs::read_to_string(&metadata).unwrap().replace("Version: 6.0.2", "Version: 6.0.3");
    fs::write(&metadata, changed).unwrap();
    let host = packages.host(kind, |_| {}).await;
    let Err(Error::Refused { reason, message }) = host.sandboxes.runtime("security").await else { panic!("it is used") };
    assert!(reason == "RUNTIME_UNUSABLE" && message.contains("6.0.3 is installed"), "{reason}: {message}");
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_is_built_anew_under_a_server_is_refused_until_it_starts_again() {
    let packages = Packages::new();
    let host = packages.host(Kind::Namespace, |_| {}).await;
    let once = || Job { isolation: Isolation::OneShot, ..on("security", YAML) };
    assert_eq!(host.run(once()).await.outcome.as_deref(), Ok(r#"{"a":[1,2]}"#));
    let manifest = packages.path().join("zona-runtime.json");
    fs::copy(&manifest, packages.path().join("new")).unwrap();
    fs::rename(packages.path().join("new"), &manifest).unwrap();
    let Err(Error::Refused { reason, message }) = host.sandboxes.start(once()).await else { panic!("it started") };
    assert!(reason == "RUNTIME_UNUSABLE" && message.contains("zona-runtime.json") && message.contains("restart"), "{reason}: {message}");
    assert_eq!(host.run(on("python", "def main():\n    return 1")).await.outcome.as_deref(), Ok("1"));
    host.close().await;
    let again = packages.host(Kind::Namespace, |_| {}).await;
    assert_eq!(again.run(once()).await.outcome.as_deref(), Ok(r#"{"a":[1,2]}"#));
    again.close().await;
}

/// T1 has its modules from before the fork, where no thread may run; T3 imports them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_package_of_every_runtime_does_its_work() {
    for (runtime, program) in USES {
        let packages = Packages::of(runtime);
        let host = packages.host(Kind::Namespace, |_| {}).await;
        for isolation in [Isolation::TenantWarm, Isolation::OneShot] {
            let ran = host.run(Job { isolation, ..on(runtime, program) }).await;
            assert_eq!((ran.outcome.as_deref(), ran.pieces.len()), (Ok("{}"), 0), "{runtime} in {isolation:?}: {:?}", ran.pieces);
        }
        host.close().await;
    }
}

mod namespace {
    use super::Kind;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn each_program_has_the_packages_of_its_own_runtime() {
        super::each_program_has_the_packages_of_its_own_runtime(Kind::Namespace).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_runtime_says_what_it_was_built_of() {
        super::a_runtime_says_what_it_was_built_of(Kind::Namespace).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_runtime_that_cannot_be_used_leaves_the_others_alone() {
        super::a_runtime_that_cannot_be_used_leaves_the_others_alone(Kind::Namespace).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn packages_that_were_changed_after_the_build_are_refused() {
        super::packages_that_were_changed_after_the_build_are_refused(Kind::Namespace).await;
    }
}

mod docker {
    use super::Kind;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn each_program_has_the_packages_of_its_own_runtime() {
        super::each_program_has_the_packages_of_its_own_runtime(Kind::Docker).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_runtime_says_what_it_was_built_of() {
        super::a_runtime_says_what_it_was_built_of(Kind::Docker).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_runtime_that_cannot_be_used_leaves_the_others_alone() {
        super::a_runtime_that_cannot_be_used_leaves_the_others_alone(Kind::Docker).await;
    }
}
