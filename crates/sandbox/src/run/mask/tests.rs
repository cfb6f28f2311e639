//! What is masked, however it comes, compared with a plain model: mark every byte of every occurrence, and write a mask for each run.

use futures_util::FutureExt as _;
use proptest::prelude::*;

use super::*;

const SHORTEST: usize = domain::sandbox::SHORTEST_SECRET;

fn mask(secrets: &[&str]) -> Mask {
    Mask::new(&Secrets::new(secrets.iter().map(|text| (*text).to_owned())))
}

/// The output that comes of these pieces; a pause follows each empty one.
fn streamed(secrets: &[&str], pieces: &[&[u8]]) -> String {
    let (mut stream, mut out) = (mask(secrets).stream().unwrap(), Vec::new());
    for piece in pieces {
        stream.push(piece, &mut out);
        if piece.is_empty() {
            stream.pause(&mut out);
        }
    }
    stream.finish(&mut out);
    String::from_utf8(out).unwrap()
}

fn result(secrets: &[&str], json: &str) -> String {
    mask(secrets).result(JsonText::read(json)).into_string()
}

fn message(secrets: &[&str], text: &str) -> String {
    mask(secrets).failure(Failure { message: text.to_owned(), ..Failure::default() }).message
}

/// The model: every occurrence, and the longest beginning of a pattern that the text ends with.
fn model(patterns: &[String], text: &[u8]) -> Vec<u8> {
    let mut secret = vec![false; text.len()];
    for pattern in patterns.iter().map(String::as_bytes) {
        for start in 0..=text.len().saturating_sub(pattern.len()) {
            if text[start..].starts_with(pattern) {
                secret[start..start + pattern.len()].fill(true);
            }
        }
    }
    let begun = (0..text.len()).find(|start| patterns.iter().any(|pattern| pattern.as_bytes().starts_with(&text[*start..])));
    if let Some(start) = begun.filter(|start| text.len() - start >= SHORTEST) {
        secret[start..].fill(true);
    }
    let mut out = Vec::new();
    for (index, byte) in text.iter().enumerate() {
        if !secret[index] {
            out.push(*byte);
        } else if index == 0 || !secret[index - 1] {
            out.extend_from_slice(MASK.as_bytes());
        }
    }
    out
}

#[test]
fn a_secret_is_masked_wherever_the_pieces_are_cut() {
    for cut in 0..=25 {
        let text = "token=s3cret-value; next\n".as_bytes();
        let (first, second) = text.split_at(cut.min(text.len()));
        assert_eq!(streamed(&["s3cret-value"], &[first, second]), "token=***; next\n", "{cut}");
    }
}

#[test]
fn secrets_that_overlap_or_hold_each_other_leave_nothing() {
    assert_eq!(streamed(&["abcdef", "defghi"], &[b"<abcdefghi>"]), "<***>");
    assert_eq!(streamed(&["abcd", "abcdefgh"], &[b"<abcdefgh> <abcdef>"]), "<***> <***ef>");
    assert_eq!(streamed(&["bcde", "abcdef"], &[b"<abcdex>"]), "<a***x>");
    assert_eq!(streamed(&["aaaa"], &[b"baaaaaac"]), "b***c");
}

#[test]
fn what_cannot_belong_to_a_secret_is_given_out_at_once() {
    let (mut stream, mut out) = (mask(&["s3cret"]).stream().unwrap(), Vec::new());
    stream.push(b"hello", &mut out);
    assert_eq!((out.as_slice(), stream.holds()), (b"hello".as_slice(), 0));
    stream.push(b" s3c", &mut out);
    assert_eq!((out.as_slice(), stream.holds()), (b"hello ".as_slice(), 3));
    stream.push(b"ret", &mut out);
    assert_eq!((out.as_slice(), stream.holds()), (b"hello ***".as_slice(), 0), "a whole one waits for nothing");
}

#[test]
fn a_pause_shows_the_beginning_that_may_be_chance_and_masks_a_longer_one() {
    assert_eq!(streamed(&["s3cret"], &[b"s3c", b"", b"ret!"]), "s3c***!");
    assert_eq!(streamed(&["s3cret"], &[b"s3cre", b"", b"t!"]), "***!");
    assert_eq!(streamed(&["s3cret"], &[b"s3cre", b"", b"am!"]), "***am!");
    assert_eq!(streamed(&["s3cr\u{e9}t"], &[b"s3cr\xc3", b"", b"\xa8!"]), "***\u{e8}!", "no part of a character goes alone");
}

#[test]
fn the_beginning_of_a_secret_at_the_end_is_masked_as_if_it_had_been_cut() {
    assert_eq!(streamed(&["s3cret-value"], &[b"a s3cret"]), "a ***");
    assert_eq!(streamed(&["s3cret-value"], &[b"a s3c"]), "a s3c");
}

#[test]
fn every_form_is_masked_in_output() {
    let secret = "p\"a'ss\\w\u{f6}rd";
    for form in [secret, r#"p\"a'ss\\w\u00f6rd"#, "p\\\"a'ss\\\\w\u{f6}rd", "p\"a\\'ss\\\\w\u{f6}rd", r#"p"a'ss\\w\xf6rd"#] {
        assert_eq!(streamed(&[secret], &[format!("<{form}>").as_bytes()]), "<***>", "{form}");
    }
}

