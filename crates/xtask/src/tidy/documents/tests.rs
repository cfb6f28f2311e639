//! Each check of documents passes what is right and refuses what is wrong.

use super::*;
use crate::tidy::tokens::Tokens;

fn names() -> Names {
    let mut names = Names::new(["crates/domain/src/lib.rs", "docs/index.md"].into_iter());
    let text = "//! D.\npub struct Utility;\n#[cfg(test)]\nmod tests { #[test] fn a_run_ends_once() {} }\n";
    names.add_rust("crates/domain/src/lib.rs", &Tokens::parse(text).expect("the fixture is Rust"));
    names.add_proto("service UtilityService {\n  rpc GetUtility(A) returns (B);\n}\n");
    names
}

#[track_caller]
fn check(path: &str, text: &str, expected: &[(usize, &str)]) {
    let expected: Vec<Problem> =
        expected.iter().map(|(line, name)| Problem::new(path, *line, format!("`{name}` does not exist"))).collect();
    assert_eq!(check_names(path, text, &names()), expected);
}

#[test]
fn names_that_exist_pass() {
    let text = "`domain::Utility`, `docs/index.md`, `UtilityService.GetUtility`, `a_run_ends_once`, `zona demo`\n";
    check(REQUIREMENTS, text, &[]);
}

#[test]
fn names_that_do_not_exist_are_refused_at_their_line() {
    let text = "fine\n`domain::Gone` and `docs/gone.md`\n\n`UtilityService.Gone`\n`a_test_gone`\n";
    let gone = [(2, "domain::Gone"), (2, "docs/gone.md"), (4, "UtilityService.Gone"), (5, "a_test_gone")];
    check(REQUIREMENTS, text, &gone);
}

#[test]
fn in_the_requirements_every_name_is_of_a_kind_that_can_be_looked_up() {
    check(REQUIREMENTS, "`something else`\n", &[(1, "something else")]);
    check("README.md", "`something else`\n", &[]);
}

#[test]
fn code_blocks_are_not_looked_at() {
    check("README.md", "```sh\ncat `docs/gone.md`\n```\n`docs/gone.md`\n", &[(4, "docs/gone.md")]);
}

fn invariant_problems(section: &str) -> Vec<String> {
    let text = format!("# A\n\n1. Not one.\n\n## Invariants\n\n{section}\n## After\n\n7. Not one.\n");
    check_invariants(ARCHITECTURE, &text, &names()).iter().map(ToString::to_string).collect()
}

#[test]
fn an_invariant_held_by_a_test_passes() {
    assert_eq!(invariant_problems("1. A run ends once.\n   Held by: `a_run_ends_once`\n"), [""; 0]);
}

#[test]
fn an_invariant_without_a_test_is_refused() {
    let found = invariant_problems("1. A run ends once.\n2. Runs end.\n   Held by: `no_such_test`\n");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("ARCHITECTURE.md:7: invariant 1 names no test"), "{found:?}");
    assert!(found[1].contains("ARCHITECTURE.md:8: invariant 2 is held by `no_such_test`"), "{found:?}");
}

#[test]
fn invariants_are_numbered_in_order_and_there_is_one() {
    let found = invariant_problems("2. A run ends once. Held by: `a_run_ends_once`\n");
    assert!(found.len() == 1 && found[0].contains("this one is 1"), "{found:?}");
    assert_eq!(invariant_problems("None.\n").len(), 1);
}

#[test]
fn an_accepted_contract_stands_in_the_changelog() {
    assert_eq!(check_contract("- `abc`: adds X\n", "abc"), None);
    assert!(check_contract("- `abc`: adds X\n", "def").is_some());
}
