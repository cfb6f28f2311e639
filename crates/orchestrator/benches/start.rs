//! Forty services in four groups from nothing to well: by waves, and one after the other in the same order, as a script of `docker run` and
//! a look at each health would do. Prints both times and the time of a plan for what then runs. Needs a daemon.

#![allow(clippy::unwrap_used, reason = "what the tests have, too; the lint knows only test functions")]

#[path = "../tests/it/support.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod support;

use std::time::{Duration, Instant};

use process::manifest::Manifest;
use process::plan::plan;
use support::{Installation, Manager, image, manifest};

const SERVICES: usize = 40;
const GROUPS: [&str; 4] = ["SYSTEM", "CORE", "BATCH", "APP"];
/// Each service is well so long after its start.
const READY: u32 = 1_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        image("1");
        let wanted = forty();
        let waves = by_waves(&wanted).await;
        let single = one_by_one(&wanted).await;
        println!("{SERVICES} services, each well {READY} ms after its start");
        println!("by waves          {:6.1} s", waves.as_secs_f64());
        println!("one by one        {:6.1} s", single.as_secs_f64());
        println!("ratio             {:6.2}", waves.as_secs_f64() / single.as_secs_f64());
    });
}

/// In each group, every fifth service is what the four behind it need.
fn forty() -> Manifest {
    let services = (0..SERVICES).map(|index| {
        let needs = if index % 5 == 0 { String::new() } else { format!("depends_on: [{{service: s{}}}], ", index - index % 5) };
        format!(
            "  - {{name: s{index}, group: {}, {needs}context: {{image: 'zona-orchestrator-test:1', command: [--ready-after, '{READY}'], \
             stop_grace: 1s}}, health: {{http: {{port: 80, path: /healthz}}, interval: 1s, retries: 60}}}}\n",
            GROUPS[index * GROUPS.len() / SERVICES]
        )
    });
    manifest(&format!("name: shop\nservices:\n{}", services.collect::<String>()))
}

async fn by_waves(wanted: &Manifest) -> Duration {
    let installation = Installation::new();
    let manager = Manager::new(installation.engine.clone(), &installation.scope);
    let begun = Instant::now();
    manager.reach(wanted).await;
    let took = begun.elapsed();
    let observed = manager.sight().await.observed();
    let begun = Instant::now();
    assert!(plan(wanted, &observed).is_empty());
    println!("a plan of what runs {:4.1} ms", begun.elapsed().as_secs_f64() * 1_000.0);
    took
}

async fn one_by_one(wanted: &Manifest) -> Duration {
    let installation = Installation::new();
    let manager = Manager::new(installation.engine.clone(), &installation.scope);
    let begun = Instant::now();
    for count in 1..=wanted.services.len() {
        manager.reach(&Manifest { services: wanted.services[..count].to_vec(), ..wanted.clone() }).await;
    }
    begun.elapsed()
}
