//! How utilities and versions look to people.

use api_proto::zona::utility::v1 as pb;

use crate::client::names;
use crate::command::execution::moment;
use crate::context::Context;
use crate::document::message::{document, flag};
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::{fields, table};

pub const UTILITY_HEADINGS: &[&str] = &["NAME", "KIND", "VERSION", "STATE", "TAGS", "UPDATED", "TITLE"];
pub const VERSION_HEADINGS: &[&str] = &["VERSION", "CREATED", "AUTHOR", "CONTENT", "MESSAGE"];

pub fn utility_row(utility: &pb::Utility) -> Vec<String> {
    vec![
        names::id(&utility.name).to_owned(),
        kind(utility.kind()),
        utility.latest_version.to_string(),
        flag("UtilityState", utility.state().as_str_name()),
        utility.tags.join(","),
        moment(utility.update_time.as_ref()),
        utility.display_name.clone(),
    ]
}

pub fn version_row(version: &pb::UtilityVersion) -> Vec<String> {
    let content = version.content_hash.get(..12).unwrap_or_default().to_owned();
    let author = names::id(&version.author).to_owned();
    vec![version.version.to_string(), moment(version.create_time.as_ref()), author, content, version.message.clone()]
}

/// The answer of a write.
pub fn utility_line(context: &Context, utility: &pb::Utility, done: &str) -> Result {
    let line = || format!("{} {done}: {}, version {}\n", names::id(&utility.name), kind(utility.kind()), utility.latest_version);
    context.output.one(|| document(utility), line)?;
    Ok(Exit::Ok)
}

pub fn utility(utility: &pb::Utility) -> String {
    let mut text = fields(&[
        ("name", utility.name.clone()),
        ("title", utility.display_name.clone()),
        ("description", utility.description.clone()),
        ("kind", kind(utility.kind())),
        ("state", flag("UtilityState", utility.state().as_str_name())),
        ("version", utility.latest_version.to_string()),
        ("tags", utility.tags.join(", ")),
        ("owner", utility.owner.clone()),
        ("runtime", utility.runtime.clone()),
        ("isolation", isolation(utility.isolation())),
        ("processes", processes(utility.fresh_processes)),
        ("imports", imports(utility)),
        ("limits", utility.limits.as_ref().map(limits).unwrap_or_default()),
        ("stores values", if utility.store_values { "yes".to_owned() } else { String::new() }),
        ("shows secrets", if utility.show_secrets { "yes".to_owned() } else { String::new() }),
        ("code", format!("{} bytes, sha256 {}", utility.code.len(), utility.code_sha256)),
        ("copied from", utility.copied_from.as_ref().map(copied_from).unwrap_or_default()),
        ("etag", utility.etag.clone()),
        ("created", moment(utility.create_time.as_ref())),
        ("updated", moment(utility.update_time.as_ref())),
        ("deleted", moment(utility.delete_time.as_ref())),
    ]);
    text.push_str(&parameters(&utility.parameters, utility.parameters_overridden));
    text
}

fn copied_from(source: &pb::CopySource) -> String {
    let when = moment(source.copy_time.as_ref());
    format!("{} version {}, content {}, by {} on {when}", source.source, source.version, source.content_hash, source.copied_by)
}

/// Modules, each with the advisories against it.
fn imports(utility: &pb::Utility) -> String {
    let Some(vulnerable) = &utility.vulnerable_imports else {
        let unknown = if utility.imports.is_empty() { "" } else { " (advisories not known: no sandbox of the runtime has started yet)" };
        return utility.imports.join(", ") + unknown;
    };
    let shown = utility.imports.iter().map(|module| match vulnerable.imports.iter().find(|import| import.module == *module) {
        Some(import) => format!("{module} (vulnerable: {})", import.advisories.join(" ")),
        None => module.clone(),
    });
    shown.collect::<Vec<_>>().join(", ")
}

