//! Whom `zona dev` and `zona demo` sign in: a service account that administers the tenant `demo`, with a key that lies in the data
//! directory and that nobody else can read. Being on the machine is not enough to be somebody; reading that file is.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::access::{AccessPolicy, Action as _, Authenticator, Caller, Presented};
use domain::audit::Auditor;
use domain::identity::{ApiKey, ApiKeyDraft, Asked, Identities, PrincipalDraft, Role, Secret, actions};
use domain::name::{PrincipalName, TenantName};
use domain::page::{MAX_PAGE, PageRequest};
use domain::time::{Clock, Timestamp};
use file_trust::Directory;

use crate::Error;
use crate::loopback::{local_user, tenant};

/// Its name.
const ACCOUNT: &str = "tenants/demo/serviceAccounts/dev";
/// The file of the key.
const FILE: &str = "dev.key";
/// What a key is said to be for.
const DESCRIPTION: &str = "dev.key of the data directory";
/// How long a key lasts: whoever got hold of it, from a backup or by listening where the server used to, has it no longer.
const KEY_LIFE: Duration = Duration::from_secs(30 * 24 * 3_600);
/// One that ends sooner than this gives way to another when the server starts.
const KEY_LEFT: Duration = Duration::from_secs(15 * 24 * 3_600);
const MODE: u32 = 0o600;
/// No key is longer, in bytes.
const MAX_KEY: u64 = 1024;

/// The account, and what proves it.
#[derive(Debug)]
pub struct Developer {
    /// Its name.
    pub account: PrincipalName,
    /// Its API key.
    pub key: Secret,
    /// Where the key lies.
    pub file: PathBuf,
}

/// What a developer is made through.
pub(crate) struct Maker<'a> {
    pub(crate) policy: &'a AccessPolicy,
    pub(crate) identities: &'a Identities,
    pub(crate) authenticator: &'a dyn Authenticator,
    /// Records the making as the server's own work.
    pub(crate) auditor: &'a Auditor,
    pub(crate) clock: &'a dyn Clock,
}

// === impl Developer ===

impl Developer {
    /// The one of this data directory: the one of before, where its key still proves it for a while, else a new key, which makes void those
    /// of before, and a new account where there is none.
    ///
    /// # Errors
    /// The file cannot be trusted, read or written; or the store does not answer.
    pub(crate) async fn of(directory: &Path, maker: Maker<'_>) -> Result<Self, Error> {
        let opened = Directory::open(directory)?;
        let developer = |key| Developer { account: account(), key, file: directory.join(FILE) };
        let kept = opened.find(FILE, MODE)?.map(read).transpose();
        if let Some(key) = kept.map_err(|source| Error::DeveloperKey { path: directory.join(FILE), source })?
            && maker.is_proven_by(&key).await?
        {
            return Ok(developer(key));
        }
        let key = maker.new_key().await.map_err(Error::Developer)?;
        opened.replace(FILE, MODE, format!("{}\n", key.expose()).as_bytes())?;
        Ok(developer(key))
    }
}

impl Maker<'_> {
    async fn is_proven_by(&self, key: &Secret) -> Result<bool, Error> {
        let shown = format!("Bearer {}", key.expose());
        match self.authenticator.authenticate(Presented { authorization: Some(&shown), ..Presented::default() }).await {
            Ok(caller) => Ok(caller.principal == account() && lasts(caller.credential().and_then(|shown| shown.expires), self.clock.now())),
            Err(domain::Error::Unauthenticated) => Ok(false),
            Err(error) => Err(Error::Developer(error)),
        }
    }

    async fn new_key(&self) -> domain::Result<Secret> {
        let (server, account) = (Caller::loopback(local_user()), account());
        let permit = self.policy.require::<actions::CreateServiceAccount>(&server, TenantName { tenant: tenant() }).await?;
        let draft =
            PrincipalDraft { display_name: "Who starts `zona dev`".to_owned(), role: Some(Role::Admin), ..PrincipalDraft::default() };
        let entry = self.auditor.own_entry(tenant(), actions::CreateServiceAccount::SPEC.name, permit.target());
        let made = self.identities.create_service_account(&permit, Some(account.clone()), draft, Asked::default());
        match self.auditor.own_work(entry, permit.notes(), made).await {
            Ok(_) | Err(domain::Error::AlreadyExists { .. }) => {}
            Err(error) => return Err(error),
        }
        self.revoke_keys(&server, &account).await?;
        let permit = self.policy.require::<actions::CreateApiKey>(&server, account).await?;
        let draft = ApiKeyDraft { description: DESCRIPTION.to_owned(), expires: Some(self.clock.now().plus(KEY_LIFE)) };
        let entry = self.auditor.own_entry(tenant(), actions::CreateApiKey::SPEC.name, permit.target());
        let made = self.identities.create_api_key(&permit, draft, Asked::default());
        let (_, secret) = self.auditor.own_work(entry, permit.notes(), made).await?;
        secret.ok_or(domain::Error::Internal { context: "a new key was answered without its secret", source: None })
    }

    /// Makes void the keys of before: nobody has a use for them, and somebody may have found one.
    async fn revoke_keys(&self, server: &Caller, account: &PrincipalName) -> domain::Result<()> {
        let listing = self.policy.require::<actions::ListApiKeys>(server, account.clone()).await?;
        let mut page = PageRequest { size: MAX_PAGE, after: None };
        loop {
            let keys = self.identities.list_api_keys(&listing, &page).await?;
            for key in keys.items.iter().filter(|key| is_of_before(key, self.clock.now())) {
                let permit = self.policy.require::<actions::RevokeApiKey>(server, key.name()).await?;
                let entry = self.auditor.own_entry(tenant(), actions::RevokeApiKey::SPEC.name, permit.target());
                let revoked = self.identities.revoke_api_key(&permit, Asked::default());
                self.auditor.own_work(entry, permit.notes(), revoked).await?;
            }
            match keys.next {
                Some(next) => page.after = Some(next),
                None => return Ok(()),
            }
        }
    }
}

/// Whether a key is one that was made here and that is still good.
fn is_of_before(key: &ApiKey, now: Timestamp) -> bool {
    key.description == DESCRIPTION && key.revoked.is_none() && key.expires.is_none_or(|expires| now < expires)
}

/// Whether a key that ends then is good for a while; keys of before that have no end are not.
fn lasts(expires: Option<Timestamp>, now: Timestamp) -> bool {
    expires.is_some_and(|expires| expires.since(now) >= KEY_LEFT)
}

/// The account's name.
pub(crate) fn account() -> PrincipalName {
    PrincipalName::parse("principal", ACCOUNT).expect("a test reads it")
}

fn read(file: std::fs::File) -> io::Result<Secret> {
    let mut text = String::new();
    file.take(MAX_KEY).read_to_string(&mut text)?;
    Ok(Secret::new(text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_developer_is_a_service_account_of_the_tenant_of_examples() {
        assert_eq!(account().tenant(), &tenant());
        assert_eq!(account().kind(), domain::name::PrincipalKind::ServiceAccount);
    }

    #[test]
    fn a_key_gives_way_to_another_long_before_it_ends() {
        let now = Timestamp::from_millis(1);
        let ends = |life: Duration| lasts(Some(now.plus(life)), now);
        assert!(ends(KEY_LIFE) && ends(KEY_LEFT));
        assert!(!ends(KEY_LEFT - Duration::from_millis(1)) && !ends(Duration::ZERO));
        assert!(!lasts(None, now), "one without an end");
    }
}
