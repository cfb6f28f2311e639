//! What the parts promise together: trees and tiles agree, proofs prove, notes cannot be forged, and no tampering stays unseen.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::hash::{empty_root, node_hash};
use crate::*;

mod proofs;
mod tampering;
mod witnesses;

const ORIGIN: &str = "zona.dev/audit/test/tenants/acme";

pub(crate) fn record(sequence: u64) -> Vec<u8> {
    format!(r#"{{"action":"utility.get","sequence":{sequence},"tenant":"acme","v":1}}"#).into_bytes()
}

pub(crate) fn key() -> Key {
    Key::from_seed(&[7; 32])
}

/// Tiles and tree of the first `size` records.
fn grown(size: u64) -> (Tiles, Tree) {
    let (mut tiles, mut tree) = (Tiles::default(), Tree::default());
    for sequence in 0..size {
        tiles.push(sequence, leaf_hash(&record(sequence)));
        tree.push(&record(sequence));
    }
    (tiles, tree)
}

/// MTH of RFC 6962, written as it stands there.
fn root_by_definition(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let middle = leaves.len().next_power_of_two() / 2;
            node_hash(&root_by_definition(&leaves[..middle]), &root_by_definition(&leaves[middle..]))
        }
    }
}

#[test]
fn a_tree_has_the_root_that_rfc_6962_defines_at_every_size() {
    let (mut tree, mut leaves) = (Tree::default(), Vec::new());
    for sequence in 0..600 {
        assert_eq!(tree.root(), root_by_definition(&leaves), "{sequence}");
        tree.push(&record(sequence));
        leaves.push(leaf_hash(&record(sequence)));
    }
}

#[test]
fn tiles_give_the_tree_of_every_size_that_they_have_grown_through() {
    let (mut tiles, mut tree) = (Tiles::default(), Tree::default());
    for sequence in 0..70_000_u64 {
        // Around full tiles of both levels, and here and there.
        let near = [0, 256, 512, 65_536].iter().any(|edge: &u64| edge.abs_diff(sequence) < 3);
        if near || sequence.is_multiple_of(997) {
            assert_eq!(tiles.tree(sequence), Some(tree.clone()), "{sequence}");
        }
        let leaf = leaf_hash(&sequence.to_be_bytes());
        tiles.push(sequence, leaf);
        tree.push_hash(leaf);
    }
}

#[test]
fn what_grows_of_a_tree_is_enough_to_know_its_root_and_to_go_on() {
    for size in [0, 1, 255, 256, 257, 300, 511, 512, 70_000_u64] {
        let (mut all, mut tree) = (Tiles::default(), Tree::default());
        for sequence in 0..size {
            all.push(sequence, leaf_hash(&record(sequence)));
            tree.push(&record(sequence));
        }
        let mut growing = Tiles::default();
        for id in TileId::growing(size) {
            let (_, hashes) = all.clone().into_tiles().find(|(found, _)| *found == id).expect("it has hashes already");
            assert_eq!(hashes.len(), id.width(size) * 32, "{id:?} of {size}");
            growing.insert(id, hashes);
        }
        for sequence in size..size + 300 {
            assert_eq!(growing.tree(sequence), Some(tree.clone()), "{sequence} after {size}");
            growing.push(sequence, leaf_hash(&record(sequence)));
            tree.push(&record(sequence));
        }
    }
}

#[test]
fn paths_are_those_of_tlog_tiles() {
    let tile = |level, index| TileId { level, index };
    assert_eq!(tile_path(tile(0, 0), 256), "tile/0/000");
    assert_eq!(tile_path(tile(0, 1_234_067), 256), "tile/0/x001/x234/067");
    assert_eq!(tile_path(tile(1, 70), 17), "tile/1/070.p/17");
    assert_eq!(tile_path(tile(0, 1_000), 3), "tile/0/x001/000.p/3");
}

#[test]
fn a_note_opens_with_its_key_only_and_not_once_it_was_changed() {
    let signed = key().named("acme.example/log").sign("some text\nsecond line\n");
    let verifier = key().named("acme.example/log").verifier();
    let open = |keys: &[VerifierKey], note: &str| VerifierKey::open(keys, note).map(str::to_owned);
    assert_eq!(open(std::slice::from_ref(&verifier), &signed).as_deref(), Ok("some text\nsecond line\n"));
    assert_eq!(verifier.to_string().parse(), Ok(verifier.clone()));
    assert_eq!(verifier.name(), "acme.example/log");
    let others = [key().named("acme.example/other").verifier(), Key::from_seed(&[8; 32]).named("acme.example/log").verifier()];
    assert_eq!(open(&others, &signed), Err(NoteError::UnknownKey));
    assert_eq!(open(&[], &signed), Err(NoteError::UnknownKey));
    for index in 0..signed.len() {
        let mut bytes = signed.clone().into_bytes();
        bytes[index] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        assert!(open(std::slice::from_ref(&verifier), &changed).is_err(), "byte {index}: {changed}");
    }
}

#[test]
fn a_private_key_survives_its_text_and_nothing_else_is_one() {
    let (key, text) = Key::generate();
    let signed = |key: &Key| key.named("acme.example/log").sign("text\n");
    assert_eq!(signed(&Key::read(&text).unwrap()), signed(&key));
    assert_ne!(signed(&Key::generate().0), signed(&key));
    for bad in ["", "zona-audit-key-1:", "zona-audit-key-1:AAAA\n", text.trim_end(), &text.replace("key-1", "key-2")] {
        assert!(matches!(Key::read(bad), Err(NoteError::Secret)), "{bad:?}");
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let good = key().named("acme.example/log").verifier().to_string();
    let (name, rest) = good.split_once('+').unwrap();
    for bad in ["", "a", "a+b", &format!("other+{rest}"), &format!("{name}+00000000+AQID"), &good[..good.len() - 4], &format!("{good} ")] {
        assert_eq!(bad.parse::<VerifierKey>(), Err(NoteError::Key), "{bad}");
    }
}

#[test]
fn a_checkpoint_survives_its_note_and_nothing_else_is_taken_for_one() {
    let (_, tree) = grown(5);
    let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size: 5, root: tree.root() };
    let key = key();
    let (signer, keys) = (key.named(ORIGIN), [key.named(ORIGIN).verifier()]);
    assert_eq!(Checkpoint::open(&keys, &checkpoint.sign(&signer)), Ok(checkpoint));
    let root = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for text in [
        "x\n",
        "x\n5\n",
        &format!("\n5\n{root}\n"),
        &format!("x\n05\n{root}\n"),
        &format!("x\n+5\n{root}\n"),
        &format!("x\n5\n{root}\nmore\n"),
        "x\n5\nAAAA\n",
    ] {
        assert_eq!(Checkpoint::open(&keys, &signer.sign(text)), Err(Malformed::Text), "{text}");
    }
}
