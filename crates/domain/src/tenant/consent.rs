//! What a tenant has agreed to, beside what it accepts one by one.

use crate::name::PrincipalName;
use crate::time::Timestamp;

/// What a tenant has agreed to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TenantConsent {
    /// Whether others may offer it shares.
    pub offers: ShareOffers,
    /// The version of the terms that it has agreed to, as whoever runs the installation calls it; empty for none.
    pub terms_version: String,
    /// Who said so last, and when; `None` where nobody has said anything.
    pub said: Option<(PrincipalName, Timestamp)>,
}

/// Whether others may offer a tenant shares. Each offer gives nothing until it is accepted, in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ShareOffers {
    /// They may.
    #[default]
    Taken,
    /// To them it is as if there were no such tenant.
    Refused,
}

impl TenantConsent {
    /// The same as said by somebody, where that is another thing than was said before.
    pub(super) fn said_after(self, before: &TenantConsent, by: &PrincipalName, now: Timestamp) -> Self {
        let is_same = (self.offers, &self.terms_version) == (before.offers, &before.terms_version);
        TenantConsent { said: if is_same { before.said.clone() } else { Some((by.clone(), now)) }, ..self }
    }
}

impl ShareOffers {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            ShareOffers::Taken => "taken",
            ShareOffers::Refused => "refused",
        }
    }
}
