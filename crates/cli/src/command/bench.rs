//! `zona bench ...`: making an installation as large as what is measured needs it to be.

use std::time::{Duration, Instant};

use api_proto::zona::tenant::v1::{CreateTenantRequest, GetTenantRequest};
use api_proto::zona::utility::v1::{CreateUtilityRequest, Utility};
use clap::{Args, Subcommand, value_parser};
use futures_util::{StreamExt as _, stream};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::client::repeated::repeated;
use crate::client::{Client, names, soon};
use crate::context::Context;
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::{fields, progress};
use crate::pending::Pending;

/// How often it is told how far it has come.
const TOLD_EVERY: Duration = Duration::from_secs(1);
/// How often a call is made again that comes too often, and the reason by which a server says so.
const MAX_WAITS: u32 = 100;
const TOO_OFTEN: &str = "RATE_LIMITED";
/// One utility in so many is a script, and one in so many has a tag of its own.
const SCRIPTS: u32 = 4;
const TAGS: u32 = 100;

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Fill an installation with tenants and utilities; only super administrators may
    Seed(Seed),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Everything is made by the calls that anybody makes: each utility is checked, stored as a version, and stands in the audit log \
    by two records. Called again, it goes on: what is there stays as it is. `zona tenant delete` takes a tenant away again."
)]
pub struct Seed {
    /// How many tenants
    #[arg(long, value_name = "NUMBER", value_parser = value_parser!(u32).range(1..=9_999))]
    tenants: u32,
    /// How many utilities each of them has
    #[arg(long, value_name = "NUMBER", value_parser = value_parser!(u32).range(1..=9_999_999))]
    utilities: u32,
    /// What their codes begin with; `-` and four digits follow
    #[arg(long, value_name = "TEXT", default_value = "seed")]
    prefix: String,
    /// How many calls are under way at a time
    #[arg(long, value_name = "NUMBER", default_value_t = 32, value_parser = value_parser!(u16).range(1..=1_024))]
    concurrency: u16,
}

/// What a call has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    New,
    /// It was there before.
    Known,
}

/// How many were made, and how many were there before.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    new: u64,
    known: u64,
}

// === impl Bench ===

impl Bench {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(async move {
            match self {
                Bench::Seed(seed) => seed.run(context).await,
            }
        })
    }
}

// === impl Seed ===

impl Seed {
    async fn run(&self, context: &Context) -> Result {
        let tenants = (1..=self.tenants).map(|number| names::Tenant::parse(&format!("{}-{number:04}", self.prefix)));
        let tenants: Vec<_> =
            tenants.collect::<std::result::Result<_, _>>().map_err(|error| Failure::usage(format!("--prefix: {error}")))?;
        let client = context.connect().await?;
        let begun = Instant::now();
        let mut made = [Count::default(); 2];
        for tenant in &tenants {
            made[0].add(new_tenant(&client, tenant).await?);
        }
        // Side by side, as tenants grow: none of them waits for another one.
        let each = (1..=self.utilities).flat_map(|number| tenants.iter().map(move |tenant| (tenant, number)));
        let total = u64::from(self.utilities) * tenants.len() as u64;
        let mut making =
            stream::iter(each).map(|(tenant, number)| new_utility(&client, tenant, number)).buffer_unordered(self.concurrency.into());
        let mut told = Instant::now();
        while let Some(one) = making.next().await {
            made[1].add(one.map_err(|failure| failure.hint_on(Exit::Unavailable, "the same command goes on from here"))?);
            if told.elapsed() >= TOLD_EVERY {
                told = Instant::now();
                progress(&format!("{} of {total} utilities", made[1].new + made[1].known));
            }
        }
        show(context, made, begun.elapsed())?;
        Ok(Exit::Ok)
    }
}

// === impl Count ===

impl Count {
    fn add(&mut self, made: Made) {
        match made {
            Made::New => self.new += 1,
            Made::Known => self.known += 1,
        }
    }
}

fn show(context: &Context, [tenants, utilities]: [Count; 2], took: Duration) -> std::io::Result<()> {
    let seconds = took.as_secs_f64();
    let rate = utilities.new as f64 / seconds.max(f64::EPSILON);
    let count = |count: Count| {
        let integer = |number: u64| Document::Integer(number.into());
        Document::object([("made", integer(count.new)), ("there", integer(count.known))])
    };
    let document = || {
        Document::object([
            ("tenants", count(tenants)),
            ("utilities", count(utilities)),
            ("seconds", Document::Float(seconds)),
            ("utilities_per_second", Document::Float(rate)),
        ])
    };
    let human = |count: Count| format!("{} made, {} there before", count.new, count.known);
    let rows =
        [("tenants", human(tenants)), ("utilities", human(utilities)), ("took", format!("{seconds:.1} s, {rate:.0} utilities a second"))];
    context.output.one(document, || fields(&rows))
}

async fn new_tenant(client: &Client, tenant: &names::Tenant) -> Result<Made> {
    let made = made(async |request_id| {
        let body = CreateTenantRequest { tenant_id: tenant.as_str().to_owned(), request_id, ..Default::default() };
        repeated(body, async |request| client.tenants().create_tenant(request).await).await.map(drop)
    })
    .await?;
    if made == Made::Known {
        // The code of a deleted one stays taken.
        let request = GetTenantRequest { name: names::parent(tenant) };
        let found = client.tenants().get_tenant(soon(request)).await?.into_inner();
        if found.close_time.is_some() {
            let message = format!("tenants/{tenant} is {}: nothing can be made there", found.status);
            return Err(Failure::new(Exit::Conflict, message).hint("another --prefix names other tenants"));
        }
    }
    Ok(made)
}

async fn new_utility(client: &Client, tenant: &names::Tenant, number: u32) -> Result<Made> {
    made(async |request_id| {
        let body = CreateUtilityRequest {
            parent: names::parent(tenant),
            utility_id: format!("utility-{number:07}"),
            utility: Some(utility(number)),
            request_id,
            ..Default::default()
        };
        repeated(body, async |request| client.utilities().create_utility(request).await).await.map(drop)
    })
    .await
}

/// Makes something, whatever was there before, and as slowly as the server asks for.
async fn made(make: impl AsyncFn(String) -> std::result::Result<(), Status>) -> Result<Made> {
    let mut waits = 0;
    loop {
        let status = match make(Uuid::now_v7().to_string()).await {
            Ok(()) => return Ok(Made::New),
            Err(status) if status.code() == Code::AlreadyExists => return Ok(Made::Known),
            Err(status) => status,
        };
        let is_too_often = status.get_details_error_info().is_some_and(|info| info.reason == TOO_OFTEN);
        let delay = status.get_details_retry_info().and_then(|retry| retry.retry_delay);
        match delay.filter(|_| is_too_often && waits < MAX_WAITS) {
            Some(delay) => tokio::time::sleep(delay).await,
            None => return Err(status.into()),
        }
        waits += 1;
    }
}

/// A small utility like none of its tenant's others.
fn utility(number: u32) -> Utility {
    let code = match number.is_multiple_of(SCRIPTS) {
        true => format!("def main(count: int = {number}) -> int:\n    print(\"counting to\", count)\n    return count\n"),
        false => format!("def transform(value: str, ending: str = \"-{number}\") -> str:\n    return value.strip().lower() + ending\n"),
    };
    let description = format!("One of many, number {number}");
    Utility { code, description, tags: vec![format!("group-{}", number % TAGS)], ..Utility::default() }
}
