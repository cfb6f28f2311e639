//! Why a sandbox cannot work: the step, the system's words, and what an operator can change.

use std::{fmt::Display, fs, io};

use sandbox_protocol::control::Report;

/// A step that failed. There is nothing to retry: the agent reports it and exits.
#[derive(Debug)]
pub struct Fault {
    stage: String,
    message: String,
    hint: String,
}

/// Names the step at which an operation failed.
pub trait AtStage<T> {
    /// Turns the error into a [`Fault`] of this step, with a hint where the host's settings explain it.
    fn at(self, stage: impl Into<String>) -> Result<T, Fault>;
}

// === impl Fault ===

impl Fault {
    /// A fault without a hint.
    pub fn new(stage: impl Into<String>, message: impl Display) -> Self {
        Fault { stage: stage.into(), message: message.to_string(), hint: String::new() }
    }

    /// The same fault, with what an operator can change.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The report that tells the server.
    pub fn into_report(self) -> Report {
        Report::Fault { stage: self.stage, message: self.message, hint: self.hint }
    }
}

impl<T, E: Into<io::Error>> AtStage<T> for Result<T, E> {
    fn at(self, stage: impl Into<String>) -> Result<T, Fault> {
        self.map_err(|error| {
            let error = error.into();
            Fault::new(stage, &error).with_hint(hint(&error))
        })
    }
}

/// What on this host explains a refusal. Empty when nothing known does.
fn hint(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES | libc::ENOSPC | libc::EUSERS) => refusing_setting(),
        Some(libc::ENOSYS) => "Linux 5.14 or newer is needed",
        _ => "",
    }
}

fn refusing_setting() -> &'static str {
    if setting("/proc/sys/user/max_user_namespaces") == "0" {
        return "user namespaces are switched off: set the sysctl user.max_user_namespaces to 10000 or more";
    }
    if setting("/proc/sys/kernel/unprivileged_userns_clone") == "0" {
        return "user namespaces are reserved for root: set the sysctl kernel.unprivileged_userns_clone to 1";
    }
    let profile = setting("/proc/self/attr/current");
    if profile.starts_with("docker-default") {
        return "AppArmor's docker-default profile denies mounts: use the namespace backend on this host";
    }
    if setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
        return "AppArmor strips user namespaces of their rights: allow them for this program in a profile, or set the sysctl \
                kernel.apparmor_restrict_unprivileged_userns to 0";
    }
    if setting("/proc/self/status").lines().any(|line| line == "Seccomp:\t2") {
        return "a seccomp profile around the agent may refuse this: run the container with deploy/sandbox/seccomp.json";
    }
    ""
}

fn setting(path: &str) -> String {
    fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}
