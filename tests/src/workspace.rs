//! Where the parts of a story are: the workspace, its binary, and the tools that `cargo xtask setup` keeps in the cache.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::SystemTime,
};

/// What the binary is made of beside crates, below the workspace root.
const SOURCES: [&str; 5] = ["Cargo.lock", "console/dist", "docs/permissions.md", "examples", "proto"];
/// Crates that no binary of the product holds.
const NOT_SHIPPED: [&str; 2] = ["test-support", "xtask"];

/// The workspace root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies below the root").to_path_buf()
}

/// A path below the root.
pub fn path(relative: &str) -> PathBuf {
    root().join(relative)
}

/// Where this build writes to, e.g. `target/debug`.
fn profile_directory() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    let directory = test.ancestors().find(|directory| directory.ends_with("deps")).and_then(Path::parent);
    directory.or(test.parent()).expect("a file lies in a directory").to_path_buf()
}

/// Where stories keep what they build.
pub fn scratch() -> PathBuf {
    let directory = profile_directory().join("e2e");
    fs::create_dir_all(&directory).expect("the target directory is writable");
    directory
}

/// The `zona` binary of this workspace, in the profile of this build; built when it is missing or older than its sources.
/// `E2E_BINARY` names another one.
pub fn zona() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            if let Some(given) = env::var_os("E2E_BINARY") {
                return PathBuf::from(given);
            }
            let binary = profile_directory().join("zona");
            let newest = sources().iter().filter_map(|source| newest_below(source)).max();
            if fs::metadata(&binary).and_then(|found| found.modified()).ok() < newest {
                build();
            }
            assert!(binary.is_file(), "cargo build -p zona leaves no {}", binary.display());
            binary
        })
        .clone()
}

fn sources() -> Vec<PathBuf> {
    let crates = fs::read_dir(path("crates")).expect("the workspace has crates").map(|entry| entry.expect("it is readable").path());
    let shipped = crates.filter(|folder| NOT_SHIPPED.iter().all(|name| !folder.ends_with(name)));
    SOURCES.iter().map(|source| path(source)).chain(shipped).collect()
}

fn build() {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(["build", "--quiet", "--package", "zona", "--bin", "zona"]);
    if profile_directory().ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo starts");
    assert!(status.success(), "cargo build -p zona: {status}");
}

fn newest_below(path: &Path) -> Option<SystemTime> {
    let metadata = fs::metadata(path).ok()?;
    if metadata.is_file() {
        return metadata.modified().ok();
    }
    fs::read_dir(path).ok()?.filter_map(Result::ok).filter_map(|entry| newest_below(&entry.path())).max()
}

/// A program that `cargo xtask setup` provides: on PATH, or in its cache.
///
/// # Panics
/// When it is nowhere, with what to do.
pub fn tool(name: &str) -> PathBuf {
    let on_path =
        env::var_os("PATH").and_then(|path| env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file()));
    let usual = || Some(Path::new("/usr/local/go/bin").join(name)).filter(|file| file.is_file());
    on_path.or_else(|| cached(name)).or_else(usual).unwrap_or_else(|| panic!("{name} is missing: run `cargo xtask setup`"))
}

fn cached(name: &str) -> Option<PathBuf> {
    let prefix = format!("{name}-");
    let is_version = |rest: &str| rest.trim_start_matches('v').starts_with(|first: char| first.is_ascii_digit());
    let mut versions: Vec<PathBuf> = fs::read_dir(cache().join("tools")).ok()?.filter_map(Result::ok).map(|entry| entry.path()).collect();
    versions.retain(|version| version.file_name().and_then(|file| file.to_str()?.strip_prefix(&prefix)).is_some_and(is_version));
    versions.sort();
    versions.into_iter().map(|version| version.join("bin").join(name)).rfind(|file| file.is_file())
}

/// The Python of the virtual environment that holds what `tests/python/requirements.txt` names.
///
/// # Panics
/// When it is missing or holds something else, with what to do.
pub fn python() -> PathBuf {
    environment("python-client", "tests/python/requirements.txt", "cargo xtask setup")
}

/// The Python of the virtual environment that holds what `tests/openapi/requirements.txt` names.
///
/// # Panics
/// When it is missing or holds something else, with what to do.
pub fn openapi() -> PathBuf {
    environment("openapi-checks", "tests/openapi/requirements.txt", "cargo xtask setup")
}

/// The Python of the virtual environment that holds what `tests/peers/requirements.txt` names.
///
/// # Panics
/// When it is missing or holds something else, with what to do.
pub fn peers() -> PathBuf {
    environment("bench-peers", "tests/peers/requirements.txt", "cargo xtask bench --peers")
}

/// The directory of a runtime of deploy/runtimes, as it was built last.
///
/// # Panics
/// When it is missing, with what to do.
pub fn runtime(name: &str) -> PathBuf {
    let built = cache().join("runtimes").join(name);
    assert!(built.is_dir(), "{} is missing: run `cargo xtask setup`", built.display());
    built
}

fn environment(name: &str, requirements: &str, command: &str) -> PathBuf {
    let home = cache().join("tools").join(name);
    let wanted = fs::read_to_string(path(requirements)).expect("the requirements are committed");
    let installed = fs::read_to_string(home.join("requirements.txt")).unwrap_or_default();
    assert!(installed == wanted, "what {requirements} names is missing or old: run `{command}`");
    home.join("bin/python3")
}

/// PATH with the directories of these tools in front.
pub fn path_with(tools: &[&str]) -> std::ffi::OsString {
    let current = env::var_os("PATH").unwrap_or_default();
    let directories = tools.iter().filter_map(|name| tool(name).parent().map(Path::to_path_buf));
    env::join_paths(directories.chain(env::split_paths(&current))).expect("no directory has a colon in its name")
}

/// The cache of the task runner: `XTASK_CACHE_DIR`, else `zona` in the user's cache.
fn cache() -> PathBuf {
    let given = env::var_os("XTASK_CACHE_DIR").map(PathBuf::from);
    let user = || env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| env::home_dir().map(|home| home.join(".cache")));
    given.or_else(|| user().map(|directory| directory.join("zona"))).expect("a home directory, or XTASK_CACHE_DIR")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "no-such-tool is missing: run `cargo xtask setup`")]
    fn a_tool_that_is_nowhere_says_how_to_get_it() {
        tool("no-such-tool");
    }

    #[test]
    #[should_panic(expected = "what tests/python/requirements.txt names is missing or old: run `cargo xtask setup`")]
    fn an_environment_that_is_not_there_says_how_to_get_it() {
        environment("no-such-environment", "tests/python/requirements.txt", "cargo xtask setup");
    }
}
