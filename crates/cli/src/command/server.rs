//! `zona server info`: what a server says of itself.

use api_proto::zona::server::v1 as pb;

use super::execution::moment;
use crate::client::soon;
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::{fields, table};

/// Shows version, backend, load, and what the self-test of each isolation tier found.
///
/// # Errors
/// No server answers.
pub async fn info(context: &Context) -> Result {
    let request = soon(pb::GetServerInfoRequest {});
    let info = context.connect().await?.servers().get_server_info(request).await?.into_inner();
    context.output.one(|| document(&info), || human(&info))?;
    Ok(Exit::Ok)
}

fn human(info: &pb::ServerInfo) -> String {
    let mut text = fields(&[
        ("version", info.version.clone()),
        ("instance", info.instance.clone()),
        ("started", moment(info.start_time.as_ref())),
        ("backend", info.backend.clone()),
        ("executions", format!("{} running, {} waiting", info.running_executions, info.queued_executions)),
    ]);
    text.push('\n');
    text.push_str(&table(&["TIER", "ACCEPTED", "SELF-TEST"], info.tiers.iter().map(tier)));
    for failure in info.tiers.iter().flat_map(|tier| &tier.failures) {
        text.push_str(&format!("\n{} ({}): {}\n  {}\n", failure.probe, failure.defence, failure.detail, failure.hint));
    }
    text
}

fn tier(report: &pb::TierReport) -> Vec<String> {
    let accepted = if report.accepted { "yes" } else { "no" };
    let tested = match report.battery_version.as_str() {
        "" => "did not run".to_owned(),
        version => format!(
            "battery {version} at {}: {} of {} probes stopped",
            moment(report.battery_time.as_ref()),
            report.probes - i32::try_from(report.failures.len()).unwrap_or(report.probes),
            report.probes
        ),
    };
    vec![report.tier.clone(), accepted.to_owned(), tested]
}
