//! The users that sandboxes run as: each sandbox has one that no other on this machine has, and nobody of the host should have any.

use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, socket_with};

use crate::config::{Backend, Config, UidRange};
use crate::instance::random;

/// How many ids are looked at.
const ATTEMPTS: u64 = 64;
/// In a range of at least so many ids, honest servers never have all that are looked at: somebody keeps their names from us.
const WIDE: u64 = 4_096;

/// Gives each id to one sandbox at a time. Cheap to clone; clones share what is taken.
#[derive(Debug, Clone)]
pub(crate) struct Users {
    range: UidRange,
    /// By this process.
    taken: Arc<Mutex<HashSet<u32>>>,
    /// From how many ids on the range is wide.
    wide: u64,
}

/// A user id that no other sandbox has. Dropping it frees it.
#[derive(Debug)]
pub(crate) struct UidLease {
    /// The id.
    pub(crate) uid: u32,
    /// An abstract socket named after the id, which tells other servers: the kernel frees it with the process, whatever ends it.
    _name: Option<OwnedFd>,
    users: Option<Users>,
}

// === impl Users ===

impl Users {
    pub(crate) fn new(range: UidRange) -> Self {
        Users { range, taken: Arc::default(), wide: WIDE }
    }

    /// A random free id of the range. With a shared id, one sandbox could use up another's pipes and inotify instances.
    ///
    /// Everybody on the host can take names of abstract sockets. So that nobody keeps sandboxes from starting by taking all, one whose
    /// name is taken serves where none is free in a wide range; within this process ids differ all the same.
    pub(crate) fn lease(&self) -> io::Result<UidLease> {
        let start = random()?;
        let mut claimed = None;
        for attempt in 0..ATTEMPTS {
            let uid = self.range.nth(start.wrapping_add(attempt) % (1 << 32));
            if !self.taken().insert(uid) {
                continue;
            }
            let lease = UidLease { uid, _name: None, users: Some(self.clone()) };
            match named(uid)? {
                Some(name) => return Ok(UidLease { uid, _name: Some(name), users: lease.give_up() }),
                None => claimed = claimed.or(Some(lease)),
            }
        }
        let claimed = claimed.filter(|_| self.range.count() >= self.wide);
        let claimed = claimed.ok_or_else(|| io::Error::new(ErrorKind::AddrInUse, "no free user id in the configured range"))?;
        let uid = claimed.uid;
        tracing::warn!(
            uid,
            "somebody on this host has taken the names of the sandboxes' users (abstract sockets zona-uid-*); using one all the same"
        );
        Ok(claimed)
    }

