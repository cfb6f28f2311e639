//! Builds the sandbox's root and moves into it: a small read-only tmpfs in which exactly the runtime's files appear, at their
//! own paths. No `/proc`, no `/sys`, no `/etc`, no socket of the server; the old root is gone afterwards.
//!
//! Sources are opened before anything is mounted, so that no mount of ours can hide or redirect one. Children inherit this root,
//! and add a private `/tmp` of their own.

pub mod layout;

use std::{
    ffi::CString,
    fs::{DirBuilder, File},
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::{DirBuilderExt, symlink},
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, fstat, openat},
    mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change, unmount},
    process::{chdir, pivot_root},
};
use sandbox_protocol::control::Layout;

use crate::{
    fault::{AtStage, Fault},
    home, part, sys, weaken,
};

const DEVICES: [&str; 3] = ["/dev/null", "/dev/zero", "/dev/urandom"];
/// What a test shows of the host.
const HOST: [&str; 6] = ["/etc", "/home", "/proc", "/run", "/sys", "/var"];
/// Mount points of children.
const EMPTY_DIRECTORIES: [&str; 2] = ["/tmp", "/dev/shm"];
/// The new root is built on one of these; which one does not matter, since it is gone in the end.
const MOUNT_POINTS: [&str; 6] = ["/mnt", "/tmp", "/media", "/srv", "/run", "/opt"];
/// Room for the agent's files, mount points and links.
const ROOT_OPTIONS: &std::ffi::CStr = c"size=2m,nr_inodes=4096,mode=0755";

/// Something of the host that appears in the sandbox.
struct Source {
    path: String,
    handle: OwnedFd,
    directory: bool,
    attributes: u64,
}

/// Builds the root for a runtime and makes it this process's whole file system.
///
/// # Errors
/// The step that failed: for a path, its name.
pub fn enter(layout: &Layout) -> Result<(), Fault> {
    layout::check(layout)?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).at("make mounts private")?;
    let sources = open_sources(layout)?;
    let root = MOUNT_POINTS.iter().map(Path::new).find(|path| path.is_dir());
    let root = root.ok_or_else(|| Fault::new("build the root", "no directory to mount on, not even /tmp"))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", root, "tmpfs", flags, ROOT_OPTIONS).at("mount the sandbox root")?;
    fill(root, layout, &sources)?;
    if weaken::off(part::MOUNT_NAMESPACE) {
        mount("tmpfs", inside(root, "/tmp"), "tmpfs", flags, c"size=64m,mode=1777").at("mount a shared /tmp")?;
    }
    if !weaken::off(part::READ_ONLY_ROOT) {
        restrict(root, sys::READ_ONLY | sys::NO_SUID | sys::NO_DEVICES, false).at("make the sandbox root read-only")?;
    }
    chdir(root).at("enter the sandbox root")?;
    pivot_root(".", ".").at("pivot into the sandbox root")?;
    if !weaken::off(part::OLD_ROOT) {
        unmount(".", UnmountFlags::DETACH).at("detach the old root")?;
    }
    chdir("/").at("enter the sandbox root")
}

fn open_sources(layout: &Layout) -> Result<Vec<Source>, Fault> {
    let files = sys::READ_ONLY | sys::NO_SUID | sys::NO_DEVICES;
    let devices = sys::READ_ONLY | sys::NO_SUID | sys::NO_EXEC;
    let mut paths: Vec<(&str, u64)> = layout.read_only.iter().map(|path| (path.as_str(), files)).collect();
    if weaken::off(part::ROOT) {
        paths.extend(HOST.map(|path| (path, files)));
    }
    // Outer directories first, so that an inner path finds its mount point in them.
    paths.sort_unstable();
    paths.dedup();
    paths.extend(DEVICES.map(|path| (path, devices)));
    if weaken::off(part::ROOT) {
        paths.push(("/dev/full", devices));
    }
    paths.into_iter().map(|(path, attributes)| open_source(path, attributes)).collect()
}

fn open_source(path: &str, attributes: u64) -> Result<Source, Fault> {
    let stage = || format!("open {path}");
    let handle = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(|error| {
        let fault = Fault::new(stage(), io::Error::from(error));
        match error {
            rustix::io::Errno::ACCESS => {
                fault.with_hint("the sandbox's user must be able to read the Python runtime: use one outside of home directories")
            }
            _ => fault,
        }
    })?;
    let directory = FileType::from_raw_mode(fstat(&handle).at(stage())?.st_mode) == FileType::Directory;
    Ok(Source { path: path.to_owned(), handle, directory, attributes })
}

fn fill(root: &Path, layout: &Layout, sources: &[Source]) -> Result<(), Fault> {
    for path in EMPTY_DIRECTORIES {
        make_directory(&inside(root, path)).at(format!("create {path}"))?;
    }
    for source in sources {
        bind(root, source).at(format!("mount {}", source.path))?;
    }
    for (path, target) in &layout.links {
        link(&inside(root, path), target).at(format!("link {path}"))?;
    }
    let files = inside(root, home::DIRECTORY);
    make_directory(&files).at("create the agent's directory")?;
    home::write(&files)
}

fn bind(root: &Path, source: &Source) -> io::Result<()> {
    let target = inside(root, &source.path);
    if source.directory {
        make_directory(&target)?;
    } else if !target.exists() {
        make_parent(&target)?;
        File::create(&target)?;
    }
    mount_bind_recursive(format!("/proc/self/fd/{}", source.handle.as_raw_fd()), &target)?;
    restrict(&target, source.attributes, true)
}

fn link(path: &Path, target: &str) -> io::Result<()> {
    // A link inside a directory that is bound as a whole is there already.
    if path.is_symlink() {
        return Ok(());
    }
    make_parent(path)?;
    symlink(target, path)
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), make_directory)
}

fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(path)
}

fn restrict(path: &Path, attributes: u64, recursive: bool) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_encoded_bytes())?;
    sys::restrict_mount(&path, attributes, recursive)
}

fn inside(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}
