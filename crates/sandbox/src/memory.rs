//! How much memory is left for sandboxes: what the host has available, or less where a control group of this process sets it.
//!
//! It decides nothing.

use std::fs;
use std::path::{Path, PathBuf};

const MEMINFO: &str = "/proc/meminfo";
const OWN_GROUPS: &str = "/proc/self/cgroup";
const HIERARCHIES: [(&str, Files); 2] = [
    ("/sys/fs/cgroup", Files { limit: "memory.max", usage: "memory.current" }),
    ("/sys/fs/cgroup/memory", Files { limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes" }),
];
/// The part of a group's usage that the kernel gives back when asked: files that nobody read lately.
const RECLAIMABLE: [&str; 2] = ["inactive_file", "total_inactive_file"];

#[derive(Clone, Copy)]
struct Files {
    limit: &'static str,
    usage: &'static str,
}

/// Bytes that could be used without pushing others out; `None` where the host does not say.
pub(crate) fn available() -> Option<u64> {
    let host = host_available(&fs::read_to_string(MEMINFO).ok()?)?;
    let groups = fs::read_to_string(OWN_GROUPS).unwrap_or_default();
    let left = HIERARCHIES.iter().filter_map(|(root, files)| group_left(Path::new(root), &own_group(&groups, *files), *files));
    Some(left.fold(host, u64::min))
}

fn host_available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The path of this process's group below the root of a hierarchy, from lines such as `4:memory:/a/b` and `0::/a/b`.
fn own_group(groups: &str, files: Files) -> PathBuf {
    let of_this = |line: &&str| {
        let controllers = line.split(':').nth(1).unwrap_or_default();
        if files.limit == "memory.max" { controllers.is_empty() } else { controllers.split(',').any(|name| name == "memory") }
    };
    let path = groups.lines().find(of_this).and_then(|line| line.splitn(3, ':').nth(2)).unwrap_or("/");
    PathBuf::from(path.trim_start_matches('/'))
}

/// What the tightest of the group and those around it has left; nothing where none has a limit.
fn group_left(root: &Path, group: &Path, files: Files) -> Option<u64> {
    group.ancestors().filter_map(|path| left(&root.join(path), files)).min()
}

fn left(directory: &Path, files: Files) -> Option<u64> {
    let number = |name| fs::read_to_string(directory.join(name)).ok()?.trim().parse::<u64>().ok();
    let limit = number(files.limit)?;
    let stat = fs::read_to_string(directory.join("memory.stat")).unwrap_or_default();
    let value = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        RECLAIMABLE.contains(&name).then(|| value.trim().parse::<u64>().ok())?
    };
    let reclaimable = stat.lines().filter_map(value).max().unwrap_or_default();
    Some(limit.saturating_sub(number(files.usage)?.saturating_sub(reclaimable)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_says_what_it_has() {
        assert!(available().expect("Linux says so") > 0);
    }

    #[test]
    fn the_host_counts_in_kibibytes() {
        assert_eq!(host_available("MemTotal:  9 kB\nMemAvailable:    2048 kB\n"), Some(2 << 20));
        assert_eq!(host_available("MemTotal:  9 kB\n"), None);
    }

    #[test]
    fn the_tightest_group_around_counts() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        let write = |path: &str, text: &str| fs::write(root.path().join(path), text).unwrap();
        write("a/memory.max", "1000\n");
        write("a/memory.current", "700\n");
        write("a/memory.stat", "anon 1\ninactive_file 200\n");
        write("a/b/memory.max", "max\n");
        write("a/b/memory.current", "5\n");
        let files = HIERARCHIES[0].1;
        let own = own_group("4:memory:/elsewhere\n0::/a/b\n", files);
        assert_eq!(own, PathBuf::from("a/b"));
        assert_eq!(group_left(root.path(), &own, files), Some(500));
        assert_eq!(group_left(root.path(), Path::new("gone/b"), files), None);
        assert_eq!(own_group("4:memory:/elsewhere\n0::/\n", HIERARCHIES[1].1), PathBuf::from("elsewhere"));
    }
}
