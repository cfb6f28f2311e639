//! No circles between the files of a crate: files that name each other can only be understood, tested and moved together. A
//! file names another one where a path in it, resolved through re-exports, ends at something that the other one defines.
//! `mod child;` alone names nothing, and tests are exempt. Methods are found through their type, so a method that another
//! file adds to a type is not seen here.

mod graph;
mod modules;

use crate::tidy::{problem::Problem, tokens::Sources};

pub use self::graph::Circle;

/// Files that may stand in a circle together, and why. An entry that no circle needs is refused.
const EXCEPTIONS: &[Exception] = &[
    Exception {
        files: &["crates/python-check/src/walk.rs", "crates/python-check/src/walk/"],
        reason: "the walk over a syntax tree is recursive: statements hold expressions, and those hold lambdas and comprehensions",
    },
    Exception {
        files: &["crates/python-check/src/scan.rs", "crates/python-check/src/scan/"],
        reason: "one scan with one state: judging a call folds constants and resolves names, which the same scan judges",
    },
    Exception {
        files: &["crates/sandbox/src/pool.rs", "crates/sandbox/src/pool/life.rs"],
        reason: "the pool starts a task for each sandbox, and the task tells the pool what becomes of it",
    },
    Exception {
        files: &["crates/sandbox/src/service.rs", "crates/sandbox/src/attack/"],
        reason: "the service admits what the battery has passed, and the battery runs through the service",
    },
    Exception {
        files: &["crates/domain/src/error.rs", "crates/domain/src/violation.rs"],
        reason: "an error may consist of violations, and collecting violations ends in an error",
    },
];

/// One allowed circle.
struct Exception {
    /// The files; one that ends in `/` stands for all below it.
    files: &'static [&'static str],
    reason: &'static str,
}

/// Refuses circles that no exception names, and exceptions that name none.
pub fn check(sources: &Sources) -> Vec<Problem> {
    judge(&find(sources), EXCEPTIONS)
}

/// Every circle of every crate, allowed or not: the shortest one of each knot of files.
pub fn find(sources: &Sources) -> Vec<Circle> {
    sources.keys().filter(|path| is_crate_root(path)).flat_map(|root| modules::graph(root, sources).circles()).collect()
}

fn judge(circles: &[Circle], exceptions: &[Exception]) -> Vec<Problem> {
    let covers = |exception: &Exception, circle: &Circle| circle.files.iter().all(|file| exception.has(file));
    let open = circles.iter().filter(|circle| !exceptions.iter().any(|exception| covers(exception, circle)));
    let stale = exceptions.iter().filter(|exception| !circles.iter().any(|circle| covers(exception, circle)));
    let stale = stale.map(|exception| {
        let message = format!("no circle is left here, drop the exception (crates/xtask/src/tidy/circles.rs): {}", exception.reason);
        Problem::new(exception.files[0], 1, message)
    });
    open.map(Circle::problem).chain(stale).collect()
}

/// Where a crate begins. Integration tests and build scripts are crates, too, and exempt.
fn is_crate_root(path: &str) -> bool {
    let Some((_, inside)) = path.split_once("/src/") else { return false };
    match inside.strip_prefix("bin/") {
        Some(binary) => !binary.contains('/') || binary.split_once('/').is_some_and(|(_, file)| file == "main.rs"),
        None => inside == "lib.rs" || inside == "main.rs",
    }
}

// === impl Exception ===

impl Exception {
    fn has(&self, file: &str) -> bool {
        self.files.iter().any(|allowed| file == *allowed || (allowed.ends_with('/') && file.starts_with(allowed)))
    }
}

#[cfg(test)]
mod tests;
