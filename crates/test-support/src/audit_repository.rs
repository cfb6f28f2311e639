//! What every `AuditRepository` promises. Run all of it with [`audit_repository_contract!`](crate::audit_repository_contract); each
//! check wants an empty repository, with the leases of the servers that write it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use domain::audit::{
    Actor, AuditQuery, AuditRecord, AuditRepository, Checkpoint, Entry, FieldChange, MAX_LOOKED_AT, Outcome, Sealed, Tile, TilePlace,
};
use domain::execution::ExecutionRepository;
use domain::identity::Role;
use domain::lease::{InstanceId, LeaseName, LeaseRepository};
use domain::page::PageRequest;
use domain::request::Committed;

use crate::sample::{at, execution, request, scope, tenant, user};

/// Makes one test of each check. `$make` is an expression that gives something that dereferences to an empty repository.
#[macro_export]
macro_rules! audit_repository_contract {
    ($make:expr) => {
        $crate::audit_repository_contract!($make;
            records_stand_in_their_tenants_log_in_the_order_in_which_they_came,
            a_record_survives_whole,
            a_list_has_every_record_once_newest_first,
            a_list_is_filtered_by_everything_that_is_set,
            a_page_costs_the_same_however_rare_is_what_it_is_asked_for,
            the_first_and_the_last_place_of_records_of_a_time_are_told,
            an_intent_has_one_outcome,
            only_what_no_lease_protects_is_abandoned,
            an_execution_is_stored_together_with_its_intent,
            a_checkpoint_is_stored_with_its_tiles_by_the_first_who_has_it,
            a_checkpoint_is_cosigned_by_who_has_read_it_as_it_is,
            the_oldest_records_are_removed_up_to_a_checkpoint_and_nothing_else,
        );
    };
    ($make:expr; $($check:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $check() {
            let repository = $make;
            $crate::audit_repository::$check(&*repository).await;
        }
    )+};
}

/// A record with every field filled.
pub fn entry(code: &str, number: u64) -> Entry {
    Entry {
        tenant: tenant(code),
        time: at(number),
        until: Some(at(number + 1)),
        count: 3,
        instance: InstanceId::new("one"),
        call: format!("call-{code}-{number}"),
        actor: Actor {
            principal: Some(user("ann")),
            role: Some(Role::Creator),
            session: Some("s-1".to_owned()),
            key: Some("k-1".to_owned()),
            address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        },
        method: "/zona.utility.v1.UtilityService/UpdateUtility".to_owned(),
        action: "utility.update".to_owned(),
        resource: format!("tenants/{code}/utilities/a"),
        version: Some(4),
        outcome: Outcome::Allowed,
        reason: "SOME_REASON".to_owned(),
        changes: FieldChange::of("code", Some("a"), None).into_iter().collect(),
        purpose: "a test".to_owned(),
        request_id: "r-1".to_owned(),
        trace_id: "t-1".to_owned(),
    }
}

fn page(size: u32, after: Option<String>) -> PageRequest {
    PageRequest { size, after }
}

async fn listed(repository: &dyn AuditRepository, code: &str, query: &AuditQuery) -> Vec<AuditRecord> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = repository.list(&scope(code), query, &page(2, after)).await.expect("listed").open_for_system().expect("a page");
        assert!(page.items.len() <= 2);
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

async fn append(repository: &dyn AuditRepository, entries: Vec<Entry>) {
    repository.append(entries).await.expect("stored");
}

fn sequences(records: &[AuditRecord]) -> Vec<u64> {
    records.iter().map(|record| record.sequence).collect()
}

