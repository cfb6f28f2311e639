//! What one process and its sandboxes hold on the machine at one moment, as the kernel and the Docker daemon show it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::report::Cell;

/// The runtime's idle threads end after ten seconds, sandboxes before that.
const QUIET_TIME: Duration = Duration::from_secs(12);
/// Nothing changes any more when this many looks in a row see the same.
const LOOKS: usize = 6;
const PAUSE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(180);
const NAMESPACES: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];
const CONTROL_GROUPS: [&str; 3] = ["/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids"];
/// Descriptors and threads that come and go with pools: a leak of one in a thousand executions is more.
const SLACK: usize = 8;
/// Bytes of memory per execution that count as a leak. Fragmentation and page caches stay below it, the smallest forgotten entry
/// with a name in it does not.
const LEAK: u64 = 256;
const MIB: f64 = 1024.0 * 1024.0;

/// Where the things of one process and its sandboxes are.
#[derive(Debug, Clone)]
pub struct Place {
    /// The process.
    pub pid: u32,
    /// Its runtime directory: `zona-<installation>/<instance>`.
    pub directory: PathBuf,
    /// Its data directory, if it has one.
    pub data: Option<PathBuf>,
}

/// What is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Census {
    things: Things,
    descriptors: usize,
    threads: usize,
    memory: u64,
    data_files: usize,
    data: u64,
}

/// What must be exactly as before.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Things {
    processes: usize,
    zombies: usize,
    namespaces: usize,
    control_groups: usize,
    mounts: usize,
    containers: usize,
    files: usize,
}

// === impl Place ===

impl Place {
    /// The census once nothing changes any more.
    ///
    /// # Errors
    /// When something cannot be read, or things do not come to rest.
    pub async fn settled(&self) -> anyhow::Result<Census> {
        tokio::time::sleep(QUIET_TIME).await;
        let begin = Instant::now();
        let (mut last, mut same) = (self.things()?, 0);
        while same < LOOKS {
            tokio::time::sleep(PAUSE).await;
            let now = self.things()?;
            same = if now == last { same + 1 } else { 0 };
            anyhow::ensure!(begin.elapsed() < PATIENCE, "it does not come to rest: {last:?}, then {now:?}");
            last = now;
        }
        self.census()
    }

    /// What is there although the process has given everything back, in words.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn remains(&self) -> anyhow::Result<Vec<String>> {
        let things = self.things()?;
        let left = [
            ("processes", things.processes),
            ("control groups", things.control_groups),
            ("containers", things.containers),
            ("files", things.files),
        ];
        Ok(left.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{count} {name} left behind")).collect())
    }

    fn census(&self) -> anyhow::Result<Census> {
        let own = PathBuf::from(format!("/proc/{}", self.pid));
        let (data_files, data) = self.data.as_deref().map_or((0, 0), size_below);
        Ok(Census {
            things: self.things()?,
            descriptors: fs::read_dir(own.join("fd"))?.count(),
            threads: fs::read_dir(own.join("task"))?.count(),
            memory: field(&fs::read_to_string(own.join("smaps_rollup"))?, "Pss:")? * 1024,
            data_files,
            data,
        })
    }

    fn things(&self) -> anyhow::Result<Things> {
        let containers = self.containers()?;
        let processes = self.processes(&containers)?;
        let own = PathBuf::from(format!("/proc/{}", self.pid));
        let mut namespaces: BTreeSet<PathBuf> = processes.iter().flat_map(|process| namespaces(process)).collect();
        namespaces.retain(|namespace| !self::namespaces(&own).contains(namespace));
        let children = e2e::host::descendants(self.pid);
        Ok(Things {
            processes: processes.len(),
            zombies: children.iter().filter(|child| !e2e::host::is_alive(**child)).count(),
            namespaces: namespaces.len(),
            control_groups: self.control_groups(),
            mounts: fs::read_to_string(own.join("mountinfo"))?.lines().filter(|line| self.owns(line)).count(),
            containers: containers.len(),
            files: size_below(&self.directory).0,
        })
    }

    /// Directories in `/proc` of the sandboxes' processes: below this one, or in one of its containers.
    fn processes(&self, containers: &[String]) -> anyhow::Result<Vec<PathBuf>> {
        let path = |pid: u32| Path::new("/proc").join(pid.to_string());
        let mut found: BTreeSet<PathBuf> = e2e::host::descendants(self.pid).into_iter().map(|process| path(process.pid)).collect();
        if !containers.is_empty() {
            let entries = fs::read_dir("/proc").context("failed to read /proc")?;
            let contained = |path: &PathBuf| {
                let groups = fs::read_to_string(path.join("cgroup")).unwrap_or_default();
                containers.iter().any(|container| groups.contains(container))
            };
            found.extend(entries.filter_map(|entry| Some(entry.ok()?.path())).filter(contained));
        }
        Ok(found.into_iter().collect())
    }

    /// Whether a mount is of this process's making: the machine's others, and containers, come and go beside it.
    fn owns(&self, mount: &str) -> bool {
        let names = |path: &Path| mount.contains(&*path.to_string_lossy());
        names(&self.directory) || self.data.as_deref().is_some_and(names)
    }

