//! `zona demo`: the whole story in seconds. Starts what `dev` starts on a free port with a directory of its own, creates a
//! transformer and a script, runs them, and shows how fast that was beside a bare interpreter doing the same.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use api_proto::zona::{execution::v1 as execution, utility::v1 as utility};
use clap::Args;
use cli::client::follow::Follow;
use cli::client::{Client, soon};
use cli::command::streamed::{OnInterrupt, exit_of, show};
use cli::document::Document;
use cli::document::message::short;
use cli::output::{Format, table, write_out};
use cli::secret::Secret;
use cli::{Credential, Exit, Failure, Result};
use domain::sandbox::Isolation;
use execution::transform_result::Outcome;
use sandbox::{Outcome as ProbeOutcome, Sandboxes};
use server::seed::{EXTRACT_IOCS, Example, NORMALIZE_SEVERITY, SUMMARIZE_EVENTS};
use server::{Options, Running, sandboxes};
use settings::Flag;

use super::Backend;
use crate::context::Context;
use crate::refusal::not_started;

mod bare;

use bare::BarePython;

/// Transform calls that are timed, each beside one bare interpreter.
const CALLS: usize = 200;
/// How long the self-test of the sandbox is waited for: it takes a second on an idle machine.
const SELF_TEST_PATIENCE: Duration = Duration::from_secs(30);
const SELF_TEST_POLL: Duration = Duration::from_millis(100);
const PARENT: &str = "tenants/demo";
/// What the transformer is shown with: a text full of indicators.
const REPORT: &str = r#""Beacon to hxxps://evil[.]example/a?b=1 from 198.51.100.7, mail to ops@corp.example.""#;
/// What the timed one is given. It does little itself, so that what is timed is Zona, and the start of an interpreter.
const SEVERITY: &str = r#""CRIT""#;

#[derive(Debug, Args)]
pub struct Demo {
    /// What contains executions [default: namespace]
    #[arg(long, value_enum)]
    backend: Option<Backend>,
}

/// What was measured.
struct Figures {
    first_ms: f64,
    transform_ms: Vec<f64>,
    bare_ms: Vec<f64>,
    backend: String,
    tier: String,
}

impl Demo {
    pub fn flags(&self) -> Vec<Flag> {
        let mut flags =
            vec![Flag { key: "listen", value: "127.0.0.1:0".to_owned() }, Flag { key: "admin_listen", value: "127.0.0.1:0".to_owned() }];
        flags.extend(self.backend.map(Backend::flag));
        flags
    }

    pub async fn run(self, mut context: Context) -> Result {
        let directory = tempfile::Builder::new().prefix("zona-demo-").tempdir();
        let directory = directory.map_err(|error| Failure::usage(format!("cannot make a temporary directory: {error}")))?;
        context.config.listening.data = directory.path().to_path_buf();
        context.config.embed();
        if context.config.log.filter == "info" {
            // The story is the output; what goes wrong is still logged.
            context.config.log.filter = "warn".to_owned();
        }
        let options = Options {
            installation: Some(sandboxes::shared_installation("demo")),
            developer: true,
            warnings: std::mem::take(&mut context.warnings),
            ..Options::default()
        };
        let running = server::start(&context.config, &context.surroundings, options).await.map_err(not_started)?;
        let told = tokio::select! {
            told = tell(&context, &running, directory.path().join("bare.py")) => told,
            _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, "interrupted")),
        };
        running.stop().await;
        let figures = told?;
        context.output.one(|| figures.document(), || figures.human())?;
        Ok(Exit::Ok)
    }
}

