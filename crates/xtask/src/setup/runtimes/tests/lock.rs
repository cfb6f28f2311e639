//! How locks are read: what tools really write, what is refused at its place with a way out, and what pip would have read in
//! another way.

use super::*;

/// Prints what a lock names, as the build reads it for Python 3.11.
const READER: &str = r#"
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import lock
text = Path(sys.argv[2]).read_text(encoding="utf-8")
try:
    found = lock.read(Path(sys.argv[3]), text, lock.Target("3.11"))
except lock.Refused as refused:
    sys.exit(str(refused))
for name, (version, hashes) in sorted(found.items()):
    print(name, version, len(hashes))
"#;
const PYLOCK: &str = "lock-version = \"1.0\"\ncreated-by = \"a test\"\n";

/// What is read of a lock under one of the two names, or what is said against it.
fn read(text: &str, name: &str) -> Result<String, String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lock");
    fs::write(&file, text).unwrap();
    let tools = Workspace::find().unwrap().path("deploy/runtimes");
    let output = Command::new("/usr/bin/python3").args(["-B", "-c", READER]).arg(tools).arg(&file).arg(name).output().unwrap();
    let said = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(said(output.stdout)) } else { Err(said(output.stderr)) }
}

#[track_caller]
fn refused(text: &str, name: &str, words: &[&str]) {
    let said = read(text, name).unwrap_err();
    assert!(words.iter().all(|part| said.contains(part)) && !said.contains("Traceback"), "{text}: {said}");
}

#[test]
fn what_tools_write_is_taken_as_it_is() {
    for (text, name) in [
        (include_str!("locks/uv-export.pylock.toml"), "pylock.toml"),
        (include_str!("locks/pip-lock.pylock.toml"), "pylock.toml"),
        (include_str!("locks/uv-pip-compile.lock"), "requirements.lock"),
        (include_str!("locks/pip-compile.lock"), "requirements.lock"),
    ] {
        let found = read(text, name).unwrap();
        let named: Vec<_> = found.lines().map(|line| line.rsplit_once(' ').unwrap().0).collect();
        assert_eq!(named, ["idna 3.20", "pysocks 1.7.1"], "what is for Windows or an older Python is left out: {text:.200}");
    }
}

#[test]
fn a_requirement_that_is_for_several_targets_is_refused_with_the_command_that_writes_another_lock() {
    let hash = format!("--hash=sha256:{}", "0".repeat(64));
    let way_out = "written by `uv pip compile --generate-hashes --python-version 3.11 ";
    for (line, why) in [
        (format!("acme==1; sys_platform == 'win32' {hash}"), "without a marker"),
        (format!("acme[fast]==1 {hash}"), "without extras"),
        ("--index-url https://example.org/simple".to_owned(), "options have no place in a lock"),
        ("-r other.txt".to_owned(), "options have no place in a lock"),
        (format!("acme @ https://example.org/acme.whl {hash}"), "not from an address"),
        ("https://pypi.org/x.whl".to_owned(), "not from an address"),
        (format!("acme>=1 {hash}"), "a version is missing"),
        ("acme".to_owned(), "a version is missing"),
        ("acme==1".to_owned(), "hashes are missing"),
        ("acme==1 --hash=sha256:00".to_owned(), "must be name==version --hash=sha256:..."),
    ] {
        refused(&format!("# a comment\n{line}\n"), "requirements.lock", &["line 2: must be name==version", why, way_out]);
    }
    refused(include_str!("locks/uv-export.txt"), "requirements.lock", &["line 3: ", "without a marker", "`uv export --format pylock.toml"]);
    refused(&format!("acme==1 {hash}\nAcme==2 {hash}\n"), "requirements.lock", &["line 2: Acme is there twice"]);
}

#[test]
fn a_comment_hides_no_requirement_whatever_it_ends_in() {
    let hash = format!("--hash=sha256:{}", "0".repeat(64));
    for text in [
        format!("# C:\\wheels\\\nacme==1 {hash}\n"),
        format!("acme==1 \\\n    {hash} \\\n    # via other\n"),
        format!("acme==1 {hash}\n  # indented \\\n\n"),
        format!("acme==1 \\\n    {hash}\\"),
    ] {
        assert_eq!(read(&text, "requirements.lock").unwrap(), "acme 1 1\n", "{text}");
    }
    let hidden = format!("acme==1 {hash} # ours \\\nother==1 {hash}\n");
    refused(&hidden, "requirements.lock", &["line 1: a comment that ends in a backslash takes the next line along"]);
    assert_eq!(read("# nothing\n\n# at all \\\n", "requirements.lock").unwrap(), "", "a lock of comments is one without packages");
}

