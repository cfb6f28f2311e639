//! What every `WebhookRepository` promises, together with the events of the same store. Each check wants empty repositories.

use domain::event::Event;
use domain::identity::Secret;
use domain::name::{WebhookId, WebhookName};
use domain::page::PageRequest;
use domain::request::{Committed, Expected, RequestKey};
use domain::revision::Revision;
use domain::webhook::{
    DeadLetter, Delivery, Failed, MAX_WEBHOOKS, Queued, Verdict, Webhook, WebhookChange, WebhookProgress, WebhookRepository,
    WebhookSecrets, WebhookState,
};

use crate::event_repository::Stores;
use crate::sample::{self, at, scope, tenant};

/// Makes one test of each check. `$make` is an expression of which a reference becomes
/// [`Stores`](crate::event_repository::Stores), and dereferences to a `WebhookRepository`.
#[macro_export]
macro_rules! webhook_repository_contract {
    ($make:expr) => {
        $crate::webhook_repository_contract! { $make;
            a_webhook_survives_whole_with_its_secrets,
            a_webhook_changes_only_from_the_expected_revision,
            a_new_webhook_begins_behind_what_has_happened,
            events_are_queued_once_and_are_due_in_order,
            what_was_judged_by_a_webhook_that_was_changed_since_is_not_queued_and_nothing_is_due_to_it,
            a_result_that_comes_late_decides_nothing,
            no_further_event_is_looked_at_while_too_many_wait,
            a_webhook_is_pending_while_there_is_something_to_do_for_it,
            webhooks_are_pending_in_turn,
            no_tenant_gets_more_webhooks_than_it_may_have,
            dead_letters_are_removed_once_they_are_old,
            what_is_given_up_is_kept_until_it_is_asked_for_again,
            what_is_deleted_takes_everything_with_it,
            a_remembered_request_about_a_webhook_is_answered_once,
        }
    };
    ($make:expr; $($check:ident,)*) => {
        $(#[tokio::test]
        async fn $check() {
            let stores = $make;
            $crate::webhook_repository::$check(&*stores, (&stores).into()).await;
        })*
    };
}

fn id(text: &str) -> WebhookId {
    WebhookId::parse("webhook", text).expect("the id is one")
}

/// A webhook with every field filled.
pub fn webhook(code: &str, webhook: &str) -> Webhook {
    Webhook {
        name: WebhookName { tenant: tenant(code), webhook: id(webhook) },
        url: "https://hooks.example.org/zona".to_owned(),
        description: "for \"tests\"".to_owned(),
        types: vec!["dev.zona.utility".to_owned(), "dev.zona.tenant.deleted".to_owned()],
        state: WebhookState::Active,
        created: at(1),
        updated: at(2),
        revision: Revision::FIRST,
    }
}

/// Later than any test.
const LATER: u64 = 9_000_000_000_000;

fn secrets(current: &str, previous: &[&str]) -> WebhookSecrets {
    WebhookSecrets { current: Secret::new(current), previous: previous.iter().map(|secret| (Secret::new(*secret), at(LATER))).collect() }
}

fn creation(webhook: &Webhook) -> WebhookChange {
    let (expected, webhook) = (Expected::Absent, webhook.clone());
    WebhookChange { expected, webhook, deletes: false, secrets: Some(secrets("one", &[])), replays: None, request: None }
}

fn change(before: &Webhook, after: &Webhook) -> WebhookChange {
    let webhook = Webhook { revision: before.revision.next(), ..after.clone() };
    WebhookChange { expected: Expected::Revision(before.revision), webhook, deletes: false, secrets: None, replays: None, request: None }
}

async fn commit(repository: &dyn WebhookRepository, change: WebhookChange) -> Committed<Webhook> {
    let scope = scope(change.webhook.name.tenant.as_str());
    repository.commit(&scope, change).await.expect("the store answers")
}

async fn find(repository: &dyn WebhookRepository, code: &str, webhook: &str) -> Option<Webhook> {
    repository.find(&scope(code), &id(webhook)).await.expect("the store answers").open_for_system()
}

async fn progress(repository: &dyn WebhookRepository) -> WebhookProgress {
    repository.progress(&scope("acme"), &id("a")).await.expect("the store answers").expect("it is there")
}

async fn due(repository: &dyn WebhookRepository, millis: u64) -> Vec<u64> {
    let Some(webhook) = find(repository, "acme", "a").await else { return Vec::new() };
    let due = repository.due(&scope("acme"), &webhook, at(millis), 100).await.expect("the store answers");
    due.into_iter().map(|delivery| delivery.event.sequence).collect()
}

