//! The repositories in memory: what the store promises, without a disk.

use std::collections::HashMap;

use domain::Error;
use domain::hash::Hash;
use domain::name::{PrincipalName, TenantId};
use domain::page::{MAX_PAGE, Page, PageRequest};
use domain::request::{REQUEST_KEY_TTL, RequestKey};
use domain::time::Timestamp;

mod executions;
mod leases;
mod policies;
mod signals;
mod utilities;

pub use executions::InMemoryExecutionRepository;
pub use policies::InMemoryCodePolicyRepository;
pub use signals::InMemorySignals;
pub use utilities::InMemoryUtilityRepository;

type RequestId = (TenantId, PrincipalName, &'static str, String);

/// Answered requests.
#[derive(Debug)]
struct Requests<T> {
    answers: HashMap<RequestId, (Hash, Timestamp, T)>,
}

/// What is known of a request.
enum Known<T> {
    Answered(T),
    Reused,
}

impl<T: Clone> Requests<T> {
    fn find(&self, tenant: &TenantId, key: &RequestKey, now: Timestamp) -> Option<Known<T>> {
        let (body, answered, answer) = self.answers.get(&request_id(tenant, key))?;
        if now.since(*answered) > REQUEST_KEY_TTL {
            return None;
        }
        Some(if *body == key.body { Known::Answered(answer.clone()) } else { Known::Reused })
    }

    fn remember(&mut self, tenant: &TenantId, key: &RequestKey, now: Timestamp, answer: T) {
        self.answers.insert(request_id(tenant, key), (key.body, now, answer));
    }
}

impl<T> Default for Requests<T> {
    fn default() -> Self {
        Requests { answers: HashMap::new() }
    }
}

fn request_id(tenant: &TenantId, key: &RequestKey) -> RequestId {
    (tenant.clone(), key.caller.clone(), key.method, key.id.clone())
}

/// Cuts a page out of all items, which are in order. A token is the order's name and the key of the last item, which need not
/// exist any more: `is_after` says whether an item comes after that key.
fn page<T>(
    items: Vec<T>,
    request: &PageRequest,
    order: &str,
    key: impl Fn(&T) -> (u64, String),
    is_after: impl Fn(&(u64, String), &(u64, String)) -> bool,
) -> domain::Result<Page<T>> {
    let after = request.after.as_deref().map(|text| parse(text, order)).transpose()?;
    let mut rest = items.into_iter().filter(|item| after.as_ref().is_none_or(|after| is_after(&key(item), after)));
    let items: Vec<T> = rest.by_ref().take(request.size.clamp(1, MAX_PAGE) as usize).collect();
    let more = rest.next().is_some();
    let next = items.last().filter(|_| more).map(|last| {
        let (time, id) = key(last);
        format!("{order}/{time}/{id}")
    });
    Ok(Page { items, next })
}

fn parse(text: &str, order: &str) -> domain::Result<(u64, String)> {
    let malformed = || Error::invalid("page_token", "MALFORMED", "is not a token of this list");
    let mut parts = text.splitn(3, '/');
    let (found, time, id) = (parts.next(), parts.next(), parts.next());
    let time = time.and_then(|time| time.parse().ok()).ok_or_else(malformed)?;
    match (found == Some(order), id) {
        (true, Some(id)) => Ok((time, id.to_owned())),
        (true, None) | (false, _) => Err(malformed()),
    }
}
