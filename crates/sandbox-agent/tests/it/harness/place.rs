//! Where the agent under test runs: on this host, or in a hardened container.
//!
//! `ZONA_TEST_IMAGE` names a runtime image to run in with Docker; without it the agent makes its own namespaces. `PYTHON` names
//! another interpreter of this host than the system's. `ZONA_TEST_AGENT` names an agent that is built already.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command as Run,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use sandbox_protocol::{PROBE, control::Layout};

use crate::build_support;

const FIRST_UID: u32 = 710_000;
/// The container's user; containers are single machines to the agent, so one will do.
const CONTAINER_USER: u32 = 200_001;

/// The runtime image to test in, if any.
pub fn image() -> Option<String> {
    env::var("ZONA_TEST_IMAGE").ok()
}

/// A command that starts the agent with this directory's socket `s`, and the user it runs as. A container is told whether children are to
/// be put back, and an agent what it leaves out.
pub fn start(directory: &Path, restores: bool, off: &[&str]) -> (Run, u32) {
    let agent = if off.is_empty() { agent().to_owned() } else { weakened(directory, off) };
    match image() {
        Some(image) => (in_container(directory, &agent, &image, restores), CONTAINER_USER),
        None => on_host(directory, &agent),
    }
}

fn on_host(directory: &Path, agent: &Path) -> (Run, u32) {
    static NEXT_UID: AtomicU32 = AtomicU32::new(0);
    let mut run = Run::new(agent);
    run.arg("namespace").arg("--socket").arg(directory.join("s"));
    let current = rustix::process::getuid();
    if !current.is_root() {
        return (run, current.as_raw());
    }
    let uid = FIRST_UID + std::process::id() % 1000 * 1000 + NEXT_UID.fetch_add(1, Ordering::Relaxed);
    run.args(["--uid", &uid.to_string(), "--gid", &uid.to_string()]);
    (run, uid)
}

fn in_container(directory: &Path, agent: &Path, image: &str, restores: bool) -> Run {
    let profile = if restores { "seccomp-restore.json" } else { "seccomp.json" };
    let profile = workspace().join("deploy/sandbox").join(profile).canonicalize().unwrap();
    let user = format!("{CONTAINER_USER}:{CONTAINER_USER}");
    let mut run = Run::new("docker");
    run.args(["run", "--rm", "--network", "none", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"])
        .args(["--ipc", "none", "--log-driver", "none", "--memory", "1g", "--memory-swap", "1g", "--user", &user])
        .args(["--pids-limit", "64", "--volume", &format!("{0}:{0}:ro", packages().display())])
        .args(["--security-opt", &format!("seccomp={}", profile.display())])
        .args(["--volume", &format!("{}:/run/zona:ro", directory.display())])
        .args(["--volume", &format!("{}:/zona-agent:ro", agent.canonicalize().unwrap().display())])
        .args(["--entrypoint", "/zona-agent", image, "docker", "--socket", "/run/zona/s"]);
    run
}

/// A directory of packages for tests, at one path here and in the container.
pub fn packages() -> PathBuf {
    // Not below /tmp, where a clone may lie: that is each sandbox's own.
    let path = PathBuf::from("/var/tmp/zona-agent-tests").join("packages");
    fs::create_dir_all(&path).unwrap();
    path
}

/// What the sandbox root of the tested interpreter holds.
pub fn layout() -> &'static Layout {
    static LAYOUT: OnceLock<Layout> = OnceLock::new();
    LAYOUT.get_or_init(|| {
        let python = env::var("PYTHON").unwrap_or_else(|_| "/usr/bin/python3".to_owned());
        let mut run = match image() {
            Some(image) => {
                let mut run = Run::new("docker");
                run.args(["run", "--rm", "--network", "none", "--entrypoint", &python, &image]);
                run
            }
            None => Run::new(python),
        };
        let output = run.args(["-I", "-S", "-B", "-c", PROBE]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    })
}

/// The agent, built once per test run.
fn agent() -> &'static Path {
    static AGENT: OnceLock<PathBuf> = OnceLock::new();
    AGENT.get_or_init(|| match env::var_os("ZONA_TEST_AGENT") {
        Some(path) => PathBuf::from(path),
        None => build_support::build_agent(&workspace(), &workspace().join("target/agent-build")).unwrap(),
    })
}

/// An agent in this directory that leaves parts out, by their names: see the agent's `weaken`.
fn weakened(directory: &Path, off: &[&str]) -> PathBuf {
    static PLAIN: OnceLock<Vec<u8>> = OnceLock::new();
    let plain = PLAIN.get_or_init(|| {
        fs::read(build_support::build_weakened_agent(&workspace(), &workspace().join("target/weakened-agent")).unwrap()).unwrap()
    });
    let path = directory.join("weakened-agent");
    fs::write(&path, [plain.as_slice(), format!("ZONA-WEAKENED:{}", off.join(",")).as_bytes()].concat()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