/// Places have no gaps, and each log has its own; what is read by places is bounded by bytes.
pub async fn records_stand_in_their_tenants_log_in_the_order_in_which_they_came(repository: &dyn AuditRepository) {
    append(repository, vec![entry("acme", 5), entry("beta", 1), entry("acme", 3)]).await;
    append(repository, vec![entry("acme", 4)]).await;
    let all = repository.records_from(&scope("acme"), 0, usize::MAX).await.expect("read");
    assert_eq!(all.iter().map(|record| record.sequence).collect::<Vec<_>>(), [0, 1, 2]);
    let one = repository.records_from(&scope("acme"), 1, 1).await.expect("read");
    assert_eq!(one, all[1..2]);
    assert_eq!(repository.records_from(&scope("beta"), 0, usize::MAX).await.expect("read").len(), 1);
    assert_eq!(repository.records_from(&scope("acme"), 3, usize::MAX).await.expect("read"), []);
    let read = async |sequence, max_bytes| {
        let page = repository.since(&scope("acme"), sequence, max_bytes).await.expect("read").open_for_system().expect("a page");
        assert_eq!(page.next, None);
        page.items.into_iter().map(|record| (record.sequence, record.entry)).collect::<Vec<_>>()
    };
    assert_eq!(read(1, usize::MAX).await, [(1, entry("acme", 3)), (2, entry("acme", 4))]);
    assert_eq!((read(1, 1).await.len(), read(3, 1).await.len()), (1, 0));
    for (code, size) in [("acme", 3), ("beta", 1), ("empty", 0)] {
        assert_eq!(repository.size(&scope(code)).await.expect("read"), size, "{code}");
    }
}

/// By their times, whatever the order in which they came.
pub async fn the_first_and_the_last_place_of_records_of_a_time_are_told(repository: &dyn AuditRepository) {
    append(repository, [5, 3, 9, 4, 8].into_iter().map(|time| entry("acme", time)).collect()).await;
    append(repository, vec![entry("beta", 6)]).await;
    for (from, before, expected) in [(3, 5, Some((1, 3))), (5, 10, Some((0, 4))), (9, 10, Some((2, 2))), (6, 8, None), (10, 99, None)] {
        let found = repository.places(&scope("acme"), at(from), at(before)).await.expect("read");
        assert_eq!(found, expected, "{from} to {before}");
    }
}

/// Every field comes back.
pub async fn a_record_survives_whole(repository: &dyn AuditRepository) {
    let bare = Entry {
        until: None,
        actor: Actor::default(),
        version: None,
        reason: String::new(),
        changes: Vec::new(),
        purpose: String::new(),
        request_id: String::new(),
        trace_id: String::new(),
        ..entry("acme", 2)
    };
    append(repository, vec![entry("acme", 1), bare.clone()]).await;
    let found = listed(repository, "acme", &AuditQuery::default()).await;
    assert_eq!(found, [AuditRecord { sequence: 1, entry: bare }, AuditRecord { sequence: 0, entry: entry("acme", 1) }]);
}

/// Pages join to the whole; of records of one time, the later ones come first.
pub async fn a_list_has_every_record_once_newest_first(repository: &dyn AuditRepository) {
    append(repository, [7, 3, 5, 5, 5, 9].map(|number| entry("acme", number)).to_vec()).await;
    append(repository, vec![entry("beta", 1)]).await;
    assert_eq!(sequences(&listed(repository, "acme", &AuditQuery::default()).await), [5, 0, 4, 3, 2, 1]);
    let refused = repository.list(&scope("acme"), &AuditQuery::default(), &page(2, Some("nonsense".to_owned()))).await;
    assert!(refused.is_err(), "a token of something else");
}

/// Each filter alone, and all together.
pub async fn a_list_is_filtered_by_everything_that_is_set(repository: &dyn AuditRepository) {
    let other = Entry {
        actor: Actor { principal: Some(user("bob")), ..Actor::default() },
        action: "utility.delete".to_owned(),
        resource: "tenants/acme/utilities/b".to_owned(),
        outcome: Outcome::Denied,
        ..entry("acme", 2)
    };
    append(repository, vec![entry("acme", 1), other, entry("acme", 3)]).await;
    let check = async |query: AuditQuery, expected: &[u64]| {
        assert_eq!(sequences(&listed(repository, "acme", &query).await), expected, "{query:?}");
    };
    check(AuditQuery { from: Some(at(2)), ..AuditQuery::default() }, &[2, 1]).await;
    check(AuditQuery { before: Some(at(2)), ..AuditQuery::default() }, &[0]).await;
    check(AuditQuery { actor: Some(user("bob")), ..AuditQuery::default() }, &[1]).await;
    check(AuditQuery { action: Some("utility.update".to_owned()), ..AuditQuery::default() }, &[2, 0]).await;
    check(AuditQuery { resource: Some("tenants/acme/utilities/b".to_owned()), ..AuditQuery::default() }, &[1]).await;
    check(AuditQuery { outcome: Some(Outcome::Allowed), ..AuditQuery::default() }, &[2, 0]).await;
    let all = AuditQuery {
        from: Some(at(1)),
        before: Some(at(3)),
        actor: Some(user("ann")),
        action: Some("utility.update".to_owned()),
        resource: Some("tenants/acme/utilities/a".to_owned()),
        outcome: Some(Outcome::Allowed),
    };
    check(all.clone(), &[0]).await;
    check(AuditQuery { actor: Some(user("bob")), ..all }, &[]).await;
}

