//! Use cases of webhooks. Each states its rule order: look for the request's first answer, load, check, change, store with
//! compare-and-set.

use std::sync::Arc;
use std::time::Duration;

use crate::access::{Action, Found, OfTenant, Permit};
use crate::audit::FieldChange;
use crate::error::{Error, ErrorKind, Result};
use crate::event::EventSelection;
use crate::identity::Secret;
use crate::name::{WebhookId, WebhookName};
use crate::page::{Page, PageRequest};
use crate::request::{Committed, Expected, RequestKey, key_reused, once};
use crate::revision::{Etag, Revision};
use crate::time::Clock;
use crate::violation::{Violations, longest};
use crate::webhook::{
    DeadLetter, Webhook, WebhookChange, WebhookProgress, WebhookRepository, WebhookSecrets, WebhookSender, WebhookState, actions,
};

/// Longest address and longest description, in characters.
const MAX_URL: usize = 2_048;
const MAX_DESCRIPTION: usize = 500;
/// How long the secret before still signs, beside the new one.
const OVERLAP: Duration = Duration::from_secs(24 * 3_600);
/// Secrets before that sign beside the new one: whoever did not hear an answer rotates again.
const MAX_PREVIOUS: usize = 3;
/// Dead letters that can be named in one request.
const MAX_NAMED: usize = 1_000;

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    ports: WebhookPorts,
}

/// What webhooks need from outside. Cheap to clone.
#[derive(Clone)]
pub struct WebhookPorts {
    /// Where they are kept.
    pub repository: Arc<dyn WebhookRepository>,
    /// Who sends.
    pub sender: Arc<dyn WebhookSender>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// What every change says beside what it changes.
#[derive(Debug, Default)]
pub struct WebhookAsked {
    /// The revision that the caller saw; empty for any.
    pub etag: Etag,
    /// The request to remember.
    pub request: Option<RequestKey>,
    /// What is wrong with the request already.
    pub violations: Violations,
}

/// A webhook as asked for.
#[derive(Debug, Default)]
pub struct WebhookDraft {
    /// Its id; `None` where what was given is none, which is among the violations.
    pub id: Option<WebhookId>,
    /// The address.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// Types of events.
    pub types: Vec<String>,
    /// Whether nothing is to be sent for now.
    pub disabled: bool,
}

/// Parts of a webhook to change; `None` leaves a part as it is.
#[derive(Debug, Default)]
pub struct WebhookPatch {
    /// New address.
    pub url: Option<String>,
    /// New description.
    pub description: Option<String>,
    /// New types.
    pub types: Option<Vec<String>>,
    /// Whether anything is sent from now on.
    pub disabled: Option<bool>,
}

impl Webhooks {
    /// Wires the use cases to their ports.
    pub fn new(ports: WebhookPorts) -> Self {
        Webhooks { ports }
    }

    /// Creates a webhook; its secret is answered once, and not where the request was answered before.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every violation; [`Error::AlreadyExists`]; [`Error::Precondition`] when the tenant has too many.
    pub async fn create(
        &self,
        permit: &Permit<actions::CreateWebhook>,
        draft: WebhookDraft,
        asked: WebhookAsked,
    ) -> Result<(Webhook, Option<Secret>)> {
        let request = asked.request.clone();
        let look = || async { Ok(self.answered(permit, request.as_ref()).await?.map(|first| (first, None))) };
        once(look, self.make(permit, draft, asked)).await
    }

    /// Reads a webhook, and how far its deliveries have come.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, permit: &Permit<actions::GetWebhook>) -> Result<(Webhook, WebhookProgress)> {
        let webhook = self.load(permit).await?;
        let progress = self.ports.repository.progress(&permit.scope(), &permit.target().webhook).await?;
        Ok((webhook, progress.unwrap_or_default()))
    }

    /// A page of webhooks.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cursor that is not one.
    pub async fn list(&self, permit: &Permit<actions::ListWebhooks>, page: &PageRequest) -> Result<Page<Webhook>> {
        Ok(permit.open_page(self.ports.repository.list(&permit.scope(), page).await?))
    }

    /// Changes parts of a webhook.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every violation; [`Error::NotFound`], [`Error::Stale`].
    pub async fn update(&self, permit: &Permit<actions::UpdateWebhook>, patch: WebhookPatch, asked: WebhookAsked) -> Result<Webhook> {
        let request = asked.request.clone();
        once(|| self.answered(permit, request.as_ref()), self.apply(permit, patch, asked)).await
    }

    /// Deletes a webhook, with everything that is on its way to it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`].
    pub async fn delete(&self, permit: &Permit<actions::DeleteWebhook>, asked: WebhookAsked) -> Result<Webhook> {
        let request = asked.request.clone();
        let work = self.turn(permit, asked, |change| change.deletes = true);
        once(|| self.answered(permit, request.as_ref()), work).await
    }

