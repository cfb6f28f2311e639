//! The proto contract: its style, and that nobody who was built against the accepted one breaks. The accepted contract is the
//! committed image `proto/accepted.binpb`; it changes only by [`accept`], which writes the change into the changelog.

use std::{fs, process::Command};

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

use crate::{
    process::{path_with, run},
    setup::Tool,
    workspace::Workspace,
};

/// The accepted contract, as a file descriptor set without sources.
pub const ACCEPTED: &str = "proto/accepted.binpb";

const CHANGELOG: &str = "CHANGELOG.md";
/// Below this line of the changelog stand the accepted contracts, newest first.
const HEADING: &str = "### Contract\n\n";

/// Style and comments.
///
/// # Errors
/// When buf finds something.
pub fn lint(mut buf: Command) -> anyhow::Result<()> {
    run(buf.arg("lint"))
}

/// Compatibility with the accepted contract.
///
/// # Errors
/// When buf finds a breaking change.
pub fn breaking(mut buf: Command) -> anyhow::Result<()> {
    run(buf.args(["breaking", "--against", ACCEPTED]))
}

/// Makes the current protos the accepted contract and notes it in the changelog.
///
/// # Errors
/// When buf refuses the protos or the changelog has no place for the note.
pub fn accept(workspace: &Workspace, note: &str) -> anyhow::Result<()> {
    let directory = Tool::Buf.install(workspace)?;
    let mut buf = Command::new("buf");
    buf.current_dir(&workspace.root).env("PATH", path_with([directory.as_path()])?);
    run(buf.args(["build", "--exclude-source-info", "-o", ACCEPTED]))?;
    let mark = mark(&fs::read(workspace.path(ACCEPTED))?);
    let path = workspace.path(CHANGELOG);
    let changelog = fs::read_to_string(&path).with_context(|| format!("failed to read {CHANGELOG}"))?;
    if changelog.contains(&mark) {
        println!("{ACCEPTED} is unchanged ({mark})");
        return Ok(());
    }
    fs::write(&path, with_note(&changelog, &mark, note)?)?;
    println!("{ACCEPTED} is now {mark}; commit it together with {CHANGELOG}");
    Ok(())
}

/// What the changelog calls a contract: the start of its hash.
pub fn mark(image: &[u8]) -> String {
    Sha256::digest(image).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

fn with_note(changelog: &str, mark: &str, note: &str) -> anyhow::Result<String> {
    let Some((before, after)) = changelog.split_once(HEADING) else {
        bail!("{CHANGELOG} has no heading `{}`", HEADING.trim());
    };
    Ok(format!("{before}{HEADING}- `{mark}`: {note}\n{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_stands_first_under_the_contract_heading() {
        let changed = with_note("# Log\n\n### Contract\n\n- `old`: was\n", "abc", "adds X").expect("the heading is there");
        assert_eq!(changed, "# Log\n\n### Contract\n\n- `abc`: adds X\n- `old`: was\n");
    }

    #[test]
    fn a_changelog_without_the_heading_is_refused() {
        assert!(with_note("# Log\n", "abc", "adds X").is_err());
    }

    #[test]
    fn different_contracts_have_different_marks() {
        assert_ne!(mark(b"a"), mark(b"b"));
        assert_eq!(mark(b"").len(), 12);
    }
}
