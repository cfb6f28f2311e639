//! The agent's own files in a sandbox: the interpreter's scripts and the seal, and where the interpreter finds them.
//!
//! Where the sandbox has a root of its own they lie in it. Where it has not, they lie in memory that nobody can change any more,
//! so that no file of the host is made for a sandbox, and none has to be removed.

use std::{
    borrow::Cow,
    fs::{self, File},
    io::Write,
    os::fd::OwnedFd,
    path::Path,
};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use serde::Serialize;

use crate::{
    fault::{AtStage, Fault},
    weaken,
};

/// Where the files lie in a root.
pub const DIRECTORY: &str = "/zona";
/// Descriptor of the first file in the interpreter, where they lie in memory; the others follow in the order of [`FILES`].
pub const FIRST_TARGET: i32 = 7;
/// The first descriptor behind them.
pub const END_TARGET: i32 = FIRST_TARGET + FILES.len() as i32;

/// The script, the seal, then the modules in the order in which they are loaded.
const FILES: [(&str, &[u8]); 7] = [
    ("zygote.py", include_bytes!("python/zygote.py")),
    ("zona_seal.so", include_bytes!(concat!(env!("OUT_DIR"), "/zona_seal.so"))),
    ("_zona_result.py", include_bytes!("python/_zona_result.py")),
    ("_zona_failure.py", include_bytes!("python/_zona_failure.py")),
    ("_zona_arguments.py", include_bytes!("python/_zona_arguments.py")),
    ("_zona_output.py", include_bytes!("python/_zona_output.py")),
    ("_zona_runner.py", include_bytes!("python/_zona_runner.py")),
];

/// Paths of the files, as the interpreter sees them.
#[derive(Debug, Serialize)]
pub struct Paths {
    /// The script that it runs.
    pub zygote: String,
    /// The shared object that seals children.
    pub seal: String,
    /// What runs programs in children: names and paths, each after those that it imports.
    pub modules: Vec<(&'static str, String)>,
}

/// Writes the files into a directory.
///
/// # Errors
/// The file that cannot be written.
pub fn write(directory: &Path) -> Result<(), Fault> {
    for (name, bytes) in FILES {
        fs::write(directory.join(name), contents(name, bytes)).at(format!("write {name}"))?;
    }
    Ok(())
}

/// The files in sealed memory, in the order of [`FILES`].
///
/// # Errors
/// The file that cannot be made.
pub fn in_memory() -> Result<Vec<OwnedFd>, Fault> {
    FILES.into_iter().map(|(name, bytes)| sealed(name, &contents(name, bytes))).collect()
}

// === impl Paths ===

impl Paths {
    /// The files in [`DIRECTORY`].
    pub fn in_root() -> Self {
        Self::of(|_, name| format!("{DIRECTORY}/{name}"))
    }

    /// The files in memory, by their descriptors from [`FIRST_TARGET`].
    pub fn in_memory() -> Self {
        Self::of(|target, _| format!("/proc/self/fd/{target}"))
    }

    fn of(path: impl Fn(i32, &str) -> String) -> Self {
        let mut paths = FILES.iter().zip(FIRST_TARGET..).map(|((name, _), target)| (*name, path(target, name)));
        let mut next = || paths.next().expect("script and seal are the first of the files");
        let (zygote, seal) = (next().1, next().1);
        let modules = paths.filter_map(|(name, path)| Some((name.strip_suffix(".py")?, path))).collect();
        Paths { zygote, seal, modules }
    }
}

fn contents(name: &str, bytes: &'static [u8]) -> Cow<'static, [u8]> {
    weaken::script(name, bytes)
}

fn sealed(name: &str, bytes: &[u8]) -> Result<OwnedFd, Fault> {
    let stage = || format!("keep {name} in memory");
    // The seal is loaded as code. Kernels that know no `EXEC` need none.
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let made = memfd_create(name, flags | MemfdFlags::EXEC).or_else(|_| memfd_create(name, flags));
    let mut file = File::from(made.at(stage())?);
    file.write_all(bytes).at(stage())?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    fcntl_add_seals(&file, seals).at(stage())?;
    Ok(file.into())
}
