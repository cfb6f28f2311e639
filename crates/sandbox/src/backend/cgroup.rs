//! Control groups of the namespace backend: one per sandbox, below `zona/<installation>/<instance>/`, on version 2 or 1.
//!
//! It deliberately never touches a group that it did not make, nor moves any process but an agent.

use domain::sandbox::ResourceControl;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::pool::Envelope;

const ROOT: &str = "/sys/fs/cgroup";
/// A group can be removed once its last process is reaped, which takes the kernel a moment after the kill.
const REMOVAL_ATTEMPTS: u32 = 100;
const REMOVAL_PAUSE: Duration = Duration::from_millis(10);

/// How often the making of a group is tried while others remove its empty parents.
const CREATION_ATTEMPTS: u32 = 10;

/// How much of the processor a tenant's sandboxes get beside others', where all want it: the same for each tenant, and a quarter of what
/// a group has that nobody gave a share. On version 1.
pub(crate) const SHARES: u32 = 256;
/// The same on version 2.
const WEIGHT: u32 = 25;
/// The least that the kernel takes.
const LEAST_SHARES: u32 = 2;
const LEAST_WEIGHT: u32 = 1;

/// Which hierarchy the host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
}

/// The groups of one server process. Their directories exist while one of its sandboxes does.
#[derive(Debug, Clone)]
pub(crate) struct ControlGroups {
    version: Version,
    /// Where the hierarchies are mounted.
    roots: Vec<PathBuf>,
    /// Directories below each root, from the outside in: all installations', this installation's, this instance's.
    parts: [String; 3],
}

/// The group of one sandbox.
#[derive(Debug)]
pub(crate) struct ControlGroup {
    version: Version,
    /// One per hierarchy; memory first, then the number of processes, and last the processor where there is one for it.
    directories: Vec<PathBuf>,
}

/// The hierarchies that matter, with the file that proves each. A host or a delegation without the processor's will do: priorities
/// are left there.
fn hierarchies(root: &Path) -> Option<(Version, Vec<PathBuf>)> {
    if root.join("cgroup.controllers").exists() {
        return Some((Version::V2, vec![root.to_owned()]));
    }
    let both = [root.join("memory"), root.join("pids")];
    let is_mounted = |path: &PathBuf| path.join("cgroup.procs").exists();
    let processor = Some(root.join("cpu")).filter(is_mounted);
    both.iter().all(is_mounted).then(|| (Version::V1, both.into_iter().chain(processor).collect()))
}

// === impl ControlGroups ===

impl ControlGroups {
    /// The groups of an instance; the error says what this process may not do.
    pub(crate) fn open(installation: &str, instance: &str) -> io::Result<Self> {
        let Some((version, roots)) = hierarchies(Path::new(ROOT)) else {
            return Err(io::Error::new(ErrorKind::NotFound, "no memory and pids controllers below /sys/fs/cgroup"));
        };
        let groups = ControlGroups { version, roots, parts: ["zona", installation, instance].map(str::to_owned) };
        groups.prepare()?;
        Ok(groups)
    }

    /// This instance's directories, one per hierarchy.
    fn directories(&self) -> impl Iterator<Item = PathBuf> {
        self.roots.iter().map(|root| self.parts.iter().fold(root.clone(), |path, part| path.join(part)))
    }

    fn prepare(&self) -> io::Result<()> {
        for root in &self.roots {
            let mut directory = root.clone();
            for part in &self.parts {
                self.pass_controllers_on(&directory)?;
                directory.push(part);
                create(&directory)?;
            }
            self.pass_controllers_on(&directory)?;
        }
        Ok(())
    }

    fn pass_controllers_on(&self, directory: &Path) -> io::Result<()> {
        match self.version {
            Version::V1 => Ok(()),
            Version::V2 => {
                let control = directory.join("cgroup.subtree_control");
                fs::write(&control, "+memory +pids")?;
                let offered = fs::read_to_string(directory.join("cgroup.controllers"))?;
                if offered.split_whitespace().any(|name| name == "cpu") { fs::write(control, "+cpu") } else { Ok(()) }
            }
        }
    }

    /// `cgroup-v1` or `cgroup-v2`.
    pub(crate) fn resource_control(&self) -> ResourceControl {
        match self.version {
            Version::V1 => ResourceControl::CgroupV1,
            Version::V2 => ResourceControl::CgroupV2,
        }
    }

