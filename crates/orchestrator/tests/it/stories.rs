//! Stories on a real daemon: an ordered start, a database that is absent at first, and an update that goes wrong half way.

use std::collections::BTreeMap;
use std::time::Duration;

use orchestrator::apply::{Ending, News};
use process::manifest::Manifest;

use crate::support::{Installation, Manager, image, manifest, well};

const HEALTH: &str = "health: {http: {port: 80, path: /healthz}, interval: 1s, timeout: 2s, retries: 3}";

fn new() -> (Installation, Manager) {
    image("1");
    let installation = Installation::new();
    let manager = Manager::new(installation.engine.clone(), &installation.scope);
    (installation, manager)
}

/// Twelve services in the four groups; within a group each second one needs the one before.
fn twelve(web: &str) -> Manifest {
    let groups = ["SYSTEM", "CORE", "BATCH", "APP"];
    let services = (0..12).map(|index| {
        let needs = if index % 3 == 1 { format!("depends_on: [{{service: s{}}}], ", index - 1) } else { String::new() };
        let tag = if index == 11 { web } else { "1" };
        format!(
            "  - {{name: s{index}, group: {}, {needs}context: {{image: 'zona-orchestrator-test:{tag}', stop_grace: 1s}}, {HEALTH}}}\n",
            groups[index / 3]
        )
    });
    manifest(&format!("name: shop\nservices:\n{}", services.collect::<String>()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_start_in_the_order_of_their_groups_and_needs() {
    let (_installation, manager) = new();
    let wanted = twelve("1");
    manager.reach(&wanted).await;
    let sight = manager.sight().await;
    assert_eq!(well(&sight).len(), 12);
    let started: BTreeMap<&str, u64> =
        sight.seen.iter().map(|seen| (seen.instance.identity.service.as_str(), seen.instance.started.unwrap().as_millis())).collect();
    for service in &wanted.services {
        let mine = started[service.name.as_str()];
        for other in &wanted.services {
            let is_before = other.group < service.group || service.depends_on.iter().any(|need| need.service == other.name);
            assert!(!is_before || started[other.name.as_str()] < mine, "{} comes after {}", service.name, other.name);
        }
    }
    // What is as it shall be is not touched.
    manager.reach(&wanted).await;
    let again = manager.sight().await;
    let ids = |sight: &orchestrator::sight::Sight| sight.seen.iter().map(|seen| seen.instance.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&again), ids(&sight));
    // One of twelve has changed: one is replaced.
    manager.reach(&twelve("2")).await;
    let last = manager.sight().await;
    let kept = ids(&last).into_iter().filter(|id| ids(&sight).contains(id)).count();
    assert_eq!((last.seen.len(), kept), (12, 11));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_waits_for_a_database_that_listens_late_and_says_so() {
    let (_installation, manager) = new();
    let wanted = manifest(&format!(
        "
name: shop
services:
  - {{name: db, group: SYSTEM, context: {{image: 'zona-orchestrator-test:1', command: [--listen-after, '2000']}}, {HEALTH}}}
  - {{name: web, group: SYSTEM, depends_on: [{{service: db}}], context: {{image: 'zona-orchestrator-test:1', command: [--need, 'db:80']}}, {HEALTH}}}
"
    ));
    // Somebody has started the database a moment ago: it is not in the plan, and waited for all the same.
    let db = Manifest { services: vec![wanted.services[0].clone()], ..wanted.clone() };
    let begun = async {
        let applied = manager.apply(&db, None);
        tokio::select! { _ = applied => panic!("it listens late"), _ = manager.until("db", |sight| sight.seen.iter().any(|seen| seen.instance.is_running())) => {} }
    };
    begun.await;
    manager.reach(&wanted).await;
    let waits = News::Waits { service: "web".to_owned(), what: "`db` to be healthy".to_owned() };
    assert!(manager.heard.all().contains(&waits), "{:#?}", manager.heard.all());
    assert_eq!(well(&*manager.sight().await).len(), 2);
}

/// Two waves: the second one's image is what the test says.
fn waves(first: &str, second: &str) -> Manifest {
    let service = |name: &str, group: &str, tag: &str| {
        let tag = if tag.contains('/') { tag.to_owned() } else { format!("zona-orchestrator-test:{tag}") };
        format!(
            "  - {{name: {name}, group: {group}, context: {{image: '{tag}', stop_grace: 1s}}, replicas: 2, \
             update: {{min_available: 2}}, {HEALTH}}}\n"
        )
    };
    manifest(&format!("name: shop\nservices:\n{}{}", service("api", "CORE", first), service("web", "APP", second)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_image_in_the_second_wave_takes_everything_back_and_nothing_is_missed_meanwhile() {
    let (installation, manager) = new();
    let good = waves("1", "1");
    manager.reach(&good).await;
    let before = manager.sight().await;
    // Somebody else counts, all the while.
    let observer = Manager::new(installation.engine.clone(), &installation.scope);
    let fewest = async {
        let mut fewest = BTreeMap::from([("api".to_owned(), 2), ("web".to_owned(), 2)]);
        loop {
            let sight = observer.sight().await;
            for (service, lowest) in &mut fewest {
                *lowest = sight.of(service).filter(|seen| seen.is_available()).count().min(*lowest);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            if manager.heard.all().iter().any(|news| matches!(news, News::Done { service } if service == "end")) {
                return fewest;
            }
        }
    };
    let applied = async {
        let ending = manager.apply(&waves("2", "bad"), Some(&good)).await;
        orchestrator::apply::Ear::hear(&*manager.heard, News::Done { service: "end".to_owned() });
        ending
    };
    let (ending, fewest) = tokio::join!(applied, fewest);
    let Ending::RolledBack(failure) = ending else { panic!("{ending:?}") };
    assert_eq!((failure.service.as_str(), failure.message.as_str()), ("web", "it ended with 1"));
    assert_eq!(failure.step, "wait until healthy");
    let mut log = failure.log.clone();
    // What came by the one output and what by the other have no order within a millisecond.
    log.sort();
    assert_eq!(log, ["begins", "ends with 1", "no such setting"], "the last that it wrote");
    assert_eq!(fewest, BTreeMap::from([("api".to_owned(), 2), ("web".to_owned(), 2)]));
    let after = manager.sight().await;
    let one = |name: &str| (name.to_owned(), 2, vec!["1".to_owned()]);
    assert_eq!(well(&after), [one("api"), one("web")]);
    assert_eq!(after.seen.len(), 4, "nothing of the new ones is left: {:#?}", after.seen);
    let web = |sight: &orchestrator::sight::Sight| sight.of("web").map(|seen| seen.instance.id.clone()).collect::<Vec<_>>();
    assert_eq!(web(&after), web(&before), "the old replicas of the failed service were not touched");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_nobody_has_is_found_before_anything_is_touched() {
    let (_installation, manager) = new();
    let good = waves("1", "1");
    manager.reach(&good).await;
    let before = manager.sight().await;
    let ending = manager.apply(&waves("2", "127.0.0.1:1/zona/absent:1"), Some(&good)).await;
    let Ending::RolledBack(failure) = ending else { panic!("{ending:?}") };
    assert_eq!((failure.service.as_str(), failure.step.as_str()), ("web", "fetch image `127.0.0.1:1/zona/absent:1`"));
    assert_eq!(failure.left, ["api", "web"]);
    let ids = |sight: &orchestrator::sight::Sight| sight.seen.iter().map(|seen| seen.instance.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&*manager.sight().await), ids(&before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_wanted_any_more_stops_after_what_needed_it() {
    let (_installation, manager) = new();
    let wanted = twelve("1");
    manager.reach(&wanted).await;
    let less = Manifest { services: wanted.services[..3].to_vec(), ..wanted };
    manager.reach(&less).await;
    assert_eq!(manager.sight().await.seen.len(), 3);
    let stops: Vec<String> = manager
        .heard
        .all()
        .into_iter()
        .filter_map(|news| match news {
            News::Wave { services, .. } if services.iter().all(|service| less.services.iter().all(|kept| kept.name != *service)) => {
                Some(services.join(" "))
            }
            _ => None,
        })
        .collect();
    assert_eq!(stops[stops.len() - 6..], ["s10", "s11 s9", "s7", "s6 s8", "s4", "s3 s5"]);
}
