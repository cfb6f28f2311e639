//! Nothing fails in silence: a failure that is thrown away stands below a comment that says why, and a task has a name.

use crate::tidy::{
    problem::Problem,
    rust_file::is_test_file,
    tokens::{Tokens, is_word},
};

/// Where tasks and threads may start without a name: what watches them stands there.
const SPAWNS: &[(&str, &str)] = &[
    ("crates/api-grpc/src/ending.rs", "the streams of a connection, each of which ends at a time of its own"),
    ("crates/api-grpc/src/server/connection.rs", "the connections of a server, which waits for each"),
    ("crates/cache/src/redis.rs", "a client's last word, which ends by itself"),
    ("crates/orchestrator/src/sight.rs", "questions of replicas, which end with who looks, and whose answers nobody must have"),
    ("crates/sandbox/src/tasks.rs", "here tasks are named and watched"),
    ("crates/server/src/tasks.rs", "here tasks are named and watched"),
    ("crates/storage-embedded/benches/latencies.rs", "the writers of a benchmark, which waits for each"),
    ("crates/storage-embedded/src/writer.rs", "tells of a change under a name, catches a panic, and a close waits for it"),
    ("crates/storage-mongo/src/tasks.rs", "here tasks are named, and who starts one says what its end means"),
    ("tests/src/bin/bench/abuse/halves.rs", "the calls of a benchmark, which waits for each, and the connection under them"),
    ("tests/src/bin/bench/fairness.rs", "the loud tenant of a benchmark, which waits for it"),
    ("tests/src/bin/bench/load.rs", "the callers of a benchmark, which counts or waits for each"),
    ("tests/src/bin/bench/peers/daemon.rs", "the relay of a benchmark and its connections, which end with it"),
    ("tests/src/command.rs", "reads what a program prints, and is joined"),
    ("tests/src/health.rs", "a call with a deadline of its own, and is waited for"),
    ("tests/src/network.rs", "the connections of a network of a story, which end with it"),
    ("tests/src/server.rs", "reads what a server prints until it ends"),
];

/// What starts a task or a thread that nothing names.
const ANONYMOUS: [&[&str]; 3] = [&["tokio", ":", ":", "spawn"], &["task", ":", ":", "spawn"], &["thread", ":", ":", "spawn"]];
/// Methods of runtimes, sets of tasks and scopes that do the same.
const ANONYMOUS_METHODS: [&str; 3] = ["spawn", "spawn_local", "spawn_on"];

/// Refuses entries of files that are gone.
pub fn check_lists(exists: impl Fn(&str) -> bool) -> Vec<Problem> {
    let gone = SPAWNS.iter().map(|(path, _)| *path).filter(|path| !exists(path));
    gone.map(|path| Problem::new(path, 1, "this file is gone: drop it from the lists (crates/xtask/src/tidy/silence.rs)")).collect()
}

/// Checks one file.
pub fn check(path: &str, text: &str, tokens: &Tokens) -> Vec<Problem> {
    if is_test_file(path) && !path.starts_with("tests/src/") {
        return Vec::new();
    }
    let mut spawned = anonymous(path, tokens);
    let stale = settle(path, &mut spawned, SPAWNS.iter().any(|(file, _)| *file == path));
    swallowed(path, text, tokens).into_iter().chain(spawned).chain(stale).collect()
}

/// Takes the problems of a listed file away, or says that the list does not need it.
fn settle(path: &str, problems: &mut Vec<Problem>, listed: bool) -> Option<Problem> {
    let needless = listed && problems.is_empty();
    if listed {
        problems.clear();
    }
    needless.then(|| Problem::new(path, 1, "nothing is left to except here: drop the file from SPAWNS (crates/xtask/src/tidy/silence.rs)"))
}

