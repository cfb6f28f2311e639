//! Use cases of sharing across tenants: offer, accept, decline, take back, list. What is shared is a grant to the other tenant, which
//! holds it once somebody who administers that has accepted. Rule order: look for the request's first answer, load, check, store.

use std::sync::Arc;
use std::time::Duration;

use crate::access::sharing::changes;
use crate::access::{
    Access, Action, Consent, Found, Grant, GrantDraft, GrantRepository, Grantee, MAX_GIVEN, MAX_GRANTS, OfTenant, Permit, Side, actions,
};
use crate::error::{Error, Result};
use crate::name::{TenantId, UtilityName};
use crate::page::{Page, PageRequest};
use crate::request::{Committed, RequestKey, key_reused, once};
use crate::tenant::{ShareOffers, TenantState, TenantStates};
use crate::time::Clock;
use crate::utility::UtilityRepository;
use crate::violation::Violation;

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Shares {
    grants: Arc<dyn GrantRepository>,
    utilities: Arc<dyn UtilityRepository>,
    tenants: Arc<dyn TenantStates>,
    clock: Arc<dyn Clock>,
}

/// What somebody makes of a share, as asked for.
#[derive(Debug, Clone, Default)]
pub struct ShareDraft<T> {
    /// What names the share beside what the permit is about; `None` where that cannot be read, which is among the violations.
    pub named: Option<T>,
    /// What is wrong with the request already.
    pub violations: Vec<Violation>,
    /// The request to remember.
    pub request: Option<RequestKey>,
}

impl Shares {
    /// Wires the use cases to their ports.
    pub fn new(
        grants: Arc<dyn GrantRepository>,
        utilities: Arc<dyn UtilityRepository>,
        tenants: Arc<dyn TenantStates>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Shares { grants, utilities, tenants, clock }
    }

    /// Offers a utility to another tenant, in place of what was offered to it or shared with it before: what it has accepted ends. Whether
    /// there is such a tenant, and whether it takes offers, is not told; where it is made, or takes them, later, its administrators find
    /// the offer.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every violation; [`Error::NotFound`] and [`Error::Precondition`] for a utility that is absent or deleted;
    /// [`Error::Exhausted`] where the other tenant, or all of them together, were offered as many as may be; [`Error::Stale`] where it
    /// is changed at the same time.
    pub async fn offer(&self, permit: &Permit<actions::OfferShare>, mut draft: GrantDraft, request: Option<RequestKey>) -> Result<Grant> {
        let (scope, name, now) = (permit.scope(), permit.target(), self.clock.now());
        let work = async {
            permit.open(self.utilities.find(&scope, &name.utility).await?, name)?.check_active()?;
            draft.violations.extend(draft.access.filter(|access| *access == Access::Manage).map(|_| unmanageable()));
            let grant = draft.grant(name.clone(), permit.principal().clone(), now)?;
            let ended = self.end_accepted(permit, &grant.grantee).await?;
            match self.grants.put(&scope, &grant, now, request.as_ref()).await? {
                Committed::Stored => {
                    let ended = ended.iter().flat_map(|ended| changes(ended, |value| (Some(value), None)));
                    permit.note_changes(ended.chain(changes(&grant, |value| (None, Some(value)))).collect());
                    Ok(grant)
                }
                Committed::Conflict if self.accepted(permit, &grant.grantee).await?.is_some() => {
                    Err(Error::Stale { resource: described(name, grant.grantee.tenant()) })
                }
                Committed::Conflict => Err(too_many_offers(grant.grantee.tenant())),
                Committed::Answered(first) => permit.open(Found::one(*first), name),
                Committed::Removed { resource } => Err(Error::NotFound { resource }),
                Committed::KeyReused => Err(key_reused()),
            }
        };
        once(|| self.answered(permit, name, request.as_ref()), work).await
    }

    /// Accepts what another tenant has offered.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NotFound`]; [`Error::Precondition`] for an offer that has ended, or was accepted already;
    /// [`Error::Stale`] where it is changed at the same time; [`Error::Exhausted`] where the tenant has accepted as many as it may.
    pub async fn accept(&self, permit: &Permit<actions::AcceptShare>, draft: ShareDraft<UtilityName>) -> Result<Grant> {
        let request = draft.request.clone();
        let work = async {
            let offered = self.received(permit, draft).await?;
            let now = self.clock.now();
            if offered.is_expired(now) {
                return Err(ended(&offered));
            }
            if offered.consent != Consent::Awaited {
                return Err(accepted_before(&offered));
            }
            let consent = Consent::Given { by: permit.principal().clone(), time: now };
            let accepted = Grant { consent, ..offered.clone() };
            self.answer(permit, &offered, Some(accepted), request.as_ref()).await
        };
        once(|| self.answered(permit, permit.target(), request.as_ref()), work).await
    }

