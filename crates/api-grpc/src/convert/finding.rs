//! Findings and imports of a validation, as they are answered.

use api_proto::zona::utility::v1 as pb;
use domain::code::{CodeReport, Finding, Import, Severity, Standing};
use domain::utility::StoredFinding;

use crate::convert::{count, parameter, utility};

/// A whole report.
pub(crate) fn report_to_wire(report: &CodeReport) -> pb::ValidateCodeResponse {
    pb::ValidateCodeResponse {
        accepted: report.accepted(),
        findings: report.findings.iter().map(to_wire).collect(),
        kind: report.kind.map_or(pb::UtilityKind::Unspecified, utility::kind_to_wire).into(),
        parameters: report.parameters.iter().map(parameter::to_wire).collect(),
        imports: report.imports.iter().map(import_to_wire).collect(),
    }
}

/// A finding that is kept with a version: always a warning, because an error keeps a version from being made.
pub(crate) fn stored_to_wire(finding: &StoredFinding) -> pb::Finding {
    pb::Finding {
        rule: finding.rule.clone(),
        family: finding.family.clone(),
        severity: pb::Severity::Warning.into(),
        line: count(finding.line),
        column: count(finding.column),
        end_line: 0,
        end_column: 0,
        message: finding.message.clone(),
        suggestion: finding.suggestion.clone(),
    }
}

fn to_wire(finding: &Finding) -> pb::Finding {
    let severity = match finding.severity {
        Severity::Error => pb::Severity::Error,
        Severity::Warning => pb::Severity::Warning,
    };
    pb::Finding {
        rule: finding.rule.to_owned(),
        family: finding.family.as_str().to_owned(),
        severity: severity.into(),
        line: count(finding.span.line),
        column: count(finding.span.column),
        end_line: count(finding.span.end_line),
        end_column: count(finding.span.end_column),
        message: finding.message.clone(),
        suggestion: finding.suggestion.clone(),
    }
}

fn import_to_wire(import: &Import) -> pb::Import {
    let (standing, package, package_version) = match &import.standing {
        Standing::StandardLibrary => (pb::Standing::StandardLibrary, "", ""),
        Standing::Package { name, version } => (pb::Standing::Package, name.as_str(), version.as_str()),
        Standing::NotInstalled => (pb::Standing::NotInstalled, "", ""),
        Standing::Unknown => (pb::Standing::Unknown, "", ""),
    };
    pb::Import {
        module: import.module.clone(),
        line: count(import.line),
        standing: standing.into(),
        package: package.to_owned(),
        package_version: package_version.to_owned(),
    }
}
