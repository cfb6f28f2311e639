//! What the kernel shows of a process, to compare: its mappings, its descriptors, and what its status says. A call that could have
//! changed any of it asks for the comparison; what can change unseen is no part of this.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::BorrowedFd,
};

use rustix::fs::{Dir, Mode, OFlags, openat, readlinkat};
use sandbox_protocol::control::Left;

use super::lost::Lost;

/// Longest text of procfs that is read. An interpreter with 1,000 mappings has 100 KiB of them, and 800 KiB with their flags.
const TEXT: u64 = 2 * 1024 * 1024;
/// What a status says that goes on by itself, and no program sees: memory in use, signals of the whole user, how often it waited.
const GOES_ON: [&str; 12] = [
    "State",
    "SigQ",
    "VmPeak",
    "VmHWM",
    "VmRSS",
    "RssAnon",
    "RssFile",
    "RssShmem",
    "VmPTE",
    "VmSwap",
    "voluntary_ctxt_switches",
    "nonvoluntary_ctxt_switches",
];

/// What is shown.
#[derive(PartialEq, Eq)]
pub struct Visible {
    mappings: String,
    /// Numbers and targets.
    descriptors: Vec<(String, String)>,
    status: Vec<String>,
}

// === impl Visible ===

impl Visible {
    /// Reads what is shown of the process whose directory in procfs this is.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(directory: BorrowedFd<'_>) -> io::Result<Self> {
        Self::with(mappings(directory)?, directory)
    }

    /// The same, where the mappings were read just now.
    ///
    /// # Errors
    /// What the system says.
    pub fn with(mappings: String, directory: BorrowedFd<'_>) -> io::Result<Self> {
        let status = text(directory, "status")?;
        let stays = |line: &&str| !line.split(':').next().is_some_and(|name| GOES_ON.contains(&name));
        Ok(Visible { mappings, descriptors: descriptors(directory)?, status: status.lines().filter(stays).map(str::to_owned).collect() })
    }

    /// Bytes of the address space; 0 where the status does not say.
    pub fn address_space(&self) -> u64 {
        let kibibytes =
            self.status.iter().find_map(|line| line.strip_prefix("VmSize:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        kibibytes.unwrap_or(0) * 1024
    }

    /// Looks again.
    ///
    /// # Errors
    /// What differs, or what the system says.
    pub fn compare(&self, directory: BorrowedFd<'_>) -> Result<(), Lost> {
        let now = Visible::read(directory)?;
        if now.descriptors != self.descriptors {
            return Err(Lost::Differs(Left::Descriptors));
        }
        if now.mappings != self.mappings {
            return Err(Lost::Differs(Left::Mappings));
        }
        if now.status == self.status { Ok(()) } else { Err(Lost::Differs(Left::Status)) }
    }
}

/// The mappings, as procfs writes them.
///
/// # Errors
/// What the system says.
pub fn mappings(directory: BorrowedFd<'_>) -> io::Result<String> {
    text(directory, "maps")
}

/// The mappings with all that procfs tells of each.
///
/// # Errors
/// What the system says.
pub fn mappings_with_flags(directory: BorrowedFd<'_>) -> io::Result<String> {
    text(directory, "smaps")
}

/// Whether the process catches a signal.
///
/// # Errors
/// What the system says.
pub fn catches(directory: BorrowedFd<'_>, signal: i32) -> io::Result<bool> {
    let status = text(directory, "status")?;
    let caught = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigCgt:")?.trim(), 16).ok());
    Ok(caught.is_some_and(|caught| caught >> (signal - 1) & 1 == 1))
}

fn text(directory: BorrowedFd<'_>, name: &str) -> io::Result<String> {
    let file = File::from(openat(directory, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?);
    let mut text = String::new();
    if file.take(TEXT).read_to_string(&mut text)? as u64 == TEXT {
        return Err(io::Error::other(format!("{name} of a process is too long")));
    }
    Ok(text)
}

fn descriptors(directory: BorrowedFd<'_>) -> io::Result<Vec<(String, String)>> {
    let names = openat(directory, "fd", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut found = Vec::new();
    for entry in Dir::read_from(&names)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            let target = readlinkat(&names, name.as_str(), Vec::new())?.to_string_lossy().into_owned();
            found.push((name, target));
        }
    }
    found.sort();
    Ok(found)
}
