//! This build beside an earlier one: both servers run at the same time and are measured slice by slice, so that a noisy moment hits
//! both. It answers ratios, and what a ratio means is for whoever reads it. Where the earlier build knows nobody, what it costs to be
//! signed in and recorded was promised, and is judged.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tonic::{Code, Status};

use crate::arguments::Arguments;
use crate::audit::signed_in;
use crate::cpu::{Meter, Scope};
use crate::load::{self, Slice, Subject};
use crate::peers::CODE;
use crate::promises;
use crate::report::{Report, Table};
use crate::rpc::Client;
use crate::samples::{Samples, median};
use crate::server::Zona;

pub const PART: &str = "against";

const CALLERS: usize = 16;
/// Arrivals a second in the open loop: a rate that a busy machine still carries.
const RATE: f64 = 60.0;
const MANY: usize = 1_000;
/// The size of an ordinary utility.
const SOURCE: &str = include_str!("../../../../examples/extract_iocs.py");
/// The smallest script: what remains is the way of an execution.
const SCRIPT: &str = "print('done')\n";

/// How often and how long.
struct Effort {
    rounds: u32,
    slice: Duration,
    gets: usize,
    transforms: usize,
}

/// Of somebody who is signed in and was granted the utility, where a build knows people; else the same as without.
const SIGNED_IN_GET: &str = "GetUtility, signed in, 16 callers, per second";
const SIGNED_IN_TRANSFORM: &str = "Transform, signed in, one by one, p50 ms";

/// One server with what is asked of it.
struct Side {
    server: Zona,
    subjects: Subjects,
    /// Whether it knows who calls.
    knows_people: bool,
}

struct Subjects {
    get: Subject,
    transform: Subject,
    many: Subject,
    execute: Subject,
    signed_in_get: Subject,
    signed_in_transform: Subject,
}

/// A figure by its name, and which direction is better.
type Figures = Vec<(&'static str, f64, &'static str)>;

/// Measures the two builds.
///
/// # Errors
/// When a server does not start, or a call fails.
pub async fn run(earlier: &Path, arguments: &Arguments, scratch: &Path, report: &mut Report) -> anyhow::Result<()> {
    let effort = Effort::of(arguments.quick);
    let old = Side::start(scratch.join("old"), Some(earlier)).await.context("the earlier build")?;
    let new = Side::start(scratch.join("new"), None).await.context("this build")?;
    let mut rounds = Vec::new();
    for round in 0..effort.rounds {
        eprintln!("  round {} of {}", round + 1, effort.rounds);
        // Turns change places, so that what one of them leaves behind does not always meet the other.
        let seed = u64::from(round);
        rounds.push(if round % 2 == 0 {
            let before = old.measure(&effort, seed).await?;
            (before, new.measure(&effort, seed).await?)
        } else {
            let after = new.measure(&effort, seed).await?;
            (old.measure(&effort, seed).await?, after)
        });
    }
    report.add(table(&rounds));
    if new.knows_people && !old.knows_people {
        let (share, beyond) = cost_of_records(&rounds);
        report.judge(&promises::RECORDED_GET, share);
        report.judge(&promises::RECORDED_TRANSFORM, beyond);
    }
    old.stop().await?;
    new.stop().await
}

/// Which share of its throughput GetUtility keeps, in percent, and how many milliseconds Transform takes longer.
fn cost_of_records(rounds: &[(Figures, Figures)]) -> (f64, f64) {
    let of = |figures: &Figures, wanted: &str| figures.iter().find(|(name, _, _)| *name == wanted).map_or(f64::NAN, |figure| figure.1);
    let pairs = |wanted: &'static str| rounds.iter().map(move |(old, new)| (of(old, wanted), of(new, wanted)));
    let shares: Vec<f64> = pairs(SIGNED_IN_GET).map(|(old, new)| new / old * 100.0).collect();
    let beyond: Vec<f64> = pairs(SIGNED_IN_TRANSFORM).map(|(old, new)| new - old).collect();
    (median(&shares), median(&beyond))
}

