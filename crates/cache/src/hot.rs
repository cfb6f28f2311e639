//! What is asked for most: counted while it is asked for, remembered in Redis once a minute, and read ahead by the next server that starts.
//! Only names are remembered; what they stand for is read as ever, so that nothing old comes of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::name::{TenantId, UtilityId};
use serde::{Deserialize, Serialize};
use storage_documents::{decode, encode};
use zeroize::Zeroizing;

use crate::second::Place;

/// Names that are remembered: more than a server reads ahead in the time that it has for that.
pub(crate) const REMEMBERED: usize = 1_000;
/// Of so many calls one is counted: whoever is asked for often is among them, and the others wait for nothing.
const COUNTED: u64 = 8;
/// Counted calls behind which a list says something: a server that has just started would put a few names in the place of all others.
const LEAST: u64 = 64;
/// Names that are counted. With more, each counts half, and those that were asked for once go.
const MAX_COUNTED: usize = 4_096;

/// A utility of a tenant.
pub(crate) type Key = (TenantId, UtilityId);

/// How often things were asked for, lately.
#[derive(Default)]
pub(crate) struct Hot {
    counts: Mutex<HashMap<Key, u32>>,
    calls: AtomicU64,
    /// How many of these there were when the text was given last.
    said: AtomicU64,
}

/// What is remembered: those that were asked for most first.
#[derive(Serialize, Deserialize)]
struct Names(Vec<(String, String)>);

impl Hot {
    /// Something was asked for.
    pub(crate) fn note(&self, tenant: &TenantId, id: &UtilityId) {
        if !self.calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(COUNTED) {
            return;
        }
        let (key, mut counts) = ((tenant.clone(), id.clone()), self.counts());
        if let Some(count) = counts.get_mut(&key) {
            *count = count.saturating_add(1);
            return;
        }
        if counts.len() >= MAX_COUNTED {
            halve(&mut counts);
        }
        // Where all were asked for often, a name that is new waits until they were not.
        if counts.len() < MAX_COUNTED {
            counts.insert(key, 1);
        }
    }

    /// Whether enough was asked for since the text was given last.
    pub(crate) fn says_something(&self) -> bool {
        let calls = self.calls.load(Ordering::Relaxed).saturating_sub(self.said.load(Ordering::Relaxed));
        calls >= LEAST * COUNTED
    }

    /// The text to remember, of those that were asked for most; `None` where nothing was asked for. What was counted counts half from then on.
    pub(crate) fn text(&self) -> Option<Zeroizing<String>> {
        self.said.store(self.calls.load(Ordering::Relaxed), Ordering::Relaxed);
        let mut all: Vec<(Key, u32)> = {
            let mut counts = self.counts();
            let all = counts.iter().map(|(key, count)| (key.clone(), *count)).collect();
            halve(&mut counts);
            all
        };
        all.sort_by(|(one, count), (other, more)| more.cmp(count).then_with(|| one.cmp(other)));
        let names = all.into_iter().take(REMEMBERED).map(|((tenant, id), _)| (tenant.to_string(), id.to_string())).collect::<Vec<_>>();
        (!names.is_empty()).then(|| Zeroizing::new(encode(&Names(names))))
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Key, u32>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where it is remembered: of the installation, not of one of its tenants.
pub(crate) fn place() -> Place {
    Place::new(&TenantId::system(), "hot", "utilities")
}

/// What a text says, in its order; what is no name is none.
pub(crate) fn read(text: &str) -> Option<Vec<Key>> {
    let Names(names) = decode(text).ok()?;
    let key = |(tenant, id): (String, String)| Some((TenantId::parse("tenant", &tenant).ok()?, UtilityId::parse("utility", &id).ok()?));
    Some(names.into_iter().take(REMEMBERED).filter_map(key).collect())
}

fn halve(counts: &mut HashMap<Key, u32>) {
    counts.retain(|_, count| {
        *count /= 2;
        *count > 0
    });
}

#[cfg(test)]
mod tests {
    use test_support::sample::{tenant, utility_id};

    use super::*;

    fn key(id: &str) -> Key {
        (tenant("acme"), utility_id(id))
    }

    fn ask(hot: &Hot, id: &str, times: u64) {
        for _ in 0..times * COUNTED {
            hot.note(&tenant("acme"), &utility_id(id));
        }
    }

    #[test]
    fn what_is_asked_for_most_is_remembered_first_and_what_was_is_forgotten() {
        let hot = Hot::default();
        assert!(hot.text().is_none(), "nothing was asked for");
        ask(&hot, "often", 8);
        ask(&hot, "now-and-then", 2);
        assert_eq!(read(&hot.text().unwrap()), Some(vec![key("often"), key("now-and-then")]));
        ask(&hot, "new", 5);
        assert_eq!(read(&hot.text().unwrap()), Some(vec![key("new"), key("often"), key("now-and-then")]));
        ask(&hot, "new", 5);
        assert_eq!(read(&hot.text().unwrap()), Some(vec![key("new"), key("often")]));
    }

    #[test]
    fn a_list_says_something_once_enough_was_asked_for_since_the_last_one() {
        let hot = Hot::default();
        ask(&hot, "often", LEAST - 1);
        assert!(!hot.says_something(), "whoever has just started knows little");
        ask(&hot, "new", 1);
        assert!(hot.says_something());
        assert!(hot.text().is_some());
        assert!(!hot.says_something());
    }

    #[test]
    fn many_names_take_bounded_room_and_do_not_displace_what_is_asked_for_often() {
        let hot = Hot::default();
        ask(&hot, "often", 1_000);
        for number in 0..2 * MAX_COUNTED + 2 * REMEMBERED {
            ask(&hot, &format!("one-{number}"), 1);
        }
        assert!(hot.counts().len() <= MAX_COUNTED);
        let names = read(&hot.text().unwrap()).unwrap();
        assert_eq!((names.len(), &names[0]), (REMEMBERED, &key("often")));
    }

    #[test]
    fn what_is_no_text_of_ours_names_nothing() {
        assert_eq!(read("nonsense"), None);
        assert_eq!(read(r#"[["ACME!","extract"],["acme","extract"]]"#), Some(vec![key("extract")]));
    }
}
