//! Which crate may depend on which. The table is the architecture: binary -> server -> adapters -> domain, and adapters never know each
//! other. A new crate or arrow starts here, with a reason.

use cargo_metadata::{Dependency, DependencyKind, Metadata, Package};

use crate::tidy::problem::Problem;

const MANIFEST: &str = "Cargo.toml";

/// Crate, and the workspace crates it may use in its product code.
const ARROWS: [(&str, Allowed); 32] = [
    ("domain", Allowed::Only(&[])),
    ("api-proto", Allowed::Only(&[])),
    ("sandbox-protocol", Allowed::Only(&[])),
    ("telemetry", Allowed::Only(&[])),
    ("file-trust", Allowed::Only(&[])),
    ("audit", Allowed::Only(&[])),
    ("keys", Allowed::Only(&["file-trust"])),
    ("kms", Allowed::Only(&["file-trust", "keys", "tls"])),
    ("tls", Allowed::Only(&["file-trust"])),
    ("auth", Allowed::Only(&["domain", "file-trust", "tls"])),
    ("api-grpc", Allowed::Only(&["domain", "api-proto", "tls"])),
    ("gateway", Allowed::Only(&["api-proto"])),
    ("storage-documents", Allowed::Only(&["domain"])),
    ("storage-rules", Allowed::Only(&["domain", "keys", "storage-documents"])),
    ("storage-embedded", Allowed::Only(&["domain", "file-trust", "keys", "storage-documents", "storage-rules"])),
    ("storage-mongo", Allowed::Only(&["domain", "file-trust", "keys", "storage-documents", "storage-rules"])),
    ("webhooks", Allowed::Only(&["domain", "tls"])),
    ("resilience", Allowed::Only(&[])),
    // Objects hold events in the form in which stores keep them.
    ("blobs", Allowed::Only(&["domain", "file-trust", "keys", "resilience", "storage-documents", "tls"])),
    // What is kept in Redis has the form in which stores keep it.
    ("cache", Allowed::Only(&["domain", "resilience", "storage-documents", "tls"])),
    ("python-check", Allowed::Only(&["domain"])),
    ("sandbox", Allowed::Only(&["domain", "file-trust", "resilience", "sandbox-protocol"])),
    ("sandbox-agent", Allowed::Only(&["sandbox-protocol"])),
    ("test-support", Allowed::Only(&["domain", "api-proto"])),
    ("xtask", Allowed::Only(&[])),
    ("settings", Allowed::Only(&["file-trust"])),
    ("process", Allowed::Only(&[])),
    // Plans are made by the pure half; the domain's port is what it is asked through.
    ("orchestrator", Allowed::Only(&["domain", "file-trust", "process"])),
    ("cli", Allowed::Only(&["api-proto", "audit", "file-trust", "settings", "tls"])),
    (
        "server",
        Allowed::Only(&[
            "api-grpc",
            "audit",
            "auth",
            "blobs",
            "cache",
            "domain",
            "file-trust",
            "gateway",
            "keys",
            "kms",
            "orchestrator",
            "process",
            "python-check",
            "resilience",
            "sandbox",
            "settings",
            "storage-embedded",
            "storage-mongo",
            "telemetry",
            "tls",
            "webhooks",
        ]),
    ),
    ("zona", Allowed::Only(&["api-proto", "audit", "cli", "domain", "process", "python-check", "sandbox", "server", "settings"])),
    ("e2e", Allowed::All),
];

/// What the domain may use from outside: nothing that does IO or serializes.
const DOMAIN_EXTERNAL: [&str; 9] =
    ["async-trait", "diffy", "event-listener", "futures-channel", "futures-core", "futures-util", "sha2", "similar", "thiserror"];

/// Names that say nothing about what a crate is for.
const EMPTY_NAMES: [&str; 7] = ["common", "core", "helpers", "models", "shared", "types", "utils"];

/// For tests, on top of a crate's own arrows.
const TEST_HARNESS: &str = "test-support";

enum Allowed {
    Only(&'static [&'static str]),
    All,
}

