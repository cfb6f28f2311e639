//! Use cases of the platform. Each change states its rule order: look for the request's first answer, check that there is an engine, take
//! what is in force, change it, have it read with every rule, store it as the next revision, and have the engine make it so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::access::{Action, Installation, Permit};
use crate::audit::FieldChange;
use crate::error::{Error, Result};
use crate::lease::{Fence, Tenure};
use crate::page::{Page, PageRequest};
use crate::process::heard::heard;
use crate::process::{
    Asked, Declared, Desired, Feed, HeardFeed, IntegrationView, IntegrationsWanted, LogLine, LogQuery, MAX_MANIFEST, Manifests, Notation,
    Override, Plan, Platform, PlatformRepository, PlatformRevision, ServiceStatus, ServiceView, Standing, actions,
};
use crate::request::{Committed, RequestKey, key_reused, once};
use crate::revision::Etag;
use crate::time::Clock;
use crate::violation::Violations;
use crate::work::Spawner;

mod integrations;
mod manage;
mod reconcile;
mod tell;

/// What the platform is called where it is named as a resource.
const PLATFORM: &str = "platform";
/// Under whose lease one server of a store acts on the engine.
pub const PLATFORM_JOB: &str = "platform";
/// Most services whose logs are read at once: each is a connection to the engine.
const MAX_LOGS: usize = 50;
/// Most lines of each replica that are read from before.
const MAX_TAIL: u32 = 100_000;
/// Longest name of a service that is looked for, in characters: no engine takes one as long.
const MAX_NAME: usize = 253;
/// Most replicas of a service, as manifests have it.
const MAX_REPLICAS: u32 = 1_000;

/// What the use cases stand on.
#[derive(Clone)]
pub struct PlatformPorts {
    /// Reads manifests.
    pub manifests: Arc<dyn Manifests>,
    /// The engine.
    pub platform: Arc<dyn Platform>,
    /// Keeps revisions.
    pub repository: Arc<dyn PlatformRepository>,
    /// The lease of the one server of a store that acts on the engine.
    pub tenure: Arc<Tenure>,
    /// Runs what goes on behind a call.
    pub spawner: Arc<dyn Spawner>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Platforms {
    ports: Arc<PlatformPorts>,
    /// The newest revision that this server has begun to have made so, and under which lease.
    begun: Arc<Mutex<Option<(Fence, u64)>>>,
}

/// A manifest that somebody gives.
#[derive(Debug, Default)]
pub struct ManifestDraft {
    /// Its text; empty for the one in force.
    pub manifest: String,
    /// Its environment.
    pub environment: Option<String>,
    /// The revision that the caller saw; empty for any.
    pub etag: Etag,
    /// The request to remember.
    pub request: Option<RequestKey>,
    /// What is wrong with the request already.
    pub violations: Violations,
}

/// What is asked of one service.
#[derive(Debug)]
pub struct ServiceChange {
    /// What.
    pub asked: Asked,
    /// The request to remember.
    pub request: Option<RequestKey>,
    /// What is wrong with the request already.
    pub violations: Violations,
}

/// What is asked of one integration.
#[derive(Debug)]
pub struct IntegrationChange {
    /// Its number.
    pub integration_id: i32,
    /// Whether it shall run.
    pub enabled: bool,
    /// Parameters that are stronger than all others from now on; those that it was started with before are over. Only where it starts.
    pub parameters: BTreeMap<String, String>,
    /// The request to remember.
    pub request: Option<RequestKey>,
    /// What is wrong with the request already.
    pub violations: Violations,
}

// === impl Platforms ===

impl Platforms {
    /// Wires the use cases to their ports.
    pub fn new(ports: PlatformPorts) -> Self {
        Platforms { ports: Arc::new(ports), begun: Arc::default() }
    }

    /// The newest revision of what the platform shall be; none where no manifest was ever applied.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn get(&self, _permit: &Permit<actions::GetPlatform>) -> Result<Option<PlatformRevision>> {
        self.ports.repository.newest().await
    }

    /// What applying a manifest, or the one in force once more, would do now.
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything that is wrong with it, or where none is given and none in force; [`Error::Precondition`] without
    /// an engine.
    pub async fn plan(&self, _permit: &Permit<actions::PlanManifest>, draft: ManifestDraft) -> Result<Plan> {
        let desired = match self.in_force().await? {
            Some(in_force) if draft.manifest.is_empty() => in_force.desired,
            in_force => self.drafted(draft, in_force.as_ref(), 0).await?,
        };
        self.ports.platform.plan(&desired).await
    }

