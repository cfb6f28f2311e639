//! Proofs, checked by the algorithms of RFC 9162 (2.1.3.2 and 2.1.4.2), which share no code with those that make them.

use super::*;

fn verify_inclusion(index: u64, size: u64, leaf: Hash, proof: &[Hash]) -> Option<Hash> {
    let (mut node, mut last, mut root) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            root = node_hash(sibling, &root);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            root = node_hash(&root, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    (last == 0).then_some(root)
}

fn verify_consistency(older: (u64, Hash), newer: (u64, Hash), proof: &[Hash]) -> bool {
    let mut proof = proof.to_vec();
    if older.0.is_power_of_two() {
        proof.insert(0, older.1);
    }
    let Some((first, rest)) = proof.split_first() else { return false };
    let (mut node, mut last) = (older.0 - 1, newer.0 - 1);
    while node & 1 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    let (mut old, mut new) = (*first, *first);
    for hash in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            (old, new) = (node_hash(hash, &old), node_hash(hash, &new));
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            new = node_hash(&new, hash);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && old == older.1 && new == newer.1
}

#[test]
fn every_leaf_is_proven_in_every_tree_and_no_other_leaf_in_its_place() {
    let mut runner = TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let ((tiles, _), roots) = (grown(3_000), roots(3_000));
    let cases = (1..=3_000_u64).prop_flat_map(|size| (0..size, Just(size)));
    runner
        .run(&cases, |(index, size)| {
            let proof = inclusion(&tiles, index, size).expect("every tile is there");
            let leaf = leaf_hash(&record(index));
            prop_assert_eq!(verify_inclusion(index, size, leaf, &proof), Some(roots[size as usize]));
            prop_assert_ne!(verify_inclusion(index, size, leaf_hash(b"another"), &proof), Some(roots[size as usize]));
            Ok(())
        })
        .unwrap();
}

#[test]
fn every_tree_is_proven_to_be_the_beginning_of_every_later_one() {
    let mut runner = TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let ((tiles, _), roots) = (grown(3_000), roots(3_000));
    let at = |size: u64| (size, roots[size as usize]);
    let cases = (1..3_000_u64).prop_flat_map(|newer| (1..=newer, Just(newer)));
    runner
        .run(&cases, |(older, newer)| {
            let proof = consistency(&tiles, older, newer).expect("every tile is there");
            if older == newer {
                prop_assert!(proof.is_empty());
                return Ok(());
            }
            prop_assert!(verify_consistency(at(older), at(newer), &proof), "{older} in {newer}");
            prop_assert!(!verify_consistency((older, [9; 32]), at(newer), &proof), "another beginning of {newer}");
            Ok(())
        })
        .unwrap();
}

/// The root at every size.
fn roots(most: u64) -> Vec<Hash> {
    let mut tree = Tree::default();
    let grow = |sequence: u64| {
        tree.push(&record(sequence));
        tree.root()
    };
    std::iter::once(empty_root()).chain((0..most).map(grow)).collect()
}

#[test]
fn a_proof_says_which_tiles_it_needs_and_is_made_of_nothing_else() {
    let (tiles, tree) = grown(70_000);
    let mut given = Tiles::default();
    let mut asked = 0;
    let proof = loop {
        match inclusion(&given, 12_345, 70_000) {
            Ok(proof) => break proof,
            Err(Missing(ids)) => {
                asked += ids.len();
                assert!(asked < 10, "{ids:?}");
                for (id, hashes) in tiles.clone().into_tiles().filter(|(id, _)| ids.contains(id)) {
                    given.insert(id, hashes);
                }
            }
        }
    };
    assert_eq!(verify_inclusion(12_345, 70_000, leaf_hash(&record(12_345)), &proof), Some(tree.root()));
}
