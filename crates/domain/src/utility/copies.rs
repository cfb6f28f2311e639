//! Use cases of copies: copy, see what has become of the source, take it over, or leave it. Each asks for two permissions, one about the
//! copy, which is the permit, and that to read the source, which is asked for here and which its tenant may have taken back since. Before
//! code of another tenant is shown or stored, the log of that tenant tells of it.

use std::sync::Arc;

use crate::access::{AccessPolicy, Action, Caller, OfTenant, Permit, TenantScope};
use crate::error::{Error, ErrorKind, Result};
use crate::incident::{Incident, Incidents};
use crate::name::{PrincipalName, UtilityId, UtilityName};
use crate::page::{Page, PageRequest};
use crate::request::once;
use crate::tenant::{TenantState, TenantStates, require_active};
use crate::time::Clock;
use crate::utility::proposal::{MergedParts, Sides};
use crate::utility::{
    Call, Comparison, Conflict, Definition, Draft, Lineage, Merge, Metadata, Part, Proposal, Utilities, Utility, UtilityQuery,
    UtilityRepository, Version, Within, actions, lineage,
};
use crate::violation::Violation;
use crate::work::computed;

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Copies {
    utilities: Utilities,
    repository: Arc<dyn UtilityRepository>,
    policy: AccessPolicy,
    tenants: Arc<dyn TenantStates>,
    incidents: Arc<dyn Incidents>,
    clock: Arc<dyn Clock>,
}

/// What is to be copied, and to where.
#[derive(Debug, Clone, Default)]
pub struct CopyDraft {
    /// The copy's id; `None` where what was given is none, which is among the violations of the call.
    pub id: Option<UtilityId>,
    /// What is copied; `None` likewise.
    pub source: Option<UtilityName>,
    /// Its version; `None` for the current one.
    pub version: Option<u32>,
    /// How it is asked for.
    pub call: Call,
}

/// How a proposal is accepted.
#[derive(Debug, Clone, Default)]
pub struct Acceptance {
    /// The version of the source that was seen.
    pub source_version: u32,
    /// The code, in place of the merged one.
    pub code: Option<Vec<u8>>,
    /// Parts that stay as they are here, whatever the source has made of them.
    pub keep: Vec<Part>,
    /// What to say about the new version; empty for a sentence that names what was merged.
    pub message: String,
    /// How it is asked for.
    pub call: Call,
}

/// Conflicts of code that a refusal names: GetProposal shows all of them.
const MOST_NAMED: usize = 10;

/// What the caller may read of a source.
struct Source {
    utility: Utility,
    base: Version,
    current: Version,
}

impl Copies {
    /// Wires the use cases to their ports, and to the policy that says who may read a source.
    pub fn new(
        utilities: Utilities,
        repository: Arc<dyn UtilityRepository>,
        policy: AccessPolicy,
        tenants: Arc<dyn TenantStates>,
        incidents: Arc<dyn Incidents>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Copies { utilities, repository, policy, tenants, incidents, clock }
    }

    /// Copies a utility that the caller may read, of the same tenant or of another that shares it, as a new one that the caller owns.
    ///
    /// # Errors
    /// [`Error::Denied`] for a source of another tenant that is not shared; [`Error::NotFound`] for one of the own tenant, or a version;
    /// [`Error::Precondition`] for one that is deleted; [`Error::Closed`] for one of a tenant that is not active, though super administrators
    /// read it; and as [`Utilities::create`].
    pub async fn copy(&self, permit: &Permit<actions::CopyUtility>, draft: CopyDraft) -> Result<(Utility, Version)> {
        let request = draft.call.request.clone();
        let copied = once(|| self.utilities.answered(permit, request.as_ref()), self.copy_new(permit, draft)).await?;
        permit.note_resource(&copied.0.name);
        permit.note_version(copied.1.number);
        Ok(copied)
    }

    /// That the caller may read what is to be copied, or has copied it by the same request before. Asked for before the copy is an intent,
    /// so that a refusal is recorded as every other is; what else is wrong, [`Copies::copy`] says.
    ///
    /// # Errors
    /// [`Error::Denied`] and [`Error::Closed`] as [`Copies::copy`]; others of the store.
    pub async fn may_copy(&self, permit: &Permit<actions::CopyUtility>, draft: &CopyDraft) -> Result<()> {
        let Some(source) = &draft.source else { return Ok(()) };
        let Err(refused) = self.reads(permit, source).await else { return Ok(()) };
        match self.utilities.answered(permit, draft.call.request.as_ref()).await? {
            Some(_) => Ok(()),
            None => Err(refused),
        }
    }

