//! Whether everything that is wanted is well, where nothing is left to do: what was started by somebody who was killed is waited for.

use process::manifest::Manifest;
use process::observed::State;
use process::service::Condition;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::applier::{Applier, Halt, POLL};
use crate::sight::{Seen, Sight};

// === impl Applier ===

impl Applier {
    /// Waits until no replica of a manifest starts any more. Answers whether all are well; where one is not, a plan says what to do.
    pub(super) async fn settled(&self, manifest: &Manifest, let_go: &CancellationToken) -> Result<bool, Halt> {
        let begun = Instant::now();
        loop {
            let sight = self.look().await?;
            let mut starting = starting(manifest, &sight);
            let Some((service, seen)) = starting.next() else { return Ok(is_well(manifest, &sight)) };
            let limit = self.limit(service, Condition::Healthy);
            if begun.elapsed() >= limit {
                let text = process::quantity::duration_text(limit);
                return Err(self.failure_with(service, seen, format!("it was not healthy within {text}")).await);
            }
            if let_go.is_cancelled() {
                return Err(Halt::LetGo);
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

fn starting<'s>(manifest: &'s Manifest, sight: &'s Sight) -> impl Iterator<Item = (&'s process::service::Service, &'s Seen)> {
    let completing = manifest.completing();
    let running = manifest.services.iter().filter(move |service| !service.ends(completing.contains(service.name.as_str())));
    running.flat_map(|service| sight.of(&service.name).filter(|seen| seen.state == Some(State::Starting)).map(move |seen| (service, seen)))
}

/// Whether nothing has fallen over while the last ones started.
fn is_well(manifest: &Manifest, sight: &Sight) -> bool {
    process::plan::plan(manifest, &sight.observed()).is_empty()
}
