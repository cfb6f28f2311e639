//! How many sandboxes wait for tenants follows the demand, and the memory that is left. The rules are the pool's own tests'; here
//! they meet a real host.

use std::time::{Duration, Instant};

use domain::name::TenantId;
use sandbox::{Stats, StockReason};

use crate::support::{Host, Kind, PATIENCE, Ran, script};

/// Waits for a state of the pool.
async fn until(host: &Host, what: &str, holds: impl Fn(&Stats) -> bool) -> Stats {
    let begun = Instant::now();
    loop {
        let stats = host.sandboxes.stats();
        if holds(&stats) {
            return stats;
        }
        assert!(begun.elapsed() < PATIENCE, "waited too long until {what}: {stats:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn run_as(host: &Host, tenant: String) -> Ran {
    let mut job = script("print('hi')");
    job.tenant = TenantId::parse("tenant", &tenant).unwrap();
    host.run(job).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stock_grows_when_tenants_come_together() {
    let host = Host::open_with(Kind::Namespace, |config| {
        config.pool.max_unassigned = 2;
        config.pool.memory_reserve = 0;
    })
    .await;
    let first = until(&host, "the first one waits", |stats| stats.unassigned == 1).await;
    assert_eq!((first.stock_target, first.stock_reason), (1, StockReason::Least));
    let begun = Instant::now();
    for round in 0.. {
        // On a busy machine the second sandbox may take too long for both to be one moment.
        tokio::join!(run_as(&host, format!("a{round}")), run_as(&host, format!("b{round}")));
        if host.sandboxes.stats().stock_target > 1 {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "two bindings never came together: {:?}", host.sandboxes.stats());
    }
    let grown = until(&host, "two wait", |stats| stats.unassigned == 2).await;
    assert_ne!(grown.stock_reason, StockReason::Least);
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_memory_is_short_none_waits_and_programs_run_all_the_same() {
    let host = Host::open_with(Kind::Namespace, |config| config.pool.memory_reserve = u64::MAX).await;
    until(&host, "it is known that memory is short", |stats| stats.stock_reason == StockReason::Memory).await;
    assert!(run_as(&host, "acme".to_owned()).await.outcome.is_ok());
    let after = until(&host, "the idle one is given up", |stats| stats.bound == 0 && stats.sandboxes_destroyed > 0).await;
    assert_eq!((after.unassigned, after.starting, after.sandboxes_started), (0, 0, 1), "only what a program needed: {after:?}");
    host.close().await;
}