/// One declared dependency, reduced to what the rules look at.
struct Edge<'a> {
    from: &'a str,
    to: &'a str,
    internal: bool,
    for_tests: bool,
}

/// Checks the workspace's declared dependencies.
pub fn check(metadata: &Metadata) -> Vec<Problem> {
    let packages: Vec<&Package> = metadata.workspace_packages();
    let members: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let edges = packages.iter().flat_map(|package| {
        let members = &members;
        package.dependencies.iter().map(move |dependency| edge(package, dependency, members))
    });
    let names = members.iter().filter_map(|name| check_name(name));
    names.chain(edges.filter_map(|edge| check_edge(&edge))).collect()
}

fn edge<'a>(package: &'a Package, dependency: &'a Dependency, members: &[&str]) -> Edge<'a> {
    let to = dependency.name.as_str();
    let for_tests = dependency.kind == DependencyKind::Development;
    Edge { from: package.name.as_str(), to, internal: members.contains(&to), for_tests }
}

fn check_name(name: &str) -> Option<Problem> {
    if EMPTY_NAMES.contains(&name) {
        return Some(Problem::new(MANIFEST, 1, format!("crate `{name}`: name it after what it is for")));
    }
    let known = ARROWS.iter().any(|(known, _)| *known == name);
    (!known)
        .then(|| Problem::new(MANIFEST, 1, format!("crate `{name}` has no row in the table of arrows (crates/xtask/src/tidy/arrows.rs)")))
}

fn check_edge(edge: &Edge<'_>) -> Option<Problem> {
    let (_, allowed) = ARROWS.iter().find(|(name, _)| *name == edge.from)?;
    let fine = if edge.internal {
        let in_table = match allowed {
            Allowed::All => true,
            Allowed::Only(names) => names.contains(&edge.to),
        };
        in_table || (edge.for_tests && edge.to == TEST_HARNESS)
    } else {
        edge.from != "domain" || edge.for_tests || DOMAIN_EXTERNAL.contains(&edge.to)
    };
    (!fine).then(|| Problem::new(MANIFEST, 1, format!("`{}` must not depend on `{}`", edge.from, edge.to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn internal(from: &'static str, to: &'static str, for_tests: bool) -> Option<Problem> {
        check_edge(&Edge { from, to, internal: true, for_tests })
    }

    fn external(from: &'static str, to: &'static str, for_tests: bool) -> Option<Problem> {
        check_edge(&Edge { from, to, internal: false, for_tests })
    }

    #[test]
    fn arrows_point_down() {
        assert_eq!(internal("zona", "sandbox", false), None);
        assert_eq!(internal("server", "sandbox", false), None);
        assert_eq!(internal("sandbox", "domain", false), None);
        assert!(internal("domain", "sandbox", false).is_some());
    }

    #[test]
    fn adapters_do_not_know_each_other() {
        assert!(internal("api-grpc", "storage-embedded", false).is_some());
        assert!(internal("storage-embedded", "sandbox", false).is_some());
    }

    #[test]
    fn client_commands_know_the_contract_only() {
        assert_eq!(internal("cli", "api-proto", false), None);
        for other in ["domain", "api-grpc", "sandbox", "python-check", "server"] {
            assert!(internal("cli", other, false).is_some(), "{other}");
        }
    }

    #[test]
    fn the_harness_is_for_tests_only() {
        assert_eq!(internal("storage-embedded", "test-support", true), None);
        assert!(internal("storage-embedded", "test-support", false).is_some());
        assert!(internal("storage-embedded", "zona", true).is_some());
    }

    #[test]
    fn the_domain_knows_no_outside_technology() {
        assert_eq!(external("domain", "thiserror", false), None);
        assert_eq!(external("domain", "proptest", true), None);
        assert!(external("domain", "tokio", false).is_some());
        assert_eq!(external("sandbox", "tokio", false), None);
    }

    #[test]
    fn a_crate_needs_a_row_and_a_telling_name() {
        assert_eq!(check_name("domain"), None);
        assert!(check_name("utils").is_some());
        assert!(check_name("something-new").is_some());
    }
}