    fn control_groups(&self) -> usize {
        let mut parts = self.directory.components().rev().map(|part| part.as_os_str().to_string_lossy().into_owned());
        let (instance, installation) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let installation = installation.trim_start_matches("zona-").to_owned();
        let groups = CONTROL_GROUPS.map(|root| Path::new(root).join("zona").join(&installation).join(&instance));
        groups.iter().map(|group| directories_below(group)).sum()
    }

    /// Ids of its containers, running or not.
    fn containers(&self) -> anyhow::Result<Vec<String>> {
        let instance = self.directory.file_name().context("the directory is named after the instance")?.to_string_lossy();
        let filter = format!("label=zona.instance={instance}");
        let listed = std::process::Command::new("docker").args(["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter]).output()?;
        anyhow::ensure!(listed.status.success(), "docker ps: {}", String::from_utf8_lossy(&listed.stderr));
        Ok(String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect())
    }
}

// === impl Census ===

impl Census {
    /// Name and figure of each thing.
    pub fn figures(&self) -> Vec<(&'static str, Cell)> {
        let things = &self.things;
        vec![
            ("memory of the process (PSS, MiB)", (self.memory as f64 / MIB).into()),
            ("its descriptors", self.descriptors.into()),
            ("its threads", self.threads.into()),
            ("its mounts", things.mounts.into()),
            ("zombies below it", things.zombies.into()),
            ("processes of sandboxes", things.processes.into()),
            ("namespaces of sandboxes", things.namespaces.into()),
            ("control groups", things.control_groups.into()),
            ("containers", things.containers.into()),
            ("files in the runtime directory", things.files.into()),
            ("files in the data directory", self.data_files.into()),
            ("data directory (MiB, grows by rows)", (self.data as f64 / MIB).into()),
        ]
    }

    /// What has grown since the process was warm; memory since half time, over that many executions.
    pub fn leaks_since(&self, warm: &Census, half: &Census, executions: usize) -> Vec<String> {
        let mut leaks = Vec::new();
        if self.things != warm.things {
            leaks.push(format!("{:?} became {:?}", warm.things, self.things));
        }
        let counts = [
            ("descriptors", warm.descriptors, self.descriptors),
            ("threads", warm.threads, self.threads),
            ("data files", warm.data_files, self.data_files),
        ];
        let grown = counts.into_iter().filter(|(_, before, now)| *now > before + SLACK);
        leaks.extend(grown.map(|(name, before, now)| format!("{before} {name} became {now}")));
        let grown = self.memory.saturating_sub(half.memory);
        if grown > LEAK * executions as u64 + MIB as u64 {
            leaks.push(format!("memory grew by {} bytes an execution", grown / executions.max(1) as u64));
        }
        leaks
    }
}

fn namespaces(process: &Path) -> Vec<PathBuf> {
    NAMESPACES.iter().filter_map(|name| fs::read_link(process.join("ns").join(name)).ok()).collect()
}

/// Number and bytes of the files below a directory.
fn size_below(directory: &Path) -> (usize, u64) {
    let Ok(entries) = fs::read_dir(directory) else { return (0, 0) };
    entries.flatten().fold((0, 0), |(count, bytes), entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => {
            let (more, size) = size_below(&entry.path());
            (count + more, bytes + size)
        }
        Ok(metadata) => (count + 1, bytes + metadata.len()),
        // Gone since it was listed.
        Err(_) => (count, bytes),
    })
}

fn directories_below(directory: &Path) -> usize {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    1 + entries.flatten().filter(|entry| entry.path().is_dir()).map(|entry| directories_below(&entry.path())).sum::<usize>()
}

fn field(text: &str, name: &str) -> anyhow::Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("smaps_rollup has no {name}"))?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn census() -> Census {
        let things = Things { processes: 12, zombies: 0, namespaces: 40, control_groups: 6, mounts: 30, containers: 0, files: 3 };
        Census { things, descriptors: 60, threads: 6, memory: 40 << 20, data_files: 5, data: 1 << 20 }
    }

    fn check(change: impl FnOnce(&mut Census), expected: &[&str]) {
        let mut after = census();
        change(&mut after);
        let leaks = after.leaks_since(&census(), &census(), 10_000);
        assert_eq!(leaks.len(), expected.len(), "{leaks:?}");
        assert!(leaks.iter().zip(expected).all(|(leak, words)| leak.contains(words)), "{leaks:?}");
    }

    #[test]
    fn what_is_forgotten_once_in_a_thousand_executions_is_a_leak() {
        check(|_| {}, &[]);
        check(|after| after.descriptors += 20, &["60 descriptors became 80"]);
        check(|after| after.memory += 10_000 * 512, &["memory grew by 512 bytes"]);
        check(|after| after.things.zombies = 1, &["zombies: 1"]);
        check(|after| after.things.namespaces += 1, &["namespaces: 41"]);
    }

    #[test]
    fn what_grows_by_rows_or_within_a_pool_is_none() {
        check(|after| (after.descriptors, after.threads, after.data) = (62, 8, 1 << 30), &[]);
    }
}
