//! The plans of all statements that stand as texts in this crate: none walks through a table that grows with use. Lists, whose texts are
//! put together, have tests of their own.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use crate::added::Added;
use crate::migration::migrate;

/// What may be walked through in any statement: no table.
const NO_TABLES: [&str; 6] = [
    "CONSTANT ROW",
    // A subquery is bounded itself.
    "(subquery-1)",
    // The schema.
    "held",
    "sqlite_schema",
    "pragma_table_info VIRTUAL TABLE INDEX 0:",
    "pragma_table_info EXISTS VIRTUAL TABLE INDEX 0:",
];
/// Which statement, by its beginning, may walk through what, and why that stays short or rare.
const WALKED: [(&str, &str, &str); 18] = [
    ("SELECT number, document, manifest FROM platform_revisions ORDER BY number DESC LIMIT 1", "platform_revisions", "its last row"),
    ("SELECT number FROM platform_revisions ORDER BY number DESC LIMIT 1", "platform_revisions", "its last row"),
    (
        "SELECT subject, state, has_given_up, revision FROM platform_sightings ORDER BY subject",
        "platform_sightings",
        "one row for each service and integration, when a server gets the platform's lease",
    ),
    ("SELECT coalesce(sum(count), 0) FROM waiting", "waiting", "one row for each tenant of which something waits"),
    ("SELECT tenant FROM audit_logs WHERE records > sealed", "audit_logs", "one row for each tenant, once in a round"),
    ("SELECT tenant FROM event_logs ORDER BY tenant", "event_logs", "one row for each tenant, once in a round"),
    ("SELECT code FROM tenants WHERE CASE WHEN json_valid(document)", "tenants", "one row for each tenant, once in a round"),
    ("SELECT code FROM tenants WHERE held", "tenants", "one row for each tenant, once in a round"),
    (
        "SELECT code FROM tenants ORDER BY code",
        "tenants USING COVERING INDEX sqlite_autoindex_tenants_1",
        "one row for each tenant, when a server starts",
    ),
    ("SELECT tenant, id, erased, erasing FROM subjects", "subjects USING INDEX subjects_erasing", "whose erasure is under way"),
    ("SELECT tenant, id, erased, erasing FROM subjects", "tenants", "one row for each tenant, once in a round"),
    ("UPDATE subjects SET erasing = NULL", "tenants", "one row for each tenant, once in an erasure"),
    ("SELECT r.tenant, r.sequence, r.record FROM audit_intents i", "i", "open intents, of what is under way"),
    (
        "SELECT EXISTS (SELECT 1 FROM executions WHERE unfinished = 1 AND caller IN",
        "executions USING COVERING INDEX executions_live",
        "what has not ended, once in an erasure",
    ),
    ("SELECT DISTINCT kek FROM data_keys", "data_keys USING COVERING INDEX data_keys_by_kek", "when a server starts"),
    (
        "SELECT kek, count(*) FROM data_keys",
        "data_keys USING COVERING INDEX data_keys_by_kek",
        "when somebody asks for the installation's keys",
    ),
    ("SELECT tenant, id FROM principals WHERE kind = 'user'", "principals", "once, when what an older server has stored is sealed"),
    ("DELETE FROM requests WHERE resource LIKE", "requests", "once, when what an older server has stored is sealed"),
];
/// How statements begin.
const BEGINNINGS: [&str; 4] = ["\"SELECT ", "\"INSERT ", "\"UPDATE ", "\"DELETE "];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true if !path.ends_with("tests") => sources(&path, found),
            false if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") => found.push(path),
            _ => {}
        }
    }
}

/// The statements of a source, but for those that are put together of parts.
fn statements(source: &str) -> Vec<String> {
    let product = source.split("#[cfg(test)]").next().unwrap();
    let mut found = Vec::new();
    for beginning in BEGINNINGS {
        for (at, _) in product.match_indices(beginning) {
            let text = literal(&product[at + 1..]);
            if !text.contains('{') {
                found.push(text);
            }
        }
    }
    found
}

/// The text of a literal, from behind its first quote.
fn literal(source: &str) -> String {
    let (mut text, mut characters) = (String::new(), source.chars().peekable());
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' if characters.peek() == Some(&'\n') => while characters.next_if(|next| next.is_whitespace()).is_some() {},
            '\\' => text.extend(characters.next()),
            other => text.push(other),
        }
    }
    text
}

#[test]
fn no_statement_walks_through_a_table_that_grows() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, Path::new("x")).unwrap();
    connection.create_scalar_function("body_digest", 3, FunctionFlags::SQLITE_UTF8, |_| Ok(0)).unwrap();
    Added::default().give(&connection).unwrap();
    let (mut files, mut asked, mut walks, mut needed) = (Vec::new(), 0, Vec::new(), BTreeSet::new());
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    for file in files {
        for statement in statements(&fs::read_to_string(&file).unwrap()) {
            let mut plan =
                connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap_or_else(|error| panic!("{statement}: {error}"));
            let values = plan.parameter_count();
            let steps = plan.query_map(rusqlite::params_from_iter(vec![rusqlite::types::Null; values]), |row| row.get::<_, String>(3));
            for step in steps.unwrap().map(Result::unwrap) {
                let Some(walked) = step.strip_prefix("SCAN ").filter(|walked| !NO_TABLES.contains(walked)) else { continue };
                match WALKED.iter().position(|(beginning, known, _)| *known == walked && statement.starts_with(beginning)) {
                    Some(exception) => drop(needed.insert(exception)),
                    None => walks.push(format!("{}: {statement}\n    {step}", file.display())),
                }
            }
            asked += 1;
        }
    }
    assert!(walks.is_empty(), "{}", walks.join("\n"));
    assert!(asked >= 150, "{asked}");
    let unused: Vec<_> = WALKED.iter().enumerate().filter(|(exception, _)| !needed.contains(exception)).collect();
    assert!(unused.is_empty(), "nothing needs these: {unused:#?}");
}