/// `let _ = f();`, `f().ok();` and `drop(f());` without a reason.
fn swallowed(path: &str, text: &str, tokens: &Tokens) -> Vec<Problem> {
    let all = tokens.all();
    let lines: Vec<&str> = text.lines().collect();
    let explained = |line: usize| line >= 2 && lines.get(line - 2).is_some_and(|above| above.trim_start().starts_with("//"));
    let mut problems = Vec::new();
    // A reason counts for the statements that follow each other without another line between them.
    let mut last_explained = 0;
    for index in (0..all.len()).filter(|index| !tokens.is_test(*index)) {
        let Some((start, what)) = thrown_away(tokens, index) else { continue };
        let line = all[start].line;
        if explained(line) || explained(all[index].line) || line == last_explained + 1 {
            last_explained = all[index].line;
        } else {
            let message = format!("{what} throws a failure away: handle it, or say above why nobody needs it");
            problems.push(Problem::new(path, all[index].line, message));
        }
    }
    problems
}

/// Whether a statement that throws its result away stands here: its first token, and how it does that.
fn thrown_away(tokens: &Tokens, index: usize) -> Option<(usize, &'static str)> {
    let follows = |words: &[&str]| words.iter().zip(index..).all(|(word, at)| tokens.text(at) == *word);
    if follows(&["let", "_", "="]) {
        let end = end_of_statement(tokens, index);
        return has_call(tokens, index + 3, end).then_some((index, "`let _ =`"));
    }
    if follows(&[".", "ok", "(", ")", ";"]) {
        let start = start_of_statement(tokens, index);
        let kept = matches!(tokens.text(start), "let" | "return") || (start..index).any(|at| is_assignment(tokens, at));
        return (!kept).then_some((start, "`.ok();`"));
    }
    if follows(&["drop", "("]) && index == start_of_statement(tokens, index) {
        let close = tokens.close_of(index + 1);
        return has_call(tokens, index + 2, close).then_some((index, "`drop(...)`"));
    }
    None
}

/// Whether something is called there whose failure goes no further. Names that begin with a capital make a value.
fn has_call(tokens: &Tokens, start: usize, end: usize) -> bool {
    let fails = |name: &str| (is_word(name) && !name.starts_with(char::is_uppercase) && name != "take") || matches!(name, ">" | "!");
    tokens.text(end - 1) != "?" && (start + 1..end).any(|at| tokens.text(at) == "(" && fails(tokens.text(at - 1)))
}

/// `=` alone, at any depth: `==`, `=>`, `<=` and their like are two tokens.
fn is_assignment(tokens: &Tokens, at: usize) -> bool {
    let single = |other: &str| !matches!(other, "=" | "<" | ">" | "!");
    tokens.text(at) == "=" && single(tokens.text(at - 1)) && single(tokens.text(at + 1))
}

fn end_of_statement(tokens: &Tokens, start: usize) -> usize {
    let mut index = start;
    while index < tokens.all().len() && tokens.text(index) != ";" {
        index = if matches!(tokens.text(index), "{" | "(" | "[") { tokens.close_of(index) + 1 } else { index + 1 };
    }
    index
}

fn start_of_statement(tokens: &Tokens, at: usize) -> usize {
    let mut depth = 0_usize;
    for index in (0..at).rev() {
        match tokens.text(index) {
            "}" if depth == 0 && begins_statement(tokens.text(index + 1)) => return index + 1,
            "}" | ")" | "]" => depth += 1,
            "{" | "(" | "[" if depth == 0 => return index + 1,
            "{" | "(" | "[" => depth -= 1,
            ";" if depth == 0 => return index + 1,
            _ => {}
        }
    }
    0
}

/// Whether a word after a block begins another statement.
fn begins_statement(word: &str) -> bool {
    is_word(word) && !matches!(word, "else" | "as")
}

fn anonymous(path: &str, tokens: &Tokens) -> Vec<Problem> {
    let functions = ANONYMOUS.iter().flat_map(|pattern| tokens.find(pattern)).filter(|(_, test)| !test);
    let methods = (1..tokens.all().len()).filter(|index| !tokens.is_test(*index) && spawns_anonymously(tokens, *index));
    let found = functions.chain(methods.map(|index| (tokens.all()[index].line, false)));
    let message = "a task without a name: hand it to what names and watches tasks, or list the place (crates/xtask/src/tidy/silence.rs)";
    found.map(|(line, _)| Problem::new(path, line, message)).collect()
}

