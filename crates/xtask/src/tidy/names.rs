//! The names that documents may point at: files, items of crates, test functions, methods of the protos.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::{rust_file::is_test_file, tokens::Tokens};

const KEYWORDS: [&str; 10] = ["const", "enum", "fn", "macro_rules", "mod", "static", "struct", "trait", "type", "union"];

/// Everything that exists, by name.
#[derive(Default)]
pub struct Names {
    files: BTreeSet<String>,
    directories: BTreeSet<String>,
    items: BTreeMap<String, BTreeSet<String>>,
    tests: BTreeSet<String>,
    methods: BTreeSet<String>,
}

impl Names {
    /// Starts with the files and the directories they lie in.
    pub fn new<'a>(paths: impl Iterator<Item = &'a str>) -> Self {
        let mut names = Self::default();
        for path in paths {
            names.files.insert(path.to_owned());
            let ends = path.match_indices('/').map(|(end, _)| path[..end].to_owned());
            names.directories.extend(ends);
        }
        names
    }

    /// Adds what a Rust file defines.
    pub fn add_rust(&mut self, path: &str, tokens: &Tokens) {
        let Some(package) = package_of(path) else {
            return;
        };
        let items = self.items.entry(package.replace('-', "_")).or_default();
        items.extend(tokens.names_after(&KEYWORDS).map(|(name, _)| name.to_owned()));
        let in_tests = is_test_file(path) || path.contains("/tests/");
        let tests = tokens.names_after(&["fn"]).filter(|(_, test)| *test || in_tests);
        self.tests.extend(tests.map(|(name, _)| name.to_owned()));
    }

    /// Adds the services and methods of a proto file.
    pub fn add_proto(&mut self, text: &str) {
        let mut service = "";
        for line in text.lines().map(str::trim_start) {
            if let Some(rest) = line.strip_prefix("service ") {
                service = word(rest);
                self.methods.insert(service.to_owned());
            } else if let Some(rest) = line.strip_prefix("rpc ") {
                self.methods.insert(format!("{service}.{}", word(rest)));
            }
        }
    }

    /// A file or directory.
    pub fn has_path(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.files.contains(path) || self.directories.contains(path)
    }

    /// Whether something at the root has this name.
    pub fn has_root(&self, name: &str) -> bool {
        !name.contains('/') && self.has_path(name)
    }

    /// `package::...::Item`: every part but the first is defined in the package.
    pub fn has_item(&self, item: &str) -> bool {
        let mut parts = item.trim_end_matches("()").split("::");
        let package = parts.next().and_then(|package| self.items.get(package));
        package.is_some_and(|items| parts.all(|part| items.contains(part)))
    }

    /// A function in test code.
    pub fn has_test(&self, name: &str) -> bool {
        self.tests.contains(name)
    }

    /// `Service` or `Service.Method`.
    pub fn has_method(&self, name: &str) -> bool {
        self.methods.contains(name)
    }
}

fn package_of(path: &str) -> Option<&str> {
    match path.split_once('/')? {
        ("crates", rest) => rest.split('/').next(),
        ("tests", _) => Some("e2e"),
        _ => None,
    }
}

fn word(text: &str) -> &str {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let mut names = Names::new(["crates/python-check/src/scan.rs", "proto/a.proto"].into_iter());
        let text = "//! Scan.\npub mod scope { pub struct Scan; }\n#[cfg(test)]\nmod tests { fn it_scans() {} }\n";
        names.add_rust("crates/python-check/src/scan.rs", &Tokens::parse(text).expect("the fixture is Rust"));
        names.add_proto("service Echo {\n  // Says it again.\n  rpc Say(Request) returns (Reply);\n}\n");
        names
    }

    #[test]
    fn what_exists_is_found() {
        let names = names();
        assert!(names.has_path("crates/python-check/src/scan.rs") && names.has_path("crates/python-check/"));
        assert!(names.has_item("python_check::scope::Scan") && names.has_test("it_scans"));
        assert!(names.has_method("Echo") && names.has_method("Echo.Say"));
    }

    #[test]
    fn what_does_not_exist_is_not_found() {
        let names = names();
        assert!(!names.has_path("crates/python") && !names.has_item("python_check::Scanner") && !names.has_item("other::Scan"));
        assert!(!names.has_test("scope") && !names.has_method("Echo.Shout") && !names.has_method("Other.Say"));
    }
}
