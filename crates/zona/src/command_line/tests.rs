//! The tree of commands as a whole: what each of them must have.

use std::collections::BTreeSet;

use clap::CommandFactory as _;

use super::Cli;

/// Commands that change nothing at a server, or nothing that a second call would change again: they need no id by which a server knows
/// a request that it has answered.
const WITHOUT_REQUEST_ID: &[&str] = &[
    "access explain",
    "access list",
    "access share list",
    "api-key list",
    "audit cosign",
    "audit export",
    "audit list",
    "audit report",
    "audit verify",
    "audit watch",
    "batch report",
    "bench seed",
    "check",
    "completions",
    "context list",
    "context remove",
    "context use",
    "demo",
    "dev",
    "doctor",
    "event watch",
    "execution cancel",
    "execution get",
    "execution list",
    "execution watch",
    "keys shred",
    "keys status",
    "login",
    "logout",
    "operation cancel",
    "operation get",
    "operation list",
    "operation watch",
    "policy show",
    "policy update",
    "ps",
    "ps difference",
    "ps graph",
    "ps import",
    "ps integration explain",
    "ps integration list",
    "ps logs",
    "ps plan",
    "ps schema",
    "ps validate",
    "runtime list",
    "runtime show",
    "sandbox exec",
    "schedule get",
    "schedule list",
    "secret get",
    "secret list",
    "server",
    "server info",
    "service-account list",
    "storage migrate",
    "storage roles",
    "storage shard",
    "storage status",
    "tenant get",
    "tenant list",
    "token",
    "transform",
    "user export",
    "user list",
    "user show",
    "utility diff",
    "utility get",
    "utility list",
    "utility proposal list",
    "utility proposal show",
    "utility versions",
    "webhook dead-letters",
    "webhook get",
    "webhook list",
    "whoami",
];

/// Commands that do something, by the words that lead to them, and whether they take `--request-id`.
fn commands(at: &clap::Command, words: &str, found: &mut Vec<(String, bool)>) {
    let below: Vec<_> = at.get_subcommands().filter(|below| below.get_name() != "help").collect();
    if !words.is_empty() && (below.is_empty() || !at.is_subcommand_required_set()) {
        let takes = at.get_arguments().any(|argument| argument.get_long() == Some("request-id"));
        found.push((words.to_owned(), takes));
    }
    for below in below {
        commands(below, format!("{words} {}", below.get_name()).trim(), found);
    }
}

#[test]
fn every_command_that_changes_something_does_it_once_although_its_answer_is_lost() {
    let mut found = Vec::new();
    commands(&Cli::command(), "", &mut found);
    let without: BTreeSet<_> = found.iter().filter(|(_, takes)| !takes).map(|(words, _)| words.as_str()).collect();
    let named: BTreeSet<_> = WITHOUT_REQUEST_ID.iter().copied().collect();
    let missing: Vec<_> = without.difference(&named).collect();
    assert!(missing.is_empty(), "flatten cli::client::repeated::RequestId into these, or say above that they change nothing: {missing:?}");
    let gone: Vec<_> = named.difference(&without).collect();
    assert!(gone.is_empty(), "these take an id, or are no commands: {gone:?}");
    assert!(found.len() - without.len() >= 30, "those that change something are found: {found:?}");
}
