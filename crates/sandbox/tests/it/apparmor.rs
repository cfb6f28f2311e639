//! The AppArmor profile: that it is one, and that containers ask for the one that is configured. Whether a host enforces it is for
//! the battery on that host to say.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sandbox::{Docker, Verdict, complies, inspect_container};

use crate::support::{Kind, config, unique};

const PARSER: &str = "apparmor_parser";
/// Ends the lines that AppArmor 3 does not know.
const NEWER: &str = "# AppArmor 4";
const PROFILE: &str = "zona-sandbox";

fn parser_is_old() -> bool {
    let output = Command::new(PARSER).arg("--version").output().expect("the package apparmor is installed");
    String::from_utf8(output.stdout).unwrap().contains("version 3.")
}

#[test]
fn the_shipped_profile_is_one_of_the_name_that_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/sandbox/apparmor.profile");
    let whole = fs::read_to_string(path).unwrap();
    assert_eq!(whole.lines().filter(|line| line.ends_with(NEWER)).count(), 2);
    assert!(whole.contains(&format!("profile {PROFILE} ")));
    let old = parser_is_old();
    let kept: String = whole.lines().filter(|line| !old || !line.ends_with(NEWER)).map(|line| format!("{line}\n")).collect();

    let parse = Command::new(PARSER).args(["--skip-kernel-load", "--skip-cache"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut parse = parse.unwrap();
    parse.stdin.take().unwrap().write_all(kept.as_bytes()).unwrap();
    let output = parse.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_asks_for_the_configured_profile() {
    let directory = tempfile::Builder::new().prefix("zona").tempdir().unwrap();
    fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    let base = config(Kind::Docker, directory.path(), &unique("a"), "apparmor");
    let settings = Docker { apparmor: Some(PROFILE.to_owned()), ..Docker::default() };
    let checks = inspect_container(&base, &settings).await.unwrap();
    let rule = checks.iter().find(|check| check.name.starts_with("cis 5.1:")).unwrap();
    // Without AppArmor on the daemon's host the profile is asked for, and has no effect; both are said.
    assert_ne!(rule.verdict, Verdict::Bad, "{rule:?}");
    assert!(rule.detail.starts_with(PROFILE), "{rule:?}");
    assert!(complies(&checks), "{checks:#?}");
}
