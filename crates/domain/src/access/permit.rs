//! Permits: the proof that a caller may do one thing to one target, and the key to what stores have found.

use std::fmt;

use crate::access::{
    Action, Caller, Found, Granted, OfTenant, Opened, Operation, Part, Reach, Resource, Target, Targeted as _, TenantScope,
};
use crate::audit::{CarriedIntent, FieldChange, Notes};
use crate::error::{Error, Result};
use crate::name::{PrincipalName, TenantId};
use crate::page::Page;

/// Proof that a caller may do `A` to a target. Only [`crate::access::AccessPolicy`] makes one.
#[derive(Debug)]
pub struct Permit<A: Action> {
    caller: Caller,
    target: A::Target,
    reach: Reach,
    notes: Notes,
    opened: Opened,
}

impl<A: Action> Permit<A> {
    pub(super) fn new(caller: Caller, target: A::Target, reach: Reach) -> Self {
        let permit: Self = Permit { caller, target, reach, notes: Notes::default(), opened: Opened::default() };
        if let Some(owner) = permit.guest_of() {
            permit.notes.also_in_about(owner, &permit.target.target());
        }
        permit
    }

    /// Who was permitted.
    pub fn principal(&self) -> &PrincipalName {
        &self.caller.principal
    }

    /// The caller as it was authenticated.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Notes fields that have changed, once that is stored.
    pub fn note_changes(&self, changes: Vec<FieldChange>) {
        self.notes.changes(changes);
    }

    /// Notes the full name of what was made or run, which the record names in place of what was permitted.
    pub fn note_resource(&self, name: &impl fmt::Display) {
        self.notes.resource(name);
    }

    /// Notes the version that was made or run.
    pub fn note_version(&self, number: u32) {
        self.notes.version(number);
    }

    /// Takes the intent of what is permitted, where that is not stored yet: whoever takes it stores it in the first commit of what is
    /// done, before anything else happens.
    pub fn take_intent(&self) -> Option<CarriedIntent> {
        self.notes.take_intent()
    }

    /// Makes the intent of what is permitted durable by itself, unless it is already; for what has an effect before its first commit.
    ///
    /// # Errors
    /// [`Error::Unaudited`]: then nothing may happen.
    pub async fn store_intent(&self) -> Result<()> {
        match self.take_intent() {
            Some(intent) => intent.store().await,
            None => Ok(()),
        }
    }

    /// Where it is noted what the record of what was permitted is to say.
    pub fn notes(&self) -> Notes {
        self.notes.clone()
    }

    /// What was and will be opened under it by name.
    pub fn opened(&self) -> Opened {
        self.opened.clone()
    }

    /// What it was permitted for.
    pub fn target(&self) -> &A::Target {
        &self.target
    }

    /// The scope of every query made under this permit.
    pub fn scope(&self) -> TenantScope
    where
        A::Target: OfTenant,
    {
        TenantScope::new(self.target.tenant().clone())
    }

    /// The other tenant that shares with the caller's what the permit is about; `None` where it is the caller's own tenant's, or the
    /// caller is of all.
    pub fn guest_of(&self) -> Option<&TenantId> {
        let foreign = self.target.target().tenant().filter(|tenant| *tenant != self.caller.principal.tenant());
        foreign.filter(|_| self.reach != Reach::Tenant)
    }

    /// The tenant on whose account something happens under this permit: whose the target is, or the caller's where it was shared with that.
    pub fn account(&self) -> TenantScope
    where
        A::Target: OfTenant,
    {
        match self.guest_of() {
            Some(_) => TenantScope::new(self.caller.principal.tenant().clone()),
            None => self.scope(),
        }
    }

    /// Opens what was found under a name, as far as the permit reaches: where that is only the caller's own, what belongs to
    /// somebody else is answered as if it were absent.
    ///
    /// # Errors
    /// [`Error::NotFound`] that names `resource`; [`Error::Internal`] for something else than the permit is about.
    pub fn open<T: Resource>(&self, found: Found<T>, resource: &dyn fmt::Display) -> Result<T> {
        let opened = found.open_for_system().filter(|thing| self.reaches(thing)).ok_or_else(|| absent(resource))?;
        self.opened.note(&opened);
        if opened.lies_in(self.target.target()) { Ok(opened) } else { Err(mistaken()) }
    }

    /// Opens what is used on the account of what happens under it, where that is given to what the permit is about; where it reaches
    /// everything of the tenant, also where it is not. Nothing else is opened, and nothing is said of why.
    pub fn open_given<T: Resource>(&self, found: Found<T>) -> Option<T>
    where
        A::Target: OfTenant,
    {
        let (account, all) = (self.account(), self.reach == Reach::Tenant);
        let is_of_account = |thing: &T| thing.lies_in(Target::Tenant(account.tenant()));
        found.open_for_system().filter(|thing| is_of_account(thing) && (all || thing.lies_in(self.target.target())))
    }

    /// Whether a name is taken by what was found under it, whosever that is: whoever may make something hears that, and nothing else of it.
    pub fn finds_taken<T>(&self, found: &Found<T>) -> bool {
        A::SPEC.operation == Operation::Create && found.is_there()
    }

    /// Opens what belongs to `whole`.
    ///
    /// # Errors
    /// As [`Permit::open`].
    pub fn open_part<T: Part>(&self, whole: &T::Whole, found: Found<T>, resource: &dyn fmt::Display) -> Result<T> {
        let opened = found.open_for_system().filter(|_| self.reaches(whole)).ok_or_else(|| absent(resource))?;
        self.opened.note(whole);
        if opened.lies_in(whole, self.target.target()) { Ok(opened) } else { Err(mistaken()) }
    }

    /// Opens a page of a list: of its items, those that the permit reaches and is about. A query that is restricted to
    /// [`Permit::only_owner`] loses none of them.
    pub fn open_page<T: Resource>(&self, found: Found<Page<T>>) -> Page<T> {
        let mut page = unsealed(found);
        page.items.retain(|item| self.reaches(item) && item.lies_in(self.target.target()));
        page
    }

    /// Opens a page of what belongs to `whole`.
    pub fn open_parts<T: Part>(&self, whole: &T::Whole, found: Found<Page<T>>) -> Page<T> {
        let mut page = unsealed(found);
        page.items.retain(|item| self.reaches(whole) && item.lies_in(whole, self.target.target()));
        page
    }

    /// The owner that lists must be restricted to, when the permit reaches only the caller's own.
    pub fn only_owner(&self) -> Option<&PrincipalName> {
        match &self.reach {
            Reach::Tenant => None,
            Reach::Own | Reach::OwnAnd(_) => Some(&self.caller.principal),
        }
    }

    /// The utilities that it reaches beside those of [`Permit::only_owner`].
    pub fn granted(&self) -> Granted {
        match &self.reach {
            Reach::Tenant | Reach::Own => Granted::default(),
            Reach::OwnAnd(granted) => granted.clone(),
        }
    }

    fn reaches(&self, thing: &impl Resource) -> bool {
        self.reach.holds(&self.caller.principal, thing)
    }
}

fn unsealed<T>(found: Found<Page<T>>) -> Page<T> {
    found.open_for_system().unwrap_or(Page { items: Vec::new(), next: None })
}

fn absent(resource: &dyn fmt::Display) -> Error {
    Error::NotFound { resource: resource.to_string() }
}

/// A use case asked the store for another thing than the caller was permitted.
fn mistaken() -> Error {
    Error::Internal { context: "what was found is not what the permit is about", source: None }
}
