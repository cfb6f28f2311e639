//! Places of connections: how many are open at once, and how many of them one peer may have, so that nobody alone keeps all others out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A peer may have this part of all places, so it takes as many of them to leave none for others.
const PEERS: usize = 8;
/// What a peer may have however few there are: programs behind one address, each with a connection or two.
const LEAST: usize = 8;
/// The bits of an IPv6 address that say whose it is: whoever has one address has the others of its network (RFC 6177).
const NETWORK: u32 = 64;

/// The places of a listener.
pub(super) struct Places {
    free: Arc<Semaphore>,
    /// How many one peer may have.
    each: usize,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A place, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    _share: Option<Share>,
}

/// Why there is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// All are taken.
    All,
    /// The peer has as many as it may have.
    Peer,
}

/// One of a peer's places.
#[derive(Debug)]
struct Share {
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    peer: IpAddr,
}

// === impl Places ===

impl Places {
    /// So many.
    pub(super) fn new(most: usize) -> Self {
        let most = most.min(Semaphore::MAX_PERMITS);
        Places { free: Arc::new(Semaphore::new(most)), each: (most / PEERS).max(LEAST), taken: Arc::default() }
    }

    /// One for whoever connects from this address.
    pub(super) fn take(&self, address: IpAddr) -> Result<Place, Full> {
        let share = match peer(address) {
            Some(peer) => Some(self.share(peer).ok_or(Full::Peer)?),
            None => None,
        };
        let permit = Arc::clone(&self.free).try_acquire_owned().ok().ok_or(Full::All)?;
        Ok(Place { _permit: permit, _share: share })
    }

    fn share(&self, peer: IpAddr) -> Option<Share> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(peer).or_default();
        if *count >= self.each {
            return None;
        }
        *count += 1;
        Some(Share { taken: Arc::clone(&self.taken), peer })
    }
}

/// Whose address it is; `None` for this machine, where proxies and tunnels bring others.
fn peer(address: IpAddr) -> Option<IpAddr> {
    let network = |address: Ipv6Addr| Ipv6Addr::from_bits(address.to_bits() >> (128 - NETWORK) << (128 - NETWORK));
    match address.to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V4(address) => Some(address.into()),
        IpAddr::V6(address) => Some(network(address).into()),
    }
}

// === impl Share ===

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 128;
    const EACH: usize = MOST / PEERS;

    fn takes(places: &Places, address: &str) -> Result<Place, Full> {
        places.take(address.parse().unwrap())
    }

    #[test]
    fn one_peer_leaves_places_for_others_and_gets_its_own_back() {
        let places = Places::new(MOST);
        let mut held: Vec<_> = (0..EACH).map(|_| takes(&places, "192.0.2.1").expect("a place")).collect();
        for same in ["192.0.2.1", "::ffff:192.0.2.1"] {
            assert_eq!(takes(&places, same).err(), Some(Full::Peer), "{same}");
        }
        assert!(takes(&places, "192.0.2.2").is_ok());
        held.pop();
        held.push(takes(&places, "192.0.2.1").expect("a place again"));
        drop(held);
        assert!(places.taken.lock().unwrap().is_empty(), "who is gone is forgotten");
        assert_eq!(places.free.available_permits(), MOST);
    }

    #[test]
    fn all_addresses_of_a_network_of_ipv6_are_one_peer() {
        let places = Places::new(MOST);
        let held: Vec<_> = (0..EACH).map(|host| takes(&places, &format!("2001:db8::{host:x}")).expect("a place")).collect();
        assert_eq!(takes(&places, "2001:db8:0:0:ffff::1").err(), Some(Full::Peer));
        assert!(takes(&places, "2001:db8:0:1::1").is_ok());
        drop(held);
    }

    #[test]
    fn whoever_comes_from_this_machine_may_have_all() {
        let places = Places::new(MOST);
        let addresses = ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"];
        let held: Vec<_> = addresses.iter().cycle().take(MOST).map(|address| takes(&places, address).expect("a place")).collect();
        assert_eq!(takes(&places, "127.0.0.1").err(), Some(Full::All));
        assert_eq!(takes(&places, "192.0.2.1").err(), Some(Full::All));
        assert!(places.taken.lock().unwrap().is_empty(), "who got none has none");
        drop(held);
    }

    #[test]
    fn a_peer_has_some_however_few_there_are() {
        let places = Places::new(LEAST + 1);
        let held: Vec<_> = (0..LEAST).map(|_| takes(&places, "192.0.2.1").expect("a place")).collect();
        assert_eq!(takes(&places, "192.0.2.1").err(), Some(Full::Peer));
        drop(held);
    }
}
