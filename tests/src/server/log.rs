//! What a server prints: where it listens, and the log lines that no story may leave unexplained.

use std::net::SocketAddr;

use serde_json::Value;

/// Where the server listens, when this line says it.
pub fn address(line: &str) -> Option<SocketAddr> {
    let words = line.split(|c: char| c.is_whitespace() || matches!(c, '"' | ',' | '/' | '=' | '(' | ')'));
    words.filter_map(|word| word.trim_end_matches('.').parse::<SocketAddr>().ok()).find(|address| address.port() != 0)
}

/// What a server may say on a machine whose processors are all taken: a sandbox whose agent ends a child late is replaced, which
/// costs time and nothing else. How fast agents are is measured by the sandbox's own tests.
const BUSY: &str = "its agent does not kill a child";

/// Log lines of level WARN or ERROR, and panics, but those that hold one of the expected texts.
pub fn problems(lines: &[String], expected: &[&str]) -> Vec<String> {
    let unexpected = |line: &&String| is_problem(line) && !expected.iter().chain(&[BUSY]).any(|text| line.contains(text));
    lines.iter().filter(unexpected).cloned().collect()
}

fn is_problem(line: &str) -> bool {
    match serde_json::from_str::<Value>(line) {
        Ok(Value::Object(record)) => record.get("level").and_then(Value::as_str).is_some_and(|level| matches!(level, "WARN" | "ERROR")),
        _ => line.contains("panicked at"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_a_line_for_people() {
        let expected = Some(SocketAddr::from(([127, 0, 0, 1], 7070)));
        for line in ["  serving   http://127.0.0.1:7070 (gRPC, reflection, health)", "listening on 127.0.0.1:7070."] {
            assert_eq!(address(line), expected, "{line}");
        }
        assert_eq!(address("data in /tmp/x:1, started in 0.1 s"), None);
    }

    #[test]
    fn warnings_errors_and_panics_are_problems_unless_expected() {
        let lines: Vec<String> = [
            r#"{"level":"INFO","message":"listening"}"#,
            r#"{"level":"WARN","message":"slow disk"}"#,
            r#"{"level":"ERROR","message":"broken"}"#,
            "thread 'main' panicked at src/main.rs:1:1:",
        ]
        .map(str::to_owned)
        .to_vec();
        assert_eq!(problems(&lines, &[]), lines[1..]);
        assert_eq!(problems(&lines, &["slow disk"]), lines[2..]);
    }
}
