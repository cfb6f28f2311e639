//! The battery of escape probes in every tier, and what follows from it.

use std::time::Duration;

use domain::name::RuntimeId;
use domain::sandbox::{Error, Isolation, Job, Sandbox as _};
use sandbox::{Battery, Conclusion, Outcome, Proof, RuntimeConfig};

use crate::support::{Host, Kind, script};

crate::on_both_backends!(every_probe_is_stopped_in_every_tier);

async fn every_probe_is_stopped_in_every_tier(host: &Host) {
    for isolation in [Isolation::TenantWarm, Isolation::SingleUse, Isolation::OneShot] {
        let report = Battery::run(&host.sandboxes, isolation).await.unwrap();
        let through: Vec<_> = report.probes.iter().filter(|probe| probe.outcome != Outcome::Stopped).collect();
        assert!(through.is_empty(), "{}: {through:#?}", isolation.tier());
        assert_eq!(report.conclusion(), Conclusion::Holds);
        assert!(report.probes.len() >= 60, "{}: {}", isolation.tier(), report.probes.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_proof_is_required_a_program_waits_for_it_and_its_attestation_names_it() {
    let host = Host::open_with(Kind::Namespace, |config| config.proof = Proof::Required).await;
    let ran = host.run(script("def main():\n    return 1")).await;
    let battery = ran.attestation.battery.expect("the battery has passed");
    assert_eq!(battery.version, Battery::version());
    assert_eq!(host.sandboxes.battery_reports().len(), 1, "one tier was used");
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_further_runtime_is_attacked_itself_before_an_attestation_says_that_it_was() {
    // Not below /tmp, which is each sandbox's own.
    let packages = tempfile::tempdir_in("/var/tmp").unwrap();
    std::fs::set_permissions(packages.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let further = RuntimeConfig { name: "further".to_owned(), packages: vec![packages.path().to_owned()], ..RuntimeConfig::default() };
    let host = Host::open_with(Kind::Namespace, |config| {
        config.proof = Proof::Required;
        config.runtimes = vec![further];
    })
    .await;
    let attacked = || host.sandboxes.battery_reports().iter().map(|report| report.runtime.clone()).collect::<Vec<_>>();
    host.run(script("def main():\n    return 1")).await.attestation.battery.expect("the default runtime has passed");
    assert_eq!(attacked(), ["python"], "the other one is not used yet");
    let ran = host.run(Job { runtime: RuntimeId::new("further"), ..script("def main():\n    return 2") }).await;
    let battery = ran.attestation.battery.expect("the battery has passed");
    let reports = host.sandboxes.battery_reports();
    let report = reports.iter().find(|report| report.runtime == "further").expect("it was attacked");
    assert_eq!((battery.version, battery.at), (report.version.clone(), report.at), "its own pass, not another's");
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_proof_a_program_runs_and_its_attestation_says_so() {
    let host = Host::open(Kind::Namespace).await;
    assert_eq!(host.run(script("def main():\n    return 1")).await.attestation.battery, None);
    assert!(host.sandboxes.battery_reports().is_empty());
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tier_that_cannot_be_proven_runs_nothing_where_proof_is_required() {
    let host = Host::open_with(Kind::Docker, |config| {
        config.proof = Proof::Required;
        config.pool.max_wait = Duration::from_secs(10);
        if let sandbox::Backend::Docker(docker) = &mut config.backend {
            docker.image = "zona/no-such-image".to_owned();
        }
    })
    .await;
    let refused = host.sandboxes.start(script("pass")).await.err().expect("nothing runs");
    assert!(matches!(refused, Error::Unavailable(_) | Error::Refused { .. }), "{refused:?}");
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_are_no_executions_and_leave_no_sandbox_bound() {
    let host = Host::open(Kind::Namespace).await;
    Battery::run(&host.sandboxes, Isolation::TenantWarm).await.unwrap();
    let deadline = std::time::Instant::now() + crate::support::PATIENCE;
    while host.sandboxes.stats().bound > 0 {
        assert!(std::time::Instant::now() < deadline, "{:?}", host.sandboxes.stats());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((host.sandboxes.stats().executions, host.sandboxes.stats().anomalies), (0, 0));
    host.close().await;
}