    /// Declines what another tenant has offered, or gives back what was accepted; answers it as it was.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NotFound`]; [`Error::Stale`] where it is changed at the same time.
    pub async fn decline(&self, permit: &Permit<actions::DeclineShare>, draft: ShareDraft<UtilityName>) -> Result<Grant> {
        let request = draft.request.clone();
        let work = async {
            let offered = self.received(permit, draft).await?;
            self.answer(permit, &offered, None, request.as_ref()).await
        };
        once(|| self.answered(permit, permit.target(), request.as_ref()), work).await
    }

    /// Takes back what was offered to another tenant or shared with it, and answers it as it was.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NotFound`]; [`Error::Stale`] where it is changed at the same time.
    pub async fn revoke(&self, permit: &Permit<actions::RevokeShare>, draft: ShareDraft<TenantId>) -> Result<Grant> {
        let (scope, name, request) = (permit.scope(), permit.target(), draft.request.clone());
        let work = async {
            permit.open(self.utilities.find(&scope, &name.utility).await?, name)?;
            let receiver = draft.named.filter(|_| draft.violations.is_empty()).ok_or(Error::Invalid(draft.violations))?;
            let described = described(name, &receiver);
            let share = permit.open(self.grants.find(&scope, &name.utility, &Grantee::Tenant(receiver)).await?, &described)?;
            tell_receiver(permit, &share).await?;
            match self.grants.remove(&scope, &share, request.as_ref()).await? {
                Committed::Stored => {
                    permit.note_changes(changes(&share, |value| (Some(value), None)));
                    Ok(share)
                }
                Committed::Conflict => Err(Error::Stale { resource: described }),
                Committed::Answered(first) => permit.open(Found::one(*first), name),
                Committed::Removed { resource } => Err(Error::NotFound { resource }),
                Committed::KeyReused => Err(key_reused()),
            }
        };
        once(|| self.answered(permit, name, request.as_ref()), work).await
    }

    /// A page of what the tenant shares with others, or of what others share with it; what has ended or waits for an answer, too. It is
    /// shorter where a tenant that shares is suspended or deleted.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cursor that is not one.
    pub async fn list(&self, permit: &Permit<actions::ListShares>, side: Side, page: &PageRequest) -> Result<Page<Grant>> {
        let found = permit.open_page(self.grants.list_shares(&permit.scope(), side, page).await?);
        if side == Side::Given {
            return Ok(found);
        }
        let mut shown = Vec::with_capacity(found.items.len());
        let takes_offers = self.takes_offers(permit.scope().tenant()).await?;
        for share in found.items {
            let is_shown = takes_offers || share.consent != Consent::Awaited;
            if is_shown && self.is_active(&share.utility.tenant).await? {
                shown.push(share);
            }
        }
        Ok(Page { items: shown, ..found })
    }

    async fn is_active(&self, tenant: &TenantId) -> Result<bool> {
        Ok(self.tenants.state(tenant).await? == Some(TenantState::Active))
    }

    async fn takes_offers(&self, tenant: &TenantId) -> Result<bool> {
        Ok(self.tenants.settings(tenant).await?.consent.offers == ShareOffers::Taken)
    }

