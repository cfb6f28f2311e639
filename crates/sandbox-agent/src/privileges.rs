//! Gives up every capability for good, in a way that no later exec, file or identity brings one back.
//!
//! Used twice: by the agent for itself and the interpreter, and by the seal for each child, whose user namespace handed it a
//! full set again. It deliberately does not change identities: both run without root in the first place.

use crate::linux::{Errno, call, number};

const PR_SET_PDEATHSIG: usize = 1;
const SIGKILL: usize = 9;
const PR_CAPBSET_DROP: usize = 24;
const PR_SET_SECUREBITS: usize = 28;
const PR_SET_NO_NEW_PRIVS: usize = 38;
const PR_CAP_AMBIENT: usize = 47;
const PR_CAP_AMBIENT_CLEAR_ALL: usize = 4;
const EINVAL: Errno = 22;
/// Past the highest capability of any kernel: masks have 64 bits.
const CAPABILITIES: usize = 64;
/// `NOROOT`, `NO_SETUID_FIXUP` and `NO_CAP_AMBIENT_RAISE` set and locked, `KEEP_CAPS` clear and locked.
const SECURE_BITS: usize = 0b1110_1111;
const CAPABILITY_VERSION_3: u32 = 0x2008_0522;

/// Empties the ambient, bounding, inheritable, permitted and effective sets and locks the secure bits.
///
/// # Errors
/// The kernel's error number; the process is then in an undefined state and must end.
pub fn drop_capabilities() -> Result<(), Errno> {
    give_up_sources()?;
    empty_sets()
}

/// Empties the ambient and bounding sets and locks the secure bits, so that no capability comes back once it is gone. Needs
/// `CAP_SETPCAP`; what is held stays, for a change of identity.
///
/// # Errors
/// As [`drop_capabilities`].
pub fn give_up_sources() -> Result<(), Errno> {
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)?;
    for capability in 0..CAPABILITIES {
        match prctl(PR_CAPBSET_DROP, capability) {
            Ok(()) => {}
            Err(EINVAL) => break,
            Err(error) => return Err(error),
        }
    }
    prctl(PR_SET_SECUREBITS, SECURE_BITS)
}

/// Empties the inheritable, permitted and effective sets. Whoever has none may do so.
///
/// # Errors
/// As [`drop_capabilities`].
pub fn empty_sets() -> Result<(), Errno> {
    let header = [CAPABILITY_VERSION_3, 0];
    let nothing = [0_u32; 6];
    // SAFETY: header and data have the layout of version 3: two words, and two times three words.
    unsafe { call(number::CAPSET, [header.as_ptr() as usize, nothing.as_ptr() as usize, 0, 0, 0]) }?;
    Ok(())
}

/// Makes exec unable to grant privileges, for this process and everything it starts.
///
/// # Errors
/// The kernel's error number.
pub fn forbid_new_privileges() -> Result<(), Errno> {
    prctl(PR_SET_NO_NEW_PRIVS, 1)
}

/// Ends this process when its parent ends, whatever ends it. Asked for too late where the parent has ended before.
///
/// # Errors
/// As [`forbid_new_privileges`].
pub fn die_with_parent() -> Result<(), Errno> {
    prctl(PR_SET_PDEATHSIG, SIGKILL)
}

fn prctl(option: usize, argument: usize) -> Result<(), Errno> {
    // SAFETY: none of the options used here takes a pointer.
    unsafe { call(number::PRCTL, [option, argument, 0, 0, 0]) }?;
    Ok(())
}
