//! The example utilities of the tenant `demo`, created through the use cases like anybody's.

use domain::access::{AccessPolicy, Action as _, Caller};
use domain::audit::Auditor;
use domain::name::{TenantName, UtilityId, UtilityName};
use domain::utility::{Call, Draft, Metadata, Utilities, actions};
use domain::{Error, Result};

use crate::developer::account;
use crate::loopback::tenant;

/// An example: its id and its source.
pub struct Example {
    /// Id of the utility.
    pub id: &'static str,
    /// Python source.
    pub code: &'static str,
}

macro_rules! example {
    ($id:literal, $file:literal) => {
        Example { id: $id, code: include_str!(concat!("../../../examples/", $file, ".py")) }
    };
}

/// A transformer that finds indicators in a text.
pub const EXTRACT_IOCS: Example = example!("extract-iocs", "extract_iocs");
/// A transformer that does little itself.
pub const NORMALIZE_SEVERITY: Example = example!("normalize-severity", "normalize_severity");
/// A script that prints while it works.
pub const SUMMARIZE_EVENTS: Example = example!("summarize-events", "summarize_events");

/// Every example.
const EXAMPLES: [Example; 5] = [
    example!("csv-to-json", "csv_to_json"),
    EXTRACT_IOCS,
    NORMALIZE_SEVERITY,
    example!("parse-log-line", "parse_log_line"),
    SUMMARIZE_EVENTS,
];

/// Creates the examples that do not exist, which is recorded as the server's own work; answers how many. One that somebody deleted
/// stays deleted.
pub(crate) async fn create(policy: &AccessPolicy, utilities: &Utilities, auditor: &Auditor) -> Result<usize> {
    let caller = Caller::loopback(account());
    let parent = TenantName { tenant: tenant() };
    let permit = policy.require::<actions::CreateUtility>(&caller, parent.clone()).await?;
    let mut created = 0;
    for example in EXAMPLES {
        let id = UtilityId::parse("utility_id", example.id)?;
        let name = UtilityName { tenant: parent.tenant.clone(), utility: id.clone() };
        let look = policy.require::<actions::GetUtility>(&caller, name).await?;
        match utilities.get(&look).await {
            Ok(_) => continue,
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let draft = Draft {
            metadata: Metadata { description: example.summary().to_owned(), tags: vec!["example".to_owned()], ..Metadata::default() },
            code: example.code.as_bytes().to_vec(),
            message: "Example of this installation".to_owned(),
            ..Draft::default()
        };
        let entry = auditor.own_entry(parent.tenant.clone(), actions::CreateUtility::SPEC.name, &parent);
        let work = utilities.create(&permit, Some(id), draft, Call::default());
        match auditor.own_work(entry, permit.notes(), work).await {
            Ok(_) => created += 1,
            Err(Error::AlreadyExists { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(created)
}

impl Example {
    /// First line of the docstring.
    fn summary(&self) -> &str {
        self.code.trim_start_matches("\"\"\"").lines().next().unwrap_or_default().trim_end_matches("\"\"\"")
    }
}

#[cfg(test)]
mod tests {
    use python_check::{CheckPolicy, Checker};

    use super::*;

    #[test]
    fn every_example_passes_validation_and_says_what_it_does() {
        for example in EXAMPLES {
            let report = Checker::new(CheckPolicy::default()).check(example.code.as_bytes());
            assert!(report.accepted(), "{}: {:?}", example.id, report.findings);
            assert!(example.summary().len() > 20, "{}: {}", example.id, example.summary());
        }
    }
}
