//! Facts of the kernel and its settings.

use std::fs;

use landlock::{ABI, Access as _, AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _};

use super::Check;
use crate::backend::cgroup::ControlGroups;
use crate::backend::layout::{self, Located};
use crate::config::{Config, Namespace};

/// The oldest kernel whose user namespaces hold the limit of processes that is set inside them.
const OLDEST_KERNEL: (u32, u32) = (5, 14);

pub(super) fn checks(config: &Config) -> Vec<Check> {
    vec![
        kernel(&rustix::system::uname().release().to_string_lossy()),
        user_namespaces(setting("user/max_user_namespaces").as_deref()),
        unprivileged(setting("kernel/unprivileged_userns_clone").as_deref()),
        apparmor(setting("kernel/apparmor_restrict_unprivileged_userns").as_deref()),
        security_modules(),
        landlock(),
        control_groups(config),
        users(config),
    ]
}

/// The runtimes that the namespace backend offers.
pub(super) async fn runtimes(config: &Config, default: &Namespace) -> Vec<Check> {
    let mut checks = Vec::new();
    for (name, settings) in config.runtime_names().zip(config.namespace_runtimes(default)) {
        if let Some(settings) = settings {
            checks.push(runtime(name, &settings, config).await);
        }
    }
    checks
}

async fn runtime(name: &str, settings: &Namespace, config: &Config) -> Check {
    const NAME: &str = "runtime, namespace";
    match layout::find(settings, rustix::process::geteuid().is_root(), config.interface_check).await {
        Ok(Located { facts, .. }) => Check::good(NAME, format!("{name}: {}, {}", facts.layout.python, facts.summary())),
        Err(failure) => {
            Check::bad(NAME, format!("{name}: {failure}"), "install python3 (3.9 or newer), build the runtime, or use the docker backend")
        }
    }
}

fn users(config: &Config) -> Check {
    const NAME: &str = "sandbox users";
    let others = crate::users::others(&config.uids);
    if others.is_empty() {
        return Check::good(NAME, "nobody of this host has an id of the range");
    }
    let advice = "choose a range that nobody has, in `sandbox.first_uid` and `sandbox.last_uid`";
    let who = if rustix::process::geteuid().is_root() { "" } else { " (used by the docker backend only, since this is not root)" };
    Check::limited(NAME, format!("ids of the range{who} are also of: {}", others.join(", ")), advice)
}

fn setting(path: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/sys/{path}")).ok().map(|text| text.trim().to_owned())
}

fn kernel(release: &str) -> Check {
    let mut numbers = release.split(['.', '-']).map(|part| part.parse::<u32>().ok());
    let version = (numbers.next().flatten().unwrap_or(0), numbers.next().flatten().unwrap_or(0));
    if version >= OLDEST_KERNEL {
        return Check::good("kernel", release);
    }
    Check::bad("kernel", release, format!("Linux {}.{} or newer is needed", OLDEST_KERNEL.0, OLDEST_KERNEL.1))
}

fn user_namespaces(limit: Option<&str>) -> Check {
    const NAME: &str = "user namespaces";
    match limit.and_then(|limit| limit.parse::<u64>().ok()) {
        None => Check::bad(NAME, "not supported by this kernel", "use a kernel with CONFIG_USER_NS"),
        Some(0) => Check::bad(NAME, "user.max_user_namespaces = 0", "sysctl -w user.max_user_namespaces=15000"),
        Some(limit) => Check::good(NAME, format!("user.max_user_namespaces = {limit}")),
    }
}

fn unprivileged(value: Option<&str>) -> Check {
    const NAME: &str = "unprivileged user namespaces";
    match value {
        Some("0") => Check::bad(NAME, "kernel.unprivileged_userns_clone = 0", "sysctl -w kernel.unprivileged_userns_clone=1"),
        _ => Check::good(NAME, "allowed"),
    }
}

fn apparmor(value: Option<&str>) -> Check {
    const NAME: &str = "apparmor restriction";
    match value {
        Some("1") => Check::bad(
            NAME,
            "kernel.apparmor_restrict_unprivileged_userns = 1 strips capabilities in user namespaces",
            "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        _ => Check::good(NAME, "none"),
    }
}

fn security_modules() -> Check {
    let modules = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    Check::good("security modules", if modules.is_empty() { "unknown (securityfs is not mounted)" } else { modules.trim() })
}

/// Needed by the backend of that name only.
fn landlock() -> Check {
    const NAME: &str = "landlock";
    let strict = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    match strict.handle_access(AccessFs::from_all(ABI::V1)).and_then(Ruleset::create) {
        Ok(_rules) => Check::good(NAME, "enforced by this kernel"),
        Err(_) => Check::limited(
            NAME,
            "not enforced by this kernel: the landlock backend does not work",
            "where it is wanted: Linux 5.13 or newer with CONFIG_SECURITY_LANDLOCK, and `landlock` in the boot parameter lsm=",
        ),
    }
}

fn control_groups(config: &Config) -> Check {
    const NAME: &str = "control groups";
    match ControlGroups::open(&config.installation, &format!("{}-dc", config.instance)) {
        Ok(groups) => {
            groups.remove();
            Check::good(NAME, format!("{}, writable", groups.resource_control().as_str()))
        }
        Err(error) => Check::limited(
            NAME,
            format!("not writable ({error}): the namespace backend has T1 only, with limits per process"),
            "run the server as root, or delegate a control group: systemd-run --user --scope -p Delegate=yes zona ...",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Verdict;

    #[test]
    fn kernels_before_5_14_will_not_do() {
        for (release, verdict) in [
            ("6.18.44-fc-v657", Verdict::Good),
            ("5.14.0-70.el9", Verdict::Good),
            ("5.10.0-30-amd64", Verdict::Bad),
            ("nonsense", Verdict::Bad),
        ] {
            assert_eq!(kernel(release).verdict, verdict, "{release}");
        }
    }

    #[test]
    fn every_bad_setting_names_its_remedy() {
        for check in [user_namespaces(Some("0")), unprivileged(Some("0")), apparmor(Some("1"))] {
            assert_eq!(check.verdict, Verdict::Bad);
            assert!(check.advice.contains("sysctl -w"), "{check:?}");
        }
        for check in [user_namespaces(Some("31000")), unprivileged(None), unprivileged(Some("1")), apparmor(None), apparmor(Some("0"))] {
            assert_eq!(check.verdict, Verdict::Good, "{check:?}");
        }
    }
}
