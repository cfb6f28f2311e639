//! Versions of utilities and their differences, as they are answered.

use api_proto::zona::utility::v1 as pb;
use domain::name::UtilityName;
use domain::utility::{Difference, Version, VersionHead};

use crate::convert::{count, finding, isolation, limits, parameter, time, utility};

/// A version, complete.
pub(crate) fn to_wire(utility: &UtilityName, version: &Version) -> pb::UtilityVersion {
    pb::UtilityVersion {
        code: version.code.text().to_string(),
        parameters: version.definition.parameters.iter().map(parameter::to_wire).collect(),
        findings: version.warnings.iter().map(finding::stored_to_wire).collect(),
        ..listed(utility, version)
    }
}

/// A version in a list: without code, parameters and findings.
pub(crate) fn listed(utility: &UtilityName, version: &VersionHead) -> pb::UtilityVersion {
    let definition = &version.definition;
    pb::UtilityVersion {
        name: utility.version(version.number).to_string(),
        version: count(version.number),
        kind: utility::kind_to_wire(definition.kind).into(),
        code: String::new(),
        code_sha256: version.code_sha256.to_string(),
        content_hash: version.content_hash.to_string(),
        parameters: Vec::new(),
        parameters_overridden: definition.parameters_overridden,
        limits: Some(limits::to_wire(&definition.limits)),
        runtime: definition.runtime.to_string(),
        author: version.author.to_string(),
        message: version.message.clone(),
        findings: Vec::new(),
        create_time: Some(time::timestamp(version.created)),
        compiled_on: version.compiled_on.clone().unwrap_or_default(),
        isolation: isolation::to_wire(definition.isolation).into(),
        fresh_processes: definition.fresh_processes,
        imports: version.imports.clone(),
    }
}

/// A difference.
pub(crate) fn difference_to_wire(difference: Difference) -> pb::DiffUtilityVersionsResponse {
    pb::DiffUtilityVersionsResponse {
        from_version: count(difference.from),
        to_version: count(difference.to),
        unified_diff: difference.unified,
        added_lines: count(difference.added_lines),
        removed_lines: count(difference.removed_lines),
        changed_fields: difference.changed_fields.into_iter().map(str::to_owned).collect(),
    }
}
