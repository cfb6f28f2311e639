//! Events of a tenant: told in order behind any place, as long as they are kept.

use std::time::Duration;

use domain::Result;
use domain::event::{EventSelection, Happened, Heard, Subscription, actions};
use domain::identity::{Asked, PrincipalState, Role, UserPatch, actions as identity};
use domain::tenant::{TenantPatch, actions as tenants};
use domain::violation::Violations;
use futures_util::{FutureExt as _, StreamExt as _};
use test_support::sample;

use crate::installation::{ADA, CLEO, Installed, ROOT, UMA, principal, reason, tenant};

fn wanted(names: &[&str]) -> EventSelection {
    let mut violations = Violations::default();
    let selection = EventSelection::read("types", names.iter().map(ToString::to_string).collect(), &mut violations);
    assert_eq!(violations, Violations::default());
    selection
}

async fn subscribe(installed: &Installed, who: &str, code: &str, names: &[&str], after: Option<u64>) -> Result<Subscription> {
    let permit = installed.by::<actions::SubscribeEvents>(who, tenant(code)).await?;
    installed.event_log.subscribe(permit, wanted(names), after).await
}

/// What is heard without waiting.
fn heard(subscription: &mut Subscription) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(next) = subscription.next().now_or_never() {
        match next.expect("a subscription has no end").expect("the store answers") {
            Heard::Event(event) => all.push(format!("{} {}", event.kind.as_str(), event.subject)),
            Heard::Reached(place) => all.push(format!("reached {place}")),
        }
    }
    all
}

#[tokio::test]
async fn who_subscribes_at_the_beginning_hears_everything_in_order_and_then_what_happens() {
    let installed = Installed::new().await;
    let mut all = subscribe(&installed, ADA, "acme", &[], Some(0)).await.unwrap();
    let made = |name: &str| format!("dev.zona.principal.created {name}");
    assert_eq!(heard(&mut all), ["reached 0".to_owned(), made(ADA), made(CLEO), made(UMA)]);
    let permit = installed.by::<identity::UpdateUser>(ADA, principal(UMA)).await.unwrap();
    let patch = UserPatch { role: Some(Role::Creator), state: Some(PrincipalState::Disabled), ..UserPatch::default() };
    installed.identities.update_user(&permit, patch, Asked::default()).await.unwrap();
    let name = installed.keep_utility("some", CLEO).await;
    let expected = [
        format!("dev.zona.principal.role_changed {UMA}"),
        format!("dev.zona.principal.disabled {UMA}"),
        format!("dev.zona.utility.created {name}"),
    ];
    assert_eq!(heard(&mut all), expected);
}

#[tokio::test]
async fn only_what_is_wanted_is_told_and_from_the_end_only_what_is_new() {
    let installed = Installed::new().await;
    let mut utilities = subscribe(&installed, ADA, "acme", &["dev.zona.utility"], Some(1)).await.unwrap();
    let mut new = subscribe(&installed, ADA, "acme", &[], None).await.unwrap();
    let name = installed.keep_utility("some", CLEO).await;
    let created = format!("dev.zona.utility.created {name}");
    assert_eq!(heard(&mut utilities), ["reached 1".to_owned(), created.clone()]);
    assert_eq!(heard(&mut new), ["reached 3".to_owned(), created]);
}

#[tokio::test]
async fn a_place_that_is_not_reached_yet_or_no_longer_kept_is_refused() {
    let installed = Installed::new().await;
    assert_eq!(reason(subscribe(&installed, ADA, "acme", &[], Some(4)).await.map(drop)), "NOT_HAPPENED");
    let mut slow = subscribe(&installed, ADA, "acme", &[], Some(0)).await.unwrap();
    slow.next().await.expect("a subscription has no end").unwrap();
    installed.clock.advance(Duration::from_secs(60));
    installed.keep_utility("some", CLEO).await;
    assert_eq!(installed.event_log.prune(Duration::from_secs(30), 1_000).await.unwrap(), 5, "those of all tenants");
    assert_eq!(installed.event_log.prune(Duration::from_secs(30), 1_000).await.unwrap(), 0);
    assert_eq!(reason(subscribe(&installed, ADA, "acme", &[], Some(0)).await.map(drop)), "EVENTS_EXPIRED");
    let silent = slow.next().await.expect("a subscription has no end").unwrap();
    assert_eq!(silent, Heard::Reached(0), "it was silent for a minute");
    let expired = slow.next().await.expect("it tells why it ends");
    assert_eq!(reason(expired), "EVENTS_EXPIRED");
    drop(subscribe(&installed, ADA, "acme", &[], Some(3)).await.unwrap());
    for number in 0..3 {
        installed.keep_utility(&format!("more-{number}"), CLEO).await;
    }
    assert_eq!(installed.event_log.prune(Duration::from_secs(3_600), 2).await.unwrap(), 2, "the oldest beyond two");
}

#[tokio::test]
async fn only_administrators_hear_the_events_of_their_tenant() {
    let installed = Installed::new().await;
    for (who, code) in [(UMA, "acme"), (ADA, "beta")] {
        assert_eq!(reason(subscribe(&installed, who, code, &[], None).await.map(drop)), "PERMISSION_DENIED", "{who}");
    }
    drop(subscribe(&installed, ROOT, "beta", &[], None).await.unwrap());
}

#[tokio::test]
async fn what_is_done_to_a_tenant_is_told_to_it_and_to_who_administers_all_of_them() {
    let installed = Installed::new().await;
    let mut own = subscribe(&installed, ADA, "acme", &["dev.zona.tenant"], None).await.unwrap();
    let mut all = subscribe(&installed, ROOT, "system", &["dev.zona.tenant"], None).await.unwrap();
    let (first_own, first_all) = (heard(&mut own), heard(&mut all));
    assert!(first_own.len() == 1 && first_all.len() == 1, "where each begins: {first_own:?} {first_all:?}");
    let named = TenantPatch { display_name: Some("Acme".to_owned()), ..TenantPatch::default() };
    installed.tenants.update(&installed.by::<tenants::UpdateTenant>(ADA, tenant("acme")).await.unwrap(), named).await.unwrap();
    let permit = installed.by::<tenants::SuspendTenant>(ROOT, tenant("acme")).await.unwrap();
    installed.tenants.suspend(&permit, TenantPatch::default()).await.unwrap();
    let permit = installed.by::<tenants::ResumeTenant>(ROOT, tenant("acme")).await.unwrap();
    installed.tenants.resume(&permit, TenantPatch::default()).await.unwrap();
    let permit = installed.by::<tenants::DeleteTenant>(ROOT, tenant("acme")).await.unwrap();
    installed.tenants.delete(&permit, TenantPatch::default()).await.unwrap();
    let expected = ["updated", "suspended", "resumed", "deleted"].map(|what| format!("dev.zona.tenant.{what} tenants/acme"));
    assert_eq!(heard(&mut own), expected);
    assert_eq!(heard(&mut all), expected);
}

#[test]
fn an_execution_is_told_once_it_has_ended_with_how_it_did() {
    let running = sample::execution(&sample::scope("acme"), 1);
    assert_eq!(Happened::of_execution(&running), None);
    let happened = Happened::of_execution(&sample::ended(&running, 9)).expect("it has ended");
    assert_eq!((happened.kind.as_str(), happened.subject), ("dev.zona.execution.ended", running.name.to_string()));
    let said: Vec<&str> = happened.details.keys().map(String::as_str).collect();
    assert_eq!(said, ["reason", "state", "utility", "version"]);
}
