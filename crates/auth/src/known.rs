//! Signatures that were found to be a key's own. Whether they are never changes, and finding it out is most of what a call with a token
//! costs; everything else about a token is looked at on each call.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::algorithm::Algorithm;

/// Signatures of one generation; two are kept. More than the tokens that are shown within the life of one.
const MAX: usize = 8_192;

/// What was signed, by what and how, as SHA-256.
type Signed = [u8; 32];

/// Signatures of one key, those that were not asked for lately forgotten first.
#[derive(Default)]
pub(crate) struct KnownSignatures(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashSet<Signed>,
    old: HashSet<Signed>,
}

impl KnownSignatures {
    /// Whether the signature is the key's own; `verify` finds it out where that is not known. One that is not is never kept.
    pub(crate) fn is_own(&self, message: &str, signature: &str, algorithm: Algorithm, verify: impl FnOnce() -> bool) -> bool {
        let signed = hash(message, signature, algorithm);
        if self.generations(|generations| generations.find(&signed)) {
            return true;
        }
        let own = verify();
        if own {
            self.generations(|generations| generations.keep(signed));
        }
        own
    }

    fn generations<T>(&self, work: impl FnOnce(&mut Generations) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Generations {
    fn find(&mut self, signed: &Signed) -> bool {
        if self.young.contains(signed) {
            return true;
        }
        let found = self.old.remove(signed);
        if found {
            self.keep(*signed);
        }
        found
    }

    fn keep(&mut self, signed: Signed) {
        if self.young.len() >= MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(signed);
    }
}

/// No two inputs are the same bytes: what is signed and its signature hold no blank.
fn hash(message: &str, signature: &str, algorithm: Algorithm) -> Signed {
    let mut hash = Sha256::new();
    for part in [algorithm.name(), " ", message, " ", signature] {
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(known: &KnownSignatures, message: &str, signature: &str, algorithm: Algorithm, own: bool) -> (bool, bool) {
        let mut verified = false;
        let said = known.is_own(message, signature, algorithm, || {
            verified = true;
            own
        });
        (said, verified)
    }

    #[test]
    fn only_what_was_verified_is_known_and_nothing_that_differs_from_it() {
        let known = KnownSignatures::default();
        assert_eq!(ask(&known, "a.b", "c", Algorithm::EdDsa, false), (false, true));
        assert_eq!(ask(&known, "a.b", "c", Algorithm::EdDsa, true), (true, true), "a refusal is not kept");
        assert_eq!(ask(&known, "a.b", "c", Algorithm::EdDsa, false), (true, false));
        for (message, signature, algorithm) in
            [("a.b", "d", Algorithm::EdDsa), ("a.c", "c", Algorithm::EdDsa), ("a.b", "c", Algorithm::Es256)]
        {
            assert_eq!(ask(&known, message, signature, algorithm, false), (false, true), "{message} {signature}");
        }
    }

    #[test]
    fn what_is_asked_for_stays_known_and_the_rest_is_forgotten() {
        let known = KnownSignatures::default();
        let show = |number: usize, own| ask(&known, &number.to_string(), "s", Algorithm::EdDsa, own);
        for number in 0..4 * MAX {
            assert_eq!(show(number, true), (true, true));
            assert_eq!(show(0, true), (true, false), "it is asked for all the time");
        }
        assert_eq!(show(1, true), (true, true));
        let kept = known.generations(|generations| generations.young.len() + generations.old.len());
        assert!(kept <= 2 * MAX, "{kept}");
    }
}
