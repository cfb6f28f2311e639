//! Variables of the environment: which ones set a key, which ones are somebody else's, and which ones are probably mistakes.
//!
//! Nobody chooses every variable of a process: Kubernetes adds some for every Service of the namespace. So one that sets nothing
//! stops a program only where it is spelled as nobody but its operator would: with the separator of our keys. Files and flags,
//! which somebody wrote for this program, are read strictly.

use crate::declaration::{Schema, Section};

const PREFIX: &str = "ZONA_";
/// Names the file; it is no key.
const FILE: &str = "ZONA_CONFIG";
/// Between the parts of a key.
const SEPARATOR: &str = "__";

/// Whether a variable begins like ours and may set a key.
pub(crate) fn is_ours(name: &str) -> bool {
    let name = name.trim().to_ascii_uppercase();
    name.starts_with(PREFIX) && name != FILE
}

/// The variable that sets a key.
pub(crate) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', SEPARATOR))
}

/// What variables say.
#[derive(Default)]
pub(crate) struct Sorted {
    /// Keys with the values that they are given.
    pub keys: Vec<(String, String)>,
    /// Variables that were meant to set a key and set none, and what is wrong with each.
    pub problems: Vec<(String, String)>,
    /// A sentence for each variable that was perhaps meant to.
    pub warnings: Vec<String>,
}

/// Sorts variables by what they were meant for.
pub(crate) fn sort(schema: &Schema, variables: &[(String, String)]) -> Sorted {
    let mut sorted = Sorted::default();
    for (name, value) in variables {
        let Some(rest) = name.trim().get(PREFIX.len()..) else { continue };
        let key = rest.to_ascii_lowercase().replace(SEPARATOR, ".");
        if schema.has(&key) {
            sorted.keys.push((key, value.clone()));
            continue;
        }
        // First, as a Service may be called `zona--api`.
        if is_of_a_service(&rest.to_ascii_uppercase(), value) {
            continue;
        }
        let complaint = format!("sets nothing; the nearest variable that does is {}", nearest(schema, &key));
        if rest.contains(SEPARATOR) {
            sorted.problems.push((name.clone(), complaint));
        } else {
            sorted.warnings.push(format!("{name} {complaint}"));
        }
    }
    sorted
}

/// Whether Kubernetes sets such a variable for a Service called `zona` or `zona-NAME`: `SERVICE_HOST`, `SERVICE_PORT`,
/// `SERVICE_PORT_GRPC`, `PORT`, `PORT_7070_TCP` and what stands below that, each after `NAME_` where there is one.
/// Source: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
fn is_of_a_service(rest: &str, value: &str) -> bool {
    let words: Vec<&str> = rest.split('_').collect();
    // A name may itself hold these words, so each place where the form could begin is tried.
    (0..words.len()).any(|start| match &words[start..] {
        ["SERVICE", "HOST"] | ["SERVICE", "PORT"] => true,
        ["SERVICE", "PORT", port @ ..] => port.iter().all(|word| !word.is_empty()),
        // Somebody who writes a bare number means a setting.
        ["PORT"] => value.contains("://"),
        ["PORT", number, "TCP" | "UDP" | "SCTP"] | ["PORT", number, "TCP" | "UDP" | "SCTP", "ADDR" | "PORT" | "PROTO"] => {
            number.parse::<u16>().is_ok()
        }
        _ => false,
    })
}

/// The variable of the key that is spelled most like this one. In a table of tables the name that was written stays.
fn nearest(schema: &Schema, key: &str) -> String {
    let of = |section: &Section| {
        let written = section.below(key).and_then(|below| below.split('.').next()).or(key.split('.').nth(1));
        let path = match written {
            Some(name) if section.is_each() => section.entry(name),
            _ => section.documented_path(),
        };
        section.keys.iter().map(move |known| Section::key(&path, known.name)).collect::<Vec<_>>()
    };
    let keys = schema.sections().iter().flat_map(of);
    variable(&keys.min_by_key(|known| strsim::damerau_levenshtein(known, key)).unwrap_or_default())
}
