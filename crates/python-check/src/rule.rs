//! The rule table: every rule with its id, family, severity, reason, remedy and two examples. Ids never change their meaning.
//!
//! It finds nothing; the gates and the scan do. `docs/rules/` is generated from it (see [`page`]).

mod access;
mod dynamic;
mod entry;
mod module;
mod server;
mod text;

use std::fmt::Write as _;

use domain::code::{Family, Severity};

pub(crate) use access::*;
pub(crate) use dynamic::*;
pub use entry::{Example, Rule};
pub(crate) use module::*;
pub(crate) use text::*;

/// Every rule, by group and number.
pub fn all() -> Vec<&'static Rule> {
    [text::RULES, module::RULES, access::RULES, dynamic::RULES].concat()
}

/// Every rule that the server finds beside the checker's.
pub fn of_server() -> &'static [&'static Rule] {
    server::RULES
}

/// Finds a rule of the checker by its id.
pub fn find(id: &str) -> Option<&'static Rule> {
    all().into_iter().find(|rule| rule.id == id)
}

/// The family of a rule, of the checker's or the server's, by its id.
pub fn family(id: &str) -> Option<Family> {
    all().into_iter().chain(of_server().iter().copied()).find(|rule| rule.id == id).map(|rule| rule.family)
}

/// The documentation page of a rule, as Markdown.
pub fn page(rule: &Rule) -> String {
    let severity = match rule.severity {
        Severity::Error => "error: the code is refused",
        Severity::Warning => "warning: the code is accepted",
    };
    let mut page = format!("# {}: {}\n\nFamily `{}`, {severity}.\n\n{}\n\n", rule.id, rule.title, rule.family, rule.why);
    // Writing to a String cannot fail.
    let _ = write!(page, "## Found\n\n{}\n## Instead\n\n{}\n\n{}", shown(&rule.bad), rule.fix, fenced(rule.good));
    page
}

/// The index of all pages, as Markdown.
pub fn index() -> String {
    let mut index = "# Validation rules\n\nEvery finding of `zona check` and `ValidateCode` names one of these; the last two only a server \
                     finds. The scan is a lint that explains; the sandbox is the boundary. What \
                     the preset [`compatible`](compatible.md) of a code policy opens has a page of its own.\n\n| rule | family | severity | |\n|---|---|---|---|\n"
        .to_owned();
    for rule in all().iter().chain(of_server()) {
        // As above.
        let _ = writeln!(index, "| [{0}]({0}.md) | {1} | {2} | {3} |", rule.id, rule.family, rule.severity.as_str(), rule.title);
    }
    index
}

fn shown(example: &Example) -> String {
    match example {
        Example::Code(code) => fenced(code),
        Example::Bytes(_, shown) => fenced(shown),
        Example::Repeated { head, piece, times, tail } => {
            let shown = fenced(&format!("{head}{piece}{tail}"));
            format!("{shown}\nwith `{}` written {times} times.\n", piece.trim_end())
        }
    }
}

fn fenced(code: &str) -> String {
    format!("```python\n{}\n```\n", code.trim_end_matches('\n'))
}