    /// What the other tenant has accepted of the utility.
    async fn accepted(&self, permit: &Permit<actions::OfferShare>, receiver: &Grantee) -> Result<Option<Grant>> {
        let name = permit.target();
        match permit.open(self.grants.find(&permit.scope(), &name.utility, receiver).await?, name) {
            Ok(share) => Ok(Some(share).filter(|share| matches!(share.consent, Consent::Given { .. }))),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Ends what the other tenant has accepted of the utility, as taking it back does; answers it as it was.
    async fn end_accepted(&self, permit: &Permit<actions::OfferShare>, receiver: &Grantee) -> Result<Option<Grant>> {
        let Some(share) = self.accepted(permit, receiver).await? else { return Ok(None) };
        tell_receiver(permit, &share).await?;
        match self.grants.remove(&permit.scope(), &share, None).await? {
            Committed::Stored => Ok(Some(share)),
            _ => Err(Error::Stale { resource: described(permit.target(), receiver.tenant()) }),
        }
    }

    async fn received<A>(&self, permit: &Permit<A>, draft: ShareDraft<UtilityName>) -> Result<Grant>
    where
        A: Action<Target: OfTenant>,
    {
        let scope = permit.scope();
        let utility = draft.named.filter(|_| draft.violations.is_empty()).ok_or(Error::Invalid(draft.violations))?;
        let described = described(&utility, scope.tenant());
        // Of a tenant that is suspended or deleted, nothing is told, and nothing of it changes.
        if !self.is_active(&utility.tenant).await? {
            return Err(Error::NotFound { resource: described });
        }
        let share = permit.open(self.grants.find_received(&scope, &utility).await?, &described)?;
        if share.consent == Consent::Awaited && !self.takes_offers(scope.tenant()).await? {
            return Err(Error::NotFound { resource: described });
        }
        Ok(share)
    }

    async fn answer<A>(&self, permit: &Permit<A>, before: &Grant, after: Option<Grant>, request: Option<&RequestKey>) -> Result<Grant>
    where
        A: Action<Target: OfTenant>,
    {
        let scope = permit.scope();
        let described = described(&before.utility, scope.tenant());
        permit.note_resource(&before.utility);
        // There is such a tenant: it has offered something to this one.
        permit.notes().also_in(&before.utility.tenant).await?;
        match self.grants.answer(&scope, before, after.as_ref(), request).await? {
            Committed::Stored => {
                permit.note_changes(match &after {
                    Some(after) => changes(after, |value| (None, Some(value))),
                    None => changes(before, |value| (Some(value), None)),
                });
                Ok(after.unwrap_or_else(|| before.clone()))
            }
            Committed::Conflict if self.grants.find_received(&scope, &before.utility).await? == Found::one(before.clone()) => {
                Err(full(scope.tenant()))
            }
            Committed::Conflict => Err(Error::Stale { resource: described }),
            Committed::Answered(first) => permit.open(Found::one(*first), &described),
            Committed::Removed { resource } => Err(Error::NotFound { resource }),
            Committed::KeyReused => Err(key_reused()),
        }
    }

    async fn answered<A>(
        &self,
        permit: &Permit<A>,
        name: &(dyn std::fmt::Display + Sync),
        request: Option<&RequestKey>,
    ) -> Result<Option<Grant>>
    where
        A: Action<Target: OfTenant>,
    {
        let Some(request) = request else { return Ok(None) };
        match self.grants.find_answer(&permit.scope(), request).await? {
            Some(Committed::Answered(first)) => permit.open(Found::one(*first), name).map(Some),
            Some(Committed::Removed { resource }) => Err(Error::NotFound { resource }),
            Some(Committed::KeyReused) => Err(key_reused()),
            Some(Committed::Stored | Committed::Conflict) | None => Ok(None),
        }
    }
}

/// Tells the other tenant that what it has accepted is about to end. Where nobody has accepted, nothing is written into its log.
async fn tell_receiver<A>(permit: &Permit<A>, share: &Grant) -> Result<()>
where
    A: Action<Target = UtilityName>,
{
    match (&share.consent, share.shared_with()) {
        (Consent::Given { .. }, Some(receiver)) => permit.notes().also_in(receiver).await,
        _ => Ok(()),
    }
}

fn described(utility: &UtilityName, receiver: &TenantId) -> String {
    format!("{utility} shared with tenants/{receiver}")
}

fn unmanageable() -> Violation {
    Violation::new(
        "access",
        "OUT_OF_RANGE",
        "another tenant reads or runs what is shared with it; nobody but the utility's tenant manages it",
    )
}

fn ended(offered: &Grant) -> Error {
    Error::Precondition {
        reason: "OFFER_ENDED",
        subject: offered.utility.to_string(),
        description: format!("the offer of {} has ended; ask for another one", offered.utility),
    }
}

fn accepted_before(offered: &Grant) -> Error {
    Error::Precondition {
        reason: "OFFER_ACCEPTED",
        subject: offered.utility.to_string(),
        description: format!("the offer of {} was accepted already", offered.utility),
    }
}

/// Shares end by being taken back or by their time: there is no moment to name.
fn full(receiver: &TenantId) -> Error {
    Error::Exhausted {
        reason: "GRANTS_FULL",
        subject: format!("tenants/{receiver}"),
        description: format!("tenants/{receiver} has {MAX_GRANTS} grants, the limit; take others back first"),
        retry_after: Duration::from_secs(60),
    }
}

fn too_many_offers(receiver: &TenantId) -> Error {
    Error::Exhausted {
        reason: "GRANTS_FULL",
        subject: format!("tenants/{receiver}"),
        description: format!(
            "tenants/{receiver} was offered {MAX_GRANTS} utilities, or all others together {MAX_GIVEN}, the limits; take others back first"
        ),
        retry_after: Duration::from_secs(60),
    }
}
