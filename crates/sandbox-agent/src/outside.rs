//! What the agent keeps from the world around its sandbox, opened before it locks itself in: a procfs, and the memory
//! cgroup's counter. Nothing here is visible in the sandbox's file system, and children lose the descriptors with the seal.

use std::{
    fs::{self, File},
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::FileExt,
    },
    path::PathBuf,
};

use rustix::fs::{CWD, Mode, OFlags, openat, readlinkat};

/// Longest procfs file that is read: `status` has about 1.5 KiB.
const TEXT: usize = 16 * 1024;

/// Handles on the outside.
pub struct Outside {
    proc: OwnedFd,
    oom_events: Option<File>,
    /// User id of the agent in the user namespace that it was started in.
    pub uid: u32,
    /// The network namespace that the agent was started in.
    pub network: String,
}

// === impl Outside ===

impl Outside {
    /// Opens what is there. A missing memory cgroup is no error: OOM kills are then not told apart.
    ///
    /// # Errors
    /// What the system says about `/proc`.
    pub fn open(uid: u32) -> io::Result<Self> {
        let proc = openat(CWD, "/proc", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let oom_events = oom_files().iter().find_map(|path| File::open(path).ok());
        let network = link(&proc, "self/ns/net")?;
        Ok(Outside { proc, oom_events, uid, network })
    }

    /// The procfs, for children to map their ids through.
    pub fn proc(&self) -> BorrowedFd<'_> {
        self.proc.as_fd()
    }

    /// Reads a procfs file, e.g. `self/status`.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(&self, path: &str) -> io::Result<String> {
        let file = File::from(openat(&self.proc, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?);
        read_start(&file)
    }

    /// The directory of a process in the procfs, by its name there.
    ///
    /// # Errors
    /// What the system says.
    pub fn directory(&self, name: &str) -> io::Result<OwnedFd> {
        Ok(openat(&self.proc, name, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
    }

    /// Writes a procfs file of this process.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, path: &str, text: &str) -> io::Result<()> {
        let file = openat(&self.proc, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        rustix::io::write(file, text.as_bytes())?;
        Ok(())
    }

    /// Reads a procfs link, e.g. `self/ns/user`.
    ///
    /// # Errors
    /// What the system says.
    pub fn link(&self, path: &str) -> io::Result<String> {
        link(&self.proc, path)
    }

    /// How many processes of this memory cgroup the kernel has killed for memory, as far as that can be read.
    pub fn oom_kills(&self) -> u64 {
        let text = self.oom_events.as_ref().and_then(|file| read_start(file).ok()).unwrap_or_default();
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
    }
}

fn link(proc: &OwnedFd, path: &str) -> io::Result<String> {
    Ok(readlinkat(proc, path, Vec::new())?.to_string_lossy().into_owned())
}

fn read_start(file: &File) -> io::Result<String> {
    let mut buffer = vec![0; TEXT];
    let mut length = 0;
    loop {
        match file.read_at(&mut buffer[length..], length as u64)? {
            0 => break,
            more => length += more,
        }
    }
    buffer.truncate(length);
    Ok(String::from_utf8_lossy(&buffer).into_owned())
}

/// Where the counter may be: under the process's own cgroup, or at the top of what a container sees.
fn oom_files() -> Vec<PathBuf> {
    let cgroups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut files = Vec::new();
    for line in cgroups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let (mount, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.events"),
            _ if controllers.split(',').any(|name| name == "memory") => ("/sys/fs/cgroup/memory", "memory.oom_control"),
            _ => continue,
        };
        files.push(PathBuf::from(format!("{mount}{}/{file}", path.trim_end_matches('/'))));
        files.push(PathBuf::from(format!("{mount}/{file}")));
    }
    files
}
