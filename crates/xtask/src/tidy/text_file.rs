//! What no committed text may hold, whatever its language: paths of one machine, and marks of unfinished work.

use crate::tidy::problem::Problem;

/// Each is written in two parts, so that this file does not hold it.
const WORDS: [(&[&str], &str); 6] = [
    (&["/wo", "rk/"], "a path of one machine"),
    (&["/ro", "ot/"], "a path of one machine"),
    (&[".lib", "rary/"], "a path of one machine"),
    (&["FIX", "ME"], "unfinished work"),
    (&["TO", "DO:"], "unfinished work"),
    (&["XX", "X:"], "unfinished work"),
];

/// Checks one text.
pub fn check(path: &str, text: &str) -> Vec<Problem> {
    let words: Vec<(String, &str)> = WORDS.iter().map(|(parts, message)| (parts.concat(), *message)).collect();
    let mut problems = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for (word, message) in words.iter().filter(|(word, _)| line.contains(word)) {
            problems.push(Problem::new(path, index + 1, format!("{message}: `{word}`")));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_forbidden_word_is_found_at_its_line() {
        for (parts, message) in WORDS {
            let word = parts.concat();
            let found = check("docs/a.md", &format!("fine\nsee {word}here\n"));
            assert_eq!(found, [Problem::new("docs/a.md", 2, format!("{message}: `{word}`"))]);
        }
    }

    #[test]
    fn words_that_only_look_alike_pass() {
        assert_eq!(check("docs/a.md", "a framework/thing, a root/thing, todo lists, a library/path\n"), []);
    }
}