/// A page without what is wanted ends all the same, whichever filters there are, and the next one goes on behind it.
pub async fn a_page_costs_the_same_however_rare_is_what_it_is_asked_for(repository: &dyn AuditRepository) {
    append(repository, vec![Entry { actor: Actor { principal: Some(user("bob")), ..Actor::default() }, ..entry("acme", 0) }]).await;
    let mut others = (1..=MAX_LOOKED_AT as u64).map(|number| Entry { outcome: Outcome::Denied, ..entry("acme", number) });
    loop {
        let some: Vec<_> = others.by_ref().take(500).collect();
        if some.is_empty() {
            break;
        }
        append(repository, some).await;
    }
    let resource = Some("tenants/acme/utilities/a".to_owned());
    for query in [
        AuditQuery { resource, actor: Some(user("bob")), ..AuditQuery::default() },
        AuditQuery { outcome: Some(Outcome::Allowed), ..AuditQuery::default() },
    ] {
        let first = repository.list(&scope("acme"), &query, &page(2, None)).await.expect("listed").open_for_system().expect("a page");
        assert!(first.items.is_empty() && first.next.is_some(), "{query:?}");
        let second = repository.list(&scope("acme"), &query, &page(2, first.next)).await.expect("listed");
        let second = second.open_for_system().expect("a page");
        assert_eq!((sequences(&second.items), second.next), (vec![0], None), "{query:?}");
    }
}

/// The first outcome closes it, and a second one is not even stored.
pub async fn an_intent_has_one_outcome(repository: &dyn AuditRepository) {
    let intent = Entry { outcome: Outcome::Intent, ..entry("acme", 1) };
    let outcome = Entry { time: at(2), ..entry("acme", 1) };
    assert!(!repository.close(outcome.clone()).await.expect("answered"), "nothing is open yet");
    append(repository, vec![intent]).await;
    assert!(repository.close(outcome.clone()).await.expect("answered"));
    assert!(!repository.close(outcome.clone()).await.expect("answered"));
    let found = listed(repository, "acme", &AuditQuery::default()).await;
    assert_eq!(found.iter().map(|record| record.entry.outcome).collect::<Vec<_>>(), [Outcome::Allowed, Outcome::Intent]);

    let intent = |number| Entry { outcome: Outcome::Intent, ..entry("acme", number) };
    append(repository, vec![intent(3), intent(4)]).await;
    let outcomes = vec![outcome, entry("acme", 3), entry("acme", 4), entry("acme", 4)];
    assert_eq!(repository.close_all(outcomes).await.expect("answered"), 2, "one was closed before, and one only once");
    assert_eq!(repository.size(&scope("acme")).await.expect("answered"), 6);
}

/// A server closes its own intents, and those of others only once these hold no lease.
pub async fn only_what_no_lease_protects_is_abandoned<R: AuditRepository + LeaseRepository>(repository: &R) {
    let of = |instance: &str, number| Entry { outcome: Outcome::Intent, instance: InstanceId::new(instance), ..entry("acme", number) };
    append(repository, vec![of("alive", 1), of("dead", 2), of("dead", 3), entry("acme", 4)]).await;
    let alive = InstanceId::new("alive");
    repository.acquire(&LeaseName::of_instance(&alive), &alive, at(0), Duration::from_secs(10)).await.expect("acquired");
    let own = InstanceId::new("own");
    let abandoned = async |millis, limit| repository.abandoned(&own, at(millis), limit).await.expect("found");
    let calls = |records: Vec<domain::Result<AuditRecord>>| {
        records.into_iter().map(|record| record.expect("readable").entry.call).collect::<Vec<_>>()
    };
    assert_eq!(calls(abandoned(5, 9).await), ["call-acme-2", "call-acme-3"]);
    assert_eq!(abandoned(5, 1).await.len(), 1);
    assert_eq!(abandoned(10_000, 9).await.len(), 3, "its lease has expired");
    let of_others = repository.abandoned(&alive, at(10_000), 9).await.expect("found");
    assert_eq!(calls(of_others), ["call-acme-2", "call-acme-3"], "whoever lives closes its own, whatever its lease says");
    assert!(repository.close(entry("acme", 2)).await.expect("answered"));
    assert_eq!(calls(abandoned(5, 9).await), ["call-acme-3"]);
}