async fn tell(context: &Context, running: &Running, script: PathBuf) -> Result<Figures> {
    let shown = context.output.format == Format::Table;
    let say = |text: String| if shown { write_out(&text) } else { Ok(()) };
    let key = running.developer.as_ref().map(|developer| Secret::new(developer.key.expose()));
    let credential = key.map_or(Credential::Absent, Credential::Key);
    let asking = cli::Context::new(running.url(), context.output.clone(), credential);
    let client = asking.connect().await?;
    say(format!("server on {}\n\n", asking.server))?;

    for example in [&EXTRACT_IOCS, &NORMALIZE_SEVERITY, &SUMMARIZE_EVENTS] {
        create(&client, example).await?;
        say(format!("$ zona utility create {} --file examples/{}.py\n", example.id, example.id.replace('-', "_")))?;
    }
    let begun = Instant::now();
    let (result, first) = transform(&client, &EXTRACT_IOCS, REPORT).await?;
    let first_ms = milliseconds(begun);
    say(format!("\n$ zona transform {} --value '{REPORT}'\n{result}\n", EXTRACT_IOCS.id))?;
    say(format!("\n$ zona run {}\n", SUMMARIZE_EVENTS.id))?;
    run_script(&asking, &client, shown).await?;

    if let Some(sentence) = self_test(&running.sandboxes).await {
        say(format!("\n{sentence}\n"))?;
    }
    say(format!("\n{CALLS} Transform calls of {} over gRPC, each beside a bare interpreter with the same code:\n", NORMALIZE_SEVERITY.id))?;
    let bare = BarePython::new(context, running, script, NORMALIZE_SEVERITY.code, SEVERITY).await?;
    let (transform_ms, bare_ms) = interleaved(&client, &bare).await?;
    let execution = client.executions().get_execution(soon(execution::GetExecutionRequest { name: first })).await?.into_inner();
    let attestation = execution.attestation.unwrap_or_default();
    Ok(Figures {
        first_ms,
        transform_ms,
        bare_ms,
        backend: short("Backend", attestation.backend().as_str_name()).to_lowercase(),
        tier: tier(&attestation).to_owned(),
    })
}

/// Waits until the sandbox has attacked itself, so that its probes are not timed with the calls. Says what came of it.
async fn self_test(sandboxes: &Sandboxes) -> Option<String> {
    let begun = Instant::now();
    while begun.elapsed() < SELF_TEST_PATIENCE {
        let reports = sandboxes.battery_reports();
        if let Some(report) = reports.iter().find(|report| report.isolation == Isolation::TenantWarm) {
            let failed = report.probes.iter().filter(|probe| matches!(probe.outcome, ProbeOutcome::Reached | ProbeOutcome::Error));
            let (probes, stopped) = (report.probes.len(), report.probes.len() - failed.count());
            return Some(format!("the sandbox attacked itself: {stopped} of {probes} probes were stopped"));
        }
        tokio::time::sleep(SELF_TEST_POLL).await;
    }
    None
}

async fn create(client: &Client, example: &Example) -> Result<()> {
    let request = utility::CreateUtilityRequest {
        parent: PARENT.to_owned(),
        utility_id: example.id.to_owned(),
        utility: Some(utility::Utility { code: example.code.to_owned(), ..Default::default() }),
        ..Default::default()
    };
    client.utilities().create_utility(soon(request)).await?;
    Ok(())
}

fn full_name(example: &Example) -> String {
    format!("{PARENT}/utilities/{}", example.id)
}

/// One call with one value; its result, and the name of its execution.
async fn transform(client: &Client, example: &Example, value: &str) -> Result<(String, String)> {
    let request = execution::TransformRequest { name: full_name(example), values_json: vec![value.to_owned()], ..Default::default() };
    let answer = client.executions().transform(request).await?.into_inner();
    match answer.results.into_iter().next().and_then(|result| result.outcome) {
        Some(Outcome::ResultJson(json)) => Ok((json, answer.execution)),
        Some(Outcome::Failure(failure)) => Err(Failure::new(Exit::UserCode, failure.message).reason(failure.reason)),
        None => Err(Failure::new(Exit::Unavailable, "the server left out the result")),
    }
}

async fn run_script(asking: &cli::Context, client: &Client, shown: bool) -> Result<()> {
    let request = execution::ExecuteUtilityRequest { name: full_name(&SUMMARIZE_EVENTS), ..Default::default() };
    let stream = client.executions().execute_utility(request).await?.into_inner();
    let mut follow = Follow::new(client.clone(), stream, String::new(), 0);
    let exit = if shown { show(asking, &mut follow, OnInterrupt::Cancel).await? } else { last_exit(&mut follow).await? };
    match exit {
        Exit::Ok => Ok(()),
        exit => Err(Failure::new(exit, "the script did not succeed")),
    }
}

