//! Merges, and where their conflicts are said to be.

use super::*;

const BASE: &str = "a\nb\nc\nd\ne\n";

fn check(ours: &str, theirs: &str, expected: &str) {
    assert_eq!(merge(BASE, ours, theirs), Some(Merge { text: expected.to_owned(), conflicts: Vec::new() }));
}

#[test]
fn what_one_side_alone_has_changed_is_taken() {
    check(BASE, BASE, BASE);
    check("a\nB\nc\nd\ne\n", BASE, "a\nB\nc\nd\ne\n");
    check(BASE, "a\nb\nc\nd\nE\n", "a\nb\nc\nd\nE\n");
    check("A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\nf\n", "A\nb\nc\nd\nE\nf\n");
    check("a\nB\nc\nd\ne\n", "a\nB\nc\nd\ne\n", "a\nB\nc\nd\ne\n");
}

#[test]
fn what_both_have_changed_stands_between_marks_whose_lines_are_named() {
    let merged = merge(BASE, "a\nours\nc\nd\ne\n", "a\ntheirs\nc\nd\nE\n").unwrap();
    let lines: Vec<&str> = merged.text.lines().collect();
    let [Conflict { first_line, last_line }] = merged.conflicts[..] else { panic!("{merged:?}") };
    let between = &lines[first_line as usize - 1..last_line as usize];
    assert!(between[0].starts_with("<<<<<<<") && between[between.len() - 1].starts_with(">>>>>>>"), "{between:?}");
    assert!(["ours", "b", "theirs"].iter().all(|line| between.contains(line)), "{between:?}");
    assert_eq!((lines[0], lines[lines.len() - 1]), ("a", "E"), "the rest is merged");
}

#[test]
fn marks_in_the_texts_are_not_taken_for_marks_of_the_merge() {
    let marked = "<<<<<<<<< not a mark\n>>>>>>>>> nor this\n";
    let (ours, theirs) = (format!("{marked}ours\n"), format!("{marked}theirs\n"));
    let merged = merge(&format!("{marked}base\n"), &ours, &theirs).unwrap();
    let [conflict] = merged.conflicts[..] else { panic!("{merged:?}") };
    assert_eq!(conflict.first_line, 3, "{}", merged.text);
    assert!(merged.text.lines().nth(2).unwrap().starts_with("<<<<<<<<<<"), "{}", merged.text);
}

#[test]
fn a_last_line_without_an_end_is_marked_like_any_other() {
    let merged = merge("base", "ours", "theirs").unwrap();
    let [Conflict { first_line: 1, last_line }] = merged.conflicts[..] else { panic!("{merged:?}") };
    assert!(merged.text.lines().nth(last_line as usize - 1).unwrap().starts_with(">>>>>>>"), "{}", merged.text);
}

#[test]
fn a_text_of_too_many_lines_or_changes_is_merged_only_where_one_side_alone_has_changed_it() {
    let lines = |number: usize, first: &str, last: &str| format!("{first}\n{}{last}\n", "x\n".repeat(number - 2));
    let long = |first, last| lines(MAX_LINES, first, last);
    assert_eq!(merge(&long("a", "b"), &long("A", "b"), &long("a", "B")), None);
    let (base, theirs) = (long("a", "b"), long("a", "B"));
    assert_eq!(merge(&base, &base, &theirs).map(|merged| merged.text), Some(theirs.clone()));
    assert_eq!(merge(&base, &theirs, &base).map(|merged| merged.text), Some(theirs));
    let fits = |first, last| lines(MAX_LINES - 1, first, last);
    assert_eq!(merge(&fits("a", "b"), &fits("A", "b"), &fits("a", "B")).map(|merged| merged.text), Some(fits("A", "B")));

    // Each changed line is one that has gone and one that came.
    let line = |number, changed| if number < changed { format!("{number} is another\n") } else { format!("{number}\n") };
    let other = |changed: usize, last: &str| (0..2_000).map(|number| line(number, changed)).collect::<String>() + last + "\n";
    let half = MAX_CHANGED_LINES as usize / 2;
    assert_eq!(merge(&other(0, "b"), &other(half, "b"), &other(0, "B")), None);
    assert_eq!(merge(&other(0, "b"), &other(0, "B"), &other(half, "b")), None);
    assert_eq!(merge(&other(0, "b"), &other(half - 1, "b"), &other(0, "B")).map(|merged| merged.text), Some(other(half - 1, "B")));
}

#[test]
fn a_text_with_lines_that_look_like_very_long_marks_is_merged_only_where_one_side_alone_has_changed_it() {
    for character in ["<", "|", "=", ">"] {
        let text = |number: usize, line: &str| format!("{}\n{line}\n", character.repeat(number));
        let conflicting = |number| merge(&text(number, "base"), &text(number, "ours"), &text(number, "theirs"));
        let marked = conflicting(MAX_MARK - 1).unwrap();
        let [Conflict { first_line: 2, .. }] = marked.conflicts[..] else { panic!("{marked:?}") };
        assert!(marked.text.lines().nth(1).unwrap().starts_with(&"<".repeat(MAX_MARK)), "{}", marked.text);
        for number in [MAX_MARK, 64 * 1024] {
            assert_eq!(conflicting(number), None);
            let (base, theirs) = (text(number, "base"), text(number, "theirs"));
            assert_eq!(merge(&base, &base, &theirs).map(|merged| merged.text), Some(theirs));
        }
    }
}