    async fn reads(&self, permit: &Permit<actions::CopyUtility>, source: &UtilityName) -> Result<Permit<actions::GetUtility>> {
        let read = self.policy.require::<actions::GetUtility>(permit.caller(), source.clone()).await?;
        require_active(self.tenants.as_ref(), &source.tenant).await?;
        Ok(read)
    }

    async fn copy_new(&self, permit: &Permit<actions::CopyUtility>, draft: CopyDraft) -> Result<(Utility, Version)> {
        let CopyDraft { id, source, version, call } = draft;
        let Some(name) = source.filter(|_| call.violations.is_empty()) else { return Err(Error::Invalid(call.violations)) };
        // The record of a refusal is to say of what.
        permit.note_changes(lineage::read(&name, version));
        let read = self.reads(permit, &name).await?;
        let (utility, current) = read.open(self.repository.find_current(&read.scope(), &name.utility).await?, &name)?;
        utility.check_active()?;
        let copied = match version.filter(|number| *number != current.number) {
            Some(number) => {
                let found = self.repository.find_version(&read.scope(), &name.utility, number).await?;
                read.open_part(&utility, found, &name.version(number))?
            }
            None => current,
        };
        // Another tenant is told of nothing that does not happen anyway.
        self.check_free(permit, id.as_ref()).await?;
        tell_owner(permit, &name, copied.number).await?;
        let draft = copy_of(&utility.metadata, &copied);
        let lineage = Lineage {
            source: name,
            source_uid: utility.uid,
            version: copied.number,
            content_hash: copied.content_hash,
            by: permit.principal().clone(),
            time: self.clock.now(),
            dismissed: 0,
        };
        let created = self.utilities.create_of(permit, id, draft, Some(lineage), call).await?;
        permit.note_changes(lineage::changes(None, created.0.lineage.as_ref()).collect());
        Ok(created)
    }

    /// Refuses an id that is taken: storing the copy refuses it, too, but only behind all else.
    async fn check_free(&self, permit: &Permit<actions::CopyUtility>, id: Option<&UtilityId>) -> Result<()> {
        let Some(id) = id else { return Ok(()) };
        let name = UtilityName { tenant: permit.target().tenant.clone(), utility: id.clone() };
        match permit.finds_taken(&self.repository.find(&permit.scope(), id).await?) {
            true => Err(Error::AlreadyExists { resource: name.to_string() }),
            false => Ok(()),
        }
    }

