//! Telling of changes: what the server with the lease sees of services and integrations is compared with what was told last, by whichever server,
//! and what differs is stored together with its events.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};

use crate::error::Result;
use crate::lease::Fence;
use crate::name::TenantId;
use crate::process::{Declared, IntegrationView, Platforms, ServiceStatus, Sighting};

/// How long changes are gathered before they are looked at: what is told is told within a second.
const GATHER: Duration = Duration::from_millis(500);
/// How often it is looked at without news, against what is stored: what a revision came to is stored behind what the engine tells of it, and
/// a server that lost the lease amid a write may have told something last.
const LOOK_ANEW: Duration = Duration::from_secs(10);

impl Platforms {
    /// Tells for as long as this server has the lease, whenever it has.
    pub(super) async fn tell_forever(&self) {
        loop {
            if let Some(fence) = self.ports.tenure.fence() {
                // An engine or a store that does not answer is asked again, and what was not told is told then.
                let _again = self.tell_under(&fence).await;
            }
            self.ports.clock.sleep(GATHER).await;
        }
    }

    async fn tell_under(&self, fence: &Fence) -> Result<()> {
        let (mut told, mut read) = (self.told().await?, self.ports.clock.now());
        let mut feed = self.ports.platform.watch(None).await?;
        let mut is_news = true;
        while self.ports.tenure.is_held_by(fence) {
            // What it says is looked at anew: a feed may lag behind, and knows nothing of integrations.
            while let Some(next) = feed.next().now_or_never() {
                if next.is_none() {
                    return Ok(());
                }
                is_news = true;
            }
            let now = self.ports.clock.now();
            if now.since(read) >= LOOK_ANEW {
                (told, read, is_news) = (self.told().await?, now, true);
            }
            if std::mem::take(&mut is_news) {
                self.tell_changes(fence, &mut told).await?;
            }
            self.ports.clock.sleep(GATHER).await;
        }
        Ok(())
    }

    async fn told(&self) -> Result<BTreeMap<String, Sighting>> {
        Ok(self.ports.repository.told().await?.into_iter().map(by_subject).collect())
    }

    async fn tell_changes(&self, fence: &Fence, told: &mut BTreeMap<String, Sighting>) -> Result<()> {
        let Some(in_force) = self.in_force().await? else { return Ok(()) };
        let revision = in_force.desired.revision;
        let (declared, statuses) = self.observed(Some(&in_force)).await?;
        let seen = sightings(&declared, &statuses, revision);
        let gone = told.values().filter(|before| !seen.contains_key(&before.subject)).cloned().map(|before| before.removed(revision));
        for sighting in gone.collect::<Vec<_>>().into_iter().chain(seen.into_values()) {
            if told.get(&sighting.subject).is_some_and(|before| sighting.says_the_same_as(before)) {
                continue;
            }
            // The store does not compare the fence: what was seen under a lease that is over may be old by now.
            if !self.ports.tenure.is_held_by(fence) {
                return Ok(());
            }
            self.ports.repository.tell(&sighting, self.ports.clock.now()).await?;
            if sighting.is_removal() {
                told.remove(&sighting.subject);
            } else {
                told.insert(sighting.subject.clone(), sighting);
            }
        }
        Ok(())
    }
}

/// How everything is that a manifest declares, by subject. What only runs, and is on its way out, is not among it: it is told of as removed at
/// once.
fn sightings(declared: &Declared, statuses: &[ServiceStatus], revision: u64) -> BTreeMap<String, Sighting> {
    let status = |name: &str| statuses.iter().find(|status| status.name == name);
    let services = declared.services.iter().filter_map(|service| {
        let status = status(&service.name)?;
        Some(Sighting::of_service(&service.name, status.state.as_str(), status.has_given_up, revision))
    });
    let integrations = declared.integrations.iter().filter_map(|one| {
        // A manifest may name a tenant that none can be.
        let tenant = TenantId::parse("tenant_code", &one.tenant_code).ok()?;
        let has_given_up = status(&one.runs_as).is_some_and(|status| status.has_given_up);
        let state = IntegrationView::of(one.clone(), Some(statuses)).state;
        Some(Sighting::of_integration(&tenant, one.integration_id, state.as_str(), has_given_up, revision))
    });
    services.chain(integrations).map(by_subject).collect()
}

fn by_subject(sighting: Sighting) -> (String, Sighting) {
    (sighting.subject.clone(), sighting)
}