async fn letters(repository: &dyn WebhookRepository, size: u32, after: Option<String>) -> (Vec<DeadLetter>, Option<String>) {
    let page = repository.dead_letters(&scope("acme"), &id("a"), &PageRequest { size, after }).await.expect("the store answers");
    let page = page.open_for_system().expect("there is a page");
    (page.items, page.next)
}

/// So many events of tenant `acme`, as they are stored.
async fn happened(stores: Stores<'_>, many: u64) -> Vec<Event> {
    let acme = scope("acme");
    for number in 0..many {
        let creation = sample::creation(sample::utility(&acme, &format!("u-{number}")));
        stores.utilities.commit(&acme, creation).await.expect("the store answers");
    }
    stores.events.behind(&acme, 0).await.expect("the store answers").open_for_system().expect("there is a page").items
}

async fn queue(repository: &dyn WebhookRepository, from: u64, to: u64, events: &[Event], due: u64) -> bool {
    let revision = find(repository, "acme", "a").await.expect("it is there").revision;
    let queued = Queued { revision, from, to, missed: 0, events: events.to_vec(), due: at(due) };
    repository.queue(&scope("acme"), &id("a"), queued).await.expect("the store answers")
}

async fn fail(repository: &dyn WebhookRepository, sequence: u64, attempts: u32, verdict: Verdict) -> bool {
    let failed = Failed { sequence, attempts, failure: format!("failure {attempts}"), verdict };
    repository.failed(&scope("acme"), &id("a"), failed).await.expect("the store answers")
}

/// Secrets come back, the one before with its end, and only to whom they belong.
pub async fn a_webhook_survives_whole_with_its_secrets(repository: &dyn WebhookRepository, _: Stores<'_>) {
    let one = webhook("acme", "a");
    assert_eq!(commit(repository, creation(&one)).await, Committed::Stored);
    assert_eq!(commit(repository, creation(&webhook("beta", "a"))).await, Committed::Stored);
    assert_eq!(commit(repository, creation(&one)).await, Committed::Conflict);
    assert_eq!((find(repository, "acme", "a").await, find(repository, "acme", "b").await), (Some(one.clone()), None));
    let known = async || {
        let secrets = repository.secrets(&scope("acme"), &id("a")).await.expect("the store answers").expect("there are");
        let previous: Vec<_> = secrets.previous.iter().map(|(secret, until)| (secret.expose().to_owned(), *until)).collect();
        (secrets.current.expose().to_owned(), previous)
    };
    assert_eq!(known().await, ("one".to_owned(), vec![]));
    let rotation = WebhookChange { secrets: Some(secrets("two", &["one", "none"])), ..change(&one, &one) };
    assert_eq!(commit(repository, rotation).await, Committed::Stored);
    assert_eq!(known().await, ("two".to_owned(), vec![("one".to_owned(), at(LATER)), ("none".to_owned(), at(LATER))]));
    let second = find(repository, "acme", "a").await.expect("it is there");
    assert_eq!(commit(repository, change(&second, &second)).await, Committed::Stored);
    assert_eq!(known().await.0, "two", "a change of something else keeps it");
    let page = repository.list(&scope("acme"), &PageRequest { size: 1, after: None }).await.expect("the store answers");
    assert_eq!(page.open_for_system().map(|page| (page.items.len(), page.next)), Some((1, None)));
}

/// A change from another revision stores nothing.
pub async fn a_webhook_changes_only_from_the_expected_revision(repository: &dyn WebhookRepository, _: Stores<'_>) {
    let first = webhook("acme", "a");
    assert_eq!(commit(repository, change(&first, &first)).await, Committed::Conflict, "there is none");
    commit(repository, creation(&first)).await;
    let second = Webhook { state: WebhookState::Failed, url: "https://other.example.org/".to_owned(), ..first.clone() };
    assert_eq!(commit(repository, change(&first, &second)).await, Committed::Stored);
    assert_eq!(commit(repository, change(&first, &first)).await, Committed::Conflict);
    let stored = Webhook { revision: Revision::FIRST.next(), ..second };
    assert_eq!(find(repository, "acme", "a").await, Some(stored));
}

/// What was there before is nobody's news.
pub async fn a_new_webhook_begins_behind_what_has_happened(repository: &dyn WebhookRepository, stores: Stores<'_>) {
    happened(stores, 3).await;
    commit(repository, creation(&webhook("acme", "a"))).await;
    assert_eq!(progress(repository).await, WebhookProgress { reached: 3, ..WebhookProgress::default() });
    assert_eq!(repository.progress(&scope("acme"), &id("b")).await.expect("the store answers"), None);
}

