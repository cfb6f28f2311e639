//! Holds a sandbox where the host grants no namespaces: Landlock decides which files can be opened and who can be signalled, system
//! call filters take away the rest. Weaker than namespaces: the process sees the host's process ids, its name, and whether a
//! path exists; never a file's contents.
//!
//! Two layers, as with filters: the agent and the interpreter live in one, and each child adds a narrower one of its own. It
//! deliberately offers no writable directory: one on a disk has no size, outlives its child, and would have to be emptied by
//! somebody with more rights than whoever filled it.

use std::{io, os::fd::OwnedFd};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError, Scope,
};
use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use sandbox_protocol::control::Layout;

use crate::{
    arguments::Identity,
    confined::{Confined, Wall},
    fault::{AtStage, Fault},
    home, isolation,
    outside::Outside,
    part, privileges,
    root::layout,
    weaken,
};

/// Versions of the interface, newest first. Later ones restrict nothing more that matters here.
const VERSIONS: [(ABI, u32); 6] = [(ABI::V6, 6), (ABI::V5, 5), (ABI::V4, 4), (ABI::V3, 3), (ABI::V2, 2), (ABI::V1, 1)];
const OLDEST: (ABI, u32) = (ABI::V1, 1);
const MISSING: &str = "this kernel does not enforce Landlock: it needs Linux 5.13 or newer with CONFIG_SECURITY_LANDLOCK, and `landlock` \
                       in its boot parameter `lsm=`";

/// Something that the rules name, opened.
struct Place {
    handle: OwnedFd,
    directory: bool,
    may: BitFlags<AccessFs>,
}

/// Takes an identity, opens what will be needed, and gives up every other file for good.
///
/// # Errors
/// The step that failed, with the host's setting where it is known.
pub fn enter(identity: Option<Identity>, layout: &Layout) -> Result<(Outside, Confined), Fault> {
    layout::check(layout)?;
    let version = version()?;
    // Opened with the rights the agent was started with: a cgroup's files may not be readable afterwards.
    let identity = identity.unwrap_or_else(isolation::current_identity);
    let outside = Outside::open(identity.uid).at("open /proc")?;
    let files = home::in_memory()?;
    let inner = Place::all(children_may(layout))?;
    let outer = Place::all(children_may(layout).chain(agent_may(layout)))?;
    isolation::take_with_empty_hands(identity)?;
    privileges::forbid_new_privileges().map_err(io::Error::from_raw_os_error).at("forbid new privileges")?;
    let rules: Option<OwnedFd> = ruleset(version.0, &inner).map_err(|error| refused(&error))?.into();
    let rules = rules.ok_or_else(|| Fault::new("landlock", "the rules have no descriptor").with_hint(MISSING))?;
    if !weaken::off(part::LANDLOCK) {
        ruleset(version.0, &outer).and_then(RulesetCreated::restrict_self).map_err(|error| refused(&error))?;
    }
    Ok((outside, Confined { wall: Wall::Landlock { rules, version: version.1 }, files }))
}

/// The newest version that this kernel enforces as a whole.
fn version() -> Result<(ABI, u32), Fault> {
    if weaken::off(part::NEW_LANDLOCK) {
        return Ok(OLDEST);
    }
    let enforced = |(abi, _): &(ABI, u32)| handled(*abi).and_then(Ruleset::create).is_ok();
    VERSIONS.into_iter().find(enforced).ok_or_else(|| Fault::new("landlock", "not available").with_hint(MISSING))
}

/// Rules that allow what places name, and nothing else that a version knows.
fn ruleset(abi: ABI, places: &[Place]) -> Result<RulesetCreated, RulesetError> {
    let mut rules = handled(abi)?.create()?;
    for place in places {
        let may = if place.directory { place.may } else { place.may & AccessFs::from_file(abi) };
        rules = rules.add_rule(PathBeneath::new(&place.handle, may))?;
    }
    Ok(rules)
}

/// Everything that a version can take away, taken away. Signals, abstract sockets and TCP are the filter's first, so kernels that
/// do not know them here will do.
fn handled(abi: ABI) -> Result<Ruleset, RulesetError> {
    let mut ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessFs::from_all(abi))?;
    if !AccessNet::from_all(abi).is_empty() {
        ruleset = ruleset.handle_access(AccessNet::from_all(abi))?;
    }
    if !Scope::from_all(abi).is_empty() {
        ruleset = ruleset.scope(Scope::from_all(abi))?;
    }
    Ok(ruleset)
}

fn refused(error: &RulesetError) -> Fault {
    Fault::new("landlock", error)
}

/// The runtime, to read; three devices.
fn children_may(layout: &Layout) -> impl Iterator<Item = (&str, BitFlags<AccessFs>)> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let runtime = layout.read_only.iter().map(move |path| (path.as_str(), read));
    let devices = [
        ("/dev/null", AccessFs::ReadFile | AccessFs::WriteFile),
        ("/dev/zero", AccessFs::ReadFile.into()),
        ("/dev/urandom", AccessFs::ReadFile.into()),
    ];
    runtime.chain(devices)
}

/// And for agent and interpreter: to execute the runtime, to look at children and to raise their OOM score.
fn agent_may(layout: &Layout) -> impl Iterator<Item = (&str, BitFlags<AccessFs>)> {
    let execute = AccessFs::Execute | AccessFs::ReadFile | AccessFs::ReadDir;
    let runtime = layout.read_only.iter().map(move |path| (path.as_str(), execute));
    runtime.chain([("/proc", AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::ReadDir)])
}

// === impl Place ===

impl Place {
    fn all<'a>(places: impl Iterator<Item = (&'a str, BitFlags<AccessFs>)>) -> Result<Vec<Self>, Fault> {
        places.map(|(path, may)| Self::open(path, may)).collect()
    }

    fn open(path: &str, may: BitFlags<AccessFs>) -> Result<Self, Fault> {
        let stage = || format!("open {path}");
        let handle = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).at(stage())?;
        let directory = FileType::from_raw_mode(fstat(&handle).at(stage())?.st_mode) == FileType::Directory;
        Ok(Place { handle, directory, may })
    }
}
