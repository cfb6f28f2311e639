//! The algorithms of signatures that an issuer may use: asymmetric ones only. There is deliberately no `none` and nothing with a shared
//! secret, so neither can be configured or named by a token.

use jsonwebtoken::Algorithm as Library;

/// An algorithm of signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as RFC 7518 and RFC 8037 name them")]
pub enum Algorithm {
    EdDsa,
    Es256,
    Es384,
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
}

/// A type of keys, which says which algorithms a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Ed25519,
    P256,
    P384,
    Rsa,
}

impl Algorithm {
    /// Every one, by its name in tokens.
    pub const NAMES: [(&'static str, Algorithm); 9] = [
        ("EdDSA", Algorithm::EdDsa),
        ("ES256", Algorithm::Es256),
        ("ES384", Algorithm::Es384),
        ("RS256", Algorithm::Rs256),
        ("RS384", Algorithm::Rs384),
        ("RS512", Algorithm::Rs512),
        ("PS256", Algorithm::Ps256),
        ("PS384", Algorithm::Ps384),
        ("PS512", Algorithm::Ps512),
    ];

    /// The algorithm of this name, spelled exactly so.
    pub fn named(name: &str) -> Option<Self> {
        Algorithm::NAMES.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
    }

    pub(crate) fn name(self) -> &'static str {
        let named = Algorithm::NAMES.iter().find(|(_, algorithm)| *algorithm == self);
        named.map(|(name, _)| *name).expect("each has a name")
    }

    pub(crate) const fn family(self) -> Family {
        match self {
            Algorithm::EdDsa => Family::Ed25519,
            Algorithm::Es256 => Family::P256,
            Algorithm::Es384 => Family::P384,
            Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512 | Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 => Family::Rsa,
        }
    }

    pub(crate) const fn of_library(self) -> Library {
        match self {
            Algorithm::EdDsa => Library::EdDSA,
            Algorithm::Es256 => Library::ES256,
            Algorithm::Es384 => Library::ES384,
            Algorithm::Rs256 => Library::RS256,
            Algorithm::Rs384 => Library::RS384,
            Algorithm::Rs512 => Library::RS512,
            Algorithm::Ps256 => Library::PS256,
            Algorithm::Ps384 => Library::PS384,
            Algorithm::Ps512 => Library::PS512,
        }
    }
}
