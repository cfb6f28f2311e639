//! `request_id`: what makes a request that is sent twice one request.

use domain::hash::Hash;
use domain::name::PrincipalName;
use domain::request::RequestKey;
use prost::Message;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::convert::Violations;

/// Length of a UUID in its hyphenated form, the only one that is taken.
const HYPHENATED: usize = 36;

/// Reads `request_id`; empty is none. `body` is the request without it: what a repetition must repeat.
pub(crate) fn read(
    method: &'static str,
    caller: &PrincipalName,
    id: &str,
    body: &impl Message,
    violations: &mut Violations,
) -> Option<RequestKey> {
    if id.is_empty() {
        return None;
    }
    match Uuid::try_parse(id) {
        Ok(uuid) if id.len() == HYPHENATED => {
            let digest: [u8; 32] = Sha256::digest(body.encode_to_vec()).into();
            let id = uuid.hyphenated().to_string();
            Some(RequestKey { method, caller: caller.clone(), id, body: Hash::from_bytes(digest) })
        }
        Ok(_) | Err(_) => {
            violations.push("request_id", "MALFORMED", "must be a UUID, e.g. 0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e0f");
            None
        }
    }
}
