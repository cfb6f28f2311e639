//! Debian packages. Asks dpkg what is missing and installs only that.

use std::process::Command;

use anyhow::bail;

use crate::process::{find, output, run, succeeds};

/// Package, and the program that makes it unnecessary when a machine has it from elsewhere.
const PACKAGES: [(&str, Option<&str>); 19] = [
    ("ca-certificates", None),
    ("gcc", Some("cc")),
    // The fuzzer's runtime is C++.
    ("g++", Some("c++")),
    ("libc6-dev", None),
    // Builds the storage engine of the database that tests run on.
    ("cmake", Some("cmake")),
    // What servers share, in tests.
    ("redis-server", Some("redis-server")),
    ("python3", None),
    ("python3-venv", None),
    ("python3-pip", None),
    // Speaks to the gateway in the stories.
    ("curl", Some("curl")),
    // Reads JSON as browsers do, in a test, and builds the console.
    ("nodejs", Some("node")),
    // Installs what the console is built and tried with.
    ("npm", Some("npm")),
    // The browser of the console's stories.
    ("chromium", Some("chromium")),
    ("bubblewrap", Some("bwrap")),
    ("debootstrap", Some("debootstrap")),
    ("iptables", Some("iptables")),
    ("docker.io", Some("dockerd")),
    ("runsc", Some("runsc")),
    // Parses the shipped profile in a test.
    ("apparmor", Some("apparmor_parser")),
];

/// Installs the missing packages.
///
/// # Errors
/// When something is missing and we are not root, or apt fails.
pub fn install() -> anyhow::Result<()> {
    let missing: Vec<&str> =
        PACKAGES.iter().filter(|(package, program)| !is_there(package, *program)).map(|(package, _)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !rustix::process::geteuid().is_root() {
        bail!("missing packages; run as root: apt-get install {}", missing.join(" "));
    }
    // Package lists may be absent (images drop them) or older than the mirror; refreshing costs seconds, so only on failure.
    if run(&mut apt_install(&missing)).is_ok() {
        return Ok(());
    }
    run(Command::new("apt-get").args(["-qq", "update"]))?;
    run(&mut apt_install(&missing))
}

fn apt_install(packages: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(["-qqy", "-o", "Dpkg::Use-Pty=0", "install", "--no-install-recommends"]).args(packages);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_there(package: &str, program: Option<&str>) -> bool {
    let found = |program: &str| find(program).is_some() || succeeds(Command::new("test").args(["-x", &format!("/usr/sbin/{program}")]));
    program.is_some_and(found)
        || output(Command::new("dpkg-query").args(["-W", "-f", "${db:Status-Status}", package])).is_ok_and(|status| status == "installed")
}