/// By whichever server looked first; what is tried again waits.
pub async fn events_are_queued_once_and_are_due_in_order(repository: &dyn WebhookRepository, stores: Stores<'_>) {
    commit(repository, creation(&webhook("acme", "a"))).await;
    let events = happened(stores, 4).await;
    assert!(queue(repository, 0, 4, &events[..3], 10).await);
    assert!(!queue(repository, 0, 4, &events, 10).await, "another was first");
    assert_eq!(progress(repository).await, WebhookProgress { reached: 4, waiting: 3, ..WebhookProgress::default() });
    assert_eq!((due(repository, 9).await, due(repository, 10).await), (vec![], vec![1, 2, 3]));
    let one = webhook("acme", "a");
    let delivery = repository.due(&scope("acme"), &one, at(10), 1).await.expect("the store answers").remove(0);
    assert_eq!((delivery.event, delivery.attempts), (events[0].clone(), 0), "whole");
    fail(repository, 1, 1, Verdict::Again(at(50))).await;
    repository.taken(&scope("acme"), &id("a"), 2).await.expect("the store answers");
    assert_eq!((due(repository, 49).await, due(repository, 50).await), (vec![3], vec![3, 1]));
    let again = repository.due(&scope("acme"), &one, at(50), 100).await.expect("the store answers");
    assert_eq!(again[1].attempts, 1);
}

/// Otherwise what somebody has just asked for would be passed over, and what nobody wants any more would be sent.
pub async fn what_was_judged_by_a_webhook_that_was_changed_since_is_not_queued_and_nothing_is_due_to_it(
    repository: &dyn WebhookRepository,
    stores: Stores<'_>,
) {
    let one = webhook("acme", "a");
    commit(repository, creation(&one)).await;
    let events = happened(stores, 2).await;
    assert!(queue(repository, 0, 1, &events[..1], 10).await);
    commit(repository, change(&one, &Webhook { types: Vec::new(), ..one.clone() })).await;
    let queued = Queued { revision: one.revision, from: 1, to: 2, missed: 0, events: Vec::new(), due: at(10) };
    assert!(!repository.queue(&scope("acme"), &id("a"), queued).await.expect("the store answers"));
    assert_eq!(progress(repository).await.reached, 1);
    let due = async |webhook: &Webhook| repository.due(&scope("acme"), webhook, at(10), 9).await.expect("the store answers").len();
    let second = find(repository, "acme", "a").await.expect("it is there");
    assert_eq!((due(&one).await, due(&second).await), (0, 1));
    commit(repository, change(&second, &Webhook { state: WebhookState::Disabled, ..second.clone() })).await;
    let third = find(repository, "acme", "a").await.expect("it is there");
    assert_eq!(due(&third).await, 0, "it is disabled");
}

/// Neither that of an attempt before the last one, nor any once the delivery was given up.
pub async fn a_result_that_comes_late_decides_nothing(repository: &dyn WebhookRepository, stores: Stores<'_>) {
    commit(repository, creation(&webhook("acme", "a"))).await;
    queue(repository, 0, 1, &happened(stores, 1).await, 10).await;
    let stored = find(repository, "acme", "a").await.expect("it is there");
    let first = repository.due(&scope("acme"), &stored, at(10), 9).await.expect("the store answers").remove(0);
    let awaited = async |attempts| {
        let delivery = Delivery { attempts, ..first.clone() };
        repository.awaits(&scope("acme"), &delivery).await.expect("the store answers")
    };
    assert!(awaited(0).await && !awaited(1).await);
    assert!(fail(repository, 1, 1, Verdict::Again(at(50))).await);
    assert!(!fail(repository, 1, 1, Verdict::Again(at(20))).await);
    assert_eq!((due(repository, 49).await, due(repository, 50).await), (vec![], vec![1]));
    assert!(!awaited(0).await && awaited(1).await);
    assert!(fail(repository, 1, 2, Verdict::GivenUp(at(60))).await);
    assert!(!awaited(2).await, "it was given up");
    assert!(!fail(repository, 1, 3, Verdict::Again(at(70))).await);
    assert!(!fail(repository, 1, 3, Verdict::GivenUp(at(70))).await);
    let (letters, _) = letters(repository, 9, None).await;
    assert_eq!(letters.iter().map(|letter| (letter.given_up, letter.failure.as_str())).collect::<Vec<_>>(), [(at(60), "failure 2")]);
    assert_eq!((due(repository, 1_000).await, progress(repository).await.given_up), (vec![], 1));
}