pub fn version(version: &pb::UtilityVersion) -> String {
    let mut text = fields(&[
        ("name", version.name.clone()),
        ("kind", kind(version.kind())),
        ("message", version.message.clone()),
        ("author", version.author.clone()),
        ("runtime", version.runtime.clone()),
        ("compiled on", if version.compiled_on.is_empty() { "not yet compiled".to_owned() } else { version.compiled_on.clone() }),
        ("isolation", isolation(version.isolation())),
        ("processes", processes(version.fresh_processes)),
        ("imports", version.imports.join(", ")),
        ("limits", version.limits.as_ref().map(limits).unwrap_or_default()),
        ("code", format!("{} bytes, sha256 {}", version.code.len(), version.code_sha256)),
        ("created", moment(version.create_time.as_ref())),
    ]);
    text.push_str(&parameters(&version.parameters, version.parameters_overridden));
    for finding in &version.findings {
        text.push_str(&format!("warning {} at {}:{}: {}\n", finding.rule, finding.line, finding.column, finding.message));
    }
    text
}

pub fn code(context: &Context, code: &str) -> Result {
    context.output.lines(code)?;
    Ok(Exit::Ok)
}

fn kind(kind: pb::UtilityKind) -> String {
    flag("UtilityKind", kind.as_str_name())
}

fn isolation(isolation: pb::Isolation) -> String {
    flag("Isolation", isolation.as_str_name())
}

/// Nothing where the tenant's policy and the server decide.
fn processes(fresh: bool) -> String {
    if fresh { "always fresh".to_owned() } else { String::new() }
}

fn limits(limits: &pb::Limits) -> String {
    let mib = |bytes: i64| format!("{:.1} MiB", bytes as f64 / 1_048_576.0);
    let seconds = |duration: Option<&prost_types::Duration>| {
        let duration = duration.and_then(|duration| std::time::Duration::try_from(*duration).ok()).unwrap_or_default();
        format!("{} s", duration.as_secs_f64())
    };
    let (timeout, cpu) = (seconds(limits.timeout.as_ref()), seconds(limits.cpu_time.as_ref()));
    format!(
        "{timeout} wall, {cpu} CPU, {} memory, {} output, {} result",
        mib(limits.memory_bytes),
        mib(limits.output_bytes),
        mib(limits.result_bytes)
    )
}

fn parameters(parameters: &[pb::Parameter], overridden: bool) -> String {
    if parameters.is_empty() {
        return String::new();
    }
    let origin = if overridden { "as written by a person" } else { "inferred from the code" };
    let rows = parameters.iter().map(|parameter| {
        let need = match (&parameter.default_json, parameter.required) {
            (Some(default), _) => format!("default {default}"),
            (None, true) => "required".to_owned(),
            (None, false) => "optional".to_owned(),
        };
        let secret = if parameter.secret { "secret" } else { "" };
        let value_type = flag("ValueType", parameter.value_type().as_str_name());
        vec![parameter.name.clone(), value_type, need, secret.to_owned(), parameter.enum_json.join(" | "), parameter.description.clone()]
    });
    format!("\nparameters, {origin}:\n{}", table(&["NAME", "TYPE", "VALUE", "", "ALLOWED", ""], rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::message::short;

    #[test]
    fn an_import_stands_with_the_advisories_against_it() {
        let imports = vec!["json".to_owned(), "yaml".to_owned()];
        let against = pb::VulnerableImport { module: "yaml".to_owned(), advisories: vec!["CVE-1".to_owned(), "GHSA-2".to_owned()] };
        let with = |vulnerable_imports| pb::Utility { imports: imports.clone(), vulnerable_imports, ..Default::default() };
        let known = utility(&with(Some(pb::VulnerableImports { imports: vec![against] })));
        assert!(known.contains("json, yaml (vulnerable: CVE-1 GHSA-2)\n"), "{known}");
        let none = utility(&with(Some(pb::VulnerableImports::default())));
        assert!(none.contains("json, yaml\n"), "{none}");
        let unknown = utility(&with(None));
        assert!(unknown.contains("json, yaml (advisories not known: "), "{unknown}");
    }

    #[test]
    fn values_are_shown_as_flags_take_them() {
        use clap::ValueEnum as _;

        use crate::command::utility::Isolation;

        for value in Isolation::value_variants() {
            let shown = isolation(value.proto());
            let document = short("Isolation", value.proto().as_str_name());
            for text in [shown.as_str(), document] {
                assert_eq!(Isolation::from_str(text, true).map(Isolation::proto), Ok(value.proto()), "{text}");
            }
            assert_eq!(value.to_possible_value().unwrap().get_name(), shown);
        }
    }
}