#[test]
fn a_field_of_a_pylock_that_cannot_be_used_is_named() {
    let package = |more: &str| format!("{PYLOCK}[[packages]]\nname = \"acme\"\nversion = \"1\"\n{more}");
    let wheel =
        format!("wheels = [{{ url = \"https://example.org/acme-1-py3-none-any.whl\", hashes = {{ sha256 = \"{}\" }} }}]\n", "0".repeat(64));
    assert_eq!(read(&package(&wheel), "pylock.toml").unwrap(), "acme 1 1\n");
    let whole = |more: &str| format!("{PYLOCK}{more}packages = []\n");
    for (text, words) in [
        ("= 1".to_owned(), "is no TOML: "),
        ("packages = []".to_owned(), "lock-version: must be a text, and is missing"),
        ("lock-version = \"2.0\"\npackages = []".to_owned(), "lock-version: is '2.0', and only 1.0 is known"),
        (PYLOCK.to_owned(), "packages: must be a list of tables, and is missing"),
        (whole(""), "packages: none of 0 is for Python 3.11 on 64-bit Linux"),
        (whole("requires-python = \">=3.12\"\n"), "requires-python: is '>=3.12', and the runtime has Python 3.11"),
        (whole("requires-python = \">=3.9.*\"\n"), "requires-python: has .* where it means nothing"),
        (whole("requires-python = \"three\"\n"), "requires-python: cannot be understood"),
        (whole("environments = [\"sys_platform == 'darwin'\"]\n"), "environments: none is Python 3.11"),
        (whole("environments = \"any\"\n"), "environments: must be a list of texts"),
        (package("marker = \"sys_platform == 'win32'\"\n"), "packages: none of 1 is for Python 3.11"),
        (package("marker = \"python_full_version >= '3.11.4'\"\n"), "packages[0].marker: depends on the last number of the Python version"),
        (package("marker = \"platform_release == '6.1'\"\n"), "packages[0].marker: asks for platform_release ==, which is not known"),
        (package("marker = \"os_name ==\"\n"), "packages[0].marker: ends too early"),
        (package("marker = \"os_name == 'posix' or\"\n"), "packages[0].marker: ends too early"),
        (package(&format!("requires-python = \"<3.11\"\n{wheel}")), "packages[0].requires-python: is '<3.11'"),
        (
            package("sdist = { url = \"https://example.org/acme-1.tar.gz\" }\n"),
            "packages[0].wheels: acme has none; only wheels are installed",
        ),
        (package("wheels = [{ url = \"x\" }]\n"), "packages[0].wheels[0].hashes: must have a sha256"),
        (package("wheels = [{ url = \"x\", hashes = { sha256 = \"00\" } }]\n"), "packages[0].wheels[0].hashes: must have a sha256"),
        (package("wheels = [{ url = \"x\", hashes = { md5 = \"00\" } }]\n"), "packages[0].wheels[0].hashes: must have a sha256"),
        (package("wheels = \"x\"\n"), "packages[0].wheels: must be a list of tables"),
        (package("[packages.vcs]\ntype = \"git\"\n"), "packages[0].vcs: acme comes from no index"),
        (format!("{PYLOCK}[[packages]]\nname = \"acme\"\n{wheel}"), "packages[0].version: must be a text, and is missing"),
        (package(&wheel).replace("\"1\"", "\"1 --pre\""), "packages[0].version: is no version"),
        (package(&wheel).replace("\"acme\"", "\"--pre\""), "packages[0].name: is no name of a package"),
        (format!("{}{}", package(&wheel), package(&wheel).replace(PYLOCK, "")), "acme is there twice"),
    ] {
        refused(&text, "pylock.toml", &[words]);
    }
}

#[test]
fn markers_are_answered_for_the_runtimes_python_on_linux() {
    let wheel = format!("wheels = [{{ url = \"x\", hashes = {{ sha256 = \"{}\" }} }}]\n", "0".repeat(64));
    let named = |name: &str, marker: &str| format!("[[packages]]\nname = \"{name}\"\nversion = \"1\"\nmarker = \"{marker}\"\n{wheel}");
    let (yes, no) = (
        [
            "python_full_version < '3.13'",
            "python_version == '3.11'",
            "python_full_version == '3.11.*'",
            "'3.12' > python_version",
            "python_version ~= '3.9'",
            "'linux' == sys_platform",
            "(sys_platform == 'win32' or os_name == 'posix') and platform_machine != 'arm64'",
            "'fast' not in extras",
            "'test' in dependency_groups",
        ],
        ["python_version < '3.11'", "'fast' in extras", "'docs' in dependency_groups", "sys_platform == 'linux' and os_name == 'nt'"],
    );
    let text: String = yes.iter().enumerate().map(|(number, marker)| named(&format!("yes{number}"), marker)).collect();
    let left: String = no.iter().enumerate().map(|(number, marker)| named(&format!("no{number}"), marker)).collect();
    let found = read(&format!("{PYLOCK}default-groups = [\"test\"]\n{text}{left}"), "pylock.toml").unwrap();
    assert!(found.lines().count() == yes.len() && !found.contains("no"), "{found}");
}

#[test]
fn a_pylock_builds_the_runtime_that_its_hashes_demand() {
    let bench = Bench::new();
    let file = "https://example.org/acme_tools-1.2-py3-none-any.whl";
    let text = |hash: &str| {
        format!(
            "{PYLOCK}[[packages]]\nname = \"acme-tools\"\nversion = \"1.2\"\n[[packages.wheels]]\nurl = \"{file}\"\nhashes.sha256 = \"{hash}\"\n"
        )
    };
    bench.locked("pylock.toml", &text(&"0".repeat(64)));
    bench.refused("does not have the hash");
    assert!(!bench.path("built").exists());
    bench.locked("pylock.toml", &text(&bench.hash));
    let output = bench.build();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(bench.built("zona-runtime.json").contains(&format!("\"hashes\":[\"sha256:{}\"]", bench.hash)));
    fs::write(bench.path("requirements.lock"), "").unwrap();
    bench.refused("must have one of requirements.lock and pylock.toml, and has 2");
}