/// What was given up waits no more.
pub async fn no_further_event_is_looked_at_while_too_many_wait(repository: &dyn WebhookRepository, stores: Stores<'_>) {
    commit(repository, creation(&webhook("acme", "a"))).await;
    queue(repository, 0, 3, &happened(stores, 3).await, 10).await;
    let reached = async |most| repository.reached(&scope("acme"), &id("a"), most).await.expect("the store answers");
    assert_eq!((reached(3).await, reached(4).await), (None, Some(3)));
    fail(repository, 2, 1, Verdict::GivenUp(at(60))).await;
    assert_eq!((reached(2).await, reached(3).await), (None, Some(3)));
    assert_eq!(repository.reached(&scope("acme"), &id("b"), 9).await.expect("the store answers"), None);
}

/// From behind the last one that was told of, around to the first ones.
pub async fn webhooks_are_pending_in_turn(repository: &dyn WebhookRepository, stores: Stores<'_>) {
    for name in ["a", "b", "c"] {
        commit(repository, creation(&webhook("acme", name))).await;
    }
    happened(stores, 1).await;
    let pending = async |after: Option<&str>| {
        let after = after.map(|after| webhook("acme", after).name);
        let pending = repository.pending(at(100), after.as_ref()).await.expect("the store answers");
        pending.into_iter().map(|webhook| webhook.name.webhook.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(pending(None).await, ["a", "b", "c"]);
    assert_eq!(pending(Some("a")).await, ["b", "c", "a"]);
    assert_eq!(pending(Some("bb")).await, ["c", "a", "b"]);
    assert_eq!(pending(Some("c")).await, ["a", "b", "c"]);
}

/// Of any tenant, and only while it is active.
pub async fn a_webhook_is_pending_while_there_is_something_to_do_for_it(repository: &dyn WebhookRepository, stores: Stores<'_>) {
    let one = webhook("acme", "a");
    for new in [&one, &webhook("beta", "a")] {
        commit(repository, creation(new)).await;
    }
    let pending = async |millis| repository.pending(at(millis), None).await.expect("the store answers");
    assert_eq!(pending(100).await, []);
    let events = happened(stores, 2).await;
    assert_eq!(pending(0).await, std::slice::from_ref(&one), "nobody has looked at what happened");
    queue(repository, 0, 2, &events, 10).await;
    assert_eq!((pending(9).await, pending(10).await), (vec![], vec![one.clone()]));
    repository.taken(&scope("acme"), &id("a"), 1).await.expect("the store answers");
    fail(repository, 2, 1, Verdict::GivenUp(at(60))).await;
    assert_eq!(pending(100).await, [], "one was taken and one was given up");
    commit(repository, WebhookChange { replays: Some((Vec::new(), at(80))), ..change(&one, &one) }).await;
    let second = find(repository, "acme", "a").await.expect("it is there");
    assert_eq!((pending(79).await, pending(80).await), (vec![], vec![second.clone()]));
    commit(repository, change(&second, &Webhook { state: WebhookState::Disabled, ..second.clone() })).await;
    assert_eq!(pending(100).await, [], "somebody has disabled it");
}

/// Whatever is asked for at the same time; what is deleted makes room.
pub async fn no_tenant_gets_more_webhooks_than_it_may_have(repository: &dyn WebhookRepository, _: Stores<'_>) {
    for number in 0..MAX_WEBHOOKS {
        assert_eq!(commit(repository, creation(&webhook("acme", &format!("a-{number}")))).await, Committed::Stored);
    }
    let one_more = webhook("acme", "z");
    let refused = repository.commit(&scope("acme"), creation(&one_more)).await.expect_err("it is one too many");
    assert_eq!(refused.reason(), "TOO_MANY_WEBHOOKS");
    assert_eq!(find(repository, "acme", "z").await, None);
    assert_eq!(commit(repository, creation(&webhook("acme", "a-0"))).await, Committed::Conflict);
    assert_eq!(commit(repository, creation(&webhook("beta", "z"))).await, Committed::Stored);
    let first = find(repository, "acme", "a-0").await.expect("it is there");
    commit(repository, WebhookChange { deletes: true, ..change(&first, &first) }).await;
    assert_eq!(commit(repository, creation(&one_more)).await, Committed::Stored);
}

/// And nothing that waits.
pub async fn dead_letters_are_removed_once_they_are_old(repository: &dyn WebhookRepository, stores: Stores<'_>) {
    commit(repository, creation(&webhook("acme", "a"))).await;
    queue(repository, 0, 4, &happened(stores, 4).await, 10).await;
    for (sequence, given_up) in [(1, 50), (2, 60), (3, 61)] {
        fail(repository, sequence, 1, Verdict::GivenUp(at(given_up))).await;
    }
    let has_old = async |millis| repository.has_old_letters(at(millis)).await.expect("the store answers");
    assert_eq!((has_old(50).await, has_old(51).await), (false, true));
    assert_eq!(repository.prune_letters(at(61)).await.expect("the store answers"), 2);
    let (left, _) = letters(repository, 10, None).await;
    assert_eq!(left.iter().map(|letter| letter.delivery.event.sequence).collect::<Vec<_>>(), [3]);
    assert_eq!((due(repository, 100).await, has_old(61).await), (vec![4], false));
}

/// In pages, with how it failed; what is taken ends the count.
pub async fn what_is_given_up_is_kept_until_it_is_asked_for_again(repository: &dyn WebhookRepository, stores: Stores<'_>) {
    let one = webhook("acme", "a");
    commit(repository, creation(&one)).await;
    let events = happened(stores, 5).await;
    queue(repository, 0, 5, &events, 10).await;
    for sequence in [4, 1, 3] {
        fail(repository, sequence, 1, Verdict::GivenUp(at(60))).await;
    }
    assert_eq!(due(repository, 1_000).await, [2, 5]);
    let counted = WebhookProgress { reached: 5, waiting: 2, dead_letters: 3, given_up: 3, missed: 0 };
    assert_eq!(progress(repository).await, counted);
    let (first, next) = letters(repository, 2, None).await;
    let (rest, end) = letters(repository, 2, next).await;
    let all: Vec<_> = first.into_iter().chain(rest).collect();
    assert_eq!(all.iter().map(|letter| letter.delivery.event.sequence).collect::<Vec<_>>(), [1, 3, 4]);
    assert_eq!((end, all[0].given_up, all[0].failure.as_str(), all[0].delivery.attempts), (None, at(60), "failure 1", 1));
    let replay = WebhookChange { replays: Some((vec![3, 99], at(70))), ..change(&one, &one) };
    assert_eq!(commit(repository, replay).await, Committed::Stored);
    assert_eq!(due(repository, 70).await, [2, 5, 3]);
    repository.taken(&scope("acme"), &id("a"), 3).await.expect("the store answers");
    assert_eq!(progress(repository).await, WebhookProgress { dead_letters: 2, given_up: 0, ..counted });
    let second = find(repository, "acme", "a").await.expect("it is there");
    commit(repository, WebhookChange { replays: Some((Vec::new(), at(80))), ..change(&second, &second) }).await;
    assert_eq!((due(repository, 80).await.len(), letters(repository, 10, None).await.0.len()), (4, 0), "all of them");
}

/// A webhook of the same name later has nothing of it.
pub async fn what_is_deleted_takes_everything_with_it(repository: &dyn WebhookRepository, stores: Stores<'_>) {
    let one = webhook("acme", "a");
    commit(repository, creation(&one)).await;
    queue(repository, 0, 2, &happened(stores, 2).await, 10).await;
    assert_eq!(commit(repository, WebhookChange { deletes: true, ..change(&one, &one) }).await, Committed::Stored);
    assert_eq!(find(repository, "acme", "a").await, None);
    fail(repository, 1, 1, Verdict::GivenUp(at(60))).await;
    commit(repository, creation(&one)).await;
    assert_eq!(progress(repository).await, WebhookProgress { reached: 2, ..WebhookProgress::default() });
}

/// The first answer comes back, and another body is refused.
pub async fn a_remembered_request_about_a_webhook_is_answered_once(repository: &dyn WebhookRepository, _: Stores<'_>) {
    let one = webhook("acme", "a");
    let key = |body| sample::request("CreateWebhook", "one", body);
    let ask = |key: RequestKey| WebhookChange { request: Some(key), ..creation(&one) };
    assert_eq!(commit(repository, ask(key(1))).await, Committed::Stored);
    commit(repository, WebhookChange { deletes: true, ..change(&one, &one) }).await;
    assert_eq!(commit(repository, ask(key(1))).await, Committed::Answered(Box::new(one.clone())));
    assert_eq!(commit(repository, ask(key(2))).await, Committed::KeyReused);
    let look = repository.find_answer(&scope("acme"), &key(1)).await.expect("the store answers");
    assert_eq!(look, Some(Committed::Answered(Box::new(one))));
}
