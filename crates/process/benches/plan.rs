//! What a plan of 1,000 services costs: `cargo bench -p process`. It shows figures and judges nothing.

use std::hint::black_box;
use std::time::{Duration, Instant};

use process::manifest::{File, Notation};
use process::observed::{Observed, ObservedService, Replica, State};
use process::plan::plan;
use process::revision::revisions;

const SERVICES: usize = 1_000;
const ROUNDS: usize = 50;

fn main() {
    let before = text(1);
    let file = File::read(&before, Notation::Yaml).expect("the manifest is right");
    let manifest = file.manifest();
    let after = File::read(&text(2), Notation::Yaml).expect("the manifest is right").manifest();
    let revisions = revisions(&manifest);
    let observed = Observed {
        services: manifest
            .services
            .iter()
            .map(|service| ObservedService {
                name: service.name.clone(),
                group: service.group,
                depends_on: service.depends_on.iter().map(|other| other.service.clone()).collect(),
                replicas: (0..service.replicas)
                    .map(|number| Replica {
                        id: format!("{}-{number}", service.name),
                        revision: revisions[service.name.as_str()].clone(),
                        state: State::Healthy,
                        serving: true,
                        published: Vec::new(),
                    })
                    .collect(),
            })
            .collect(),
    };
    show("read and check the manifest", || {
        black_box(File::read(&before, Notation::Yaml).expect("the manifest is right"));
    });
    show("plan from nothing", || {
        black_box(plan(&manifest, &Observed::default()));
    });
    show("plan where nothing is to do", || assert!(plan(&manifest, &observed).is_empty(), "nothing has changed"));
    show("plan where every service changes", || assert_eq!(plan(&after, &observed).actions().count(), SERVICES));
}

/// A thousand services in four groups, each of which needs three earlier ones.
fn text(version: u32) -> String {
    let groups = ["SYSTEM", "CORE", "BATCH", "APP"];
    let service = |index: usize| {
        let needs: Vec<String> =
            [1, 7, 50].iter().filter_map(|back| Some(format!("{{service: s{}, restart: true}}", index.checked_sub(*back)?))).collect();
        format!(
            "  - name: s{index}\n    group: {}\n    context: {{image: 'registry.example.com/s:{version}', environment: {{LEVEL: info, INDEX: {index}}}}}\n    \
             replicas: 3\n    health: {{http: {{port: 80, path: /healthz}}}}\n    depends_on: [{}]\n",
            groups[index * groups.len() / SERVICES],
            needs.join(", ")
        )
    };
    format!("name: bench\nservices:\n{}", (0..SERVICES).map(service).collect::<String>())
}

fn show(what: &str, run: impl Fn()) {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            run();
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("{what:<34} p50 {:>9.3?}  p95 {:>9.3?}", times[ROUNDS / 2], times[ROUNDS * 95 / 100]);
}