/// In one commit: where the execution is refused, the intent is stored neither. A repeated request has its own intent.
pub async fn an_execution_is_stored_together_with_its_intent<R: AuditRepository + ExecutionRepository>(repository: &R) {
    let acme = scope("acme");
    let intent = |number| Entry { outcome: Outcome::Intent, ..entry("acme", number) };
    let (first, key) = (execution(&acme, 1), request("StartExecution", "r-1", 1));
    let stored = repository.insert(&acme, &first, Some(&key), &[intent(1)], None).await.expect("stored");
    assert_eq!(stored, Committed::Stored);
    let repeated = repository.insert(&acme, &execution(&acme, 2), Some(&key), &[intent(2)], None).await.expect("answered");
    assert_eq!(repeated, Committed::Answered(Box::new(first)));
    let third = [intent(4), Entry { outcome: Outcome::Intent, ..entry("beta", 4) }];
    let both = repository.insert(&acme, &execution(&acme, 4), None, &third, None).await.expect("stored");
    assert_eq!((both, listed(repository, "beta", &AuditQuery::default()).await.len()), (Committed::Stored, 1), "in each log");
    let of_another_tenant = repository.insert(&scope("beta"), &execution(&acme, 3), None, &[intent(3)], None).await;
    assert!(of_another_tenant.is_err(), "{of_another_tenant:?}");
    let records = listed(repository, "acme", &AuditQuery::default()).await;
    assert_eq!(records.iter().map(|record| record.entry.call.as_str()).collect::<Vec<_>>(), ["call-acme-4", "call-acme-2", "call-acme-1"]);
    for number in [1, 2, 4] {
        assert!(repository.close(entry("acme", number)).await.expect("answered"), "{number} was open");
    }
}

/// Who computed the next checkpoint from another size than the last one has stores nothing.
pub async fn a_checkpoint_is_stored_with_its_tiles_by_the_first_who_has_it(repository: &dyn AuditRepository) {
    let acme = scope("acme");
    let (leaves, above) = (TilePlace { level: 0, index: 0 }, TilePlace { level: 1, index: 3 });
    let checkpoint = |size: u64| Checkpoint { size, time: at(size), note: format!("note {size}") };
    let sealed = |from, size, hashes: &[u8]| Sealed {
        from,
        tiles: vec![Tile { place: leaves, hashes: hashes.to_vec() }],
        checkpoint: checkpoint(size),
    };
    assert_eq!(repository.unsealed(9).await.expect("found"), []);
    assert!(!repository.seal(&acme, sealed(0, 2, b"x")).await.expect("answered"), "there are no such records");
    append(repository, [1, 2, 3, 4].map(|number| entry("acme", number)).to_vec()).await;
    append(repository, vec![entry("beta", 1)]).await;
    assert_eq!(repository.unsealed(9).await.expect("found"), [tenant("acme"), tenant("beta")]);
    assert!(repository.seal(&acme, sealed(0, 2, b"ab")).await.expect("answered"));
    assert!(!repository.seal(&acme, sealed(0, 3, b"abc")).await.expect("answered"), "somebody was first");
    assert!(repository.seal(&acme, sealed(2, 4, b"abcd")).await.expect("answered"));
    assert_eq!(repository.unsealed(9).await.expect("found"), [tenant("beta")]);
    let tiles = repository.tiles(&acme, &[above, leaves]).await.expect("read");
    assert_eq!(tiles, [Tile { place: leaves, hashes: b"abcd".to_vec() }]);
    for (size, expected) in [(1, None), (2, Some(2)), (3, Some(2)), (u64::MAX, Some(4))] {
        assert_eq!(repository.checkpoint(&acme, size).await.expect("read"), expected.map(checkpoint), "{size}");
    }
    for (size, expected) in [(0, Some(2)), (1, Some(2)), (2, Some(4)), (4, None)] {
        assert_eq!(repository.checkpoint_after(&acme, size).await.expect("read"), expected.map(checkpoint), "{size}");
    }
    assert_eq!(repository.checkpoint(&scope("beta"), u64::MAX).await.expect("read"), None);
}

