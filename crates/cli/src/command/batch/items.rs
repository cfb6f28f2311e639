//! The items of a batch, read from a file: everything that is wrong with any of its lines, at once.

use std::collections::BTreeMap;
use std::time::Duration;

use api_proto::zona::operation::v1 as pb;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::client::names::{self, Tenant};
use crate::failure::{Failure, Result};

/// Problems that are told at once: of a file that is none, everything would be one.
const MAX_PROBLEMS: usize = 100;

/// The items, and the line of each, from 1.
#[derive(Debug)]
pub(super) struct Items {
    pub(super) items: Vec<pb::BatchItem>,
    pub(super) lines: Vec<usize>,
}

/// One line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    utility: Option<String>,
    #[serde(default)]
    version: i32,
    #[serde(default)]
    params: Option<Box<RawValue>>,
    #[serde(default)]
    timeout: Option<String>,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    #[serde(default)]
    retry_if_lost: bool,
}

impl Items {
    /// Reads the text of a file that people call `name`; `utility` is that of lines that name none.
    ///
    /// # Errors
    /// With each line that is no item, by its number; or where there is none.
    pub(super) fn read(text: &str, tenant: &Tenant, utility: Option<&str>, name: &str) -> Result<Self> {
        let (mut items, mut lines, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            match item(line, tenant, utility) {
                Ok(item) => {
                    items.push(item);
                    lines.push(number);
                }
                Err(problem) => problems.push((format!("{name}:{number}"), problem)),
            }
        }
        if problems.is_empty() && items.is_empty() {
            return Err(Failure::usage(format!("{name} holds no items")).hint("each line is one; see `zona batch start --help`"));
        }
        if problems.is_empty() {
            return Ok(Items { items, lines });
        }
        let count = problems.len();
        let message = if count == 1 { "1 line is no item".to_owned() } else { format!("{count} lines are no items") };
        problems.truncate(MAX_PROBLEMS);
        Err(Failure::usage(format!("{message}; nothing was started")).violations(problems))
    }
}

/// A field of the request as the line that it was read from.
pub(super) fn at_line(field: &str, name: &str, lines: &[usize]) -> String {
    let parts = field.strip_prefix("items[").and_then(|rest| rest.split_once(']'));
    let line = parts.and_then(|(index, rest)| Some((lines.get(index.parse::<usize>().ok()?)?, rest)));
    line.map_or_else(|| field.to_owned(), |(line, rest)| format!("{name}:{line}{}", rest.replacen('.', " ", 1)))
}

fn item(text: &str, tenant: &Tenant, utility: Option<&str>) -> std::result::Result<pb::BatchItem, String> {
    let line: Line = serde_json::from_str(text).map_err(|error| described(&error))?;
    let Some(named) = line.utility.as_deref().or(utility) else { return Err("names no `utility`, and --utility names none".to_owned()) };
    let timeout = line.timeout.as_deref().map(humantime::parse_duration).transpose().map_err(|error| format!("timeout: {error}"))?;
    let params = line.params.map(|params| params.get().to_owned()).unwrap_or_default();
    if !params.is_empty() && !params.starts_with('{') {
        return Err("params: must be a JSON object".to_owned());
    }
    let utility = names::utility(tenant, named).map_err(|failure| told("utility", &failure))?;
    Ok(pb::BatchItem {
        utility: utility.to_string(),
        version: line.version,
        params_json: params,
        timeout: timeout.map(wire).transpose()?,
        secret_parameters: line.secrets.into_iter().map(|(parameter, secret)| (parameter, names::secret(tenant, &secret))).collect(),
        retry_if_lost: line.retry_if_lost,
        ..pb::BatchItem::default()
    })
}

fn wire(timeout: Duration) -> std::result::Result<prost_types::Duration, String> {
    prost_types::Duration::try_from(timeout).map_err(|_too_long| "timeout: is too long".to_owned())
}

/// Of an error of JSON its place within the line, without the number of that.
fn described(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let (what, _place) = text.split_once(" at line").unwrap_or((&text, ""));
    format!("{what}, at column {}", error.column())
}

fn told(field: &str, failure: &Failure) -> String {
    let text = failure.violations.first().map_or(failure.message.as_str(), |(_, text)| text.as_str());
    format!("{field}: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, utility: Option<&str>) -> Result<Items> {
        Items::read(text, &Tenant::parse("acme").expect("it is one"), utility, "items.jsonl")
    }

    #[test]
    fn each_line_is_an_item_and_empty_ones_are_skipped() {
        let text = "{\"utility\": \"extract\", \"params\": {\"n\": 1.0,  \"n\": 2}, \"version\": 3, \"timeout\": \"1500ms\",\
                    \"secrets\": {\"token\": \"github\"}, \"retry_if_lost\": true}\n\n  \n{}\r\n";
        let Items { items, lines } = read(text, Some("tenants/beta/utilities/other")).unwrap();
        assert_eq!(lines, [1, 4]);
        let first = &items[0];
        assert_eq!((first.utility.as_str(), first.version, first.retry_if_lost), ("tenants/acme/utilities/extract", 3, true));
        assert_eq!(first.params_json, "{\"n\": 1.0,  \"n\": 2}", "as it was written: the server judges it");
        assert_eq!(first.timeout, Some(prost_types::Duration { seconds: 1, nanos: 500_000_000 }));
        assert_eq!(first.secret_parameters, [("token".to_owned(), "tenants/acme/secrets/github".to_owned())].into());
        let second = pb::BatchItem { utility: "tenants/beta/utilities/other".to_owned(), ..pb::BatchItem::default() };
        assert_eq!(items[1], second);
    }

    #[test]
    fn every_line_that_is_no_item_is_told_with_its_number() {
        let text = "{\"utility\": \"extract\"}\nnonsense\n{\"utility\": \"Not One\"}\n{}\n{\"utility\": \"a\", \"colour\": 1}\n\
                    {\"utility\": \"a\", \"params\": [1]}\n{\"utility\": \"a\", \"timeout\": \"soon\"}\n{\"utility\": \"a\"} {}\n";
        let failure = read(text, None).unwrap_err();
        let lines: Vec<_> = failure.violations.iter().map(|(line, _)| line.as_str()).collect();
        assert_eq!(
            lines,
            ["items.jsonl:2", "items.jsonl:3", "items.jsonl:4", "items.jsonl:5", "items.jsonl:6", "items.jsonl:7", "items.jsonl:8"]
        );
        assert!(failure.message.contains("7 lines") && failure.violations[3].1.contains("colour"), "{failure:?}");
        let many = read(&"x\n".repeat(1_000), None).unwrap_err();
        assert_eq!((many.violations.len(), many.message.contains("1000 lines")), (MAX_PROBLEMS, true));
        assert!(read(" \n", None).unwrap_err().message.contains("no items"));
    }

    #[test]
    fn what_the_server_refuses_is_told_at_the_line_that_it_stands_in() {
        let lines = [1, 4, 7];
        assert_eq!(at_line("items[1].utility", "f", &lines), "f:4 utility");
        assert_eq!(at_line("items[2].secret_parameters.token", "f", &lines), "f:7 secret_parameters.token");
        for other in ["items", "concurrency", "items[9].utility", "items[x]"] {
            assert_eq!(at_line(other, "f", &lines), other);
        }
    }
}
