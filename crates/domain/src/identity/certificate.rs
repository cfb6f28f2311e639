//! Certificates of clients: which service account one is about. An authority that the operator trusts has signed it, so what it says is
//! believed; only what it says is read here.

use std::collections::HashMap;

use crate::access::{ClientCertificate, Credential, CredentialKind};
use crate::identity::Principal;
use crate::name::{PrincipalKind, PrincipalName};
use crate::time::Timestamp;

/// What a URI begins with that names an account of Zona itself; the account's full name follows.
const SCHEME: &str = "zona://";

/// Which service account a certificate is about.
#[derive(Debug, Clone, Default)]
pub struct CertificateNames {
    /// By URIs that the configuration names, letter by letter.
    given: HashMap<String, PrincipalName>,
}

// === impl CertificateNames ===

impl CertificateNames {
    /// Beside the URIs that name an account themselves, these do.
    pub fn new(given: impl IntoIterator<Item = (String, PrincipalName)>) -> Self {
        CertificateNames { given: given.into_iter().collect() }
    }

    /// The account of a certificate; `None` where it names none, or where it has several URIs: which of them counts, nobody has said.
    pub fn account(&self, certificate: &ClientCertificate) -> Option<PrincipalName> {
        let [uri] = certificate.uris.as_slice() else { return None };
        // Whoever rules over all tenants is nobody whom an authority names on its own.
        let named = || named(uri).filter(|account| !account.tenant().is_system());
        let account = self.given.get(uri).cloned().or_else(named)?;
        (account.kind() == PrincipalKind::ServiceAccount).then_some(account)
    }
}

fn named(uri: &str) -> Option<PrincipalName> {
    PrincipalName::parse("certificate", uri.strip_prefix(SCHEME)?).ok()
}

// === impl ClientCertificate ===

impl ClientCertificate {
    /// What it is known by that a caller proved itself with it.
    pub(super) fn credential(&self) -> Credential {
        Credential {
            kind: CredentialKind::Certificate,
            session: None,
            key: None,
            issuer: None,
            issued: self.issued,
            expires: Some(self.expires),
        }
    }
}

// === impl Principal ===

impl Principal {
    /// Whether a certificate with these times counts. The authority names whom it pleases, also before there is such an account; but what
    /// was issued to an account and made void since, its certificates included, is void, and so is what was issued to another of its name
    /// that was deleted.
    pub(super) fn accepts_certificate(&self, credential: &Credential, now: Timestamp) -> bool {
        let voided = self.valid_after > self.created && credential.issued <= self.valid_after;
        let lasts = credential.issued <= now && credential.expires.is_none_or(|expires| now < expires);
        self.is_active() && lasts && !voided
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(uris: &[&str]) -> Option<String> {
        let ci = PrincipalName::parse("account", "tenants/acme/serviceAccounts/ci").expect("a name");
        let ann = PrincipalName::parse("account", "tenants/acme/users/ann").expect("a name");
        let root = PrincipalName::parse("account", "tenants/system/serviceAccounts/root").expect("a name");
        let given = [("spiffe://example/ci", ci), ("spiffe://example/ann", ann), ("spiffe://example/root", root)];
        let names = CertificateNames::new(given.map(|(uri, account)| (uri.to_owned(), account)));
        let certificate = ClientCertificate { uris: uris.iter().map(|uri| (*uri).to_owned()).collect(), ..ClientCertificate::default() };
        names.account(&certificate).map(|account| account.to_string())
    }

    #[test]
    fn a_certificate_names_one_service_account_by_its_one_uri() {
        let ci = Some("tenants/acme/serviceAccounts/ci".to_owned());
        assert_eq!(account(&["zona://tenants/acme/serviceAccounts/ci"]), ci);
        assert_eq!(account(&["spiffe://example/ci"]), ci);
    }

    #[test]
    fn an_account_that_may_rule_over_all_tenants_is_only_one_whom_the_configuration_names() {
        assert_eq!(account(&["spiffe://example/root"]), Some("tenants/system/serviceAccounts/root".to_owned()));
        assert_eq!(account(&["zona://tenants/system/serviceAccounts/root"]), None);
    }

    #[test]
    fn a_certificate_that_names_nobody_or_several_or_a_person_is_about_nobody() {
        let own = "zona://tenants/acme/serviceAccounts/ci";
        let wrong: [&[&str]; 12] = [
            &[],
            &[""],
            &["zona://"],
            &[own, own],
            &[own, "spiffe://example/ci"],
            &["zona://tenants/acme/users/ann"],
            &["spiffe://example/ann"],
            &["spiffe://example/CI"],
            &["ZONA://tenants/acme/serviceAccounts/ci"],
            &["zona:///tenants/acme/serviceAccounts/ci"],
            &["zona://tenants/acme/serviceAccounts/ci/"],
            &["tenants/acme/serviceAccounts/ci"],
        ];
        for uris in wrong {
            assert_eq!(account(uris), None, "{uris:?}");
        }
    }
}
