//! Ninety-nine more tenants with as many utilities each as the first one has, written through the store's own port while no server
//! has it: through the API each would be compiled, which takes hours.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use domain::access::TenantScope;
use domain::name::{TenantId, UtilityId};
use domain::page::PageRequest;
use domain::request::{Committed, Expected};
use domain::utility::{Occasion, Utility, UtilityChange, UtilityQuery, UtilityRepository as _, Version};
use futures_util::{StreamExt as _, TryStreamExt as _};
use storage_embedded::{Config, EmbeddedStore};

pub(super) const TAGS: usize = 10;

/// All tenants, the first one included.
pub const TENANTS: usize = 100;
const FIRST: &str = "demo";
/// Commits in flight: the store makes them durable in groups.
const IN_FLIGHT: usize = 512;
/// A caller waits for its turn in a long queue here, which no server's does.
const DEADLINE: Duration = Duration::from_secs(60);

/// Fills the store; answers what it took, in words.
///
/// # Errors
/// When the store cannot be opened or written.
pub async fn fill(data: &Path, each: usize) -> anyhow::Result<String> {
    let config = Config { deadline: DEADLINE, ..Config::new(data) };
    let store = tokio::task::spawn_blocking(move || EmbeddedStore::open(config)).await??;
    let begin = Instant::now();
    let (utility, version) = template(&store).await?;
    for tenant in 1..TENANTS {
        let scope = TenantScope::for_system(TenantId::parse("tenant", &format!("tenant-{tenant:02}"))?);
        let write = |number: usize| write(&store, &scope, &utility, &version, number);
        futures_util::stream::iter(0..each).map(write).buffer_unordered(IN_FLIGHT).try_collect::<()>().await?;
    }
    let (count, seconds) = ((TENANTS - 1) * each, begin.elapsed().as_secs_f64());
    store.close().await?;
    let bytes: u64 = std::fs::read_dir(data)?.flatten().filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum();
    let (rate, gigabytes) = (count as f64 / seconds, bytes as f64 / 1e9);
    Ok(format!("Growing to {TENANTS} tenants of {each}: {rate:.0} commits a second through the store, {gigabytes:.1} GB on the disk."))
}

/// A utility as the server stored it, with its version.
async fn template(store: &EmbeddedStore) -> anyhow::Result<(Utility, Version)> {
    let scope = TenantScope::for_system(TenantId::parse("tenant", FIRST)?);
    let query = UtilityQuery { id_prefix: Some("bench-".to_owned()), ..UtilityQuery::default() };
    let page = store.list(&scope, &query, &PageRequest { size: 1, after: None }).await?.open_for_system();
    let one = page.iter().flat_map(|page| &page.items).next().context("the first tenant has utilities")?;
    store.find_current(&scope, &one.name.utility).await?.open_for_system().context("a listed utility exists")
}

async fn write(store: &EmbeddedStore, scope: &TenantScope, utility: &Utility, version: &Version, number: usize) -> anyhow::Result<()> {
    let mut utility = utility.clone();
    utility.name.tenant = scope.tenant().clone();
    utility.name.utility = UtilityId::parse("utility", &format!("bench-{number:06}"))?;
    utility.metadata.tags = vec![format!("tag-{}", number % TAGS)];
    let (expected, occasion, new_version) = (Expected::Absent, Occasion::Create, Some(version.clone()));
    let change = UtilityChange { expected, occasion, utility, new_version, request: None };
    let committed = store.commit(scope, change).await?;
    anyhow::ensure!(matches!(committed, Committed::Stored), "a utility was there already");
    Ok(())
}
