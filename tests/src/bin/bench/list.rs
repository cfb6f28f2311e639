//! Pages of ListUtilities while a tenant grows tenfold, and, with `--full`, while 99 other tenants of its size come beside it: a
//! page must cost the same wherever it lies and however many there are.

mod million;

use std::path::PathBuf;
use std::time::Instant;

use api_proto::zona::utility::v1::{ListUtilitiesRequest, UtilityFilter, UtilityOrder};
use e2e::server::Backend;
use futures_util::{StreamExt as _, TryStreamExt as _};

use crate::context::Context;
use crate::promises;
use crate::report::{Report, Table};
use crate::rpc::{Client, TENANT};
use crate::samples::Samples;
use crate::server::Zona;

const PART: &str = "list";
const PAGE: i32 = 100;
/// Creations in flight: the store commits them in groups.
const IN_FLIGHT: usize = 64;
const CODE: &str = "def transform(value):\n    return value\n";
/// Utilities of each of the hundred tenants.
const MILLION_EACH: usize = 10_000;

/// Measures pages in a small tenant, then in the same tenant grown, then among a hundred of them.
///
/// # Errors
/// When the server does not start or a call fails.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let data = context.scratch.join("data");
    let server = start(data.clone()).await?;
    let columns = ["utilities", "of all tenants", "page", "p50 ms", "p95 ms", "p99 ms"];
    let mut table = Table::new(PART, format!("ListUtilities, pages of {PAGE}"), &columns);
    let large = if context.arguments.full { MILLION_EACH } else { context.effort.utilities };
    let mut from = 0;
    for size in [large / 10, large] {
        let begin = Instant::now();
        grow(&server.client(), from, size).await?;
        let rate = (size - from) as f64 / begin.elapsed().as_secs_f64();
        table.note(format!("Growing to {size}: {rate:.0} CreateUtility calls a second, {IN_FLIGHT} in flight, each durable."));
        from = size;
        let worst = pages(&server.client(), size, size, context, &mut table).await?;
        if size == large {
            report.judge(&promises::LIST, worst);
        }
    }
    server.stop().await?;
    if context.arguments.full {
        among_a_million(data, context, report, &mut table).await?;
    }
    report.add(table);
    Ok(())
}

async fn among_a_million(data: PathBuf, context: &Context<'_>, report: &mut Report, table: &mut Table) -> anyhow::Result<()> {
    table.note(million::fill(&data, MILLION_EACH).await?);
    let server = start(data).await?;
    let worst = pages(&server.client(), MILLION_EACH, MILLION_EACH * million::TENANTS, context, table).await?;
    report.judge(&promises::LIST_MILLION, worst);
    server.stop().await
}

async fn start(data: PathBuf) -> anyhow::Result<Zona> {
    Zona::configured(data, Backend::Namespace, String::new()).await
}

async fn grow(client: &Client, from: usize, to: usize) -> anyhow::Result<()> {
    let create = |number: usize| {
        let client = client.clone();
        async move { client.create(&format!("bench-{number:06}"), CODE, vec![format!("tag-{}", number % million::TAGS)]).await.map(drop) }
    };
    futures_util::stream::iter(from..to).map(create).buffer_unordered(IN_FLIGHT).try_collect().await
}

/// Answers the worst p95.
async fn pages(client: &Client, size: usize, of_all: usize, context: &Context<'_>, table: &mut Table) -> anyhow::Result<f64> {
    let plain = ListUtilitiesRequest { parent: TENANT.to_owned(), page_size: PAGE, ..ListUtilitiesRequest::default() };
    let filtered = |filter: UtilityFilter| ListUtilitiesRequest { filter: Some(filter), ..plain.clone() };
    let tagged = filtered(UtilityFilter { tag: "tag-3".to_owned(), ..UtilityFilter::default() });
    let prefixed = filtered(UtilityFilter { name_prefix: format!("bench-{:06}", size - 1)[..11].to_owned(), ..UtilityFilter::default() });
    let newest = ListUtilitiesRequest { order: UtilityOrder::UpdateTimeDesc.into(), ..plain.clone() };
    let deep = ListUtilitiesRequest { page_token: token_after(client, &plain, size / 2).await?, ..plain.clone() };
    let mut worst = 0.0_f64;
    for (name, request) in
        [("first", plain), ("in the middle", deep), ("one tag in ten", tagged), ("name prefix", prefixed), ("newest first", newest)]
    {
        let mut samples = Samples::default();
        for _ in 0..context.effort.rounds {
            let begin = Instant::now();
            let page = client.list(request.clone()).await?;
            samples.push(begin.elapsed());
            anyhow::ensure!(!page.utilities.is_empty(), "the page {name} is empty");
        }
        let p95 = samples.millis(0.95);
        table.row([size.into(), of_all.into(), name.into(), samples.median().into(), p95.into(), samples.millis(0.99).into()]);
        worst = worst.max(p95);
    }
    Ok(worst)
}

/// The token of the page that follows about `count` utilities.
async fn token_after(client: &Client, plain: &ListUtilitiesRequest, count: usize) -> anyhow::Result<String> {
    let mut request = plain.clone();
    let mut seen = 0;
    while seen < count {
        let page = client.list(request.clone()).await?;
        anyhow::ensure!(!page.next_page_token.is_empty(), "the list ends after {seen} of {count} utilities");
        seen += page.utilities.len();
        request.page_token = page.next_page_token;
    }
    Ok(request.page_token)
}
