//! Utilities, and requests that list or change them.

use api_proto::zona::utility::v1 as pb;
use domain::Result;
use domain::code::Kind;
use domain::name::{MAX_UTILITY, PrincipalName, RuntimeId, TenantName, UtilityId};
use domain::revision::Etag;
use domain::runtime::VulnerableImport;
use domain::sandbox::Limits;
use domain::utility::{Call, Draft, MAX_TAG, Metadata, Patch, Utility, UtilityOrder, UtilityQuery, Version, normalized_tag};

use crate::convert::mask::Mask;
use crate::convert::{Violations, WireViolations as _, count, isolation, limits, parameter, request_key, time};

/// What CreateUtility asks for.
pub(crate) struct Create {
    /// `None` where what was given is no id, which is among the violations of the call.
    pub(crate) id: Option<UtilityId>,
    pub(crate) draft: Draft,
    pub(crate) call: Call,
}

/// What UpdateUtility asks for.
pub(crate) struct Update {
    pub(crate) patch: Patch,
    pub(crate) call: Call,
}

/// Reads CreateUtility.
pub(crate) fn read_create(mut body: pb::CreateUtilityRequest, caller: &PrincipalName) -> Result<Create> {
    let mut violations = Violations::default();
    let request_id = std::mem::take(&mut body.request_id);
    let request = request_key::read("CreateUtility", caller, &request_id, &body, &mut violations);
    let id = violations.take(UtilityId::parse("utility_id", &body.utility_id))?;
    let draft = read_draft(body.utility.unwrap_or_default(), body.message, &mut violations);
    let call = Call { etag: Etag::default(), request, validate_only: body.validate_only, violations: violations.into_inner() };
    Ok(Create { id, draft, call })
}

/// Reads UpdateUtility.
pub(crate) fn read_update(mut body: pb::UpdateUtilityRequest, caller: &PrincipalName) -> Update {
    let mut violations = Violations::default();
    let request_id = std::mem::take(&mut body.request_id);
    let request = request_key::read("UpdateUtility", caller, &request_id, &body, &mut violations);
    let utility = body.utility.unwrap_or_default();
    let mask = Mask::read(body.update_mask, &utility, &mut violations);
    let etag = Etag::new(utility.etag.clone());
    let patch = read_patch(utility, &mask, body.message, &mut violations);
    Update { patch, call: Call { etag, request, validate_only: body.validate_only, violations: violations.into_inner() } }
}

/// Reads DeleteUtility.
pub(crate) fn read_delete(mut body: pb::DeleteUtilityRequest, caller: &PrincipalName) -> Result<Call> {
    let mut violations = Violations::default();
    let request_id = std::mem::take(&mut body.request_id);
    let request = request_key::read("DeleteUtility", caller, &request_id, &body, &mut violations);
    violations.unless_any(Call { etag: Etag::new(body.etag), request, ..Call::default() })
}

/// Reads UndeleteUtility.
pub(crate) fn read_undelete(mut body: pb::UndeleteUtilityRequest, caller: &PrincipalName) -> Result<Call> {
    let mut violations = Violations::default();
    let request_id = std::mem::take(&mut body.request_id);
    let request = request_key::read("UndeleteUtility", caller, &request_id, &body, &mut violations);
    violations.unless_any(Call { etag: Etag::new(body.etag), request, ..Call::default() })
}

/// Reads RestoreUtilityVersion: how it is asked for, and the message.
pub(crate) fn read_restore(mut body: pb::RestoreUtilityVersionRequest, caller: &PrincipalName) -> (Call, String) {
    let mut violations = Violations::default();
    let request_id = std::mem::take(&mut body.request_id);
    let request = request_key::read("RestoreUtilityVersion", caller, &request_id, &body, &mut violations);
    let call = Call { etag: Etag::new(body.etag), request, validate_only: false, violations: violations.into_inner() };
    (call, body.message)
}

/// Reads which utilities ListUtilities asks for.
pub(crate) fn read_query(filter: Option<pb::UtilityFilter>, order: i32, violations: &mut Violations) -> Result<UtilityQuery> {
    let filter = filter.unwrap_or_default();
    let order = match violations.known::<pb::UtilityOrder>("order", order) {
        pb::UtilityOrder::Unspecified | pb::UtilityOrder::Name => UtilityOrder::Id,
        pb::UtilityOrder::CreateTimeDesc => UtilityOrder::NewestFirst,
        pb::UtilityOrder::UpdateTimeDesc => UtilityOrder::LastChangedFirst,
    };
    let kind = read_kind("filter.kind", filter.kind, violations);
    let owner = match filter.owner.as_str() {
        "" => None,
        owner => violations.take(PrincipalName::parse("filter.owner", owner))?,
    };
    let tag = normalized_tag(&filter.tag);
    longest("filter.tag", &tag, MAX_TAG, violations);
    longest("filter.name_prefix", &filter.name_prefix, MAX_UTILITY, violations);
    Ok(UtilityQuery {
        kind,
        owner,
        tag: non_empty(tag),
        id_prefix: non_empty(filter.name_prefix),
        imports: None,
        copied: false,
        show_deleted: filter.show_deleted,
        within: None,
        order,
    })
}

/// A utility with its current version, and what that imports from vulnerable packages, where it is known.
pub(crate) fn to_wire((utility, version): &(Utility, Version), vulnerable: Option<Vec<VulnerableImport>>) -> pb::Utility {
    pb::Utility {
        code: version.code.text().to_string(),
        parameters: utility.definition.parameters.iter().map(parameter::to_wire).collect(),
        vulnerable_imports: vulnerable.map(vulnerable_to_wire),
        ..listed(utility)
    }
}

