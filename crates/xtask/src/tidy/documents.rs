//! What documents promise must be there: names in backticks exist, each invariant is held by a test, and an accepted contract
//! has its line in the changelog.

use crate::tidy::{names::Names, problem::Problem};

/// Code map and invariants.
pub const ARCHITECTURE: &str = "ARCHITECTURE.md";
/// What changed for callers.
pub const CHANGELOG: &str = "CHANGELOG.md";
/// Where each requirement is met. Everything in backticks must be of a kind that can be looked up.
const REQUIREMENTS: &str = "docs/requirements.md";

/// Documents that must exist, and whose names are checked.
pub const REQUIRED: [&str; 8] =
    ["README.md", ARCHITECTURE, "CONTRIBUTING.md", CHANGELOG, "SPECIFICATION.md", REQUIREMENTS, "docs/index.md", "docs/utilities.md"];

/// Programs whose command lines documents may quote.
const PROGRAMS: [&str; 3] = ["zona ", "cargo ", "grpcurl "];

/// Checks each name in backticks outside code blocks.
pub fn check_names(path: &str, text: &str, names: &Names) -> Vec<Problem> {
    let strict = path == REQUIREMENTS;
    let mut problems = Vec::new();
    for (line, name) in quoted(text) {
        let exists = match kind(name, names) {
            Kind::Path => names.has_path(name),
            Kind::Item => names.has_item(name),
            Kind::Method => names.has_method(name),
            Kind::Test => !strict || names.has_test(name),
            Kind::Command => true,
            Kind::Other => !strict,
        };
        if !exists {
            problems.push(Problem::new(path, line, format!("`{name}` does not exist")));
        }
    }
    problems
}

/// Checks that each numbered line under `## Invariants` ends with `Held by:` and names tests that exist.
pub fn check_invariants(path: &str, text: &str, names: &Names) -> Vec<Problem> {
    let mut problems = Vec::new();
    let items = invariants(text);
    if items.is_empty() {
        problems.push(Problem::new(path, 1, "no numbered invariant under `## Invariants`"));
    }
    for (number, (line, item)) in (1..).zip(&items) {
        let mut add = |message: String| problems.push(Problem::new(path, *line, message));
        if !item.starts_with(&format!("{number}. ")) {
            add(format!("invariants are numbered in order: this one is {number}"));
        }
        let held_by = item.split_once("Held by:").map_or("", |(_, held_by)| held_by);
        let tests: Vec<&str> = quoted(held_by).map(|(_, name)| name).collect();
        if tests.is_empty() {
            add(format!("invariant {number} names no test after `Held by:`"));
        }
        for test in tests.into_iter().filter(|test| !names.has_test(test)) {
            add(format!("invariant {number} is held by `{test}`, which is no test"));
        }
    }
    problems
}

/// Checks that the changelog knows the accepted contract.
pub fn check_contract(changelog: &str, mark: &str) -> Option<Problem> {
    let known = changelog.contains(&format!("`{mark}`"));
    (!known).then(|| {
        let advice = "accept contracts with `cargo xtask accept-contract`";
        Problem::new(CHANGELOG, 1, format!("the accepted contract `{mark}` has no line here: {advice}"))
    })
}

enum Kind {
    Path,
    Item,
    Method,
    Test,
    Command,
    Other,
}

fn kind(name: &str, names: &Names) -> Kind {
    let is_name = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let starts_upper = name.starts_with(|c: char| c.is_ascii_uppercase());
    if PROGRAMS.iter().any(|program| name.starts_with(program)) {
        return Kind::Command;
    }
    if name.contains(' ') {
        return Kind::Other;
    }
    if name.trim_end_matches("()").split("::").all(is_name) && name.contains("::") {
        return Kind::Item;
    }
    if names.has_root(name.split('/').next().unwrap_or(name)) && !name.contains(['*', '{', '<']) {
        return Kind::Path;
    }
    if starts_upper && name.contains("Service") && name.split('.').all(is_name) {
        return Kind::Method;
    }
    if is_name(name) && !starts_upper && name.matches('_').count() >= 2 {
        return Kind::Test;
    }
    Kind::Other
}

/// Names in backticks with their lines; fenced blocks are left out.
fn quoted(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    let open_lines = text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fence && !fenced
    });
    open_lines.flat_map(|(index, line)| line.split('`').skip(1).step_by(2).map(move |name| (index + 1, name)))
}

/// Numbered lines of the section, each with the lines that continue it.
fn invariants(text: &str) -> Vec<(usize, String)> {
    let lines = text.lines().enumerate().skip_while(|(_, line)| *line != "## Invariants").skip(1);
    let section = lines.take_while(|(_, line)| !line.starts_with("## "));
    let mut items: Vec<(usize, String)> = Vec::new();
    for (index, line) in section {
        if line.starts_with(|c: char| c.is_ascii_digit()) {
            items.push((index + 1, line.to_owned()));
        } else if let Some((_, item)) = items.last_mut()
            && line.starts_with(' ')
        {
            item.push_str(line);
        }
    }
    items
}

#[cfg(test)]
mod tests;
