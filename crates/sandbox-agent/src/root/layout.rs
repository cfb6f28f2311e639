//! Checks a layout before anything is mounted: every path absolute and plain, and none where children cannot see it.

use std::path::{Component, Path};

use sandbox_protocol::control::Layout;

use crate::fault::Fault;

/// Top-level directories of the sandbox that are not the runtime's.
const TAKEN: [&str; 5] = ["dev", "proc", "sys", "tmp", "zona"];

/// Refuses a layout that cannot become a root.
///
/// # Errors
/// The first path that cannot be used, and why.
pub fn check(layout: &Layout) -> Result<(), Fault> {
    let links = layout.links.iter().map(|(path, _)| path);
    for path in layout.read_only.iter().chain(&layout.packages).chain(links).chain([&layout.python]) {
        check_path(path).map_err(|problem| Fault::new("layout", format!("{path:?} {problem}")))?;
    }
    Ok(())
}

fn check_path(path: &str) -> Result<(), String> {
    let mut components = Path::new(path).components();
    if path.contains('\0') || components.next() != Some(Component::RootDir) {
        return Err("is not an absolute path".to_owned());
    }
    let names: Option<Vec<&str>> = components.map(plain_name).collect();
    match names.as_deref() {
        None => Err("has `..` in it".to_owned()),
        Some([]) => Err("is the whole file system".to_owned()),
        Some([first, ..]) if TAKEN.contains(first) => {
            Err(format!("lies in /{first}, which is the sandbox's own: install the runtime elsewhere"))
        }
        Some(_) => Ok(()),
    }
}

fn plain_name(component: Component<'_>) -> Option<&str> {
    match component {
        Component::Normal(name) => name.to_str(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_absolute_paths_are_accepted() {
        for path in ["/usr/lib/python3.11", "/opt/python/bin/python3", "/lib64"] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn paths_that_leave_or_cover_the_sandbox_are_refused() {
        for path in ["", "usr", "/", "/usr/../etc", "/tmp/python", "/zona/x", "/dev/sda", "/proc", "/a\0b"] {
            assert!(check_path(path).is_err(), "{path:?} was accepted");
        }
    }
}