    /// A new group with limits, for one sandbox.
    pub(crate) fn create(&self, name: &str, limits: Envelope) -> io::Result<ControlGroup> {
        let group = ControlGroup { version: self.version, directories: self.directories().map(|directory| directory.join(name)).collect() };
        let mut attempts = CREATION_ATTEMPTS;
        // The end of another sandbox, or of another server, may remove a directory just before it is needed here.
        while let Err(error) = self.prepare().and_then(|()| group.directories.iter().try_for_each(|directory| create(directory))) {
            attempts -= 1;
            if error.kind() != ErrorKind::NotFound || attempts == 0 {
                return Err(error);
            }
        }
        group.limit(limits)?;
        Ok(group)
    }

    /// Removes the instance's and the installation's directories, where they are empty.
    pub(crate) fn remove(&self) {
        for directory in self.directories() {
            remove_if_empty(&directory);
            directory.parent().map(remove_if_empty);
        }
    }

    /// Ends and removes everything below a dead instance of the installation.
    pub(crate) async fn sweep(installation: &str, instance: &str) {
        let Some((version, roots)) = hierarchies(Path::new(ROOT)) else { return };
        let bases: Vec<_> = roots.iter().map(|root| root.join("zona").join(installation).join(instance)).collect();
        let mut names: Vec<_> = bases.iter().flat_map(|base| subdirectories(base)).collect();
        names.sort();
        names.dedup();
        for name in names {
            let group = ControlGroup { version, directories: bases.iter().map(|base| base.join(&name)).collect() };
            group.destroy().await;
        }
        for base in &bases {
            remove_if_empty(base);
            base.parent().map(remove_if_empty);
        }
    }
}

// === impl ControlGroup ===

impl ControlGroup {
    fn memory(&self) -> &Path {
        &self.directories[0]
    }

    fn limit(&self, limits: Envelope) -> io::Result<()> {
        let memory = limits.memory.to_string();
        match self.version {
            Version::V2 => {
                let directory = self.memory();
                fs::write(directory.join("memory.max"), &memory)?;
                // Without swap accounting the file does not exist, and there is nothing to limit.
                write_if_there(&directory.join("memory.swap.max"), "0")?;
                fs::write(directory.join("pids.max"), limits.processes.to_string())?;
            }
            Version::V1 => {
                let directory = self.memory();
                fs::write(directory.join("memory.limit_in_bytes"), &memory)?;
                write_if_there(&directory.join("memory.memsw.limit_in_bytes"), &memory)?;
                fs::write(self.directories[1].join("pids.max"), limits.processes.to_string())?;
            }
        }
        self.share(1)
    }

    /// Takes one part in so many of a tenant's share of the processor.
    pub(crate) fn share(&self, among: usize) -> io::Result<()> {
        let among = u32::try_from(among.max(1)).unwrap_or(u32::MAX);
        match self.version {
            Version::V2 => write_if_there(&self.memory().join("cpu.weight"), &(WEIGHT / among).max(LEAST_WEIGHT).to_string()),
            Version::V1 => match self.directories.get(2) {
                Some(processor) => fs::write(processor.join("cpu.shares"), (SHARES / among).max(LEAST_SHARES).to_string()),
                None => Ok(()),
            },
        }
    }

    /// Moves a process, and what it starts from now on, into the group.
    pub(crate) fn add(&self, pid: Pid) -> io::Result<()> {
        for directory in &self.directories {
            fs::write(directory.join("cgroup.procs"), pid.as_raw_nonzero().to_string())?;
        }
        Ok(())
    }

    /// How often the kernel killed something in the group for lack of memory.
    pub(crate) fn oom_kills(&self) -> Option<u64> {
        let file = match self.version {
            Version::V1 => "memory.oom_control",
            Version::V2 => "memory.events",
        };
        let text = fs::read_to_string(self.memory().join(file)).ok()?;
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
    }

    /// Kills what is left in the group and removes it.
    pub(crate) async fn destroy(&self) {
        for _ in 0..REMOVAL_ATTEMPTS {
            if self.kill_and_remove() {
                return;
            }
            tokio::time::sleep(REMOVAL_PAUSE).await;
        }
        tracing::warn!(group = %self.memory().display(), "failed to remove a sandbox's control group");
    }

