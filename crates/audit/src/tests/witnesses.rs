//! Cosignatures: only a witness that is known, only of this text, and only at the time that it says.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::*;

/// Somebody who cosigns, written as C2SP has it.
struct Witness {
    name: &'static str,
    pair: Ed25519KeyPair,
}

impl Witness {
    fn new(name: &'static str, seed: u8) -> Self {
        Witness { name, pair: Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap() }
    }

    fn id(&self) -> [u8; 4] {
        let text = [self.name.as_bytes(), b"\n\x04", self.pair.public_key().as_ref()].concat();
        Sha256::digest(text)[..4].try_into().unwrap()
    }

    fn key(&self) -> WitnessKey {
        let key = STANDARD.encode([b"\x04", self.pair.public_key().as_ref()].concat());
        format!("{}+{:08x}+{key}", self.name, u32::from_be_bytes(self.id())).parse().unwrap()
    }

    fn line(&self, note: &str, time: u64) -> String {
        let text = &note[..note.find("\n\n").unwrap() + 1];
        let signature = self.pair.sign(format!("cosignature/v1\ntime {time}\n{text}").as_bytes());
        let bytes = [&self.id()[..], &time.to_be_bytes(), signature.as_ref()].concat();
        format!("\u{2014} {} {}\n", self.name, STANDARD.encode(bytes))
    }
}

fn checkpoint(size: u64) -> String {
    Checkpoint { origin: ORIGIN.to_owned(), size, root: grown(size).1.root() }.sign(&key().named(ORIGIN))
}

#[test]
fn a_cosignature_is_added_once_the_newest_of_each_witness_and_the_log_still_opens_its_note() {
    let (one, two) = (Witness::new("one.example", 1), Witness::new("two.example", 2));
    let known = [one.key(), two.key()];
    let bare = checkpoint(5);
    let first = cosign(&known, &bare, &one.line(&bare, 100)).unwrap();
    let both = cosign(&known, &first, &two.line(&bare, 200)).unwrap();
    assert_eq!(both, format!("{bare}{}{}", one.line(&bare, 100), two.line(&bare, 200)));
    assert_eq!(cosign(&known, &both, &one.line(&bare, 100)), Ok(both.clone()), "it is there already");
    assert_eq!(cosign(&known, &both, &one.line(&bare, 99)), Ok(both.clone()), "there is a newer one");
    let newer = cosign(&known, &both, &one.line(&bare, 101)).unwrap();
    assert_eq!((one.key().cosigned(&newer), two.key().cosigned(&newer)), (Ok(Some(101)), Ok(Some(200))));
    assert_eq!(newer.lines().count(), both.lines().count());
    assert_eq!(cosign(&known, &bare, &(one.line(&bare, 100) + &two.line(&bare, 200))), Ok(both), "both at once");
    assert!(Checkpoint::open(&[key().named(ORIGIN).verifier()], &newer).is_ok());
}

#[test]
fn what_is_no_cosignature_by_a_known_witness_of_this_very_text_is_refused() {
    let (one, stranger) = (Witness::new("one.example", 1), Witness::new("two.example", 2));
    let (bare, other) = (checkpoint(5), checkpoint(6));
    let add = |lines: &str| cosign(&[one.key()], &bare, lines).unwrap_err();
    assert_eq!(add(&stranger.line(&bare, 100)), CosignatureError::Unknown);
    assert_eq!(add(&Witness::new("one.example", 2).line(&bare, 100)), CosignatureError::Unknown, "its name, another key");
    assert_eq!(add(&one.line(&other, 100)), CosignatureError::Signature);
    assert_eq!(add(&(one.line(&bare, 100) + &stranger.line(&bare, 100))), CosignatureError::Unknown, "all or none");
    let (log, plain) = (&bare[bare.find("\n\n").unwrap() + 2..], one.line(&bare, 100));
    assert_eq!(add(log), CosignatureError::Unknown, "the log is no witness of itself");
    for malformed in ["", "\n", plain.trim_end(), "one.example AAAA\n", &format!("{plain}\n"), &plain.replace(' ', "")] {
        assert_eq!(add(malformed), CosignatureError::Form, "{malformed:?}");
    }
    // Another time is not what was signed.
    let bytes = STANDARD.decode(plain.trim_end().rsplit(' ').next().unwrap()).unwrap();
    for at in 4..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let line = format!("\u{2014} one.example {}\n", STANDARD.encode(changed));
        assert_eq!(add(&line), CosignatureError::Signature, "byte {at}");
    }
}

#[test]
fn keys_of_logs_and_of_witnesses_are_not_taken_for_each_other() {
    let (log, witness) = (key().named(ORIGIN).verifier().to_string(), Witness::new("one.example", 1).key().to_string());
    assert_eq!((log.parse::<WitnessKey>(), witness.parse::<VerifierKey>()), (Err(NoteError::Key), Err(NoteError::Key)));
    assert_eq!(witness.parse::<WitnessKey>().unwrap().to_string(), witness);
}

#[test]
fn an_export_is_held_to_the_witnesses_that_are_demanded() {
    let (one, two) = (Witness::new("one.example", 1), Witness::new("two.example", 2));
    let cosigned = cosign(&[one.key()], &checkpoint(3), &one.line(&checkpoint(3), 100)).unwrap();
    let export = |first: &str| {
        let header = Header::new("acme", ORIGIN, vec![key().named(ORIGIN).verifier().to_string()]).line();
        let lines = |from, to| (from..to).flat_map(|sequence| record_line(&record(sequence)));
        let body = lines(0, 3).chain(checkpoint_line(first)).chain(lines(3, 5)).chain(checkpoint_line(&checkpoint(5)));
        header.into_iter().chain(body).chain(end_line(5)).collect::<Vec<u8>>()
    };
    let verified = |export: Vec<u8>, witnesses: &[&Witness]| {
        let witnesses = witnesses.iter().map(|witness| witness.key()).collect();
        verify(export.as_slice(), &Known { witnesses, ..Known::default() }).unwrap()
    };
    let report = verified(export(&cosigned), &[&one]);
    assert_eq!((report.faults.as_slice(), report.unknown_signatures), ([].as_slice(), 0));
    assert_eq!(report.witnessed, [Witnessed { witness: one.key().to_string(), records: 3, time: 100 }]);
    let report = verified(export(&cosigned), &[&one, &two]);
    assert_eq!(report.faults, [Fault::Unwitnessed { witness: two.key().to_string() }]);
    assert_eq!(verified(export(&cosigned), &[]).unknown_signatures, 1);
    let forged = format!("{}{}", checkpoint(3), one.line(&checkpoint(4), 100));
    let faults = verified(export(&forged), &[&one]).faults;
    assert_eq!(
        faults,
        [Fault::Cosignature { line: 5, witness: one.key().to_string() }, Fault::Unwitnessed { witness: one.key().to_string() }]
    );
}
