//! Failed attempts to sign in: bounded by account and by address, with waits that double. It knows names and addresses only, never
//! whether an account exists, so that it treats those that do and those that do not alike.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::name::PrincipalName;
use crate::time::Timestamp;

/// Failures of one account that cost no wait: people mistype.
const FREE_BY_ACCOUNT: u32 = 5;
/// Failures from one address that cost no wait: many people may share one.
const FREE_BY_ADDRESS: u32 = 20;
/// The first wait; each further failure doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait of an account: somebody else's failures must not lock its owner out for long.
const LONGEST_BY_ACCOUNT: Duration = Duration::from_secs(60);
/// The longest wait of an address.
const LONGEST_BY_ADDRESS: Duration = Duration::from_secs(15 * 60);
/// How long a failure counts.
const MEMORY: Duration = Duration::from_secs(3_600);
/// Most accounts, and most addresses, that are remembered. Beyond it the one that failed longest ago is forgotten.
const MAX_REMEMBERED: usize = 10_000;

/// Failed attempts of one server.
#[derive(Default)]
pub(super) struct Attempts {
    accounts: Mutex<Failures<PrincipalName>>,
    addresses: Mutex<Failures<IpAddr>>,
}

struct Failures<K>(HashMap<K, Count>);

#[derive(Clone, Copy)]
struct Count {
    failures: u32,
    last: Timestamp,
}

impl Attempts {
    /// Counts an attempt as failed, unless [`Attempts::succeeded`] takes that back: attempts that run at the same time count, too.
    ///
    /// # Errors
    /// [`Error::Exhausted`] while the account or the address has to wait. Nothing is counted then.
    pub(super) fn begin(&self, account: Option<&PrincipalName>, address: Option<IpAddr>, now: Timestamp) -> Result<()> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = account {
            accounts.admit(account, FREE_BY_ACCOUNT, LONGEST_BY_ACCOUNT, now)?;
        }
        if let Some(address) = address {
            addresses.admit(&address, FREE_BY_ADDRESS, LONGEST_BY_ADDRESS, now)?;
            addresses.count(address, now);
        }
        if let Some(account) = account {
            accounts.count(account.clone(), now);
        }
        Ok(())
    }

    /// Takes back what [`Attempts::begin`] has counted, and every earlier failure of the account; those of the address stay, or
    /// whoever has one account could try all others from there.
    pub(super) fn succeeded(&self, account: Option<&PrincipalName>, address: Option<IpAddr>) {
        if let Some(account) = account {
            self.accounts.lock().unwrap_or_else(PoisonError::into_inner).0.remove(account);
        }
        if let Some(address) = address
            && let Some(count) = self.addresses.lock().unwrap_or_else(PoisonError::into_inner).0.get_mut(&address)
        {
            count.failures = count.failures.saturating_sub(1);
        }
    }
}

impl<K> Default for Failures<K> {
    fn default() -> Self {
        Failures(HashMap::new())
    }
}

impl<K: Clone + Eq + Hash> Failures<K> {
    fn admit(&self, key: &K, free: u32, longest: Duration, now: Timestamp) -> Result<()> {
        let Some(count) = self.0.get(key).filter(|count| now.since(count.last) < MEMORY) else { return Ok(()) };
        let wait = wait_after(count.failures, free, longest);
        let retry_after = wait.saturating_sub(now.since(count.last));
        if retry_after.is_zero() { Ok(()) } else { Err(too_many(retry_after)) }
    }

    fn count(&mut self, key: K, now: Timestamp) {
        if self.0.len() >= MAX_REMEMBERED && !self.0.contains_key(&key) {
            self.make_room(now);
        }
        let count = self.0.entry(key).or_insert(Count { failures: 0, last: now });
        let earlier = if now.since(count.last) < MEMORY { count.failures } else { 0 };
        *count = Count { failures: earlier.saturating_add(1), last: now };
    }