    fn kill_and_remove(&self) -> bool {
        let mut gone = true;
        for directory in &self.directories {
            match fs::remove_dir(directory) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(_busy) => {
                    gone = false;
                    for pid in processes(directory) {
                        // It may have ended in between.
                        let _ended = kill_process(pid, Signal::KILL);
                    }
                }
            }
        }
        gone
    }
}

// --- directories ---

fn create(directory: &Path) -> io::Result<()> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn write_if_there(path: &Path, value: &str) -> io::Result<()> {
    if path.exists() { fs::write(path, value) } else { Ok(()) }
}

fn processes(directory: &Path) -> Vec<Pid> {
    let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| Pid::from_raw(line.trim().parse().ok()?)).collect()
}

fn subdirectories(directory: &Path) -> Vec<std::ffi::OsString> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.file_name()).collect()
}

/// Other servers may still use it, so a refusal is no error.
fn remove_if_empty(directory: &Path) {
    let _in_use = fs::remove_dir(directory);
}

/// What bounds Docker's containers on this host.
pub(crate) fn host_version() -> ResourceControl {
    if Path::new(ROOT).join("cgroup.controllers").exists() { ResourceControl::CgroupV2 } else { ResourceControl::CgroupV1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(version: Version, directories: &[&Path]) -> ControlGroup {
        ControlGroup { version, directories: directories.iter().map(|path| (*path).to_owned()).collect() }
    }

    /// Directories with empty files, as the kernel would have them.
    fn hierarchy(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        root
    }

    const LIMITS: Envelope = Envelope { memory: 1 << 30, processes: 40 };

    #[test]
    fn a_sandbox_has_a_share_of_the_processor_in_both_versions() {
        let one = hierarchy(&["memory/x", "pids/x", "cpu/x"]);
        let [memory, pids, cpu] = ["memory", "pids", "cpu"].map(|name| one.path().join(name));
        group(Version::V1, &[&memory, &pids, &cpu]).limit(LIMITS).unwrap();
        assert_eq!(fs::read_to_string(cpu.join("cpu.shares")).unwrap(), "256");
        let two = hierarchy(&["cpu.weight"]);
        group(Version::V2, &[two.path()]).limit(LIMITS).unwrap();
        assert_eq!(fs::read_to_string(two.path().join("cpu.weight")).unwrap(), "25");
        assert_eq!(fs::read_to_string(two.path().join("memory.max")).unwrap(), LIMITS.memory.to_string());
    }

    #[test]
    fn a_tenants_sandboxes_have_one_share_together_in_both_versions() {
        let one = hierarchy(&["memory/x", "pids/x", "cpu/x"]);
        let [memory, pids, cpu] = ["memory", "pids", "cpu"].map(|name| one.path().join(name));
        let two = hierarchy(&["cpu.weight"]);
        for (among, shares, weight) in [(3, "85", "8"), (1, "256", "25"), (1_000, "2", "1")] {
            group(Version::V1, &[&memory, &pids, &cpu]).share(among).unwrap();
            assert_eq!(fs::read_to_string(cpu.join("cpu.shares")).unwrap(), shares);
            group(Version::V2, &[two.path()]).share(among).unwrap();
            assert_eq!(fs::read_to_string(two.path().join("cpu.weight")).unwrap(), weight);
        }
    }

    #[test]
    fn without_the_processors_controller_the_other_limits_hold() {
        let one = hierarchy(&["memory/cgroup.procs", "pids/cgroup.procs"]);
        assert_eq!(hierarchies(one.path()).unwrap().1.len(), 2);
        let [memory, pids] = ["memory", "pids"].map(|name| one.path().join(name));
        group(Version::V1, &[&memory, &pids]).limit(LIMITS).unwrap();
        assert_eq!(fs::read_to_string(pids.join("pids.max")).unwrap(), "40");
        let two = hierarchy(&["x"]);
        group(Version::V2, &[two.path()]).limit(LIMITS).unwrap();
        assert!(!two.path().join("cpu.weight").exists());
    }

    #[test]
    fn a_host_with_the_processors_controller_is_used_with_it() {
        let root = hierarchy(&["memory/cgroup.procs", "pids/cgroup.procs", "cpu/cgroup.procs"]);
        let (version, roots) = hierarchies(root.path()).unwrap();
        assert_eq!((version, roots.len(), roots[2].ends_with("cpu")), (Version::V1, 3, true));
    }
}