    /// Gives a webhook another secret, which is answered once; those before sign beside it, each until a day after it was replaced. A
    /// secret that cannot be read any more is replaced all the same.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`].
    pub async fn rotate(&self, permit: &Permit<actions::RotateWebhookSecret>, asked: WebhookAsked) -> Result<(Webhook, Option<Secret>)> {
        let request = asked.request.clone();
        let look = || async { Ok(self.answered(permit, request.as_ref()).await?.map(|first| (first, None))) };
        let work = async {
            // Before the secrets are read: what was rotated meanwhile is a conflict.
            let (old, request) = self.seen(permit, asked).await?;
            let secret = self.ports.sender.new_secret();
            let secrets = self.beside(permit, &secret).await?;
            let webhook = self.turn_from(permit, old, request, |change| change.secrets = Some(secrets)).await?;
            Ok((webhook, Some(secret)))
        };
        once(look, work).await
    }

    /// A page of dead letters.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for a cursor that is not one.
    pub async fn dead_letters(&self, permit: &Permit<actions::ListDeadLetters>, page: &PageRequest) -> Result<Page<DeadLetter>> {
        self.load(permit).await?;
        Ok(permit.open_page(self.ports.repository.dead_letters(&permit.scope(), &permit.target().webhook, page).await?))
    }

    /// Sends dead letters again, those of events at these places or all of them, each as often as a new delivery.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NotFound`], [`Error::Stale`].
    pub async fn replay(&self, permit: &Permit<actions::ReplayDeadLetters>, places: Vec<u64>, mut asked: WebhookAsked) -> Result<Webhook> {
        if places.len() > MAX_NAMED {
            asked.violations.push("sequences", "TOO_LONG", format!("{} sequences; the limit is {MAX_NAMED}", places.len()));
        }
        let (request, now) = (asked.request.clone(), self.ports.clock.now());
        let work = self.turn(permit, asked, |change| change.replays = Some((places, now)));
        once(|| self.answered(permit, request.as_ref()), work).await
    }

    async fn make(
        &self,
        permit: &Permit<actions::CreateWebhook>,
        draft: WebhookDraft,
        asked: WebhookAsked,
    ) -> Result<(Webhook, Option<Secret>)> {
        let WebhookDraft { id, url, description, types, disabled } = draft;
        let WebhookAsked { request, mut violations, .. } = asked;
        self.judge(Some(&url), Some(&description), Some(&types), &mut violations);
        let id = violations.unless_any(id)?.ok_or(Error::Internal { context: "an id that is none was no violation", source: None })?;
        let name = WebhookName { tenant: permit.target().tenant.clone(), webhook: id };
        permit.notes().resource(&name);
        let now = self.ports.clock.now();
        let state = if disabled { WebhookState::Disabled } else { WebhookState::Active };
        let webhook = Webhook { name, url, description, types, state, created: now, updated: now, revision: Revision::FIRST };
        let secret = self.ports.sender.new_secret();
        let secrets = Some(WebhookSecrets { current: copy(&secret), previous: Vec::new() });
        let change =
            WebhookChange { expected: Expected::Absent, webhook: webhook.clone(), deletes: false, secrets, replays: None, request };
        let (stored, first) = self.store(permit, change).await?;
        permit.note_changes(FieldChange::of("url", None, Some(webhook.url.as_str())).into_iter().collect());
        // The same request, answered meanwhile: its secret was shown there.
        Ok((stored, first.then_some(secret)))
    }

    async fn apply(&self, permit: &Permit<actions::UpdateWebhook>, patch: WebhookPatch, asked: WebhookAsked) -> Result<Webhook> {
        let WebhookAsked { etag, request, mut violations } = asked;
        self.judge(patch.url.as_deref(), patch.description.as_deref(), patch.types.as_ref(), &mut violations);
        violations.unless_any(())?;
        let old = self.load(permit).await?;
        old.check_etag(&etag)?;
        let state = match patch.disabled {
            Some(true) => WebhookState::Disabled,
            Some(false) => WebhookState::Active,
            None => old.state,
        };
        let webhook = Webhook {
            url: patch.url.unwrap_or_else(|| old.url.clone()),
            description: patch.description.unwrap_or_else(|| old.description.clone()),
            types: patch.types.unwrap_or_else(|| old.types.clone()),
            state,
            updated: self.ports.clock.now(),
            revision: old.revision.next(),
            ..old.clone()
        };
        let changes = [
            FieldChange::of("url", Some(old.url.as_str()), Some(webhook.url.as_str())),
            FieldChange::of("description", Some(old.description.as_str()), Some(webhook.description.as_str())),
            FieldChange::of("types", Some(old.types.join(" ").as_str()), Some(webhook.types.join(" ").as_str())),
            FieldChange::named("state", Some(old.state.as_str()), Some(webhook.state.as_str())),
        ];
        let expected = Expected::Revision(old.revision);
        let change = WebhookChange { expected, webhook, deletes: false, secrets: None, replays: None, request };
        let (stored, _) = self.store(permit, change).await?;
        permit.note_changes(changes.into_iter().flatten().collect());
        Ok(stored)
    }