    /// A page of what there is to take over by copies that the caller may read, from sources that the caller may read, too. What was
    /// dismissed is not among it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cursor that is not one.
    pub async fn list(&self, permit: &Permit<actions::ListProposals>, page: &PageRequest) -> Result<Page<Proposal>> {
        let within = permit.only_owner().map(|owner| Within { owner: owner.clone(), granted: permit.granted() });
        let query = UtilityQuery { within, copied: true, ..UtilityQuery::default() };
        let copies = permit.open_page(self.repository.list(&permit.scope(), &query, page).await?);
        let mut items = Vec::new();
        for copy in &copies.items {
            match self.proposal_to(permit, copy).await {
                Ok(found) => items.extend(found.filter(|proposal| !proposal.dismissed)),
                // A source that cannot be read hides no other; whoever asks about this copy by its name is told.
                Err(error) if error.kind() == ErrorKind::Internal => {
                    self.incidents.report(&Incident::WorkFailed { work: "compare a copy with its source", error: &error });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Page { items, next: copies.next })
    }

    /// What a copy could take over, compared and merged.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Precondition`] where there is nothing to take over that the caller may know of.
    pub async fn get(&self, permit: &Permit<actions::GetProposal>) -> Result<Comparison> {
        let (copy, ours) = self.utilities.load(permit, permit.target()).await?;
        let (proposal, sides) = self.sides(permit, &copy, ours).await?;
        permit.note_changes(lineage::read(&proposal.source, Some(proposal.source_version)));
        tell_owner(permit, &proposal.source, proposal.source_version).await?;
        computed(self.utilities.processor.as_ref(), move || sides.compare(proposal)).await
    }

    /// Takes over what the source has become: what both sides make of the version that was copied, or the caller's own code in place of
    /// that. It passes the gate as any other change.
    ///
    /// # Errors
    /// As [`Copies::get`], and as [`Utilities::update`]; [`Error::Invalid`] without an etag; [`Error::Stale`] where the source has changed
    /// since it was seen; [`Error::Precondition`] for conflicts that nobody has decided about.
    pub async fn accept(&self, permit: &Permit<actions::AcceptProposal>, acceptance: Acceptance) -> Result<(Utility, Version)> {
        let request = acceptance.call.request.clone();
        let accepted = once(|| self.utilities.answered(permit, request.as_ref()), self.merge(permit, acceptance)).await?;
        permit.note_version(accepted.1.number);
        Ok(accepted)
    }

    async fn merge(&self, permit: &Permit<actions::AcceptProposal>, acceptance: Acceptance) -> Result<(Utility, Version)> {
        let Acceptance { source_version, code, keep, message, mut call } = acceptance;
        let (copy, ours) = self.utilities.load(permit, permit.target()).await?;
        copy.check_active()?;
        if call.etag.as_str().is_empty() {
            call.violations.push(Violation::new(
                "etag",
                "MISSING",
                "must be that of the utility as it was seen: nothing is merged blindly",
            ));
        }
        if !call.violations.is_empty() {
            return Err(Error::Invalid(call.violations));
        }
        copy.check_etag(&call.etag)?;
        let (proposal, sides) = self.sides(permit, &copy, ours).await?;
        proposal.check_version(source_version)?;
        let name = copy.name.clone();
        let settle = move || (settled(&name, &sides, &keep, code), sides.ours);
        let (settled, ours) = computed(self.utilities.processor.as_ref(), settle).await?;
        let (definition, code) = settled?;
        let said = format!("Merge version {source_version} of its source");
        let draft =
            Draft { metadata: copy.metadata.clone(), message: if message.is_empty() { said } else { message }, ..draft_of(&definition) };
        call.violations.extend(draft.violations("utility"));
        if !call.violations.is_empty() {
            return Err(Error::Invalid(call.violations));
        }
        // Another tenant is told of nothing that is refused already.
        tell_owner(permit, &proposal.source, source_version).await?;
        let followed = copy.lineage.clone().map(|lineage| Lineage {
            version: source_version,
            content_hash: proposal.source_content_hash,
            dismissed: 0,
            by: follower(permit.principal(), &lineage),
            ..lineage
        });
        self.utilities.replace(permit, (copy, ours), draft, Some(code), followed, call).await
    }

    /// Leaves what the source has become, until it becomes another. Nothing else of the copy changes.
    ///
    /// # Errors
    /// As [`Copies::get`]; [`Error::Invalid`]; [`Error::Stale`] where the source has changed since it was seen, or the copy has another etag.
    pub async fn dismiss(&self, permit: &Permit<actions::DismissProposal>, seen: u32, call: Call) -> Result<(Utility, Version)> {
        let request = call.request.clone();
        let work = async {
            let (copy, ours) = self.utilities.load(permit, permit.target()).await?;
            copy.check_active()?;
            if !call.violations.is_empty() {
                return Err(Error::Invalid(call.violations));
            }
            copy.check_etag(&call.etag)?;
            let proposal = self.proposal_to(permit, &copy).await?.ok_or_else(|| none(&copy.name))?;
            proposal.check_version(seen)?;
            let lineage = copy.lineage.clone().map(|lineage| Lineage { dismissed: seen, ..lineage });
            let next = Utility { lineage, ..copy.clone() };
            match next == copy {
                true => self.utilities.unchanged(permit, copy, ours, call).await,
                false => self.utilities.put(permit, copy, next, (None, ours), call).await,
            }
        };
        once(|| self.utilities.answered(permit, request.as_ref()), work).await
    }

    /// The proposal to a copy, where there is one that the caller may know of: not who is a guest itself, whatever else that one may read.
    async fn proposal_to<A: Action>(&self, permit: &Permit<A>, copy: &Utility) -> Result<Option<Proposal>> {
        let Some(lineage) = followed_by(permit, copy) else { return Ok(None) };
        let Some((scope, read)) = self.reader(permit.caller(), lineage).await? else { return Ok(None) };
        let found = absent_is_none(read.open(self.repository.find(&scope, &lineage.source.utility).await?, &lineage.source))?;
        Ok(found.and_then(|source| Proposal::of(copy, lineage, &source)))
    }

    /// The proposal with the three versions that it is about.
    async fn sides<A: Action>(&self, permit: &Permit<A>, copy: &Utility, ours: Version) -> Result<(Proposal, Sides)> {
        let lineage = followed_by(permit, copy).ok_or_else(|| none(&copy.name))?;
        let source = self.source(permit.caller(), lineage).await?.ok_or_else(|| none(&copy.name))?;
        let proposal = Proposal::of(copy, lineage, &source.utility).ok_or_else(|| none(&copy.name))?;
        Ok((proposal, Sides { base: source.base, ours, theirs: source.current }))
    }

    async fn source(&self, caller: &Caller, lineage: &Lineage) -> Result<Option<Source>> {
        let (name, id) = (&lineage.source, &lineage.source.utility);
        let Some((scope, read)) = self.reader(caller, lineage).await? else { return Ok(None) };
        let Some((utility, current)) = absent_is_none(read.open(self.repository.find_current(&scope, id).await?, name))? else {
            return Ok(None);
        };
        let found = self.repository.find_version(&scope, id, lineage.version).await?;
        let base = absent_is_none(read.open_part(&utility, found, &name.version(lineage.version)))?;
        Ok(base.map(|base| Source { utility, base, current }))
    }

    /// The permit to read a source, where the caller has it still, and something of its tenant may happen: nothing that super administrators
    /// read of a closed one becomes code of another.
    async fn reader(&self, caller: &Caller, lineage: &Lineage) -> Result<Option<(TenantScope, Permit<actions::GetUtility>)>> {
        match self.policy.require::<actions::GetUtility>(caller, lineage.source.clone()).await {
            Ok(read) => {
                let state = self.tenants.state(&lineage.source.tenant).await?;
                Ok((state == Some(TenantState::Active)).then(|| (read.scope(), read)))
            }
            Err(Error::Denied { .. } | Error::Closed { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What a copy follows, as far as the caller may know: whoever is of another tenant than the copy may not. Whether the caller may read the
/// source is another question.
fn followed_by<'a, A: Action>(permit: &Permit<A>, copy: &'a Utility) -> Option<&'a Lineage> {
    copy.lineage.as_ref().filter(|_| permit.guest_of().is_none())
}

/// What a copy is made of. That values are stored, or secrets shown, is decided for each utility anew. Where it comes from, the message
/// does not say: it is read by whom the copy is shared with in turn.
fn copy_of(metadata: &Metadata, version: &Version) -> Draft {
    Draft {
        metadata: Metadata { store_values: false, show_secrets: false, ..metadata.clone() },
        code: version.code.text().as_bytes().to_vec(),
        message: format!("Copy of version {} of its source", version.number),
        ..draft_of(&version.definition)
    }
}

/// A draft of what makes a version beside its code.
fn draft_of(definition: &Definition) -> Draft {
    Draft {
        kind: Some(definition.kind),
        parameters: definition.parameters_overridden.then(|| definition.parameters.clone()),
        limits: definition.limits,
        runtime: Some(definition.runtime.clone()),
        isolation: definition.isolation,
        fresh_processes: definition.fresh_processes,
        ..Draft::default()
    }
}

/// What is taken over: the merged parts, and the caller's code or else the merged one.
fn settled(copy: &UtilityName, sides: &Sides, keep: &[Part], given: Option<Vec<u8>>) -> Result<(Definition, Vec<u8>)> {
    let MergedParts { definition, conflicting } = sides.parts(keep);
    let lines = |at: &Conflict| format!("lines {} to {} of the merged code", at.first_line, at.last_line);
    let (code, mut undecided) = match given {
        Some(code) => (code, Vec::new()),
        None => match sides.merge() {
            Some(Merge { text, conflicts }) => (text.into_bytes(), conflicts.iter().take(MOST_NAMED).map(lines).collect()),
            None => (Vec::new(), vec!["the code, which is too long to be merged".to_owned()]),
        },
    };
    undecided.extend(conflicting.iter().map(|part| part.as_str().to_owned()));
    if undecided.is_empty() { Ok((definition, code)) } else { Err(conflict(copy, &undecided)) }
}

/// The log of another tenant whose code is about to be shown or stored tells of that first, and names nothing but what is that one's.
async fn tell_owner<A: Action<Target: OfTenant>>(permit: &Permit<A>, source: &UtilityName, version: u32) -> Result<()> {
    match source.tenant == *permit.scope().tenant() {
        true => Ok(()),
        false => permit.notes().also_in_about_version(&source.tenant, source, version).await,
    }
}

/// Who answers for where a copy comes from, once somebody has merged what that has become: whoever is of no tenant that the source is
/// shared with may have read what was not, and then the others of the copy's tenant are not to know which version that was.
fn follower(merged_by: &PrincipalName, lineage: &Lineage) -> PrincipalName {
    if merged_by.tenant() == lineage.by.tenant() { lineage.by.clone() } else { merged_by.clone() }
}

fn absent_is_none<T>(opened: Result<T>) -> Result<Option<T>> {
    match opened {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The same whether the utility is no copy, its source is out of reach, or nothing has changed there.
fn none(copy: &UtilityName) -> Error {
    Error::Precondition {
        reason: "NO_PROPOSAL",
        subject: copy.to_string(),
        description: format!("there is nothing to take over by {copy}, or its source is out of reach"),
    }
}

fn conflict(copy: &UtilityName, undecided: &[String]) -> Error {
    Error::Precondition {
        reason: "MERGE_CONFLICT",
        subject: copy.to_string(),
        description: format!("both sides have changed {}; send code that settles it, and name the parts to keep", undecided.join(", ")),
    }
}
