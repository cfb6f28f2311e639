//! How much memory an entity takes, by estimate: its own size and that of the texts that it owns. Exact only in what grows.

use std::mem::size_of;
use std::ops::Deref;

use domain::access::HeldGrants;
use domain::code::Parameter;
use domain::code_policy::CodePolicy;
use domain::utility::{Definition, StoredFinding, Utility, Version};

/// What an allocation costs beside its bytes.
const ALLOCATION: usize = 16;

/// A utility with its current version.
pub(crate) fn current((utility, version): &(Utility, Version)) -> u32 {
    let metadata = &utility.metadata;
    let texts = text(&metadata.display_name) + text(&metadata.description) + all(&metadata.tags) + text(&utility.uid);
    let owned = texts + all(&utility.imports) + definition(&utility.definition);
    bounded(size_of::<Utility>() + owned + of_version(version))
}

/// A version.
pub(crate) fn version(version: &Version) -> u32 {
    bounded(of_version(version))
}

/// A policy, or that there is none.
pub(crate) fn policy(policy: &Option<CodePolicy>) -> u32 {
    let Some(policy) = policy else { return 0 };
    let names = all(&policy.extra_modules) + all(&policy.denied_rules) + policy.only_modules.as_deref().map_or(0, all::<String>);
    let exceptions = policy.exceptions.iter().map(|exception| {
        let texts = text(&exception.rule) + text(&exception.reason);
        size_of_val(exception) + texts + exception.utility.as_str().len() + exception.granted_by.as_str().len()
    });
    bounded(size_of::<CodePolicy>() + names + exceptions.sum::<usize>())
}

/// What somebody was granted.
pub(crate) fn grants(grants: &HeldGrants) -> u32 {
    /// An entry of the map with its id.
    const GRANT: usize = 128;
    bounded(size_of::<HeldGrants>() + grants.len() * GRANT)
}

fn of_version(version: &Version) -> usize {
    let finding = |finding: &StoredFinding| {
        size_of::<StoredFinding>()
            + [&finding.rule, &finding.family, &finding.message, &finding.suggestion].into_iter().map(|one| text(one)).sum::<usize>()
    };
    let texts = text(version.code.text()) + text(&version.message) + version.compiled_on.as_deref().map_or(0, text);
    let owned = all(&version.imports) + version.warnings.iter().map(finding).sum::<usize>();
    size_of::<Version>() + texts + owned + definition(&version.definition)
}

fn definition(definition: &Definition) -> usize {
    let parameter = |parameter: &Parameter| {
        let texts = text(&parameter.name) + text(&parameter.description) + parameter.default_json.as_deref().map_or(0, text);
        size_of::<Parameter>() + texts + all(&parameter.enum_json)
    };
    text(&definition.runtime) + definition.parameters.iter().map(parameter).sum::<usize>()
}

fn text(text: &str) -> usize {
    ALLOCATION + text.len()
}

fn all<T: Deref<Target = str>>(texts: &[T]) -> usize {
    texts.iter().map(|one| size_of::<T>() + text(one)).sum()
}

fn bounded(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