    /// A change that changes no field of it.
    async fn turn<A: Action<Target = WebhookName>>(
        &self,
        permit: &Permit<A>,
        asked: WebhookAsked,
        what: impl FnOnce(&mut WebhookChange) + Send,
    ) -> Result<Webhook> {
        let (old, request) = self.seen(permit, asked).await?;
        self.turn_from(permit, old, request, what).await
    }

    /// The webhook that is to be changed, if it is as the caller saw it, and the request to remember.
    async fn seen<A: Action<Target = WebhookName>>(
        &self,
        permit: &Permit<A>,
        asked: WebhookAsked,
    ) -> Result<(Webhook, Option<RequestKey>)> {
        let WebhookAsked { etag, request, violations } = asked;
        violations.unless_any(())?;
        let old = self.load(permit).await?;
        old.check_etag(&etag)?;
        Ok((old, request))
    }

    async fn turn_from<A: Action<Target = WebhookName>>(
        &self,
        permit: &Permit<A>,
        old: Webhook,
        request: Option<RequestKey>,
        what: impl FnOnce(&mut WebhookChange) + Send,
    ) -> Result<Webhook> {
        let (expected, revision) = (Expected::Revision(old.revision), old.revision.next());
        let webhook = Webhook { updated: self.ports.clock.now(), revision, ..old };
        let mut change = WebhookChange { expected, webhook, deletes: false, secrets: None, replays: None, request };
        what(&mut change);
        Ok(self.store(permit, change).await?.0)
    }

    /// A new secret with those before that receivers may still be using.
    async fn beside<A: Action<Target = WebhookName>>(&self, permit: &Permit<A>, secret: &Secret) -> Result<WebhookSecrets> {
        let now = self.ports.clock.now();
        let before = match self.ports.repository.secrets(&permit.scope(), &permit.target().webhook).await {
            // Nothing can be signed with what does not open; with another one it can.
            Err(error) if error.kind() == ErrorKind::Internal => None,
            found => found?,
        };
        let replaced = |before: WebhookSecrets| std::iter::once((before.current, now.plus(OVERLAP))).chain(before.previous);
        let previous = before.into_iter().flat_map(replaced).filter(|(_, until)| now < *until).take(MAX_PREVIOUS).collect();
        Ok(WebhookSecrets { current: copy(secret), previous })
    }

    /// The webhook as it is answered, and whether it was stored just now.
    async fn store<A: Action<Target: OfTenant>>(&self, permit: &Permit<A>, change: WebhookChange) -> Result<(Webhook, bool)> {
        let (webhook, is_new) = (change.webhook.clone(), change.expected == Expected::Absent);
        let resource = webhook.name.to_string();
        match self.ports.repository.commit(&permit.scope(), change).await? {
            Committed::Stored => Ok((webhook, true)),
            Committed::Conflict if is_new => Err(Error::AlreadyExists { resource }),
            Committed::Conflict => Err(Error::Stale { resource }),
            Committed::Answered(first) => Ok((*first, false)),
            Committed::Removed { resource } => Err(Error::NotFound { resource }),
            Committed::KeyReused => Err(key_reused()),
        }
    }

    async fn load<A: Action<Target = WebhookName>>(&self, permit: &Permit<A>) -> Result<Webhook> {
        let name = permit.target();
        permit.open(self.ports.repository.find(&permit.scope(), &name.webhook).await?, name)
    }

    async fn answered<A: Action<Target: OfTenant>>(&self, permit: &Permit<A>, request: Option<&RequestKey>) -> Result<Option<Webhook>> {
        let Some(request) = request else { return Ok(None) };
        match self.ports.repository.find_answer(&permit.scope(), request).await? {
            Some(Committed::Answered(first)) => {
                let name = first.name.clone();
                permit.open(Found::one(*first), &name).map(Some)
            }
            Some(Committed::Removed { resource }) => Err(Error::NotFound { resource }),
            Some(Committed::KeyReused) => Err(key_reused()),
            Some(Committed::Stored | Committed::Conflict) | None => Ok(None),
        }
    }

    /// What is wrong with what is asked for is among the violations.
    fn judge(&self, url: Option<&str>, description: Option<&str>, types: Option<&Vec<String>>, violations: &mut Violations) {
        let mut found = Vec::new();
        if let Some(url) = url {
            longest(&mut found, "webhook.url".to_owned(), url, MAX_URL);
            if let Err(problem) = self.ports.sender.check(url) {
                violations.push("webhook.url", "ADDRESS_REFUSED", problem);
            }
        }
        if let Some(description) = description {
            longest(&mut found, "webhook.description".to_owned(), description, MAX_DESCRIPTION);
        }
        found.into_iter().for_each(|violation| violations.push(violation.field, violation.reason, violation.description));
        if let Some(types) = types {
            EventSelection::read("webhook.types", types.clone(), violations);
        }
    }
}

fn copy(secret: &Secret) -> Secret {
    Secret::new(secret.expose())
}
