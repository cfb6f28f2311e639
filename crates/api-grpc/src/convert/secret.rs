//! Named secrets, and the requests about them. A value leaves its request here, before anything of that could be shown.

use std::collections::BTreeSet;
use std::mem::take;

use api_proto::zona::secret::v1 as pb;
use domain::Result;
use domain::identity::Secret;
use domain::name::{PrincipalName, UtilityName};
use domain::revision::Etag;
use domain::secret::{MAX_RELEASES, NamedSecret, SecretAsked, SecretPatch};

use crate::convert::mask::Mask;
use crate::convert::{Violations, count, request_key, time};

/// Fields that SetSecret may name, beside `*`.
const FIELDS: [&str; 3] = ["value", "description", "utilities"];

/// Reads SetSecret.
pub(crate) fn read_set(mut body: pb::SetSecretRequest, caller: &PrincipalName) -> Result<(SecretPatch, SecretAsked)> {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    let request = request_key::read("SetSecret", caller, &id, &body, &mut violations);
    let (value, secret) = (Secret::new(body.value), body.secret.unwrap_or_default());
    let set = [!value.expose().is_empty(), !secret.description.is_empty(), !secret.utilities.is_empty()];
    let mask = Mask::read_fields(body.update_mask, &FIELDS, set, &mut violations);
    if mask.names("value") && value.expose().is_empty() {
        violations.push("value", "MISSING", "a secret has a value");
    }
    let utilities = read_utilities(&secret.utilities, &mut violations)?;
    let patch = SecretPatch {
        value: Some(value).filter(|value| mask.names("value") && !value.expose().is_empty()),
        description: mask.names("description").then_some(secret.description),
        utilities: mask.names("utilities").then_some(utilities),
    };
    Ok((patch, SecretAsked { etag: Etag::new(secret.etag), request, violations }))
}

/// Reads DeleteSecret.
pub(crate) fn read_delete(mut body: pb::DeleteSecretRequest, caller: &PrincipalName) -> SecretAsked {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    let request = request_key::read("DeleteSecret", caller, &id, &body, &mut violations);
    SecretAsked { etag: Etag::new(body.etag), request, violations }
}

/// What is known of a secret.
pub(crate) fn to_wire(secret: &NamedSecret) -> pb::Secret {
    pb::Secret {
        name: secret.name.to_string(),
        description: secret.description.clone(),
        utilities: secret.utilities.keys().map(ToString::to_string).collect(),
        version: count(secret.version),
        set_by: secret.set_by.to_string(),
        set_time: Some(time::timestamp(secret.set)),
        create_time: Some(time::timestamp(secret.created)),
        update_time: Some(time::timestamp(secret.updated)),
        last_use_time: secret.last_used.map(time::timestamp),
        etag: secret.etag().as_str().to_owned(),
    }
}

/// Of far too many, only so many are read that they are seen to be too many.
fn read_utilities(wire: &[String], violations: &mut Violations) -> Result<BTreeSet<UtilityName>> {
    let mut utilities = BTreeSet::new();
    for (index, name) in wire.iter().take(MAX_RELEASES * 10).enumerate() {
        utilities.extend(violations.take(UtilityName::parse(&format!("secret.utilities[{index}]"), name))?);
    }
    Ok(utilities)
}
