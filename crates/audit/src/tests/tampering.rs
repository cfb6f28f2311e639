//! An export that somebody has tampered with.

use proptest::strategy::ValueTree as _;
use proptest::test_runner::RngAlgorithm;

use super::*;

/// The lines of an export with a checkpoint after each of these numbers of records.
pub(super) fn export(checkpoints: &[u64]) -> Vec<Vec<u8>> {
    signed_export(&key(), checkpoints, record)
}

fn signed_export(key: &Key, checkpoints: &[u64], record: impl Fn(u64) -> Vec<u8>) -> Vec<Vec<u8>> {
    let signer = key.named(ORIGIN);
    let mut lines = vec![Header::new("acme", ORIGIN, vec![signer.verifier().to_string()]).line()];
    let mut tree = Tree::default();
    let last = *checkpoints.last().unwrap();
    for sequence in 0..=last {
        if checkpoints.contains(&sequence) {
            let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size: tree.size(), root: tree.root() };
            lines.push(checkpoint_line(&checkpoint.sign(&signer)));
        }
        if sequence < last {
            lines.push(record_line(&record(sequence)));
            tree.push(&record(sequence));
        }
    }
    lines.push(end_line(last));
    lines
}

/// A record of a removal: its place, call and outcome, and the first record that stays.
type Removal<'a> = (u64, &'a str, &'a str, u64);

/// The lines of an export whose first `gone` of `last` records were removed, as record `says.0` says of the first `says.1`.
fn shortened(gone: u64, last: u64, says: (u64, u64)) -> Vec<Vec<u8>> {
    shortened_as(gone, last, &[(says.0, "one", "ALLOWED", says.1)])
}

