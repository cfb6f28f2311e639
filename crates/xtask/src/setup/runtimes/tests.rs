//! The build of a runtime, from a wheel made on the spot: no index is asked.

mod lock;

use std::os::unix::fs::MetadataExt as _;
use std::process::Output;

use tempfile::TempDir;

use super::*;

const WHEEL: &str = r#"
import hashlib, sys, zipfile
# What the module finds when it is imported, as the names that it offers.
SEEN = '''
import os
inode = os.readlink("/proc/self/ns/net").strip("net:[]")
capabilities = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff"))
__all__ = [f"user_{os.getuid()}", f"network_{inode}", f"process_{os.getpid()}", f"capabilities_{int(capabilities, 16)}"]
globals().update(dict.fromkeys(__all__, 1))
'''
path = sys.argv[1] + "/acme_tools-1.2-py3-none-any.whl"
info = "acme_tools-1.2.dist-info/"
files = {
    "acme_tools/__init__.py": "import os\nfrom acme_tools import text\n\ndef clean(value):\n    return value.strip()\n",
    "acme_tools/text.py": "def fold(value):\n    return value.casefold()\n",
    "acme_tools/seen.py": SEEN,
    info + "METADATA": "Metadata-Version: 2.1\nName: acme-tools\nVersion: 1.2\n",
    info + "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
files[info + "RECORD"] = "".join(f"{name},,\n" for name in [*files, info + "RECORD"])
with zipfile.ZipFile(path, "w") as wheel:
    for name, text in files.items():
        wheel.writestr(name, text)
print(hashlib.sha256(open(path, "rb").read()).hexdigest())
"#;

/// A recipe of a runtime, an index that is a directory, and a place to build into.
struct Bench {
    directory: TempDir,
    hash: String,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = Command::new("/usr/bin/python3").args(["-I", "-c", WHEEL]).arg(directory.path()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let bench = Bench { directory, hash: String::from_utf8(made.stdout).unwrap().trim().to_owned() };
        bench.lock(&format!("acme-tools==1.2 --hash=sha256:{}\n", bench.hash));
        bench.recipe(&python());
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn recipe(&self, python: &str) {
        let text = format!("name = \"acme\"\nversion = \"1\"\npython = \"{python}\"\ndescription = \"a test\"\n");
        fs::write(self.path("runtime.toml"), text).unwrap();
    }

    /// The one lock of the recipe.
    fn locked(&self, name: &str, text: &str) {
        for other in ["requirements.lock", "pylock.toml"] {
            let _absent_mostly = fs::remove_file(self.path(other));
        }
        fs::write(self.path(name), text).unwrap();
    }

    fn lock(&self, text: &str) {
        self.locked("requirements.lock", text);
    }

    fn build(&self) -> Output {
        let mut command = build(&Workspace::find().unwrap()).unwrap();
        command.arg("directory").arg(self.directory.path()).arg(self.path("built"));
        // pip may keep its own directory for temporary files; the index is ours alone.
        command.env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", self.directory.path()).output().unwrap()
    }

    fn refused(&self, words: &str) {
        let output = self.build();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.starts_with("build: ") && said.contains(words), "{said}");
    }

    fn built(&self, file: &str) -> String {
        fs::read_to_string(self.path("built").join(file)).unwrap()
    }
}

/// `major.minor` of the interpreter that builds.
fn python() -> String {
    let script = "import sys; print('%d.%d' % sys.version_info[:2])";
    let output = Command::new("/usr/bin/python3").args(["-I", "-c", script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_locked_wheel_is_installed_with_its_hash_and_what_it_offers() {
    let bench = Bench::new();
    let output = bench.build();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(bench.path("built/acme_tools/__init__.py").is_file());
    let manifest = bench.built("zona-runtime.json");
    for part in
        ["\"name\":\"acme-tools\",\"version\":\"1.2\",\"modules\":[\"acme_tools\"]", &format!("\"hashes\":[\"sha256:{}\"]", bench.hash)]
    {
        assert!(manifest.contains(part), "{part}: {manifest}");
    }
    let interface = bench.built("zona-runtime.api");
    for line in ["acme_tools + clean", "acme_tools - os:module-pivot", "acme_tools.text + fold"] {
        assert!(interface.lines().any(|other| other == line), "{line}: {interface}");
    }
}

#[test]
fn packages_are_imported_without_network_and_rights() {
    let bench = Bench::new();
    let output = bench.build();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let interface = bench.built("zona-runtime.api");
    let names = interface.lines().find_map(|line| line.strip_prefix("acme_tools.seen + ")).expect("the module was imported");
    let has = |wanted: &str| names.split(' ').any(|name| name == wanted);
    let builder = fs::metadata(bench.path("requirements.lock")).unwrap().uid();
    assert!(has(&format!("user_{}", if builder == 0 { 65_534 } else { builder })), "{names}");
    assert!(has("capabilities_0") && has("process_1"), "{names}");
    let network = fs::read_link("/proc/self/ns/net").unwrap();
    let network = network.to_str().unwrap().trim_matches(|letter: char| !letter.is_ascii_digit());
    assert!(names.contains("network_") && !has(&format!("network_{network}")), "{names}");
}

#[test]
fn a_wheel_of_another_hash_ends_the_build_and_changes_nothing() {
    let bench = Bench::new();
    assert!(bench.build().status.success());
    let before = bench.built("zona-runtime.json");
    bench.lock(&format!("acme-tools==1.2 --hash=sha256:{}\n", "0".repeat(64)));
    bench.refused("does not have the hash");
    assert_eq!(bench.built("zona-runtime.json"), before);
    let left: Vec<_> = fs::read_dir(bench.directory.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with('.')), "{left:?}");
}

#[test]
fn a_directory_that_holds_something_else_is_left_alone() {
    let bench = Bench::new();
    fs::create_dir(bench.path("built")).unwrap();
    fs::write(bench.path("built/diary"), "dear").unwrap();
    bench.refused("holds something else");
    assert_eq!(bench.built("diary"), "dear");
}

#[test]
fn a_recipe_changes_a_file_at_the_one_place_that_it_names_and_leaves_directories_out() {
    let bench = Bench::new();
    let amended = |file: &str, old: &str, more: &str| {
        bench.recipe(&python());
        let text = fs::read_to_string(bench.path("runtime.toml")).unwrap();
        fs::write(bench.path("runtime.toml"), format!("{more}{text}[[amend]]\nfile = \"{file}\"\nold = \"{old}\"\nnew = \"lower\"\n"))
            .unwrap();
    };
    for (file, old, words) in [
        ("acme_tools/text.py", "nowhere", "has 'nowhere' 0 times, and must have it once"),
        ("acme_tools/text.py", "a", "times, and must have it once"),
        ("acme_tools/text.py", "", "times, and must have it once"),
        ("acme_tools/none.py", "a", "there is no acme_tools/none.py to amend"),
        ("../runtime.toml", "a", "there is no ../runtime.toml to amend"),
    ] {
        amended(file, old, "");
        bench.refused(words);
    }
    amended("acme_tools/text.py", "casefold", "leave_out = [\"*/tests\"]\n");
    bench.refused("leave_out has */tests, and there is no such directory");
    assert!(!bench.path("built").exists());
    amended("acme_tools/text.py", "casefold", "leave_out = [\"acme_tools-*\"]\n");
    bench.refused("these were not installed: acme-tools");
    amended("acme_tools/text.py", "casefold", "");
    let output = bench.build();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(bench.built("acme_tools/text.py").contains("value.lower()"));
}

#[test]
fn a_runtime_is_built_for_the_python_that_it_is_locked_for() {
    let bench = Bench::new();
    bench.recipe("3.7");
    bench.refused("is for Python 3.7");
}
