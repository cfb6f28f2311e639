//! Answered requests in memory.

use std::collections::HashMap;

use domain::hash::Hash;
use domain::name::{PrincipalName, TenantId};
use domain::request::{REQUEST_KEY_TTL, RequestKey};
use domain::time::Timestamp;

type RequestId = (TenantId, PrincipalName, &'static str, String);

/// Answered requests.
#[derive(Debug)]
pub(super) struct Requests<T> {
    answers: HashMap<RequestId, (Hash, Timestamp, T)>,
}

/// What is known of a request.
pub(super) enum Known<T> {
    Answered(T),
    Reused,
}

impl<T: Clone> Requests<T> {
    pub(super) fn find(&self, tenant: &TenantId, key: &RequestKey, now: Timestamp) -> Option<Known<T>> {
        let (body, answered, answer) = self.answers.get(&request_id(tenant, key))?;
        if now.since(*answered) > REQUEST_KEY_TTL {
            return None;
        }
        Some(if *body == key.body { Known::Answered(answer.clone()) } else { Known::Reused })
    }

    pub(super) fn remember(&mut self, tenant: &TenantId, key: &RequestKey, now: Timestamp, answer: T) {
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