fn vulnerable_to_wire(imports: Vec<VulnerableImport>) -> pb::VulnerableImports {
    let import = |import: VulnerableImport| pb::VulnerableImport { module: import.module, advisories: import.advisories };
    pb::VulnerableImports { imports: imports.into_iter().map(import).collect() }
}

/// A utility in a list: without code, parameters and vulnerabilities.
pub(crate) fn listed(utility: &Utility) -> pb::Utility {
    let (metadata, definition) = (&utility.metadata, &utility.definition);
    let state = match utility.deleted {
        None => pb::UtilityState::Active,
        Some(_) => pb::UtilityState::Deleted,
    };
    pb::Utility {
        name: utility.name.to_string(),
        uid: utility.uid.clone(),
        kind: kind_to_wire(definition.kind).into(),
        display_name: metadata.display_name.clone(),
        description: metadata.description.clone(),
        tags: metadata.tags.clone(),
        owner: utility.owner.to_string(),
        state: state.into(),
        latest_version: count(utility.latest_version),
        code: String::new(),
        code_sha256: utility.code_sha256.to_string(),
        content_hash: utility.content_hash.to_string(),
        parameters: Vec::new(),
        parameters_overridden: definition.parameters_overridden,
        limits: Some(limits::to_wire(&definition.limits)),
        runtime: definition.runtime.to_string(),
        store_values: metadata.store_values,
        show_secrets: metadata.show_secrets,
        etag: utility.etag().as_str().to_owned(),
        create_time: Some(time::timestamp(utility.created)),
        update_time: Some(time::timestamp(utility.updated)),
        delete_time: utility.deleted.map(time::timestamp),
        isolation: isolation::to_wire(definition.isolation).into(),
        fresh_processes: definition.fresh_processes,
        imports: utility.imports.clone(),
        vulnerable_imports: None,
        copied_from: None,
    }
}

/// Reads a kind; unspecified is `None`.
pub(crate) fn read_kind(field: &str, number: i32, violations: &mut Violations) -> Option<Kind> {
    match violations.known::<pb::UtilityKind>(field, number) {
        pb::UtilityKind::Unspecified => None,
        pb::UtilityKind::Transformer => Some(Kind::Transformer),
        pb::UtilityKind::Script => Some(Kind::Script),
    }
}

/// A kind.
pub(crate) fn kind_to_wire(kind: Kind) -> pb::UtilityKind {
    match kind {
        Kind::Transformer => pb::UtilityKind::Transformer,
        Kind::Script => pb::UtilityKind::Script,
    }
}

/// The tenant that a list is about, as a name.
pub(crate) fn parent(text: &str) -> Result<TenantName> {
    TenantName::parse("parent", text)
}

fn read_draft(utility: pb::Utility, message: String, violations: &mut Violations) -> Draft {
    require_code(&utility.code, violations);
    let kind = read_kind("utility.kind", utility.kind, violations);
    let isolation = isolation::read("utility.isolation", utility.isolation, violations);
    let limits = limits::read("utility.limits", utility.limits, |_| true, violations).apply(Limits::DEFAULT);
    let overridden = utility.parameters_overridden;
    let parameters = overridden.then(|| parameter::read("utility.parameters", utility.parameters, violations));
    Draft {
        metadata: Metadata {
            display_name: utility.display_name,
            description: utility.description,
            tags: utility.tags,
            store_values: utility.store_values,
            show_secrets: utility.show_secrets,
        },
        code: utility.code.into_bytes(),
        kind,
        parameters,
        limits,
        runtime: read_runtime(utility.runtime),
        isolation,
        fresh_processes: utility.fresh_processes,
        message,
    }
}

fn read_patch(utility: pb::Utility, mask: &Mask, message: String, violations: &mut Violations) -> Patch {
    if mask.names("code") {
        require_code(&utility.code, violations);
    }
    let parameters = utility.parameters;
    Patch {
        display_name: mask.names("display_name").then_some(utility.display_name),
        description: mask.names("description").then_some(utility.description),
        tags: mask.names("tags").then_some(utility.tags),
        store_values: mask.names("store_values").then_some(utility.store_values),
        show_secrets: mask.names("show_secrets").then_some(utility.show_secrets),
        code: mask.names("code").then(|| utility.code.into_bytes()),
        parameters: mask.names("parameters").then(|| parameter::read("utility.parameters", parameters, violations)),
        parameters_overridden: mask.names("parameters_overridden").then_some(utility.parameters_overridden),
        limits: limits::read("utility.limits", utility.limits, |field| mask.names_limit(field), violations),
        runtime: mask.names("runtime").then(|| read_runtime(utility.runtime)),
        isolation: mask.names("isolation").then(|| isolation::read("utility.isolation", utility.isolation, violations)),
        fresh_processes: mask.names("fresh_processes").then_some(utility.fresh_processes),
        message,
    }
}

fn require_code(code: &str, violations: &mut Violations) {
    if code.is_empty() {
        violations.push("utility.code", "MISSING", "code is required");
    }
}

fn longest(field: &str, text: &str, limit: usize, violations: &mut Violations) {
    let length = text.chars().count();
    if length > limit {
        violations.push(field, "TOO_LONG", format!("{length} characters; the limit is {limit}"));
    }
}

fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Reads the name of a runtime; empty is the default one.
pub(crate) fn read_runtime(name: String) -> Option<RuntimeId> {
    (!name.is_empty()).then(|| RuntimeId::new(name))
}