async fn last_exit(follow: &mut Follow) -> Result {
    while let Some(event) = follow.next().await? {
        if let Some(execution::execution_event::Event::Finished(finished)) = event.event {
            return Ok(finished.execution.as_ref().map_or(Exit::Unavailable, exit_of));
        }
    }
    Err(Failure::new(Exit::Unavailable, "the stream ended before the execution"))
}

async fn interleaved(client: &Client, bare: &BarePython) -> Result<(Vec<f64>, Vec<f64>)> {
    let (mut ours, mut theirs) = (Vec::with_capacity(CALLS), Vec::with_capacity(CALLS));
    for _ in 0..CALLS {
        let begun = Instant::now();
        let (result, _) = transform(client, &NORMALIZE_SEVERITY, SEVERITY).await?;
        ours.push(milliseconds(begun));
        let (expected, elapsed_ms) = bare.call().await?;
        theirs.push(elapsed_ms);
        if result != expected {
            return Err(Failure::new(Exit::UserCode, format!("the sandbox answered {result}, a bare interpreter {expected}")));
        }
    }
    Ok((ours, theirs))
}

fn tier(attestation: &execution::Attestation) -> &'static str {
    match attestation.tier() {
        execution::Tier::TenantWarm => "T1",
        execution::Tier::SingleUse => "T2",
        execution::Tier::OneShot => "T3",
        execution::Tier::Unspecified => "",
    }
}

fn milliseconds(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e3
}

impl Figures {
    fn document(&self) -> Document {
        let ms = |value: f64| Document::Float((value * 1e3).round() / 1e3);
        Document::object([
            ("first_ms", ms(self.first_ms)),
            ("transform_p50_ms", ms(percentile(&self.transform_ms, 50))),
            ("transform_p95_ms", ms(percentile(&self.transform_ms, 95))),
            ("bare_python_ms", ms(percentile(&self.bare_ms, 50))),
            ("backend", Document::from(self.backend.clone())),
            ("tier", Document::from(self.tier.clone())),
        ])
    }

    fn human(&self) -> String {
        let (p50, p95, bare) = (percentile(&self.transform_ms, 50), percentile(&self.transform_ms, 95), percentile(&self.bare_ms, 50));
        let row = |name: &str, p50: String, p95: String| vec![name.to_owned(), p50, p95];
        let ms = |value: f64| format!("{value:.2} ms");
        let rows = [
            row("first run, sandbox start included", ms(self.first_ms), String::new()),
            row("Transform over gRPC", ms(p50), ms(p95)),
            row("bare python3 -I -S -E, no isolation", ms(bare), ms(percentile(&self.bare_ms, 95))),
        ];
        let isolation = format!("{} sandbox, backend {}", self.tier, self.backend);
        format!("{}\n{:.0}x faster than a bare interpreter, and isolated ({isolation})\n", table(&["", "P50", "P95"], rows), bare / p50)
    }
}

/// The value below which `percent` of them lie (nearest rank).
fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!((percentile(&values, 50), percentile(&values, 95)), (100.0, 190.0));
        assert_eq!(percentile(&[7.0], 95), 7.0);
        assert_eq!(percentile(&[], 50), 0.0);
    }

    #[test]
    fn the_json_has_exactly_the_promised_members() {
        let figures =
            Figures { first_ms: 1.0, transform_ms: vec![1.0], bare_ms: vec![20.0], backend: "namespace".to_owned(), tier: "T1".to_owned() };
        let text = serde_json::to_string(&figures.document()).unwrap();
        assert_eq!(
            text,
            r#"{"first_ms":1.0,"transform_p50_ms":1.0,"transform_p95_ms":1.0,"bare_python_ms":20.0,"backend":"namespace","tier":"T1"}"#
        );
    }
}