    fn make_room(&mut self, now: Timestamp) {
        self.0.retain(|_, count| now.since(count.last) < MEMORY);
        if self.0.len() >= MAX_REMEMBERED
            && let Some(oldest) = self.0.iter().min_by_key(|(_, count)| count.last).map(|(key, _)| key.clone())
        {
            self.0.remove(&oldest);
        }
    }
}

fn wait_after(failures: u32, free: u32, longest: Duration) -> Duration {
    let Some(beyond) = failures.checked_sub(free) else { return Duration::ZERO };
    FIRST_WAIT.saturating_mul(1_u32.checked_shl(beyond).unwrap_or(u32::MAX)).min(longest)
}

/// The same for accounts and addresses, so that it says nothing of either.
fn too_many(retry_after: Duration) -> Error {
    Error::Exhausted {
        reason: "TOO_MANY_ATTEMPTS",
        subject: "sign-in".to_owned(),
        description: "too many attempts to sign in have failed; wait, then try again".to_owned(),
        retry_after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(id: &str) -> PrincipalName {
        PrincipalName::parse("name", &format!("tenants/acme/users/{id}")).unwrap()
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + seconds * 1_000)
    }

    fn waits(attempts: &Attempts, account: &str, address: Option<IpAddr>, now: Timestamp) -> Option<Duration> {
        match attempts.begin(Some(&name(account)), address, now) {
            Ok(()) => None,
            Err(Error::Exhausted { reason: "TOO_MANY_ATTEMPTS", retry_after, .. }) => Some(retry_after),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn an_account_waits_ever_longer_once_its_free_attempts_are_used_up() {
        let attempts = Attempts::default();
        for _ in 0..FREE_BY_ACCOUNT {
            assert_eq!(waits(&attempts, "ann", None, at(0)), None);
        }
        assert_eq!(waits(&attempts, "ann", None, at(0)), Some(Duration::from_secs(1)));
        assert_eq!(waits(&attempts, "bob", None, at(0)), None, "others do not wait");
        assert_eq!(waits(&attempts, "ann", None, at(1)), None);
        assert_eq!(waits(&attempts, "ann", None, at(1)), Some(Duration::from_secs(2)));
        for n in 2..40 {
            assert_eq!(waits(&attempts, "ann", None, at(n * 60)), None, "no wait is longer than a minute");
        }
        assert_eq!(waits(&attempts, "ann", None, at(39 * 60 + 59)), Some(Duration::from_secs(1)));
        attempts.succeeded(Some(&name("ann")), None);
        assert_eq!(waits(&attempts, "ann", None, at(39 * 60 + 59)), None);
    }

    #[test]
    fn an_address_waits_whichever_accounts_it_tries() {
        let (attempts, address) = (Attempts::default(), Some(IpAddr::from([192, 0, 2, 1])));
        for n in 0..FREE_BY_ADDRESS {
            assert_eq!(waits(&attempts, &format!("u{n}"), address, at(0)), None);
        }
        attempts.succeeded(Some(&name("u0")), address);
        assert_eq!(waits(&attempts, "fresh", address, at(0)), None, "a success gives back its own attempt only");
        assert_eq!(waits(&attempts, "other", address, at(0)), Some(Duration::from_secs(1)));
        assert_eq!(waits(&attempts, "other", Some(IpAddr::from([192, 0, 2, 2])), at(0)), None);
    }

    #[test]
    fn failures_are_forgotten_in_time_and_bounded_in_number() {
        let attempts = Attempts::default();
        for _ in 0..FREE_BY_ACCOUNT {
            assert_eq!(waits(&attempts, "ann", None, at(0)), None);
        }
        assert_eq!(waits(&attempts, "ann", None, at(3_600)), None);
        for n in 0..MAX_REMEMBERED + 10 {
            assert_eq!(waits(&attempts, &format!("u{n}"), None, at(3_600 + n as u64 / 1_000)), None);
        }
        assert!(attempts.accounts.lock().unwrap().0.len() <= MAX_REMEMBERED);
    }
}
