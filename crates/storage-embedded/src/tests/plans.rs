//! The plans of all statements that stand as texts in this crate: none walks through a table that grows with use. Lists, whose texts are
//! put together, have tests of their own.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use crate::migration::migrate;

/// What may be walked through, and why that stays short or rare.
const WALKED: [(&str, &str); 16] = [
    ("CONSTANT ROW", "it is one"),
    ("(subquery-1)", "it is bounded itself"),
    ("audit_logs", "one row for each tenant, once in a round"),
    ("event_logs", "one row for each tenant, once in a round"),
    ("tenants", "one row for each tenant, once in a round or an erasure"),
    ("tenants USING COVERING INDEX sqlite_autoindex_tenants_1", "one row for each tenant, when a server starts"),
    ("i", "open intents, of what is under way"),
    ("executions USING COVERING INDEX executions_live", "what has not ended"),
    ("subjects USING INDEX subjects_erasing", "whose erasure is under way"),
    ("data_keys USING COVERING INDEX data_keys_by_kek", "when a server starts or somebody asks for the installation's keys"),
    ("principals", "once, when what is personal is sealed that an older server has stored"),
    ("requests", "as principals"),
    ("held", "the schema"),
    ("sqlite_schema", "the schema"),
    ("pragma_table_info VIRTUAL TABLE INDEX 0:", "the schema"),
    ("pragma_table_info EXISTS VIRTUAL TABLE INDEX 0:", "the schema"),
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
    let (mut files, mut asked, mut walks) = (Vec::new(), 0, Vec::new());
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    for file in files {
        for statement in statements(&fs::read_to_string(&file).unwrap()) {
            let mut plan =
                connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap_or_else(|error| panic!("{statement}: {error}"));
            let values = plan.parameter_count();
            let steps = plan.query_map(rusqlite::params_from_iter(vec![rusqlite::types::Null; values]), |row| row.get::<_, String>(3));
            for step in steps.unwrap().map(Result::unwrap) {
                let walked = step.strip_prefix("SCAN ");
                if walked.is_some_and(|walked| !WALKED.iter().any(|(known, _)| *known == walked)) {
                    walks.push(format!("{}: {statement}\n    {step}", file.display()));
                }
            }
            asked += 1;
        }
    }
    assert!(walks.is_empty(), "{}", walks.join("\n"));
    assert!(asked >= 150, "{asked}");
}