fn table(rounds: &[(Figures, Figures)]) -> Table {
    let title = format!("This build beside an earlier one, {} rounds", rounds.len());
    let mut table = Table::new(PART, title, &["figure", "better is", "earlier", "this", "this / earlier", "min", "max"]);
    let names = rounds.first().map(|(figures, _)| figures.as_slice()).unwrap_or_default();
    for (index, (name, _, better)) in names.iter().enumerate() {
        let of = |side: fn(&(Figures, Figures)) -> &Figures| rounds.iter().map(|round| side(round)[index].1).collect::<Vec<f64>>();
        let (old, new) = (of(|round| &round.0), of(|round| &round.1));
        let ratios = ratios(&old, &new);
        let (least, most) = (ratios.iter().copied().fold(f64::NAN, f64::min), ratios.iter().copied().fold(f64::NAN, f64::max));
        let cells = [median(&old), median(&new), median(&ratios), least, most].map(Into::into);
        table.row([(*name).into(), (*better).into()].into_iter().chain(cells));
    }
    table.note("Figures are medians over rounds; the ratio is the median of the rounds' own ratios, each between neighbors in time.");
    table
}

fn ratios(old: &[f64], new: &[f64]) -> Vec<f64> {
    old.iter().zip(new).map(|(old, new)| new / old).collect()
}

// === impl Effort ===

impl Effort {
    fn of(quick: bool) -> Self {
        if quick {
            Effort { rounds: 6, slice: Duration::from_secs(1), gets: 200, transforms: 60 }
        } else {
            Effort { rounds: 15, slice: Duration::from_secs(2), gets: 500, transforms: 150 }
        }
    }
}

// === impl Side ===

impl Side {
    async fn start(data: std::path::PathBuf, binary: Option<&Path>) -> anyhow::Result<Self> {
        let server = match binary {
            Some(binary) => Zona::of_build(binary.to_path_buf(), data).await?,
            None => Zona::on(data).await?,
        };
        let client = server.client();
        let get = client.create("bench-get", SOURCE, Vec::new()).await?;
        let transform = client.create("bench-transform", CODE, Vec::new()).await?;
        let script = client.create("bench-script", SCRIPT, Vec::new()).await?;
        let shown = signed_in(&server, [&get, &transform]).await?;
        let knows_people = shown.is_some();
        let shown = shown.unwrap_or_else(|| client.clone());
        let subjects = Subjects {
            signed_in_get: getting(shown.clone(), get.clone()),
            signed_in_transform: transforming(shown, transform.clone(), 1),
            get: getting(client.clone(), get),
            transform: transforming(client.clone(), transform.clone(), 1),
            many: transforming(client.clone(), transform, MANY),
            execute: executing(client, script),
        };
        // Caches, pools and processors warm up before anything counts.
        let Subjects { get, transform, execute, signed_in_get, signed_in_transform, .. } = &subjects;
        for subject in [get, transform, execute, signed_in_get, signed_in_transform] {
            load::sequential(subject, 20).await?;
        }
        Ok(Side { server, subjects, knows_people })
    }

    async fn measure(&self, effort: &Effort, seed: u64) -> anyhow::Result<Figures> {
        let mut figures = Figures::new();
        let Subjects { get, transform, many, execute, signed_in_get, signed_in_transform } = &self.subjects;
        let p50 = |samples: &Samples| samples.median();
        figures.push(("GetUtility, one by one, p50 ms", p50(&load::sequential(get, effort.gets).await?), "less"));
        let (slice, cpu) = self.saturated(get, effort).await?;
        figures.push(("GetUtility, 16 callers, per second", slice.rate(), "more"));
        figures.push(("GetUtility, 16 callers, CPU ms each", cpu, "less"));
        let one = load::sequential(transform, effort.transforms).await?;
        figures.push(("Transform, one by one, p50 ms", p50(&one), "less"));
        figures.push(("Transform, 1,000 values, p50 ms", p50(&load::sequential(many, 5).await?), "less"));
        let (slice, cpu) = self.saturated(transform, effort).await?;
        figures.push(("Transform, 16 callers, per second", slice.rate(), "more"));
        figures.push(("Transform, 16 callers, CPU ms each", cpu, "less"));
        let (slice, _) = self.saturated(execute, effort).await?;
        figures.push(("Executions of a script, 16 callers, per second", slice.rate(), "more"));
        let open = load::open_loop(transform, RATE, effort.slice, seed).await?;
        all_succeeded(&open)?;
        figures.push(("Transform, 60 arrivals a second, p50 ms", p50(&open.latencies), "less"));
        figures.push(("Transform, 60 arrivals a second, p95 ms", open.latencies.millis(0.95), "less"));
        let (slice, _) = self.saturated(signed_in_get, effort).await?;
        figures.push((SIGNED_IN_GET, slice.rate(), "more"));
        figures.push((SIGNED_IN_TRANSFORM, p50(&load::sequential(signed_in_transform, effort.transforms).await?), "less"));
        Ok(figures)
    }