/// Of two who add a cosignature at once, the second has to look again.
pub async fn a_checkpoint_is_cosigned_by_who_has_read_it_as_it_is(repository: &dyn AuditRepository) {
    append(repository, vec![entry("acme", 1)]).await;
    let checkpoint = Checkpoint { size: 1, time: at(5), note: "one".to_owned() };
    repository.seal(&scope("acme"), Sealed { from: 0, tiles: Vec::new(), checkpoint }).await.expect("written");
    let cosign = async |code, size, before, note| repository.cosign(&scope(code), size, before, note).await.expect("written");
    assert!(cosign("acme", 1, "one", "two").await);
    assert!(!cosign("acme", 1, "one", "three").await, "it is another by now");
    assert!(!cosign("acme", 2, "two", "three").await, "there is none");
    assert!(!cosign("beta", 1, "two", "three").await, "it is somebody else's");
    let found = repository.checkpoint(&scope("acme"), 9).await.expect("read").expect("it is there");
    assert_eq!((found.size, found.time, found.note.as_str()), (1, at(5), "two"));
}

/// What is removed is shown by nothing, also where a step leaves some of it; places, tiles and checkpoints stay.
pub async fn the_oldest_records_are_removed_up_to_a_checkpoint_and_nothing_else(repository: &dyn AuditRepository) {
    let acme = scope("acme");
    append(repository, (0..10).map(|number| entry("acme", number)).collect()).await;
    append(repository, vec![entry("beta", 1), Entry { outcome: Outcome::Intent, ..entry("acme", 10) }, entry("acme", 11)]).await;
    let tile = Tile { place: TilePlace { level: 0, index: 0 }, hashes: b"ab".to_vec() };
    for (from, size, time) in [(0, 4, 20), (4, 8, 30), (8, 10, 40), (10, 12, 50)] {
        let checkpoint = Checkpoint { size, time: at(time), note: format!("note {size}") };
        assert!(repository.seal(&acme, Sealed { from, tiles: vec![tile.clone()], checkpoint }).await.expect("stored"));
    }
    for (before, expected) in [(20, None), (21, Some(4)), (40, Some(8)), (41, Some(10)), (99, Some(10))] {
        let found = repository.removable(&acme, at(before)).await.expect("answered").map(|checkpoint| checkpoint.size);
        assert_eq!(found, expected, "{before}; the record 10 is an intent without its outcome");
    }
    assert_eq!(repository.remove(&acme, 13, 9, None).await.expect("answered"), 0, "no checkpoint covers it");
    assert_eq!((repository.first_kept(&acme).await.expect("read"), repository.size(&acme).await.expect("read")), (0, 12));

    assert_eq!(repository.remove(&acme, 8, 5, None).await.expect("removed"), 5);
    assert_eq!(repository.remove(&acme, 8, 5, None).await.expect("removed"), 3);
    assert_eq!(repository.remove(&acme, 8, 5, None).await.expect("removed"), 0);
    assert_eq!(repository.remove(&acme, 4, 5, None).await.expect("removed"), 0);
    assert_eq!((repository.first_kept(&acme).await.expect("read"), repository.size(&acme).await.expect("read")), (8, 12));
    assert_eq!(sequences(&listed(repository, "acme", &AuditQuery::default()).await), [11, 10, 9, 8]);
    let of_ann = AuditQuery { actor: Some(user("ann")), ..AuditQuery::default() };
    assert_eq!(sequences(&listed(repository, "acme", &of_ann).await), [11, 10, 9, 8]);
    let stored = repository.records_from(&acme, 2, usize::MAX).await.expect("read");
    assert_eq!(stored.iter().map(|record| record.sequence).collect::<Vec<_>>(), [8, 9, 10, 11]);
    let since = repository.since(&acme, 0, usize::MAX).await.expect("read").open_for_system().expect("records").items;
    assert_eq!(sequences(&since), [8, 9, 10, 11]);
    assert_eq!(listed(repository, "beta", &AuditQuery::default()).await.len(), 1);
    assert_eq!(repository.checkpoint(&acme, 4).await.expect("read").map(|checkpoint| checkpoint.size), Some(4));
    assert_eq!(repository.tiles(&acme, &[tile.place]).await.expect("read"), [tile]);
    append(repository, vec![entry("acme", 12)]).await;
    assert_eq!(repository.size(&acme).await.expect("read"), 13);
}
