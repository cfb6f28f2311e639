//! The benchmarks: measures every speed that SPECIFICATION.md promises, in one run, beside its yardstick.
//!
//! Prints tables and writes JSON. It judges (a goal is met or missed) but never fails for a miss: speeds depend on the
//! machine, so limits are the tests' business. It fails when something cannot be measured.

mod abuse;
mod against;
mod arguments;
mod audit;
mod cache;
mod context;
mod cpu;
mod differential;
mod echo;
mod fairness;
mod first_output;
mod gateway;
mod get_utility;
mod kill;
mod list;
mod load;
mod locks;
mod machine;
mod memory;
mod neighbor;
mod part;
mod parts;
mod peers;
mod promises;
mod report;
mod rpc;
mod samples;
mod server;
mod soak;
mod t1;
mod tiers;
mod timeline;
mod transform;
mod validate;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Format};
use crate::report::Report;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // What the sandbox warns of while it is measured belongs beside the figures.
    tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::WARN).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    if let Some(work) = arguments.neighbor {
        return runtime.block_on(neighbor::work(work)).unwrap_or_else(|error| fail(&error));
    }
    let outcome = match (&arguments.echo, &arguments.parse) {
        (Some(echo), _) => runtime.block_on(echo::serve(*echo)).map(|()| Vec::new()),
        (None, Some(job)) => validate::work(job).map(|()| Vec::new()),
        (None, None) => runtime.block_on(measure(&arguments)),
    };
    match outcome {
        Ok(failed) if failed.is_empty() => ExitCode::SUCCESS,
        Ok(failed) => {
            eprintln!("error: not measured: {}", failed.join(", "));
            ExitCode::FAILURE
        }
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}

/// Runs the chosen parts; answers those that could not be measured.
async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<&'static str>> {
    let mut report = Report::new(machine::facts(&arguments.data_parent()?)?);
    let failed = parts::run(arguments, &mut report).await;
    report.finish(machine::load());
    let path = report.save(&arguments.directory)?;
    match arguments.output {
        Format::Table => {
            println!("{report}");
            println!("written to {}", path.display());
        }
        Format::Json => println!("{}", report.json()),
    }
    Ok(failed)
}