    /// A closed loop, and what each call cost the processors of the server and its sandboxes.
    async fn saturated(&self, subject: &Subject, effort: &Effort) -> anyhow::Result<(Slice, f64)> {
        let meter = Meter::start(Scope::Tree(self.server.pid()))?;
        let slice = load::closed_loop(subject, CALLERS, effort.slice).await?;
        let spent = meter.millis()?;
        all_succeeded(&slice)?;
        let each = spent / slice.latencies.len().max(1) as f64;
        Ok((slice, each))
    }

    async fn stop(self) -> anyhow::Result<()> {
        let Side { server, subjects, .. } = self;
        // Their connections would make the server wait.
        drop(subjects);
        server.stop().await
    }
}

/// A client of somebody who is signed in and was granted these utilities; `None` where the build knows nobody.
async fn signed_in(server: &Zona, utilities: [&str; 2]) -> anyhow::Result<Option<Client>> {
    let channel = signed_in::connect(server, 1).await?;
    let user = match signed_in::user(&channel, "ann").await {
        Ok(user) => user,
        Err(error) if error.downcast_ref::<Status>().is_some_and(|status| status.code() == Code::Unimplemented) => return Ok(None),
        Err(error) => return Err(error),
    };
    for utility in utilities {
        signed_in::share(&channel, utility, &user).await?;
    }
    let token = signed_in::sign_in(&channel, &user).await?;
    Ok(Some(server.client().showing(&token)?))
}

/// Refuses a slice with failures: its rate would be one of refusals.
fn all_succeeded(slice: &Slice) -> anyhow::Result<()> {
    anyhow::ensure!(slice.failed == 0, "{} calls failed, the first: {}", slice.failed, slice.failure.as_deref().unwrap_or_default());
    Ok(())
}

fn getting(client: Client, name: String) -> Subject {
    let name: Arc<str> = name.into();
    Arc::new(move || {
        let (client, name) = (client.clone(), Arc::clone(&name));
        Box::pin(async move {
            client.get(&name).await?;
            Ok(Instant::now())
        })
    })
}

fn transforming(client: Client, name: String, count: usize) -> Subject {
    let values: Arc<Vec<String>> = Arc::new((0..count).map(|number| format!("\"value-{number}\"")).collect());
    let name: Arc<str> = name.into();
    Arc::new(move || {
        let (client, name, values) = (client.clone(), Arc::clone(&name), Arc::clone(&values));
        Box::pin(async move { Ok(client.transform(&name, values.to_vec()).await?.done) })
    })
}

fn executing(client: Client, name: String) -> Subject {
    let name: Arc<str> = name.into();
    Arc::new(move || {
        let (client, name) = (client.clone(), Arc::clone(&name));
        Box::pin(async move {
            client.execute(&name, |_, _| {}).await?;
            Ok(Instant::now())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_taken_between_neighbors_and_its_median_shown_with_the_extremes() {
        let round = |old: f64, new: f64| (vec![("latency", old, "less")], vec![("latency", new, "less")]);
        // The second round was disturbed: both were slow, and their ratio still holds.
        let shown = table(&[round(10.0, 11.0), round(100.0, 90.0), round(10.0, 10.0)]).to_string();
        let row = shown.lines().find(|line| line.contains("latency")).unwrap_or_default();
        let cells: Vec<&str> = row.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect();
        assert_eq!(cells, ["latency", "less", "10.0", "11.0", "1.00", "0.900", "1.10"]);
    }

    #[test]
    fn what_records_cost_is_taken_between_neighbors() {
        let round = |get: f64, transform: f64| vec![(SIGNED_IN_GET, get, "more"), (SIGNED_IN_TRANSFORM, transform, "less")];
        let rounds =
            [(round(100.0, 3.0), round(90.0, 3.25)), (round(20.0, 9.0), round(16.0, 9.5)), (round(100.0, 3.0), round(88.0, 3.125))];
        assert_eq!(cost_of_records(&rounds), (88.0, 0.25));
    }

    #[test]
    fn a_slice_with_failures_is_no_figure() {
        let failed = Slice { failed: 1, failure: Some("refused".to_owned()), ..Slice::default() };
        let refused = all_succeeded(&failed).expect_err("a call failed").to_string();
        assert!(refused.contains("refused"), "{refused}");
        assert!(all_succeeded(&Slice::default()).is_ok());
    }
}
