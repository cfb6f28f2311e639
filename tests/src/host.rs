//! The machine from outside: processes, control groups and files of one server, as `/proc` shows them. A process is named by
//! its number and start time, so that a reused number is not taken for it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

const POLL: Duration = Duration::from_millis(20);

/// One process, told apart from a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    started: u64,
}

/// What a server holds on its machine, beside its data directory.
#[derive(Debug, Default)]
pub struct Footprint {
    /// Every process below the server's.
    pub processes: BTreeSet<Process>,
    /// Directories of its own below a runtime directory.
    pub directories: BTreeSet<PathBuf>,
    /// Control groups that its processes are in and the server is not.
    pub control_groups: BTreeSet<PathBuf>,
}

/// Everything that a living server holds right now.
pub fn footprint(server: u32) -> Footprint {
    let own: BTreeSet<PathBuf> = control_groups(server).collect();
    let processes = descendants(server);
    let control_groups = processes.iter().flat_map(|process| control_groups(process.pid)).filter(|group| !own.contains(group)).collect();
    Footprint { processes, directories: runtime_directories(server), control_groups }
}

/// Every process below this one.
pub fn descendants(pid: u32) -> BTreeSet<Process> {
    let all: Vec<(Process, u32)> = fs::read_dir("/proc").expect("/proc is mounted").filter_map(|entry| stat(&entry.ok()?.path())).collect();
    let mut found = BTreeSet::new();
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for (process, _) in all.iter().filter(|(_, above)| *above == parent) {
            if found.insert(*process) {
                parents.push(process.pid);
            }
        }
    }
    found
}

/// Whether the process runs; a zombie does not.
pub fn is_alive(process: Process) -> bool {
    let path = PathBuf::from(format!("/proc/{}", process.pid));
    stat(&path).is_some_and(|(found, _)| found == process) && state(&path) != Some('Z')
}

/// Resident memory of the process, in bytes.
///
/// # Panics
/// When there is no such process.
pub fn memory(pid: u32) -> u64 {
    resident(pid, "VmRSS:")
}

/// Highest resident memory of the process so far, in bytes.
///
/// # Panics
/// When there is no such process.
pub fn peak_memory(pid: u32) -> u64 {
    resident(pid, "VmHWM:")
}

fn resident(pid: u32, field: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process is there");
    let line = text.lines().find_map(|line| line.strip_prefix(field)).expect("a process has memory");
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().expect("memory is a number");
    kibibytes * 1024
}

/// Waits until the condition holds, and says whether it does.
pub fn eventually(within: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    loop {
        if holds() {
            return true;
        }
        if begun.elapsed() >= within {
            return false;
        }
        thread::sleep(POLL);
    }
}

// === impl Footprint ===

impl Footprint {
    /// What is still there, in words.
    pub fn remains(&self) -> Vec<String> {
        let processes = self.processes.iter().filter(|process| is_alive(**process)).map(|process| format!("process {}", process.pid));
        let paths = self.directories.iter().chain(&self.control_groups).filter(|path| path.exists());
        processes.chain(paths.map(|path| path.display().to_string())).collect()
    }

    /// The processes that are still there.
    pub fn living(&self) -> Vec<Process> {
        self.processes.iter().copied().filter(|process| is_alive(*process)).collect()
    }
}

fn stat(directory: &Path) -> Option<(Process, u32)> {
    let pid = directory.file_name()?.to_str()?.parse().ok()?;
    let fields = stat_fields(directory)?;
    // Counted from the state, the third field of proc(5): parent is the 4th, start time the 22nd.
    Some((Process { pid, started: fields.get(19)?.parse().ok()? }, fields.get(1)?.parse().ok()?))
}

fn state(directory: &Path) -> Option<char> {
    stat_fields(directory)?.first()?.chars().next()
}

fn stat_fields(directory: &Path) -> Option<Vec<String>> {
    let text = fs::read_to_string(directory.join("stat")).ok()?;
    // The program's name, in parentheses, may hold anything.
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// A server keeps files open in the directories that are its own: `zona-<installation>/<instance>`.
fn runtime_directories(pid: u32) -> BTreeSet<PathBuf> {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return BTreeSet::new();
    };
    let targets = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    targets.filter_map(|target| instance_directory(&target)).collect()
}

fn instance_directory(file: &Path) -> Option<PathBuf> {
    let installation = file.ancestors().find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("zona-")))?;
    let instance = file.strip_prefix(installation).ok()?.iter().next()?;
    let directory = installation.join(instance);
    directory.is_dir().then_some(directory)
}

fn control_groups(pid: u32) -> impl Iterator<Item = PathBuf> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.into_iter().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        // The root is nobody's: a process passes through it on its way.
        if path == "/" {
            return None;
        }
        let mount = if controllers.is_empty() { "/sys/fs/cgroup".into() } else { format!("/sys/fs/cgroup/{controllers}") };
        let directory = Path::new(&mount).join(path.trim_start_matches('/'));
        directory.is_dir().then_some(directory)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_child_is_seen_until_it_is_gone() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let found = descendants(std::process::id());
        let seen = *found.iter().find(|process| process.pid == child.id()).unwrap();
        assert!(is_alive(seen) && peak_memory(seen.pid) > 0);
        child.kill().unwrap();
        assert!(eventually(Duration::from_secs(5), || !is_alive(seen)), "a zombie counts as alive");
        child.wait().unwrap();
        assert!(!is_alive(seen));
    }

    #[test]
    fn an_instance_directory_is_known_by_its_place() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("zona-abc/i1");
        fs::create_dir_all(directory.join("0123")).unwrap();
        assert_eq!(instance_directory(&directory.join("lock")), Some(directory.clone()));
        assert_eq!(instance_directory(&directory.join("0123/s")), Some(directory.clone()));
        assert_eq!(instance_directory(&root.path().join("other/lock")), None);
    }
}
