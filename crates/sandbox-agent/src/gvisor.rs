//! Settles in a container that gVisor runs (`runsc`): its kernel, a program of its own for each container, is what keeps a sandbox
//! from the host, and a container runs one program. Nothing is mounted, and no namespaces are made.
//!
//! No descriptor that was made inside passes to the server. So the server makes the pipes of the one child, as named ones that
//! are mounted here, and this end opens them. The server has opened its ends before: an end that nobody reads could not be opened.
//!
//! It deliberately installs no filter around agent and interpreter: gVisor says whether a process has filters and not how many,
//! so a child's own would not show.

use std::{io, os::fd::OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, openat};
use sandbox_protocol::{STREAM_NAMES, STREAMS_DIRECTORY, control::Layout};

use crate::{
    confined::{Confined, Wall},
    fault::{AtStage, Fault},
    home, isolation,
    outside::Outside,
    privileges,
    root::layout,
};

const HINT: &str = "register the runtime at the daemon with the runtimeArgs --network=none, --host-uds=open and --host-fifo=open, and \
                    without --oci-seccomp";

/// Checks the container, opens what will be needed, and gives up every right.
///
/// # Errors
/// The step that failed, with what to change where it is known.
pub fn enter(layout: &Layout) -> Result<(Outside, Confined), Fault> {
    layout::check(layout)?;
    let identity = isolation::current_identity();
    if identity.uid == 0 {
        return Err(Fault::new("identity", "the container runs as root").with_hint("set a user for the container"));
    }
    let outside = Outside::open(identity.uid).at("open /proc")?;
    let files = home::in_memory()?;
    let streams = streams()?;
    // Nothing in the container can give one: it has no capability in its bounding set, and no program of another user.
    privileges::empty_sets().map_err(io::Error::from_raw_os_error).at("drop capabilities")?;
    privileges::forbid_new_privileges().map_err(io::Error::from_raw_os_error).at("forbid new privileges")?;
    Ok((outside, Confined { wall: Wall::Gvisor { streams }, files }))
}

fn streams() -> Result<[OwnedFd; 4], Fault> {
    let [request, result, stdout, stderr] = STREAM_NAMES;
    let (read, write) = (OFlags::RDONLY, OFlags::WRONLY);
    Ok([open(request, read)?, open(result, write)?, open(stdout, write)?, open(stderr, write)?])
}

fn open(name: &str, how: OFlags) -> Result<OwnedFd, Fault> {
    let path = format!("{STREAMS_DIRECTORY}/{name}");
    let opened = openat(CWD, &path, how | OFlags::CLOEXEC, Mode::empty());
    opened.map_err(|error| Fault::new(format!("open {path}"), io::Error::from(error)).with_hint(HINT))
}