fn shortened_as(gone: u64, last: u64, removals: &[Removal<'_>]) -> Vec<Vec<u8>> {
    let removal = |(at, call, outcome, first_kept): &Removal<'_>| {
        let resource = format!("tenants/acme/auditLog/records/{first_kept}");
        let said = format!(r#""call":"{call}","outcome":"{outcome}","resource":"{resource}","sequence":{at}"#);
        format!(r#"{{"action":"audit.remove",{said},"tenant":"acme","v":1}}"#).into_bytes()
    };
    let told = |sequence| removals.iter().find(|(at, ..)| *at == sequence).map_or_else(|| record(sequence), removal);
    let mut lines = signed_export(&key(), &[gone, gone + 3, last], told);
    let removed = records(&lines).into_iter().take(usize::try_from(gone).unwrap()).collect::<Vec<_>>();
    let leaves: Vec<_> = (0..gone).map(|sequence| leaf_hash(&told(sequence))).collect();
    let hashes = leaves.chunks(256).map(removed_line).collect::<Vec<_>>();
    lines.splice(removed[0]..=*removed.last().unwrap(), hashes);
    lines
}

fn faults(lines: &[Vec<u8>], known: &Known) -> Vec<Fault> {
    verify(lines.concat().as_slice(), known).unwrap().faults
}

fn newest(lines: &[Vec<u8>]) -> String {
    verify(lines.concat().as_slice(), &Known::default()).unwrap().newest.unwrap()
}

/// Which lines are records.
fn records(lines: &[Vec<u8>]) -> Vec<usize> {
    (0..lines.len()).filter(|index| lines[*index].starts_with(b"{\"action\"")).collect()
}

#[test]
fn an_untouched_export_has_no_fault() {
    for sizes in [&[0][..], &[1], &[3, 10], &[5, 5, 300, 600]] {
        let report = verify(export(sizes).concat().as_slice(), &Known::default()).unwrap();
        assert_eq!((report.faults, report.records), (vec![], *sizes.last().unwrap()), "{sizes:?}");
        assert_eq!(report.tenant, "acme");
        assert!(report.newest.is_some() && report.checkpoints > 0 && report.keys.len() == 1);
    }
}

#[test]
fn a_thousand_random_tamperings_are_all_found() {
    let whole = export(&[40, 41, 90, 130]);
    let config = Config { failure_persistence: None, rng_algorithm: RngAlgorithm::ChaCha, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let known = Known { checkpoints: vec![newest(&whole)], ..Known::default() };
    let kinds = (0..8_u8, any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1..=255_u8);
    let mut met = [0; 8];
    for round in 0..1_000 {
        let (kind, one, other, flip) = kinds.new_tree(&mut runner).unwrap().current();
        let mut lines = whole.clone();
        let records = records(&lines);
        let (first, second) = (records[one.index(records.len())], records[other.index(records.len())]);
        match kind {
            // Any byte of any line.
            0 => {
                let line = one.index(lines.len());
                let byte = other.index(lines[line].len());
                lines[line][byte] ^= flip;
            }
            1 => drop(lines.remove(first)),
            2 => lines.insert(first, record_line(&record(u64::from(flip)))),
            3 if first != second => lines.swap(first, second),
            // All behind a record, and what is left has a proper end.
            4 => {
                lines.truncate(first);
                lines.push(end_line(records.iter().filter(|index| **index < first).count() as u64));
            }
            // Back to what was whole at an earlier checkpoint.
            5 => lines = export(&[40, 41, 90][..1 + one.index(3)]),
            // One record is another, and everything behind it is numbered and ended as it should be.
            6 => {
                lines[first] = record_line(
                    format!(
                        r#"{{"action":"other","sequence":{},"tenant":"acme","v":1}}"#,
                        records.iter().position(|index| *index == first).unwrap()
                    )
                    .as_bytes(),
                )
            }
            // A checkpoint twice.
            7 => {
                let checkpoints: Vec<_> = (0..lines.len()).filter(|index| lines[*index].starts_with(b"{\"checkpoint\"")).collect();
                let checkpoint = checkpoints[one.index(checkpoints.len())];
                lines.insert(checkpoint, lines[checkpoint].clone());
            }
            _ => continue,
        }
        met[usize::from(kind)] += 1;
        assert!(!faults(&lines, &known).is_empty(), "round {round}, kind {kind}, {first}, {second}, {flip}");
    }
    assert!(met.iter().all(|count| *count > 50), "{met:?}");
}

#[test]
fn each_kind_of_fault_says_what_is_wrong() {
    let whole = export(&[3, 6]);
    let check = |change: &dyn Fn(&mut Vec<Vec<u8>>), expected: &[&str]| {
        let mut lines = whole.clone();
        change(&mut lines);
        let said: Vec<_> = faults(&lines, &Known::default()).iter().map(Fault::to_string).collect();
        assert_eq!(said.len(), expected.len(), "{said:?}");
        assert!(said.iter().zip(expected).all(|(said, expected)| said.contains(expected)), "{said:?} instead of {expected:?}");
    };
    let edited = record_line(br#"{"action":"other","sequence":4,"tenant":"acme","v":1}"#);
    check(&|lines| lines[6].clone_from(&edited), &["over 6 records was signed for others: something was changed from record 3 on"]);
    check(&|lines| lines[0] = b"{}\n".to_vec(), &["the first line is no header"]);
    check(&|lines| drop(lines.pop()), &["something is cut off"]);
    check(&|lines| lines.push(end_line(6)), &["something is cut off, or was added"]);
    check(&|lines| lines.insert(5, lines[4].clone()), &["line 6: a checkpoint over 3 records stood before it already"]);
    check(&|lines| lines[9] = end_line(7), &["the end speaks of 7 records, and there are 6"]);
}

#[test]
fn signatures_by_keys_that_are_not_known_are_counted_and_named() {
    let mut lines = export(&[3, 6]);
    let (known, other) = (key(), Key::from_seed(&[8; 32]));
    let (signer, stranger) = (known.named(ORIGIN), other.named("witness.example"));
    let checkpoint = Checkpoint::open(&[signer.verifier()], &newest(&lines)).unwrap();
    let added = checkpoint.sign(&stranger).rsplit_once("\n\n").unwrap().1.to_owned();
    lines[8] = checkpoint_line(&(checkpoint.sign(&signer) + &added + &added));
    let report = verify(lines.concat().as_slice(), &Known::default()).unwrap();
    assert_eq!((report.faults, report.unknown_signatures, report.unknown_signers.len()), (vec![], 2, 1));
    let named = report.unknown_signers.first().unwrap();
    assert!(stranger.verifier().to_string().starts_with(&format!("{named}+")), "{named}");
}

#[test]
fn what_is_cut_off_at_a_checkpoint_is_found_by_what_was_seen_only() {
    let whole = export(&[3, 6]);
    let mut cut = whole[..5].to_vec();
    cut.push(end_line(3));
    assert_eq!(faults(&cut, &Known::default()), []);
    let seen = Known { checkpoints: vec![newest(&whole)], ..Known::default() };
    assert_eq!(faults(&cut, &seen), [Fault::Rollback { seen: 6, records: 3 }]);
}

#[test]
fn an_older_state_and_one_that_was_written_anew_are_found_by_what_was_seen_before() {
    let now = export(&[4, 9]);
    let seen = Known { checkpoints: vec![newest(&export(&[4])), newest(&now)], ..Known::default() };
    assert_eq!(faults(&now, &seen), []);
    assert_eq!(faults(&export(&[4, 9, 12]), &seen), [], "it has grown since");
    assert_eq!(faults(&export(&[4]), &seen), [Fault::Rollback { seen: 9, records: 4 }]);
    let anew = signed_export(&key(), &[4, 9, 12], |sequence| record(sequence).repeat(1).into_iter().chain(*b" ").collect());
    assert_eq!(faults(&anew, &seen), [Fault::Fork { seen: 4 }, Fault::Fork { seen: 9 }]);
}

#[test]
fn a_forgery_under_another_key_is_found_by_who_knows_the_key() {
    let forged = signed_export(&Key::from_seed(&[8; 32]), &[5], record);
    assert_eq!(faults(&forged, &Known::default()), [], "whoever trusts the file alone trusts the forger");
    let known = Known { keys: vec![key().named(ORIGIN).verifier()], ..Known::default() };
    assert!(matches!(
        faults(&forged, &known)[..],
        [Fault::Checkpoint { cause: Malformed::Note(NoteError::UnknownKey), .. }, Fault::Uncovered { .. }]
    ));
    assert_eq!(faults(&export(&[5]), &known), []);
}

#[test]
fn records_that_the_log_says_were_removed_are_proven_by_their_hashes() {
    for gone in [1, 5, 256, 300] {
        let lines = shortened(gone, 320, (gone + 4, gone));
        let report = verify(lines.concat().as_slice(), &Known::default()).unwrap();
        assert_eq!((report.faults, report.removed, report.records), (vec![], gone, 320));
    }
    // What was seen while they were there is compared all the same.
    let seen = Known { checkpoints: vec![newest(&export(&[4]))], ..Known::default() };
    assert_eq!(faults(&shortened(5, 20, (9, 5)), &seen), []);
    let forked = Known { checkpoints: vec![newest(&signed_export(&key(), &[4], |sequence| record(sequence + 1)))], ..Known::default() };
    assert_eq!(faults(&shortened(5, 20, (9, 5)), &forked), [Fault::Fork { seen: 4 }]);
}

#[test]
fn no_more_may_be_gone_than_removals_have_said_when_they_ended_and_those_that_have_not_may_take() {
    let check = |gone, removals: &[Removal<'_>], said: Option<u64>| {
        let expected: Vec<_> = said.map(|said| Fault::Removed { removed: gone, said }).into_iter().collect();
        assert_eq!(faults(&shortened_as(gone, 20, removals), &Known::default()), expected, "{removals:?}");
    };
    let begun = (9, "one", "INTENT", 8);
    check(8, &[begun], None);
    check(8, &[begun, (12, "another", "ALLOWED", 5)], None);
    check(8, &[begun, (12, "one", "UNKNOWN", 8)], None);
    for outcome in ["ALLOWED", "FAILED", "CANCELLED"] {
        check(5, &[begun, (12, "one", outcome, 5)], None);
        check(8, &[begun, (12, "one", outcome, 5)], Some(5));
        check(8, &[begun, (12, "one", outcome, 5), (14, "another", "INTENT", 8)], None);
    }
}

#[test]
fn records_that_are_gone_and_not_said_to_be_are_found() {
    let removed = |removed, said| [Fault::Removed { removed, said }];
    assert_eq!(faults(&shortened(6, 20, (9, 5)), &Known::default()), removed(6, 5));
    // A removal of what was still to come is none.
    assert_eq!(faults(&shortened(5, 20, (9, 12)), &Known::default()), removed(5, 0));
    let mut other = shortened(5, 20, (9, 5));
    let hash = removed_line(&[leaf_hash(&record(7))]);
    let place = other.iter().position(|line| *line == record_line(&record(7))).unwrap();
    other[place] = hash;
    let line = u64::try_from(place).unwrap() + 1;
    assert_eq!(faults(&other, &Known::default()), [Fault::Gap { line }, Fault::Removed { removed: 6, said: 5 }]);
    let mut edited = shortened(5, 20, (9, 5));
    let leaves: Vec<_> = (0..5).map(|sequence| leaf_hash(&record(sequence + 1))).collect();
    edited[1] = removed_line(&leaves);
    assert!(matches!(faults(&edited, &Known::default())[..], [Fault::Root { after: 0, size: 5 }, ..]));
    for text in ["", "AAAA", "not base64"] {
        let mut wrong = shortened(5, 20, (9, 5));
        wrong[1] = format!("{{\"removed\":\"{text}\"}}\n").into_bytes();
        assert_eq!(faults(&wrong, &Known::default())[0], Fault::Line { line: 2 }, "{text}");
    }
}
