//! docs/errors.md names every reason that a client can meet, and none that it cannot.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use domain::sandbox::Reason;

/// Where reasons of requests are made. What `sandbox` refuses arrives as it is.
const SOURCES: [&str; 8] = [
    "domain/src",
    "api-grpc/src",
    "auth/src",
    "gateway/src/refusal.rs",
    "sandbox/src",
    "storage-embedded/src",
    "storage-rules/src",
    "python-check/src/bind.rs",
];
/// What stands before a reason in the code.
const MARKERS: [&str; 6] = ["reason: ", "Violation::new(", "Error::invalid(", "violations.push(", "self.push(", "const "];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn catalogue() -> BTreeSet<String> {
    let text = fs::read_to_string(crates().join("../docs/errors.md")).expect("the catalogue exists");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")).filter_map(|rest| rest.split('`').next());
    rows.map(str::to_owned).collect()
}

fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "rs"));
    paths.retain(|path| !path.ends_with("tests") && !path.ends_with("tests.rs"));
    paths.iter().flat_map(|path| files(path)).collect()
}

/// Upper-case words in quotes on a line with a marker, or on the few lines after it; names of signals are no reasons.
fn reasons_in(text: &str) -> BTreeSet<String> {
    const LINES: usize = 4;
    let product = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines: Vec<&str> = product.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let is_signal = |word: &str| word.starts_with("SIG") && word != "SIGNAL";
    let is_reason = |word: &&str| {
        word.len() > 3 && !is_signal(word) && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte.is_ascii_digit())
    };
    let mut found = BTreeSet::new();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| MARKERS.iter().any(|marker| line.contains(marker))) {
        let window = lines[index..lines.len().min(index + LINES)].join("\n");
        let statement = window.split(';').next().unwrap_or_default();
        let statement = if line.contains("const ") { line } else { statement };
        found.extend(statement.split('"').skip(1).step_by(2).filter(is_reason).map(str::to_owned));
    }
    found
}

#[test]
fn every_reason_of_the_code_is_catalogued() {
    let catalogue = catalogue();
    let sources = SOURCES.iter().flat_map(|source| files(&crates().join(source)));
    let in_code: BTreeSet<String> = sources.flat_map(|path| reasons_in(&fs::read_to_string(path).unwrap())).collect();
    assert!(in_code.contains("UTILITY_DELETED") && in_code.contains("OUT_OF_RANGE"), "the scan sees reasons: {in_code:?}");
    let missing: Vec<_> = in_code.difference(&catalogue).collect();
    assert!(missing.is_empty(), "not in docs/errors.md: {missing:?}");
}

#[test]
fn every_catalogued_reason_is_made_somewhere() {
    let sources = SOURCES.iter().flat_map(|source| files(&crates().join(source)));
    let text: String = sources.map(|path| fs::read_to_string(path).unwrap()).collect();
    let stale: Vec<_> = catalogue().into_iter().filter(|reason| !text.contains(&format!("\"{reason}\""))).collect();
    assert!(stale.is_empty(), "in docs/errors.md, but nowhere in the code: {stale:?}");
}

#[test]
fn every_reason_of_an_execution_and_of_the_layer_is_catalogued() {
    let catalogue = catalogue();
    let all = Reason::ALL.into_iter().map(Reason::as_str).chain(api_grpc::REASONS);
    let missing: Vec<_> = all.filter(|reason| !catalogue.contains(*reason)).collect();
    assert!(missing.is_empty(), "not in docs/errors.md: {missing:?}");
}