    /// Stores a manifest as what the platform shall be, and has the engine make it so, which goes on behind this call.
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything that is wrong with it; [`Error::Precondition`] without an engine; [`Error::Stale`].
    pub async fn apply(&self, permit: &Permit<actions::ApplyManifest>, draft: ManifestDraft) -> Result<PlatformRevision> {
        let request = draft.request.clone();
        once(|| self.answered(request.as_ref()), self.applied(permit, draft)).await
    }

    /// Starts, stops, restarts or scales a service, which goes on behind this call. Answers the revision and the service, without how it is
    /// where the engine does not answer.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the manifest in force has no such service; [`Error::Invalid`]; [`Error::Precondition`] without an engine;
    /// [`Error::Stale`] where somebody else has changed the platform meanwhile.
    pub async fn change<A>(&self, permit: &Permit<A>, change: ServiceChange) -> Result<(PlatformRevision, ServiceView)>
    where
        A: Action<Target = Installation>,
    {
        let (request, service) = (change.request.clone(), change.asked.service().to_owned());
        let revision = once(|| self.answered(request.as_ref()), self.changed(permit, change)).await?;
        let view = self.changed_view(&service, &revision).await?;
        Ok((revision, view))
    }

    /// A page of services, by name.
    ///
    /// # Errors
    /// [`Error::Precondition`] without an engine; [`Error::Unavailable`] where it does not answer.
    pub async fn list(&self, _permit: &Permit<actions::ListServices>, page: &PageRequest) -> Result<Page<ServiceView>> {
        let mut items: Vec<ServiceView> = self.views(self.in_force().await?.as_ref()).await?;
        if let Some(after) = &page.after {
            items.retain(|view| view.name() > after.as_str());
        }
        let is_more = items.len() > page.size as usize;
        items.truncate(page.size as usize);
        let next = items.last().filter(|_| is_more).map(|view| view.name().to_owned());
        Ok(Page { items, next })
    }

    /// One service.
    ///
    /// # Errors
    /// As [`Platforms::list`]; [`Error::NotFound`].
    pub async fn service(&self, _permit: &Permit<actions::GetService>, name: &str) -> Result<ServiceView> {
        let mut violations = Violations::default();
        check_name(name, &mut violations);
        violations.unless_any(())?;
        self.find(name, self.in_force().await?.as_ref()).await
    }

    /// How everything is, by name.
    ///
    /// # Errors
    /// As [`Platforms::list`].
    pub async fn status(&self, _permit: &Permit<actions::GetStatus>) -> Result<(Vec<ServiceView>, Vec<IntegrationView>)> {
        let (declared, statuses) = self.observed(self.in_force().await?.as_ref()).await?;
        let integrations = declared.integrations.iter().map(|one| IntegrationView::of(one.clone(), Some(&statuses))).collect();
        Ok((service_views(declared, statuses), integrations))
    }

    /// Follows how services are, from behind `after`.
    ///
    /// # Errors
    /// [`Error::Precondition`] without an engine.
    pub async fn watch(&self, _permit: &Permit<actions::WatchStatus>, after: Option<u64>) -> Result<HeardFeed> {
        Ok(heard(self.ports.platform.watch(after).await?, Arc::clone(&self.ports.clock)))
    }

    /// Reads what services have put out.
    ///
    /// # Errors
    /// [`Error::Invalid`]; [`Error::NotFound`] for a service that neither the manifest nor the engine has.
    pub async fn logs(
        &self,
        _permit: &Permit<actions::ReadLogs>,
        mut query: LogQuery,
        mut violations: Violations,
    ) -> Result<Feed<Result<LogLine>>> {
        if query.services.is_empty() {
            violations.push("service_names", "MISSING", "name at least one service");
        } else if query.services.len() > MAX_LOGS {
            violations.push("service_names", "TOO_MANY", format!("{} services; the limit is {MAX_LOGS}", query.services.len()));
        }
        violations.unless_any(())?;
        query.tail = query.tail.map(|tail| tail.min(MAX_TAIL));
        query.services.sort_unstable();
        query.services.dedup();
        let known = self.views(self.in_force().await?.as_ref()).await?;
        if let Some(missing) = query.services.iter().find(|name| known.iter().all(|view| view.name() != name.as_str())) {
            return Err(absent(missing));
        }
        self.ports.platform.logs(query).await
    }

