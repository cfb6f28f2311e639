//! What the preset `compatible` adds to the interface of a runtime, for tenants that bring existing scripts.
//!
//! Everything that is not listed stays refused, by the rule that the strict preset names.

use super::RuntimeInterface;
use super::interface::Reader;

const LIST: &str = include_str!("../../data/compatible.api");

/// The interface with the modules that the preset opens, as far as it knows none of that name.
pub(super) fn widened(interface: &RuntimeInterface) -> RuntimeInterface {
    let mut reader = Reader::default();
    for line in LIST.lines() {
        reader.line(line).expect("a test reads the list");
    }
    let mut widened = interface.clone();
    for (path, module) in reader.modules {
        let known = widened.modules.entry(path).or_default();
        // A package around reviewed modules has no names of its own.
        if known.allowed.is_empty() {
            *known = module;
        }
    }
    widened
}

/// The documentation page of the preset, as Markdown: the list as a table, and what is said of it by hand.
pub fn page() -> String {
    let rows: String = LIST.lines().filter_map(row).collect();
    PAGE.replace("{rows}", &rows)
}

/// A line of the list as a row of the table.
fn row(line: &str) -> Option<String> {
    let mut words = line.split(' ');
    let (module, sign) = (words.next()?, words.next()?);
    let use_of = match (module, sign) {
        ("#", _) => return None,
        (_, "~") => ", called where they stand, without a directory, prefix, suffix or buffering of one's own",
        _ => "",
    };
    let names: Vec<_> = words.map(|name| format!("`{name}`")).collect();
    Some(format!("| `{module}` | {}{use_of} |\n", names.join(", ")))
}

const PAGE: &str = include_str!("../../data/compatible.md");

/// Where files may lie under the preset.
const PRIVATE: &str = "/tmp/";

/// Whether a path, as code writes it, names a file below the private `/tmp`: no step leads up, so that none leads out.
pub(crate) fn is_private_path(path: &str) -> bool {
    let Some(below) = path.strip_prefix(PRIVATE) else { return false };
    !below.is_empty() && !below.contains('\0') && below.split('/').all(|step| !matches!(step, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_well_formed_and_opens_nothing_else() {
        let strict = RuntimeInterface::committed((3, 11));
        let widened = widened(&strict);
        let mut opened: Vec<_> =
            widened.modules.iter().filter(|(path, module)| strict.modules.get(*path) != Some(*module)).map(|(path, _)| path).collect();
        opened.sort();
        assert_eq!(opened, ["os", "os.path", "socket", "sys", "tempfile"]);
    }

    #[test]
    fn a_private_path_leads_nowhere_else() {
        let check = |path: &str, expected: bool| assert_eq!(is_private_path(path), expected, "{path:?}");
        check("/tmp/a", true);
        check("/tmp/a/b.txt", true);
        check("/tmp/..a", true);
        for path in [
            "",
            "/tmp",
            "/tmp/",
            "/tmp//a",
            "/tmp/../etc/passwd",
            "/tmp/a/..",
            "/tmp/./a",
            "tmp/a",
            "/tmpa",
            "//tmp/a",
            "/etc/passwd",
            "/tmp/a\0",
            " /tmp/a",
        ] {
            check(path, false);
        }
    }
}