    fn taken(&self) -> MutexGuard<'_, HashSet<u32>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells other servers that an id is taken, unless one has said so.
fn named(uid: u32) -> io::Result<Option<OwnedFd>> {
    let name = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    let address = SocketAddrUnix::new_abstract_name(format!("zona-uid-{uid}").as_bytes())?;
    match bind(&name, &address) {
        Ok(()) => Ok(Some(name)),
        Err(rustix::io::Errno::ADDRINUSE) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

// === impl UidLease ===

impl UidLease {
    /// The server's own id, where it may not choose another.
    pub(crate) fn own() -> Self {
        UidLease { uid: rustix::process::geteuid().as_raw(), _name: None, users: None }
    }

    /// Hands over what frees the id.
    fn give_up(mut self) -> Option<Users> {
        self.users.take()
    }
}

impl Drop for UidLease {
    fn drop(&mut self) {
        if let Some(users) = &self.users {
            users.taken().remove(&self.uid);
        }
    }
}

/// Who of the host has ids of the sandboxes' users; nobody where sandboxes run as the server's own user.
pub(crate) fn others_of(config: &Config) -> Vec<String> {
    if are_used(&config.backend, rustix::process::geteuid().is_root()) { others(&config.uids) } else { Vec::new() }
}

/// Whether sandboxes run as users of the range.
fn are_used(backend: &Backend, is_root: bool) -> bool {
    match backend {
        Backend::Docker(_) => true,
        Backend::Namespace(_) | Backend::Landlock(_) => is_root,
    }
}

/// Who of the host has ids of the range: such a user can send signals to the programs of a sandbox, and read what is theirs.
pub(crate) fn others(range: &UidRange) -> Vec<String> {
    // Where there is no such file, nobody is in it.
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    others_in(range, &read("/etc/passwd"), &read("/etc/subuid"))
}

fn others_in(range: &UidRange, passwd: &str, subuid: &str) -> Vec<String> {
    let users = passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, uid) = (fields.next()?, fields.nth(1)?.parse().ok()?);
        range.contains(uid).then(|| format!("user {name} (id {uid})"))
    });
    let subordinate = subuid.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, first, count): (_, u32, u32) = (fields.next()?, fields.next()?.parse().ok()?, fields.next()?.trim().parse().ok()?);
        let last = first.checked_add(count.checked_sub(1)?)?;
        // What root could do, it can do without them.
        let meets = !["root", "0"].contains(&name) && range.meets(first, last);
        meets.then(|| format!("the subordinate ids of {name} ({first} to {last})"))
    });
    users.chain(subordinate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Docker, Namespace};

    fn users(first: u32, last: u32) -> Users {
        Users::new(UidRange::new(first, last).unwrap())
    }

    #[test]
    fn a_user_id_is_leased_once_at_a_time() {
        let users = users(4_100_000_000, 4_100_000_001);
        let (first, second) = (users.lease().unwrap(), users.lease().unwrap());
        assert_ne!(first.uid, second.uid);
        assert!(users.lease().is_err());
        drop(first);
        users.lease().unwrap();
    }

    #[test]
    fn two_servers_do_not_lease_the_same_user_id() {
        let (one, other) = (users(4_100_000_010, 4_100_000_011), users(4_100_000_010, 4_100_000_011));
        let (first, second) = (one.lease().unwrap(), other.lease().unwrap());
        assert_ne!(first.uid, second.uid);
        assert!(one.lease().is_err() && other.lease().is_err());
    }

    #[test]
    fn who_takes_all_names_keeps_nobody_from_starting_where_the_range_is_wide() {
        let (first, last) = (4_100_000_100, 4_100_000_199);
        let names: Vec<_> = (first..=last).map(|uid| named(uid).unwrap().expect("nobody has it")).collect();
        assert!(users(first, last).lease().is_err(), "in a narrow one, the holders may be servers");
        let wide = Users { wide: 100, ..users(first, last) };
        let leases: Vec<_> = (0..30).map(|_| wide.lease().unwrap()).collect();
        let ids: HashSet<_> = leases.iter().map(|lease| lease.uid).collect();
        assert_eq!(ids.len(), leases.len(), "each is leased once");
        drop((names, leases));
        assert!(wide.taken().is_empty());
    }

    #[test]
    fn the_range_is_used_where_a_backend_may_choose_users() {
        let namespace = Backend::Namespace(Namespace::default());
        let landlock = Backend::Landlock(Namespace::default());
        assert!(are_used(&Backend::Docker(Docker::default()), false));
        for backend in [namespace, landlock] {
            assert!(are_used(&backend, true) && !are_used(&backend, false));
        }
    }

    #[test]
    fn users_of_the_host_in_the_range_are_named() {
        let range = UidRange::new(200_000, 265_535).unwrap();
        let passwd = "root:x:0:0::/root:/bin/sh\nnear:x:199999:1::/:/bin/sh\ninside:x:200000:1::/:/bin/sh\nbroken\n";
        let subuid = "root:200000:10\nfirst:100000:65536\nsecond:165536:65536\nthird:265536:65536\nnone:200000:0\nbroken:x:1\n";
        let expected = ["user inside (id 200000)", "the subordinate ids of second (165536 to 231071)"];
        assert_eq!(others_in(&range, passwd, subuid), expected);
    }
}
