//! Merging two texts that come from a third, and where they cannot be merged.

use diffy::{ConflictStyle, IncompleteHunkStyle, MergeOptions};

use crate::utility::diff::Lines;

/// A text that is merged has fewer lines than this: the work grows with them, times those that have changed.
const MAX_LINES: usize = 20_000;
/// And fewer than this were changed on each side: the work grows with their square, and the library knows no deadline.
const MAX_CHANGED_LINES: u32 = 2_000;
/// Characters of a mark in a merged text, unless the text itself has lines that begin so.
const MARK: usize = 7;
/// A mark has no more than these: four of them stand in each conflict, and a line of code may begin with 64 KiB of what marks consist of.
const MAX_MARK: usize = 128;

/// What two texts become together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The merged text. Where both sides have changed the same lines, ours, the original ones and theirs stand in it between marks.
    pub text: String,
    /// Where they do, ascending.
    pub conflicts: Vec<Conflict>,
}

/// Lines of a merged text, from 1 and the marks included, that somebody has to decide about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict {
    /// The mark above.
    pub first_line: u32,
    /// The mark below.
    pub last_line: u32,
}

/// Merges what `ours` and `theirs` have made of `base`; `None` where one of them is too long, has changed too much, or has lines that look
/// like marks longer than any that are made.
pub(super) fn merge(base: &str, ours: &str, theirs: &str) -> Option<Merge> {
    merge_compared(base, ours, theirs, || [ours, theirs].map(|text| Lines::between(base, text, ("", "")).changed()))
}

/// As [`merge`], for whoever knows how many lines each side has changed.
pub(super) fn merge_compared(base: &str, ours: &str, theirs: &str, changed: impl FnOnce() -> [u32; 2]) -> Option<Merge> {
    if let Some(text) = without_merging(base, ours, theirs) {
        return Some(Merge { text: text.to_owned(), conflicts: Vec::new() });
    }
    let texts = [base, ours, theirs];
    if !texts.into_iter().all(is_short) || changed().into_iter().any(|lines| lines >= MAX_CHANGED_LINES) {
        return None;
    }
    let mark = texts.into_iter().map(longest_mark).max().unwrap_or_default().max(MARK - 1) + 1;
    if mark > MAX_MARK {
        return None;
    }
    let mut options = MergeOptions::new();
    options.set_conflict_marker_length(mark);
    options.set_conflict_style(ConflictStyle::Diff3).set_incomplete_hunk_style(IncompleteHunkStyle::Git);
    Some(match options.merge(base, ours, theirs) {
        Ok(text) => Merge { text, conflicts: Vec::new() },
        Err(text) => Merge { conflicts: conflicts(&text, mark), text },
    })
}

/// What becomes of them where one side has changed nothing, or both the same.
fn without_merging<'a>(base: &str, ours: &'a str, theirs: &'a str) -> Option<&'a str> {
    match (ours == base || ours == theirs, theirs == base) {
        (true, _) => Some(theirs),
        (false, true) => Some(ours),
        (false, false) => None,
    }
}

fn is_short(text: &str) -> bool {
    text.bytes().filter(|byte| *byte == b'\n').count() < MAX_LINES
}

/// The most characters with which a line begins as a mark does.
fn longest_mark(text: &str) -> usize {
    let run = |line: &str| {
        let first = line.bytes().next().filter(|byte| b"<|=>".contains(byte));
        first.map_or(0, |first| line.bytes().take_while(|byte| *byte == first).count())
    };
    text.lines().map(run).max().unwrap_or_default()
}

fn conflicts(text: &str, mark: usize) -> Vec<Conflict> {
    let (above, below) = ("<".repeat(mark), ">".repeat(mark));
    let mut found = Vec::new();
    for (line, number) in text.split('\n').zip(1..) {
        if line.starts_with(&above) {
            found.push(Conflict { first_line: number, last_line: number });
        } else if line.starts_with(&below)
            && let Some(last) = found.last_mut()
        {
            last.last_line = number;
        }
    }
    found
}

#[cfg(test)]
mod tests;