#[test]
fn results_stay_json_and_hold_no_secret_in_texts_names_and_numbers() {
    let secrets = ["s3cret", "31337", "q\"uoted"];
    assert_eq!(result(&secrets, r#"{"a": "x s3cret y", "n": [31337, 313370, 1.50]}"#), r#"{"a": "x *** y", "n": ["***", 313370, 1.50]}"#);
    assert_eq!(
        result(&secrets, r#"["\u0073\u0033cret", "q\"uoted", "{\"k\": \"q\\\"uoted\"}"]"#),
        r#"["***","***", "{\"k\": \"***\"}"]"#.replace("\",\"", "\", \"")
    );
    assert_eq!(result(&secrets, r#"{"s3cret": 1, "31337": 2, "x": {"s3cret": 3}}"#), r#"{"***": 1, "*** (2)": 2, "x": {"***": 3}}"#);
    let untouched = r#"{"s3": ["cret", 3133, 1e400, "…"]}"#;
    assert_eq!(result(&secrets, untouched), untouched);
}

#[test]
fn no_two_names_of_an_object_become_one() {
    let secrets = ["s3cret", "other"];
    for (json, expected) in [
        (r#"{"***": 1, "s3cret": 2}"#, r#"{"***": 1, "*** (2)": 2}"#),
        (r#"{"s3cret": 1, "***": 2}"#, r#"{"***": 1, "*** (2)": 2}"#),
        (r#"{"s3cret": 1, "*** (2)": 2, "other": 3}"#, r#"{"***": 1, "*** (2)": 2, "*** (3)": 3}"#),
        (r#"{"s3cret": 1, "other": 2, "*** (2)": 3}"#, r#"{"***": 1, "*** (2)": 2, "*** (2) (2)": 3}"#),
        (r#"{"\u002a**": 1, "s3cret": 2}"#, r#"{"\u002a**": 1, "*** (2)": 2}"#),
        (r#"{"s3cret": {"***": 1}, "a": {"***": 2}}"#, r#"{"***": {"***": 1}, "a": {"***": 2}}"#),
    ] {
        assert_eq!(result(&secrets, json), expected, "{json}");
    }
}

#[test]
fn a_number_that_is_a_secret_is_masked_as_a_float_too() {
    assert_eq!(result(&["31337"], "[31337.0, 31337.00, 31337.01, 131337.0]"), r#"["***", 31337.00, 31337.01, 131337.0]"#);
    assert_eq!(streamed(&["31337"], &[b"31337.0"]), "***.0");
}

#[test]
fn a_large_mask_is_made_where_nobody_waits_for_the_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let secrets = |bytes: usize| Secrets::new(["s3cret".repeat(bytes / 6), "s3cret".to_owned()]);
    runtime.block_on(async {
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || wait.recv());
        assert!(Mask::of(&secrets(500)).now_or_never().is_some(), "a small one is made at once");
        let large = secrets(60_000);
        let mut making = Box::pin(Mask::of(&large));
        assert!(making.as_mut().now_or_never().is_none(), "the only other thread is busy");
        go.send(()).unwrap();
        busy.await.unwrap().unwrap();
        let (mut stream, mut out) = (making.await.stream().unwrap(), Vec::new());
        stream.push(b"<s3cret>", &mut out);
        assert_eq!(out, b"<***>");
    });
}

#[test]
fn the_words_of_failures_hold_no_secret_and_no_beginning_where_they_were_cut() {
    assert_eq!(message(&["s3cret-value"], "bad token 's3cret-value'"), "bad token '***'");
    assert_eq!(message(&["s3cret-value"], "bad token 's3cret-v…"), "bad token '***…");
    assert_eq!(message(&["s3cret-value"], "bad s3c…\nand s3cret"), "bad s3c…\nand s3cret");
    let failure = Failure { exception: Some("Error".to_owned()), traceback: Some("ValueError: 31337\n".to_owned()), ..Failure::default() };
    assert_eq!(mask(&["31337"]).failure(failure).traceback.as_deref(), Some("ValueError: ***\n"));
}

#[test]
fn without_secrets_nothing_is_looked_for() {
    assert!(mask(&["abc"]).stream().is_none());
    assert_eq!(result(&[], r#"{"***": "…"}"#), r#"{"***": "…"}"#);
}

proptest! {
    /// Few letters, so that beginnings, repetitions and overlaps are frequent.
    #[test]
    fn chunking_never_changes_what_is_masked(
        secrets in prop::collection::vec("[ab]{4,7}|[ab'é]{4,5}", 1..5),
        text in "[ab'é]{0,60}",
        cuts in prop::collection::vec(1usize..9, 1..40),
    ) {
        let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
        let mut pieces = Vec::new();
        let mut rest = text.as_bytes();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        let patterns: Vec<_> = Secrets::new(secrets.iter().map(|secret| (*secret).to_owned())).forms().collect();
        let expected = String::from_utf8_lossy(&model(&patterns, text.as_bytes())).into_owned();
        prop_assert_eq!(streamed(&secrets, &pieces), expected);
    }

    /// Pauses may mask more and never show a whole secret.
    #[test]
    fn no_pause_lets_a_secret_through(text in "[abc]{0,60}", pauses in prop::collection::vec(1usize..6, 1..40)) {
        let mut pieces: Vec<&[u8]> = Vec::new();
        let mut rest = text.as_bytes();
        for pause in pauses.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*pause).min(rest.len()));
            pieces.extend([piece, b""]);
            rest = after;
        }
        let shown = streamed(&["abcab", "ccccc"], &pieces);
        prop_assert!(!shown.contains("abcab") && !shown.contains("ccccc"), "{}", shown);
    }
}
