//! A log of a million records: written through the store's own port while no server has it, covered by checkpoints by the server,
//! exported, and verified by the command that needs no server; and proofs that single records are in it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api_proto::zona::audit::v1::audit_service_client::AuditServiceClient;
use api_proto::zona::audit::v1::{GetCheckpointRequest, GetInclusionProofRequest};
use domain::audit::{Actor, AuditRepository, Entry, Outcome};
use domain::lease::InstanceId;
use domain::name::{PrincipalName, TenantId};
use domain::time::Timestamp;
use storage_embedded::{Config, EmbeddedStore};
use tonic::transport::Channel;

use super::signed_in;
use crate::context::Context;
use crate::part::Part;
use crate::promises;
use crate::report::{Report, Table};
use crate::rpc::TENANT;
use crate::samples::Samples;
use crate::server::Zona;

const RECORDS: u64 = 1_000_000;
const QUICK: u64 = 20_000;
/// Records of one append.
const BATCH: u64 = 4_096;
/// 2026-01-01, in milliseconds: when the first record is of.
const FIRST_TIME: u64 = 1_767_225_600_000;
/// How long the server may take to cover what it finds.
const COVERED: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(200);
/// Other than a divisor of any tile: proofs of records from everywhere.
const STEP: u64 = 7_919;

pub(super) async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let records = if context.arguments.quick { QUICK } else { RECORDS };
    let data = context.scratch.join("long");
    let filled = fill(&data, records).await?;
    let server = Zona::on(data).await?;
    let channel = signed_in::connect(&server, 1).await?;
    let begun = Instant::now();
    covered(&channel, records).await?;
    let sealed = begun.elapsed();
    let proofs = proofs(&channel, records, context.effort.rounds * 5).await?;
    let file = context.scratch.join("log.jsonl");
    let exported = zona(&server, &["audit", "export", "--out"], &file).await?;
    server.stop().await?;
    let verified = verify(&file).await?;
    let megabytes = file.metadata()?.len() as f64 / 1e6;

    let mut table = Table::new(Part::Audit.name(), format!("A log of {records} records, {megabytes:.0} MB"), &["what", "seconds"]);
    let rows = [
        ("added through the store, 4,096 at once", filled),
        ("covered by checkpoints, after the start", sealed),
        ("exported over the API", exported),
        ("verified without a server", verified),
    ];
    for (what, took) in rows {
        table.row([what.into(), took.as_secs_f64().into()]);
    }
    report.add(table);
    let mut table =
        Table::new(Part::Audit.name(), "Proofs that a record is in it, over the API", &["p50 ms", "p95 ms", "p99 ms", "proofs"]);
    let times = [0.5, 0.95, 0.99].map(|share| proofs.millis(share).into());
    table.row(times.into_iter().chain([proofs.len().into()]));
    report.add(table);
    if records == RECORDS {
        report.judge(&promises::VERIFY_MILLION, verified.as_secs_f64());
        report.judge(&promises::INCLUSION_PROOF, proofs.millis(0.95));
    }
    Ok(())
}

async fn fill(data: &Path, records: u64) -> anyhow::Result<Duration> {
    std::fs::create_dir_all(data)?;
    let config = Config { deadline: COVERED, ..Config::new(data) };
    let store = tokio::task::spawn_blocking(move || EmbeddedStore::open(config)).await??;
    let entry = template()?;
    let begun = Instant::now();
    for first in (0..records).step_by(usize::try_from(BATCH)?) {
        let batch = (first..records.min(first + BATCH)).map(|number| numbered(&entry, number)).collect();
        AuditRepository::append(&store, batch).await?;
    }
    let took = begun.elapsed();
    store.close().await?;
    Ok(took)
}

/// An ordinary read of code.
fn template() -> anyhow::Result<Entry> {
    let principal = PrincipalName::parse("principal", &format!("{TENANT}/users/ann"))?;
    let actor = Actor {
        role: None,
        principal: Some(principal),
        session: Some("0197fd40-0000-7000-8000-000000000001".to_owned()),
        key: None,
        address: Some("10.11.12.13".parse()?),
    };
    Ok(Entry {
        tenant: TenantId::parse("tenant", "demo")?,
        time: Timestamp::from_millis(FIRST_TIME),
        until: None,
        count: 1,
        instance: InstanceId::new("bench"),
        call: String::new(),
        actor,
        method: "/zona.utility.v1.UtilityService/GetUtility".to_owned(),
        action: "utility.get".to_owned(),
        resource: String::new(),
        version: None,
        outcome: Outcome::Allowed,
        reason: String::new(),
        changes: Vec::new(),
        purpose: String::new(),
        request_id: String::new(),
        trace_id: String::new(),
    })
}

fn numbered(entry: &Entry, number: u64) -> Entry {
    let id = |kind: u64| format!("0197fd40-{kind:04x}-7000-8000-{number:012x}");
    Entry {
        time: Timestamp::from_millis(FIRST_TIME + number),
        call: id(1),
        resource: format!("{TENANT}/utilities/utility-{}", number % 1_000),
        request_id: id(2),
        trace_id: format!("{number:032x}"),
        ..entry.clone()
    }
}

/// Waits until a checkpoint covers them all.
async fn covered(channel: &Channel, records: u64) -> anyhow::Result<()> {
    let mut client = AuditServiceClient::new(channel.clone());
    let patience = Instant::now() + COVERED;
    loop {
        let request = GetCheckpointRequest { parent: TENANT.to_owned(), size: 0 };
        let covers = client.get_checkpoint(request).await.map_or(0, |answer| answer.into_inner().size);
        if u64::try_from(covers)? >= records {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < patience, "a checkpoint covers {covers} of {records} records");
        tokio::time::sleep(POLL).await;
    }
}

async fn proofs(channel: &Channel, records: u64, count: usize) -> anyhow::Result<Samples> {
    let mut client = AuditServiceClient::new(channel.clone());
    let mut samples = Samples::default();
    for number in 0..count as u64 {
        let sequence = i64::try_from(number * STEP % records)?;
        let begun = Instant::now();
        let request = GetInclusionProofRequest { parent: TENANT.to_owned(), sequence, size: 0 };
        let proof = client.get_inclusion_proof(request).await.context("GetInclusionProof")?.into_inner();
        samples.push(begun.elapsed());
        anyhow::ensure!(proof.sequence == sequence && !proof.hashes.is_empty(), "this proves nothing: {proof:?}");
    }
    Ok(samples)
}

async fn zona(server: &Zona, words: &[&str], file: &Path) -> anyhow::Result<Duration> {
    let mut command = e2e::server::client();
    command.args(["--server", &format!("http://{}", server.address())]).args(words).arg(file);
    timed(command).await
}

async fn verify(file: &Path) -> anyhow::Result<Duration> {
    let mut command = e2e::server::client();
    command.args(["audit", "verify"]).arg(file);
    timed(command).await
}

async fn timed(mut command: std::process::Command) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let ended = tokio::task::spawn_blocking(move || command.output()).await??;
    let took = begun.elapsed();
    anyhow::ensure!(ended.status.success(), "{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    Ok(took)
}