    async fn applied(&self, permit: &Permit<actions::ApplyManifest>, draft: ManifestDraft) -> Result<PlatformRevision> {
        self.ports.platform.check()?;
        let newest = self.ports.repository.newest().await?;
        let (request, etag) = (draft.request.clone(), draft.etag.clone());
        let number = newest.as_ref().map_or(0, |newest| newest.desired.revision);
        let in_force = self.in_force().await?;
        let desired = self.drafted(draft, in_force.as_ref(), number + 1).await?;
        let present = newest.as_ref().map_or_else(Etag::default, PlatformRevision::etag);
        if !etag.admits(&present) {
            return Err(stale());
        }
        let stored = self.store(permit, desired, Asked::Apply, request).await?;
        permit.note_changes(
            FieldChange::of("manifest", newest.as_ref().map(|newest| &*newest.desired.manifest), Some(&stored.desired.manifest))
                .into_iter()
                .collect(),
        );
        Ok(stored)
    }

    async fn changed<A>(&self, permit: &Permit<A>, change: ServiceChange) -> Result<PlatformRevision>
    where
        A: Action<Target = Installation>,
    {
        let ServiceChange { asked, request, mut violations } = change;
        if let Asked::Scale(_, replicas) = &asked
            && *replicas > MAX_REPLICAS
        {
            violations.push("replicas", "OUT_OF_RANGE", format!("{replicas} replicas; the limit is {MAX_REPLICAS}"));
        }
        check_name(asked.service(), &mut violations);
        violations.unless_any(())?;
        self.ports.platform.check()?;
        let newest = self.ports.repository.newest().await?;
        let base = self.in_force().await?.ok_or_else(|| absent(asked.service()))?;
        let declared = self.ports.manifests.read(&base.desired).await?;
        if declared.services.iter().all(|service| service.name != asked.service()) {
            return Err(absent(asked.service()));
        }
        let mut desired = base.desired;
        desired.revision = newest.map_or(0, |newest| newest.desired.revision) + 1;
        asked.lay(desired.overrides.entry(asked.service().to_owned()).or_default());
        self.ports.manifests.read(&desired).await.map_err(|error| against_rules(asked.service(), error))?;
        permit.note_resource(&format!("services/{}", asked.service()));
        self.store(permit, desired, asked, request).await
    }

    /// A draft as the next revision, read with every rule. What was asked of services before is over, but how often they were restarted: a
    /// smaller number would replace them once more.
    async fn drafted(&self, draft: ManifestDraft, before: Option<&PlatformRevision>, revision: u64) -> Result<Desired> {
        let ManifestDraft { manifest, environment, mut violations, .. } = draft;
        if manifest.is_empty() {
            violations.push("manifest", "MISSING", "a platform has a manifest");
        } else if manifest.len() > MAX_MANIFEST {
            violations.push("manifest", "TOO_LONG", format!("{} bytes; the limit is {MAX_MANIFEST}", manifest.len()));
        }
        violations.unless_any(())?;
        let notation = Notation::of(&manifest);
        // Whoever holds a port keeps it.
        let leases = before.map(|before| before.desired.integrations.leases.clone()).unwrap_or_default();
        let integrations = IntegrationsWanted { overrides: BTreeMap::new(), leases };
        let plain = Desired { revision, manifest: manifest.into(), notation, environment, overrides: BTreeMap::new(), integrations };
        let declared = self.ports.manifests.read(&plain).await?;
        let restarted = before.map(|before| restarted(&before.desired.overrides, &declared)).unwrap_or_default();
        Ok(Desired { overrides: restarted, integrations: declared.leased, ..plain })
    }

    async fn store<A: Action>(
        &self,
        permit: &Permit<A>,
        desired: Desired,
        asked: Asked,
        request: Option<RequestKey>,
    ) -> Result<PlatformRevision> {
        let (author, created) = (permit.principal().clone(), self.ports.clock.now());
        let revision = PlatformRevision { desired, asked, author, created, standing: Standing::UnderWay };
        match self.ports.repository.add(&revision, request.as_ref()).await? {
            Committed::Stored => {
                // Where another server has the lease, that one finds it.
                if let Some(fence) = self.ports.tenure.fence() {
                    self.begin(fence, revision.desired.revision, revision.clone());
                }
                Ok(revision)
            }
            Committed::Conflict => Err(stale()),
            Committed::Answered(first) => Ok(*first),
            Committed::Removed { resource } => Err(Error::NotFound { resource }),
            Committed::KeyReused => Err(key_reused()),
        }
    }