/// Whether a method that is called there starts a task without a name. A process takes no argument, what names tasks takes the name
/// first, and a thread was given its name before.
fn spawns_anonymously(tokens: &Tokens, index: usize) -> bool {
    let called = tokens.text(index - 1) == "." && tokens.text(index + 1) == "(" && ANONYMOUS_METHODS.contains(&tokens.text(index));
    let named_before = || (start_of_statement(tokens, index)..index).any(|at| tokens.text(at) == "name" && tokens.text(at + 1) == "(");
    called && tokens.text(index + 2) != ")" && tokens.text(index + 3) != "," && !named_before()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let tokens = Tokens::parse(text).expect("the fixture is Rust");
        check("crates/a/src/lib.rs", text, &tokens).iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn refused(statement: &str, word: &str) {
        let found = found(&format!("fn f() {{\n    g();\n    {statement}\n}}\n"));
        assert!(found.len() == 1 && found[0].starts_with("crates/a/src/lib.rs:3: ") && found[0].contains(word), "{statement}: {found:?}");
        let explained = format!("fn f() {{\n    g();\n    // Nobody waits for it.\n    {statement}\n}}\n");
        assert_eq!(self::found(&explained), [""; 0]);
        assert_eq!(self::found(&explained.replace(statement, &format!("{statement}\n    {statement}"))), [""; 0]);
    }

    #[test]
    fn a_failure_that_is_thrown_away_needs_a_reason() {
        refused("let _ = sender.send(1);", "`let _ =`");
        refused("let _ = write!(text, \"a\");", "`let _ =`");
        refused("remove(path).ok();", "`.ok();`");
        refused("drop(child.kill());", "`drop(...)`");
    }

    #[test]
    fn a_reason_may_stand_above_a_statement_of_many_lines() {
        assert_eq!(found("fn f() {\n    // It may be gone.\n    a.b(|| {\n        1\n    })\n    .ok();\n}\n"), [""; 0]);
        assert_eq!(found("fn f() {\n    if a {\n    }\n    drop(g());\n}\n").len(), 1);
        assert_eq!(found("fn f() {\n    a.b(|| {\n        1\n    })\n    .ok();\n}\n").len(), 1);
    }

    #[test]
    fn what_is_kept_or_cannot_fail_passes() {
        for statement in [
            "let a = b().ok();",
            "self.a = b().ok();",
            "return b().ok();",
            "let _ = a;",
            "drop(guard);",
            "drop(self.guard.take());",
            "drop(b()?);",
            "drop(A(Some(b)));",
        ] {
            assert_eq!(found(&format!("fn f() {{\n    g();\n    {statement}\n}}\n")), [""; 0], "{statement}");
        }
    }

    #[test]
    fn tests_may_throw_failures_away() {
        assert_eq!(found("#[cfg(test)]\nmod tests {\n    fn f() { let _ = g(); h().ok(); std::thread::spawn(i); }\n}\n"), [""; 0]);
    }

    #[test]
    fn a_task_without_a_name_is_refused() {
        for call in [
            "tokio::spawn(g());",
            "tokio::task::spawn(g());",
            "std::thread::spawn(g);",
            "Handle::current().spawn(async move { g() });",
            "set.spawn(g(a, b));",
            "set.spawn_on(g(), handle);",
            "thread::scope(|scope| scope.spawn(|| g()));",
        ] {
            let found = found(&format!("fn f() {{\n    {call}\n}}\n"));
            assert!(found.len() == 1 && found[0].contains("a task without a name"), "{call}: {found:?}");
        }
        for call in ["tasks.spawn(\"name\", g());", "tasks.spawn(TASK, g());", "Builder::new().name(n).spawn(g);", "command.spawn()?;"] {
            assert_eq!(found(&format!("fn f() {{\n    {call}\n}}\n")), [""; 0], "{call}");
        }
    }

    #[test]
    fn a_listed_file_is_excepted_until_nothing_is_left_in_it() {
        let problem = || Problem::new("a.rs", 2, "swallowed");
        let mut some = vec![problem()];
        assert!(settle("a.rs", &mut some, true).is_none() && some.is_empty());
        assert!(settle("a.rs", &mut Vec::new(), true).is_some());
        let mut kept = vec![problem()];
        assert!(settle("a.rs", &mut kept, false).is_none() && kept.len() == 1);
    }
}
