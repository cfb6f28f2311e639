//! Latencies of the store with 10,000 utilities in it: `cargo bench -p storage-embedded`. It shows figures and judges nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::execution::ExecutionRepository;
use domain::page::PageRequest;
use domain::utility::{UtilityOrder, UtilityQuery, UtilityRepository};
use storage_embedded::{Config, EmbeddedStore};
use test_support::sample::{at, creation, ended, execution, output, scope, utility, utility_id};

const UTILITIES: u64 = 10_000;
const ROUNDS: u64 = 3_000;
const WRITERS: u64 = 64;

fn main() {
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let store = EmbeddedStore::open(Config::new(directory.path())).expect("a new store opens");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        let store = Arc::new(store);
        fill(&store).await;
        writes(&store).await;
        reads(&store).await;
        throughput(&store).await;
        store.close().await.expect("the store closes");
    });
}

async fn fill(store: &Arc<EmbeddedStore>) {
    side_by_side(store, |store, writer| async move {
        let acme = scope("acme");
        for number in (writer..UTILITIES).step_by(WRITERS as usize) {
            let mut one = utility(&acme, &format!("u-{number:05}"));
            (one.created, one.updated) = (at(number / 3), at(UTILITIES - number));
            store.commit(&acme, creation(one)).await.expect("stored");
        }
    })
    .await;
}

async fn writes(store: &EmbeddedStore) {
    let (acme, mut times) = (scope("acme"), Vec::new());
    for number in 0..ROUNDS {
        let begun = Instant::now();
        store.insert(&acme, &execution(&acme, number), None, &[], None).await.expect("stored");
        times.push(begun.elapsed());
    }
    show("insert of an execution", &mut times);
    for number in 0..ROUNDS {
        let begun = Instant::now();
        store.save(&acme, &ended(&execution(&acme, number), number + 1), &[output(1, 1_000)]).await.expect("saved");
        times.push(begun.elapsed());
    }
    show("save with 1,000 bytes of output", &mut times);
}

async fn reads(store: &EmbeddedStore) {
    let (acme, mut times) = (scope("acme"), Vec::new());
    for number in 0..ROUNDS {
        let id = utility_id(&format!("u-{:05}", number * 7_919 % UTILITIES));
        let begun = Instant::now();
        store.find_current(&acme, &id).await.expect("found").open_for_system().expect("exists");
        times.push(begun.elapsed());
    }
    show("find_current", &mut times);
    for order in [UtilityOrder::Id, UtilityOrder::NewestFirst, UtilityOrder::LastChangedFirst] {
        for _ in 0..200 {
            let (query, page) = (UtilityQuery { order, ..UtilityQuery::default() }, PageRequest { size: 50, after: None });
            let begun = Instant::now();
            UtilityRepository::list(store, &acme, &query, &page).await.expect("listed").open_for_system().expect("a page is always there");
            times.push(begun.elapsed());
        }
        show(&format!("page of 50 utilities, {order:?}"), &mut times);
    }
}

async fn throughput(store: &Arc<EmbeddedStore>) {
    const EACH: u64 = 200;
    let begun = Instant::now();
    side_by_side(store, |store, writer| async move {
        let zeta = scope("zeta");
        for number in 0..EACH {
            store.insert(&zeta, &execution(&zeta, writer * EACH + number), None, &[], None).await.expect("stored");
        }
    })
    .await;
    println!("{:.0} inserts/s by {WRITERS} writers", (WRITERS * EACH) as f64 / begun.elapsed().as_secs_f64());
}

async fn side_by_side<F>(store: &Arc<EmbeddedStore>, work: impl Fn(Arc<EmbeddedStore>, u64) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let tasks: Vec<_> = (0..WRITERS).map(|writer| tokio::spawn(work(store.clone(), writer))).collect();
    for task in tasks {
        task.await.expect("a writer ends well");
    }
}

fn show(what: &str, times: &mut Vec<Duration>) {
    times.sort();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    println!("{what}: p50 {:.1?}, p95 {:.1?}, p99 {:.1?}", at(50), at(95), at(99));
    times.clear();
}