    async fn answered(&self, request: Option<&RequestKey>) -> Result<Option<PlatformRevision>> {
        let Some(key) = request else { return Ok(None) };
        match self.ports.repository.find_answer(key).await? {
            None | Some(Committed::Stored | Committed::Conflict) => Ok(None),
            Some(Committed::Answered(first)) => Ok(Some(*first)),
            Some(Committed::Removed { resource }) => Err(Error::NotFound { resource }),
            Some(Committed::KeyReused) => Err(key_reused()),
        }
    }

    /// What runs, or is to: the newest revision, or the one that was reached last where that was taken back.
    async fn in_force(&self) -> Result<Option<PlatformRevision>> {
        match self.ports.repository.newest().await? {
            Some(newest) if !newest.is_in_force() => self.ports.repository.reached().await,
            newest => Ok(newest),
        }
    }

    async fn views(&self, revision: Option<&PlatformRevision>) -> Result<Vec<ServiceView>> {
        let (declared, statuses) = self.observed(revision).await?;
        Ok(service_views(declared, statuses))
    }

    /// What is declared beside what runs.
    async fn observed(&self, revision: Option<&PlatformRevision>) -> Result<(Declared, Vec<ServiceStatus>)> {
        let desired = revision.map(|revision| &revision.desired);
        let statuses = self.ports.platform.status(desired).await?;
        let declared = match desired {
            Some(desired) => self.ports.manifests.read(desired).await?,
            None => Declared::default(),
        };
        Ok((declared, statuses))
    }

    /// A service whose change is stored: an engine that does not answer afterwards makes that none that has failed.
    async fn changed_view(&self, name: &str, revision: &PlatformRevision) -> Result<ServiceView> {
        let declared = self.ports.manifests.read(&revision.desired).await?;
        let statuses = self.ports.platform.status(Some(&revision.desired)).await.unwrap_or_default();
        let found = service_views(declared, statuses).into_iter().find(|view| view.name() == name);
        found.ok_or_else(|| absent(name))
    }

    async fn find(&self, name: &str, revision: Option<&PlatformRevision>) -> Result<ServiceView> {
        let found = self.views(revision).await?.into_iter().find(|view| view.name() == name);
        found.ok_or_else(|| absent(name))
    }
}

/// Services, without what integrations run as.
fn service_views(declared: Declared, mut statuses: Vec<ServiceStatus>) -> Vec<ServiceView> {
    let is_declared = |name: &str| declared.services.iter().any(|service| service.name == name);
    statuses.retain(|status| is_declared(&status.name) || declared.integrations.iter().all(|one| one.runs_as != status.name));
    ServiceView::of(declared.services, statuses)
}

fn restarted(before: &BTreeMap<String, Override>, declared: &Declared) -> BTreeMap<String, Override> {
    let stays = |name: &String| declared.services.iter().any(|service| service.name == *name);
    let restarts = before.iter().filter(|(name, over)| over.restarts > 0 && stays(name));
    restarts.map(|(name, over)| (name.clone(), Override { restarts: over.restarts, ..Override::default() })).collect()
}

fn check_name(service: &str, violations: &mut Violations) {
    if service.is_empty() {
        violations.push("service_name", "MISSING", "name the service");
    } else if service.chars().count() > MAX_NAME {
        violations.push("service_name", "TOO_LONG", format!("the limit is {MAX_NAME} characters"));
    }
}

fn absent(service: &str) -> Error {
    Error::NotFound { resource: format!("services/{service}") }
}

/// What is asked for is right in itself, and the platform as it is forbids it: a service that others wait for does not stop before them.
fn against_rules(service: &str, error: Error) -> Error {
    let Error::Invalid(violations) = error else { return error };
    let rules: Vec<String> = violations.iter().map(|violation| violation.description.clone()).collect();
    let description = format!("services/{service} cannot be so: {}", rules.join("; "));
    Error::Precondition { reason: "AGAINST_MANIFEST_RULES", subject: format!("services/{service}"), description }
}

fn stale() -> Error {
    Error::Stale { resource: PLATFORM.to_owned() }
}
